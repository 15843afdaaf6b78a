//! `GET /order/{orderId}`: what the shopper wants to know after paying. Did it work, did money move, what now.
//!
//! The page says what is stored and nothing else, so it never says "paid" before Toss did. It reloads itself until the
//! payment is decided, by plain HTML, so it also works without scripts.

use askama::Template;
use axum::extract::State;
use shared::{
    money::Krw,
    order::{self, OrderStatus, OrderView, PaymentView},
};

use crate::{
    AppState,
    address::{Addressed, pay_address},
    language::Language,
    page::{Page, kst},
    problem::Problem,
    standing,
};

/// Somebody looks at the page and waits.
const RELOAD_CONFIRMING_SECONDS: u8 = 2;
/// The shopper may be paying in another window.
const RELOAD_READY_SECONDS: u8 = 10;

#[derive(Template)]
#[template(path = "status.html")]
pub(crate) struct StatusPage {
    language: Language,
    reload_seconds: Option<u8>,
    standing: Standing,
    status_name: &'static str,
    tone: &'static str,
    order_no: String,
    order_name: String,
    amount: String,
    created_at: String,
    expires_at: String,
    lines: Vec<LineRow>,
    payment: Option<PaymentRow>,
    moments: Vec<Moment>,
}

/// Where the order stands, with just what the page says about it.
enum Standing {
    ToPay { pay: String },
    TooLate,
    Confirming { next_look: Option<String> },
    AwaitingDeposit,
    Paid,
    PartlyReturned { parts: Option<Parts> },
    Returned,
    Declined { pay_again: Option<String> },
    Expired,
    InReview,
}

struct Parts {
    returned: String,
    kept: String,
}

struct LineRow {
    name: String,
    unit_price: String,
    quantity: i32,
    sum: String,
}

struct PaymentRow {
    payment_key: String,
    method: Option<String>,
    approved_at: Option<String>,
    receipt_url: Option<String>,
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
) -> Result<Page<StatusPage>, Problem> {
    let order = order::view(&state.pool, address.0).await?.ok_or(Problem::OrderNotFound)?;
    Ok(Page(StatusPage::of(&order, language)))
}

impl StatusPage {
    fn of(order: &OrderView, language: Language) -> Self {
        Self {
            language,
            reload_seconds: reload_seconds(order),
            standing: Standing::of(order, language),
            status_name: standing::name(order.status, language),
            tone: standing::tone(order.status),
            order_no: order.order_no.to_string(),
            order_name: order.name.clone(),
            amount: language.won(order.amount),
            created_at: kst(order.created_at),
            expires_at: kst(order.expires_at),
            lines: line_rows(order, language),
            payment: order.payments.last().map(PaymentRow::of),
            moments: moments(order, language),
        }
    }
}

fn reload_seconds(order: &OrderView) -> Option<u8> {
    match order.status {
        OrderStatus::InProgress => Some(RELOAD_CONFIRMING_SECONDS),
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

impl Standing {
    fn of(order: &OrderView, language: Language) -> Self {
        let pay = pay_address(order.order_no);
        match order.status {
            OrderStatus::Ready if order.is_late() => Self::TooLate,
            OrderStatus::Ready => Self::ToPay { pay },
            OrderStatus::InProgress => Self::Confirming { next_look: next_look(order) },
            OrderStatus::WaitingForDeposit => Self::AwaitingDeposit,
            OrderStatus::Done => Self::Paid,
            OrderStatus::PartialCanceled => Self::PartlyReturned { parts: Parts::of(order, language) },
            OrderStatus::Canceled => Self::Returned,
            OrderStatus::Aborted => Self::Declined { pay_again: (!order.is_late()).then_some(pay) },
            OrderStatus::Expired => Self::Expired,
            OrderStatus::Review => Self::InReview,
        }
    }
}

/// When the worker looks again. A time that has passed means that it is looking this moment.
fn next_look(order: &OrderView) -> Option<String> {
    let at = order.payments.last().and_then(|payment| payment.next_look_at);
    at.filter(|at| *at > order.read_at).map(kst)
}

impl Parts {
    /// Known once Toss has told the balance.
    fn of(order: &OrderView, language: Language) -> Option<Self> {
        let kept = order.payments.last()?.balance?;
        let returned = order.amount.won().checked_sub(kept.won()).and_then(Krw::new)?;
        Some(Self { returned: language.won(returned), kept: language.won(kept) })
    }
}

pub(crate) fn line_rows(order: &OrderView, language: Language) -> Vec<LineRow> {
    let rows = order.lines.iter().map(|line| {
        let sum = line.unit_price.won().checked_mul(line.quantity.into()).and_then(Krw::new);
        LineRow {
            name: line.name.clone(),
            unit_price: language.won(line.unit_price),
            quantity: line.quantity,
            sum: sum.map(|sum| language.won(sum)).unwrap_or_default(),
        }
    });
    rows.collect()
}

impl PaymentRow {
    fn of(payment: &PaymentView) -> Self {
        // Toss's text becomes a link; an address of another kind (`javascript:`) must not.
        let is_web = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
        Self {
            payment_key: payment.payment_key.to_string(),
            method: payment.method.clone(),
            approved_at: payment.approved_at.map(kst),
            receipt_url: payment.receipt_url.as_ref().filter(is_web).cloned(),
        }
    }
}

fn moments(order: &OrderView, language: Language) -> Vec<Moment> {
    let created = Moment {
        tone: standing::tone(OrderStatus::Ready),
        name: standing::name(OrderStatus::Ready, language),
        cause: language.pick("주문했습니다", "The order was made").to_owned(),
        at: kst(order.created_at),
    };
    let events = order.events.iter().map(|event| Moment {
        tone: standing::tone(event.to_status),
        name: standing::name(event.to_status, language),
        cause: standing::cause(&event.cause, language).to_owned(),
        at: kst(event.at),
    });
    std::iter::once(created).chain(events).collect()
}
