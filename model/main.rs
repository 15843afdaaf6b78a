//! Every interleaving of two workers, one order, up to two payments of it, and a Toss that is slow, forgetful in what it
//! shows and unclear in what it says. What is decided is decided by the functions that the workers run: what an answer means,
//! and what becomes of an order. What the common statements do is taken from `worker::transitions`.
//!
//! Bounds, all of them named in [`Rules`]: how many leases are lost and workers die, how many requests are on their way
//! at once, how many epochs are opened. Times are abstract: an age is below or above a minute, and a minute passes only
//! when what was sent before it can act no more.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod books;
mod explored;
mod promises;
mod real;
mod state;
mod toss;

use std::sync::Arc;

use books::Seen;
use explored::Explored;
use shared::{
    order::OrderStatus,
    outbox::{Call, decision::OrderState},
    payment::PaymentStatus,
};
use state::{Ans, At, Check, Flight, Found, State, Worker};
use stateright::{Model, Property};
use toss::{Rules, Ruling};
use worker::transitions::Kind;

struct Hanbeon {
    rules: Rules,
    seen: Arc<Seen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The shopper comes back from Toss's window with the next paymentKey.
    Accept,
    SomebodyElseBuys,
    ItComesBack,
    Claim {
        worker: u8,
        asks: bool,
    },
    Send {
        worker: u8,
    },
    Ask {
        worker: u8,
        shown: Ans,
    },
    GiveUp {
        worker: u8,
    },
    Settle {
        worker: u8,
    },
    Die {
        worker: u8,
    },
    Arrive {
        flight: usize,
    },
    Vanish {
        flight: usize,
    },
    Decide {
        flight: usize,
        ruling: Ruling,
    },
    CatchUp {
        payment: u8,
    },
    Lapse {
        payment: u8,
    },
    NextPhase {
        payment: u8,
    },
    AgeUnanswered {
        payment: u8,
        cancel: bool,
    },
    AgeServerError {
        payment: u8,
    },
    AgeAbsent {
        payment: u8,
        cancel: bool,
    },
    Deposit {
        payment: u8,
    },
    RefundInConsole {
        payment: u8,
    },
    LookUp {
        payment: u8,
    },
    CheckDue {
        payment: u8,
    },
    Sweep {
        payment: u8,
    },
}

