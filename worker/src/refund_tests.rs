//! Every answer that makes a difference to a refund.

use shared::{outbox::Call::Cancel, toss::CancelEntry};
use uuid::Uuid;

use super::*;
use crate::known::Refund;

const MARK: Uuid = Uuid::from_u128(7);

/// All of it is to be given back.
fn refund(known: Known) -> Known {
    let amount = Krw::new(1_000).unwrap();
    let refund = Refund {
        mark: MARK,
        reason: "r".to_owned(),
        amount,
        expected_balance: amount,
        in_full: true,
        requested_ago: Duration::ZERO,
        called_off: false,
        account: None,
        can_be_sent: true,
    };
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
    let running = error(409, "IDEMPOTENT_REQUEST_PROCESSING");
    check(&refund(first()), Cancel, &running, "snooze, epoch 0, open, refusal kept, sent");
    // Toss's words are kept for the operator. What met a server error may act yet.
    for code in ["FAILED_REFUND_PROCESS", "NOT_CANCELABLE_AMOUNT", "A_CODE_NOBODY_KNOWS"] {
        check(&refund(first()), Cancel, &error(400, code), "ask, epoch 0, burnt, refusal kept, sent");
        check(&refund(first()), Cancel, &error(500, code), "ask, epoch 0, burnt, open, refusal kept, sent");
    }
    let already = error(400, "ALREADY_CANCELED_PAYMENT");
    check(&refund(first()), Cancel, &already, "ask, epoch 0, burnt, open, refusal kept, sent");
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
    check(&refund(open(90)), Query, &listed(&marked, "ABORTED"), "not made: Refused");
    check(&refund(open(90)), Query, &listed("somebody else's", "DONE"), "next epoch, epoch 1, closed");
}

/// What Toss said last about it, the number of its keys before this one, and its age.
fn answered(code: &str, epoch: i16, age: Duration, known: Known) -> Known {
    let known = refund(known);
    let Work::Cancel(refund) = known.work else { panic!("a refund") };
    let sends = Sends { epoch, error_code: Some(code.to_owned()), ..known.sends };
    Known { work: Work::Cancel(Refund { requested_ago: age, ..refund }), sends, ..known }
}

/// A lookup showed nothing of it so long ago.
fn looked(seconds: u64, known: Known) -> Known {
    let sends = Sends { absent: Some(Duration::from_secs(seconds)), ..known.sends };
    Known { sends, ..known }
}

#[test]
fn a_refusal_ends_it_when_no_send_is_open_and_two_lookups_show_the_old_balance() {
    let refused = error(403, "NOT_CANCELABLE_PAYMENT");
    check(&refund(first()), Cancel, &refused, "ask, epoch 0, burnt, refusal kept, sent");
    check(&refund(open(5)), Cancel, &refused, "ask, epoch 0, burnt, refusal kept, sent");
    let untouched = payment(|_| {});
    for (code, why) in [
        ("NOT_CANCELABLE_PAYMENT", "not made: Refused"),
        ("NOT_CANCELABLE_AMOUNT", "not made: Refused"),
        ("INVALID_REFUND_ACCOUNT_INFO", "not made: NeedsAccount"),
    ] {
        let known = |known| answered(code, 0, Duration::ZERO, known);
        check(&known(open(89)), Query, &untouched, "ask, epoch 0, sent");
        check(&known(burnt()), Query, &untouched, "ask, epoch 0, burnt, absent, sent");
        check(&looked(59, known(burnt())), Query, &untouched, "ask, epoch 0, burnt, sent");
        check(&looked(60, known(burnt())), Query, &untouched, why);
    }
}

