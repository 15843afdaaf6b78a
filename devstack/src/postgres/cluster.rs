//! One database cluster on disk, ready to be served.
//!
//! Its folder holds `data` (PostgreSQL's own), `password`, `port` (the last one used), `server.log` (of this run) and
//! `lock`. The lock is held while the cluster is open and the system frees it however we end, so two stacks never share
//! a folder. `data` appears under its name only when `initdb` has succeeded: an interrupted one is simply done again.
//!
//! Every login needs the password. Loopback is open to all users of the machine, so trusting it would let them in; the
//! password is random, is on no command line, and stands in a file that only its owner can read.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};

use super::owner::Owner;
use super::watcher::Watcher;
use super::{Durability, Error, Installation, Progress, Step, folder};

/// The only account in the cluster, and its superuser.
pub(super) const SUPERUSER: &str = "hanbeon";

/// A slow disk that syncs every file of a new cluster needs seconds, not minutes.
const INITDB_LIMIT: Duration = Duration::from_mins(2);

/// The watcher of a killed parent takes thirty seconds at most.
const LEFTOVER_LIMIT: Duration = Duration::from_secs(35);

/// A server that shuts down may have closed its port already; a program that only took over its number never opens it.
const SILENT_LIMIT: Duration = Duration::from_secs(3);

/// How much of the log an error shows.
const LOG_TAIL_LINES: usize = 15;

/// Where a server keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this folder, which survives restarts; so do the password and, if it is still free, the port.
    Persistent(PathBuf),
    /// In a new folder, which is removed when the server stops or its parent dies.
    Temporary,
}

pub(super) struct Cluster {
    folder: PathBuf,
    temporary: bool,
    password: String,
    log: File,
    _lock: File,
}

impl Cluster {
    /// Takes the folder for us alone, and makes the cluster if there is none.
    pub(super) async fn open(
        place: &Place,
        owner: &Owner,
        installation: &Installation,
        durability: Durability,
        progress: &Progress,
    ) -> Result<Self, Error> {
        match place {
            Place::Persistent(path) => {
                let folder = folder::keep(path, owner, progress).await?;
                Self::open_in(folder, false, owner, installation, durability, progress).await
            }
            Place::Temporary => {
                let folder = folder::fresh()?;
                let opened = Self::open_in(folder.clone(), true, owner, installation, durability, progress).await;
                opened.inspect_err(|_| folder::remove(&folder))
            }
        }
    }

    async fn open_in(
        folder: PathBuf,
        temporary: bool,
        owner: &Owner,
        installation: &Installation,
        durability: Durability,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let lock = lock(&folder)?;
        let log = private(OpenOptions::new().read(true).append(true), &folder.join("server.log"))?;
        log.set_len(0).map_err(Error::io("empty the server's log"))?;
        let mut cluster = Self { folder, temporary, password: String::new(), log, _lock: lock };
        end_leftover(&cluster.folder, &cluster.data(), progress).await?;
        if !cluster.data().join("PG_VERSION").is_file() {
            progress(Step::Initialising { folder: cluster.folder.clone() });
            cluster.initialise(owner, installation, durability).await?;
        }
        cluster.check_version(installation)?;
        cluster.password =
            fs::read_to_string(cluster.password_file()).map_err(Error::io("read the database's password"))?;
        Ok(cluster)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    pub(super) fn log(&self) -> &File {
        &self.log
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// What the log says from a position on, at most the last lines of it.
    pub(super) fn log_tail(&self, from: u64) -> String {
        let mut text = Vec::new();
        // A log that cannot be read must not hide the error it was to explain.
        let _ = (&self.log).seek(SeekFrom::Start(from)).and_then(|_| (&self.log).read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }

    pub(super) fn log_length(&self) -> u64 {
        self.log.metadata().map_or(0, |metadata| metadata.len())
    }

    /// The folder, if it is to vanish with the server.
    pub(super) fn temporary_folder(&self) -> Option<&Path> {
        self.temporary.then_some(self.folder.as_path())
    }

    pub(super) fn last_port(&self) -> Option<u16> {
        fs::read_to_string(self.folder.join("port")).ok()?.trim().parse().ok()
    }

    pub(super) fn remember_port(&self, port: u16) -> Result<(), Error> {
        if self.temporary {
            return Ok(());
        }
        fs::write(self.folder.join("port"), format!("{port}\n")).map_err(Error::io("remember the port"))
    }

    fn password_file(&self) -> PathBuf {
        self.folder.join("password")
    }

    async fn initialise(
        &self,
        owner: &Owner,
        installation: &Installation,
        durability: Durability,
    ) -> Result<(), Error> {
        let unfinished = self.folder.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(Error::io("remove an unfinished database"))?;
        }
        fs::DirBuilder::new().mode(0o700).create(&unfinished).map_err(Error::io("create the data folder"))?;
        owner.give(&unfinished)?;

        let mut password = private(OpenOptions::new().write(true).truncate(true), &self.password_file())?;
        write!(password, "{:032x}", rand::random::<u128>()).map_err(Error::io("write the password"))?;
        owner.give(&self.password_file())?;

        let mut initdb = owner.command(installation.bin().join("initdb"));
        initdb.args(["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-instructions"]);
        initdb.arg(format!("--username={SUPERUSER}")).arg("--pwfile").arg(self.password_file());
        initdb.arg("--pgdata").arg(&unfinished);
        if durability == Durability::ProcessCrash {
            initdb.arg("--no-sync");
        }
        if self.temporary {
            // The watcher, which runs as the owner, must be able to remove it. We write nothing there by name from now
            // on: what that account can replace by a link, root must not open for writing.
            owner.give(&self.folder)?;
        }
        // Under a watcher, so that it too ends with us and a temporary folder does not stay behind.
        let initdb = Watcher::start(owner, &initdb, &self.log, self.temporary_folder())?;
        if !initdb.succeeds_within(INITDB_LIMIT).await? {
            return Err(Error::Initdb { log_tail: self.log_tail(0) });
        }
        fs::rename(&unfinished, self.data()).map_err(Error::io("put the new database in place"))
    }

    fn check_version(&self, installation: &Installation) -> Result<(), Error> {
        let data = fs::read_to_string(self.data().join("PG_VERSION")).map_err(Error::io("read PG_VERSION"))?;
        let data = data.trim().to_owned();
        if data == installation.major().to_string() {
            return Ok(());
        }
        Err(Error::OtherVersion { folder: self.folder.clone(), data, program: installation.major() })
    }
}

/// A file only its owner can read.
fn private(options: &mut OpenOptions, path: &Path) -> Result<File, Error> {
    options.create(true).mode(0o600).open(path).map_err(Error::io(format_args!("open {}", path.display())))
}

fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let mut lock = private(OpenOptions::new().read(true).write(true), &path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The number only helps the reader; the refusal stands without it.
            let _ = lock.read_to_string(&mut pid);
            return Err(Error::InUse { folder: folder.to_owned(), pid: pid.trim().to_owned() });
        }
        Err(TryLockError::Error(error)) => return Err(Error::io(format_args!("lock {}", path.display()))(error)),
    }
    lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(Error::io("write the lock"))?;
    Ok(lock)
}

