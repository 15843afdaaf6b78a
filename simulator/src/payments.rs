//! The payments and their state machine. No HTTP and no JSON: see `wire` for how a payment looks outside.
//!
//! ```text
//! READY --authenticate--> IN_PROGRESS --confirm--> DONE --cancel--> CANCELED or PARTIAL_CANCELED
//!   |                      |   |   '---- declined ---> ABORTED
//!   '-- 30 min --> EXPIRED <---'   |                       deposit
//!                                  '-- virtual account --> WAITING_FOR_DEPOSIT <--> DONE
//! ```
//!
//! From opening to confirm is here; how money comes in is in `approval`, how it goes back in `cancel`.
//!
//! Expiry is never stored: it follows from when a payment was opened or authenticated and from the clock, so no sweep
//! can be late. A confirm that arrived in time keeps its payment from expiring while it is being worked on. At most
//! [`PAYMENTS_MAX`] payments are kept; the oldest finished ones make room for new ones.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

pub(crate) mod approval;
pub(crate) mod cancel;
mod choice;
pub(crate) mod deadlines;

use crate::cash_receipts::CashReceipt;
use crate::clock;
use crate::errors::{ALREADY_PROCESSED_PAYMENT, Code, INVALID_API_KEY, NOT_FOUND_PAYMENT, NOT_FOUND_PAYMENT_SESSION};
use crate::keys;
use crate::means::Means;
use crate::merchants::Owner;
use crate::method::Method;
use crate::visit::Visit;
use approval::Approval;
use cancel::Cancel;
use deadlines::Deadlines;

/// About 800 bytes each; fifty seconds of the highest rate the simulator is built for.
const PAYMENTS_MAX: usize = 500_000;
/// How many of the oldest are looked at to find a finished one: keeps opening a payment short even when none is.
const OLDEST_LOOKED_AT: usize = 16;

const AUTHENTICATE_WITHIN: Duration = Duration::minutes(30);
const CONFIRM_WITHIN: Duration = Duration::minutes(10);

#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) key: Arc<str>,
    pub(crate) owner: Owner,
    pub(crate) order_id: Arc<str>,
    pub(crate) order_name: Arc<str>,
    pub(crate) currency: Currency,
    pub(crate) amount: i64,
    /// The part of the amount that carries no VAT.
    pub(crate) tax_free: i64,
    /// Unknown outside before the shopper has authenticated.
    pub(crate) means: Arc<Means>,
    pub(crate) partial_cancelable: bool,
    pub(crate) secret: Arc<str>,
    /// Absent when a test plays the shopper.
    pub(crate) visit: Option<Arc<Visit>>,
    /// What the shopper chose; absent until then.
    pub(crate) method: Option<Method>,
    pub(crate) requested_at: OffsetDateTime,
    /// Until when a virtual account takes the deposit; None while none is issued.
    pub(crate) due_at: Option<OffsetDateTime>,
    /// The key of the newest movement: issue, approval, deposit, cancel.
    pub(crate) last_transaction_key: Option<Arc<str>>,
    /// Oldest first.
    pub(crate) cancels: Vec<Arc<Cancel>>,
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
    InProgress {
        since: OffsetDateTime,
    },
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
    pub(crate) tax_free: i64,
    pub(crate) means: Means,
    pub(crate) partial_cancelable: bool,
    pub(crate) visit: Option<Visit>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenRefused {
    KeyTaken,
    Full,
}

/// What a confirm asks for, who asks, and when the request arrived.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) payment_key: String,
    pub(crate) order_id: String,
    pub(crate) amount: i64,
    pub(crate) caller: Owner,
    pub(crate) received_at: OffsetDateTime,
    /// The answer for an amount or orderId that is not the payment's.
    pub(crate) mismatch: Code,
}

