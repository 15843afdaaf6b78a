//! What an answer means: (what is known before, the call, the answer or the lack of one) → exactly one outcome. Pure: no
//! clock, no table, no chance.
//!
//! - No answer, or 409: the same request under the same key.
//! - Any other answer that does not decide burns its key: ask, and only an answer that shows that nothing moved opens the
//!   next epoch.
//! - A refusal is proof only when no earlier send is open, one that was answered with a server error included. Else asking
//!   comes first.
//! - "Not found" is proof only under a secret that has shown a payment of our merchant.
//! - After the time to confirm nothing is posted. Two looks that show nothing, a minute apart, are proof.
//! - Everything that is not understood keeps the intent alive. A payment about which Toss says nothing that helps for a day,
//!   while it answers about others, goes to a human. A paused secret, a 429 and an outage never do that.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    outbox::{self, Again, Call, FailedStatus, Failure, How, Looks, Mark, Outcome, Proof, SendsAfter},
    payment::PaymentStatus,
    toss::{Answer, Body, Reply},
};
use time::OffsetDateTime;

use crate::{
    codes::{self, Class, Refused},
    known::{Known, Work},
    reading::{About, Reading, read},
    refund,
    terms::Terms,
};

/// How long the next try waits, for each reason to wait. Chosen before, because choosing needs chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waits {
    /// After silence or an answer that decided nothing.
    pub undecided: Duration,
    /// While Toss is busy with us.
    pub busy: Duration,
    /// Where nothing is in a hurry any more.
    pub spaced: Duration,
    /// The same after tries that do not count.
    pub spaced_snooze: Duration,
    /// What Toss asked for.
    pub asked: Duration,
}

/// One try: what was known, what was called under which secret, and what came back.
#[derive(Debug)]
pub struct Try<'a> {
    pub known: &'a Known,
    pub about: About<'a>,
    pub call: Call,
    /// The fingerprint of the secret.
    pub signed_with: &'a str,
    pub reply: &'a Reply,
}

impl Try<'_> {
    /// The sends after a post that Toss answered: with a server error it may act yet. A refund's must not be repeated before
    /// that is over, so there it counts as no answer.
    pub(crate) fn answered(&self, sends: SendsAfter) -> SendsAfter {
        match (self.reply, &self.known.work) {
            (Reply::Answer(answer), Work::Confirm | Work::Check) if answer.is_server_error() => {
                SendsAfter { server_error: Mark::Now, ..sends }
            }
            (Reply::Answer(answer), Work::Cancel(_)) => {
                let unanswered = if answer.is_server_error() { Mark::Now } else { sends.unanswered };
                // Toss's last word about a refund is kept, whatever it is: the operator reads it.
                let refusal = matches!(answer.body, Body::Error { .. }).then(|| told(self.reply));
                SendsAfter { unanswered, refusal, ..sends }
            }
            (Reply::Answer(_) | Reply::NoAnswer(_), _) => sends,
        }
    }

    /// A refusal proves that this send did nothing. What an earlier one did, only asking shows: then the refusal is kept
    /// until that is known. `None`: it is proof.
    fn kept(&self, refused: Refused) -> Option<SendsAfter> {
        let known = self.known;
        let doubted = refused.ask_always || known.sends.unanswered.is_some() || known.sends.server_error.is_some();
        let posted = self.answered(known.posted(self.signed_with));
        // Said of approved payments too: a look that does not show it yet is not to be believed.
        let unanswered = if refused.ask_always { Mark::Now } else { posted.unanswered };
        doubted.then(|| SendsAfter { burnt: true, unanswered, refusal: Some(told(self.reply)), ..posted })
    }
}

pub fn classify(tried: &Try<'_>, terms: &Terms, waits: Waits) -> Outcome {
    let reading = read(tried.about, tried.call, tried.reply);
    let help = help(tried, &reading);
    let outcome = match &tried.known.work {
        Work::Confirm | Work::Check => payment(tried, reading, terms, waits),
        Work::Cancel(refund) => refund::classify(tried, refund, reading, terms, waits),
    };
    match outcome {
        Outcome::Again(again) => no_longer_than(terms, tried, help, again),
        Outcome::Approved(_)
        | Outcome::Waiting { .. }
        | Outcome::Failed(_)
        | Outcome::Review { .. }
        | Outcome::Returned(_)
        | Outcome::Closed { .. }
        | Outcome::Refused { .. } => outcome,
    }
}

