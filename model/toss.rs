//! Toss: requests that take their time, first answers that are kept by key, payments that end.

use crate::{
    real::judge,
    state::{Age, Ans, At, Check, Flight, Phase, State, Worker},
};

/// How far Toss, the network and the workers' machines may go.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault by itself, and every mix of them is a model")]
pub(crate) struct Rules {
    pub(crate) payments: usize,
    /// Asking may show for up to a minute how it was before.
    pub(crate) lags: bool,
    /// Toss takes no second confirm of a payment that it approved, under whatever key.
    pub(crate) guards: bool,
    /// Toss knows a repeat by its key: it answers as before, or 409 while the first is still at work.
    pub(crate) remembers: bool,
    /// A worker that was frozen sends although its lease is long over.
    pub(crate) late_senders: bool,
    /// Toss may decline what it approves.
    pub(crate) lies: bool,
    /// Toss may say that something went wrong, and that our request is no good.
    pub(crate) unclear: bool,
    /// Epochs that may be opened; at most as many as there is room for in [`crate::state::EPOCHS`].
    pub(crate) epochs: u8,
    /// Workers that die and leases that are lost, in all.
    pub(crate) mishaps: u8,
    /// Requests for one payment that are on their way at once.
    pub(crate) flights: usize,
    /// A confirm may be answered with a virtual account, into which the shopper pays later.
    pub(crate) accounts: bool,
    /// People look payments up at any time, and give what Toss holds back in its console; a webhook tells of that.
    pub(crate) operators: bool,
    /// Toss may answer with a server error and do it after all.
    pub(crate) late_errors: bool,
    /// Somebody else may buy the last piece.
    pub(crate) others_buy: bool,
    /// The statements look at the fence.
    pub(crate) fence: bool,
    /// An approval that was told too late is looked for when no answer can be older than it, and not at once.
    pub(crate) doubts_old_answers: bool,
    /// An open send counts as over when what it did is shown, and not as soon as it can act no more.
    pub(crate) margin: bool,
}

/// What Toss does with a request that it works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// Does what was asked, and says so.
    Done,
    /// Does it, and says that something went wrong.
    DoneUnclear,
    /// Does it, and declines.
    DoneDeclined,
    /// Does nothing, and answers this.
    Answer(Ans),
    /// The bank declines: the payment is over.
    Declined,
    /// A virtual account is issued.
    Issued,
    /// Answers with a server error, and goes on working at it.
    ErrorFirst,
}

pub(crate) fn rulings(rules: &Rules, at: At, cancel: bool) -> Vec<Ruling> {
    use Ruling::{Answer, Declined, Done, DoneDeclined, DoneUnclear};
    let unclear = Answer(Ans::Unclear);
    let mut all = match (cancel, at) {
        (false, At::InProgress) => {
            let mut all = vec![Done, DoneUnclear, Declined, Answer(Ans::BadRequest), unclear];
            if rules.lies {
                all.push(DoneDeclined);
            }
            if rules.accounts {
                all.push(Ruling::Issued);
            }
            all
        }
        // Which of the two it is when the session would be over by then, nobody has measured.
        (false, At::Done) if !rules.guards => vec![Done, Answer(Ans::Already), Answer(Ans::NoSession)],
        (false, At::Done | At::Canceled) => vec![Answer(Ans::Already), Answer(Ans::NoSession)],
        (false, At::Waiting | At::Aborted) | (true, At::Canceled) => vec![Answer(Ans::Already)],
        (false, At::Expired) => vec![Answer(Ans::NoSession)],
        (true, At::Done) => vec![Done, DoneUnclear, unclear, Answer(Ans::CannotCancel)],
        (true, At::InProgress | At::Waiting | At::Aborted | At::Expired) => vec![Answer(Ans::CannotCancel)],
    };
    if rules.late_errors {
        all.push(Ruling::ErrorFirst);
    }
    if !rules.unclear {
        all.retain(|ruling| !matches!(ruling, DoneUnclear | Answer(Ans::Unclear | Ans::BadRequest)));
    }
    all
}

