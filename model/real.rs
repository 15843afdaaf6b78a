//! The way to the worker's own functions: abstract values in, `next_call` and `classify`, abstract values out.

use std::{cell::RefCell, collections::HashMap, sync::LazyLock, time::Duration};

use serde_json::Value;
use shared::{
    money::Krw,
    order::OrderNo,
    outbox::{self, Call, Outcome, Proof},
    payment::PaymentKey,
    toss::{self, Answer, Body, CancelEntry, NoAnswer, Reply},
};
use time::OffsetDateTime;
use uuid::Uuid;
use worker::{
    Terms,
    classify::{Try, Waits, classify},
    known::{self, Known, SentKey, Surroundings, Work},
    reading::About,
    transitions::Kind,
};

use crate::state::{Age, Ans, At, Claim, Found, Mark, Phase, Sends};

const TERMS: Terms = Terms::REAL;
const SECRET: &str = "the one secret";
const REFUSAL: &str = "NOT_CANCELABLE_PAYMENT";
const FAILURE: &str = "PROVIDER_ERROR";
const WON: i64 = 1_000;
const MARK: Uuid = Uuid::from_u128(7);

struct Names {
    order_no: OrderNo,
    payment_key: PaymentKey,
    amount: Krw,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| Names {
    order_no: OrderNo::generate(),
    payment_key: PaymentKey::parse("a_payment_key").unwrap(),
    amount: Krw::new(WON).unwrap(),
});

thread_local! {
    /// Pure functions over few values: asked once, remembered for the other million times.
    static CALLS: RefCell<HashMap<Claim, Call>> = RefCell::default();
    static FOUND: RefCell<HashMap<(Claim, Ans), Found>> = RefCell::default();
}

pub(crate) fn next_call(claim: &Claim) -> Call {
    CALLS.with_borrow_mut(|calls| *calls.entry(*claim).or_insert_with(|| known(claim).next_call(&TERMS)))
}

pub(crate) fn judge(claim: &Claim, answer: Ans) -> Found {
    FOUND.with_borrow_mut(|found| *found.entry((*claim, answer)).or_insert_with(|| judge_anew(claim, answer)))
}

fn judge_anew(claim: &Claim, answer: Ans) -> Found {
    let known = known(claim);
    let call = known.next_call(&TERMS);
    let reply = reply(call, answer);
    let about = About { payment_key: &NAMES.payment_key, order_no: NAMES.order_no, amount: NAMES.amount };
    let tried = Try { known: &known, about, call, signed_with: SECRET, reply: &reply };
    found(&classify(&tried, &TERMS, Waits::default()), claim.sends, claim.kind)
}

fn known(claim: &Claim) -> Known {
    let age = |age: Age, limit: Duration| if age == Age::Young { Duration::ZERO } else { limit };
    let Sends { epoch, burnt, unanswered, sent, refused, failing, server_error, absent } = claim.sends;
    let unanswered = if claim.abandoned { Some(Age::Young) } else { unanswered };
    // As `keys::Keys::sent_key`, with one secret that is always at hand; whoever died over it signed with that one too.
    let sent = sent || claim.abandoned;
    let key = match (sent, unanswered) {
        (true, _) => SentKey::AtHand(SECRET.to_owned()),
        (false, Some(_)) => SentKey::Gone,
        (false, None) => SentKey::None,
    };
    Known {
        work: match claim.kind {
            Kind::Confirm => Work::Confirm,
            Kind::Check => Work::Check,
            Kind::Refund => Work::Cancel(known::Refund {
                mark: MARK,
                reason: "given back".to_owned(),
                amount: NAMES.amount,
                expected_balance: NAMES.amount,
                in_full: true,
                // Old enough to be given up as soon as it was tried often enough.
                requested_ago: TERMS.refund_given_up_after,
                called_off: false,
                account: None,
                can_be_sent: true,
            }),
        },
        order_status: claim.order_status,
        payment_status: claim.payment_status,
        since_accepted: match claim.phase {
            Phase::Posting => Duration::from_secs(10),
            Phase::Waiting => TERMS.post_for,
            Phase::AbsenceCounts => TERMS.absence_counts_after,
        },
        sends: outbox::Sends {
            epoch: i16::from(epoch),
            burnt,
            unanswered: unanswered.map(|unanswered| age(unanswered, TERMS.settled_after)),
            sent_with: sent.then(|| outbox::SentWith::Known(SECRET.to_owned())),
            refused,
            server_error: server_error.map(|server_error| age(server_error, TERMS.settled_after)),
            no_answer: None,
            error_code: match (claim.kind, refused, failing) {
                (Kind::Refund, true, _) => Some(REFUSAL.to_owned()),
                (Kind::Refund, false, true) => Some(FAILURE.to_owned()),
                (Kind::Refund, false, false) | (Kind::Confirm | Kind::Check, _, _) => None,
            },
            absent: absent.map(|absent| age(absent, TERMS.absence_spacing)),
        },
        abandoned: claim.abandoned,
        key,
        surroundings: Surroundings { merchant_is_proven: true, key_is_taken: true, others_answered: true },
        attempts: if claim.asks { 4 } else { 1 },
        snoozes: 0,
    }
}

