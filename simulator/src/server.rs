//! Connections: accepting them, hanging up on them, and stopping.
//!
//! The simulator talks to hyper itself because it must be able to close a connection without a word, which no response
//! can express: a handler returns [`hang_up`], and the connection's service fails on it. Every connection is a tracked
//! task, and a stop waits for all of them, but never longer than [`GRACE`].

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::rules::Rules;
use crate::rules_file::{self, RulesFileError};
use crate::settings::{Settings, SettingsError};
use crate::{Simulator, changes, courier, routes};

/// How long answers under way may take to leave after a stop. Whatever waits on purpose does not use it.
const GRACE: Duration = Duration::from_secs(2);
/// A pause after a failed accept, most likely for want of file handles, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the settings are not usable")]
    Settings(#[from] SettingsError),
    #[error("webhooks cannot be sent")]
    Webhooks(#[source] reqwest::Error),
    #[error("the rules are not usable")]
    RulesFile(#[from] RulesFileError),
    #[error("the listener has no address")]
    Listener(#[source] io::Error),
}

/// Serves on `listener` until `stop` is cancelled, then returns within a few seconds, held requests or not.
pub async fn serve(listener: TcpListener, settings: Settings, stop: CancellationToken) -> Result<(), Error> {
    settings.check()?;
    let addr = listener.local_addr().map_err(Error::Listener)?;
    let rules = match &settings.rules_file {
        Some(path) => rules_file::read(path).await?,
        None => Rules::default(),
    };
    let simulator = Arc::new(Simulator::new(&settings, rules, addr, stop.clone()));
    let tasks = simulator.tasks.clone();
    tasks.spawn(courier::carry(Arc::clone(&simulator), courier::client().map_err(Error::Webhooks)?));
    tasks.spawn(changes::watch_the_clock(Arc::clone(&simulator)));
    let app = routes(simulator);
    tracing::info!(%addr, "the simulator answers");
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(talk(stream, app.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
    tracing::info!("the simulator has stopped");
    Ok(())
}

/// The answer that is none: the connection closes without a byte.
pub(crate) fn hang_up() -> Response {
    let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
    response.extensions_mut().insert(HangUp);
    response
}

#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("hung up on purpose")]
struct HangUp;

async fn talk(stream: TcpStream, app: Router, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small answers may be delayed");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| answer(app.clone(), request));
    let mut connection = std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(mut app: Router, request: hyper::Request<Incoming>) -> Result<Response, HangUp> {
    let response: Result<Response, Infallible> = app.call(request).await;
    match response {
        Ok(response) => match response.extensions().get::<HangUp>() {
            Some(hang_up) => Err(*hang_up),
            None => Ok(response),
        },
        Err(never) => match never {},
    }
}
