//! `GET /order/{orderId}/detail`: one order as an operator needs it. Every call to Toss with what it showed, every change of
//! state with its cause, what is owed next and who works on it.
//!
//! An address of its own, so that the shopper's page stays one page for everybody. Whoever is not logged in is led to the
//! login before anything is looked up: an order that exists and one that does not are answered alike.

use askama::Template;
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use shared::{
    order::{
        self, AttemptRecord, CancelRecord, EventRecord, IntentRecord, OrderNo, OrderRecord, OrderStatus, PaymentRecord,
    },
    payment::BankTransfer,
};
use time::OffsetDateTime;

use crate::{
    AppState,
    address::{Addressed, status_address},
    causes,
    language::Language,
    lines::{LineRow, rows_of},
    live, methods,
    operator::Operator,
    page::{FORM_REFERRER, LIVE_POLICY, Page, kst, quotation},
    problem::Problem,
    refund_page::toss_words,
    review::{BankRefund, CallOff, ReviewGuide},
    standing,
};

#[derive(Template)]
#[template(path = "detail.html")]
pub(crate) struct DetailPage {
    language: Language,
    operator: Operator,
    order_no: String,
    shoppers_page: String,
    /// What the way to a refund is called, where there may be one.
    refund: Option<&'static str>,
    /// Why what was just asked for was not taken.
    trouble: Option<String>,
    review: Option<ReviewGuide>,
    may_look_up: bool,
    live: Option<live::Told>,
    order_name: String,
    customer: String,
    amount: String,
    status: Standing,
    created_at: String,
    expires_at: String,
    lines: Vec<LineRow>,
    intent: Option<IntentRow>,
    payments: Vec<PaymentRow>,
    cancels: Vec<CancelRow>,
    attempts: Vec<AttemptRow>,
    has_more_attempts: bool,
    moments: Vec<Moment>,
}

/// A state's name and colour.
struct Standing {
    name: &'static str,
    tone: &'static str,
}

struct IntentRow {
    what: &'static str,
    payment_no: i16,
    due_at: String,
    lease: Option<Lease>,
    fence: i32,
    attempts: i16,
    snoozes: i16,
}

struct Lease {
    until: String,
    owner: String,
}

struct PaymentRow {
    number: i16,
    pays: bool,
    key: String,
    status: Standing,
    amount: String,
    balance: Option<String>,
    method: Option<String>,
    key_epoch: i16,
    sent_with: Option<String>,
    accepted_at: String,
    approved_at: Option<String>,
    unanswered_at: Option<String>,
    check_at: Option<String>,
    refusal: Option<String>,
    ask_first: bool,
    bank_refund: Option<BankRefund>,
}

struct CancelRow {
    number: i16,
    payment_no: i16,
    name: &'static str,
    tone: &'static str,
    amount: String,
    expected_balance: String,
    reason: String,
    actor: String,
    key_epoch: i16,
    requested_at: String,
    finished_at: Option<String>,
    /// Toss's code and words.
    error: Option<String>,
    call_off: CallOff,
}

struct AttemptRow {
    at: String,
    call: String,
    about: String,
    answer: String,
    outcome: String,
    tone: &'static str,
    key_epoch: i16,
    key_id: String,
    duration_ms: i32,
    trace_id: String,
    stale: bool,
}

struct Moment {
    tone: &'static str,
    name: &'static str,
    words: String,
    cause: String,
    actor: &'static str,
    payment_no: Option<i16>,
    reason: Option<String>,
    at: String,
}

pub(crate) async fn page(
    operator: Operator,
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
) -> Result<Response, Problem> {
    show(&state, operator, address.0, language, None).await
}

/// As it stands now, and with what was wrong with a form of it.
pub(crate) async fn show(
    state: &AppState,
    operator: Operator,
    order_no: OrderNo,
    language: Language,
    trouble: Option<String>,
) -> Result<Response, Problem> {
    let order = order::record(&state.pool, order_no).await?.ok_or(Problem::OrderNotFound)?;
    let page = DetailPage { trouble, ..DetailPage::of(operator, order, language) };
    Ok(([(header::CONTENT_SECURITY_POLICY, LIVE_POLICY)], FORM_REFERRER, Page(page)).into_response())
}