fn found(outcome: &Outcome, before: Sends, kind: Kind) -> Found {
    // Toss's last word about a refund counts, and about a confirm any refusal.
    let words = |outcome: &outbox::SendsAfter| match (kind, &outcome.refusal) {
        (_, None) => (before.refused, before.failing),
        (Kind::Refund, Some(refusal)) => {
            let refused = refusal["code"] == REFUSAL;
            (refused, !refused)
        }
        (Kind::Confirm | Kind::Check, Some(_)) => (true, false),
    };
    match outcome {
        Outcome::Approved(_) | Outcome::Waiting { .. } | Outcome::Failed(_) | Outcome::Review { .. } => {
            Found::Payment {
                status: outcome.payment_status().unwrap(),
                approved: matches!(outcome, Outcome::Approved(_)),
                kept_refusal: matches!(outcome, Outcome::Failed(failure) if failure.proof == Proof::KeptRefusal),
            }
        }
        Outcome::Returned(approval) => Found::Returned(approval.status()),
        Outcome::Refused { .. } => Found::Refused,
        Outcome::Closed { .. } => unreachable!("the model closes no account"),
        Outcome::Again(again) => Found::Again {
            sends: Sends {
                epoch: u8::try_from(again.sends.epoch).unwrap(),
                burnt: again.sends.burnt,
                sent: again.sends.sent_with.is_some(),
                refused: words(&again.sends).0,
                failing: words(&again.sends).1,
                unanswered: before.unanswered,
                server_error: before.server_error,
                absent: before.absent,
            },
            unanswered: mark(again.sends.unanswered),
            server_error: mark(again.sends.server_error),
            absent: mark(again.sends.absent),
        },
    }
}

fn mark(mark: outbox::Mark) -> Mark {
    match mark {
        outbox::Mark::Keep => Mark::Keep,
        outbox::Mark::Now => Mark::Now,
        outbox::Mark::Clear => Mark::Clear,
    }
}

fn reply(call: Call, answer: Ans) -> Reply {
    let error = |http_status: u16, code: &str| {
        let body = Body::Error { code: code.to_owned(), message: String::new() };
        Reply::Answer(Answer { http_status, trace_id: None, retry_after: None, body })
    };
    match answer {
        Ans::Silence => Reply::NoAnswer(NoAnswer::TimedOut),
        Ans::Conflict => error(409, "IDEMPOTENT_REQUEST_PROCESSING"),
        Ans::NotFound => error(404, "NOT_FOUND_PAYMENT"),
        Ans::Declined => error(403, "REJECT_CARD_PAYMENT"),
        Ans::BadRequest => error(400, "INVALID_REQUEST"),
        Ans::NoSession => error(404, "NOT_FOUND_PAYMENT_SESSION"),
        Ans::Already if call == Call::Cancel => error(400, "ALREADY_CANCELED_PAYMENT"),
        Ans::Already => error(400, "ALREADY_PROCESSED_PAYMENT"),
        Ans::Unclear => error(400, FAILURE),
        Ans::ServerError => error(500, "FAILED_INTERNAL_SYSTEM_PROCESSING"),
        Ans::CannotCancel => error(403, REFUSAL),
        Ans::Shows(at) => {
            let body = Body::Payment(Box::new(payment(at)));
            Reply::Answer(Answer { http_status: 200, trace_id: None, retry_after: None, body })
        }
    }
}

fn payment(at: At) -> toss::Payment {
    let (status, balance, approved) = match at {
        At::InProgress => ("IN_PROGRESS", WON, false),
        At::Waiting => ("WAITING_FOR_DEPOSIT", WON, false),
        At::Done => ("DONE", WON, true),
        At::Aborted => ("ABORTED", WON, false),
        At::Expired => ("EXPIRED", WON, false),
        At::Canceled => ("CANCELED", 0, true),
    };
    let cancel = CancelEntry {
        cancel_reason: Some(format!("given back [{}]", MARK.simple())),
        cancel_amount: Some(WON),
        cancel_status: Some("DONE".to_owned()),
    };
    toss::Payment {
        m_id: None,
        payment_key: NAMES.payment_key.expose().to_owned(),
        order_id: NAMES.order_no.to_string(),
        status: status.to_owned(),
        currency: Some("KRW".to_owned()),
        total_amount: Some(WON),
        balance_amount: Some(balance),
        method: None,
        approved_at: approved.then_some(OffsetDateTime::UNIX_EPOCH),
        receipt_url: None,
        account: None,
        cancels: if at == At::Canceled { vec![cancel] } else { Vec::new() },
        raw: Value::Null,
    }
}
