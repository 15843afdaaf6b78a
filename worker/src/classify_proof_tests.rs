//! What is no proof, and what is for a human: silence, the word of another merchant's secret, and server errors.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    outbox::{
        Call::{Cancel, Confirm, Query},
        Mark, Outcome, Proof, Sends,
    },
    payment::PaymentStatus,
    toss::{NoAnswer, Reply},
};

use super::{super::key_fault, after, burnt, check, check_of, error, first, in_state, line, outcome, payment, with};
use crate::{
    codes::{self, Class},
    known::{Known, Surroundings},
};

/// Toss has said nothing that helps about the payment for so long.
fn without_answer(known: Known, seconds: u64) -> Known {
    let sends = Sends { no_answer: Some(Duration::from_secs(seconds)), ..known.sends };
    Known { sends, ..known }
}

/// Nor about any other.
fn unanswered_others(known: Known) -> Known {
    let surroundings = Surroundings { others_answered: false, ..known.surroundings };
    Known { surroundings, ..known }
}

const DAY: u64 = 24 * 3_600;

#[test]
fn a_day_without_an_answer_that_helps_while_others_are_answered_is_for_a_human() {
    for (reply, cause) in [
        (Reply::NoAnswer(NoAnswer::TimedOut), "no_answer_about_this_payment"),
        (Reply::NoAnswer(NoAnswer::Unreadable { http_status: 502 }), "no_answer_about_this_payment"),
        (error(500, "FAILED_INTERNAL_SYSTEM_PROCESSING"), "review_no_proof"),
        (error(400, "A_CODE_NOBODY_KNOWS"), "review_no_proof"),
        (in_state("HALF_DONE"), "review_no_proof"),
    ] {
        for known in [after(600), check_of(PaymentStatus::WaitingForDeposit)] {
            check(&without_answer(known.clone(), DAY), Query, &reply, cause);
            let is_alive = |known: &Known| matches!(outcome(known, Query, &reply), Outcome::Again(_));
            assert!(is_alive(&without_answer(known.clone(), DAY - 1)), "{reply:?}");
            // Silence about all is an outage of Toss, however long it lasts.
            assert!(is_alive(&without_answer(unanswered_others(known), 10 * DAY)), "{reply:?}");
        }
        // What has ended is not opened again by silence.
        let ended = without_answer(check_of(PaymentStatus::Done), 10 * DAY);
        assert!(matches!(outcome(&ended, Query, &reply), Outcome::Again(_)), "{reply:?}");
    }
}

#[test]
fn no_age_by_itself_is_for_a_human() {
    let lane = error(401, "UNAUTHORIZED_KEY");
    let too_many = error(429, "X");
    let too_quick = error(403, "FORBIDDEN_CONSECUTIVE_REQUEST");
    for known in [after(10 * DAY), without_answer(after(10 * DAY), 10 * DAY)] {
        for reply in [&lane, &too_many, &too_quick] {
            assert!(line(&outcome(&known, Query, reply)).starts_with("snooze"), "{reply:?}");
        }
        // Half of a proof.
        check(&known, Query, &error(404, "NOT_FOUND_PAYMENT"), "ask, epoch 0, absent");
    }
    check(&after(10 * DAY), Query, &Reply::NoAnswer(NoAnswer::TimedOut), "repeat, epoch 0");
}

#[test]
fn silence_is_remembered_from_the_first_time_on_until_an_answer_helps() {
    let mark = |known: &Known, reply: &Reply| {
        let Outcome::Again(again) = outcome(known, Query, reply) else { panic!("it lives on") };
        again.sends.no_answer
    };
    let silence = Reply::NoAnswer(NoAnswer::TimedOut);
    assert_eq!(mark(&first(), &silence), Mark::Now);
    assert_eq!(mark(&with(|known| known.surroundings.others_answered = false), &silence), Mark::Keep);
    assert_eq!(mark(&without_answer(first(), 5), &silence), Mark::Keep);
    assert_eq!(mark(&without_answer(first(), 5), &error(429, "X")), Mark::Keep);
    assert_eq!(mark(&without_answer(first(), 5), &error(401, "UNAUTHORIZED_KEY")), Mark::Keep);
    assert_eq!(mark(&without_answer(first(), 5), &in_state("IN_PROGRESS")), Mark::Clear);
}

#[test]
fn not_found_is_proof_only_under_a_secret_that_has_shown_a_payment_of_our_merchant() {
    let foreign = |known: Known| {
        let surroundings = Surroundings { merchant_is_proven: false, ..known.surroundings };
        Known { surroundings, ..known }
    };
    let not_found = error(404, "NOT_FOUND_PAYMENT");
    let looked = |seconds| {
        let mut known = foreign(after(seconds));
        known.sends.absent = Some(Duration::from_hours(1));
        known
    };
    for known in [looked(800), looked(10 * DAY), foreign(check_of(PaymentStatus::Review))] {
        check(&known, Query, &not_found, "ask, epoch 0");
    }
    for known in [foreign(check_of(PaymentStatus::Expired)), foreign(check_of(PaymentStatus::WaitingForDeposit))] {
        check(&known, Query, &not_found, "ask, epoch 0");
    }
    // Said by another merchant's Toss, none of these is a refusal of our payment, and none is kept as one.
    for code in ["NOT_FOUND_PAYMENT", "NOT_FOUND_PAYMENT_SESSION", "INVALID_REQUEST", "FORBIDDEN_REQUEST"] {
        check(&foreign(first()), Confirm, &error(404, code), "ask, epoch 0, burnt, sent");
    }
    // A bank's decline shows that Toss has found it.
    check(&foreign(first()), Confirm, &error(403, "REJECT_CARD_PAYMENT"), "failed Aborted by answer: declined");
    check(&foreign(burnt()), Query, &in_state("IN_PROGRESS"), "next epoch, epoch 1, closed");
}

