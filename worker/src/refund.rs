//! What an answer means for a refund. A refund may be made twice where a confirm cannot, so it is found in Toss's own list
//! by the mark in its reason, and settled by the balance that Toss shows, never by a status.

use std::time::Duration;

use serde_json::Value;
use shared::{
    money::Krw,
    outbox::{Again, Approval, Call, How, Mark, NotMade, Outcome, Replanned, SendsAfter},
    payment::PaymentStatus,
    toss::{self, Answer, Body, Payment, Reply},
};

use crate::{
    classify::{Try, Waits, again, told, undecided},
    codes::{Class, Deferral, class},
    known::{Known, Refund},
    reading::Reading,
    terms::Terms,
};

pub(crate) fn classify(tried: &Try<'_>, refund: &Refund, reading: Reading, terms: &Terms, waits: Waits) -> Outcome {
    let known = tried.known;
    match reading {
        Reading::Approved(approval) => shown(tried, refund, approval, terms, waits),
        // It did nothing, Toss says. Two lookups are the proof.
        Reading::Code(Class::Refused(refused)) if tried.call == Call::Cancel && refused.proves(known) => {
            let sends = SendsAfter { burnt: true, ..tried.answered(known.posted(tried.signed_with)) };
            let unanswered = if refused.ask_always { Mark::Now } else { sends.unanswered };
            again(How::Ask, waits.undecided, SendsAfter { unanswered, ..sends })
        }
        // Nothing was paid into the account when the refund was asked for.
        Reading::Failed(_) | Reading::Waiting { .. } if known.payment_status == PaymentStatus::WaitingForDeposit => {
            account(tried, refund, &reading, terms, waits)
        }
        // The payment is not as it was when the refund was asked for.
        Reading::Failed(_) | Reading::Waiting { .. } | Reading::NotMoved | Reading::Foreign | Reading::Odd
            if tried.call == Call::Query && known.is_settled(terms) =>
        {
            // An old copy may show it so, too.
            proved(known, terms, || match ends(known, refund, terms) {
                Some(NotMade::CalledOff) => not_made(NotMade::CalledOff, told(tried.reply)),
                Some(_) | None => {
                    Outcome::Review { cause: "review_nothing_to_refund", answer: Box::new(told(tried.reply)) }
                }
            })
        }
        // Not before the bank opens, or Toss's patience is back.
        Reading::Code(Class::NotNow(_)) => {
            let sends = if tried.call == Call::Query {
                known.unchanged()
            } else {
                SendsAfter { burnt: true, ..tried.answered(known.posted(tried.signed_with)) }
            };
            again(How::Snooze, waits.spaced.max(waits.asked), sends)
        }
        Reading::Silence
        | Reading::TooMany
        | Reading::Code(_)
        | Reading::Failed(_)
        | Reading::Waiting { .. }
        | Reading::NotMoved
        | Reading::Foreign
        | Reading::Odd
        | Reading::Unknown => undecided(tried, &reading, terms, waits),
    }
}

/// Toss shows the payment, and every refund of it.
fn shown(tried: &Try<'_>, refund: &Refund, approval: Box<Approval>, terms: &Terms, waits: Waits) -> Outcome {
    let known = tried.known;
    match ours(tried.reply, refund) {
        Some(Made::Done) => return Outcome::Returned(approval),
        Some(Made::Refused) => return not_made(NotMade::Refused, approval.answer),
        Some(Made::Running) => return again(How::Ask, waits.spaced, ask(known, tried)),
        None => {}
    }
    // The deposit came first. Giving it back takes an account to give it to.
    if known.payment_status == PaymentStatus::WaitingForDeposit {
        let is_proof = tried.call == Call::Query && known.is_settled(terms);
        return if is_proof {
            not_made(NotMade::Overtaken, approval.answer)
        } else {
            again(How::Ask, waits.undecided.max(waits.asked), ask(known, tried))
        };
    }
    // All of it is back, if by somebody else's hand.
    if refund.in_full && approval.balance.won() == 0 {
        return Outcome::Returned(approval);
    }
    if tried.call != Call::Query || !known.is_settled(terms) {
        return again(How::Ask, waits.undecided.max(waits.asked), ask(known, tried));
    }
    let is_as_expected = approval.balance == refund.expected_balance;
    // Somebody else gave a part back meanwhile, and it may have been this part: whoever asked must look. Who asked for
    // everything meant whatever is left.
    let overtaken = (!is_as_expected && !refund.in_full).then_some(NotMade::Overtaken);
    if let Some(why) = ends(known, refund, terms).or(overtaken) {
        return proved(known, terms, || not_made(why, approval.answer));
    }
    if !refund.can_be_sent {
        return again(How::Ask, waits.spaced, known.unchanged());
    }
    if is_as_expected {
        again(How::NextEpoch, Duration::ZERO, known.next_epoch())
    } else {
        replan(known, refund, approval.balance)
    }
}

