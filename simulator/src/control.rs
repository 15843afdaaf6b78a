//! The control API: what a test or a demo can do and see that no client of Toss could.
//!
//! It plays the shopper, moves the clock, sets latency and faults, and shows the evidence: ledger, request log and
//! audit. It has no authentication, because whoever reaches the simulator owns it. The calls are listed in the crate's
//! documentation.

mod console;
mod merchants;
mod number;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cash_receipts::Wanted;
use crate::errors::{Code, Language};
use crate::ledger::{Entry, Ledger, OrderSum};
use crate::means::{Choice, NamedEasyPay};
use crate::opening::{is_order_id, is_order_name};
use crate::payments::{Currency, OpenRefused, Opening};
use crate::rules::{NewRule, RuleRefused};
use crate::settings::{Effect, Latency};
use crate::{Simulator, amount, changes, clock};

pub(crate) use number::Number;

/// What a page holds when the caller does not say, and the most it may ask for.
const PAGE_DEFAULT: usize = 1_000;
const PAGE_MAX: usize = 10_000;

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/control/authenticate", post(authenticate))
        .route("/control/latency", post(set_latency))
        .route("/control/rate-limit", post(set_rate_limit))
        .route("/control/clock", get(show_clock).post(advance_clock))
        .route("/control/rules", get(list_rules).post(add_rule).delete(delete_rules))
        .route("/control/rules/{rule_id}", delete(delete_rule))
        .route("/control/ledger", get(ledger))
        .route("/control/requests", get(requests))
        .route("/control/audit", get(audit))
        .route("/control/reset", post(reset))
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
struct Authenticate {
    order_id: String,
    amount: Value,
    order_name: Option<String>,
    currency: Option<String>,
    payment_key: Option<String>,
    client_key: Option<String>,
    decline: Option<String>,
    #[serde(default)]
    tax_free_amount: i64,
    is_partial_cancelable: Option<bool>,
    method: Option<String>,
    easy_pay: Option<NamedEasyPay>,
    card_company: Option<String>,
    installment_plan_months: Option<u8>,
    #[serde(default)]
    interest_free: bool,
    bank: Option<String>,
    customer_name: Option<String>,
    customer_mobile_phone: Option<String>,
    #[serde(default)]
    valid_hours: Value,
    due_date: Option<String>,
    #[serde(default)]
    cash_receipt: Value,
}

async fn authenticate(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Authenticate>, JsonRejection>,
) -> Answered<impl IntoResponse> {
    let Json(asked) = body?;
    let decline = match &asked.decline {
        None => None,
        Some(name) => {
            Some(Code::find(name).ok_or_else(|| Refusal::invalid(format!("decline: {name} is no code of Toss's")))?)
        }
    };
    let opening = opening(&simulator, asked)?;
    let now = simulator.clock.now();
    let payment = simulator.payments.with(|table| {
        let opened = table.open(opening, now)?;
        Ok(table.authenticate(&opened.key, decline, now).unwrap_or(opened))
    });
    let payment = payment.map_err(|refused| match refused {
        OpenRefused::KeyTaken => Refusal(StatusCode::CONFLICT, "TAKEN", "this paymentKey exists".to_owned()),
        OpenRefused::Full => {
            Refusal(StatusCode::SERVICE_UNAVAILABLE, "FULL", "too many payments are unfinished".to_owned())
        }
    })?;
    let body = json!({
        "paymentKey": payment.key,
        "orderId": payment.order_id,
        "amount": payment.amount,
        "status": payment.status(now).name(),
    });
    Ok((StatusCode::CREATED, Json(body)))
}