impl DetailPage {
    fn of(operator: Operator, order: OrderRecord, language: Language) -> Self {
        let live = live::Told::of_record(&order);
        let review = ReviewGuide::of(&order, language);
        let transfers: Vec<_> = order.payments.iter().map(|payment| (payment.payment_no, payment.transfer())).collect();
        let transfer_of = |payment_no| transfers.iter().find(|(no, _)| *no == payment_no).and_then(|(_, found)| *found);
        let cancels: Vec<_> = order
            .cancels
            .into_iter()
            .map(|cancel| CancelRow::of(transfer_of(cancel.payment_no), cancel, language))
            .collect();
        let may_look_up = order.status != OrderStatus::InProgress && !order.payments.is_empty();
        let payments = order.payments.into_iter().map(|payment| {
            let pays = order.paid_by == Some(payment.payment_no);
            PaymentRow::of(payment, pays, language)
        });
        let created = Moment {
            tone: standing::tone(OrderStatus::Ready),
            name: standing::name(OrderStatus::Ready, language),
            words: language.pick("주문했습니다", "The order was made").to_owned(),
            cause: String::new(),
            actor: actor("shopper", language),
            payment_no: None,
            reason: None,
            at: kst(order.created_at),
        };
        let is_on_its_way =
            transfers.iter().any(|(_, found)| found.is_some_and(|found| found != BankTransfer::Completed));
        let events = order.events.into_iter().map(|event| Moment::of(event, is_on_its_way, language));
        Self {
            language,
            operator,
            order_no: order.order_no.to_string(),
            shoppers_page: status_address(order.order_no),
            refund: refund_label(order.status, language),
            live,
            trouble: None,
            review,
            may_look_up,
            order_name: order.name,
            customer: order.customer,
            amount: language.won(order.amount),
            status: Standing::of(order.status, language),
            created_at: kst(order.created_at),
            expires_at: kst(order.expires_at),
            lines: rows_of(&order.lines, language),
            intent: order.intent.map(|intent| IntentRow::of(intent, language)),
            payments: payments.collect(),
            cancels,
            attempts: order.attempts.into_iter().map(|attempt| AttemptRow::of(attempt, language)).collect(),
            has_more_attempts: order.has_more_attempts,
            moments: std::iter::once(created).chain(events).collect(),
        }
    }
}

fn refund_label(status: OrderStatus, language: Language) -> Option<&'static str> {
    match status {
        OrderStatus::Done | OrderStatus::PartialCanceled | OrderStatus::Review => Some(language.pick("환불", "Refund")),
        OrderStatus::WaitingForDeposit => Some(language.pick("주문 취소", "Cancel the order")),
        OrderStatus::Ready
        | OrderStatus::InProgress
        | OrderStatus::Canceled
        | OrderStatus::Aborted
        | OrderStatus::Expired => None,
    }
}

impl Standing {
    fn of(status: OrderStatus, language: Language) -> Self {
        Self { name: standing::name(status, language), tone: standing::tone(status) }
    }
}

fn optional(moment: Option<OffsetDateTime>) -> Option<String> {
    moment.map(kst)
}

impl IntentRow {
    fn of(intent: IntentRecord, language: Language) -> Self {
        let what = match intent.kind {
            1 => language.pick("결제 확인", "confirm"),
            2 => language.pick("환불", "cancel"),
            _ => language.pick("다시 확인", "check"),
        };
        let lease = intent.leased_until.zip(intent.lease_owner);
        Self {
            what,
            payment_no: intent.payment_no,
            due_at: kst(intent.due_at),
            lease: lease.map(|(until, owner)| Lease { until: kst(until), owner }),
            fence: intent.fence,
            attempts: intent.attempts,
            snoozes: intent.snoozes,
        }
    }
}

