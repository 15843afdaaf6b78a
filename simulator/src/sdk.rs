//! The browser script that takes the place of Toss's own, and the stylesheet of the window.
//!
//! A shop changes nothing but the host it loads the script from. The script finds the simulator by the address it was
//! itself loaded from.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::Simulator;

/// Lets pages that isolate themselves load the script all the same.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new().route("/v2/standard", get(script)).route("/window/style.css", get(stylesheet))
}

async fn script() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (RESOURCE_POLICY, "cross-origin"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, include_str!("../assets/sdk.js"))
}

async fn stylesheet() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    (headers, include_str!("../assets/window.css"))
}