fn opening(simulator: &Simulator, asked: Authenticate) -> Answered<Opening> {
    let owner = simulator
        .merchants
        .client(asked.client_key.as_deref())
        .ok_or_else(|| Refusal::invalid("clientKey: unknown"))?;
    let currency = Currency::find(asked.currency.as_deref().unwrap_or("KRW"))
        .ok_or_else(|| Refusal::invalid("currency: KRW, USD or JPY"))?;
    let amount = amount::read(&asked.amount)
        .filter(|amount| *amount > 0)
        .ok_or_else(|| Refusal::invalid("amount: a whole number above 0"))?;
    if !is_order_id(&asked.order_id, simulator.switches.order_ids) {
        return Err(Refusal::invalid("orderId: 6 to 64 of A-Z a-z 0-9 - _ and, unless strict, = ."));
    }
    let order_name = asked.order_name.unwrap_or_else(|| "테스트 주문".to_owned());
    if !is_order_name(&order_name) {
        return Err(Refusal::invalid("orderName: 1 to 100 characters"));
    }
    if asked.payment_key.as_deref().is_some_and(str::is_empty) {
        return Err(Refusal::invalid("paymentKey: not empty"));
    }
    if !(0..=amount).contains(&asked.tax_free_amount) {
        return Err(Refusal::invalid("taxFreeAmount: from 0 to the amount"));
    }
    let choice = Choice {
        method: asked.method,
        easy_pay: asked.easy_pay,
        card_company: asked.card_company,
        installment_plan_months: asked.installment_plan_months,
        interest_free: asked.interest_free,
        bank: asked.bank,
        customer_name: asked.customer_name,
        customer_mobile_phone: asked.customer_mobile_phone,
        valid_hours: asked.valid_hours,
        due_date: asked.due_date,
        cash_receipt: Wanted::read(&asked.cash_receipt).map_err(Refusal::of_toss)?,
    };
    let means = choice.means(amount, simulator.clock.now()).map_err(Refusal::of_toss)?;
    Ok(Opening {
        key: asked.payment_key,
        owner,
        order_id: asked.order_id,
        order_name,
        currency,
        amount,
        tax_free: asked.tax_free_amount,
        partial_cancelable: asked.is_partial_cancelable.unwrap_or(means.is_partial_cancelable()),
        means,
        visit: None,
    })
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetRateLimit {
    per_minute: Option<NonZeroU32>,
}

async fn set_rate_limit(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<SetRateLimit>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(asked) = body?;
    simulator.flood.limit(asked.per_minute.map(NonZeroU32::get));
    Ok(Json(json!({ "perMinute": asked.per_minute })))
}

async fn show_clock(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    Json(json!({
        "now": clock::wire(simulator.clock.now()),
        "advancedSeconds": simulator.clock.advanced_seconds(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AdvanceClock {
    advance_seconds: i64,
}

async fn advance_clock(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<AdvanceClock>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(asked) = body?;
    if !simulator.clock.advance(asked.advance_seconds) {
        return Err(Refusal::invalid("advanceSeconds: forward only, ten years in all"));
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

async fn ledger(
    State(simulator): State<Arc<Simulator>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answered<Json<Value>> {
    let Query(page) = page?;
    let (entries, pruned_before): (Vec<Entry>, u64) = simulator.ledger.with(|ledger| {
        let entries = match &page.order_id {
            Some(order_id) => ledger.of_order(order_id).cloned().collect(),
            None => ledger.page(page.after, page.limit()),
        };
        (entries, ledger.pruned_before())
    });
    Ok(Json(json!({ "entries": entries, "prunedBefore": pruned_before })))
}

async fn requests(
    State(simulator): State<Arc<Simulator>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answered<Json<Value>> {
    let Query(page) = page?;
    let limit = page.limit();
    let entries = simulator.requests.with(|log| log.page(page.order_id.as_deref(), page.after, limit));
    Ok(Json(json!({ "requests": entries })))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderAudit {
    order_id: Arc<str>,
    /// The payment table's view, to hold against the ledger's.
    payments: Vec<Value>,
    #[serde(flatten)]
    sum: OrderSum,
    duplicate: bool,
}

/// The sums of one order, or of all of them with only the wrong ones listed.
async fn audit(
    State(simulator): State<Arc<Simulator>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answered<Json<Value>> {
    let Query(page) = page?;
    let (mut approvals, mut balance, mut charged, mut duplicates) = (0, 0, 0_u64, 0_u64);
    let wanted: Vec<(Arc<str>, OrderSum)> = simulator.ledger.with(|ledger: &mut Ledger| {
        let chosen = page.order_id.as_deref().map(Arc::from);
        let orders: Vec<Arc<str>> = chosen.map_or_else(|| ledger.orders().cloned().collect(), |order| vec![order]);
        let mut wanted = Vec::new();
        for order_id in orders {
            let sum = ledger.sum(&order_id);
            approvals += sum.approvals;
            balance += sum.balance;
            charged += u64::from(sum.balance > 0);
            duplicates += u64::from(sum.is_duplicate());
            if page.order_id.is_some() || (sum.is_duplicate() && wanted.len() < PAGE_MAX) {
                wanted.push((order_id, sum));
            }
        }
        wanted
    });
    let now = simulator.clock.now();
    let view = |(order_id, sum): (Arc<str>, OrderSum)| {
        let payments = simulator.payments.with(|table| {
            let one = |payment: &crate::payments::Payment| {
                json!({ "paymentKey": payment.key, "amount": payment.amount, "status": payment.status(now).name() })
            };
            table.of_order(&order_id).map(one).collect()
        });
        OrderAudit { payments, duplicate: sum.is_duplicate(), order_id, sum }
    };
    let orders: Vec<OrderAudit> = wanted.into_iter().map(view).collect();
    let totals =
        json!({ "chargedOrders": charged, "approvals": approvals, "balance": balance, "duplicates": duplicates });
    Ok(Json(json!({ "orders": orders, "totals": totals })))
}

async fn reset(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.reset();
    StatusCode::NO_CONTENT
}
