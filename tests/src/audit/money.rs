//! I1 and I2: nobody is charged twice, and every accepted confirm and every refund ended with proof and says what the ledger
//! says.

use super::{
    Strength,
    report::{Found, Invariant},
    rows::{CLOSED_OUTSIDE, Order, Payment},
    toss::Seen,
};

pub(super) fn judge(order: &Order, seen: &Seen, strength: Strength, found: &mut Found) {
    let running = strength == Strength::Running;
    charged_once(order, seen, running, found);
    ended(order, strength, found);
    judge_proof(order, found);
    failed_refunds(order, seen, found);
    // What a worker is changing this moment may already be changed at Toss.
    if running && order.intent.is_some() {
        return;
    }
    agrees(order, seen, found);
    refunds(order, seen, found);
    second_approvals(order, seen, found);
}

fn charged_once(order: &Order, seen: &Seen, running: bool, found: &mut Found) {
    let holding = || seen.accounts.iter().filter(|(_, account)| account.balance > 0);
    let being_returned = running && order.has_live_cancel();
    // Toss would not give one of them back, and a human is told so.
    let is_told = order.status == "REVIEW"
        && order.cancels.iter().any(|cancel| {
            let payment = order.payment(cancel.payment_no);
            cancel.status == "FAILED" && payment.is_some_and(|payment| seen.balance(&payment.payment_key) > 0)
        });
    if holding().count() > 1 && !being_returned && !is_told {
        let held: Vec<String> = holding().map(|(key, account)| format!("{key} holds {}", account.balance)).collect();
        found.add(Invariant::I1, order, "charged twice", held.join(", "));
    }
    for (key, account) in holding().filter(|(_, account)| account.balance > order.amount) {
        let detail = format!("{key} holds {} of an order over {}", account.balance, order.amount);
        found.add(Invariant::I1, order, "charged too much", detail);
    }
    for (key, account) in &seen.accounts {
        if !order.payments.iter().any(|payment| payment.payment_key == *key) {
            let detail = format!("{key} holds {}, and the books have no such payment", account.balance);
            found.add(Invariant::I2, order, "charged without a payment", detail);
        }
    }
}

fn ended(order: &Order, strength: Strength, found: &mut Found) {
    if strength == Strength::Running {
        return;
    }
    if order.status == "IN_PROGRESS" {
        found.add(Invariant::I2, order, "confirm has not ended", "the order is still IN_PROGRESS".to_owned());
    }
    for cancel in order.cancels.iter().filter(|cancel| cancel.status == "IN_PROGRESS") {
        found.add(Invariant::I2, order, "refund has not ended", format!("cancel {}", cancel.cancel_no));
    }
}

/// The state is one that a confirm may be in, and the proof of it is stored.
pub(super) fn judge_proof(order: &Order, found: &mut Found) {
    let status = order.status.as_str();
    if order.payments.is_empty() {
        if !matches!(status, "READY" | "EXPIRED") || order.payment_count != 0 {
            let detail = format!("{status} by payment {:?} of {}", order.paid_by, order.payment_count);
            found.add(Invariant::I2, order, "state without a payment", detail);
        }
        return;
    }
    if status == "READY" {
        found.add(Invariant::I2, order, "confirm was lost", "there is a payment, and the order is READY".to_owned());
        return;
    }
    let Some(payment) = order.deciding() else {
        let detail = format!("{status} by payment {:?} of {}", order.payer(), order.payment_count);
        found.add(Invariant::I2, order, "state without a payment", detail);
        return;
    };
    // What was settled outside stays as Toss shows it; the order alone is over.
    let settled_outside = status == "CANCELED" && order.has_cause(CLOSED_OUTSIDE);
    if status != "REVIEW" && payment.status != status && !settled_outside {
        let detail = format!("the order is {status}, payment {} is {}", payment.payment_no, payment.status);
        found.add(Invariant::I2, order, "order and payment disagree", detail);
    }
    if !matches!(status, "IN_PROGRESS" | "REVIEW")
        && let Some(lacking) = proof_lacks(order, payment)
    {
        found.add(Invariant::I2, order, "no proof", format!("payment {}: {lacking}", payment.payment_no));
    }
}

