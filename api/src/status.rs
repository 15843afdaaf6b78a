//! `GET /order/{orderId}`: what the shopper wants to know after paying. Did it work, did money move, what now.
//!
//! The page says what is stored and nothing else, so it never says "paid" before Toss did. While
//! something may still happen a script shows it at once; without scripts the page reloads itself until the payment is
//! decided and every refund is made.

use askama::Template;
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use shared::{
    order::{self, CancelView, OrderStatus, OrderView, PaymentView},
    payment::BankTransfer,
    web_url::WebUrl,
};

use crate::{
    AppState,
    address::Addressed,
    causes,
    deposit::is_past_due,
    hero::Hero,
    language::Language,
    lines::{LineRow, line_rows},
    live, methods,
    notice::Notice,
    page::{LIVE_POLICY, Page, kst},
    problem::Problem,
    standing, transfer,
};

/// Somebody looks at the page and waits.
const RELOAD_WAITING_SECONDS: u8 = 2;
/// The shopper may be paying in another window.
const RELOAD_READY_SECONDS: u8 = 10;
/// Whether a deposit came in time is being found out.
const RELOAD_PAST_DUE_SECONDS: u8 = 5;

#[derive(Template)]
#[template(path = "status.html")]
pub(crate) struct StatusPage {
    language: Language,
    reload_seconds: Option<u8>,
    live: Option<live::Told>,
    hero: Hero,
    notice: Option<Notice>,
    order_no: String,
    order_name: String,
    amount: String,
    created_at: String,
    lines: Vec<LineRow>,
    payment: Option<PaymentRow>,
    refunds: Vec<RefundRow>,
    moments: Vec<Moment>,
}

struct PaymentRow {
    payment_key: String,
    method: Option<String>,
    approved_at: Option<String>,
    receipt_url: Option<WebUrl>,
}

struct RefundRow {
    tone: &'static str,
    name: &'static str,
    amount: String,
    /// Of which payment, where there is more than one.
    payment_key: Option<String>,
    requested_at: String,
    finished: &'static str,
    finished_at: Option<String>,
}

/// One line of the history.
struct Moment {
    tone: &'static str,
    name: &'static str,
    cause: String,
    at: String,
}

pub(crate) async fn page(
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
) -> Result<Response, Problem> {
    let order = order::view(&state.pool, address.0).await?.ok_or(Problem::OrderNotFound)?;
    let page = Page(StatusPage::of(&order, state.contact.as_deref(), language));
    Ok(([(header::CONTENT_SECURITY_POLICY, LIVE_POLICY)], page).into_response())
}

impl StatusPage {
    fn of(order: &OrderView, contact: Option<&str>, language: Language) -> Self {
        Self {
            language,
            reload_seconds: reload_seconds(order),
            live: live::Told::of(order),
            hero: Hero::of(order, contact, language),
            notice: Notice::of(order, contact, language),
            order_no: order.order_no.to_string(),
            order_name: order.name.clone(),
            amount: language.won(order.amount),
            created_at: kst(order.created_at),
            lines: line_rows(order, language),
            payment: order.payment().map(|payment| PaymentRow::of(payment, language)),
            refunds: refunds(order, language),
            moments: moments(order, language),
        }
    }
}

fn reload_seconds(order: &OrderView) -> Option<u8> {
    match order.status {
        _ if order.returning().is_some() => Some(RELOAD_WAITING_SECONDS),
        _ if is_past_due(order) => Some(RELOAD_PAST_DUE_SECONDS),
        OrderStatus::InProgress => Some(RELOAD_WAITING_SECONDS),
        OrderStatus::Ready if !order.is_late() => Some(RELOAD_READY_SECONDS),
        OrderStatus::Ready
        | OrderStatus::WaitingForDeposit
        | OrderStatus::Done
        | OrderStatus::PartialCanceled
        | OrderStatus::Canceled
        | OrderStatus::Aborted
        | OrderStatus::Expired
        | OrderStatus::Review => None,
    }
}

impl PaymentRow {
    fn of(payment: &PaymentView, language: Language) -> Self {
        Self {
            payment_key: payment.payment_key.to_string(),
            method: payment.method.as_deref().map(|method| methods::name(method, language).to_owned()),
            approved_at: payment.approved_at.map(kst),
            receipt_url: payment.receipt_url.clone(),
        }
    }
}

impl RefundRow {
    fn of(order: &OrderView, cancel: &CancelView, language: Language) -> Self {
        let payment = order.payments.iter().find(|payment| payment.payment_no == cancel.payment_no);
        let into_account = payment.and_then(PaymentView::transfer);
        let (tone, name) = standing::of_refund(cancel.status, into_account, language);
        let is_over = into_account.is_none_or(|transfer| transfer == BankTransfer::Completed);
        let has_several = order.payments.len() > 1;
        let payment = payment.filter(|_| has_several);
        Self {
            tone,
            name,
            amount: language.won(cancel.amount),
            payment_key: payment.map(|payment| payment.payment_key.to_string()),
            requested_at: kst(cancel.requested_at),
            finished: if is_over { language.pick("마침", "Ended") } else { language.pick("접수", "Booked") },
            finished_at: cancel.finished_at.map(kst),
        }
    }
}

/// An account that was closed before a deposit gave nothing back.
fn refunds(order: &OrderView, language: Language) -> Vec<RefundRow> {
    let made = order.cancels.iter().filter(|_| !order.was_never_paid());
    made.map(|cancel| RefundRow::of(order, cancel, language)).collect()
}

fn moments(order: &OrderView, language: Language) -> Vec<Moment> {
    let created = Moment {
        tone: standing::tone(OrderStatus::Ready),
        name: standing::name(OrderStatus::Ready, language),
        cause: language.pick("주문했습니다", "The order was made").to_owned(),
        at: kst(order.created_at),
    };
    let is_on_its_way = transfer::open(order).is_some();
    let events = order.events.iter().map(|event| {
        let step = if is_on_its_way { causes::booked_step } else { causes::step };
        let step = step(&event.cause, event.to_status, language);
        let cause = step.words.unwrap_or(&event.cause).to_owned();
        Moment { tone: step.tone, name: step.name, cause, at: kst(event.at) }
    });
    std::iter::once(created).chain(events).collect()
}

#[cfg(test)]
#[path = "status_sheets.rs"]
mod sheets;
#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
