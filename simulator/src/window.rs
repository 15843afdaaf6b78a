//! The payment window: where the shopper chooses how to pay, decides, and is sent back to the shop.
//!
//! The browser script opens a payment with a client key (`POST /window/payments`) and shows the window's page, in the
//! whole tab or in a frame above the shop. The page is plain HTML with one form, so it works without JavaScript; only a
//! promise needs a few lines of it, to tell the shop's page. What the shop learns is in `visit`, what the page says in
//! `page` and `words`.

mod page;
mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Form, Path, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::Simulator;
use crate::amount::Written;
use crate::errors::{Code, Language, PAY_PROCESS_CANCELED, REJECT_CARD_PAYMENT};
use crate::means::Means;
use crate::method::{Fields, Method};
use crate::opening::{self, PaymentResult};
use crate::payments::{Currency, Payment, Status};
use crate::visit::{End, Visit};

pub(crate) use page::{MethodChoice, in_words, methods};
pub(crate) use words::{Words, words};

/// A shopper who waits longer has gone.
const SLOW_SECONDS_MAX: u64 = 60;

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/window/payments", post(open).options(preflight))
        .route("/window/{payment_key}", get(show).post(decide))
}

/// The shop's page is at another origin than the simulator; any may open a payment.
async fn preflight() -> impl IntoResponse {
    let headers = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
    ];
    (StatusCode::NO_CONTENT, headers)
}

async fn open(State(simulator): State<Arc<Simulator>>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let language = language(&headers);
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    // A page without an origin of its own, as one opened from a file, calls itself `null`.
    let origin = origin.and_then(|origin| Some(Url::parse(origin).ok()?.origin())).filter(url::Origin::is_tuple);
    let origin = origin.map(|origin| origin.ascii_serialization());
    let answer = match opening::from_browser(&simulator, &body, origin) {
        Ok((payment, result)) => (StatusCode::CREATED, Json(opened(&simulator, &payment, result, language))),
        Err(code) => {
            let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, Json(json!({ "code": code.name(), "message": code.text(language) })))
        }
    };
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], answer)
}

/// The key of the new payment, and with `sandbox.paymentResult` the end of a visit that needs no shopper.
fn opened(simulator: &Simulator, payment: &Payment, result: Option<PaymentResult>, language: Language) -> Value {
    let (Some(visit), Some(result)) = (&payment.visit, result) else { return json!({ "paymentKey": payment.key }) };
    let end = match result {
        PaymentResult::Success => {
            authenticate(simulator, payment, None, None);
            End::Authenticated { amount: payment.amount }
        }
        PaymentResult::Fail => End::Failed(REJECT_CARD_PAYMENT),
    };
    json!({
        "paymentKey": payment.key,
        "location": visit.address(payment, end, language).map(String::from),
        "message": visit.message(payment, end, language),
    })
}

