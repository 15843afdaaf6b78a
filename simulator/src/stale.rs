//! A query that has not yet heard of an approval, as from a copy of Toss's data that lags behind.
//!
//! Only an approval of the last seconds is hidden; everything else is answered as ever. This is what a client meets
//! that asks at once after a lost answer: "no such payment" and "not approved" prove nothing while they are fresh.

use std::time::Duration;

use crate::Simulator;
use crate::answer::Answer;
use crate::call::Call;
use crate::errors::NOT_FOUND_PAYMENT;
use crate::faults::Shows;
use crate::merchants::Owner;
use crate::payments::Payment;
use crate::{operations, wire};

pub(crate) async fn query(simulator: &Simulator, call: &Call, caller: Owner, seconds: u64, shows: Shows) -> Answer {
    let now = simulator.clock.now();
    let lag = Duration::from_secs(seconds);
    let hidden = asked_for(simulator, call).filter(|payment| {
        payment.owner.same_merchant(&caller) && payment.approval().is_some_and(|approval| now - approval.at < lag)
    });
    match (hidden, shows) {
        (None, _) => operations::operate(simulator, call, caller, Duration::ZERO).await,
        (Some(_), Shows::NotFound) => Answer::error(NOT_FOUND_PAYMENT, call.language),
        (Some(payment), Shows::Before) => {
            Answer::ok(&wire::payment(&payment.before_approval(), simulator.view(now, call.language)))
        }
    }
}

/// Both kinds of query know the payment they are about.
fn asked_for(simulator: &Simulator, call: &Call) -> Option<Payment> {
    simulator.payments.with(|table| call.payment_key.as_deref().and_then(|key| table.get(key)).cloned())
}
