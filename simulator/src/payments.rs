//! The payments and their state machine. No HTTP and no JSON: see `wire` for how a payment looks outside.
//!
//! ```text
//! READY --authenticate--> IN_PROGRESS --confirm--> DONE --cancel--> CANCELED or PARTIAL_CANCELED
//!   |                      |   |   '---- declined ---> ABORTED
//!   '-- 30 min --> EXPIRED <---'   |                       deposit
//!                                  '-- virtual account --> WAITING_FOR_DEPOSIT <--> DONE
//! ```
//!
//! What a payment is, is here; where payments are kept is in `table`, how one is confirmed in `confirm`, how money comes
//! in in `approval`, and how it goes back in `cancel`.
//!
//! Expiry is never stored: it follows from when a payment was opened or authenticated and from the clock, so no sweep
//! can be late. A confirm that arrived in time keeps its payment from expiring while it is being worked on. At most
//! half a million payments are kept; the oldest finished ones make room for new ones.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

pub(crate) mod approval;
pub(crate) mod cancel;
mod choice;
pub(crate) mod confirm;
mod deadlines;
mod table;

use crate::amount::{self, Sum, Untaxed};
use crate::cash_receipts::CashReceipt;
use crate::errors::Code;
use crate::means::Means;
use crate::merchants::Owner;
use crate::method::Method;
use crate::switches::{BankRefund, CancelVat};
use crate::visit::Visit;
use approval::Approval;
use cancel::{Cancel, CancelStatus};
use deadlines::Deadlines;

const AUTHENTICATE_WITHIN: Duration = Duration::minutes(30);
const CONFIRM_WITHIN: Duration = Duration::minutes(10);

#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) key: Arc<str>,
    pub(crate) owner: Owner,
    pub(crate) order_id: Arc<str>,
    pub(crate) order_name: Arc<str>,
    pub(crate) currency: Currency,
    /// In the smallest unit of the currency, as every amount inside.
    pub(crate) amount: i64,
    pub(crate) untaxed: Untaxed,
    /// The money waits with Toss until the shopper has the goods.
    pub(crate) escrow: bool,
    /// Unknown outside before the shopper has authenticated.
    pub(crate) means: Arc<Means>,
    pub(crate) partial_cancelable: bool,
    pub(crate) secret: Arc<str>,
    /// The shop's own notes.
    pub(crate) metadata: Option<Arc<Map<String, Value>>>,
    /// Absent when a test plays the shopper.
    pub(crate) visit: Option<Arc<Visit>>,
    /// What the shopper chose; absent until then.
    pub(crate) method: Option<Method>,
    pub(crate) requested_at: OffsetDateTime,
    pub(crate) authenticated_at: Option<OffsetDateTime>,
    /// Until when a virtual account takes the deposit; None while none is issued.
    pub(crate) due_at: Option<OffsetDateTime>,
    /// The key of the newest movement: issue, approval, deposit, cancel.
    pub(crate) last_transaction_key: Option<Arc<str>>,
    /// Oldest first.
    pub(crate) cancels: Vec<Arc<Cancel>>,
    /// How far the bank is with what was given back into an account; None while nothing was.
    pub(crate) bank_refund: Option<BankRefund>,
    /// Oldest first: one for the approval, one for each cancel after it.
    pub(crate) cash_receipts: Vec<Arc<CashReceipt>>,
    state: State,
    /// The issuer's answer, chosen by the shopper in the window or by the control API; None approves.
    decline: Option<Code>,
    /// A confirm that arrived in time is being worked on: the session stays alive until it has decided.
    confirming: bool,
}

#[derive(Debug, Clone)]
enum State {
    Ready,
    InProgress,
    WaitingForDeposit,
    /// The money has moved; the cancels say how much of it went back.
    Paid {
        approval: Arc<Approval>,
    },
    /// Cancelled before the deposit: no money ever moved.
    Withdrawn,
    Aborted {
        failure: Code,
    },
}

/// What a payment is at one moment: its state, with the two clocks applied.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Status {
    Ready,
    InProgress,
    WaitingForDeposit,
    Done,
    PartialCanceled,
    Canceled,
    Aborted(Code),
    Expired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Currency {
    Krw,
    Usd,
    Jpy,
}

/// A payment about to be opened, already checked by whoever read it.
pub(crate) struct Opening {
    /// Chosen by a test; otherwise made in Toss's form.
    pub(crate) key: Option<String>,
    pub(crate) owner: Owner,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) currency: Currency,
    pub(crate) amount: i64,
    pub(crate) untaxed: Untaxed,
    pub(crate) escrow: bool,
    pub(crate) means: Means,
    /// None: as the method and the kind of sale say.
    pub(crate) partial_cancelable: Option<bool>,
    pub(crate) metadata: Option<Map<String, Value>>,
    pub(crate) visit: Option<Visit>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenRefused {
    KeyTaken,
    Full,
}

