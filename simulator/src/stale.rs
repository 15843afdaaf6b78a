//! A query that has not yet heard of an approval or of a cancel, as from a copy of Toss's data that lags behind.
//!
//! Only what happened in the last seconds is hidden; everything else is answered as ever. This is what a client meets
//! that asks at once after a lost answer: "no such payment", "not approved" and an old balance prove nothing while they
//! are fresh.

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
    let is_recent = |at| now - at < lag;
    let hidden = asked_for(simulator, call).filter(|payment| {
        let happened = match shows {
            Shows::NotFound | Shows::Before => payment.approval().is_some_and(|approval| is_recent(approval.at)),
            Shows::BeforeCancels => payment.cancels.iter().any(|cancel| is_recent(cancel.at)),
        };
        payment.owner.same_merchant(&caller) && happened
    });
    match (hidden, shows) {
        (None, _) => operations::operate(simulator, call, caller, Duration::ZERO).await,
        (Some(_), Shows::NotFound) => Answer::error(NOT_FOUND_PAYMENT, call.language),
        (Some(payment), Shows::Before) => show(simulator, call, &payment.before_approval()),
        (Some(payment), Shows::BeforeCancels) => show(simulator, call, &payment.before_cancels(now - lag)),
    }
}

fn show(simulator: &Simulator, call: &Call, payment: &Payment) -> Answer {
    Answer::ok(&wire::payment(payment, simulator.view(simulator.clock.now(), call.language)))
}

/// Both kinds of query know the payment they are about.
fn asked_for(simulator: &Simulator, call: &Call) -> Option<Payment> {
    simulator.payments.with(|table| call.payment_key.as_deref().and_then(|key| table.get(key)).cloned())
}
