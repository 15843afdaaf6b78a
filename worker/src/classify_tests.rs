//! Every answer in every situation that makes a difference.

use std::time::Duration;

use serde_json::json;
use shared::{
    money::Krw,
    order::{OrderNo, OrderStatus},
    outbox::{
        Call::{self, Confirm, Query},
        How, Mark, Outcome, Proof, Sends, SentWith,
    },
    payment::{PaymentKey, PaymentStatus},
    toss::{Answer, Body, NoAnswer, Payment, Reply},
};

#[path = "classify_account_tests.rs"]
mod accounts;
#[path = "classify_proof_tests.rs"]
mod proofs;

use super::{Try, Waits, classify};
use crate::{
    known::{Known, SentKey, Surroundings, Work},
    reading::About,
    terms::Terms,
};

const KEY: &str = "test_sk:00000001";
const WAITS: Waits = Waits {
    undecided: Duration::from_millis(1),
    busy: Duration::from_millis(2),
    spaced: Duration::from_millis(3),
    spaced_snooze: Duration::from_millis(4),
    asked: Duration::ZERO,
};

/// A first try, a minute after acceptance.
fn first() -> Known {
    Known {
        work: Work::Confirm,
        order_status: OrderStatus::InProgress,
        payment_status: PaymentStatus::InProgress,
        since_accepted: Duration::from_mins(1),
        sends: Sends {
            epoch: 0,
            burnt: false,
            unanswered: None,
            sent_with: None,
            refused: false,
            server_error: None,
            absent: None,
            no_answer: None,
            error_code: None,
        },
        abandoned: false,
        key: SentKey::None,
        surroundings: Surroundings { merchant_is_proven: true, key_is_taken: false, others_answered: true },
        attempts: 1,
        snoozes: 0,
    }
}

fn with(change: impl FnOnce(&mut Known)) -> Known {
    let mut known = first();
    change(&mut known);
    known
}

/// An earlier send was left open this long ago.
fn open(seconds: u64) -> Known {
    with(|known| {
        known.sends.unanswered = Some(Duration::from_secs(seconds));
        known.sends.sent_with = Some(SentWith::Known(KEY.to_owned()));
        known.key = SentKey::AtHand(KEY.to_owned());
    })
}

/// An answer burnt the key.
fn burnt() -> Known {
    with(|known| {
        known.sends.burnt = true;
        known.sends.sent_with = Some(SentWith::Known(KEY.to_owned()));
        known.key = SentKey::AtHand(KEY.to_owned());
    })
}

fn after(seconds: u64) -> Known {
    with(|known| known.since_accepted = Duration::from_secs(seconds))
}

/// A look back, long after the confirm.
fn check_of(status: PaymentStatus) -> Known {
    with(|known| {
        known.work = Work::Check;
        known.payment_status = status;
        known.since_accepted = Duration::from_hours(100);
    })
}

fn order_no() -> OrderNo {
    OrderNo::parse("0199a0b1-5c00-7000-8000-000000000001").unwrap()
}

fn payment(change: impl FnOnce(&mut Payment)) -> Reply {
    let mut payment = Payment {
        m_id: Some("shop".to_owned()),
        payment_key: "key".to_owned(),
        order_id: order_no().to_string(),
        status: "DONE".to_owned(),
        currency: Some("KRW".to_owned()),
        total_amount: Some(1_000),
        balance_amount: Some(1_000),
        method: None,
        approved_at: Some(time::UtcDateTime::UNIX_EPOCH.into()),
        receipt_url: None,
        account: None,
        cancels: Vec::new(),
        raw: json!({"raw": true}),
    };
    change(&mut payment);
    answer(200, Body::Payment(Box::new(payment)))
}

fn in_state(status: &str) -> Reply {
    payment(|payment| {
        payment.status = status.to_owned();
        payment.approved_at = None;
    })
}

fn error(http_status: u16, code: &str) -> Reply {
    answer(http_status, Body::Error { code: code.to_owned(), message: "…".to_owned() })
}

fn answer(http_status: u16, body: Body) -> Reply {
    Reply::Answer(Answer { http_status, trace_id: None, retry_after: None, body })
}

fn outcome(known: &Known, call: Call, reply: &Reply) -> Outcome {
    let payment_key = PaymentKey::parse("key").unwrap();
    let about = About { payment_key: &payment_key, order_no: order_no(), amount: Krw::new(1_000).unwrap() };
    classify(&Try { known, about, call, signed_with: KEY, reply }, &Terms::REAL, WAITS)
}

