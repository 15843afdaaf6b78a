//! What one answer of Toss says, taken by itself.

use shared::{
    money::Krw,
    order::OrderNo,
    outbox::{Approval, Call, FailedStatus},
    payment::PaymentKey,
    toss::{Answer, Body, Payment, Reply},
};

use time::OffsetDateTime;

use crate::codes::{Class, class};

/// The payment that was asked about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub payment_key: &'a PaymentKey,
    pub order_no: OrderNo,
    pub amount: Krw,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Reading {
    /// No answer.
    Silence,
    /// Too many calls.
    TooMany,
    /// An error, by its code.
    Code(Class),
    /// Toss holds, or held, the money.
    Approved(Box<Approval>),
    /// A virtual account was issued; `expired`: its time is over, by Toss's own word.
    Waiting { expired: bool, due_at: Option<OffsetDateTime>, replayed: bool },
    /// Authenticated at most: nothing moved so far.
    NotMoved,
    /// It failed, and Toss will not take it up again.
    Failed(FailedStatus),
    /// The payment of another order: it does not pay ours.
    Foreign,
    /// Ours, and something about it is not as agreed.
    Odd,
    /// A state that is not known to us.
    Unknown,
}

pub(crate) fn read(about: About<'_>, call: Call, reply: &Reply) -> Reading {
    match reply {
        Reply::NoAnswer(_) => Reading::Silence,
        Reply::Answer(answer @ Answer { body: Body::Payment(payment), .. }) => {
            read_payment(about, payment, answer.is_replay())
        }
        Reply::Answer(Answer { body: Body::Error { code, .. }, http_status, .. }) => {
            let class = class(call, code);
            // The one answer known by its status: Toss documents no code for it.
            let too_many = class == Class::Unclear && *http_status == 429;
            if too_many { Reading::TooMany } else { Reading::Code(class) }
        }
    }
}

fn read_payment(about: About<'_>, payment: &Payment, replayed: bool) -> Reading {
    if !payment.is_of(about.payment_key, about.order_no) {
        return Reading::Foreign;
    }
    let as_agreed = payment.is_over(about.amount);
    match payment.status.as_str() {
        // An account that was closed before anything was paid into it.
        "CANCELED" if payment.approved_at.is_none() => Reading::Failed(FailedStatus::Aborted),
        "DONE" | "PARTIAL_CANCELED" | "CANCELED" if !as_agreed => Reading::Odd,
        "DONE" | "PARTIAL_CANCELED" | "CANCELED" => {
            approval(about, payment, replayed).map_or(Reading::Odd, |approval| Reading::Approved(Box::new(approval)))
        }
        "WAITING_FOR_DEPOSIT" if as_agreed => Reading::Waiting {
            expired: payment.account.is_some_and(|account| account.expired),
            due_at: payment.account.and_then(|account| account.due_at),
            replayed,
        },
        "WAITING_FOR_DEPOSIT" => Reading::Odd,
        // Whatever the amount is that was authenticated: it is not taken.
        "IN_PROGRESS" | "READY" => Reading::NotMoved,
        "ABORTED" => Reading::Failed(FailedStatus::Aborted),
        "EXPIRED" => Reading::Failed(FailedStatus::Expired),
        _ => Reading::Unknown,
    }
}

/// Without a time of approval or a balance it is not a proof.
fn approval(about: About<'_>, payment: &Payment, replayed: bool) -> Option<Approval> {
    Some(Approval {
        amount: about.amount,
        balance: payment.balance_amount.and_then(Krw::new).filter(|balance| balance.won() <= about.amount.won())?,
        approved_at: payment.approved_at?,
        method: payment.method.clone(),
        receipt_url: payment.receipt_url.clone(),
        deposited: payment.account.is_some(),
        replayed,
        answer: payment.raw.clone(),
    })
}
