//! The shell that starts the server and ends it with us.
//!
//! Rust's standard library cannot ask the system to signal a child when its parent dies, and code that runs after
//! `kill -9` must live in another process anyway. That process is `watcher.sh`. We hold its standard input: signals for
//! the server are words written there, and closing it, on purpose or by dying, ends everything. Since the shell is the
//! server's parent, no signal can reach a process that merely inherited the server's number.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::Error;
use super::owner::Owner;

/// Above the three times ten seconds of `watcher.sh`.
const END_LIMIT: Duration = Duration::from_secs(40);

/// A running server's shell. Dropping it begins the fast shutdown without waiting for it.
pub(super) struct Watcher {
    shell: Child,
    lifeline: ChildStdin,
}

impl Watcher {
    /// Starts `server` under a watcher, both writing to `log`; `remove` is deleted when we are gone or [`Self::stop`].
    pub(super) fn start(owner: &Owner, server: &Command, log: &File, remove: Option<&Path>) -> Result<Self, Error> {
        let mut shell = owner.command("/bin/sh");
        shell.args(["-c", include_str!("watcher.sh"), "hanbeon-postgres"]).arg(remove.unwrap_or(Path::new("")));
        shell.arg(server.as_std().get_program()).args(server.as_std().get_args());
        let spawn = || {
            let mut shell = shell.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?).spawn()?;
            let lifeline = shell.stdin.take().ok_or_else(|| std::io::Error::other("no pipe to /bin/sh"))?;
            Ok(Self { shell, lifeline })
        };
        spawn().map_err(Error::io("start PostgreSQL through /bin/sh"))
    }

    /// Whether the server has ended; how is in its log.
    pub(super) fn has_ended(&mut self) -> Result<bool, Error> {
        let status = self.shell.try_wait().map_err(Error::io("look after PostgreSQL"))?;
        Ok(status.is_some())
    }

    /// Sends a signal that ends the server, waits until it has, and keeps the folder.
    pub(super) async fn end_by(mut self, signal: &str) -> Result<(), Error> {
        // A write that fails means that the shell has ended, and the server before it: then there is nothing to wait for.
        let _ = self.lifeline.write_all(format!("{signal}\n").as_bytes()).await;
        ended(&mut self.shell).await
    }

    /// Ends the server by an orderly fast shutdown, and by harder means if that takes long; removes the folder if it
    /// was to be removed.
    pub(super) async fn stop(self) -> Result<(), Error> {
        let Self { mut shell, lifeline } = self;
        drop(lifeline);
        ended(&mut shell).await
    }
}

async fn ended(shell: &mut Child) -> Result<(), Error> {
    let status = timeout(END_LIMIT, shell.wait()).await;
    status
        .map_err(|_| Error::NotStopped { seconds: END_LIMIT.as_secs() })?
        .map_err(Error::io("wait for PostgreSQL"))?;
    Ok(())
}
