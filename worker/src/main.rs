//! The confirmation worker. All it needs to know stands in the environment; see the README.

use shared::{settings::Env, stop::Stop, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut env = Env::of_process();
    telemetry::start(env.text("RUST_LOG")).map_err(anyhow::Error::msg)?;
    let settings = worker::Settings::read(&mut env);
    let settings = env.finish(settings)?;
    let stop = Stop::new();
    stop.on_signals()?;
    let listener = tokio::net::TcpListener::bind(settings.addr).await.map_err(|error| {
        anyhow::anyhow!("WORKER_ADDR {}: {error}; another program may be using the port", settings.addr)
    })?;
    worker::run(settings, listener, stop).await
}