#[test]
fn what_was_shown_before_and_is_not_there_any_more_is_for_a_human() {
    for status in [PaymentStatus::PartialCanceled, PaymentStatus::Done, PaymentStatus::Canceled] {
        for nothing in [in_state("IN_PROGRESS"), error(404, "NOT_FOUND_PAYMENT")] {
            check(&check_of(status), Query, &nothing, "toss_contradicts");
        }
    }
    // An account that waits: an old copy may answer from before it was issued, but not for a day.
    let waiting = check_of(PaymentStatus::WaitingForDeposit);
    for nothing in [in_state("IN_PROGRESS"), error(404, "NOT_FOUND_PAYMENT")] {
        check(&without_answer(waiting.clone(), DAY - 1), Query, &nothing, "ask, epoch 0");
        check(&without_answer(waiting.clone(), DAY), Query, &nothing, "review_no_proof");
    }
}

#[test]
fn a_confirm_that_met_a_server_error_may_act_yet() {
    for code in ["FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", "COMMON_ERROR", "A_CODE_NOBODY_KNOWS"] {
        check(&first(), Confirm, &error(500, code), "ask, epoch 0, burnt, server error, sent");
        check(&first(), Confirm, &error(503, code), "ask, epoch 0, burnt, server error, sent");
    }
    let failed = |seconds| {
        let mut known = burnt();
        known.sends.server_error = Some(Duration::from_secs(seconds));
        known
    };
    // A payment is approved once, so the next key may be opened at once ...
    check(&failed(1), Query, &in_state("IN_PROGRESS"), "next epoch, epoch 1, closed");
    // ... and its refusal proves nothing before the other send is over.
    let declined = error(403, "REJECT_CARD_PAYMENT");
    check(&failed(30), Confirm, &declined, "ask, epoch 0, burnt, refusal kept, sent");
    let refused = |seconds| {
        let mut known = failed(seconds);
        known.sends.refused = true;
        known
    };
    check(&refused(89), Query, &in_state("IN_PROGRESS"), "ask, epoch 0, burnt, sent");
    check(&refused(90), Query, &in_state("IN_PROGRESS"), "failed Aborted by kept refusal: declined");
}

#[test]
fn an_answer_may_be_about_the_secret_when_its_code_is_documented_so_or_not_at_all() {
    for call in [Confirm, Query, Cancel] {
        for (code, class) in codes::rows(call) {
            for status in [400, 401, 403, 404, 500] {
                let expected = (*class == Class::Lane).then_some(*code);
                assert_eq!(key_fault(call, &error(status, code)), expected, "{call:?} {status}");
            }
        }
        for status in [400, 401, 403, 404, 418] {
            let new = error(status, "A_CODE_NOBODY_KNOWS");
            assert_eq!(key_fault(call, &new), Some("A_CODE_NOBODY_KNOWS"), "{call:?} {status}");
        }
        // A server error is about Toss, and a 429 about our pace.
        for status in [429, 500, 503] {
            assert_eq!(key_fault(call, &error(status, "A_CODE_NOBODY_KNOWS")), None, "{call:?} {status}");
        }
        assert_eq!(key_fault(call, &payment(|_| {})), None);
    }
}

#[test]
fn a_code_about_the_secret_is_this_payments_fault_when_the_same_secret_shows_others() {
    let a_day = |key_is_taken, snoozes| {
        with(|known| {
            known.snoozes = snoozes;
            known.since_accepted = Duration::from_hours(25);
            known.sends.no_answer = Some(Duration::from_hours(24));
            known.surroundings.key_is_taken = key_is_taken;
        })
    };
    check(&a_day(false, 10), Query, &error(401, "UNAUTHORIZED_KEY"), "snooze, epoch 0");
    check(&a_day(true, 10), Query, &error(401, "UNAUTHORIZED_KEY"), "review_no_proof");
    // It was shown a moment ago, and is refused now: it was revoked meanwhile.
    check(&a_day(true, 2), Query, &error(401, "UNAUTHORIZED_KEY"), "snooze, epoch 0");
}

#[test]
fn the_proof_is_what_toss_said() {
    let Outcome::Failed(failure) = outcome(&first(), Confirm, &error(403, "REJECT_CARD_PAYMENT")) else {
        panic!("it is declined")
    };
    let expected: Value = json!({"code": "REJECT_CARD_PAYMENT", "message": "…", "httpStatus": 403});
    assert_eq!(failure.proof, Proof::Answer(expected));
}
