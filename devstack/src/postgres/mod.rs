//! A private PostgreSQL: found on this machine or downloaded, started for us, stopped with us.
//!
//! [`Installation::find`] looks for the server programs and [`Server::start`] runs one server on a folder of its own,
//! on loopback only, behind a random password. Whatever happens to this process, also `kill -9`, the server ends with
//! it: a small shell holds the other end of a pipe and stops the server when the pipe closes (`watcher.sh`).
//!
//! Reading order: [`Installation`] (`installation`, `download`), `owner` (which account runs the programs, since
//! PostgreSQL refuses to be root), `folder` and `cluster` (what stands on disk), `watcher`, [`Server`].
//!
//! Left out: a server somebody else runs. Who has a `DATABASE_URL` does not need this module.

mod cluster;
mod download;
mod error;
mod folder;
mod installation;
mod owner;
mod server;
mod watcher;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use cluster::Place;
pub use error::Error;
pub use installation::{Installation, Search};
pub use server::{Durability, Options, Server};

/// Where the caller hears of each [`Step`]; called from the task that finds or starts, so it should be quick.
pub type Progress = Arc<dyn Fn(Step) + Send + Sync>;

/// What is happening, worth one line to somebody who waits. Its `Display` is that line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The server programs stand in this folder.
    Found {
        /// As the program says it, such as `15.18`.
        version: String,
        /// The folder of `initdb` and `postgres`.
        bin: PathBuf,
    },
    /// No programs here: they are being fetched, once.
    Downloading {
        /// The release that was chosen.
        version: String,
    },
    /// We are root and the account that runs PostgreSQL cannot enter the folder, so another one is used.
    Moved {
        /// The folder that was asked for.
        from: PathBuf,
        /// The folder that is used.
        to: PathBuf,
        /// The account that runs PostgreSQL.
        account: String,
    },
    /// The server of an earlier run, whose parent was killed, is still ending.
    Waiting {
        /// Its process.
        pid: i32,
    },
    /// A new, empty database cluster is being made.
    Initialising {
        /// Where it will live.
        folder: PathBuf,
    },
    /// The server accepts connections.
    Ready {
        /// On 127.0.0.1.
        port: u16,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { version, bin } => write!(f, "PostgreSQL {version} found in {}", bin.display()),
            Self::Downloading { version } => write!(f, "downloading PostgreSQL {version}, once; this may take minutes"),
            Self::Moved { from, to, account } => {
                write!(f, "the account {account} cannot enter {}, using {}", from.display(), to.display())
            }
            Self::Waiting { pid } => write!(f, "waiting for the server of an earlier run (pid {pid}) to end"),
            Self::Initialising { folder } => write!(f, "initialising a database in {}", folder.display()),
            Self::Ready { port } => write!(f, "PostgreSQL is ready on port {port}"),
        }
    }
}

/// The folder for what we keep between runs: `hanbeon` in the build's own folder (`target`), which every checkout has
/// to itself and which `cargo clean` empties; in the system's temporary folder when this program was copied elsewhere.
pub fn kept_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    // Cargo marks its build folder with this file, whatever the folder is called.
    let build = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    build.map_or_else(std::env::temp_dir, PathBuf::from).join("hanbeon")
}