/// Is nothing posted for it any more, and why?
pub(crate) fn ends(known: &Known, refund: &Refund, terms: &Terms) -> Option<NotMade> {
    if refund.called_off {
        return Some(NotMade::CalledOff);
    }
    let code = known.sends.error_code.as_deref();
    let waited_for = match class(Call::Cancel, code.unwrap_or_default()) {
        // A deposit came from some account that Toss does not know; it has to be told where to.
        Class::Refused(_) if matches!(code, Some("INVALID_REFUND_ACCOUNT_INFO" | "INVALID_REFUND_ACCOUNT_NUMBER")) => {
            return Some(NotMade::NeedsAccount);
        }
        Class::Refused(_) => return Some(NotMade::Refused),
        Class::NotNow(Deferral::Bank) => terms.bank_closed_at_most,
        Class::NotNow(Deferral::Limit) => terms.limit_used_up_at_most,
        Class::NotNow(Deferral::Pace)
        | Class::Same
        | Class::Absent
        | Class::Unclear
        | Class::Disguised
        | Class::Lane => terms.refund_given_up_after,
    };
    // After an outage of our own it is posted again before it is given up.
    let repeats = known.attempts.saturating_add(known.snoozes);
    let was_tried = known.sends.epoch >= POSTS_AT_LEAST || repeats >= REPEATS_AT_LEAST;
    (was_tried && refund.requested_ago >= waited_for).then_some(NotMade::GivenUp)
}

/// No refund is given up before it was posted under so many keys, or tried so often under one.
const POSTS_AT_LEAST: i16 = 2;
const REPEATS_AT_LEAST: u16 = 10;

/// Toss shows no mark of ours and the old balance, and no send is open. The second time, a minute later, that is proof.
fn proved(known: &Known, terms: &Terms, not_made: impl FnOnce() -> Outcome) -> Outcome {
    match known.sends.absent {
        // Nothing is posted between the two.
        None => {
            let sends = SendsAfter { burnt: true, absent: Mark::Now, ..known.unchanged() };
            again(How::Ask, terms.absence_spacing, sends)
        }
        Some(age) if age < terms.absence_spacing => {
            let sends = SendsAfter { burnt: true, ..known.unchanged() };
            again(How::Ask, terms.absence_spacing.saturating_sub(age), sends)
        }
        Some(_) => not_made(),
    }
}

fn not_made(why: NotMade, answer: Value) -> Outcome {
    Outcome::Refused { answer: Box::new(answer), why }
}

/// Toss shows the account that was to be closed, and no deposit.
fn account(tried: &Try<'_>, refund: &Refund, reading: &Reading, terms: &Terms, waits: Waits) -> Outcome {
    let known = tried.known;
    let status = match tried.reply {
        Reply::Answer(Answer { body: Body::Payment(payment), .. }) => Some(payment.status.as_str()),
        Reply::Answer(Answer { body: Body::Error { .. }, .. }) | Reply::NoAnswer(_) => None,
    };
    // Closed, if by somebody else's hand.
    if status == Some("CANCELED") {
        return Outcome::Closed { answer: Box::new(told(tried.reply)) };
    }
    if tried.call != Call::Query || !known.is_settled(terms) {
        return undecided(tried, reading, terms, waits);
    }
    let open = matches!(reading, Reading::Waiting { expired: false, .. });
    if !open {
        // Nobody can pay into it any more.
        return not_made(NotMade::Overtaken, told(tried.reply));
    }
    match ends(known, refund, terms) {
        Some(why) => proved(known, terms, || not_made(why, told(tried.reply))),
        None => again(How::NextEpoch, Duration::ZERO, known.next_epoch()),
    }
}

/// Everything that is left now.
fn replan(known: &Known, refund: &Refund, balance: Krw) -> Outcome {
    let request = toss::cancel_request(&refund.reason, refund.mark, None, balance, refund.account.as_ref());
    Outcome::Again(Again {
        how: How::NextEpoch,
        after: Duration::ZERO,
        sends: known.next_epoch(),
        replanned: Some(Replanned { balance, request }),
    })
}

fn ask(known: &Known, tried: &Try<'_>) -> SendsAfter {
    if tried.call == Call::Query {
        return known.unchanged();
    }
    SendsAfter { burnt: true, unanswered: Mark::Now, ..known.posted(tried.signed_with) }
}

enum Made {
    Done,
    Running,
    Refused,
}

/// Our refund in Toss's list.
fn ours(reply: &Reply, refund: &Refund) -> Option<Made> {
    let payment: &Payment = match reply {
        Reply::Answer(Answer { body: Body::Payment(payment), .. }) => payment,
        Reply::Answer(Answer { body: Body::Error { .. }, .. }) | Reply::NoAnswer(_) => return None,
    };
    let entry = payment
        .cancels
        .iter()
        .find(|entry| entry.cancel_reason.as_deref().is_some_and(|reason| toss::is_marked(reason, refund.mark)))?;
    Some(match entry.cancel_status.as_deref() {
        Some("IN_PROGRESS") => Made::Running,
        Some("ABORTED") => Made::Refused,
        _ => Made::Done,
    })
}
