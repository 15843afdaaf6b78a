//! The one place that hears of every change of a payment's status.
//!
//! Webhooks and the transaction list listen here. It is called after the change is made and the locks are free, once
//! for each change, with the payment as the change left it; two changes of one payment at the same moment may arrive
//! in either order. Expiry is no event: it follows from the clock alone and is not told here.

use time::OffsetDateTime;

use crate::Simulator;
use crate::payments::Payment;

/// The payment has just reached the status it now has, at `at` on the simulator's clock. Its newest movement is under
/// [`Payment::last_transaction_key`]; a cancel is the last of [`Payment::cancels`].
pub(crate) fn status_changed(simulator: &Simulator, payment: &Payment, at: OffsetDateTime) {
    let _ = simulator;
    tracing::debug!(payment = %payment.key, status = payment.status(at).name(), "a payment has changed");
}
