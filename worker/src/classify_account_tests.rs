//! What a virtual account that waits for its deposit means.

use std::time::Duration;

use shared::{
    outbox::{
        Call::{self, Confirm, Query},
        Outcome,
    },
    payment::PaymentStatus,
    toss::{Account, Reply},
};
use time::OffsetDateTime;

use super::{check, check_of, first, in_state, outcome, payment};
use crate::terms::Terms;

#[test]
fn an_account_waits_until_toss_says_otherwise() {
    let waiting = check_of(PaymentStatus::WaitingForDeposit);
    check(&waiting, Query, &account(false), "waiting");
    check(&waiting, Query, &account(true), "failed Expired by answer: deposit_too_late");
    check(&waiting, Query, &in_state("CANCELED"), "failed Aborted by answer: toss_aborted");
}

/// An account that waits for its deposit until a second after the beginning of time.
fn account(expired: bool) -> Reply {
    payment(|payment| {
        payment.status = "WAITING_FOR_DEPOSIT".to_owned();
        payment.approved_at = None;
        payment.account = Some(Account { due_at: Some(due_at()), expired });
    })
}

fn due_at() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1)
}

#[test]
fn an_account_is_too_late_by_tosss_word_alone() {
    for known in [first(), check_of(PaymentStatus::WaitingForDeposit), check_of(PaymentStatus::Review)] {
        // Its due time is long ago, by any clock.
        check(&known, Query, &account(false), "waiting");
        check(&known, Query, &account(true), "failed Expired by answer: deposit_too_late");
    }
}

#[test]
fn an_account_that_was_paid_into_waits_again_before_it_can_be_too_late() {
    for status in [PaymentStatus::Done, PaymentStatus::PartialCanceled, PaymentStatus::Canceled] {
        for expired in [false, true] {
            check(&check_of(status), Query, &account(expired), "waiting");
        }
    }
}

#[test]
fn an_account_of_a_payment_that_failed_is_no_news_until_it_is_paid_into() {
    for expired in [false, true] {
        check(&check_of(PaymentStatus::Expired), Query, &account(expired), "failed Expired by answer: still_failed");
        check(&check_of(PaymentStatus::Aborted), Query, &account(expired), "failed Aborted by answer: still_failed");
    }
}

#[test]
fn an_account_is_looked_at_by_its_due_time_and_a_repeated_answer_at_once() {
    let looks = |call: Call, reply: &Reply| {
        let outcome = outcome(&first(), call, reply);
        let Outcome::Waiting { looks, .. } = outcome else { panic!("{outcome:?}") };
        looks
    };
    let issued = looks(Confirm, &account(false));
    assert_eq!(issued.by, Some(due_at() + Terms::REAL.due_margin));
    assert_eq!((issued.every, issued.soon), (Terms::REAL.deposit_look_every, Terms::REAL.due_look_every));
    let mut repeated = account(false);
    if let Reply::Answer(answer) = &mut repeated {
        answer.trace_id = Some("new, original".to_owned());
    }
    assert_eq!(looks(Confirm, &repeated).every, Duration::ZERO);
    let without_due_time = payment(|payment| payment.status = "WAITING_FOR_DEPOSIT".to_owned());
    assert_eq!(looks(Confirm, &without_due_time).by, None);
}
