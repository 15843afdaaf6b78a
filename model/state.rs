//! One order, its two payments, the workers and Toss, in as few values as decide anything.

use std::hash::{DefaultHasher, Hash, Hasher};

use shared::{
    order::OrderStatus,
    outbox::{Call, decision::OrderState},
    payment::PaymentStatus,
};
use worker::transitions::Kind;

use crate::real::next_call;

/// There is room for this many.
pub(crate) const EPOCHS: usize = 3;

/// Younger or older than an open send may be, or than the spacing of looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Age {
    Young,
    Old,
}

/// How far a payment is from its acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub(crate) enum Phase {
    /// Confirms may be posted.
    Posting,
    /// Too late to post.
    Waiting,
    /// "Nothing there" means something.
    AbsenceCounts,
}

/// What the sends of a confirm or a refund left behind: as it stands in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Sends {
    pub(crate) epoch: u8,
    pub(crate) burnt: bool,
    pub(crate) unanswered: Option<Age>,
    pub(crate) sent: bool,
    /// A confirm's refusal is kept; a refund's last answer was a refusal.
    pub(crate) refused: bool,
    /// A refund's last answer was an error that says nothing.
    pub(crate) failing: bool,
    pub(crate) server_error: Option<Age>,
    pub(crate) absent: Option<Age>,
}

impl Sends {
    pub(crate) const NONE: Sends = Sends {
        epoch: 0,
        burnt: false,
        unanswered: None,
        sent: false,
        refused: false,
        failing: false,
        server_error: None,
        absent: None,
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Check {
    Never,
    Later,
    Due,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Refund {
    pub(crate) sends: Sends,
    /// It is not finished.
    pub(crate) live: bool,
    /// It ended without effect.
    pub(crate) failed: bool,
}

/// A payment in our books.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Payment {
    pub(crate) status: PaymentStatus,
    pub(crate) phase: Phase,
    pub(crate) sends: Sends,
    pub(crate) check: Check,
    /// An answer is stored that proves its end.
    pub(crate) proof: bool,
    pub(crate) refund: Option<Refund>,
}

/// The order's one row in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) payment: u8,
    /// It names a holder, alive or not.
    pub(crate) named: bool,
}

/// What Toss answers, as far as it differs to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ans {
    Silence,
    /// 409.
    Conflict,
    /// A Payment in this state.
    Shows(At),
    NotFound,
    /// The bank's own no.
    Declined,
    /// Our request is no good; the payment stays as it is.
    BadRequest,
    /// The time to confirm is over.
    NoSession,
    Already,
    /// An error that says nothing about what moved.
    Unclear,
    /// The same, and what was asked for may yet be done.
    ServerError,
    CannotCancel,
}

/// Where a payment is at Toss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    InProgress,
    /// A virtual account waits for its deposit.
    Waiting,
    Done,
    Aborted,
    Expired,
    Canceled,
}

/// A request on its way to Toss, or in its hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Flight {
    pub(crate) payment: u8,
    pub(crate) cancel: bool,
    pub(crate) epoch: u8,
    /// Toss works on it.
    pub(crate) working: bool,
    /// Sent before the mark that says that a send is unanswered.
    pub(crate) marked: bool,
    /// Sent before the mark that says that a send was answered with a server error.
    pub(crate) errored: bool,
    /// Who still waits for its answer.
    pub(crate) waiter: Option<u8>,
}

/// A payment at Toss.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AtToss {
    pub(crate) at: At,
    /// Asking may still show how it was before.
    pub(crate) lags: bool,
    /// And it changed before the last mark that says that a send is unanswered.
    pub(crate) lags_marked: bool,
    /// Or before the last one that says that a send was answered with a server error.
    pub(crate) lags_errored: bool,
    /// How often it was approved.
    pub(crate) charges: u8,
    /// First answers, by epoch.
    pub(crate) confirms: [Option<Ans>; EPOCHS],
    pub(crate) cancels: [Option<Ans>; EPOCHS],
}

impl AtToss {
    pub(crate) const NEW: AtToss = AtToss {
        at: At::InProgress,
        lags: false,
        lags_marked: false,
        lags_errored: false,
        charges: 0,
        confirms: [None; EPOCHS],
        cancels: [None; EPOCHS],
    };

    pub(crate) fn holds(&self) -> bool {
        self.at == At::Done
    }
}

/// What a claim read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    /// Nobody has claimed or ended the intent since.
    pub(crate) fenced: bool,
    pub(crate) kind: Kind,
    pub(crate) payment: u8,
    pub(crate) order_status: OrderStatus,
    pub(crate) payment_status: PaymentStatus,
    pub(crate) phase: Phase,
    pub(crate) sends: Sends,
    pub(crate) abandoned: bool,
    /// It is a try on which asking comes first anyway.
    pub(crate) asks: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    Keep,
    Now,
    Clear,
}

