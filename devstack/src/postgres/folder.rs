//! Folders that only we, and the account that runs PostgreSQL, may write to.
//!
//! A folder's name can be guessed by other users of the machine, and under the system's temporary folder anybody may
//! create it before us. So an existing one is used only if it is a real folder, not a link, and belongs to us. When we
//! are root it stays root's, so that the account that runs PostgreSQL cannot put a link where root will write.

use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::owner::Owner;
use super::{Error, Progress, Step};

/// Creates the folder or takes the existing one, at `wanted` if the owner can enter there, else under the system's
/// temporary folder with a name that is the same in every run.
pub(super) async fn keep(wanted: &Path, owner: &Owner, progress: &Progress) -> Result<PathBuf, Error> {
    let wanted = std::path::absolute(wanted).map_err(Error::io(format_args!("resolve {}", wanted.display())))?;
    let Owner::Other(account) = owner else {
        claim(&wanted, 0o700)?;
        return Ok(wanted);
    };
    claim(&wanted, 0o755)?;
    if owner.can_enter(&wanted).await {
        return Ok(wanted);
    }
    // Only an empty one is removed; it is merely a trace of the attempt.
    let _ = fs::remove_dir(&wanted);
    let moved = stand_in(&wanted);
    claim(&moved, 0o755)?;
    if !owner.can_enter(&moved).await {
        return Err(Error::Closed { account: account.name.clone(), folder: moved });
    }
    progress(Step::Moved { from: wanted, to: moved.clone(), account: account.name.clone() });
    Ok(moved)
}

/// A folder nobody had before.
pub(super) fn fresh() -> Result<PathBuf, Error> {
    let folder = env::temp_dir().join(format!("hanbeon-{:032x}", rand::random::<u128>()));
    create(&folder, 0o700).map_err(Error::io(format_args!("create {}", folder.display())))?;
    Ok(folder)
}

/// Removes a folder made by [`fresh`]. Nothing can be done about a failure: the system empties its temporary folder in
/// its own time.
pub(super) fn remove(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
}

fn create(folder: &Path, mode: u32) -> std::io::Result<()> {
    fs::DirBuilder::new().mode(mode).create(folder)
}

fn claim(folder: &Path, mode: u32) -> Result<(), Error> {
    let doing = || format!("create {}", folder.display());
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(Error::io(doing()))?;
    }
    match create(folder, mode) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => created.map_err(Error::io(doing()))?,
    }
    let found = fs::symlink_metadata(folder).map_err(Error::io(doing()))?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::Foreign { folder: folder.to_owned() });
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).map_err(Error::io(doing()))
}

/// The name is a hash (FNV-1a) of the whole path: the standard hasher may change between releases of Rust, and then
/// the data would seem lost.
fn stand_in(wanted: &Path) -> PathBuf {
    let hash = wanted
        .as_os_str()
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    env::temp_dir().join(format!("hanbeon-{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_link_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        let planted = outer.path().join("planted");
        std::os::unix::fs::symlink(outer.path(), &planted).unwrap();
        assert!(matches!(claim(&planted, 0o700), Err(Error::Foreign { .. })));
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        // The root folder belongs to root; when we are root, a folder is given away to have a foreign one.
        let outer = tempfile::tempdir().unwrap();
        let foreign = match Owner::detect().unwrap() {
            Owner::Ourselves => PathBuf::from("/"),
            other @ Owner::Other(_) => {
                other.give(outer.path()).unwrap();
                outer.path().to_owned()
            }
        };
        assert!(matches!(claim(&foreign, 0o700), Err(Error::Foreign { .. })));
    }

    #[test]
    fn the_stand_in_of_a_path_never_changes() {
        let name = |path| stand_in(Path::new(path)).file_name().unwrap().to_owned();
        assert_eq!(name(""), "hanbeon-cbf29ce484222325");
        assert_eq!(name("a"), "hanbeon-af63dc4c8601ec8c", "as the algorithm's published test vectors say");
    }
}
