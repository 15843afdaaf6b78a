//! Our database: every statement as one move, over the tables of `worker::transitions` and by the rules of
//! `shared::outbox::decision`, which the workers run.

use std::sync::atomic::{AtomicBool, Ordering};

use shared::{
    order::OrderStatus,
    outbox::decision::{
        Decision, Facts, NextIntent, NextLookup, OrderState, Payer, Paying, RefundEnd, Shown, Stock, decide_lookup,
        decide_refund,
    },
    payment::PaymentStatus,
};
use worker::transitions::{self, Kind, LookBack, Move};

use crate::{
    state::{Age, AtToss, Check, Claim, Flight, Found, Mark, Payment, Phase, Refund, Row, Sends, State, Worker},
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
    pub(crate) given_back_beside_an_account: AtomicBool,
    pub(crate) server_error: AtomicBool,
}

fn happened(what: &AtomicBool) {
    what.store(true, Ordering::Relaxed);
}

/// `payment/accept.sql`
pub(crate) fn accept(rules: &Rules, state: &mut State) -> Option<()> {
    let accepts = transitions::accepts(state.order.status, state.row.map(|row| row.kind), state.shelf);
    if !accepts || state.payments.len() == rules.payments {
        return None;
    }
    let payment = u8::try_from(state.payments.len()).unwrap();
    state.order = OrderState::new(OrderStatus::InProgress);
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
        order_status: state.order.status,
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

/// `outbox/settle.sql`, and for refunds and what needs a decision of its own `outbox::reconcile`.
pub(crate) fn settle(rules: &Rules, seen: &Seen, state: &mut State, worker: u8) {
    let Worker::Knows { claim, found, apart } = state.workers[usize::from(worker)] else { return };
    state.workers[usize::from(worker)] = Worker::Idle;
    let number = usize::from(claim.payment);
    if state.row.is_none() || !claim.fenced && rules.fence {
        happened(&seen.settled_late);
        let approved = matches!(found, Found::Payment { approved: true, .. });
        if transitions::suspects(state.payments[number].status, approved) {
            happened(&seen.suspected);
            state.payments[number].check = if rules.doubts_old_answers { Check::Later } else { Check::Due };
        }
        return;
    }
    let status = state.payments[number].status;
    let decision = match found {
        Found::Again { sends, unanswered, server_error, absent } => {
            keep(seen, state, &claim, sends, [unanswered, server_error, absent]);
            state.row = state.row.map(|row| Row { named: false, ..row });
            state.unfence(rules.fence);
            return;
        }
        Found::Payment { status: shown, .. } if !apart && claim.kind != Kind::Refund => {
            match transitions::settle(state.order.status, status, Some(shown)) {
                None => {
                    state.workers[usize::from(worker)] = Worker::Knows { claim, found, apart: true };
                    return;
                }
                Some(moved) => in_batch(state, moved),
            }
        }
        Found::Payment { status: shown, approved, .. } if claim.kind != Kind::Refund => {
            let shown = match shown {
                _ if approved => Shown::Approved(shown),
                PaymentStatus::WaitingForDeposit => Shown::Waiting,
                PaymentStatus::Aborted | PaymentStatus::Expired => Shown::Failed(shown),
                PaymentStatus::InProgress
                | PaymentStatus::Done
                | PaymentStatus::PartialCanceled
                | PaymentStatus::Canceled
                | PaymentStatus::Review => Shown::Unclear,
            };
            decide_lookup(&facts(state, &claim), shown)
        }
        Found::Returned(status) => decide_refund(&facts(state, &claim), RefundEnd::Made(status)),
        // Nothing shows how the refund ends: a person is told, and it goes on.
        Found::Payment { .. } => {
            state.order = decide_refund(&facts(state, &claim), RefundEnd::NeedsReview).order;
            state.row = state.row.map(|row| Row { named: false, ..row });
            state.unfence(rules.fence);
            return;
        }
        Found::Refused => decide_refund(&facts(state, &claim), RefundEnd::NeedsReview),
    };
    if let Found::Payment { kept_refusal, .. } = found {
        let payment = &mut state.payments[number];
        payment.proof = !kept_refusal || payment.sends.refused;
        if kept_refusal {
            happened(&seen.kept_refusal);
        }
    }
    if claim.kind == Kind::Check {
        if decision.order.status == OrderStatus::Done && state.order.status != OrderStatus::Done {
            happened(&seen.delivered_late);
        }
        if !apart {
            happened(&seen.still_failed);
        }
    }
    if state.order.status == OrderStatus::WaitingForDeposit && matches!(found, Found::Returned(_)) {
        happened(&seen.given_back_beside_an_account);
    }
    make(rules, seen, state, &claim, found, decision);
}

/// A move of the batch, as a decision.
fn in_batch(state: &State, moved: Move) -> Decision {
    let order = if moved.order == state.order.status {
        state.order
    } else {
        // It was unresolved, and so it holds its stock.
        OrderState { status: moved.order, review_holds_stock: true }
    };
    Decision {
        order,
        payment: moved.payment,
        keeps_answer: true,
        paying: if moved.pays { Paying::Begins } else { Paying::Unchanged },
        next_intent: NextIntent::None,
        next_lookup: match moved.look_back {
            LookBack::Stays => NextLookup::Unchanged,
            LookBack::Later => NextLookup::AfterFailure,
            LookBack::Never => NextLookup::Never,
        },
        because: None,
    }
}

/// `kept`: what the sends left behind.
fn keep(seen: &Seen, state: &mut State, claim: &Claim, after: Sends, [unanswered, server_error, absent]: [Mark; 3]) {
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
        server_error: marked(server_error, sends.server_error),
        absent: marked(absent, sends.absent),
        ..after
    };
    let sent = |flight: &&mut Flight| flight.payment == claim.payment && flight.cancel == refund;
    let toss = &mut state.toss[usize::from(claim.payment)];
    if unanswered == Mark::Now {
        state.flights.iter_mut().filter(sent).for_each(|flight| flight.marked = true);
        toss.lags_marked = toss.lags;
    }
    if server_error == Mark::Now {
        happened(&seen.server_error);
        state.flights.iter_mut().filter(sent).for_each(|flight| flight.errored = true);
        toss.lags_errored = toss.lags;
    }
}

