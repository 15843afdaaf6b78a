//! The parts of the system, each started in this process on a port of its own, by the same functions their binaries
//! call and from the same settings.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use shared::{settings::Env, stop::Stop};
use tokio::{net::TcpListener, sync::oneshot};

/// Longer than a worker needs to finish a call to Toss and write it down.
const STOP_GRACE: Duration = Duration::from_secs(75);

/// A part that runs. Dropping it leaves it running until the process ends.
pub struct Part {
    name: &'static str,
    addr: SocketAddr,
    stop: Stop,
    ended: oneshot::Receiver<anyhow::Result<()>>,
}

impl Part {
    async fn start<Run>(
        name: &'static str,
        addr: SocketAddr,
        run: impl FnOnce(TcpListener, Stop) -> Run,
    ) -> anyhow::Result<Self>
    where
        Run: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(addr).await.with_context(|| {
            let variable = format!("{}_ADDR", name.to_uppercase());
            format!("the {name} cannot listen on {addr}: is the port taken? Set {variable} to use another one")
        })?;
        let addr = listener.local_addr()?;
        let stop = Stop::new();
        let running = run(listener, stop.clone());
        let (sender, ended) = oneshot::channel();
        stop.spawn(async move {
            let result = running.await;
            if let Err(error) = &result {
                tracing::error!(part = name, error = format!("{error:#}"), "a part ended");
            }
            let _ = sender.send(result);
        });
        Ok(Self { name, addr, stop, ended })
    }

    pub async fn simulator(settings: simulator::Settings) -> anyhow::Result<Self> {
        let addr = settings.addr;
        Self::start("simulator", addr, |listener, stop| async move {
            Ok(simulator::serve(listener, settings, stop.token()).await?)
        })
        .await
    }

    pub async fn api(mut env: Env) -> anyhow::Result<Self> {
        let settings = api::Settings::read(&mut env);
        let settings = env.finish(settings)?;
        let addr = settings.addr;
        Self::start("api", addr, |listener, stop| api::run(settings, listener, stop)).await
    }

    pub async fn worker(mut env: Env) -> anyhow::Result<Self> {
        let settings = worker::Settings::read(&mut env);
        let settings = env.finish(settings)?;
        let addr = settings.addr;
        Self::start("worker", addr, |listener, stop| worker::run(settings, listener, stop)).await
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The part's address as the base of URLs, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Waits until the part ends by itself, which none should.
    pub async fn ended(&mut self) -> anyhow::Error {
        match (&mut self.ended).await {
            Ok(Err(error)) => error.context(format!("the {} ended", self.name)),
            Ok(Ok(())) => anyhow::anyhow!("the {} ended", self.name),
            Err(_) => anyhow::anyhow!("the {} panicked", self.name),
        }
    }

    /// To ask after the part, or to force it.
    pub fn handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Stops softly and waits until it is done.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.request();
        if !self.stop.finish(STOP_GRACE).await {
            anyhow::bail!("the {} did not stop within {} s", self.name, STOP_GRACE.as_secs());
        }
        self.ended.await.unwrap_or_else(|_| Err(anyhow::anyhow!("the {} panicked", self.name)))
    }
}
