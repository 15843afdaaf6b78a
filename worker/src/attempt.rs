//! One try at one intent: ask Toss once and say what the answer means.
//!
//! It owns no loop and no sleep, touches no table and holds no transaction, so a slow Toss costs a lease and never a
//! connection.

use std::time::Instant;

use shared::{
    order::OrderStatus,
    outbox::{Attempt, Call, Claim, Finding, Outcome},
    toss::{Answer, Body, NoAnswer, Reply, Toss},
};
use uuid::Uuid;

use crate::{
    classify::{About, Meaning, classify},
    retry,
    stop_point::{self, StopPoint},
};

pub(crate) async fn attempt(toss: &Toss, claim: Claim) -> Finding {
    let id = Uuid::now_v7();
    let call = next_call(&claim);
    let started = Instant::now();
    stop_point::reach(StopPoint::BeforeCall).await;
    let reply = match call {
        Call::Confirm => toss.confirm(claim.request().to_vec(), &claim.idempotency_key()).await,
        Call::Query => toss.payment(claim.payment_key()).await,
    };
    stop_point::reach(StopPoint::AfterCall).await;
    let duration = started.elapsed();
    let about = About { payment_key: claim.payment_key(), order_no: claim.order_no(), amount: claim.amount() };
    let outcome = outcome(classify(about, call, &reply), call, &claim, &reply);
    let (http_status, code, trace_id) = facts(reply);
    tracing::info!(
        order.no = %claim.order_no(), payment.key = %claim.payment_key(), ?call, try = claim.attempts(),
        http.status = http_status, code = code.as_deref(), outcome = outcome.as_str(),
        duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        "asked Toss"
    );
    let attempt = Attempt { id, call, api_key_id: toss.key_id().to_owned(), duration, http_status, code, trace_id };
    Finding::Tried { claim, attempt, outcome }
}

/// From this try on every other one asks: where posting keeps being met with silence, asking may be answered.
const ASK_FROM_TRY: u16 = 4;

/// Posts only for an order that is being confirmed and whose key is not burnt. Asking is always safe.
fn next_call(claim: &Claim) -> Call {
    let may_post = claim.order_status() == OrderStatus::InProgress && !claim.ask_first();
    let asks_anyway = claim.attempts() >= ASK_FROM_TRY && claim.attempts().is_multiple_of(2);
    if may_post && !asks_anyway { Call::Confirm } else { Call::Query }
}

fn outcome(meaning: Meaning, call: Call, claim: &Claim, reply: &Reply) -> Outcome {
    let undecided = retry::UNDECIDED.wait(claim.attempts());
    let busy = retry::BUSY.wait(claim.snoozes().saturating_add(1));
    let asked_to_wait = match reply {
        Reply::Answer(answer) => answer.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX),
        Reply::NoAnswer(_) => std::time::Duration::ZERO,
    };
    match meaning {
        Meaning::Approved(approval) => Outcome::Approved(approval),
        Meaning::Unknown => Outcome::Repeat { after: undecided },
        Meaning::Busy => Outcome::Snooze { after: busy.max(asked_to_wait) },
        // Nobody but a received answer to a post burns the key: a question that led nowhere leaves it as good as it was.
        Meaning::Burnt | Meaning::NotMoved if call == Call::Query && !claim.ask_first() => {
            Outcome::Repeat { after: undecided.max(asked_to_wait) }
        }
        Meaning::Burnt => Outcome::Ask { after: undecided.max(asked_to_wait) },
        Meaning::NotMoved => Outcome::NextEpoch { after: undecided },
    }
}

/// A confirm has ten minutes; whoever asks us to wait longer than this is not asking about confirms.
const RETRY_AFTER_MAX: std::time::Duration = std::time::Duration::from_mins(1);

fn facts(reply: Reply) -> (Option<u16>, Option<String>, Option<String>) {
    match reply {
        Reply::Answer(Answer { http_status, trace_id, body, .. }) => {
            let code = match body {
                Body::Payment(payment) => payment.status,
                Body::Error { code, .. } => code,
            };
            (Some(http_status), Some(code), trace_id)
        }
        Reply::NoAnswer(silence) => {
            let http_status = match silence {
                NoAnswer::Unreadable { http_status } => Some(http_status),
                NoAnswer::NotConnected | NoAnswer::TimedOut | NoAnswer::Broken => None,
            };
            (http_status, Some(silence.as_str().to_owned()), None)
        }
    }
}