impl Payment {
    pub(crate) fn status(&self, now: OffsetDateTime) -> Status {
        match &self.state {
            State::Ready if now - self.requested_at > AUTHENTICATE_WITHIN => Status::Expired,
            State::Ready => Status::Ready,
            State::InProgress { since } if now - *since > CONFIRM_WITHIN && !self.confirming => Status::Expired,
            State::InProgress { .. } => Status::InProgress,
            State::WaitingForDeposit => Status::WaitingForDeposit,
            State::Paid { .. } => match self.cancels.as_slice() {
                [] => Status::Done,
                [only] if only.amount == self.amount => Status::Canceled,
                // It stays so even when the partial cancels have left nothing.
                [..] => Status::PartialCanceled,
            },
            State::Withdrawn => Status::Canceled,
            State::Aborted { failure } => Status::Aborted(*failure),
        }
    }

    /// The approval of a payment whose money has moved, whether or not it went back later.
    pub(crate) fn approval(&self) -> Option<&Approval> {
        match &self.state {
            State::Paid { approval } => Some(approval),
            State::Ready
            | State::InProgress { .. }
            | State::WaitingForDeposit
            | State::Withdrawn
            | State::Aborted { .. } => None,
        }
    }

    /// What can still be cancelled.
    pub(crate) fn balance(&self) -> i64 {
        self.amount - self.cancels.iter().map(|cancel| cancel.amount).sum::<i64>()
    }

    /// The part of the balance that carries no VAT.
    pub(crate) fn tax_free_balance(&self) -> i64 {
        self.tax_free - self.cancels.iter().map(|cancel| cancel.tax_free).sum::<i64>()
    }

    fn is_finished(&self, now: OffsetDateTime) -> bool {
        match self.status(now) {
            Status::Ready | Status::InProgress => false,
            // An account nobody paid into in time: without this, abandoned ones would fill the table for good.
            Status::WaitingForDeposit => self.is_past_due(now),
            Status::Done | Status::PartialCanceled | Status::Canceled | Status::Aborted(_) | Status::Expired => true,
        }
    }