fn holds(payment: &Payment) -> bool {
    matches!(payment.status, PaymentStatus::Done | PaymentStatus::PartialCanceled)
}

/// As `outbox/reconcile/facts.sql`.
fn facts(state: &State, claim: &Claim) -> Facts {
    let (number, payment) = (claim.payment, &state.payments[usize::from(claim.payment)]);
    let others = || (0_u8..).zip(&state.payments).filter(move |(other, _)| *other != number);
    let undecided = |status: PaymentStatus| {
        matches!(status, PaymentStatus::InProgress | PaymentStatus::WaitingForDeposit | PaymentStatus::Review)
    };
    Facts {
        order: state.order,
        payment: payment.status,
        payment_is_whole: payment.status == PaymentStatus::Done,
        payer: match state.paid_by {
            None => Payer::None,
            Some(payer) if payer == number => Payer::ThisPayment,
            Some(payer) => Payer::OtherPayment(state.payments[usize::from(payer)].status),
        },
        other_undecided: others().map(|(_, other)| other.status).find(|status| undecided(*status)),
        other_held: others().any(|(other, payment)| state.paid_by != Some(other) && holds(payment)),
        refund_running: claim.kind != Kind::Refund
            && state.payments.iter().any(|payment| payment.refund.as_ref().is_some_and(|refund| refund.live)),
        worker_refund_failed: payment.refund.as_ref().is_some_and(|refund| refund.failed),
        enough_stock: state.shelf,
        // What lags behind is younger than a minute, and so is what we wrote after it.
        changed_lately: state.toss[usize::from(number)].lags,
        close_requested: false,
    }
}

fn make(rules: &Rules, seen: &Seen, state: &mut State, claim: &Claim, found: Found, decision: Decision) {
    match decision.stock(state.order) {
        Stock::Unchanged => {}
        Stock::Back => state.shelf = true,
        Stock::Taken => state.shelf = false,
    }
    state.order = decision.order;
    if state.order.status != OrderStatus::Review {
        state.order.review_holds_stock = false;
    }
    let payment = &mut state.payments[usize::from(claim.payment)];
    if payment.status != decision.payment {
        (payment.sends.unanswered, payment.sends.server_error) = (None, None);
    }
    payment.status = decision.payment;
    payment.check = match decision.next_lookup {
        NextLookup::Unchanged => payment.check,
        NextLookup::AtOnce
        | NextLookup::AfterDoubt
        | NextLookup::AsDeposit
        | NextLookup::AsReview
        | NextLookup::AfterFailure => Check::Later,
        // A young deposit may be taken back; no bank of the model does.
        NextLookup::Never | NextLookup::AsYoungDeposit => Check::Never,
    };
    match decision.paying {
        Paying::Unchanged => {}
        Paying::Begins => state.paid_by = Some(claim.payment),
        Paying::Ceases => state.paid_by = None,
    }
    match decision.next_intent {
        NextIntent::None => {
            state.row = None;
            if let (Kind::Refund, Some(refund)) = (claim.kind, &mut payment.refund) {
                let failed = !matches!(found, Found::Returned(_));
                *refund = Refund { sends: Sends::NONE, live: false, failed };
            }
        }
        NextIntent::Refund => {
            happened(&seen.given_back);
            payment.refund = Some(Refund { sends: Sends::NONE, live: true, failed: false });
            state.row = Some(Row { kind: Kind::Refund, payment: claim.payment, named: false });
        }
    }
    state.unfence(rules.fence);
}

/// `outbox/sweep_rest.sql`, for the checks; the oldest payment first.
pub(crate) fn sweep(state: &mut State, payment: u8) -> Option<()> {
    let due = state.payments[usize::from(payment)].check == Check::Due;
    if !due || state.row.is_some() || !transitions::looks_back(state.order.status) {
        return None;
    }
    state.row = Some(Row { kind: Kind::Check, payment, named: false });
    Some(())
}
