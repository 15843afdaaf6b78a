//! Our database: every statement as one move, over the tables of `worker::transitions`.

use std::sync::atomic::{AtomicBool, Ordering};

use shared::{order::OrderStatus, payment::PaymentStatus};
use worker::transitions::{self, Around, Intent, Kind, LookBack, Move, RefundEnd, Refunded, Stock};

use crate::{
    state::{Age, AtToss, Check, Claim, Found, Mark, Payment, Phase, Refund, Row, Sends, State, Worker},
    toss::Rules,
};

/// What happened somewhere: a model in which nothing can happen proves nothing.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) next_epoch: AtomicBool,
    pub(crate) settled_late: AtomicBool,
    pub(crate) suspected: AtomicBool,
    pub(crate) delivered_late: AtomicBool,
    pub(crate) given_back: AtomicBool,
    pub(crate) kept_refusal: AtomicBool,
    pub(crate) still_failed: AtomicBool,
}

fn happened(what: &AtomicBool) {
    what.store(true, Ordering::Relaxed);
}

/// `payment/accept.sql`
pub(crate) fn accept(rules: &Rules, state: &mut State) -> Option<()> {
    let accepts = transitions::accepts(state.order, state.row.map(|row| row.kind), state.shelf);
    if !accepts || state.payments.len() == rules.payments {
        return None;
    }
    let payment = u8::try_from(state.payments.len()).unwrap();
    state.order = OrderStatus::InProgress;
    state.shelf = false;
    state.payments.push(Payment {
        status: PaymentStatus::InProgress,
        phase: Phase::Posting,
        sends: Sends::NONE,
        check: Check::Never,
        proof: false,
        refund: None,
    });
    state.toss.push(AtToss::NEW);
    state.row = Some(Row { kind: Kind::Confirm, payment, named: false });
    state.unfence(rules.fence);
    Some(())
}

/// `outbox/claim.sql`, without taking it.
pub(crate) fn claim(state: &State, asks: bool) -> Option<Claim> {
    let row = state.row?;
    let payment = &state.payments[usize::from(row.payment)];
    let sends = match row.kind {
        Kind::Confirm | Kind::Check => payment.sends,
        Kind::Refund => payment.refund.as_ref()?.sends,
    };
    Some(Claim {
        fenced: true,
        kind: row.kind,
        payment: row.payment,
        order_status: state.order,
        payment_status: payment.status,
        phase: payment.phase,
        sends,
        abandoned: row.named,
        asks,
    })
}

pub(crate) fn take(rules: &Rules, state: &mut State, worker: u8, claim: Claim) {
    state.unfence(rules.fence);
    if let Some(row) = &mut state.row {
        row.named = true;
    }
    state.workers[usize::from(worker)] = Worker::Claimed(claim);
}

/// `outbox/settle.sql`, and for refunds and what stands apart the other two.
pub(crate) fn settle(rules: &Rules, seen: &Seen, state: &mut State, worker: u8) {
    let Worker::Knows { claim, found, apart } = state.workers[usize::from(worker)] else { return };
    state.workers[usize::from(worker)] = Worker::Idle;
    let number = usize::from(claim.payment);
    if state.row.is_none() || !claim.fenced && rules.fence {
        happened(&seen.settled_late);
        let approved = matches!(found, Found::Payment { approved: true, .. });
        if !apart && transitions::suspects(state.payments[number].status, approved) {
            happened(&seen.suspected);
            state.payments[number].check = if rules.doubts_old_answers { Check::Later } else { Check::Due };
        }
        return;
    }
    let payment = &state.payments[number];
    let pays = state.paid_by == Some(claim.payment);
    let moved = match found {
        Found::Again { sends, unanswered, absent } => {
            keep(seen, state, &claim, sends, unanswered, absent);
            transitions::settle(state.order, state.payments[number].status, None)
        }
        Found::Payment { status, .. } if !apart && claim.kind != Kind::Refund => {
            transitions::settle(state.order, payment.status, Some(status))
        }
        Found::Payment { status, approved, .. } if claim.kind != Kind::Refund => {
            let around = Around {
                order: state.order,
                payment: payment.status,
                pays,
                refunding: state
                    .payments
                    .iter()
                    .any(|payment| payment.refund.as_ref().is_some_and(|refund| refund.live)),
                // What was given back is not held any more.
                refused: payment.refund.as_ref().is_some_and(|refund| !refund.live) && holds(payment),
                enough: state.shelf,
            };
            let balance = approved.then_some(if status == PaymentStatus::Canceled { 0 } else { 1_000 });
            Some(transitions::apart(around, status, balance))
        }
        Found::Returned(status) => {
            Some(transitions::refund(refunded(state, claim.payment), RefundEnd::Returned(status)))
        }
        Found::Payment { .. } | Found::Refused => {
            Some(transitions::refund(refunded(state, claim.payment), RefundEnd::Review))
        }
    };
    match moved {
        None => state.workers[usize::from(worker)] = Worker::Knows { claim, found, apart: true },
        Some(moved) => {
            if let Found::Payment { kept_refusal, .. } = found {
                let payment = &mut state.payments[number];
                payment.proof = !kept_refusal || payment.sends.refused;
                if kept_refusal {
                    happened(&seen.kept_refusal);
                }
            }
            if claim.kind == Kind::Check && moved.order == OrderStatus::Done && state.order != OrderStatus::Done {
                happened(&seen.delivered_late);
            }
            if claim.kind == Kind::Check && !apart && moved.intent == Intent::Ends {
                happened(&seen.still_failed);
            }
            make(rules, seen, state, &claim, moved);
        }
    }
}