impl Payment {
    pub(crate) fn status(&self, now: OffsetDateTime) -> Status {
        match &self.state {
            State::Ready if now - self.requested_at > AUTHENTICATE_WITHIN => Status::Expired,
            State::Ready => Status::Ready,
            State::InProgress if self.session_is_over(now) && !self.confirming => Status::Expired,
            State::InProgress => Status::InProgress,
            State::WaitingForDeposit => Status::WaitingForDeposit,
            State::Paid { .. } => {
                let mut cancels = self.done_cancels();
                match (cancels.next(), cancels.next()) {
                    (None, _) => Status::Done,
                    (Some(only), None) if only.whole => Status::Canceled,
                    // It stays so even when the partial cancels have left nothing.
                    (Some(_), _) => Status::PartialCanceled,
                }
            }
            State::Withdrawn => Status::Canceled,
            State::Aborted { failure } => Status::Aborted(*failure),
        }
    }

    /// The approval of a payment whose money has moved, whether or not it went back later.
    pub(crate) fn approval(&self) -> Option<&Approval> {
        match &self.state {
            State::Paid { approval } => Some(approval),
            State::Ready | State::InProgress | State::WaitingForDeposit | State::Withdrawn | State::Aborted { .. } => {
                None
            }
        }
    }

    /// The cancels that took money back; one that waits or failed did not.
    fn done_cancels(&self) -> impl Iterator<Item = &Cancel> {
        self.cancels.iter().filter(|cancel| cancel.status == CancelStatus::Done).map(Arc::as_ref)
    }

    /// What can still be cancelled.
    pub(crate) fn balance(&self) -> i64 {
        self.amount - self.done_cancels().map(|cancel| cancel.amount).sum::<i64>()
    }

    /// So many of the smallest unit, in the payment's currency.
    pub(crate) fn sum(&self, units: i64) -> Sum {
        Sum { units, currency: self.currency }
    }

    /// The parts of the balance that carry no VAT.
    pub(crate) fn untaxed_balance(&self) -> Untaxed {
        self.done_cancels().fold(self.untaxed, |left, cancel| left.less(cancel.untaxed))
    }

    /// The VAT in the balance.
    pub(crate) fn vat_balance(&self, on_cancel: CancelVat) -> i64 {
        let taxed = self.balance() - self.untaxed_balance().sum();
        match on_cancel {
            CancelVat::Subtract if taxed > 0 => {
                let taken = self.done_cancels().map(|cancel| amount::vat(cancel.amount - cancel.untaxed.sum()));
                amount::vat(self.amount - self.untaxed.sum()) - taken.sum::<i64>()
            }
            CancelVat::Subtract | CancelVat::Anew => amount::vat(taxed),
        }
    }

    fn session_is_over(&self, now: OffsetDateTime) -> bool {
        self.authenticated_at.is_some_and(|since| now - since > CONFIRM_WITHIN)
    }

    fn is_finished(&self, now: OffsetDateTime) -> bool {
        match self.status(now) {
            Status::Ready | Status::InProgress => false,
            // An account nobody paid into in time: without this, abandoned ones would fill the table for good.
            Status::WaitingForDeposit => self.is_past_due(now),
            Status::Done | Status::PartialCanceled | Status::Canceled | Status::Aborted(_) | Status::Expired => true,
        }
    }
}

/// Escrow is released or taken back whole, and so is a card payment with a part outside of taxation.
fn is_partial_cancelable(means: &Means, untaxed: Untaxed, escrow: bool) -> bool {
    let is_outside_of_tax = matches!(means, Means::Card(_)) && untaxed.exempt > 0;
    means.is_partial_cancelable() && !escrow && !is_outside_of_tax
}

impl Opening {
    fn is_partial_cancelable(&self) -> bool {
        is_partial_cancelable(&self.means, self.untaxed, self.escrow)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Payments {
    by_key: HashMap<Arc<str>, Payment>,
    /// The keys of an order's payments, oldest first.
    by_order: HashMap<Arc<str>, Vec<Arc<str>>>,
    oldest: VecDeque<Arc<str>>,
    unauthenticated: Deadlines,
    unconfirmed: Deadlines,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::InProgress => "IN_PROGRESS",
            Self::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Self::Done => "DONE",
            Self::PartialCanceled => "PARTIAL_CANCELED",
            Self::Canceled => "CANCELED",
            Self::Aborted(_) => "ABORTED",
            Self::Expired => "EXPIRED",
        }
    }
}

impl Currency {
    pub(crate) fn find(code: &str) -> Option<Self> {
        [Self::Krw, Self::Usd, Self::Jpy].into_iter().find(|currency| currency.code() == code)
    }

    /// How many of the smallest unit make one.
    pub(crate) fn units(self) -> i64 {
        match self {
            Self::Krw | Self::Jpy => 1,
            Self::Usd => 100,
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Krw => "KRW",
            Self::Usd => "USD",
            Self::Jpy => "JPY",
        }
    }
}
