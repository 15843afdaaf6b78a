//! The browser scripts that take the place of Toss's own, and what the window's pages load.
//!
//! A shop changes nothing but the host it loads a script from. Each script finds the simulator by the address it was
//! itself loaded from. A served script is its parts in one function, so that nothing but Toss's own global is left on
//! the shop's page: `core` talks to the window, `widgets` to the widget's frames, and the last part is the surface.

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::Simulator;

/// Lets pages that isolate themselves load the script all the same.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

macro_rules! script {
    ($surface:literal) => {
        concat!(
            "(() => {\n\"use strict\";\n",
            include_str!("../assets/sdk/core.js"),
            include_str!("../assets/sdk/widgets.js"),
            include_str!(concat!("../assets/sdk/", $surface)),
            "})();\n"
        )
    };
}

const STANDARD: &str = script!("standard.js");
const PAYMENT_V1: &str = script!("v1_payment.js");
const WIDGET_V1: &str = script!("v1_widget.js");

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/v2/standard", get(async || script(STANDARD)))
        .route("/v1", get(async || script(PAYMENT_V1)))
        .route("/v1/payment", get(async || script(PAYMENT_V1)))
        .route("/v1/payment-widget", get(async || script(WIDGET_V1)))
        .route("/window/report.js", get(async || script(include_str!("../assets/report.js"))))
        .route("/widget/widget.js", get(async || script(include_str!("../assets/widget.js"))))
        .route("/window/style.css", get(stylesheet))
}

fn script(text: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (RESOURCE_POLICY, "cross-origin"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}

async fn stylesheet() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    (headers, include_str!("../assets/window.css"))
}
