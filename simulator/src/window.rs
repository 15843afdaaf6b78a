//! The payment window: where the shopper decides, and is sent back to the shop.
//!
//! The browser script opens a payment with a client key (`POST /window/payments`) and goes to the window's page. The
//! page is plain HTML with one form, so it works without JavaScript. Each outcome answers 303 to the shop's own address
//! with Toss's parameters after the ones already there. Only addresses that were checked when the payment was opened
//! are ever followed.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Form, Path, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::errors::{Code, Language, PAY_PROCESS_CANCELED, REJECT_CARD_PAYMENT};
use crate::payments::{Currency, Payment, Status};
use crate::{Simulator, amount, opening};

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
    let answer = match opening::from_browser(&simulator, &body) {
        Ok(payment) => (StatusCode::CREATED, Json(json!({ "paymentKey": payment.key }))),
        Err(code) => {
            let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, Json(json!({ "code": code.name(), "message": code.text(language(&headers)) })))
        }
    };
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], answer)
}

async fn show(
    State(simulator): State<Arc<Simulator>>,
    Path(payment_key): Path<String>,
    headers: HeaderMap,
) -> Response {
    let payment = simulator.payments.with(|table| table.get(&payment_key).cloned());
    page(&simulator, payment.as_ref(), language(&headers))
}

#[derive(Debug, Deserialize)]
struct Decision {
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Approve,
    /// The shopper authenticates, and the issuer refuses at confirm.
    Decline,
    Cancel,
}

async fn decide(
    State(simulator): State<Arc<Simulator>>,
    Path(payment_key): Path<String>,
    headers: HeaderMap,
    Form(decision): Form<Decision>,
) -> Response {
    let decline = match decision.outcome {
        Outcome::Approve => None,
        Outcome::Decline => Some(REJECT_CARD_PAYMENT),
        Outcome::Cancel => return cancel(&simulator, &payment_key, language(&headers)),
    };
    let now = simulator.clock.now();
    let (authenticated, payment) = simulator.payments.with(|table| {
        let authenticated = table.authenticate(&payment_key, decline, now);
        (authenticated, table.get(&payment_key).cloned())
    });
    let back = authenticated.as_ref().and_then(success_address);
    back.map_or_else(|| page(&simulator, payment.as_ref(), language(&headers)), |address| see_other(&address))
}

/// The shopper goes back without paying. The payment stays as it is and expires by itself, as at Toss.
fn cancel(simulator: &Simulator, payment_key: &str, language: Language) -> Response {
    let payment = simulator.payments.with(|table| table.get(payment_key).cloned());
    let back = payment
        .as_ref()
        .filter(|payment| matches!(payment.status(simulator.clock.now()), Status::Ready))
        .and_then(|payment| fail_address(payment, PAY_PROCESS_CANCELED, language));
    back.map_or_else(|| page(simulator, payment.as_ref(), language), |address| see_other(&address))
}

fn success_address(payment: &Payment) -> Option<Url> {
    let mut address = payment.redirect.as_ref()?.success.clone();
    address
        .query_pairs_mut()
        .append_pair("paymentType", "NORMAL")
        .append_pair("orderId", &payment.order_id)
        .append_pair("paymentKey", &payment.key)
        .append_pair("amount", &payment.amount.to_string());
    Some(address)
}

/// The orderId is left out, as Toss does when the shopper cancels.
fn fail_address(payment: &Payment, code: Code, language: Language) -> Option<Url> {
    let mut address = payment.redirect.as_ref()?.fail.clone();
    address.query_pairs_mut().append_pair("code", code.name()).append_pair("message", code.text(language));
    Some(address)
}

fn see_other(address: &Url) -> Response {
    Redirect::to(address.as_str()).into_response()
}

fn language(headers: &HeaderMap) -> Language {
    Language::from_header(headers.get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok()))
}

/// What the page has to say.
enum View<'a> {
    Asking {
        order_name: &'a str,
        order_id: &'a str,
        amount: String,
        again: bool,
    },
    /// Authenticated by a test, with no shop to go back to.
    Authenticated,
    Over,
    Expired,
    Absent,
}

#[derive(Template)]
#[template(path = "window.html")]
struct Page<'a> {
    words: &'static Words,
    view: View<'a>,
}

