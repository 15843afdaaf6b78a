//! What an answer means for a refund. A refund may be made twice where a confirm cannot, so it is found in Toss's own list
//! by the mark in its reason, and settled by the balance that Toss shows, never by a status.

use std::time::Duration;

use shared::{
    money::Krw,
    outbox::{Again, Approval, Call, How, Mark, Outcome, Replanned, SendsAfter},
    toss::{self, Answer, Body, Payment, Reply},
};

use crate::{
    classify::{Try, Waits, again, told, undecided},
    codes::Class,
    known::{Known, Refund},
    reading::Reading,
    terms::Terms,
};

pub(crate) fn classify(tried: &Try<'_>, refund: &Refund, reading: Reading, terms: &Terms, waits: Waits) -> Outcome {
    let known = tried.known;
    match reading {
        Reading::Approved(approval) => shown(tried, refund, approval, terms, waits),
        Reading::Code(Class::Refused(refused)) if tried.call == Call::Cancel => match tried.kept(refused) {
            Some(kept) => again(How::Ask, waits.undecided, kept),
            None => Outcome::Refused { answer: Box::new(told(tried.reply)) },
        },
        // The payment is not as it was when the refund was asked for.
        Reading::Failed(_) | Reading::Waiting { .. } | Reading::NotMoved | Reading::Foreign | Reading::Odd
            if tried.call == Call::Query && known.is_settled(terms) =>
        {
            Outcome::Review { cause: "review_nothing_to_refund", answer: Box::new(told(tried.reply)) }
        }
        // Not before the bank opens, or Toss's patience is back.
        Reading::Code(Class::NotNow) => {
            let sends = if tried.call == Call::Query {
                known.unchanged()
            } else {
                SendsAfter { burnt: true, ..known.posted(tried.signed_with) }
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
        Some(Made::Refused) => return Outcome::Refused { answer: Box::new(approval.answer) },
        Some(Made::Running) => return again(How::Ask, waits.spaced, ask(known, tried)),
        None => {}
    }
    // All of it is back, if by somebody else's hand.
    if refund.in_full && approval.balance.won() == 0 {
        return Outcome::Returned(approval);
    }
    if tried.call != Call::Query || !known.is_settled(terms) {
        return again(How::Ask, waits.undecided.max(waits.asked), ask(known, tried));
    }
    if known.sends.refused {
        return Outcome::Refused { answer: Box::new(approval.answer) };
    }
    if approval.balance == refund.expected_balance {
        return again(How::NextEpoch, Duration::ZERO, known.next_epoch());
    }
    replan(known, refund, *approval)
}

/// Somebody else gave a part back meanwhile. What is left decides what we may still ask for.
fn replan(known: &Known, refund: &Refund, approval: Approval) -> Outcome {
    let amount = if refund.in_full { None } else { Some(refund.amount) };
    if amount.is_some_and(|amount| amount.won() > approval.balance.won()) {
        return Outcome::Refused { answer: Box::new(approval.answer) };
    }
    let balance: Krw = approval.balance;
    let request = toss::cancel_request(&refund.reason, refund.mark, amount, balance);
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