impl PaymentRow {
    fn of(payment: PaymentRecord, pays: bool, language: Language) -> Self {
        let bank_refund = BankRefund::of(&payment, language);
        // Every state of a payment is one of an order too.
        let status = OrderStatus::parse(payment.status.as_str()).unwrap_or(OrderStatus::Review);
        Self {
            number: payment.payment_no,
            pays,
            key: payment.payment_key.to_string(),
            status: Standing::of(status, language),
            amount: language.won(payment.amount),
            balance: payment.balance.map(|balance| language.won(balance)),
            method: payment.method.map(|method| methods::name(&method, language).to_owned()),
            key_epoch: payment.key_epoch,
            sent_with: payment.sent_with,
            accepted_at: kst(payment.accepted_at),
            approved_at: optional(payment.approved_at),
            unanswered_at: optional(payment.unanswered_at),
            check_at: optional(payment.check_at),
            refusal: payment.refusal.as_deref().map(quotation),
            ask_first: payment.ask_first,
            bank_refund,
        }
    }
}

impl CancelRow {
    fn of(transfer: Option<BankTransfer>, cancel: CancelRecord, language: Language) -> Self {
        let (tone, name) = standing::of_refund(cancel.status, transfer, language);
        let call_off = CallOff::of(&cancel);
        Self {
            number: cancel.cancel_no,
            payment_no: cancel.payment_no,
            name,
            tone,
            amount: language.won(cancel.amount),
            expected_balance: language.won(cancel.expected_balance),
            reason: cancel.reason,
            actor: actor(&cancel.actor, language).to_owned(),
            key_epoch: cancel.key_epoch,
            requested_at: kst(cancel.requested_at),
            finished_at: optional(cancel.finished_at),
            error: cancel.error.as_ref().map(toss_words),
            call_off,
        }
    }
}

impl AttemptRow {
    fn of(attempt: AttemptRecord, language: Language) -> Self {
        let about = match attempt.cancel_no {
            Some(cancel_no) => format!("{}-{cancel_no}", attempt.payment_no),
            None => attempt.payment_no.to_string(),
        };
        let no_answer = || language.pick("답 없음", "no answer").to_owned();
        let answer = attempt.http_status.map_or_else(no_answer, |status| status.to_string());
        // Toss's word for it; what it means for us is the outcome.
        let code = attempt.code.as_deref().map(quotation).unwrap_or_default();
        Self {
            // The column's head names the zone.
            at: kst(attempt.finished_at).trim_end_matches(" (KST)").to_owned(),
            call: attempt.call,
            about,
            answer: format!("{answer} {code}").trim_end().to_owned(),
            tone: outcome_tone(&attempt.outcome),
            outcome: attempt.outcome,
            key_epoch: attempt.key_epoch,
            key_id: attempt.api_key_id,
            duration_ms: attempt.duration_ms,
            trace_id: attempt.trace_id.as_deref().map(quotation).unwrap_or_default(),
            stale: attempt.stale,
        }
    }
}

fn outcome_tone(outcome: &str) -> &'static str {
    match outcome {
        "approved" | "returned" => "good",
        "failed" | "refused" => "bad",
        "review" => "care",
        _ => "wait",
    }
}

impl Moment {
    fn of(event: EventRecord, is_on_its_way: bool, language: Language) -> Self {
        let step = if is_on_its_way { causes::booked_step } else { causes::step };
        let step = step(&event.cause, event.to_status, language);
        Self {
            tone: step.tone,
            name: step.name,
            words: step.words.unwrap_or_default().to_owned(),
            cause: event.cause,
            actor: actor(&event.actor, language),
            payment_no: event.payment_no,
            reason: event.reason.as_deref().map(quotation),
            at: kst(event.at),
        }
    }
}

fn actor(actor: &str, language: Language) -> &'static str {
    match actor {
        "shopper" => language.pick("구매자", "shopper"),
        "worker" => language.pick("워커", "worker"),
        "operator" => language.pick("운영자", "operator"),
        _ => language.pick("서버", "server"),
    }
}

#[cfg(test)]
#[path = "detail_tests.rs"]
mod tests;
