//! What a claimed row says about the sends before it.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Claim, Row};
use crate::outbox::SentWith;

fn claim(change: impl FnOnce(&mut Row)) -> Claim {
    let mut row = Row {
        order_id: 1,
        kind: 1,
        due_at: OffsetDateTime::UNIX_EPOCH,
        lease_seq: 1,
        attempts: 1,
        snoozes: 0,
        payment_no: 2,
        abandoned: false,
        abandoned_key: 0,
        is_newer: false,
        order_no: Some(Uuid::from_u128(1)),
        order_status: Some("IN_PROGRESS".to_owned()),
        payment_key: Some("key".to_owned()),
        amount: Some(1_000),
        payment_status: Some("IN_PROGRESS".to_owned()),
        accepted_ms_ago: Some(0),
        request: Some(Vec::new()),
        key_epoch: Some(0),
        ask_first: Some(false),
        unanswered_ms_ago: None,
        sent_with: None,
        refused: Some(false),
        error_code: None,
        server_error_ms_ago: None,
        absent_ms_ago: None,
        no_answer_ms: None,
        m_id: None,
        requested_ms_ago: None,
        called_off: None,
        cancel_no: None,
        cancel_mark: None,
        cancel_reason: None,
        cancel_amount: None,
        expected_balance: None,
        in_full: None,
        cancel_actor: None,
        request_sealed: None,
    };
    change(&mut row);
    Claim::try_from(row).unwrap()
}

fn refund(row: &mut Row) {
    row.kind = 2;
    row.cancel_no = Some(1);
    row.cancel_mark = Some(Uuid::from_u128(7));
    row.cancel_reason = Some("r".to_owned());
    (row.cancel_amount, row.expected_balance, row.in_full) = (Some(1_000), Some(1_000), Some(true));
    row.cancel_actor = Some("worker".to_owned());
}

#[test]
fn the_key_of_a_try_is_the_key_of_every_try_of_its_epoch() {
    let operations: [fn(&mut Row); 2] = [|_| {}, refund];
    for change in operations {
        let key = |attempts, epoch| {
            let claim = claim(|row| {
                change(row);
                (row.attempts, row.lease_seq, row.snoozes) = (attempts, i32::from(attempts), attempts);
                row.key_epoch = Some(epoch);
            });
            claim.idempotency_key()
        };
        assert_eq!(key(1, 0), key(2, 0));
        assert_eq!(key(1, 0), key(700, 0));
        assert_ne!(key(1, 0), key(1, 1));
    }
}

#[test]
fn who_died_over_it_may_have_sent_until_this_moment() {
    let kept = claim(|row| row.unanswered_ms_ago = Some(90_000));
    assert_eq!(kept.sends().unanswered, Some(Duration::from_secs(90)));
    assert_eq!(claim(|_| {}).sends().unanswered, None);
    let abandoned = claim(|row| (row.abandoned, row.abandoned_key) = (true, 42));
    assert!(abandoned.was_abandoned());
    assert_eq!(abandoned.sends().unanswered, Some(Duration::ZERO));
    assert_eq!(abandoned.sends().sent_with, Some(SentWith::Tagged(42)));
    // An older send without an answer is no excuse for a younger one.
    let twice = claim(|row| (row.abandoned, row.unanswered_ms_ago) = (true, Some(90_000)));
    assert_eq!(twice.sends().unanswered, Some(Duration::ZERO));
}
