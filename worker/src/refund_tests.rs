//! Every answer that makes a difference to a refund.

use shared::{outbox::Call::Cancel, toss::CancelEntry};
use uuid::Uuid;

use super::*;
use crate::known::Refund;

const MARK: Uuid = Uuid::from_u128(7);

/// All of it is to be given back.
fn refund(known: Known) -> Known {
    let amount = Krw::new(1_000).unwrap();
    let refund = Refund { mark: MARK, reason: "r".to_owned(), amount, expected_balance: amount, in_full: true };
    Known { work: Work::Cancel(refund), payment_status: PaymentStatus::Aborted, ..known }
}

/// The payment, with one refund of this reason in Toss's list.
fn listed(reason: &str, status: &str) -> Reply {
    payment(|payment| {
        payment.cancels = vec![CancelEntry {
            cancel_reason: Some(reason.to_owned()),
            cancel_amount: Some(1_000),
            cancel_status: Some(status.to_owned()),
        }];
    })
}

#[test]
fn silence_and_409_leave_its_key_and_after_any_other_answer_asking_comes_first() {
    check(&refund(first()), Cancel, &Reply::NoAnswer(NoAnswer::TimedOut), "repeat, epoch 0, open, sent");
    check(&refund(first()), Cancel, &error(409, "IDEMPOTENT_REQUEST_PROCESSING"), "snooze, epoch 0, open, sent");
    for code in ["FAILED_REFUND_PROCESS", "NOT_CANCELABLE_AMOUNT", "A_CODE_NOBODY_KNOWS"] {
        check(&refund(first()), Cancel, &error(500, code), "ask, epoch 0, burnt, sent");
    }
    check(&refund(first()), Cancel, &error(400, "ALREADY_CANCELED_PAYMENT"), "ask, epoch 0, burnt, open, sent");
    assert_eq!(refund(first()).next_call(&Terms::REAL), Cancel);
    assert_eq!(refund(burnt()).next_call(&Terms::REAL), Query, "no second refund under a new key before asking");
    check(&refund(burnt()), Query, &Reply::NoAnswer(NoAnswer::TimedOut), "ask, epoch 0, burnt, sent");
}

#[test]
fn a_new_key_is_opened_only_by_the_balance_of_before_and_when_no_send_can_act_any_more() {
    let untouched = payment(|_| {});
    check(&refund(burnt()), Query, &untouched, "next epoch, epoch 1, closed");
    check(&refund(open(89)), Query, &untouched, "ask, epoch 0, sent");
    check(&refund(open(90)), Query, &untouched, "next epoch, epoch 1, closed");
    check(&refund(burnt()), Query, &error(404, "NOT_FOUND_PAYMENT"), "ask, epoch 0, burnt, sent");
}

#[test]
fn ours_is_known_by_the_mark_in_its_reason() {
    let marked = format!("r [{}]", MARK.simple());
    check(&refund(open(90)), Query, &listed(&marked, "DONE"), "returned");
    check(&refund(open(90)), Query, &listed(&marked, "IN_PROGRESS"), "ask, epoch 0, sent");
    check(&refund(open(90)), Query, &listed(&marked, "ABORTED"), "refused");
    check(&refund(open(90)), Query, &listed("somebody else's", "DONE"), "next epoch, epoch 1, closed");
}

#[test]
fn a_refusal_is_proof_only_when_no_earlier_refund_is_open() {
    let refused = error(403, "NOT_CANCELABLE_PAYMENT");
    check(&refund(first()), Cancel, &refused, "refused");
    check(&refund(open(5)), Cancel, &refused, "ask, epoch 0, burnt, refusal kept, sent");
}