async fn show(
    State(simulator): State<Arc<Simulator>>,
    Path(payment_key): Path<String>,
    headers: HeaderMap,
) -> Response {
    let payment = find(&simulator, &payment_key);
    page::show(&simulator, payment.as_ref(), language(&headers), None)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    outcome: Outcome,
    #[serde(flatten)]
    method: Fields,
    decline_code: Option<String>,
    decline_when: Option<DeclineWhen>,
    tampered_amount: Option<String>,
    slow_seconds: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Approve,
    /// The issuer refuses, at the moment `decline_when` says.
    Decline,
    Cancel,
    Close,
    /// The redirect names an amount the shopper did not authenticate.
    Tamper,
    /// The redirect comes after a while.
    Slow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DeclineWhen {
    Confirm,
    Window,
}

async fn decide(
    State(simulator): State<Arc<Simulator>>,
    Path(payment_key): Path<String>,
    headers: HeaderMap,
    Form(decision): Form<Decision>,
) -> Response {
    let language = language(&headers);
    let payment = find(&simulator, &payment_key);
    let Some((payment, visit)) = payment.as_ref().and_then(|payment| Some((payment, payment.visit.as_deref()?))) else {
        return page::show(&simulator, payment.as_ref(), language, None);
    };
    let (end, wait) = match end(&simulator, payment, visit, &decision) {
        Ok(Some(decided)) => decided,
        Ok(None) => return page::show(&simulator, find(&simulator, &payment_key).as_ref(), language, None),
        Err(code) => return page::show(&simulator, Some(payment), language, Some(code)),
    };
    match visit.address(payment, end, language) {
        Some(address) if wait.is_zero() => Redirect::to(address.as_str()).into_response(),
        Some(address) => page::waiting(&address, wait, language),
        None => page::told(visit, &visit.message(payment, end, language), wait, language),
    }
}

/// Plays the decision. None when the payment is in no state for it any more; a code when the form is wrong.
fn end(
    simulator: &Simulator,
    payment: &Payment,
    visit: &Visit,
    decision: &Decision,
) -> Result<Option<(End, Duration)>, Code> {
    let (decline, at_confirm) = match decision.outcome {
        Outcome::Decline => (Some(decline_code(decision)?), decision.decline_when != Some(DeclineWhen::Window)),
        Outcome::Approve | Outcome::Cancel | Outcome::Close | Outcome::Tamper | Outcome::Slow => (None, true),
    };
    let amount = match decision.outcome {
        Outcome::Tamper => tampered(decision, payment)?,
        Outcome::Approve | Outcome::Decline | Outcome::Cancel | Outcome::Close | Outcome::Slow => payment.amount,
    };
    let wait = match decision.outcome {
        Outcome::Slow => slow(decision)?,
        Outcome::Approve | Outcome::Decline | Outcome::Cancel | Outcome::Close | Outcome::Tamper => Duration::ZERO,
    };
    let without_authentication = match (decision.outcome, decline) {
        (Outcome::Cancel, _) => Some(End::Failed(PAY_PROCESS_CANCELED)),
        (Outcome::Close, _) => Some(End::Closed),
        (Outcome::Decline, Some(code)) if !at_confirm => Some(End::Failed(code)),
        (Outcome::Approve | Outcome::Decline | Outcome::Tamper | Outcome::Slow, _) => None,
    };
    if let Some(end) = without_authentication {
        // The payment stays as it is and expires by itself, as at Toss.
        let is_open = matches!(payment.status(simulator.clock.now()), Status::Ready);
        return Ok(is_open.then_some((end, wait)));
    }
    let method = match (visit.is_fixed, decision.method.is_silent()) {
        (true, _) => Some(visit.preset),
        (false, true) => None,
        (false, false) => Some(Method::read(&decision.method, visit.offered, amount_krw(payment))?),
    };
    let now = simulator.clock.now();
    let with_means = |method: Method| Ok((method, method.means(&visit.asked, payment.amount, now)?));
    let is_authenticated = authenticate(simulator, payment, method.map(with_means).transpose()?, decline);
    Ok(is_authenticated.then_some((End::Authenticated { amount }, wait)))
}

/// Without a choice the payment keeps the means it was opened with.
fn authenticate(
    simulator: &Simulator,
    payment: &Payment,
    chosen: Option<(Method, Means)>,
    decline: Option<Code>,
) -> bool {
    let now = simulator.clock.now();
    simulator.payments.with(|table| {
        if let Some((method, means)) = chosen {
            table.choose(&payment.key, method, means, now);
        }
        table.authenticate(&payment.key, decline, now).is_some()
    })
}

fn decline_code(decision: &Decision) -> Result<Code, Code> {
    match decision.decline_code.as_deref() {
        None | Some("") => Ok(REJECT_CARD_PAYMENT),
        Some(name) => Code::find(name).ok_or(crate::errors::INVALID_REQUEST),
    }
}

fn tampered(decision: &Decision, payment: &Payment) -> Result<i64, Code> {
    match decision.tampered_amount.as_deref() {
        None | Some("") => Ok(page::tampered_amount(payment.amount)),
        Some(text) => Written::parse(text)
            .and_then(|amount| amount.in_units_of(payment.currency))
            .ok_or(crate::errors::INVALID_REQUEST),
    }
}

fn slow(decision: &Decision) -> Result<Duration, Code> {
    let seconds = decision.slow_seconds.as_deref().filter(|text| !text.is_empty()).map_or(Ok(5), str::parse);
    let seconds = seconds.ok().filter(|seconds| *seconds <= SLOW_SECONDS_MAX);
    seconds.map(Duration::from_secs).ok_or(crate::errors::INVALID_REQUEST)
}

fn find(simulator: &Simulator, payment_key: &str) -> Option<Payment> {
    simulator.payments.with(|table| table.get(payment_key).cloned())
}

fn amount_krw(payment: &Payment) -> Option<i64> {
    (payment.currency == Currency::Krw).then_some(payment.amount)
}

/// `49,000원` or `₩49,000`.
pub(crate) fn money(payment: &Payment, words: &Words) -> String {
    let amount = payment.sum(payment.amount).grouped();
    match payment.currency {
        Currency::Krw => format!("{}{amount}{}", words.won_before, words.won_after),
        Currency::Usd | Currency::Jpy => format!("{} {amount}", payment.currency.code()),
    }
}

pub(crate) fn language(headers: &HeaderMap) -> Language {
    Language::from_header(headers.get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok()))
}