/// The outcome in one line: what happens, and what is left of the sends.
fn line(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Approved(approval) => format!("approved {}", approval.status().as_str()),
        Outcome::Failed(failure) => {
            let proof = match &failure.proof {
                Proof::Answer(_) => "answer",
                Proof::KeptRefusal => "kept refusal",
            };
            format!("failed {:?} by {proof}: {}", failure.status, failure.cause)
        }
        Outcome::Waiting { .. } => "waiting".to_owned(),
        Outcome::Review { cause, .. } => (*cause).to_owned(),
        Outcome::Returned(_) => "returned".to_owned(),
        Outcome::Closed { .. } => "closed".to_owned(),
        Outcome::Refused { why, .. } => format!("not made: {why:?}"),
        Outcome::Again(again) => {
            let how = match again.how {
                How::Repeat => "repeat",
                How::Snooze => "snooze",
                How::Ask => "ask",
                How::NextEpoch => "next epoch",
            };
            let sends = &again.sends;
            let mut line = format!("{how}, epoch {}", sends.epoch);
            for (is, word) in [
                (sends.burnt, "burnt"),
                (sends.unanswered == Mark::Now, "open"),
                (sends.unanswered == Mark::Clear, "closed"),
                (sends.server_error == Mark::Now, "server error"),
                (sends.absent == Mark::Now, "absent"),
                (sends.refusal.is_some(), "refusal kept"),
                (sends.sent_with.is_some(), "sent"),
            ] {
                if is {
                    line = format!("{line}, {word}");
                }
            }
            match &again.replanned {
                Some(plan) => format!("{line}, replanned {}", plan.balance.won()),
                None => line,
            }
        }
    }
}

fn check(known: &Known, call: Call, reply: &Reply, expected: &str) {
    assert_eq!(line(&outcome(known, call, reply)), expected, "{call:?} {reply:?} knowing {known:?}");
}

#[test]
fn only_an_approved_payment_that_is_ours_is_approved() {
    for call in [Confirm, Query] {
        check(&first(), call, &payment(|_| {}), "approved DONE");
        check(&first(), call, &payment(|payment| payment.balance_amount = Some(400)), "approved PARTIAL_CANCELED");
        check(&first(), call, &payment(|payment| payment.balance_amount = Some(0)), "approved CANCELED");
        check(&first(), call, &payment(|payment| payment.status = "CANCELED".to_owned()), "approved DONE");
    }
    let not_as_agreed: [fn(&mut Payment); 6] = [
        |payment| payment.total_amount = Some(999),
        |payment| payment.total_amount = None,
        |payment| payment.currency = Some("USD".to_owned()),
        |payment| payment.approved_at = None,
        |payment| payment.balance_amount = None,
        |payment| payment.balance_amount = Some(1_001),
    ];
    for change in not_as_agreed {
        check(&first(), Confirm, &payment(change), "ask, epoch 0, burnt, sent");
        check(&first(), Query, &payment(change), "review_not_as_agreed");
    }
    let others: [fn(&mut Payment); 2] =
        [|payment| payment.payment_key = "other".to_owned(), |payment| payment.order_id = "other".to_owned()];
    for change in others {
        check(&first(), Confirm, &payment(change), "ask, epoch 0, burnt, sent");
        check(&first(), Query, &payment(change), "failed Aborted by answer: payment_not_ours");
        check(&open(5), Query, &payment(change), "repeat, epoch 0, sent");
    }
}

#[test]
fn silence_and_409_leave_the_key_and_any_other_answer_burns_it() {
    for silence in
        [NoAnswer::NotConnected, NoAnswer::TimedOut, NoAnswer::Broken, NoAnswer::Unreadable { http_status: 502 }]
    {
        check(&first(), Confirm, &Reply::NoAnswer(silence), "repeat, epoch 0, open, sent");
    }
    check(&first(), Query, &Reply::NoAnswer(NoAnswer::TimedOut), "repeat, epoch 0");
    check(&burnt(), Query, &Reply::NoAnswer(NoAnswer::TimedOut), "ask, epoch 0, burnt, sent");
    check(&first(), Confirm, &error(409, "IDEMPOTENT_REQUEST_PROCESSING"), "snooze, epoch 0, open, sent");
    check(&first(), Confirm, &error(500, "IDEMPOTENT_REQUEST_PROCESSING"), "snooze, epoch 0, open, server error, sent");
    check(&first(), Confirm, &error(409, "SOMETHING_NEW"), "ask, epoch 0, burnt, sent");
    check(&first(), Confirm, &error(429, "SOMETHING_NEW"), "snooze, epoch 0, sent");
    check(&burnt(), Query, &error(429, "SOMETHING_NEW"), "snooze, epoch 0, burnt, sent");
    for code in ["PROVIDER_ERROR", "COMMON_ERROR", "SOMETHING_NEW"] {
        check(&first(), Confirm, &error(400, code), "ask, epoch 0, burnt, sent");
        check(&first(), Query, &error(500, code), "repeat, epoch 0");
        check(&burnt(), Query, &error(500, code), "ask, epoch 0, burnt, sent");
    }
    check(&first(), Confirm, &error(400, "ALREADY_PROCESSED_PAYMENT"), "ask, epoch 0, burnt, open, sent");
    check(&first(), Confirm, &error(401, "UNAUTHORIZED_KEY"), "snooze, epoch 0, burnt, sent");
    check(&first(), Query, &error(401, "UNAUTHORIZED_KEY"), "snooze, epoch 0");
    for status in ["IN_PROGRESS", "READY", "ABORTED", "EXPIRED", "SOMETHING_NEW"] {
        check(&first(), Confirm, &in_state(status), "ask, epoch 0, burnt, sent");
    }
}