fn page(simulator: &Simulator, payment: Option<&Payment>, language: Language) -> Response {
    let words = match language {
        Language::Korean => &KOREAN,
        Language::English => &ENGLISH,
    };
    let (status, view) = match payment.map(|payment| (payment, payment.status(simulator.clock.now()))) {
        None => (StatusCode::NOT_FOUND, View::Absent),
        Some((payment, Status::Ready)) => (StatusCode::OK, View::asking(payment, words, false)),
        Some((payment, Status::InProgress)) if payment.redirect.is_some() => {
            (StatusCode::OK, View::asking(payment, words, true))
        }
        Some((_, Status::InProgress)) => (StatusCode::OK, View::Authenticated),
        Some((
            _,
            Status::WaitingForDeposit | Status::Done | Status::PartialCanceled | Status::Canceled | Status::Aborted(_),
        )) => (StatusCode::OK, View::Over),
        Some((_, Status::Expired)) => (StatusCode::OK, View::Expired),
    };
    let headers = [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (VARY, "accept-language"),
    ];
    match (Page { words, view }).render() {
        Ok(html) => (status, headers, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the window's page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl<'a> View<'a> {
    fn asking(payment: &'a Payment, words: &Words, again: bool) -> Self {
        let amount = amount::grouped(payment.amount);
        let amount = match payment.currency {
            Currency::Krw => format!("{}{amount}{}", words.won_before, words.won_after),
            Currency::Usd | Currency::Jpy => format!("{} {amount}", payment.currency.code()),
        };
        Self::Asking { order_name: &payment.order_name, order_id: &payment.order_id, amount, again }
    }
}

/// The page's texts in one language.
struct Words {
    lang: &'static str,
    title: &'static str,
    notice: &'static str,
    order_id: &'static str,
    method: &'static str,
    card: &'static str,
    won_before: &'static str,
    won_after: &'static str,
    approve: &'static str,
    again: &'static str,
    decline: &'static str,
    decline_note: &'static str,
    cancel: &'static str,
    authenticated: &'static str,
    authenticated_note: &'static str,
    over: &'static str,
    over_note: &'static str,
    expired: &'static str,
    expired_note: &'static str,
    absent: &'static str,
    absent_note: &'static str,
}

static KOREAN: Words = Words {
    lang: "ko",
    title: "결제창 (시뮬레이터)",
    notice: "시뮬레이터 결제창입니다. 실제로 결제되지 않습니다.",
    order_id: "주문번호",
    method: "결제수단",
    card: "신용카드",
    won_before: "",
    won_after: "원",
    approve: "결제하기",
    again: "이미 인증을 마쳤습니다. 상점으로 돌아갑니다.",
    decline: "승인 거절될 카드로 결제하기",
    decline_note: "인증은 되지만 승인 때 한도초과로 거절됩니다.",
    cancel: "취소하고 돌아가기",
    authenticated: "인증을 마쳤습니다",
    authenticated_note: "돌아갈 상점 주소가 없는 결제입니다. 이 창을 닫아 주세요.",
    over: "이미 처리된 결제입니다",
    over_note: "주문 상태는 상점의 주문 페이지에서 확인해 주세요.",
    expired: "결제 시간이 지났습니다",
    expired_note: "결제되지 않았습니다. 상점에서 다시 시도해 주세요.",
    absent: "결제를 찾을 수 없습니다",
    absent_note: "주소를 확인하거나 상점에서 다시 시작해 주세요.",
};

static ENGLISH: Words = Words {
    lang: "en",
    title: "Payment window (simulator)",
    notice: "This is the simulator's payment window. No real money moves.",
    order_id: "Order number",
    method: "Paid by",
    card: "Credit card",
    won_before: "₩",
    won_after: "",
    approve: "Pay",
    again: "You have already authenticated. This takes you back to the shop.",
    decline: "Pay with a card that will be declined",
    decline_note: "Authentication works; the approval is then refused for lack of funds.",
    cancel: "Cancel and go back",
    authenticated: "Authenticated",
    authenticated_note: "This payment has no shop to go back to. You can close this window.",
    over: "This payment is already decided",
    over_note: "The shop's order page shows how it ended.",
    expired: "The time to pay has run out",
    expired_note: "You were not charged. Please start again in the shop.",
    absent: "No such payment",
    absent_note: "Check the address, or start again in the shop.",
};
