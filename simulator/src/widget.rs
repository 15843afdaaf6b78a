//! The payment widget: the list of methods and the agreement, as two small pages that the script shows in frames inside
//! the shop's page, or as one in a window above it.
//!
//! Frames, because a shop's content security policy then has nothing to allow but the simulator's origin. What the
//! shopper picks goes to the shop's page by message (`widget.js`), and from there into the payment when it is opened.
//! The pages know no payment and change nothing, so any page may frame them.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::Simulator;
use crate::method::Kind;
use crate::window::{MethodChoice, Words, language, methods, words};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    Methods,
    Agreement,
    /// Both, for a window above the shop's page.
    Window,
}

#[derive(Template)]
#[template(path = "widget.html")]
struct Page {
    words: &'static Words,
    part: Part,
    methods: Vec<MethodChoice>,
}

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new().route("/widget/{part}", get(show))
}

async fn show(State(_): State<Arc<Simulator>>, Path(part): Path<Part>, headers: HeaderMap) -> Response {
    let language = language(&headers);
    // The script says later what the amount is; until then no instalments.
    let page = Page { words: words(language), part, methods: methods(Kind::ALL, None, None, language) };
    let policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; form-action 'none'";
    match page.render() {
        Ok(html) => ([(CONTENT_SECURITY_POLICY, policy), (VARY, "accept-language")], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the widget's page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
