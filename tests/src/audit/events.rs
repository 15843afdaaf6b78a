//! I4 and I5, the part about history: one unbroken chain of defined changes, each with its cause, ending at the state.

use time::Duration;

use super::{
    report::{Found, Invariant},
    rows::{Event, Order},
    toss::Seen,
};

/// Causes of a worker's changes that need no call to Toss.
const CAUSES_WITHOUT_A_CALL: [&str; 1] = ["not_paid_in_time"];
/// Two machines' clocks.
const CLOCKS_DIFFER: Duration = Duration::seconds(1);

/// May an order in one state come to be in the other? An edge from a state to itself is a note about another payment.
fn is_defined(from: &str, to: &str) -> bool {
    let to_one_of = |states: &[&str]| states.contains(&to);
    match from {
        "READY" => to_one_of(&["IN_PROGRESS", "EXPIRED"]),
        "IN_PROGRESS" => {
            to_one_of(&["DONE", "PARTIAL_CANCELED", "CANCELED", "WAITING_FOR_DEPOSIT", "ABORTED", "EXPIRED", "REVIEW"])
        }
        "WAITING_FOR_DEPOSIT" => {
            to_one_of(&["DONE", "PARTIAL_CANCELED", "CANCELED", "ABORTED", "EXPIRED", "REVIEW", "WAITING_FOR_DEPOSIT"])
        }
        "ABORTED" => to_one_of(&["IN_PROGRESS", "DONE", "PARTIAL_CANCELED", "CANCELED", "REVIEW", "ABORTED"]),
        "EXPIRED" => to_one_of(&["DONE", "PARTIAL_CANCELED", "CANCELED", "REVIEW", "EXPIRED"]),
        "DONE" => to_one_of(&["PARTIAL_CANCELED", "CANCELED", "WAITING_FOR_DEPOSIT", "REVIEW", "DONE"]),
        "PARTIAL_CANCELED" => to_one_of(&["PARTIAL_CANCELED", "CANCELED", "REVIEW"]),
        "CANCELED" => to_one_of(&["CANCELED", "REVIEW"]),
        "REVIEW" => !to_one_of(&["READY", "IN_PROGRESS"]),
        _ => false,
    }
}

pub(super) fn judge(order: &Order, found: &mut Found) {
    let mut state = "READY";
    for (number, event) in order.events.iter().enumerate() {
        let from = event.from_status.as_deref().unwrap_or("nothing");
        let edge = format!("event {}: {from} to {} ({})", number + 1, event.to_status, event.cause);
        if from != state {
            found.add(Invariant::I5, order, "broken chain of events", format!("{edge}, after {state}"));
        }
        if !is_defined(from, &event.to_status) {
            found.add(Invariant::I4, order, "change that is not defined", edge.clone());
        }
        if let Some(lacking) = attempt_lacks(order, event) {
            found.add(Invariant::I5, order, "change without its attempt", format!("{edge}: {lacking}"));
        }
        state = &event.to_status;
    }
    if order.status != state {
        let detail = format!("the order is {}, its newest event says {state}", order.status);
        found.add(Invariant::I5, order, "newest event is not the state", detail);
    }
}

fn attempt_lacks(order: &Order, event: &Event) -> Option<&'static str> {
    if event.actor != "worker" || CAUSES_WITHOUT_A_CALL.contains(&event.cause.as_str()) {
        return None;
    }
    let Some(id) = &event.attempt_id else { return Some("it names none") };
    match order.attempts.iter().find(|attempt| attempt.id == *id) {
        None => Some("there is no such attempt"),
        Some(attempt) if attempt.stale => Some("the attempt had lost its lease"),
        Some(_) => None,
    }
}

/// No event calls the order paid before the ledger has the approval of that payment.
pub(super) fn judge_approvals(order: &Order, seen: &Seen, clock_is_ours: bool, found: &mut Found) {
    let is_paid = |status: &str| matches!(status, "DONE" | "PARTIAL_CANCELED");
    for event in &order.events {
        // A state that was paid before, or a human's decision about one that was, approves nothing.
        if !is_paid(&event.to_status) || event.from_status.as_deref().is_some_and(is_paid) {
            continue;
        }
        let payment = event.payment_no.and_then(|payment_no| order.payment(payment_no));
        let Some(payment) = payment else {
            let detail = format!("{} by payment {:?}, which is not there", event.to_status, event.payment_no);
            found.add(Invariant::I4, order, "paid before it was approved", detail);
            continue;
        };
        let approved_at = seen.accounts.get(&payment.payment_key).and_then(|account| account.first_approved_at);
        let detail = match approved_at {
            None => "the ledger has no approval of it".to_owned(),
            Some(approved_at) if clock_is_ours && event.at + CLOCKS_DIFFER < approved_at => {
                format!("{}, approved at {approved_at}", event.at)
            }
            Some(_) => continue,
        };
        let detail = format!("{} by payment {}: {detail}", event.to_status, payment.payment_no);
        found.add(Invariant::I4, order, "paid before it was approved", detail);
    }
}

/// No event calls the order unpaid again unless the bank took the deposit back, each time it does.
pub(super) fn judge_reversals(order: &Order, seen: &Seen, found: &mut Found) {
    for payment in &order.payments {
        let told = order.events.iter().filter(|event| {
            event.payment_no == Some(payment.payment_no)
                && event.from_status.as_deref() == Some("DONE")
                && event.to_status == "WAITING_FOR_DEPOSIT"
        });
        let made =
            seen.entries.iter().filter(|entry| entry.payment_key == payment.payment_key && entry.kind == "REVERSAL");
        let (told, made) = (told.count(), made.count());
        if told > made {
            let detail = format!("payment {}: {told} times by the events, {made} by the ledger", payment.payment_no);
            found.add(Invariant::I4, order, "unpaid before it was taken back", detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_defined;

    #[test]
    fn states_are_left_only_by_defined_changes() {
        for (from, to) in [("READY", "IN_PROGRESS"), ("EXPIRED", "DONE"), ("DONE", "DONE"), ("REVIEW", "ABORTED")] {
            assert!(is_defined(from, to), "{from} to {to}");
        }
        for (from, to) in [
            ("READY", "DONE"),
            ("DONE", "IN_PROGRESS"),
            ("DONE", "ABORTED"),
            ("CANCELED", "DONE"),
            ("REVIEW", "IN_PROGRESS"),
            ("IN_PROGRESS", "READY"),
            ("PARTIAL_CANCELED", "DONE"),
            ("nothing", "READY"),
        ] {
            assert!(!is_defined(from, to), "{from} to {to}");
        }
    }
}
