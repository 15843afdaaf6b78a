//! `api` serves; `api migrate` brings the schema up to date and exits; `api hash-password` reads a password from its input
//! and prints what `OPERATOR_PASSWORD_HASH` takes.

use std::time::Duration;

use anyhow::Context;
use api::Settings;
use shared::{
    limits,
    schema::{self, Migrated},
    settings::Env,
    stop::Stop,
    telemetry,
};
use tokio::net::TcpListener;

/// Requests in hand get this long after a stop was asked for. Those that wait for a decision are answered at once.
const GRACE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let env = Env::of_process();
    telemetry::start(env.text("RUST_LOG")).map_err(anyhow::Error::msg)?;
    match std::env::args().nth(1).as_deref() {
        None => serve(env).await,
        Some("migrate") => migrate(env).await,
        Some("hash-password") => hash_password(),
        Some(other) => anyhow::bail!("there is no subcommand {other:?}; there are `migrate` and `hash-password`"),
    }
}

async fn serve(mut env: Env) -> anyhow::Result<()> {
    let settings = Settings::read(&mut env);
    let settings = env.finish(settings)?;
    tracing::info!(?settings, "starting");
    limits::allow_connections(settings.connections());
    let stop = Stop::new();
    stop.on_signals().context("listen for signals")?;
    let listener = TcpListener::bind(settings.addr).await.with_context(|| format!("bind {}", settings.addr))?;
    let result = api::run(settings, listener, stop.clone()).await;
    if !stop.finish(GRACE).await {
        tracing::warn!("some requests did not end in time and were let go");
    }
    result
}

async fn migrate(mut env: Env) -> anyhow::Result<()> {
    let url = env.required_secret("DATABASE_URL");
    let url = env.finish(Some(url))?;
    match schema::migrate(&url).await.context("migrate")? {
        Migrated::UpToDate => tracing::info!("the schema is up to date"),
        Migrated::NewerThanThisBuild => tracing::warn!("the schema is newer than this build; nothing was changed"),
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what it was asked for")]
fn hash_password() -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("read the password")?;
    let hash = api::hash_password(line.trim_end_matches(['\r', '\n'])).map_err(anyhow::Error::msg)?;
    println!("{hash}");
    Ok(())
}
