//! Why an order's state changed, in words. The worker and the statements in `shared` write one word for each reason; a test
//! reads their sources, so that none is left without a sentence here.

use shared::order::{OrderRecord, OrderStatus, OrderView};

use crate::{language::Language, standing};

pub(crate) const DECLINED: &str = "declined";
pub(crate) const TOSS_ABORTED: &str = "toss_aborted";
pub(crate) const DEPOSIT_TOO_LATE: &str = "deposit_too_late";
pub(crate) const LATE_APPROVAL: &str = "late_approval";
pub(crate) const REFUND_REFUSED: &str = "refund_refused";
pub(crate) const REFUND_NEEDS_ACCOUNT: &str = "refund_needs_account";
pub(crate) const REFUND_NOT_MADE: &str = "refund_not_made";
pub(crate) const DEPOSIT_REVERSED: &str = "deposit_reversed";
pub(crate) const CLOSED_SETTLED_OUTSIDE: &str = "closed_settled_outside";
pub(crate) const CLOSED_NOT_PAID: &str = "closed_not_paid";

#[cfg(test)]
pub(crate) const ACCOUNT_CLOSED: &str = "account_closed";
const REFUNDED: &str = "refunded";
const REFUNDED_IN_PART: &str = "refunded_in_part";
const REFUND_FAILED: &str = "refund_failed";
const REFUND_FOUND_LATE: &str = "refund_found_late";
const REFUND_CALLED_OFF: &str = "refund_called_off";
const REQUESTED: &str = "refund_requested";
const LATE_RETURNING: &str = "late_approval_returning";
const LATE_RETURNED: &str = "late_approval_returned";
const SECOND_RETURNING: &str = "second_approval_returning";
const SECOND_RETURNED: &str = "second_approval_returned";

