//! The shell that starts a program of PostgreSQL and ends it with us.
//!
//! Rust's standard library cannot ask the system to signal a child when its parent dies, and code that runs after
//! `kill -9` must live in another process anyway. That process is `watcher.sh`. We hold its standard input: signals for
//! the program are words written there, and closing it, on purpose or by dying, ends everything. The shell is the
//! program's parent, so it knows when the program's number is no longer the program's.

use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::Error;
use super::owner::Owner;

/// Above the three times ten seconds of `watcher.sh`.
const END_LIMIT: Duration = Duration::from_secs(40);

/// The shell of a running program. Dropping it begins what [`Watcher::stop`] does, without waiting.
pub(super) struct Watcher {
    shell: Child,
    lifeline: ChildStdin,
}

impl Watcher {
    /// Starts a program, with what it and the shell print going to `log`. The folder `remove` is deleted at [`stop`],
    /// or when we are gone, but not when the program ends by itself or by a signal we sent.
    ///
    /// [`stop`]: Watcher::stop
    pub(super) fn start(owner: &Owner, program: &Command, log: &File, remove: Option<&Path>) -> Result<Self, Error> {
        let mut shell = owner.command("/bin/sh");
        shell.args(["-c", include_str!("watcher.sh"), "hanbeon-postgres"]).arg(remove.unwrap_or(Path::new("")));
        shell.arg(program.as_std().get_program()).args(program.as_std().get_args());
        let mut spawn = || {
            let mut shell = shell.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?).spawn()?;
            let lifeline = shell.stdin.take().ok_or_else(|| std::io::Error::other("no pipe to /bin/sh"))?;
            Ok(Self { shell, lifeline })
        };
        spawn().map_err(Error::io("start PostgreSQL through /bin/sh"))
    }

    /// Whether the program has ended.
    pub(super) fn has_ended(&mut self) -> Result<bool, Error> {
        let status = self.shell.try_wait().map_err(Error::io("look after PostgreSQL"))?;
        Ok(status.is_some())
    }

    /// Waits for a program that ends by itself.
    pub(super) async fn succeeds_within(mut self, limit: Duration) -> Result<bool, Error> {
        let status = ended(&mut self.shell, limit).await?;
        Ok(status.is_some_and(|status| status.success()))
    }

    /// Sends a signal that ends the program and waits until it has.
    pub(super) async fn end_by(mut self, signal: &str) -> Result<(), Error> {
        // A write that fails means that the shell has ended, and the program before it: there is nothing to wait for.
        let _ = self.lifeline.write_all(format!("{signal}\n").as_bytes()).await;
        must_end(&mut self.shell).await
    }

    /// Ends the program by an orderly fast shutdown, and by harder means if that takes long.
    pub(super) async fn stop(self) -> Result<(), Error> {
        let Self { mut shell, lifeline } = self;
        drop(lifeline);
        must_end(&mut shell).await
    }
}

async fn must_end(shell: &mut Child) -> Result<(), Error> {
    let status = ended(shell, END_LIMIT).await?;
    status.map(|_| ()).ok_or(Error::NotStopped { seconds: END_LIMIT.as_secs() })
}

async fn ended(shell: &mut Child, limit: Duration) -> Result<Option<ExitStatus>, Error> {
    timeout(limit, shell.wait()).await.ok().transpose().map_err(Error::io("wait for PostgreSQL"))
}
