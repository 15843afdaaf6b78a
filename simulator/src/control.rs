//! The control API: what a test or a demo can do and see that no client of Toss could.
//!
//! It plays the shopper (`shopper`), the bank and Toss's own console (`console`), moves the clock, turns switches, sets
//! latency and faults, and shows the `evidence`: ledger, request log and audit. It has no authentication, because whoever reaches the simulator owns it. The calls are listed in the crate's
//! documentation.

mod console;
mod evidence;
mod merchants;
mod number;
mod shopper;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::errors::{Code, Language};
use crate::rules::{NewRule, RuleRefused};
use crate::settings::{Effect, Latency};
use crate::switches::Switches;
use crate::{Simulator, changes, clock};

pub(crate) use number::Number;

/// What a page holds when the caller does not say, and the most it may ask for.
const PAGE_DEFAULT: usize = 1_000;
const PAGE_MAX: usize = 10_000;

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/control/switches", get(show_switches).post(set_switches))
        .route("/control/latency", post(set_latency))
        .route("/control/clock", get(show_clock).post(set_clock))
        .route("/control/codes", get(list_codes))
        .route("/control/rules", get(list_rules).post(add_rule).delete(delete_rules))
        .route("/control/rules/{rule_id}", delete(delete_rule))
        .route("/control/reset", post(reset))
        .merge(shopper::routes())
        .merge(evidence::routes())
        .merge(console::routes())
        .merge(merchants::routes())
}

/// Why a control call was not done.
pub(crate) struct Refusal(StatusCode, &'static str, String);

pub(crate) type Answered<T> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "INVALID", message.into())
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self(StatusCode::NOT_FOUND, "NOT_FOUND", message.to_owned())
    }

    pub(crate) fn full(message: &str) -> Self {
        Self(StatusCode::CONFLICT, "FULL", message.to_owned())
    }

    /// What Toss itself would have refused.
    fn of_toss(code: Code) -> Self {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self(status, code.name(), code.text(Language::Korean).to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "code": self.1, "message": self.2 }))).into_response()
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(rejection.body_text())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetLatency {
    fixed_ms: Option<u64>,
    min_ms: Option<u64>,
    max_ms: Option<u64>,
    #[serde(default)]
    effect: Effect,
}

async fn set_latency(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<SetLatency>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(asked) = body?;
    let (min, max) = match (asked.fixed_ms, asked.min_ms, asked.max_ms) {
        (Some(fixed), None, None) => (fixed, fixed),
        (None, Some(min), Some(max)) => (min, max),
        _ => return Err(Refusal::invalid("either fixedMs or both minMs and maxMs")),
    };
    let latency = Latency { min: Duration::from_millis(min), max: Duration::from_millis(max), effect: asked.effect };
    latency.check().map_err(|error| Refusal::invalid(error.to_string()))?;
    simulator.latency.with(|current| *current = latency);
    Ok(Json(json!({ "minMs": min, "maxMs": max, "effect": latency.effect })))
}

async fn show_switches(State(simulator): State<Arc<Simulator>>) -> Json<Switches> {
    Json(simulator.switches())
}

/// Turns the switches that are named. A minute that is being counted for the rate limit starts anew.
async fn set_switches(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Answered<Json<Switches>> {
    let Json(named) = body?;
    let restarts = named.contains_key("rateLimit");
    let turned = simulator.switches.with(|switches| {
        *switches = switches.with(named)?;
        Ok(*switches)
    });
    let switches = turned.map_err(|why: String| Refusal::invalid(why))?;
    if restarts {
        simulator.flood.forget();
    }
    Ok(Json(switches))
}

async fn list_codes() -> Json<Value> {
    let shown = |code: Code| {
        json!({
            "code": code.name(),
            "status": code.status(),
            "korean": code.text(Language::Korean),
            "english": code.text(Language::English),
            "englishIsPublished": code.is_published_in_english(),
        })
    };
    Json(json!({ "codes": Code::all().map(shown).collect::<Vec<_>>() }))
}

async fn show_clock(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    Json(json!({
        "now": clock::wire(simulator.clock.now()),
        "advancedSeconds": simulator.clock.advanced_seconds(),
        "frozen": simulator.clock.is_frozen(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetClock {
    #[serde(default)]
    advance_seconds: i64,
    frozen: Option<bool>,
}

async fn set_clock(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<SetClock>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(asked) = body?;
    if !simulator.clock.advance(asked.advance_seconds) {
        return Err(Refusal::invalid("advanceSeconds: forward only, ten years in all"));
    }
    match asked.frozen {
        Some(true) => simulator.clock.freeze(),
        Some(false) => simulator.clock.thaw(),
        None => {}
    }
    changes::time_passed(&simulator);
    Ok(show_clock(State(simulator)).await)
}

async fn add_rule(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<NewRule>, JsonRejection>,
) -> Answered<impl IntoResponse> {
    let Json(rule) = body?;
    let rule_id = simulator.rules.add(rule).map_err(|refused| match refused {
        RuleRefused::Mistake(mistake) => Refusal::invalid(mistake),
        RuleRefused::TooMany => Refusal(StatusCode::CONFLICT, "TOO_MANY_RULES", refused.to_string()),
    })?;
    Ok((StatusCode::CREATED, Json(json!({ "ruleId": rule_id }))))
}

async fn list_rules(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    Json(json!({ "rules": simulator.rules.list() }))
}

async fn delete_rules(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.rules.delete_all();
    StatusCode::NO_CONTENT
}

async fn delete_rule(State(simulator): State<Arc<Simulator>>, rule_id: Number) -> Answered<StatusCode> {
    if simulator.rules.delete(rule_id?.0) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Refusal::not_found("no such rule"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Page {
    pub(crate) order_id: Option<String>,
    pub(crate) after: Option<u64>,
    limit: Option<usize>,
}

impl Page {
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE_DEFAULT).min(PAGE_MAX)
    }
}

async fn reset(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.reset();
    StatusCode::NO_CONTENT
}