/// What asking may show.
pub(crate) fn views(rules: &Rules, state: &State, payment: u8) -> Vec<Ans> {
    let toss = &state.toss[usize::from(payment)];
    let mut all = vec![Ans::Silence, Ans::Shows(toss.at)];
    let before: &[Ans] = match toss.at {
        At::InProgress if rules.lags => &[Ans::NotFound],
        // Nobody says that Toss shows the end of a session as soon as it is over.
        At::Expired => &[Ans::NotFound, Ans::Shows(At::InProgress)],
        At::Done | At::Aborted if toss.lags => &[Ans::NotFound, Ans::Shows(At::InProgress)],
        At::Canceled if toss.lags => &[Ans::Shows(At::Done)],
        At::InProgress | At::Waiting | At::Done | At::Aborted | At::Canceled => &[],
    };
    all.extend(before);
    all
}

/// It comes to Toss.
pub(crate) fn arrive(rules: &Rules, state: &mut State, index: usize) {
    let flight = state.flights[index];
    let toss = &state.toss[usize::from(flight.payment)];
    let kept = if flight.cancel { &toss.cancels } else { &toss.confirms }[usize::from(flight.epoch)];
    let same = |other: &Flight| {
        other.working && (other.payment, other.cancel, other.epoch) == (flight.payment, flight.cancel, flight.epoch)
    };
    if !rules.remembers {
        state.flights[index].working = true;
    } else if let Some(answer) = kept {
        tell(state, index, answer);
    } else if state.flights.iter().any(same) {
        tell(state, index, Ans::Conflict);
    } else {
        state.flights[index].working = true;
    }
}

pub(crate) fn decide(rules: &Rules, state: &mut State, index: usize, ruling: Ruling) {
    let flight = state.flights[index];
    if ruling == Ruling::ErrorFirst {
        if let Some(waiter) = state.flights[index].waiter.take() {
            hear(state, waiter, Ans::ServerError);
        }
        return;
    }
    let toss = &mut state.toss[usize::from(flight.payment)];
    let done = if flight.cancel { At::Canceled } else { At::Done };
    let (at, answer) = match ruling {
        Ruling::Done => (done, Ans::Shows(done)),
        Ruling::DoneUnclear => (done, Ans::Unclear),
        Ruling::DoneDeclined => (done, Ans::Declined),
        Ruling::Answer(answer) => (toss.at, answer),
        Ruling::Declined => (At::Aborted, Ans::Declined),
        Ruling::Issued => (At::Waiting, Ans::Shows(At::Waiting)),
        Ruling::ErrorFirst => (toss.at, Ans::ServerError),
    };
    if at == At::Done && !matches!(ruling, Ruling::Answer(_)) {
        toss.charges += 1;
    }
    // A new account is shown at once: nobody asks before it is minutes old.
    if rules.lags && at != toss.at && at != At::Waiting {
        (toss.lags, toss.lags_marked) = (true, flight.marked && rules.margin);
        toss.lags_errored = flight.errored && rules.margin;
    }
    toss.at = at;
    let kept = if flight.cancel { &mut toss.cancels } else { &mut toss.confirms };
    kept[usize::from(flight.epoch)] = rules.remembers.then_some(answer);
    tell(state, index, answer);
}

/// The request is answered; whoever waits for it hears.
fn tell(state: &mut State, index: usize, answer: Ans) {
    let flight = state.flights.remove(index);
    if let Some(waiter) = flight.waiter {
        hear(state, waiter, answer);
    }
}

pub(crate) fn hear(state: &mut State, worker: u8, answer: Ans) {
    let worker = &mut state.workers[usize::from(worker)];
    if let Some(claim) = worker.claim().copied() {
        *worker = Worker::Knows { claim, found: judge(&claim, answer), apart: false };
    }
}

/// Does Toss work on a confirm of this payment?
fn confirming(state: &State, payment: u8) -> bool {
    state.flights.iter().any(|flight| flight.working && !flight.cancel && flight.payment == payment)
}

