//! What an answer means for a refund. A refund may be made twice where a confirm cannot, so it is found in Toss's own list
//! by the mark in its reason, and settled by the balance that Toss shows, never by a status.

use std::time::Duration;

use shared::{
    money::Krw,
    outbox::{Again, Approval, Call, How, Mark, Outcome, Replanned, SendsAfter},
    payment::PaymentStatus,
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
        // Nothing was paid into the account when the refund was asked for.
        Reading::Failed(_) | Reading::Waiting { .. } if known.payment_status == PaymentStatus::WaitingForDeposit => {
            account(tried, &reading, terms, waits)
        }
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
    // The deposit came first. Giving it back takes an account to give it to.
    if known.payment_status == PaymentStatus::WaitingForDeposit {
        let is_proof = tried.call == Call::Query && known.is_settled(terms);
        return if is_proof {
            Outcome::Refused { answer: Box::new(approval.answer) }
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
    if known.sends.refused {
        return Outcome::Refused { answer: Box::new(approval.answer) };
    }
    if !refund.can_be_sent {
        return again(How::Ask, waits.spaced, known.unchanged());
    }
    if approval.balance == refund.expected_balance {
        return again(How::NextEpoch, Duration::ZERO, known.next_epoch());
    }
    // Somebody else gave a part back meanwhile, and it may have been this part: whoever asked must look. Who asked for
    // everything meant whatever is left.
    if refund.in_full {
        replan(known, refund, approval.balance)
    } else {
        Outcome::Refused { answer: Box::new(approval.answer) }
    }
}

/// Toss shows the account that was to be closed, and no deposit.
fn account(tried: &Try<'_>, reading: &Reading, terms: &Terms, waits: Waits) -> Outcome {
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
    if !open || known.sends.refused {
        // Nobody can pay into it any more; or Toss said no, and nothing we sent acted.
        return Outcome::Refused { answer: Box::new(told(tried.reply)) };
    }
    again(How::NextEpoch, Duration::ZERO, known.next_epoch())
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