/// Does an answer that leaves the intent alive lead on?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Help {
    /// It tells where the payment stands, or is a part of a proof.
    Some,
    /// It says nothing about this payment, and nothing about Toss either: not our turn, or not our secret.
    Unrelated,
    /// It is silence, or an answer that decides nothing.
    None,
}

/// After so many tries that did not count, about a minute of them, a secret that is not taken would have paused its lane: what
/// was in hand when a secret was revoked has met one or two refusals, and those say nothing about its payment.
const KEY_FAULTS_MIN: u16 = 10;

fn help(tried: &Try<'_>, reading: &Reading) -> Help {
    if tried.call != Call::Query {
        return Help::Unrelated;
    }
    match reading {
        // It is this payment's fault when the same secret shows others, and goes on to.
        Reading::Code(Class::Lane)
            if tried.known.surroundings.key_is_taken && tried.known.snoozes >= KEY_FAULTS_MIN =>
        {
            Help::None
        }
        Reading::TooMany | Reading::Code(Class::NotNow(_) | Class::Lane) => Help::Unrelated,
        Reading::Code(Class::Absent) if !tried.known.surroundings.merchant_is_proven => Help::Unrelated,
        // What was paid is there.
        Reading::Code(Class::Absent) if matches!(tried.known.work, Work::Cancel(_)) => Help::None,
        Reading::Code(Class::Absent) | Reading::NotMoved
            if tried.known.payment_status == PaymentStatus::WaitingForDeposit =>
        {
            Help::None
        }
        Reading::Silence
        | Reading::Unknown
        | Reading::Foreign
        | Reading::Odd
        | Reading::Code(Class::Refused(_) | Class::Same | Class::Unclear | Class::Disguised) => Help::None,
        Reading::Code(Class::Absent)
        | Reading::Approved(_)
        | Reading::Waiting { .. }
        | Reading::NotMoved
        | Reading::Failed(_) => Help::Some,
    }
}

/// The error's code when it may be about the secret and not about the payment: it is documented so, or not at all. A new rule
/// of Toss about who may call has a new code.
pub fn key_fault(call: Call, reply: &Reply) -> Option<&str> {
    match reply {
        Reply::Answer(Answer { http_status, body: Body::Error { code, .. }, .. }) => {
            let is_listed = codes::class(call, code) == Class::Lane;
            let is_new = !codes::is_documented(code) && (400..500).contains(http_status) && *http_status != 429;
            (is_listed || is_new).then_some(code)
        }
        Reply::Answer(_) | Reply::NoAnswer(_) => None,
    }
}

fn payment(tried: &Try<'_>, reading: Reading, terms: &Terms, waits: Waits) -> Outcome {
    let known = tried.known;
    let asking = tried.call == Call::Query;
    match reading {
        Reading::Approved(approval) => Outcome::Approved(approval),
        Reading::Waiting { expired, due_at, replayed } => waiting(tried, terms, expired, due_at, replayed),
        Reading::Failed(status) if asking => {
            let cause = match status {
                FailedStatus::Aborted => "toss_aborted",
                FailedStatus::Expired => "toss_expired",
            };
            failed(status, cause, tried.reply)
        }
        Reading::Foreign if asking && known.no_send_is_open(terms) => {
            failed(FailedStatus::Aborted, "payment_not_ours", tried.reply)
        }
        Reading::Odd if asking => {
            Outcome::Review { cause: "review_not_as_agreed", answer: Box::new(told(tried.reply)) }
        }
        // Another merchant's secret finds none of our payments.
        Reading::Code(Class::Absent) if asking && !known.surroundings.merchant_is_proven => {
            again(How::Ask, waits.spaced.max(waits.asked), known.unchanged())
        }
        Reading::NotMoved | Reading::Code(Class::Absent) if asking => nothing_there(tried, &reading, terms, waits),
        Reading::Code(Class::Refused(refused)) if refused.proves(known) => refusal(tried, refused, terms, waits),
        Reading::Silence
        | Reading::TooMany
        | Reading::Code(
            Class::Same
            | Class::NotNow(_)
            | Class::Lane
            | Class::Absent
            | Class::Unclear
            | Class::Disguised
            | Class::Refused(_),
        )
        | Reading::Failed(_)
        | Reading::Foreign
        | Reading::Odd
        | Reading::NotMoved
        | Reading::Unknown => undecided(tried, &reading, terms, waits),
    }
}