/// What is wrong with the stored answer as the proof of the order's state. Toss's answer is a Payment or an error.
fn proof_lacks(order: &Order, payment: &Payment) -> Option<String> {
    if !payment.has_answer {
        return Some("no answer of Toss is stored".to_owned());
    }
    let failed = matches!(order.status.as_str(), "ABORTED" | "EXPIRED");
    if payment.answer_key.is_none() && payment.answer_order.is_none() {
        let is_error = payment.answer_code.is_some() && payment.answer_message.is_some();
        return (!(failed && is_error)).then(|| format!("the stored answer proves no {}", order.status));
    }
    if payment.answer_key.as_deref() != Some(&payment.payment_key) {
        return Some("the stored answer is about another paymentKey".to_owned());
    }
    if payment.answer_order.as_deref() != Some(&order.order_no) {
        return Some("the stored answer is about another order".to_owned());
    }
    let said = payment.answer_status.as_deref().unwrap_or("nothing");
    let fits = match order.status.as_str() {
        "DONE" => said == "DONE",
        "WAITING_FOR_DEPOSIT" => said == "WAITING_FOR_DEPOSIT",
        "EXPIRED" if said == "WAITING_FOR_DEPOSIT" => payment.answer_expired.as_deref() == Some("true"),
        "ABORTED" | "EXPIRED" => !matches!(said, "DONE" | "PARTIAL_CANCELED" | "WAITING_FOR_DEPOSIT"),
        _ => true, // a refund's proof may be with the refund
    };
    (!fits).then(|| format!("the order is {}, the stored answer says {said}", order.status))
}

/// The books say what the ledger says.
fn agrees(order: &Order, seen: &Seen, found: &mut Found) {
    let total = seen.total();
    let payer = order.payer().and_then(|payment_no| order.payment(payment_no));
    let held = payer.map_or(0, |payment| seen.balance(&payment.payment_key));
    let fits = match order.status.as_str() {
        "DONE" => held == order.amount,
        "PARTIAL_CANCELED" => 0 < held && held < order.amount,
        // What Toss still holds was settled with the buyer elsewhere: an operator said so.
        "CANCELED" if order.has_cause(CLOSED_OUTSIDE) => true,
        "READY" | "WAITING_FOR_DEPOSIT" | "ABORTED" | "EXPIRED" | "CANCELED" => total == 0,
        _ => true, // being found out, or for a human
    };
    if !fits {
        let detail = format!(
            "{} over {}; the ledger holds {held} by the payment that pays it, {total} in all",
            order.status, order.amount
        );
        found.add(Invariant::I2, order, "ledger disagrees", detail);
    }
    if matches!(order.status.as_str(), "DONE" | "PARTIAL_CANCELED")
        && let Some(payment) = payer
        && let Some(balance) = payment.balance.filter(|balance| *balance != held)
    {
        let detail = format!("payment {} says {balance}, the ledger {held}", payment.payment_no);
        found.add(Invariant::I2, order, "balance disagrees", detail);
    }
}

/// How many answered lookups after the last send prove that a refund was not made: one that shows another balance than the
/// refund was for, or an account that can be closed no more; else two, because one may be older than what it is asked about.
const LOOKUPS_OF_PROOF: usize = 2;

