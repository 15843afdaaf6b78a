//! What happens to every request, whatever it asks for: one log line, safe headers, a time limit, no panic.
//!
//! Logged are the method, the route, the status, the time, the order's number and who called as operator. Never logged are bodies and query
//! strings: they hold paymentKeys.

use std::{any::Any, time::Duration};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use shared::order::OrderNo;
use tokio::time::Instant;
use tracing::{Instrument, Span, field};

use crate::problem::Problem;

/// Above everything a request may take by itself: a wait of 30 s, and statements around it. Accepting twice is safe, so
/// a confirm that is cut off here is repeated without harm.
const REQUEST_LIMIT: Duration = Duration::from_secs(40);

/// What a page may load and do: our own style sheet and nothing else. Pages that need more say so themselves.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'";

pub(crate) async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        http.method = %request.method(),
        http.route = route,
        order.no = field::Empty,
        caller = field::Empty,
    );
    let response = next.run(request).instrument(span.clone()).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(http.status = response.status().as_u16(), duration_ms, "answered"));
    response
}

/// Puts the order's number on the request's log line.
pub(crate) fn note_order(order_no: OrderNo) {
    Span::current().record("order.no", field::display(order_no));
}

/// Puts the operator's name, or that it was the shop's server, on the request's log line.
pub(crate) fn note_caller(name: &str) {
    Span::current().record("caller", name);
}

pub(crate) async fn safe_headers(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Addresses of pages hold order numbers and paymentKeys.
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // As Toss asks for: its window must be able to talk to the page that opened it.
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin-allow-popups"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

pub(crate) async fn limit(request: Request, next: Next) -> Response {
    match tokio::time::timeout(REQUEST_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::TimedOut.into_response(),
    }
}

/// A panic's text may quote what a caller sent, so only the fact is told; the panic hook prints the rest.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::Internal("a handler panicked").into_response()
}
