//! How money goes back: what may be cancelled, in which order that is checked, and what a cancel leaves behind.
//!
//! A cancel either happens whole or not at all. The order of the checks is: whose payment, how soon after the last
//! cancel, status, the balance the caller believes in, amount, means, refund account. Where Toss's own answer is not
//! established it is a switch.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::{Currency, Payment, Payments, State, Status};
use crate::amount::{Untaxed, Written};
use crate::cash_receipts::CashReceipt;
use crate::errors::{
    ALREADY_CANCELED_PAYMENT, ALREADY_REFUNDING_PAYMENT, Code, EXCEED_MAX_REFUND_DUE, FORBIDDEN_CONSECUTIVE_REQUEST,
    INVALID_API_KEY, INVALID_BANK, INVALID_CURRENCY, INVALID_REFUND_ACCOUNT_INFO, INVALID_REFUND_ACCOUNT_NUMBER,
    INVALID_REQUEST, NOT_ALLOWED_PARTIAL_REFUND, NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT, NOT_CANCELABLE_AMOUNT,
    NOT_FOUND_PAYMENT, NOT_MATCHES_REFUNDABLE_AMOUNT,
};
use crate::institutions;
use crate::keys;
use crate::means::Means;
use crate::merchants::Owner;
use crate::order::is_order_id;
use crate::switches::{BankRefund, ConsecutiveCancel, OrderIds, Switches, WholeCancel};

/// Toss names no interval; a second is enough to catch a doubled click and short enough to wait for.
const CONSECUTIVE_WITHIN: Duration = Duration::SECOND;
const ACCOUNT_NUMBER_LENGTH_MAX: usize = 20;
const HOLDER_NAME_LENGTH_MAX: usize = 60;

#[derive(Debug, Clone)]
pub(crate) struct Cancel {
    pub(crate) transaction_key: Arc<str>,
    pub(crate) reason: String,
    pub(crate) at: OffsetDateTime,
    pub(crate) amount: i64,
    pub(crate) untaxed: Untaxed,
    pub(crate) easy_pay_discount: i64,
    /// What is left after this cancel.
    pub(crate) refundable: i64,
    /// All of the payment at once.
    pub(crate) whole: bool,
    /// Of the cash receipt that takes the first one back.
    pub(crate) receipt_key: Option<String>,
    pub(crate) status: CancelStatus,
    /// The merchant's name for a cancel that is decided later; none for the others.
    pub(crate) request_id: Option<String>,
}

/// Only a foreign wallet lets a cancel wait or fail after it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelStatus {
    Done,
    InProgress,
    Aborted,
}

impl CancelStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::InProgress => "IN_PROGRESS",
            Self::Aborted => "ABORTED",
        }
    }
}

/// A cancel as it is asked for, read but not yet compared with the payment.
#[derive(Debug)]
pub(crate) struct CancelRequest {
    pub(crate) payment_key: String,
    pub(crate) by: By,
    pub(crate) reason: String,
    /// None: everything left.
    pub(crate) amount: Option<Written>,
    pub(crate) tax_free: Option<Written>,
    pub(crate) tax_exempt: Option<Written>,
    /// The balance the caller believes in.
    pub(crate) refundable: Option<Written>,
    pub(crate) currency: Option<String>,
    pub(crate) refund_account: Option<RefundAccount>,
    pub(crate) request_id: Option<String>,
    pub(crate) switches: Switches,
}

#[derive(Debug)]
pub(crate) enum By {
    Merchant(Owner),
    /// Somebody in Toss's own console, who sees every payment.
    Console,
}

#[derive(Debug)]
pub(crate) struct RefundAccount {
    pub(crate) bank: String,
    pub(crate) number: String,
    pub(crate) holder_name: String,
}