/// Each says why, and nothing about money: the page does that by what it knows.
static WORDS: &[(&str, &str, &str)] = &[
    ("confirm_accepted", "결제 확인을 접수했습니다", "The confirm was accepted"),
    ("toss_approved", "토스페이먼츠가 승인했습니다", "Toss Payments approved it"),
    ("canceled_at_toss", "토스페이먼츠에서 결제가 취소되었습니다", "The payment was canceled at Toss Payments"),
    ("account_issued", "가상계좌가 발급되었습니다", "A virtual account was issued"),
    (DECLINED, "결제가 승인되지 않았습니다", "The payment was not approved"),
    ("request_refused", "토스페이먼츠가 결제 요청을 받아들이지 않았습니다", "Toss Payments did not take our request"),
    ("request_forbidden", "토스페이먼츠가 결제 요청을 허용하지 않았습니다", "Toss Payments did not allow our request"),
    ("confirm_too_late", "결제를 승인할 수 있는 시간이 지났습니다", "The time to approve the payment was over"),
    ("payment_unknown", "토스페이먼츠에 없는 결제입니다", "Toss Payments does not know this payment"),
    (TOSS_ABORTED, "토스페이먼츠에서 결제가 중단되었습니다", "The payment ended at Toss Payments"),
    ("toss_expired", "토스페이먼츠에서 결제가 만료되었습니다", "The payment expired at Toss Payments"),
    ("payment_not_ours", "이 주문의 결제가 아닙니다", "The payment does not belong to this order"),
    ("not_confirmed_in_time", "제시간에 결제가 확인되지 않았습니다", "The payment was not confirmed in time"),
    (DEPOSIT_TOO_LATE, "입금 기한이 지났습니다", "The deposit did not come in time"),
    (DEPOSIT_REVERSED, "은행이 입금을 되돌렸습니다", "The bank took the deposit back"),
    ("not_paid_in_time", "기한 안에 결제하지 않았습니다", "Nobody paid in time"),
    (LATE_APPROVAL, "늦게 승인된 결제로 주문을 되살렸습니다", "A late approval brought the order back"),
    (LATE_RETURNING, "늦게 승인된 결제를 돌려드리기 시작했습니다", "We began to give back a late approval"),
    (LATE_RETURNED, "늦게 승인된 결제를 돌려드렸습니다", "The late approval was given back"),
    (SECOND_RETURNING, "이중 결제를 돌려드리기 시작했습니다", "We began to give back a second payment"),
    (SECOND_RETURNED, "이중 결제를 돌려드렸습니다", "The second payment was given back"),
    (REQUESTED, "환불을 접수했습니다", "A refund was asked for"),
    (REFUNDED, "결제한 금액을 모두 돌려드렸습니다", "All of the payment was given back"),
    (REFUNDED_IN_PART, "결제한 금액의 일부를 돌려드렸습니다", "A part of the payment was given back"),
    ("account_closed", "입금 전에 가상계좌를 닫았습니다", "The virtual account was closed before a deposit"),
    (
        "toss_contradicts",
        "토스페이먼츠의 답이 앞선 기록과 다릅니다",
        "What Toss Payments says contradicts what it said before",
    ),
    (REFUND_REFUSED, "토스페이먼츠가 환불을 받아들이지 않았습니다", "Toss Payments did not take the refund"),
    (
        REFUND_NEEDS_ACCOUNT,
        "입금하신 돈을 돌려드리려면 받으실 계좌가 필요합니다",
        "To give the deposit back, an account is needed that it can go to",
    ),
    ("review_not_as_agreed", "승인된 결제의 내용이 주문과 다릅니다", "The approved payment is not as the order says"),
    (
        "review_no_proof",
        "오래 확인했지만 결제 여부가 밝혀지지 않았습니다",
        "After a long search it is still open whether the payment went through",
    ),
    (
        "review_nothing_to_refund",
        "돌려드릴 결제가 토스페이먼츠에서 확인되지 않습니다",
        "Toss Payments does not show the payment that we want to give back",
    ),
    (
        "no_answer_about_this_payment",
        "토스페이먼츠가 이 결제에 대해서만 하루 동안 답하지 않았습니다",
        "For a day Toss Payments has not answered about this payment, and it answers about others",
    ),
    (REFUND_NOT_MADE, "자동으로 시작한 환불이 이루어지지 않았습니다", "A refund that began automatically was not made"),
    (REFUND_FAILED, "환불이 이루어지지 않은 것을 확인했습니다", "It is certain that the refund was not made"),
    (
        REFUND_FOUND_LATE,
        "이루어지지 않은 것으로 보였던 환불이 처리된 것을 확인했습니다",
        "A refund that seemed not to have been made was made after all",
    ),
    ("refund_call_off_requested", "상점에서 환불을 멈추도록 했습니다", "The shop asked to call the refund off"),
    (REFUND_CALLED_OFF, "환불을 멈추었고, 환불된 금액은 없습니다", "The refund was called off before it was made"),
    (
        "lookup_requested",
        "상점에서 토스페이먼츠에 다시 확인하도록 했습니다",
        "The shop asked for another lookup at Toss Payments",
    ),
    ("close_requested", "상점에서 확인을 종결하도록 했습니다", "The shop asked to close the review"),
    (
        "toss_agrees_again",
        "토스페이먼츠에서 결제된 것이 다시 확인되었습니다",
        "Toss Payments shows the payment as paid again",
    ),
    (
        "review_ended",
        "토스페이먼츠에 남은 결제 금액이 없는 것을 확인했습니다",
        "Toss Payments holds nothing of the payment any more",
    ),
    (
        CLOSED_SETTLED_OUTSIDE,
        "상점이 토스페이먼츠를 거치지 않고 정리해 종결했습니다",
        "The shop settled it outside of Toss Payments and closed it",
    ),
    (CLOSED_NOT_PAID, "결제되지 않은 것을 확인하고 종결했습니다", "It was closed: no money was taken for it"),
    (
        "bank_refund_closed",
        "은행이 입금하지 못한 환불을 상점이 따로 처리했습니다",
        "The shop settled the refund that the bank did not pay out",
    ),
    ("still_failed", "다시 확인했고, 승인되지 않은 그대로입니다", "We looked again: it is still not approved"),
];

pub(crate) fn words(cause: &str, language: Language) -> Option<&'static str> {
    let (_, korean, english) = WORDS.iter().find(|(known, ..)| *known == cause)?;
    Some(language.pick(korean, english))
}

/// What brought the order to where it stands. A refund of something else that was charged moves no order, so it explains
/// none; nor does one that was only asked for or that was not made, nor what an operator asked for.
pub(crate) fn why(order: &OrderView) -> Option<&str> {
    let events = order.events.iter().map(|event| (event.from_status, event.to_status, event.cause.as_str()));
    newest_reason(order.status, events)
}