#[test]
fn an_error_that_says_nothing_is_given_up_after_an_hour_and_what_waits_for_a_bank_or_a_limit_later() {
    let untouched = payment(|_| {});
    for (code, hours) in [
        ("FAILED_INTERNAL_SYSTEM_PROCESSING", 1),
        ("A_CODE_NOBODY_KNOWS", 1),
        ("FORBIDDEN_CONSECUTIVE_REQUEST", 1),
        ("NOT_AVAILABLE_BANK", 24),
        ("EXCEED_CANCEL_LIMIT", 7 * 24),
        ("EXCEED_MAX_REFUND_AMOUNT", 7 * 24),
    ] {
        let known = |epoch, age| answered(code, epoch, age, burnt());
        let (late, early) = (Duration::from_hours(hours), Duration::from_secs(hours * 3_600 - 1));
        check(&known(5, early), Query, &untouched, "next epoch, epoch 6, closed");
        check(&known(5, late), Query, &untouched, "ask, epoch 5, burnt, absent, sent");
        check(&looked(60, known(5, late)), Query, &untouched, "not made: GivenUp");
        // However old it is: it is posted again after an outage of ours.
        check(&looked(60, known(1, late)), Query, &untouched, "next epoch, epoch 2, closed");
    }
}

#[test]
fn what_is_called_off_is_not_posted_and_ends_by_the_same_proof() {
    let called_off = |known: Known| {
        let known = refund(known);
        let Work::Cancel(refund) = known.work else { panic!("a refund") };
        Known { work: Work::Cancel(Refund { called_off: true, ..refund }), ..known }
    };
    let (untouched, marked) = (payment(|_| {}), format!("r [{}]", MARK.simple()));
    assert_eq!(called_off(first()).next_call(&Terms::REAL), Query);
    check(&called_off(open(89)), Query, &untouched, "ask, epoch 0, sent");
    check(&called_off(open(90)), Query, &untouched, "ask, epoch 0, burnt, absent, sent");
    check(&looked(60, called_off(open(200))), Query, &untouched, "not made: CalledOff");
    check(&looked(60, called_off(open(200))), Query, &listed(&marked, "DONE"), "returned");
}

#[test]
fn silence_about_a_refund_for_a_day_is_for_a_human() {
    let day = 24 * 3_600;
    let known = |age| refund(with(|known| known.sends.no_answer = Some(Duration::from_secs(age))));
    let silence = Reply::NoAnswer(NoAnswer::TimedOut);
    check(&known(day), Query, &silence, "no_answer_about_this_payment");
    check(&known(day), Query, &error(404, "NOT_FOUND_PAYMENT"), "review_no_proof");
    check(&known(day - 1), Query, &silence, "repeat, epoch 0");
}

/// 300 of the 1,000 are to be given back.
fn part(known: Known) -> Known {
    let known = refund(known);
    let Work::Cancel(refund) = known.work else { panic!("a refund") };
    let refund = Refund { amount: Krw::new(300).unwrap(), in_full: false, ..refund };
    Known { work: Work::Cancel(refund), payment_status: PaymentStatus::Done, ..known }
}

#[test]
fn a_part_that_meets_another_balance_is_asked_for_again_by_nobody_but_a_human() {
    let others = |balance: i64| {
        payment(move |payment| {
            payment.status = "PARTIAL_CANCELED".to_owned();
            payment.balance_amount = Some(balance);
        })
    };
    // Somebody gave 300 back in Toss's console: maybe these 300.
    check(&part(burnt()), Query, &others(700), "ask, epoch 0, burnt, absent, sent");
    check(&looked(60, part(burnt())), Query, &others(700), "not made: Overtaken");
    check(&part(open(5)), Query, &others(700), "ask, epoch 0, sent");
    check(&part(burnt()), Query, &payment(|_| {}), "next epoch, epoch 1, closed");
    // Who asked for all of it meant what is left.
    check(&refund(burnt()), Query, &others(700), "next epoch, epoch 1, closed, replanned 700");
    check(&refund(burnt()), Query, &others(0), "returned");
}

#[test]
fn what_cannot_be_read_is_never_sent() {
    let sealed = |known: Known| {
        let known = refund(known);
        let Work::Cancel(refund) = known.work else { panic!("a refund") };
        Known { work: Work::Cancel(Refund { can_be_sent: false, ..refund }), ..known }
    };
    assert_eq!(sealed(first()).next_call(&Terms::REAL), Query);
    check(&sealed(first()), Query, &payment(|_| {}), "ask, epoch 0");
    check(&sealed(first()), Query, &Reply::NoAnswer(NoAnswer::TimedOut), "ask, epoch 0");
}