/// A refund that the books call failed was not made: Toss was asked after its last send, and nothing that was sent acted.
fn failed_refunds(order: &Order, seen: &Seen, found: &mut Found) {
    for cancel in order.cancels.iter().filter(|cancel| cancel.status == "FAILED") {
        let of_it = || order.attempts.iter().filter(|attempt| attempt.cancel_no == Some(cancel.cancel_no));
        let last_send = of_it().filter(|attempt| attempt.call == "cancel").map(|attempt| attempt.finished_at).max();
        if cancel.answer_code.is_none() && cancel.answer_balance.is_none() {
            let detail = format!("cancel {}: no answer of Toss is stored", cancel.cancel_no);
            found.add(Invariant::I2, order, "refund failed without proof", detail);
        } else if let Some(last_send) = last_send {
            let lookups = of_it()
                .filter(|attempt| attempt.call == "query" && attempt.http_status == Some(200) && !attempt.stale)
                .filter(|attempt| attempt.finished_at >= last_send)
                .count();
            let shows_another = cancel.answer_balance.is_some_and(|balance| balance != cancel.expected_balance);
            let needed = if shows_another || cancel.came_too_late { 1 } else { LOOKUPS_OF_PROOF };
            if lookups < needed {
                let detail =
                    format!("cancel {}: {lookups} lookups after its last send, not {needed}", cancel.cancel_no);
                found.add(Invariant::I2, order, "refund failed without proof", detail);
            }
        }
        let is_looked_at_again = order.payment(cancel.payment_no).is_some_and(|payment| payment.is_to_check);
        let was_made = seen.requests.iter().any(|request| {
            let body = request.body.as_deref().unwrap_or_default();
            request.endpoint == "cancel" && request.status == Some(200) && body.contains(&cancel.mark)
        });
        if was_made && !is_looked_at_again {
            let detail = format!("Toss made cancel {}, and nobody will ask again", cancel.cancel_no);
            found.add(Invariant::I2, order, "refund called failed that was made", detail);
        }
    }
}

/// Each refund that the books call made is in the ledger, once for each, over its amount; and none that has ended still
/// keeps somebody's account.
fn refunds(order: &Order, seen: &Seen, found: &mut Found) {
    for payment in &order.payments {
        let Some(account) = seen.accounts.get(&payment.payment_key).filter(|account| account.approvals > 0) else {
            continue;
        };
        let mut given_back = account.given_back.clone();
        for cancel in order.cancels.iter().filter(|c| c.payment_no == payment.payment_no && c.status == "DONE") {
            match given_back.iter().position(|amount| *amount == cancel.amount) {
                Some(place) => {
                    given_back.swap_remove(place);
                }
                // What was meant for all that is left may have found that somebody else had given it back.
                None if account.balance == 0 => {}
                None => {
                    let detail =
                        format!("cancel {} over {} of {:?}", cancel.cancel_no, cancel.amount, account.given_back);
                    found.add(Invariant::I2, order, "refund that is not in the ledger", detail);
                }
            }
        }
    }
    for cancel in order.cancels.iter().filter(|cancel| cancel.status != "IN_PROGRESS" && cancel.keeps_an_account) {
        found.add(Invariant::I5, order, "account kept", format!("cancel {} has ended", cancel.cancel_no));
    }
}

/// What Toss approved beyond the payment that pays was given back, by us or in Toss's console.
fn second_approvals(order: &Order, seen: &Seen, found: &mut Found) {
    if matches!(order.status.as_str(), "IN_PROGRESS" | "REVIEW") {
        return;
    }
    for payment in order.payments.iter().filter(|payment| Some(payment.payment_no) != order.payer()) {
        let approved = seen.accounts.get(&payment.payment_key).is_some_and(|account| account.approvals > 0);
        let balance = seen.balance(&payment.payment_key);
        let returned =
            order.cancels.iter().any(|cancel| cancel.payment_no == payment.payment_no && cancel.status == "DONE");
        let known = payment.status == "CANCELED" && payment.balance == Some(0);
        if approved && !((returned || known) && balance == 0) && !order.has_cause(CLOSED_OUTSIDE) {
            let detail = format!("payment {} was approved, holds {balance}, returned: {returned}", payment.payment_no);
            found.add(Invariant::I2, order, "second approval not given back", detail);
        }
    }
}
