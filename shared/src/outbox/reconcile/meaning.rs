//! What a finding means to the rules: which of them decides, and by which word the order's history remembers it.

use super::{
    super::{
        NO_ANSWER, NotMade, Outcome,
        claim::Cancel,
        decision::{Because, Decision, Facts, NextLookup, RefundEnd, Shown, decide_lookup, decide_refund},
    },
    EndedRefund, Seen, Subject,
};
use crate::{cancel::Actor, order::OrderStatus, toss};

/// The refunds that were called failed and that Toss has made after all, by its own list.
pub(super) fn found_late(seen: &Seen, outcome: &Outcome) -> Vec<EndedRefund> {
    let Outcome::Approved(approval) = outcome else { return Vec::new() };
    let made = |refund: &&EndedRefund| refund.failed() && toss::refund_is_made(&approval.answer, refund.mark);
    seen.ended_refunds.iter().filter(made).cloned().collect()
}

/// Nothing shows how a refund ends: Toss says nothing about it, or shows a payment that was never made. A person is told, and
/// the refund goes on.
pub(super) fn goes_on(subject: Subject<'_>, outcome: &Outcome) -> bool {
    subject.cancel().is_some() && matches!(outcome, Outcome::Review { .. })
}

pub(super) fn made(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Returned(_) | Outcome::Closed { .. })
}

pub(super) fn decide(facts: &Facts, subject: Subject<'_>, outcome: &Outcome, found_late: bool) -> Decision {
    if let Some(end) = refund_end(subject.cancel(), outcome).filter(|_| subject.cancel().is_some()) {
        return decide_refund(facts, end);
    }
    if let (true, Outcome::Approved(approval)) = (found_late, outcome) {
        // A refund that was called failed was made: it ends as one that was.
        let made = decide_refund(facts, RefundEnd::Made(approval.status()));
        let because = Some(Because::Rule("refund_found_late"));
        return Decision { next_lookup: NextLookup::Never, because, ..made };
    }
    decide_lookup(facts, shown(outcome))
}

fn refund_end(cancel: Option<&Cancel>, outcome: &Outcome) -> Option<RefundEnd> {
    let by_worker = cancel.is_some_and(|cancel| cancel.actor == Actor::Worker);
    match outcome {
        Outcome::Returned(approval) => Some(RefundEnd::Made(approval.status())),
        Outcome::Closed { .. } => Some(RefundEnd::AccountClosed),
        Outcome::Refused { .. } if by_worker => Some(RefundEnd::NeedsReview),
        Outcome::Refused { .. } => Some(RefundEnd::NotMade),
        Outcome::Review { .. } => cancel.map(|_| RefundEnd::NeedsReview),
        Outcome::Approved(_) | Outcome::Waiting { .. } | Outcome::Failed(_) | Outcome::Again(_) => None,
    }
}

fn shown(outcome: &Outcome) -> Shown {
    match outcome {
        Outcome::Approved(approval) | Outcome::Returned(approval) => Shown::Approved(approval.status()),
        Outcome::Waiting { .. } => Shown::Waiting,
        Outcome::Failed(failure) => Shown::Failed(failure.status.status()),
        Outcome::Review { cause: NO_ANSWER, .. } => Shown::NoAnswer,
        Outcome::Review { .. } | Outcome::Closed { .. } | Outcome::Refused { .. } | Outcome::Again(_) => Shown::Unclear,
    }
}

/// Why, in one word, for the order's history.
pub(super) fn cause(subject: Subject<'_>, outcome: &Outcome, because: Because) -> &'static str {
    use OrderStatus::{Aborted, Expired};
    match (because, subject.cancel()) {
        (Because::Rule(cause), _) => cause,
        (Because::Finding, None) => outcome.cause().unwrap_or_default(),
        (Because::Finding, Some(cancel)) => match (outcome, cancel.actor) {
            (Outcome::Refused { why: NotMade::NeedsAccount, .. }, Actor::Worker) => "refund_needs_account",
            (Outcome::Refused { why: NotMade::Refused | NotMade::NeedsAccount, .. }, _) => "refund_refused",
            (Outcome::Refused { why: NotMade::CalledOff, .. }, _) => "refund_called_off",
            (Outcome::Refused { why: NotMade::GivenUp | NotMade::Overtaken, .. }, Actor::Worker) => "refund_not_made",
            (Outcome::Refused { why: NotMade::GivenUp | NotMade::Overtaken, .. }, _) => "refund_failed",
            (Outcome::Review { cause, .. }, _) => cause,
            (Outcome::Closed { .. }, _) => "account_closed",
            (Outcome::Returned(_), Actor::Worker) if matches!(subject.claim.order_status(), Aborted | Expired) => {
                "late_approval_returned"
            }
            (Outcome::Returned(_), Actor::Worker) => "second_approval_returned",
            (Outcome::Returned(approval), _) if approval.balance.won() == 0 => "refunded",
            (Outcome::Returned(_), _) => "refunded_in_part",
            (Outcome::Approved(_) | Outcome::Waiting { .. } | Outcome::Failed(_) | Outcome::Again(_), _) => "",
        },
    }
}