/// Toss shows a virtual account that nobody has paid into, or not any more.
fn waiting(tried: &Try<'_>, terms: &Terms, expired: bool, due_at: Option<OffsetDateTime>, replayed: bool) -> Outcome {
    let too_late = |status, cause| {
        let proof = Proof::Answer(told(tried.reply));
        Outcome::Failed(Box::new(Failure { status, proof, cause, due_at }))
    };
    match tried.known.payment_status {
        PaymentStatus::Aborted => return too_late(FailedStatus::Aborted, "still_failed"),
        PaymentStatus::Expired => return too_late(FailedStatus::Expired, "still_failed"),
        PaymentStatus::InProgress | PaymentStatus::WaitingForDeposit | PaymentStatus::Review if expired => {
            return too_late(FailedStatus::Expired, "deposit_too_late");
        }
        // What was paid and is not any more waits again before it is too late.
        PaymentStatus::InProgress
        | PaymentStatus::WaitingForDeposit
        | PaymentStatus::Review
        | PaymentStatus::Done
        | PaymentStatus::PartialCanceled
        | PaymentStatus::Canceled => {}
    }
    let looks = Looks {
        // A repeated answer was true when Toss gave it first.
        every: if replayed { Duration::ZERO } else { terms.deposit_look_every },
        by: due_at.map(|due_at| due_at + terms.due_margin),
        soon: terms.due_look_every,
        doubted_for: terms.absence_spacing,
    };
    Outcome::Waiting { answer: Box::new(told(tried.reply)), looks }
}

/// An answer that decides nothing, the same for confirms and refunds.
pub(crate) fn undecided(tried: &Try<'_>, reading: &Reading, terms: &Terms, waits: Waits) -> Outcome {
    let known = tried.known;
    let in_hurry = known.may_post(terms) && !matches!(known.work, Work::Check);
    let pace = if in_hurry { waits.undecided } else { waits.spaced }.max(waits.asked);
    let busy = waits.busy.max(waits.asked);
    // The lane pauses if it is the secret's fault. If it is the payment's, it is in nobody's way.
    let key_fault = if in_hurry { busy } else { waits.spaced_snooze };
    if tried.call == Call::Query {
        // A question that led nowhere leaves the sends as they were.
        let (how, after) = if matches!(reading, Reading::TooMany | Reading::Code(Class::NotNow(_))) {
            (How::Snooze, busy)
        } else if *reading == Reading::Code(Class::Lane) {
            (How::Snooze, key_fault)
        } else {
            (known.again(), pace)
        };
        return again(how, after, known.unchanged());
    }
    let posted = tried.answered(known.posted(tried.signed_with));
    let burnt = SendsAfter { burnt: true, ..posted.clone() };
    match reading {
        Reading::Silence => again(How::Repeat, pace, SendsAfter { unanswered: Mark::Now, ..posted }),
        // Somebody's earlier send is on its way through Toss.
        Reading::Code(Class::Same) => again(How::Snooze, busy, SendsAfter { unanswered: Mark::Now, ..posted }),
        Reading::TooMany => again(How::Snooze, busy, posted),
        Reading::Code(Class::NotNow(_)) => again(How::Snooze, busy, burnt),
        Reading::Code(Class::Lane) => again(How::Snooze, key_fault, burnt),
        // Done before, Toss says: a look that does not show it yet is not to be believed.
        Reading::Code(Class::Disguised) => again(How::Ask, pace, SendsAfter { unanswered: Mark::Now, ..burnt }),
        Reading::Code(Class::Absent | Class::Unclear | Class::Refused(_))
        | Reading::Approved(_)
        | Reading::Waiting { .. }
        | Reading::NotMoved
        | Reading::Failed(_)
        | Reading::Foreign
        | Reading::Odd
        | Reading::Unknown => again(How::Ask, pace, burnt),
    }
}

fn refusal(tried: &Try<'_>, refused: Refused, terms: &Terms, waits: Waits) -> Outcome {
    let Some(kept) = tried.kept(refused) else { return failed(refused.status, refused.cause, tried.reply) };
    let after = if tried.known.no_send_is_open(terms) { Duration::ZERO } else { waits.undecided };
    again(How::Ask, after, kept)
}