/// Waits until no server of an earlier run is left. We hold the lock, so its parent is dead: either its watcher is
/// ending it, or only its pid file remains, with a number that may be any program's by now. PostgreSQL itself replaces
/// the file of a dead process. One that names a live process it would respect, so we remove it when nothing serves its
/// port; if that were ever wrong, the shared memory of the older server would still make the new one refuse.
async fn end_leftover(folder: &Path, data: &Path, progress: &Progress) -> Result<(), Error> {
    let pid_file = data.join("postmaster.pid");
    let begun = Instant::now();
    let mut told = false;
    while let Some((pid, port)) = fs::read_to_string(&pid_file).ok().as_deref().and_then(parse_pid_file) {
        if test_kill_process(pid).is_err() {
            return Ok(());
        }
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let serves = TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        if serves && begun.elapsed() > LEFTOVER_LIMIT {
            return Err(Error::InUse { folder: folder.to_owned(), pid: pid.as_raw_pid().to_string() });
        }
        if !serves && begun.elapsed() > SILENT_LIMIT {
            return fs::remove_file(&pid_file).map_err(Error::io("remove a stale postmaster.pid"));
        }
        if !told {
            progress(Step::Waiting { pid: pid.as_raw_pid() });
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// The process on its first line and the port on its fourth, which is missing while a server is just starting.
fn parse_pid_file(text: &str) -> Option<(Pid, u16)> {
    let mut lines = text.lines();
    let pid = Pid::from_raw(lines.next()?.trim().parse().ok()?)?;
    let port = lines.nth(2).and_then(|line| line.trim().parse().ok()).unwrap_or(0);
    Some((pid, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_names_its_process_and_port() {
        let parsed = |text| parse_pid_file(text).map(|(pid, port)| (pid.as_raw_pid(), port));
        assert_eq!(parsed("4321\n/data\n1700000000\n25000\n\n127.0.0.1\n"), Some((4321, 25000)));
        assert_eq!(parsed("4321\n/data\n"), Some((4321, 0)));
        assert_eq!(parsed(""), None);
    }

    #[tokio::test]
    async fn a_pid_file_that_names_a_live_but_silent_process_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("postmaster.pid");
        fs::write(&pid_file, format!("{}\n/data\n1700000000\n", std::process::id())).unwrap();
        let progress: Progress = std::sync::Arc::new(|_| ());
        end_leftover(folder.path(), folder.path(), &progress).await.unwrap();
        assert!(!pid_file.exists());
    }
}