impl Model for Hanbeon {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            order: OrderState::new(OrderStatus::Ready),
            paid_by: None,
            shelf: true,
            sold: false,
            payments: Vec::new(),
            row: None,
            workers: [Worker::Idle; 2],
            toss: Vec::new(),
            flights: Vec::new(),
            mishaps: 0,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        if state.payments.len() < self.rules.payments {
            steps.push(Step::Accept);
        }
        if self.rules.others_buy && !state.payments.is_empty() {
            let step = if state.shelf { Some(Step::SomebodyElseBuys) } else { state.sold.then_some(Step::ItComesBack) };
            steps.extend(step);
        }
        for worker in 0..2 {
            self.steps_of(state, worker, steps);
        }
        for (index, flight) in state.flights.iter().enumerate() {
            if flight.working {
                let at = state.toss[usize::from(flight.payment)].at;
                let rulings = toss::rulings(&self.rules, at, flight.cancel);
                steps.extend(rulings.into_iter().map(|ruling| Step::Decide { flight: index, ruling }));
            } else {
                steps.push(Step::Arrive { flight: index });
                if flight.waiter.is_none() {
                    steps.push(Step::Vanish { flight: index });
                }
            }
        }
        for (payment, at_toss) in (0_u8..).zip(&state.toss) {
            let known = &state.payments[usize::from(payment)];
            if at_toss.lags {
                steps.push(Step::CatchUp { payment });
            }
            if at_toss.at == At::InProgress {
                steps.push(Step::Lapse { payment });
            }
            if known.status == PaymentStatus::InProgress {
                steps.extend([Step::NextPhase { payment }, Step::AgeUnanswered { payment, cancel: false }]);
                steps.extend([Step::AgeServerError { payment }, Step::AgeAbsent { payment, cancel: false }]);
            }
            if known.refund.as_ref().is_some_and(|refund| refund.live) {
                steps
                    .extend([Step::AgeUnanswered { payment, cancel: true }, Step::AgeAbsent { payment, cancel: true }]);
            }
            if at_toss.at == At::Waiting {
                steps.push(Step::Deposit { payment });
            }
            if self.rules.operators && at_toss.at == At::Done {
                steps.push(Step::RefundInConsole { payment });
            }
            match known.check {
                Check::Never if self.rules.operators && known.status != PaymentStatus::InProgress => {
                    steps.push(Step::LookUp { payment });
                }
                Check::Never => {}
                Check::Later => steps.push(Step::CheckDue { payment }),
                Check::Due => steps.push(Step::Sweep { payment }),
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        self.make(&mut state, step)?;
        let state = state.tidy();
        (state != *last).then_some(state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        let epoch = |epoch: u8| epoch < self.rules.epochs;
        state.mishaps <= self.rules.mishaps
            && state.payments.iter().all(|payment| {
                epoch(payment.sends.epoch) && payment.refund.as_ref().is_none_or(|refund| epoch(refund.sends.epoch))
            })
            && state.workers.iter().all(|worker| !opens_too_much(&self.rules, worker))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all(&self.rules)
    }
}

impl Hanbeon {
    fn steps_of(&self, state: &State, worker: u8, steps: &mut Vec<Step>) {
        match &state.workers[usize::from(worker)] {
            Worker::Idle => {
                if let Some(claim) = books::claim(state, false) {
                    steps.push(Step::Claim { worker, asks: false });
                    if real::next_call(&claim) != Call::Query {
                        steps.push(Step::Claim { worker, asks: true });
                    }
                }
                return;
            }
            Worker::Claimed(claim) if real::next_call(claim) == Call::Query => {
                let views = toss::views(&self.rules, state, claim.payment);
                steps.extend(views.into_iter().map(|shown| Step::Ask { worker, shown }));
            }
            Worker::Claimed(claim) => {
                let under_way = state.flights.iter().filter(|flight| flight.payment == claim.payment).count();
                if under_way < self.rules.flights && (claim.fenced || self.rules.late_senders) {
                    steps.push(Step::Send { worker });
                }
            }
            Worker::Waits(_) => steps.push(Step::GiveUp { worker }),
            Worker::Knows { .. } => steps.push(Step::Settle { worker }),
        }
        steps.push(Step::Die { worker });
    }

    fn make(&self, state: &mut State, step: Step) -> Option<()> {
        match step {
            Step::Accept => books::accept(&self.rules, state)?,
            Step::SomebodyElseBuys => (state.shelf, state.sold) = (false, true),
            Step::ItComesBack => (state.shelf, state.sold) = (true, false),
            Step::Claim { worker, asks } => {
                let claim = books::claim(state, asks)?;
                let robbed = state.workers.iter().any(|worker| worker.claim().is_some_and(|claim| claim.fenced));
                state.mishaps += u8::from(robbed);
                books::take(&self.rules, state, worker, claim);
            }
            Step::Send { worker } => {
                let claim = *state.workers[usize::from(worker)].claim()?;
                state.workers[usize::from(worker)] = Worker::Waits(claim);
                state.flights.push(Flight {
                    payment: claim.payment,
                    cancel: claim.kind == Kind::Refund,
                    epoch: claim.sends.epoch,
                    working: false,
                    marked: false,
                    errored: false,
                    waiter: Some(worker),
                });
            }
            Step::Ask { worker, shown } => toss::hear(state, worker, shown),
            Step::GiveUp { worker } => {
                forget(state, worker);
                toss::hear(state, worker, Ans::Silence);
            }
            Step::Settle { worker } => books::settle(&self.rules, &self.seen, state, worker),
            Step::Die { worker } => {
                forget(state, worker);
                state.workers[usize::from(worker)] = Worker::Idle;
                state.mishaps += 1;
            }
            Step::Arrive { flight } => toss::arrive(&self.rules, state, flight),
            Step::Vanish { flight } => drop(state.flights.remove(flight)),
            Step::Decide { flight, ruling } => toss::decide(&self.rules, state, flight, ruling),
            Step::CatchUp { payment } => {
                let toss = &mut state.toss[usize::from(payment)];
                (toss.lags, toss.lags_marked, toss.lags_errored) = (false, false, false);
            }
            Step::Lapse { payment } => toss::lapse(state, payment)?,
            Step::NextPhase { payment } => toss::next_phase(state, payment)?,
            Step::AgeUnanswered { payment, cancel } => toss::age_unanswered(state, payment, cancel)?,
            Step::AgeServerError { payment } => toss::age_server_error(state, payment)?,
            Step::AgeAbsent { payment, cancel } => toss::age_absent(state, payment, cancel)?,
            Step::Deposit { payment } => toss::deposit(state, payment)?,
            Step::RefundInConsole { payment } => toss::refund_in_console(state, payment)?,
            Step::LookUp { payment } => state.payments[usize::from(payment)].check = Check::Due,
            Step::CheckDue { payment } => toss::check_due(state, payment)?,
            Step::Sweep { payment } => books::sweep(state, payment)?,
        }
        Some(())
    }
}

/// Nobody waits for this worker's request any more.
fn forget(state: &mut State, worker: u8) {
    for flight in &mut state.flights {
        flight.waiter = flight.waiter.filter(|waiter| *waiter != worker);
    }
}

fn opens_too_much(rules: &Rules, worker: &Worker) -> bool {
    matches!(worker, Worker::Knows { found: Found::Again { sends, .. }, .. } if sends.epoch >= rules.epochs)
}

/// One payment, and everything that Toss, the network and the machines may do to it.
const ONE: Rules = Rules {
    payments: 1,
    lags: true,
    guards: true,
    remembers: true,
    late_senders: true,
    lies: false,
    unclear: true,
    mishaps: 1,
    flights: 2,
    epochs: 3,
    accounts: false,
    operators: false,
    late_errors: false,
    others_buy: false,
    fence: true,
    doubts_old_answers: true,
    margin: true,
};

/// Two payments, and fewer faults at a time.
const TWO: Rules = Rules { payments: 2, mishaps: 0, flights: 1, ..ONE };

#[test]
fn an_honest_toss_and_workers_that_freeze_no_longer_than_a_minute_never_make_a_false_failure() {
    let explored = Explored::of("one payment, nobody frozen for long", Rules { late_senders: false, ..ONE });
    explored.is_whole(&[|seen| &seen.next_epoch, |seen| &seen.settled_late, |seen| &seen.kept_refusal]);
}

#[test]
fn a_toss_that_lies_and_workers_that_wake_long_after_end_in_the_truth() {
    let explored = Explored::of("one payment, frozen workers and lies", Rules { lies: true, ..ONE });
    explored.is_whole(&[
        |seen| &seen.next_epoch,
        |seen| &seen.settled_late,
        |seen| &seen.suspected,
        |seen| &seen.delivered_late,
        |seen| &seen.still_failed,
    ]);
}

#[test]
fn our_keys_alone_keep_a_toss_that_would_charge_twice_from_it() {
    let rules = Rules { guards: false, lags: false, late_senders: false, ..ONE };
    Explored::of("one payment, a Toss that charges every new key", rules).is_whole(&[|seen| &seen.next_epoch]);
}

#[test]
fn a_toss_that_forgets_its_keys_is_asked_before_a_refusal_is_believed() {
    let rules = Rules { remembers: false, late_senders: false, ..ONE };
    Explored::of("one payment, a Toss that forgets keys", rules).is_whole(&[|seen| &seen.kept_refusal]);
}

#[test]
fn believing_what_is_shown_the_moment_a_call_is_over_breaks_the_model() {
    let rules = Rules { margin: false, remembers: false, late_senders: false, ..ONE };
    let explored = Explored::of("a Toss that forgets keys, looked at too soon", rules);
    assert!(!explored.broken.is_empty(), "nothing needs the margin");
}

#[test]
fn a_second_payment_after_a_failed_one_is_as_safe() {
    let rules = Rules { late_senders: false, epochs: 2, ..TWO };
    Explored::of("two payments", rules).is_whole(&[|seen| &seen.next_epoch, |seen| &seen.still_failed]);
}

#[test]
fn when_both_payments_are_approved_one_is_given_back() {
    let rules = Rules { lies: true, lags: false, others_buy: true, ..TWO };
    let explored = Explored::of("two payments and lies", rules);
    explored.is_whole(&[|seen| &seen.delivered_late, |seen| &seen.given_back]);
}

#[test]
fn and_so_it_is_when_a_worker_dies_over_it() {
    let rules = Rules { lies: true, lags: false, unclear: false, mishaps: 1, epochs: 1, ..TWO };
    let explored = Explored::of("two payments, lies and deaths", rules);
    explored.is_whole(&[|seen| &seen.settled_late, |seen| &seen.delivered_late, |seen| &seen.given_back]);
}

#[test]
fn an_order_that_waits_for_a_deposit_outlives_a_payment_that_is_given_back() {
    let rules = Rules { lies: true, lags: false, unclear: false, accounts: true, others_buy: true, epochs: 1, ..TWO };
    let explored = Explored::of("two payments, lies and virtual accounts", rules);
    explored.is_whole(&[|seen| &seen.given_back, |seen| &seen.given_back_beside_an_account]);
}

#[test]
fn what_people_ask_and_do_in_tosss_console_ends_in_the_truth() {
    let rules = Rules { lies: true, lags: false, unclear: false, operators: true, others_buy: true, epochs: 1, ..TWO };
    let explored = Explored::of("two payments, lies and people", rules);
    explored.is_whole(&[|seen| &seen.given_back, |seen| &seen.delivered_late]);
}

#[test]
fn what_toss_does_after_a_server_error_is_waited_for_before_a_refusal_is_believed() {
    let rules = Rules { late_errors: true, late_senders: false, mishaps: 0, ..ONE };
    let explored = Explored::of("server errors that act later", rules);
    explored.is_whole(&[|seen| &seen.server_error, |seen| &seen.next_epoch, |seen| &seen.kept_refusal]);
}

#[test]
fn without_the_fence_the_model_breaks() {
    let explored = Explored::of("without the fence", Rules { fence: false, ..ONE });
    assert!(!explored.broken.is_empty(), "nothing needs the fence");
}

#[test]
fn believing_an_old_answer_right_after_a_late_approval_breaks_the_model() {
    let explored = Explored::of("old answers believed", Rules { doubts_old_answers: false, lies: true, ..ONE });
    assert!(!explored.broken.is_empty(), "nothing needs the minute");
}