/// Asked, and Toss shows a payment that nobody approved, or none.
fn nothing_there(tried: &Try<'_>, reading: &Reading, terms: &Terms, waits: Waits) -> Outcome {
    let known = tried.known;
    let unchanged = known.unchanged();
    match known.payment_status {
        PaymentStatus::Aborted => return failed(FailedStatus::Aborted, "still_failed", tried.reply),
        PaymentStatus::Expired => return failed(FailedStatus::Expired, "still_failed", tried.reply),
        // It may be an old copy that answers, from before the account was issued.
        PaymentStatus::WaitingForDeposit => return again(How::Ask, waits.spaced, unchanged),
        // Toss showed it paid, and shows that nothing was ever paid, or that there is no such payment.
        PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled => {
            return Outcome::Review { cause: "toss_contradicts", answer: Box::new(told(tried.reply)) };
        }
        PaymentStatus::InProgress | PaymentStatus::Review => {}
    }
    if known.since_accepted >= terms.absence_counts_after {
        return match known.sends.absent {
            None => again(How::Ask, terms.absence_spacing, SendsAfter { absent: Mark::Now, ..unchanged }),
            Some(age) if age < terms.absence_spacing => {
                again(How::Ask, terms.absence_spacing.saturating_sub(age), unchanged)
            }
            Some(_) if known.sends.refused => refused_before(),
            Some(_) => failed(FailedStatus::Expired, "not_confirmed_in_time", tried.reply),
        };
    }
    if known.sends.refused {
        return if known.no_send_is_open(terms) {
            refused_before()
        } else {
            again(How::Ask, waits.undecided.max(waits.asked), unchanged)
        };
    }
    if !known.may_post(terms) {
        return again(How::Ask, terms.absence_counts_after.saturating_sub(known.since_accepted), unchanged);
    }
    let was_sent = known.sends.sent_with.is_some() || known.must_ask();
    if *reading == Reading::NotMoved && known.is_settled(terms) && was_sent {
        return again(How::NextEpoch, Duration::ZERO, known.next_epoch());
    }
    again(known.again(), waits.undecided.max(waits.asked), unchanged)
}

/// The refusal that was kept is proved: nothing moved.
fn refused_before() -> Outcome {
    Outcome::Failed(Box::new(Failure {
        status: FailedStatus::Aborted,
        proof: Proof::KeptRefusal,
        cause: "declined",
        due_at: None,
    }))
}

/// Remembers since when Toss has said nothing that helps about this payment, and after a day of it hands the payment to a
/// human. It counts only while Toss answers about other payments: silence about all of them is an outage.
fn no_longer_than(terms: &Terms, tried: &Try<'_>, help: Help, again: Again) -> Outcome {
    let known = tried.known;
    let no_answer = match (help, known.sends.no_answer) {
        (Help::Some, Some(_)) => Mark::Clear,
        (Help::None, None) if known.surroundings.others_answered => Mark::Now,
        (Help::None, Some(age))
            if age >= terms.review_after && known.surroundings.others_answered && known.waits_for_proof() =>
        {
            let answer = Box::new(told(tried.reply));
            let silent = matches!(tried.reply, Reply::NoAnswer(_));
            let cause = if silent { outbox::NO_ANSWER } else { outbox::NO_PROOF };
            return Outcome::Review { cause, answer };
        }
        (Help::None | Help::Some | Help::Unrelated, _) => Mark::Keep,
    };
    Outcome::Again(Again { sends: SendsAfter { no_answer, ..again.sends }, ..again })
}

pub(crate) fn again(how: How, after: Duration, sends: SendsAfter) -> Outcome {
    Outcome::Again(Again { how, after, sends, replanned: None })
}

fn failed(status: FailedStatus, cause: &'static str, reply: &Reply) -> Outcome {
    Outcome::Failed(Box::new(Failure { status, proof: Proof::Answer(told(reply)), cause, due_at: None }))
}

/// The answer as it is kept.
pub(crate) fn told(reply: &Reply) -> Value {
    match reply {
        Reply::Answer(Answer { body: Body::Payment(payment), .. }) => payment.raw.clone(),
        Reply::Answer(Answer { body: Body::Error { code, message }, http_status, .. }) => {
            json!({"code": code, "message": message, "httpStatus": http_status})
        }
        Reply::NoAnswer(silence) => json!({"silence": silence.as_str()}),
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