/// Ten minutes from the shopper's authentication are over. What Toss has begun by then it finishes first.
pub(crate) fn lapse(state: &mut State, payment: u8) -> Option<()> {
    if confirming(state, payment) {
        return None;
    }
    let toss = &mut state.toss[usize::from(payment)];
    if toss.at == At::InProgress {
        toss.at = At::Expired;
    }
    Some(())
}

/// The next phase of a payment that is not decided. The last one begins when all that was sent in time has acted.
pub(crate) fn next_phase(state: &mut State, payment: u8) -> Option<()> {
    let next = match state.payments[usize::from(payment)].phase {
        Phase::Posting => Phase::Waiting,
        Phase::Waiting => {
            lapse(state, payment)?;
            Phase::AbsenceCounts
        }
        Phase::AbsenceCounts => return None,
    };
    state.payments[usize::from(payment)].phase = next;
    Some(())
}

/// `settled_after` the last mark: what was sent before it has acted, or never will, and what that changed is shown, as is
/// what changed before.
pub(crate) fn age_unanswered(state: &mut State, payment: u8, cancel: bool) -> Option<()> {
    let acts = |flight: &Flight| flight.marked && flight.payment == payment && flight.cancel == cancel;
    if state.flights.iter().any(acts) || state.toss[usize::from(payment)].lags_marked {
        return None;
    }
    let payment = &mut state.payments[usize::from(payment)];
    let sends =
        if cancel { &mut payment.refund.as_mut().filter(|refund| refund.live)?.sends } else { &mut payment.sends };
    (sends.unanswered == Some(Age::Young)).then(|| sends.unanswered = Some(Age::Old))
}

/// The same, after a server error.
pub(crate) fn age_server_error(state: &mut State, payment: u8) -> Option<()> {
    let acts = |flight: &Flight| flight.errored && flight.payment == payment && !flight.cancel;
    if state.flights.iter().any(acts) || state.toss[usize::from(payment)].lags_errored {
        return None;
    }
    let sends = &mut state.payments[usize::from(payment)].sends;
    (sends.server_error == Some(Age::Young)).then(|| sends.server_error = Some(Age::Old))
}

/// The deposit is made.
pub(crate) fn deposit(state: &mut State, payment: u8) -> Option<()> {
    let toss = &mut state.toss[usize::from(payment)];
    (toss.at == At::Waiting).then(|| {
        toss.at = At::Done;
        toss.charges += 1;
    })
}

/// Somebody gives a payment back in Toss's console, while no worker is busy with it.
pub(crate) fn refund_in_console(state: &mut State, payment: u8) -> Option<()> {
    let busy = state.row.is_some() || state.workers.iter().any(|worker| *worker != Worker::Idle);
    let toss = &mut state.toss[usize::from(payment)];
    (toss.at == At::Done && !busy).then(|| {
        toss.at = At::Canceled;
        state.payments[usize::from(payment)].check = Check::Later;
    })
}

/// A minute after the first look that showed nothing: no answer can be older than that look by now.
pub(crate) fn age_absent(state: &mut State, payment: u8, cancel: bool) -> Option<()> {
    if state.toss[usize::from(payment)].lags {
        return None;
    }
    let payment = &mut state.payments[usize::from(payment)];
    let sends =
        if cancel { &mut payment.refund.as_mut().filter(|refund| refund.live)?.sends } else { &mut payment.sends };
    (sends.absent == Some(Age::Young)).then(|| sends.absent = Some(Age::Old))
}

/// A quarter of an hour after a failure was written down.
pub(crate) fn check_due(state: &mut State, payment: u8) -> Option<()> {
    let number = usize::from(payment);
    if state.payments[number].check != Check::Later || state.toss[number].lags {
        return None;
    }
    lapse(state, payment)?;
    state.payments[number].phase = Phase::AbsenceCounts;
    state.payments[number].check = Check::Due;
    Some(())
}