impl Payments {
    pub(crate) fn cancel(&mut self, request: &CancelRequest, now: OffsetDateTime) -> Result<Payment, Code> {
        let payment = self.by_key.get_mut(request.payment_key.as_str()).ok_or(NOT_FOUND_PAYMENT)?;
        let mut cancel = payment.check_cancel(request, now)?;
        if let Some(receipt) = payment.cash_receipts.first() {
            let taken_back = CashReceipt::of_cancel(receipt, cancel.amount, cancel.untaxed.free, now);
            cancel.receipt_key = Some(taken_back.key.clone());
            payment.cash_receipts.push(Arc::new(taken_back));
        }
        match (&*payment.means, payment.approval()) {
            (Means::VirtualAccount(_), Some(_)) => payment.bank_refund = Some(request.switches.bank_refund),
            (Means::VirtualAccount(_), None) => payment.state = State::Withdrawn,
            (
                Means::Card(_)
                | Means::EasyPay(_)
                | Means::Transfer { .. }
                | Means::MobilePhone { .. }
                | Means::GiftCertificate { .. }
                | Means::ForeignEasyPay { .. },
                _,
            ) => {}
        }
        if cancel.status == CancelStatus::Done {
            payment.last_transaction_key = Some(Arc::clone(&cancel.transaction_key));
        }
        payment.cancels.push(Arc::new(cancel));
        Ok(payment.clone())
    }

    /// A bank says how far it is with what was given back into an account. None: nothing was.
    pub(crate) fn set_bank_refund(&mut self, key: &str, status: BankRefund) -> Option<Payment> {
        let payment = self.by_key.get_mut(key)?;
        payment.bank_refund = payment.bank_refund.map(|_| status);
        payment.bank_refund.map(|_| payment.clone())
    }

    /// A foreign wallet says what became of the cancel that waits for it. None when none does.
    pub(crate) fn decide_cancel(&mut self, key: &str, status: CancelStatus) -> Option<Payment> {
        let payment = self.by_key.get_mut(key)?;
        let cancel = Arc::make_mut(payment.cancels.last_mut()?);
        if cancel.status != CancelStatus::InProgress {
            return None;
        }
        cancel.status = status;
        if status == CancelStatus::Done {
            payment.last_transaction_key = Some(Arc::clone(&cancel.transaction_key));
        }
        Some(payment.clone())
    }
}

impl Payment {
    /// What a copy of the data still holds that has not heard of the cancels after this moment. The newest transaction it
    /// knows is the last cancel before it, or one whose key is not kept.
    pub(crate) fn before_cancels(&self, after: OffsetDateTime) -> Self {
        let cancels: Vec<_> = self.cancels.iter().filter(|cancel| cancel.at <= after).cloned().collect();
        let is_open_again = matches!(self.state, State::Withdrawn) && cancels.is_empty();
        let state = if is_open_again { State::WaitingForDeposit } else { self.state.clone() };
        let last_transaction_key = cancels.last().map(|cancel| Arc::clone(&cancel.transaction_key));
        Self { last_transaction_key, cancels, state, ..self.clone() }
    }

    fn check_cancel(&self, request: &CancelRequest, now: OffsetDateTime) -> Result<Cancel, Code> {
        self.check_caller(request, now)?;
        let status = self.status(now);
        match status {
            Status::Canceled => return Err(ALREADY_CANCELED_PAYMENT),
            Status::Ready | Status::InProgress | Status::Aborted(_) | Status::Expired => {
                return Err(request.switches.unpaid_cancel.code());
            }
            Status::WaitingForDeposit | Status::Done | Status::PartialCanceled => {}
        }
        if request.currency.as_deref().is_some_and(|currency| Currency::find(currency) != Some(self.currency)) {
            return Err(INVALID_CURRENCY);
        }
        if self.cancels.iter().any(|cancel| cancel.status == CancelStatus::InProgress) {
            return Err(ALREADY_REFUNDING_PAYMENT);
        }
        let (cancelled, request_id) = self.when_cancelled(request)?;
        let balance = self.balance();
        if self.units(request.refundable)?.is_some_and(|believed| believed != balance) {
            return Err(NOT_MATCHES_REFUNDABLE_AMOUNT);
        }
        let amount = self.units(request.amount)?.unwrap_or(balance);
        if balance == 0 || amount > balance {
            return Err(NOT_CANCELABLE_AMOUNT);
        }
        let untaxed = self.untaxed_part(request, amount, balance)?;
        self.check_means(request, amount < self.amount, now)?;
        Ok(Cancel {
            transaction_key: keys::transaction_key(&self.means),
            reason: request.reason.clone(),
            at: now,
            amount,
            untaxed,
            // The discount was never the shopper's money: it goes back with the last of it.
            easy_pay_discount: if amount == balance { self.means.easy_pay_discount() } else { 0 },
            refundable: balance - amount,
            whole: match request.switches.whole_cancel {
                WholeCancel::Canceled => amount == self.amount,
                WholeCancel::PartialCanceled => amount == self.amount && request.amount.is_none(),
            },
            receipt_key: None,
            status: cancelled,
            request_id,
        })
    }