/// The same of what an operator is shown.
pub(crate) fn why_recorded(order: &OrderRecord) -> Option<&str> {
    let events = order.events.iter().map(|event| (event.from_status, event.to_status, event.cause.as_str()));
    newest_reason(order.status, events)
}

fn newest_reason<'a>(
    status: OrderStatus,
    events: impl DoubleEndedIterator<Item = (Option<OrderStatus>, OrderStatus, &'a str)>,
) -> Option<&'a str> {
    let explains = |(from, to, cause): &(Option<OrderStatus>, OrderStatus, &str)| {
        let moved = *from != Some(*to);
        *to == status && refund(cause).is_none() && (moved || !is_note(cause))
    };
    events.rev().find(explains).map(|(.., cause)| cause)
}

/// Where it changed no state, it says nothing about the state.
fn is_note(cause: &str) -> bool {
    matches!(
        cause,
        REFUND_REFUSED
            | REFUND_FAILED
            | REFUND_FOUND_LATE
            | REFUND_CALLED_OFF
            | "refund_call_off_requested"
            | "lookup_requested"
            | "close_requested"
            | "bank_refund_closed"
    )
}

/// Does this cause bring an order into review?
#[cfg(test)]
pub(crate) fn leads_to_review(cause: &str) -> bool {
    cause.starts_with("review_") && cause != "review_ended"
        || matches!(
            cause,
            "toss_contradicts"
                | "no_answer_about_this_payment"
                | REFUND_REFUSED
                | REFUND_NEEDS_ACCOUNT
                | REFUND_NOT_MADE
        )
}

/// One line of an order's history.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) tone: &'static str,
    /// A cause without words yet is shown by its name, if at all.
    pub(crate) words: Option<&'static str>,
}

/// How a change is called and explained. A step of giving back may move no state, so its cause names it.
pub(crate) fn step(cause: &str, to: OrderStatus, language: Language) -> Step {
    if cause == REQUESTED && to == OrderStatus::WaitingForDeposit {
        return Step {
            name: language.pick("취소 중", "Canceling"),
            tone: standing::tone(OrderStatus::InProgress),
            words: Some(language.pick("주문 취소를 접수했습니다", "The cancellation was asked for")),
        };
    }
    let (name, of) = match refund(cause) {
        Some(Refund::Begun) => (returning(language), OrderStatus::InProgress),
        Some(Refund::Done) => (standing::refunded(language), OrderStatus::Canceled),
        None if cause == REFUNDED => (standing::refunded(language), OrderStatus::Canceled),
        None if cause == REFUND_REFUSED && to != OrderStatus::Review => {
            (language.pick("환불 거절", "Refund refused"), OrderStatus::Review)
        }
        None if cause == REFUND_FAILED && to != OrderStatus::Review => (failed(language), OrderStatus::Review),
        None if cause == REFUND_CALLED_OFF && to != OrderStatus::Review => {
            (language.pick("환불 중지", "Refund called off"), OrderStatus::Canceled)
        }
        None => (standing::name(to, language), to),
    };
    Step { name, tone: standing::tone(of), words: words(cause, language) }
}

/// How the same is called while a bank has not paid the refund into the account: Toss has booked it, and no more.
pub(crate) fn booked_step(cause: &str, to: OrderStatus, language: Language) -> Step {
    match cause {
        REFUNDED | REFUNDED_IN_PART | LATE_RETURNED | SECOND_RETURNED => Step {
            name: language.pick("환불 접수", "Refund booked"),
            tone: standing::tone(OrderStatus::InProgress),
            words: Some(language.pick("토스페이먼츠가 환불을 접수했습니다", "Toss Payments has booked the refund")),
        },
        _ => step(cause, to, language),
    }
}

pub(crate) fn failed(language: Language) -> &'static str {
    language.pick("환불 실패", "Refund failed")
}

pub(crate) fn returning(language: Language) -> &'static str {
    language.pick("환불 중", "Being refunded")
}

enum Refund {
    Begun,
    Done,
}

fn refund(cause: &str) -> Option<Refund> {
    match cause {
        REQUESTED | LATE_RETURNING | SECOND_RETURNING => Some(Refund::Begun),
        LATE_RETURNED | SECOND_RETURNED => Some(Refund::Done),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(cause, ..)| *cause)
}

#[cfg(test)]
#[path = "causes_tests.rs"]
mod tests;
