//! What must hold in every state, and what must be reached in some.

use shared::{order::OrderStatus, payment::PaymentStatus};
use stateright::Property;
use worker::transitions::Kind;

use crate::{
    Hanbeon,
    state::{Check, State},
    toss::Rules,
};

pub(crate) fn all(rules: &Rules) -> Vec<Property<Hanbeon>> {
    let mut all = vec![
        Property::always("no payment is approved twice", |_, state: &State| {
            state.toss.iter().all(|toss| toss.charges <= 1)
        }),
        Property::always("an accepted confirm has an intent or an end", |_, state: &State| has_intent_or_end(state)),
        Property::always("failed: Toss holds nothing, or it is looked at again", |_, state: &State| {
            state.payments.iter().zip(&state.toss).all(|(payment, toss)| {
                let pending =
                    payment.check != Check::Never || payment.refund.as_ref().is_some_and(|refund| refund.live);
                !(is_failed(payment.status) && toss.holds()) || pending
            })
        }),
        Property::always("a failure has a proof", |_, state: &State| {
            state.payments.iter().all(|payment| !is_failed(payment.status) || payment.proof)
        }),
        Property::always("stock is where the order says", |_, state: &State| stock_is_right(state)),
        Property::always("no order ends while a payment of it is awaited", |_, state: &State| {
            let awaited = state.payments.iter().any(|payment| payment.status == PaymentStatus::WaitingForDeposit);
            let ended = matches!(
                state.order.status,
                OrderStatus::Ready | OrderStatus::Aborted | OrderStatus::Expired | OrderStatus::Canceled
            );
            !(awaited && ended)
        }),
        Property::always("at most one payment pays", |_, state: &State| at_most_one_pays(state)),
        Property::always("at rest, the order says what Toss holds", |_, state: &State| {
            !state.is_quiet() || rests_right(state)
        }),
        Property::sometimes("paid by the first key", |_, state: &State| {
            state.is_quiet() && state.order.status == OrderStatus::Done && state.paid_by == Some(0)
        }),
        Property::sometimes("declined, for good", |_, state: &State| {
            state.is_quiet() && state.order.status == OrderStatus::Aborted
        }),
        Property::sometimes("too late, for good", |_, state: &State| {
            state.is_quiet() && state.order.status == OrderStatus::Expired
        }),
    ];
    // A worker that was frozen for a minute may send what was given up since; that is what the look back is for.
    if !rules.lies && !rules.late_senders {
        all.push(Property::always("an honest Toss: what failed is not held", |_, state: &State| {
            state.payments.iter().zip(&state.toss).all(|(payment, toss)| !is_failed(payment.status) || !toss.holds())
        }));
    }
    if rules.payments > 1 {
        all.push(Property::sometimes("paid by the second key", |_, state: &State| {
            state.is_quiet() && state.order.status == OrderStatus::Done && state.paid_by == Some(1)
        }));
    }
    all
}

fn is_failed(status: PaymentStatus) -> bool {
    matches!(status, PaymentStatus::Aborted | PaymentStatus::Expired)
}

fn has_intent_or_end(state: &State) -> bool {
    let confirming = (0_u8..).zip(&state.payments).filter(|(_, payment)| payment.status == PaymentStatus::InProgress);
    let mut confirming = confirming.map(|(number, _)| number);
    let live = state.row.filter(|row| row.kind == Kind::Confirm).map(|row| row.payment);
    let first = confirming.next();
    first == live && confirming.next().is_none() && first.is_some() == (state.order.status == OrderStatus::InProgress)
}

fn stock_is_right(state: &State) -> bool {
    [state.order.holds_stock(), state.shelf, state.sold].into_iter().filter(|place| *place).count() == 1
}

fn at_most_one_pays(state: &State) -> bool {
    let paying = |status: PaymentStatus| matches!(status, PaymentStatus::Done | PaymentStatus::PartialCanceled);
    (0_u8..).zip(&state.payments).all(|(number, payment)| {
        let returning = payment.refund.is_some();
        !paying(payment.status) || returning || state.paid_by == Some(number)
    })
}

fn rests_right(state: &State) -> bool {
    let holding: Vec<u8> =
        (0_u8..).zip(&state.toss).filter(|(_, toss)| toss.holds()).map(|(number, _)| number).collect();
    match state.order.status {
        OrderStatus::Done => state.paid_by.is_some_and(|payer| holding == [payer]),
        OrderStatus::Ready | OrderStatus::Aborted | OrderStatus::Expired | OrderStatus::Canceled => holding.is_empty(),
        OrderStatus::Review => true,
        OrderStatus::InProgress | OrderStatus::WaitingForDeposit | OrderStatus::PartialCanceled => false,
    }
}
