//! Settling what the batch does not take, one finding at a time: refunds, and payments whose order has moved on.
//!
//! These are rare, and each is a decision about money already taken: late success wins, a second approval is given back,
//! what was done in Toss's own console is taken over, and a deposit that the bank took back is waited for again.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Claim, Finding, Lessee, Mark, Outcome, Settled,
    claim::{Cancel, Operation},
    settle::{duration_ms, look_again, look_by, look_soon, millis},
};
use crate::{
    cancel::Actor,
    db::{StoreError, within},
    payment::PaymentStatus,
    toss,
};

/// What the shopper reads on the card's statement or in Toss's app, where it shows a reason.
const RETURN_REASON: &str = "중복 또는 기한 후 승인 자동 취소";

/// Settles one finding that [`super::settle`] found apart, or that is about a refund.
pub async fn settle_apart(pool: &PgPool, lessee: Lessee, finding: &Finding) -> Result<Settled, StoreError> {
    match finding.claim().operation() {
        Operation::Confirm { .. } | Operation::Check => settle_moved_on(pool, lessee, finding).await,
        Operation::Cancel(cancel) => settle_refund(pool, lessee, finding, cancel).await,
    }
}

async fn settle_moved_on(pool: &PgPool, lessee: Lessee, finding: &Finding) -> Result<Settled, StoreError> {
    let Finding::Tried { claim, attempt, outcome } = finding else {
        return Ok(Settled::Busy); // nothing was found, so nothing can stand apart
    };
    let order_id = claim.fence().order_id.0;
    let approval = outcome.approval();
    let mark = Uuid::now_v7();
    let request = approval.map(|approval| toss::cancel_request(RETURN_REASON, mark, None, approval.balance, None));
    let statement = sqlx::query_file_scalar!(
        "src/outbox/apart.sql",
        lessee.0,
        order_id,
        claim.fence().lease_seq,
        claim.payment_no,
        attempt.id,
        attempt.call.as_str(),
        claim.sends().epoch,
        attempt.api_key_id,
        duration_ms(attempt.duration),
        attempt.http_status.and_then(|status| i16::try_from(status).ok()),
        attempt.code,
        attempt.trace_id,
        outcome.as_str(),
        outcome.payment_status().map(PaymentStatus::as_str),
        approval.map(|approval| approval.approved_at),
        approval.map(|approval| approval.balance.won()),
        approval.and_then(|approval| approval.method.as_deref()),
        approval.and_then(|approval| approval.receipt_url.as_deref()),
        outcome.answer(),
        mark,
        RETURN_REASON,
        request,
        again_after(outcome).map(millis),
        look_by(outcome),
        look_soon(outcome).map(millis),
        outcome.looks().map(|looks| millis(looks.doubted_for)),
    );
    let verdict = within(pool, "settle a finding apart", async |c| statement.fetch_one(c).await).await?;
    Settled::parse(&verdict, order_id)
}

/// After how long a virtual account is looked at again, paid or not.
fn again_after(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Approved(approval) if !approval.deposited => None,
        Outcome::Approved(_) | Outcome::Waiting { .. } => look_again(outcome),
        Outcome::Failed(_)
        | Outcome::Review { .. }
        | Outcome::Returned(_)
        | Outcome::Closed { .. }
        | Outcome::Refused { .. }
        | Outcome::Again(_) => None,
    }
}

async fn settle_refund(
    pool: &PgPool,
    lessee: Lessee,
    finding: &Finding,
    cancel: &Cancel,
) -> Result<Settled, StoreError> {
    let claim = finding.claim();
    let order_id = claim.fence().order_id.0;
    let (attempt, outcome) = match finding {
        Finding::Tried { attempt, outcome, .. } => (Some(attempt), Some(outcome)),
        Finding::NotStarted { .. } => (None, None),
    };
    let again = outcome.and_then(Outcome::again);
    let sends = again.map(|again| again.sends.clone()).or_else(|| not_started(finding));
    let replanned = again.and_then(|again| again.replanned.as_ref());
    let statement = sqlx::query_file_scalar!(
        "src/outbox/refund.sql",
        lessee.0,
        order_id,
        claim.fence().lease_seq,
        claim.payment_no,
        cancel.no,
        attempt.map(|attempt| attempt.id),
        attempt.map(|attempt| attempt.call.as_str()),
        claim.sends().epoch,
        attempt.map(|attempt| attempt.api_key_id.as_str()),
        attempt.map(|attempt| duration_ms(attempt.duration)),
        attempt.and_then(|attempt| i16::try_from(attempt.http_status?).ok()),
        outcome.map(Outcome::as_str),
        attempt.and_then(|attempt| attempt.code.as_deref()),
        outcome.and_then(Outcome::payment_status).map(PaymentStatus::as_str),
        outcome.and_then(Outcome::approval).map(|approval| approval.balance.won()),
        outcome.map(|outcome| cause(claim, cancel, outcome)),
        outcome.and_then(Outcome::answer),
        again.map_or(0, |again| millis(again.after)),
        sends.as_ref().map(|sends| sends.epoch),
        sends.as_ref().is_some_and(|sends| sends.burnt),
        sends.as_ref().map_or(Mark::Keep, |sends| sends.unanswered).as_number(),
        sends.as_ref().and_then(|sends| sends.sent_with.as_deref()),
        sends.as_ref().and_then(|sends| sends.refusal.as_ref()),
        replanned.map(|replanned| replanned.balance.won()),
        replanned.map(|replanned| replanned.request.as_slice()),
        attempt.and_then(|attempt| attempt.trace_id.as_deref()),
    );
    let verdict = within(pool, "settle a refund", async |c| statement.fetch_one(c).await).await?;
    Settled::parse(&verdict, order_id)
}

fn not_started(finding: &Finding) -> Option<super::SendsAfter> {
    match finding {
        Finding::NotStarted { claim } if claim.abandoned => Some(claim.sends().unchanged(true)),
        Finding::NotStarted { .. } | Finding::Tried { .. } => None,
    }
}

fn cause(claim: &Claim, cancel: &Cancel, outcome: &Outcome) -> &'static str {
    use crate::order::OrderStatus::{Aborted, Expired};
    match outcome {
        // A deposit came from some account that Toss does not know; it has to be told where to.
        Outcome::Refused { answer } if cancel.actor == Actor::Worker && lacks_account(answer) => "refund_needs_account",
        Outcome::Refused { .. } => "refund_refused",
        Outcome::Review { cause, .. } => cause,
        Outcome::Closed { .. } => "account_closed",
        Outcome::Returned(approval) => match cancel.actor {
            Actor::Operator | Actor::Server if approval.balance.won() == 0 => "refunded",
            Actor::Operator | Actor::Server => "refunded_in_part",
            Actor::Worker if matches!(claim.order_status(), Aborted | Expired) => "late_approval_returned",
            Actor::Worker => "second_approval_returned",
        },
        Outcome::Approved(_) | Outcome::Waiting { .. } | Outcome::Failed(_) | Outcome::Again(_) => "",
    }
}

fn lacks_account(refusal: &Value) -> bool {
    let code = refusal.get("code").and_then(Value::as_str);
    matches!(code, Some("INVALID_REFUND_ACCOUNT_INFO" | "INVALID_REFUND_ACCOUNT_NUMBER"))
}
