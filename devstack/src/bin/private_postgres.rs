//! `private_postgres [folder]`: one private PostgreSQL and nothing else, until Ctrl-C.
//!
//! Prints its address on standard output and what it does on standard error. For `psql`, for `cargo sqlx prepare`, and
//! for the tests that kill a server's parent. Without a folder the data is gone at the end.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use devstack::postgres::{Installation, Options, Place, Progress, Search, Server, kept_folder};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let progress: Progress = Arc::new(|step| eprintln!("{step}"));
    let place = std::env::args_os().nth(1).map_or(Place::Temporary, |folder| Place::Persistent(PathBuf::from(folder)));
    let mut terminate = signal(SignalKind::terminate())?;
    let installation = Installation::find(&Search::on_this_machine(kept_folder()), &progress).await?;
    let server = Server::start(Options { progress, ..Options::new(installation, place) }).await?;
    writeln!(std::io::stdout(), "{}", server.url("postgres"))?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    server.stop().await?;
    Ok(())
}