/// `kept`: what the sends left behind.
fn keep(seen: &Seen, state: &mut State, claim: &Claim, after: Sends, unanswered: Mark, absent: Mark) {
    let payment = &mut state.payments[usize::from(claim.payment)];
    let refund = claim.kind == Kind::Refund;
    let sends = match (&mut payment.refund, refund) {
        (Some(refund), true) => &mut refund.sends,
        (_, _) => &mut payment.sends,
    };
    let marked = |mark: Mark, kept: Option<Age>| match mark {
        Mark::Keep => kept,
        Mark::Now => Some(Age::Young),
        Mark::Clear => None,
    };
    if after.epoch > sends.epoch {
        happened(&seen.next_epoch);
    }
    *sends = Sends {
        unanswered: marked(unanswered, sends.unanswered),
        absent: marked(absent, sends.absent),
        refused: sends.refused || after.refused,
        ..after
    };
    if unanswered == Mark::Now {
        let before =
            state.flights.iter_mut().filter(|flight| flight.payment == claim.payment && flight.cancel == refund);
        before.for_each(|flight| flight.marked = true);
        let toss = &mut state.toss[usize::from(claim.payment)];
        toss.lags_marked = toss.lags;
    }
}

fn holds(payment: &Payment) -> bool {
    matches!(payment.status, PaymentStatus::Done | PaymentStatus::PartialCanceled)
}

fn refunded(state: &State, payment: u8) -> Refunded {
    let others = || (0_u8..).zip(&state.payments).filter(move |(number, _)| *number != payment).map(|(_, other)| other);
    let pays = state.paid_by == Some(payment);
    let payer = state.paid_by.filter(|_| !pays).and_then(|payer| state.payments.get(usize::from(payer)));
    Refunded {
        order: state.order,
        payment: state.payments[usize::from(payment)].status,
        pays,
        payer: payer.map(|payer| payer.status),
        others_hold: others().any(holds),
    }
}

fn make(rules: &Rules, seen: &Seen, state: &mut State, claim: &Claim, moved: Move) {
    let payment = &mut state.payments[usize::from(claim.payment)];
    state.order = moved.order;
    if payment.status != moved.payment {
        payment.sends.unanswered = None;
    }
    payment.status = moved.payment;
    payment.check = match moved.look_back {
        LookBack::Stays => payment.check,
        // No payment of the model has a refund that somebody asked for.
        LookBack::AtOnce | LookBack::Later => Check::Later,
        LookBack::Never => Check::Never,
    };
    if moved.pays {
        state.paid_by = Some(claim.payment);
    } else if moved.ceases {
        state.paid_by = None;
    }
    match moved.stock {
        Stock::Stays => {}
        Stock::Back => state.shelf = true,
        Stock::Taken => state.shelf = false,
    }
    match moved.intent {
        Intent::Ends => {
            state.row = None;
            if let (Kind::Refund, Some(refund)) = (claim.kind, &mut payment.refund) {
                *refund = Refund { sends: Sends::NONE, live: false };
            }
        }
        Intent::LivesOn => state.row = state.row.map(|row| Row { named: false, ..row }),
        Intent::GivesBack => {
            happened(&seen.given_back);
            payment.refund = Some(Refund { sends: Sends::NONE, live: true });
            state.row = Some(Row { kind: Kind::Refund, payment: claim.payment, named: false });
        }
    }
    state.unfence(rules.fence);
}

/// `outbox/sweep_rest.sql`, for the checks; the oldest payment first.
pub(crate) fn sweep(state: &mut State, payment: u8) -> Option<()> {
    let due = state.payments[usize::from(payment)].check == Check::Due;
    if !due || state.row.is_some() || !transitions::looks_back(state.order) {
        return None;
    }
    state.row = Some(Row { kind: Kind::Check, payment, named: false });
    Some(())
}