    /// The checks of a confirm in Toss's order: session, state, then amount. Whether the payment exists comes before,
    /// what the issuer says comes after.
    fn check_confirm(&self, confirm: &Confirm) -> Result<(), Code> {
        if !self.owner.same_pair(&confirm.caller) {
            return Err(INVALID_API_KEY);
        }
        match self.status(confirm.received_at) {
            Status::Ready | Status::Expired => return Err(NOT_FOUND_PAYMENT_SESSION),
            Status::WaitingForDeposit
            | Status::Done
            | Status::PartialCanceled
            | Status::Canceled
            | Status::Aborted(_) => return Err(ALREADY_PROCESSED_PAYMENT),
            Status::InProgress => {}
        }
        if *self.order_id != *confirm.order_id || self.amount != confirm.amount {
            return Err(confirm.mismatch);
        }
        if self.currency == Currency::Krw { self.means.check_amount(self.amount) } else { Ok(()) }
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

impl Payments {
    pub(crate) fn open(&mut self, opening: Opening, now: OffsetDateTime) -> Result<Payment, OpenRefused> {
        self.make_room(now)?;
        let key = self.free_key(opening.key, &opening.owner.merchant_id, now)?;
        let payment = Payment {
            key: Arc::clone(&key),
            owner: opening.owner,
            order_id: opening.order_id.into(),
            order_name: opening.order_name.into(),
            currency: opening.currency,
            amount: opening.amount,
            tax_free: opening.tax_free,
            means: Arc::new(opening.means),
            partial_cancelable: opening.partial_cancelable,
            secret: keys::secret().into(),
            visit: opening.visit.map(Arc::new),
            method: None,
            requested_at: now,
            due_at: None,
            last_transaction_key: None,
            cancels: Vec::new(),
            cash_receipts: Vec::new(),
            state: State::Ready,
            decline: None,
            confirming: false,
        };
        self.by_order.entry(Arc::clone(&payment.order_id)).or_default().push(Arc::clone(&key));
        self.oldest.push_back(Arc::clone(&key));
        self.wait_for_shopper(&payment);
        self.by_key.insert(key, payment.clone());
        Ok(payment)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Payment> {
        self.by_key.get(key)
    }

    pub(crate) fn of_order(&self, order_id: &str) -> impl Iterator<Item = &Payment> {
        self.by_order.get(order_id).into_iter().flatten().filter_map(|key| self.by_key.get(key))
    }

    /// The payment a query by orderId shows: the one opened last. Toss does not say which it picks.
    pub(crate) fn latest_of_order(&self, order_id: &str) -> Option<&Payment> {
        self.by_order.get(order_id)?.last().and_then(|key| self.by_key.get(key))
    }

    /// The shopper has authenticated: the ten minutes start. A shopper who does so twice gets the same answer again,
    /// and the minutes do not start anew. None when the payment is unknown, expired or decided.
    pub(crate) fn authenticate(&mut self, key: &str, decline: Option<Code>, now: OffsetDateTime) -> Option<Payment> {
        let payment = self.by_key.get_mut(key)?;
        match payment.status(now) {
            Status::Ready => {
                payment.state = State::InProgress { since: now };
                payment.decline = decline;
                let payment = payment.clone();
                self.wait_for_shop(&payment, now);
                Some(payment)
            }
            Status::InProgress => Some(payment.clone()),
            Status::WaitingForDeposit
            | Status::Done
            | Status::PartialCanceled
            | Status::Canceled
            | Status::Aborted(_)
            | Status::Expired => None,
        }
    }

    /// Checks a confirm that will be decided after a wait, and keeps its payment from expiring until then.
    pub(crate) fn begin_confirm(&mut self, confirm: &Confirm) -> Result<(), Code> {
        let payment = self.by_key.get_mut(confirm.payment_key.as_str()).ok_or(NOT_FOUND_PAYMENT)?;
        payment.check_confirm(confirm)?;
        payment.confirming = true;
        Ok(())
    }

    /// Decides a confirm: money moves, or an account is issued for it. Of any number of confirms of one payment exactly
    /// one gets past the check.
    pub(crate) fn confirm(&mut self, confirm: &Confirm, now: OffsetDateTime) -> Result<Payment, Code> {
        let payment = self.by_key.get_mut(confirm.payment_key.as_str()).ok_or(NOT_FOUND_PAYMENT)?;
        payment.check_confirm(confirm)?;
        if let Some(failure) = payment.decline {
            payment.state = State::Aborted { failure };
            return Ok(payment.clone());
        }
        payment.approve_or_issue(now);
        Ok(payment.clone())
    }

    fn free_key(
        &self,
        chosen: Option<String>,
        merchant_id: &str,
        now: OffsetDateTime,
    ) -> Result<Arc<str>, OpenRefused> {
        if let Some(chosen) = chosen {
            let free = !self.by_key.contains_key(chosen.as_str());
            return if free { Ok(chosen.into()) } else { Err(OpenRefused::KeyTaken) };
        }
        // Five random characters meet again within a busy second now and then.
        let moment = clock::compact(now);
        loop {
            let key = keys::payment_key(merchant_id, &moment);
            if !self.by_key.contains_key(key.as_str()) {
                return Ok(key.into());
            }
        }
    }

    fn make_room(&mut self, now: OffsetDateTime) -> Result<(), OpenRefused> {
        if self.by_key.len() < PAYMENTS_MAX {
            return Ok(());
        }
        for _ in 0..OLDEST_LOOKED_AT {
            let Some(key) = self.oldest.pop_front() else { break };
            match self.by_key.get(&key) {
                Some(payment) if !payment.is_finished(now) => self.oldest.push_back(key),
                Some(_) | None => {
                    self.forget(&key);
                    return Ok(());
                }
            }
        }
        Err(OpenRefused::Full)
    }

    fn forget(&mut self, key: &Arc<str>) {
        let Some(payment) = self.by_key.remove(key) else { return };
        if let Some(keys) = self.by_order.get_mut(&payment.order_id) {
            keys.retain(|other| other != key);
            if keys.is_empty() {
                self.by_order.remove(&payment.order_id);
            }
        }
    }
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

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Krw => "KRW",
            Self::Usd => "USD",
            Self::Jpy => "JPY",
        }
    }
}
