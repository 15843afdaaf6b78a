//! A confirm: what speaks against it, in which order, and what it decides.
//!
//! The order of the checks is: whose payment, whether another confirm of it runs, session and state, orderId and amount,
//! the order's other payments, limits of the method. Whether the payment exists comes before, what the issuer says comes
//! after. Of any number of confirms of one payment exactly one gets past the check.

use time::OffsetDateTime;

use super::{Currency, Payment, Payments, State, Status};
use crate::amount::Written;
use crate::errors::{ALREADY_PROCESSED_PAYMENT, Code, DUPLICATED_ORDER_ID, INVALID_API_KEY, NOT_FOUND_PAYMENT_SESSION};
use crate::merchants::Owner;
use crate::switches::{ConcurrentConfirm, Declined, RepeatedOrder, Switches};

/// What a confirm asks for, who asks, and when the request arrived.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) payment_key: String,
    pub(crate) order_id: String,
    pub(crate) amount: Written,
    pub(crate) caller: Owner,
    pub(crate) received_at: OffsetDateTime,
    pub(crate) switches: Switches,
}

impl Payments {
    /// Checks a confirm that is about to be worked on, and keeps its payment from expiring until [`Self::end_confirm`].
    pub(crate) fn begin_confirm(&mut self, confirm: &Confirm) -> Result<(), Code> {
        let loses = confirm.switches.concurrent_confirm;
        let payment = self.checked_owner(confirm)?;
        // By default the one that loses is let in, and finds the payment decided when its own wait is over.
        if payment.confirming && loses != ConcurrentConfirm::AlreadyProcessedPayment {
            return Err(loses.code());
        }
        self.check_confirm(confirm)?;
        if let Some(payment) = self.by_key.get_mut(confirm.payment_key.as_str()) {
            payment.confirming = true;
        }
        Ok(())
    }

    /// Decides a confirm: money moves, or an account is issued for it, or the issuer declines.
    pub(crate) fn confirm(&mut self, confirm: &Confirm, now: OffsetDateTime) -> Result<Payment, Code> {
        self.check_confirm(confirm)?;
        let payment =
            self.by_key.get_mut(confirm.payment_key.as_str()).ok_or(confirm.switches.unknown_payment_key.code())?;
        match (payment.decline, confirm.switches.declined) {
            (None, _) => payment.approve_or_issue(now),
            (Some(failure), Declined::Aborted) => payment.state = State::Aborted { failure },
            (Some(failure), Declined::InProgress) => {
                // Declined once: whoever asks again has topped up the account.
                payment.decline = None;
                return Err(failure);
            }
        }
        Ok(payment.clone())
    }

    /// The confirm that [`Self::begin_confirm`] let in has been answered.
    pub(crate) fn end_confirm(&mut self, payment_key: &str) {
        if let Some(payment) = self.by_key.get_mut(payment_key) {
            payment.confirming = false;
        }
    }

    fn checked_owner(&self, confirm: &Confirm) -> Result<&Payment, Code> {
        let payment = self.get(&confirm.payment_key).ok_or(confirm.switches.unknown_payment_key.code())?;
        if payment.owner.same_pair(&confirm.caller) { Ok(payment) } else { Err(INVALID_API_KEY) }
    }

    fn check_confirm(&self, confirm: &Confirm) -> Result<(), Code> {
        let payment = self.checked_owner(confirm)?;
        payment.check_session(confirm)?;
        let amount = confirm.amount.in_units_of(payment.currency);
        if *payment.order_id != *confirm.order_id || amount != Some(payment.amount) {
            return Err(confirm.switches.mismatch.code());
        }
        let paid_before = || self.of_order(&payment.order_id).any(|other| other.approval().is_some());
        if confirm.switches.repeated_order == RepeatedOrder::Refuse && paid_before() {
            return Err(DUPLICATED_ORDER_ID);
        }
        if payment.currency == Currency::Krw { payment.means.check_amount(payment.amount) } else { Ok(()) }
    }
}

impl Payment {
    fn check_session(&self, confirm: &Confirm) -> Result<(), Code> {
        match self.status(confirm.received_at) {
            Status::InProgress => Ok(()),
            Status::Ready => Err(confirm.switches.ready_confirm.code()),
            Status::Expired => Err(NOT_FOUND_PAYMENT_SESSION),
            Status::WaitingForDeposit
            | Status::Done
            | Status::PartialCanceled
            | Status::Canceled
            | Status::Aborted(_) => {
                let is_late = self.session_is_over(confirm.received_at);
                Err(if is_late { confirm.switches.late_reconfirm.code() } else { ALREADY_PROCESSED_PAYMENT })
            }
        }
    }
}