#[test]
fn a_refusal_is_proof_only_when_no_earlier_send_is_open() {
    let declined = error(403, "REJECT_CARD_PAYMENT");
    check(&first(), Confirm, &declined, "failed Aborted by answer: declined");
    check(&open(5), Confirm, &declined, "ask, epoch 0, burnt, refusal kept, sent");
    check(&open(3_600), Confirm, &declined, "ask, epoch 0, burnt, refusal kept, sent");
    check(&first(), Confirm, &error(400, "INVALID_REQUEST"), "failed Aborted by answer: request_refused");
    check(&first(), Confirm, &error(404, "NOT_FOUND_PAYMENT"), "failed Aborted by answer: payment_unknown");
    // Said of payments that were approved, too: asking comes first.
    for code in ["FORBIDDEN_REQUEST", "NOT_FOUND_PAYMENT_SESSION"] {
        check(&first(), Confirm, &error(403, code), "ask, epoch 0, burnt, open, refusal kept, sent");
    }

    let refused = |seconds| {
        let mut known = open(seconds);
        known.sends.refused = true;
        known.sends.burnt = true;
        known
    };
    for nothing in [in_state("IN_PROGRESS"), in_state("READY"), error(404, "NOT_FOUND_PAYMENT")] {
        check(&refused(89), Query, &nothing, "ask, epoch 0, burnt, sent");
        check(&refused(90), Query, &nothing, "failed Aborted by kept refusal: declined");
    }
    check(&refused(5), Query, &payment(|_| {}), "approved DONE");
    check(&refused(5), Query, &in_state("ABORTED"), "failed Aborted by answer: toss_aborted");
}

#[test]
fn only_asking_opens_the_next_epoch_and_only_when_no_send_can_act_any_more() {
    let not_moved = in_state("IN_PROGRESS");
    check(&burnt(), Query, &not_moved, "next epoch, epoch 1, closed");
    check(&first(), Query, &not_moved, "repeat, epoch 0");
    // A call takes a minute at most; what acted at its end is shown a little later.
    check(&open(89), Query, &not_moved, "repeat, epoch 0, sent");
    check(&open(90), Query, &not_moved, "next epoch, epoch 1, closed");
    // Toss may look at a copy that is behind: nothing there is no proof in time.
    check(&burnt(), Query, &error(404, "NOT_FOUND_PAYMENT"), "ask, epoch 0, burnt, sent");
    check(&open(90), Query, &error(404, "NOT_FOUND"), "repeat, epoch 0, sent");
    // Sent under a secret that is not at hand: never repeated under another before it is settled.
    let gone = |seconds| {
        let mut known = open(seconds);
        known.key = SentKey::Gone;
        known
    };
    assert_eq!(gone(5).next_call(&Terms::REAL), Query);
    check(&gone(89), Query, &not_moved, "ask, epoch 0, sent");
    check(&gone(90), Query, &not_moved, "next epoch, epoch 1, closed");
}

#[test]
fn after_the_time_to_confirm_two_spaced_looks_that_show_nothing_are_proof() {
    for nothing in [in_state("IN_PROGRESS"), in_state("READY"), error(404, "NOT_FOUND_PAYMENT")] {
        check(&after(600), Query, &nothing, "ask, epoch 0");
        check(&after(661), Query, &nothing, "ask, epoch 0, absent");
        let looked = |seconds| {
            let mut known = after(800);
            known.sends.absent = Some(Duration::from_secs(seconds));
            known
        };
        check(&looked(59), Query, &nothing, "ask, epoch 0");
        check(&looked(60), Query, &nothing, "failed Expired by answer: not_confirmed_in_time");
    }
    check(&after(800), Query, &in_state("EXPIRED"), "failed Expired by answer: toss_expired");
    check(&after(800), Query, &payment(|_| {}), "approved DONE");
    check(&after(80_000), Query, &Reply::NoAnswer(NoAnswer::TimedOut), "repeat, epoch 0");
}

