//! The control page: what a person most often wants from the control API, as plain forms.
//!
//! Plays the shopper, moves the clock, sets the latency, shows the last payments and the rules, and starts over. Every
//! form answers 303 to the page itself, so that it works without JavaScript and a reload repeats nothing. The page has
//! no login, as the control API has none; but it takes forms only from itself, so that no other site in the same
//! browser can send one.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use crate::amount::{self, Untaxed};
use crate::errors::{Code, Language};
use crate::means::Means;
use crate::order::{Order, is_order_id, is_order_name};
use crate::payments::Payment;
use crate::settings::{Effect, Latency};
use crate::window::{in_words, money, words};
use crate::{Simulator, changes, clock};

/// As many as a person looks at.
const PAYMENTS_SHOWN: usize = 30;
/// The others are folded away, so that the forms below are not far.
const SHOWN_AT_ONCE: usize = 6;

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/control", get(show))
        .route("/control/style.css", get(stylesheet))
        .route("/control/page/authenticate", post(authenticate))
        .route("/control/page/latency", post(set_latency))
        .route("/control/page/clock", post(advance_clock))
        .route("/control/page/rules/{rule_id}", post(delete_rule))
        .route("/control/page/reset", post(reset))
}

#[derive(Template)]
#[template(path = "control.html")]
struct Page {
    said: &'static str,
    is_wrong: bool,
    now: String,
    advanced_seconds: i64,
    latency: Latency,
    payments: Vec<Row>,
    rules: Vec<(u64, String)>,
}

struct Row {
    key: Arc<str>,
    order_id: Arc<str>,
    order_name: Arc<str>,
    amount: String,
    method: String,
    status: &'static str,
    requested_at: String,
}

impl Row {
    /// `11-25 16:02:39`.
    fn requested_short(&self) -> String {
        self.requested_at.get(5..19).unwrap_or(&self.requested_at).replace('T', " ")
    }
}

/// What the last form came to; a fixed set, so that a link cannot put words into the page.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Authenticated,
    Latency,
    Clock,
    Rule,
    Reset,
    Refused,
    Taken,
}

impl Said {
    fn text(self) -> &'static str {
        match self {
            Self::Authenticated => "인증했습니다. 10분 안에 승인해 주세요.",
            Self::Latency => "지연을 바꿨습니다.",
            Self::Clock => "시계를 앞으로 돌렸습니다.",
            Self::Rule => "규칙을 지웠습니다.",
            Self::Reset => "모두 지우고 처음으로 돌아왔습니다.",
            Self::Refused => "입력한 값이 올바르지 않습니다.",
            Self::Taken => "지금은 할 수 없습니다. 결제가 너무 많거나 대상이 없습니다.",
        }
    }

    /// Back to the page, which then says it.
    fn back(self) -> Response {
        let name = match self {
            Self::Authenticated => "authenticated",
            Self::Latency => "latency",
            Self::Clock => "clock",
            Self::Rule => "rule",
            Self::Reset => "reset",
            Self::Refused => "refused",
            Self::Taken => "taken",
        };
        Redirect::to(&format!("/control?said={name}")).into_response()
    }
}

#[derive(Deserialize)]
struct Asked {
    said: Option<Said>,
}

async fn show(State(simulator): State<Arc<Simulator>>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let said = asked.ok().and_then(|Query(asked)| asked.said);
    let now = simulator.clock.now();
    let row = |payment: &Payment| Row {
        key: Arc::clone(&payment.key),
        order_id: Arc::clone(&payment.order_id),
        order_name: Arc::clone(&payment.order_name),
        amount: money(payment, words(Language::Korean)),
        method: payment.method.map_or_else(String::new, |method| in_words(method, Language::Korean)),
        status: payment.status(now).name(),
        requested_at: clock::wire(payment.requested_at),
    };
    let page = Page {
        said: said.map_or("", Said::text),
        is_wrong: matches!(said, Some(Said::Refused | Said::Taken)),
        now: clock::wire(now),
        advanced_seconds: simulator.clock.advanced_seconds(),
        latency: simulator.latency.with(|latency| *latency),
        payments: simulator.payments.with(|table| table.newest(PAYMENTS_SHOWN).map(row).collect()),
        rules: simulator.rules.list().iter().map(|rule| (rule.id(), in_json(rule))).collect(),
    };
    let policy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; \
                  frame-ancestors 'none'";
    match page.render() {
        Ok(html) => ([(CONTENT_SECURITY_POLICY, policy), (CACHE_CONTROL, "no-store")], Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the control page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn in_json(rule: &crate::rules::Rule) -> String {
    serde_json::to_string(rule).unwrap_or_default()
}

async fn stylesheet() -> impl IntoResponse {
    let headers = [("content-type", "text/css; charset=utf-8"), ("cache-control", "no-cache")];
    (headers, concat!(include_str!("../assets/window.css"), include_str!("../assets/control.css")))
}

/// Browsers say where a form comes from; whoever does not is no browser.
fn is_ours(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authenticate {
    order_id: String,
    order_name: String,
    amount: String,
    decline: String,
}

async fn authenticate(
    State(simulator): State<Arc<Simulator>>,
    headers: HeaderMap,
    Form(asked): Form<Authenticate>,
) -> Response {
    if !is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let decline = Code::find(&asked.decline);
    let amount = amount::read(&asked.amount.replace(',', "").into());
    let (Some(amount), Some(owner)) = (amount, simulator.merchants.client(None)) else {
        return Said::Refused.back();
    };
    let is_valid =
        is_order_id(&asked.order_id, simulator.switches().order_ids) && is_order_name(&asked.order_name) && amount > 0;
    if !is_valid || (decline.is_none() && !asked.decline.is_empty()) {
        return Said::Refused.back();
    }
    let order = Order { amount, untaxed: Untaxed::default(), id: asked.order_id, name: asked.order_name };
    let opening = order.opening(owner, Means::default(), false);
    let now = simulator.clock.now();
    let authenticated = simulator.payments.with(|table| {
        let opened = table.open(opening, now).ok()?;
        table.authenticate(&opened.key, decline, now)
    });
    authenticated.map_or(Said::Taken, |_| Said::Authenticated).back()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SetLatency {
    min_ms: u64,
    max_ms: u64,
    effect: Effect,
}

async fn set_latency(
    State(simulator): State<Arc<Simulator>>,
    headers: HeaderMap,
    Form(asked): Form<SetLatency>,
) -> Response {
    if !is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let (min, max) = (Duration::from_millis(asked.min_ms), Duration::from_millis(asked.max_ms));
    let latency = Latency { min, max, effect: asked.effect };
    if latency.check().is_err() {
        return Said::Refused.back();
    }
    simulator.latency.with(|current| *current = latency);
    Said::Latency.back()
}

#[derive(Deserialize)]
struct AdvanceClock {
    seconds: i64,
}

async fn advance_clock(
    State(simulator): State<Arc<Simulator>>,
    headers: HeaderMap,
    Form(asked): Form<AdvanceClock>,
) -> Response {
    if !is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if !simulator.clock.advance(asked.seconds) {
        return Said::Refused.back();
    }
    changes::time_passed(&simulator);
    Said::Clock.back()
}

async fn delete_rule(
    State(simulator): State<Arc<Simulator>>,
    headers: HeaderMap,
    Path(rule_id): Path<u64>,
) -> Response {
    if !is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let said = if simulator.rules.delete(rule_id) { Said::Rule } else { Said::Taken };
    said.back()
}

async fn reset(State(simulator): State<Arc<Simulator>>, headers: HeaderMap) -> Response {
    if !is_ours(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    simulator.reset();
    Said::Reset.back()
}
