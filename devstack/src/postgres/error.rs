//! Everything that can go wrong on the way to a running server, each as one sentence for the person at the terminal.

use std::io;
use std::path::PathBuf;

/// Why there is no server, or why it did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing suitable on this machine, and the download failed.
    #[error(
        "no PostgreSQL {oldest} or newer was found here ({looked}), and it could not be downloaded: {download}\n\
         Install it, then run the same command again:\n\
         \x20 Debian, Ubuntu   sudo apt-get install postgresql\n\
         \x20 Fedora           sudo dnf install postgresql-server\n\
         \x20 macOS            brew install postgresql@17\n\
         Or set DATABASE_URL to the address of a server you already have."
    )]
    NotFound {
        /// The oldest major version we accept.
        oldest: u32,
        /// Where we looked, and what was refused there and why.
        looked: String,
        /// Why the download failed.
        download: String,
    },
    /// The port that was asked for belongs to another program.
    #[error("port {port} is taken by another program: stop that program or choose another port")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// A live process uses this folder.
    #[error("another stack runs on {} (pid {pid}): stop it first", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process that holds it.
        pid: String,
    },
    /// The folder is not ours, so what stands in it cannot be trusted.
    #[error("{} is not a folder of the account that runs this: remove it or choose another one", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// The data was made by another major version, which this one cannot read.
    #[error(
        "the database in {} was made by PostgreSQL {data} and this is PostgreSQL {program}: \
         remove that folder to begin with an empty database", folder.display()
    )]
    OtherVersion {
        /// The folder.
        folder: PathBuf,
        /// The major version that made the data.
        data: String,
        /// The major version that was found.
        program: u32,
    },
    /// We are root, and there is nobody else to be.
    #[error("PostgreSQL refuses to run as root, and neither `postgres` nor `nobody` is in /etc/passwd")]
    NoAccount,
    /// We are root, and the other account can enter neither the folder nor the system's temporary one.
    #[error("the account {account} cannot enter {}", folder.display())]
    Closed {
        /// The account that would run PostgreSQL.
        account: String,
        /// The folder.
        folder: PathBuf,
    },
    /// `initdb` failed.
    #[error("initdb failed or took too long; it said\n{log_tail}")]
    Initdb {
        /// The last lines it printed.
        log_tail: String,
    },
    /// The server ended, or did not accept connections in time.
    #[error("PostgreSQL did not start: {reason}; its log {} ends with\n{log_tail}", log.display())]
    NotStarted {
        /// What we saw.
        reason: String,
        /// The server's log file.
        log: PathBuf,
        /// Its last lines.
        log_tail: String,
    },
    /// The server outlived the whole ladder of signals.
    #[error("PostgreSQL did not stop within {seconds} s")]
    NotStopped {
        /// The limit.
        seconds: u64,
    },
    /// An administrative statement failed.
    #[error("could not {doing}")]
    Sql {
        /// What was tried.
        doing: String,
        /// What the database or the connection said.
        #[source]
        source: sqlx::Error,
    },
    /// The operating system refused something.
    #[error("could not {doing}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: names what was tried, and only if it failed.
    pub(super) fn io(doing: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing: doing.to_string(), source }
    }
}