    /// A cancel that is decided later needs a name to be told of by; for the others the name is ignored.
    fn when_cancelled(&self, request: &CancelRequest) -> Result<(CancelStatus, Option<String>), Code> {
        if !self.means.is_cancelled_later() {
            return Ok((CancelStatus::Done, None));
        }
        let named = request.request_id.as_ref().filter(|id| is_order_id(id, OrderIds::Loose));
        Ok((CancelStatus::InProgress, Some(named.ok_or(INVALID_REQUEST)?.clone())))
    }

    fn check_caller(&self, request: &CancelRequest, now: OffsetDateTime) -> Result<(), Code> {
        let By::Merchant(caller) = &request.by else { return Ok(()) };
        if !self.owner.same_merchant(caller) {
            return Err(NOT_FOUND_PAYMENT);
        }
        if !self.owner.same_pair(caller) {
            return Err(INVALID_API_KEY);
        }
        let too_soon = self.cancels.last().is_some_and(|last| now - last.at < CONSECUTIVE_WITHIN);
        match request.switches.consecutive_cancel {
            ConsecutiveCancel::Refuse if too_soon => Err(FORBIDDEN_CONSECUTIVE_REQUEST),
            ConsecutiveCancel::Refuse | ConsecutiveCancel::Allow => Ok(()),
        }
    }

    fn units(&self, written: Option<Written>) -> Result<Option<i64>, Code> {
        written.map(|written| written.in_units_of(self.currency).ok_or(INVALID_REQUEST)).transpose()
    }

    /// How much of the amount carries no VAT: what is asked for, and with the last of the balance all that is left.
    fn untaxed_part(&self, request: &CancelRequest, amount: i64, balance: i64) -> Result<Untaxed, Code> {
        let left = self.untaxed_balance();
        let unsaid = if amount == balance { left } else { Untaxed::default() };
        let asked = Untaxed {
            free: self.units(request.tax_free)?.unwrap_or(unsaid.free),
            exempt: self.units(request.tax_exempt)?.unwrap_or(unsaid.exempt),
        };
        let fits = asked.free <= left.free
            && asked.exempt <= left.exempt
            && asked.sum() <= amount
            && amount - asked.sum() <= balance - left.sum();
        if fits { Ok(asked) } else { Err(NOT_CANCELABLE_AMOUNT) }
    }

    fn check_means(&self, request: &CancelRequest, partial: bool, now: OffsetDateTime) -> Result<(), Code> {
        let Some(approval) = self.approval() else {
            // Before the deposit: there is nothing to give back, so no account to give it to, and no part of it.
            return if partial { Err(NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT) } else { Ok(()) };
        };
        if partial && !self.partial_cancelable {
            return Err(NOT_ALLOWED_PARTIAL_REFUND);
        }
        if !self.means.is_refundable(approval.at, now) {
            return Err(EXCEED_MAX_REFUND_DUE);
        }
        match (&*self.means, &request.refund_account) {
            (Means::VirtualAccount(_), Some(account)) => account.check(),
            (Means::VirtualAccount(_), None) => Err(request.switches.missing_refund_account.code()),
            // The shopper of every other method has the money where it came from.
            (
                Means::Card(_)
                | Means::EasyPay(_)
                | Means::Transfer { .. }
                | Means::MobilePhone { .. }
                | Means::GiftCertificate { .. }
                | Means::ForeignEasyPay { .. },
                _,
            ) => Ok(()),
        }
    }
}

impl RefundAccount {
    fn check(&self) -> Result<(), Code> {
        let digits = self.number.bytes().all(|byte| byte.is_ascii_digit());
        if institutions::bank(&self.bank).is_none() {
            return Err(INVALID_BANK);
        }
        if !digits || !(1..=ACCOUNT_NUMBER_LENGTH_MAX).contains(&self.number.len()) {
            return Err(INVALID_REFUND_ACCOUNT_NUMBER);
        }
        let holder = (1..=HOLDER_NAME_LENGTH_MAX).contains(&self.holder_name.chars().count());
        if holder { Ok(()) } else { Err(INVALID_REFUND_ACCOUNT_INFO) }
    }
}
