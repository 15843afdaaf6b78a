//! The simulator as a program of its own: settings from the environment, log to stderr, Ctrl-C or SIGTERM stops it.

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let settings = simulator::Settings::from_env()?;
    let listener =
        TcpListener::bind(settings.addr).await.with_context(|| format!("cannot listen on {}", settings.addr))?;
    let mut terminated = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let serving = simulator::serve(listener, settings, stop.clone());
    let waiting = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        stop.cancel();
    };
    let (result, ()) = tokio::join!(serving, waiting);
    Ok(result?)
}