#[test]
fn an_account_that_waits_for_its_deposit_is_closed_with_proof() {
    let waiting = |known: Known| Known { payment_status: PaymentStatus::WaitingForDeposit, ..refund(known) };
    let account = |status: &'static str| {
        payment(move |payment| {
            payment.status = status.to_owned();
            payment.approved_at = None;
        })
    };
    for call in [Cancel, Query] {
        check(&waiting(first()), call, &account("CANCELED"), "closed");
    }
    let refused = error(403, "NOT_CANCELABLE_PAYMENT");
    check(&waiting(first()), Cancel, &refused, "ask, epoch 0, burnt, refusal kept, sent");
    let known = |known| Known {
        payment_status: PaymentStatus::WaitingForDeposit,
        ..answered("NOT_CANCELABLE_PAYMENT", 0, Duration::ZERO, known)
    };
    check(&known(burnt()), Query, &account("WAITING_FOR_DEPOSIT"), "ask, epoch 0, burnt, absent, sent");
    check(&looked(60, known(burnt())), Query, &account("WAITING_FOR_DEPOSIT"), "not made: Refused");
    let failed = error(500, "FAILED_REFUND_PROCESS");
    check(&waiting(first()), Cancel, &failed, "ask, epoch 0, burnt, open, refusal kept, sent");
    check(&waiting(burnt()), Query, &account("WAITING_FOR_DEPOSIT"), "next epoch, epoch 1, closed");
    check(&waiting(open(5)), Query, &account("WAITING_FOR_DEPOSIT"), "repeat, epoch 0, sent");
    check(&waiting(open(600)), Query, &account("EXPIRED"), "not made: Overtaken");
    check(&waiting(open(5)), Query, &account("EXPIRED"), "repeat, epoch 0, sent");
    // The deposit came first: it needs an account to go back to.
    check(&waiting(burnt()), Query, &payment(|_| {}), "not made: Overtaken");
    check(&waiting(open(5)), Query, &payment(|_| {}), "ask, epoch 0, sent");
}

#[test]
fn a_refund_that_is_never_answered_is_given_up_and_only_asked_about() {
    let hour = Duration::from_hours(1);
    for code in [None, Some("IDEMPOTENT_REQUEST_PROCESSING")] {
        let tried = |tries, age: Duration, known: Known| {
            let known = refund(Known { attempts: tries, ..known });
            let Work::Cancel(refund) = known.work else { panic!("a refund") };
            let sends = Sends { error_code: code.map(str::to_owned), ..known.sends };
            Known { work: Work::Cancel(Refund { requested_ago: age, ..refund }), sends, ..known }
        };
        assert_eq!(tried(11, hour, open(5)).next_call(&Terms::REAL), Query, "or its sends would never be over");
        assert_eq!(tried(11, hour / 2, open(5)).next_call(&Terms::REAL), Cancel);
        assert_eq!(tried(3, hour, open(5)).next_call(&Terms::REAL), Cancel, "after an outage of ours");
        check(&tried(11, hour, open(90)), Query, &payment(|_| {}), "ask, epoch 0, burnt, absent, sent");
        check(&looked(60, tried(11, hour, open(200))), Query, &payment(|_| {}), "not made: GivenUp");
    }
}

#[test]
fn a_payment_that_is_not_there_is_for_a_human_after_two_lookups_that_show_it_so() {
    for nothing in [in_state("IN_PROGRESS"), in_state("ABORTED"), payment(|payment| payment.total_amount = Some(999))] {
        check(&refund(open(89)), Query, &nothing, "repeat, epoch 0, sent");
        check(&refund(burnt()), Query, &nothing, "ask, epoch 0, burnt, absent, sent");
        check(&looked(60, refund(burnt())), Query, &nothing, "review_nothing_to_refund");
    }
}