/// An outcome, as far as the database can tell one from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Found {
    /// To this status, by an answer or by the refusal that was kept.
    Payment {
        status: PaymentStatus,
        approved: bool,
        kept_refusal: bool,
    },
    Returned(PaymentStatus),
    Refused,
    Again {
        sends: Sends,
        unanswered: Mark,
        server_error: Mark,
        absent: Mark,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Worker {
    Idle,
    /// Decided what to call, and has not called yet.
    Claimed(Claim),
    /// Called, and waits.
    Waits(Claim),
    /// Knows, and has not written it down yet; `apart`: the batch did not take it.
    Knows {
        claim: Claim,
        found: Found,
        apart: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) order: OrderState,
    pub(crate) paid_by: Option<u8>,
    /// One piece of the one product, when it is on the shelf.
    pub(crate) shelf: bool,
    /// Somebody else bought it.
    pub(crate) sold: bool,
    pub(crate) payments: Vec<Payment>,
    pub(crate) row: Option<Row>,
    pub(crate) workers: [Worker; 2],
    pub(crate) toss: Vec<AtToss>,
    pub(crate) flights: Vec<Flight>,
    /// Workers that died, and leases that were lost.
    pub(crate) mishaps: u8,
}

impl Worker {
    pub(crate) fn claim(&self) -> Option<&Claim> {
        match self {
            Worker::Idle => None,
            Worker::Claimed(claim) | Worker::Waits(claim) | Worker::Knows { claim, .. } => Some(claim),
        }
    }

    fn fade(&mut self) {
        let Some(claim) = self.claim_mut() else { return };
        *claim = Claim {
            order_status: OrderStatus::InProgress,
            payment_status: PaymentStatus::InProgress,
            phase: Phase::Posting,
            sends: Sends { epoch: claim.sends.epoch, ..Sends::NONE },
            abandoned: false,
            // It was going to ask, or was not.
            asks: next_call(claim) == Call::Query,
            ..*claim
        };
        match self {
            Worker::Knows { claim, found, .. } => {
                let tells = matches!(found, Found::Payment { approved: true, .. }) && claim.kind != Kind::Refund;
                if !tells {
                    *found = Found::Refused;
                }
            }
            Worker::Idle | Worker::Claimed(_) | Worker::Waits(_) => {}
        }
    }

    fn claim_mut(&mut self) -> Option<&mut Claim> {
        match self {
            Worker::Idle => None,
            Worker::Claimed(claim) | Worker::Waits(claim) | Worker::Knows { claim, .. } => Some(claim),
        }
    }
}

impl State {
    /// One state for all that nothing can tell apart: the two workers are alike, and so are requests.
    pub(crate) fn tidy(mut self) -> State {
        for number in 0..self.payments.len() {
            self.forget_answers(number);
            let payment = &mut self.payments[number];
            if !matches!(payment.status, PaymentStatus::InProgress) {
                // Nothing is posted for it again, and what its sends left behind is not read again.
                (payment.sends, payment.phase) = (Sends::NONE, Phase::AbsenceCounts);
            }
        }
        let rank = |worker: &Worker| number(worker);
        if rank(&self.workers[0]) > rank(&self.workers[1]) {
            self.workers.swap(0, 1);
            for flight in &mut self.flights {
                flight.waiter = flight.waiter.map(|waiter| 1 - waiter);
            }
        }
        self.flights.sort_by_key(number);
        self
    }

    /// Answers that Toss keeps under keys that nobody will use again.
    fn forget_answers(&mut self, number: usize) {
        let payment = &self.payments[number];
        let undecided = payment.status == PaymentStatus::InProgress;
        let is_used = |epoch: usize, cancel: bool, next: Option<u8>| {
            let is = |other: (u8, bool, u8)| {
                (usize::from(other.0), other.1, usize::from(other.2)) == (number, cancel, epoch)
            };
            let claimed = |claim: &Claim| is((claim.payment, claim.kind == Kind::Refund, claim.sends.epoch));
            next.is_some_and(|next| usize::from(next) == epoch)
                || self.workers.iter().any(|worker| worker.claim().is_some_and(claimed))
                || self.flights.iter().any(|flight| is((flight.payment, flight.cancel, flight.epoch)))
        };
        let refund = payment.refund.as_ref().filter(|refund| refund.live).map(|refund| refund.sends.epoch);
        let mut toss = self.toss[number].clone();
        for epoch in 0..EPOCHS {
            if !is_used(epoch, false, undecided.then_some(payment.sends.epoch)) {
                toss.confirms[epoch] = None;
            }
            if !is_used(epoch, true, refund) {
                toss.cancels[epoch] = None;
            }
        }
        self.toss[number] = toss;
    }

    /// The intent was claimed anew, changed or ended: who held it holds it no more. Where the fence is honoured, all that
    /// is left of such a worker is what it may still send, and an approval that it may still tell.
    pub(crate) fn unfence(&mut self, fence: bool) {
        for worker in &mut self.workers {
            if let Some(claim) = worker.claim_mut() {
                claim.fenced = false;
            }
            if fence {
                worker.fade();
            }
        }
    }

    /// Nothing is going on and nothing will.
    pub(crate) fn is_quiet(&self) -> bool {
        self.row.is_none()
            && self.flights.is_empty()
            && self.workers.iter().all(|worker| *worker == Worker::Idle)
            && self.payments.iter().all(|payment| payment.check == Check::Never)
    }
}

fn number<T: Hash>(of: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
