//! May this refund begin? A pure judgement of what was asked over what was seen.

use super::{LineLeft, Request};
use crate::{
    money::Krw,
    order::{OrderId, OrderStatus},
    payment::PaymentStatus,
};

/// Why a refund was not accepted. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownOrder,
    /// Nobody paid: there is nothing to give back.
    NotPaid,
    /// Its confirm, or another refund of it, is under way. Operations on an order are one at a time.
    AnotherRunning,
    /// Everything was given back before.
    AlreadyCanceled,
    /// The same, and the bank did not pay it into the account. Toss cancels nothing twice, so another cancel cannot mend it.
    TransferFailed,
    /// A human must look first: Toss holds nothing that we know of.
    InReview,
    ZeroAmount,
    AmountTooLarge {
        refundable: Krw,
    },
    /// Before the deposit, and in a review, only everything at once.
    OnlyInFull,
    AccountWanted,
    /// The money goes back where it came from.
    AccountNotWanted,
    /// `REFUND_ACCOUNT_KEY` is not set, so an account cannot be kept.
    NoAccountKey,
    /// A line that the order does not have, or that is named twice.
    UnknownLine {
        index: usize,
    },
    TooManyPieces {
        index: usize,
        left: i32,
    },
    /// The order kept changing while we looked. Asking again will tell.
    Busy,
}

/// The order as it was looked at.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) order_id: OrderId,
    pub(super) status: OrderStatus,
    pub(super) last_fence: i32,
    pub(super) payment: Option<Paid>,
    pub(super) at_work: bool,
    /// A refund into an account that Toss booked did not arrive, and nobody has settled it.
    pub(super) transfer_failed: bool,
    pub(super) cancels: i16,
    pub(super) lines: Vec<LineLeft>,
}

/// The payment that money can come back from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paid {
    pub(super) no: i16,
    pub(super) status: PaymentStatus,
    pub(super) balance: Krw,
    /// The shopper paid into a virtual account, so the money has no way back but an account that we are told.
    pub(super) into_account: bool,
}

/// What may be given back of an order, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refundable {
    pub amount: Krw,
    /// Not in parts.
    pub only_in_full: bool,
    /// It was paid into a virtual account, and has no way back but an account of the buyer's.
    pub needs_account: bool,
}

impl Seen {
    /// Whatever else is under way. `None`: Toss holds nothing of it.
    pub(super) fn refundable(&self) -> Option<Refundable> {
        let only_in_full = match self.status {
            OrderStatus::Done | OrderStatus::PartialCanceled => false,
            OrderStatus::WaitingForDeposit | OrderStatus::Review => true,
            OrderStatus::Ready
            | OrderStatus::InProgress
            | OrderStatus::Canceled
            | OrderStatus::Aborted
            | OrderStatus::Expired => return None,
        };
        let payment = self.payment.filter(|payment| payment.balance.won() > 0)?;
        let needs_account = payment.into_account && payment.status != PaymentStatus::WaitingForDeposit;
        Some(Refundable { amount: payment.balance, only_in_full, needs_account })
    }
}

/// What is to be written, and the order it holds for.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) order_id: OrderId,
    pub(super) status: OrderStatus,
    pub(super) last_fence: i32,
    pub(super) payment_no: i16,
    pub(super) payment_status: PaymentStatus,
    pub(super) cancels: i16,
    pub(super) balance: Krw,
    pub(super) amount: Krw,
    pub(super) in_full: bool,
}

impl Plan {
    pub(super) fn cancel_no(&self) -> i16 {
        self.cancels.saturating_add(1)
    }
}

pub(super) fn judge(request: &Request, seen: Option<&Seen>, has_account_key: bool) -> Result<Plan, Refusal> {
    let seen = seen.ok_or(Refusal::UnknownOrder)?;
    match seen.status {
        OrderStatus::InProgress => return Err(Refusal::AnotherRunning),
        // A late approval may be on its way back without having paid the order.
        OrderStatus::Ready | OrderStatus::Aborted | OrderStatus::Expired if seen.at_work => {
            return Err(Refusal::AnotherRunning);
        }
        OrderStatus::Ready | OrderStatus::Aborted | OrderStatus::Expired => return Err(Refusal::NotPaid),
        OrderStatus::Canceled if seen.transfer_failed => return Err(Refusal::TransferFailed),
        OrderStatus::Canceled => return Err(Refusal::AlreadyCanceled),
        OrderStatus::Done | OrderStatus::PartialCanceled | OrderStatus::WaitingForDeposit | OrderStatus::Review => {}
    }
    if seen.at_work {
        return Err(Refusal::AnotherRunning);
    }
    let payment = seen.payment.ok_or(Refusal::InReview)?;
    let Refundable { amount: balance, only_in_full, needs_account } =
        seen.refundable().ok_or(Refusal::AlreadyCanceled)?;
    let in_lines = in_lines(request, seen)?;
    let asked = request.amount.or(in_lines);
    let amount = asked.unwrap_or(balance);
    if amount.won() == 0 {
        return Err(Refusal::ZeroAmount);
    }
    if amount.won() > balance.won() {
        return Err(Refusal::AmountTooLarge { refundable: balance });
    }
    if only_in_full && (amount != balance || !request.lines.is_empty()) {
        return Err(Refusal::OnlyInFull);
    }
    match (needs_account, request.account.is_some()) {
        (true, false) => return Err(Refusal::AccountWanted),
        (false, true) => return Err(Refusal::AccountNotWanted),
        (true, true) if !has_account_key => return Err(Refusal::NoAccountKey),
        (true, true) | (false, false) => {}
    }
    Ok(Plan {
        order_id: seen.order_id,
        status: seen.status,
        last_fence: seen.last_fence,
        payment_no: payment.no,
        payment_status: payment.status,
        cancels: seen.cancels,
        balance,
        amount,
        in_full: only_in_full || asked.is_none(),
    })
}

/// What the lines cost together; `None` without lines.
fn in_lines(request: &Request, seen: &Seen) -> Result<Option<Krw>, Refusal> {
    let mut sum = 0_i64;
    for (index, wanted) in request.lines.iter().enumerate() {
        let twice = request.lines.iter().take(index).any(|line| line.product_id == wanted.product_id);
        let line = seen.lines.iter().find(|line| line.product_id == wanted.product_id.0).filter(|_| !twice);
        let line = line.ok_or(Refusal::UnknownLine { index })?;
        if wanted.quantity > line.left {
            return Err(Refusal::TooManyPieces { index, left: line.left });
        }
        sum = sum.saturating_add(line.unit_price.saturating_mul(i64::from(wanted.quantity)));
    }
    if request.lines.is_empty() { Ok(None) } else { Ok(Some(Krw::new(sum).unwrap_or(Krw::MAX))) }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
