//! The connections: HTTP/1.1 with limits that `axum::serve` does not have.
//!
//! A client that sends its headers drop by drop is cut off, and so are one that reads nothing and a connection nobody uses. After a stop was asked
//! for no connection is taken, open ones finish the request in hand and close, and [`Stop::finish`] waits for them.

use std::{pin::pin, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use shared::stop::Stop;
use tokio::net::{TcpListener, TcpStream};

use crate::{operator::Peer, patience::Patient};

/// From the first byte to the end of the headers, and the longest a connection may idle between requests.
const HEADERS_LIMIT: Duration = Duration::from_secs(30);
/// The longest that a client may read nothing of what there is for it.
const READ_LIMIT: Duration = Duration::from_secs(30);
/// More headers than this are not for us.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// After an accept that failed (mostly: no file descriptors left), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until the stop is asked for.
pub(crate) async fn serve(router: Router, listener: TcpListener, stop: &Stop) {
    loop {
        let accepted = tokio::select! {
            () = stop.requested() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => stop.spawn(connection(stream, Peer(peer.ip()), router.clone(), stop.clone())),
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: Peer, router: Router, stop: Stop) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let _ = stream.set_nodelay(true); // answers are small; losing this costs milliseconds
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_LIMIT)
            .max_buf_size(HEADER_BYTES_MAX)
            .serve_connection(Patient::new(TokioIo::new(stream), READ_LIMIT), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.requested() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = stop.forced() => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early"); // the client's doing
    }
}
