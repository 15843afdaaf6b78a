//! The confirmation worker; `worker webhooks replay` has webhooks looked at again and exits. All it needs to know stands in
//! the environment; see the README.

use shared::{limits, settings::Env, stop::Stop, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let env = Env::of_process();
    telemetry::start(env.text("RUST_LOG")).map_err(anyhow::Error::msg)?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => work(env).await,
        ["webhooks", "replay", which @ ..] => replay(env, which).await,
        [other, ..] => anyhow::bail!("there is no subcommand {other:?}; the only one is `webhooks replay`"),
    }
}

async fn work(mut env: Env) -> anyhow::Result<()> {
    let settings = worker::Settings::read(&mut env);
    let settings = env.finish(settings)?;
    limits::allow_connections(settings.concurrency.into()); // a call to Toss is a connection
    let stop = Stop::new();
    stop.on_signals()?;
    let listener = tokio::net::TcpListener::bind(settings.addr).await.map_err(|error| {
        anyhow::anyhow!("WORKER_ADDR {}: {error}; another program may be using the port", settings.addr)
    })?;
    worker::run(settings, listener, stop).await
}

async fn replay(mut env: Env, which: &[&str]) -> anyhow::Result<()> {
    let which = worker::read_replay(which)?;
    let url = env.required_secret("DATABASE_URL");
    let url = env.finish(Some(url))?;
    let webhooks = worker::replay(&url, &which).await?;
    tracing::info!(webhooks, "looked at again by the workers");
    Ok(())
}