#[test]
fn a_look_back_at_a_failure_finds_the_approval_or_leaves_it() {
    for status in [PaymentStatus::Aborted, PaymentStatus::Expired] {
        assert_eq!(check_of(status).next_call(&Terms::REAL), Query);
        check(&check_of(status), Query, &payment(|_| {}), "approved DONE");
        check(&check_of(status), Query, &Reply::NoAnswer(NoAnswer::Broken), "repeat, epoch 0");
        for nothing in [in_state("IN_PROGRESS"), error(404, "NOT_FOUND_PAYMENT")] {
            let line = line(&outcome(&check_of(status), Query, &nothing));
            assert!(line.starts_with("failed") && line.ends_with("still_failed"), "{line}");
        }
    }
}

#[test]
fn posts_only_an_order_being_confirmed_in_time_under_a_key_that_is_good() {
    let call = |change: fn(&mut Known)| with(change).next_call(&Terms::REAL);
    assert_eq!(call(|_| {}), Confirm);
    assert_eq!(call(|known| known.sends.burnt = true), Query);
    assert_eq!(call(|known| known.key = SentKey::Gone), Query);
    assert_eq!(call(|known| known.work = Work::Check), Query);
    assert_eq!(call(|known| known.since_accepted = Duration::from_secs(569)), Confirm);
    assert_eq!(call(|known| known.since_accepted = Duration::from_secs(570)), Query);
    for status in OrderStatus::ALL {
        let expected = if status == OrderStatus::InProgress { Confirm } else { Query };
        assert_eq!(with(|known| known.order_status = status).next_call(&Terms::REAL), expected, "{status}");
    }
    // Where posting keeps being met with silence, asking may be answered.
    for (attempts, snoozes, expected) in
        [(3, 0, Confirm), (4, 0, Query), (5, 0, Confirm), (2, 2, Query), (1, 4, Confirm)]
    {
        let known = with(|known| (known.attempts, known.snoozes) = (attempts, snoozes));
        assert_eq!(known.next_call(&Terms::REAL), expected, "{attempts} {snoozes}");
    }
}

#[test]
fn who_died_over_it_may_have_sent() {
    let abandoned = with(|known| {
        known.abandoned = true;
        known.sends.unanswered = Some(Duration::ZERO);
        known.sends.sent_with = Some(SentWith::Tagged(1));
        known.key = SentKey::AtHand(KEY.to_owned());
    });
    assert_eq!(abandoned.next_call(&Terms::REAL), Confirm, "the same request again tells");
    check(&abandoned, Confirm, &error(403, "REJECT_CARD_PAYMENT"), "ask, epoch 0, burnt, open, refusal kept, sent");
    check(&abandoned, Query, &in_state("IN_PROGRESS"), "repeat, epoch 0, open, sent");
}

#[test]
fn a_wait_that_toss_asks_for_is_kept_when_it_is_longer() {
    let payment_key = PaymentKey::parse("key").unwrap();
    let about = About { payment_key: &payment_key, order_no: order_no(), amount: Krw::new(1_000).unwrap() };
    let known = first();
    let reply = error(429, "X");
    let tried = Try { known: &known, about, call: Confirm, signed_with: KEY, reply: &reply };
    for (asked, expected) in [(0, 2), (1, 2), (5_000, 5_000)] {
        let waits = Waits { asked: Duration::from_millis(asked), ..WAITS };
        let Outcome::Again(again) = classify(&tried, &Terms::REAL, waits) else { panic!("it lives on") };
        assert_eq!(again.after, Duration::from_millis(expected));
    }
}

#[test]
fn however_often_it_was_tried_patience_is_no_proof() {
    for tries in [1, 3, 10, 1_000, u16::MAX] {
        let known = with(|known| (known.attempts, known.snoozes) = (tries, tries));
        check(&known, Confirm, &Reply::NoAnswer(NoAnswer::TimedOut), "repeat, epoch 0, open, sent");
        check(&known, Confirm, &error(500, "COMMON_ERROR"), "ask, epoch 0, burnt, server error, sent");
        check(&known, Query, &in_state("IN_PROGRESS"), "repeat, epoch 0");
    }
}

#[path = "refund_tests.rs"]
mod refunds;
