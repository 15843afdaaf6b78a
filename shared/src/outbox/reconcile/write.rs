//! The statements that write what was decided. All rows that they touch are locked by then, or hang on one that is.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::{
        Again, Class, How, Outcome, Replanned, SendsAfter,
        claim::Cancel,
        decision::{Decision, NextIntent, Paying},
        settle::{duration_ms, millis},
    },
    EndedRefund, Fault, Lookups, RETURN_REASON, Seen, Subject, cause, goes_on, made,
};
use crate::{order::OrderStatus, toss};

/// A refund that goes on in a review is looked up again after so many times the least that lies between two lookups: ten
/// minutes.
const REFUND_IN_REVIEW_EVERY: u32 = 10;

pub(super) async fn attempt(db: &mut PgConnection, subject: Subject<'_>, stale: bool) -> Result<(), Fault> {
    let (Some(attempt), Some(outcome)) = (subject.attempt(), subject.finding.outcome()) else { return Ok(()) };
    sqlx::query_file!(
        "src/outbox/reconcile/attempt.sql",
        subject.order_id,
        attempt.id,
        subject.claim.payment_no,
        subject.cancel().map(|cancel| cancel.no),
        attempt.call.as_str(),
        subject.claim.sends().epoch,
        attempt.api_key_id,
        subject.lessee.0,
        subject.claim.fence().lease_seq,
        duration_ms(attempt.duration),
        attempt.http_status.and_then(|status| i16::try_from(status).ok()),
        attempt.code,
        attempt.trace_id,
        outcome.as_str(),
        stale,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// `again` is none where nothing was sent.
pub(super) async fn put_back(db: &mut PgConnection, subject: Subject<'_>, again: Option<&Again>) -> Result<(), Fault> {
    let after = again.map_or(Duration::ZERO, |again| again.after);
    let snoozes = again.is_some_and(|again| again.how == How::Snooze);
    let class = again
        .zip(subject.attempt())
        .and_then(|(again, attempt)| Class::after(subject.claim.operation(), attempt.call, again.how));
    put_back_for(db, subject, after, again.is_none(), snoozes, class).await
}

async fn put_back_for(
    db: &mut PgConnection,
    subject: Subject<'_>,
    after: Duration,
    as_it_was: bool,
    snoozes: bool,
    class: Option<Class>,
) -> Result<(), Fault> {
    sqlx::query_file!(
        "src/outbox/reconcile/put_back.sql",
        subject.order_id,
        millis(after),
        as_it_was,
        snoozes,
        class.map(Class::number)
    )
    .execute(db)
    .await?;
    Ok(())
}
pub(super) async fn keep(
    db: &mut PgConnection,
    subject: Subject<'_>,
    cancel: &Cancel,
    sends: &SendsAfter,
    replanned: Option<&Replanned>,
) -> Result<(), Fault> {
    sqlx::query_file!(
        "src/outbox/reconcile/keep.sql",
        subject.order_id,
        cancel.no,
        sends.epoch,
        sends.burnt,
        sends.unanswered.as_number(),
        sends.absent.as_number(),
        sends.no_answer.as_number(),
        sends.sent_with.as_deref(),
        sends.refusal.as_ref(),
        replanned.map(|replanned| replanned.balance.won()),
        replanned.map(|replanned| replanned.request.as_slice()),
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn decided(
    db: &mut PgConnection,
    subject: Subject<'_>,
    outcome: &Outcome,
    seen: &Seen,
    decision: &Decision,
    found_late: &[EndedRefund],
    doubted_for: Duration,
) -> Result<(), Fault> {
    attempt(db, subject, false).await?;
    if goes_on(subject, outcome) {
        put_back_for(db, subject, doubted_for * REFUND_IN_REVIEW_EVERY, false, false, Some(Class::RefundLookup))
            .await?;
        order(db, subject, seen, decision, true).await?;
        let is_news = decision.order.status != seen.facts.order.status;
        return if is_news { event(db, subject, outcome, seen, decision).await } else { Ok(()) };
    }
    if let Some(cancel) = subject.cancel() {
        end_refund(db, subject, cancel.no, outcome).await?;
    }
    for refund in found_late {
        find_refund(db, subject, refund.no, outcome).await?;
    }
    payment(db, subject, outcome, seen, decision, doubted_for).await?;
    let refunds = match decision.next_intent {
        NextIntent::None => false,
        NextIntent::Refund => begin_refund(db, subject, seen, outcome).await?,
    };
    if !refunds {
        sqlx::query!("delete from outbox where order_id = $1", subject.order_id).execute(&mut *db).await?;
    }
    order(db, subject, seen, decision, refunds).await?;
    event(db, subject, outcome, seen, decision).await
}

async fn event(
    db: &mut PgConnection,
    subject: Subject<'_>,
    outcome: &Outcome,
    seen: &Seen,
    decision: &Decision,
) -> Result<(), Fault> {
    let Some(because) = decision.because else { return Ok(()) };
    sqlx::query!(
        "insert into order_events (order_id, from_status, to_status, cause, actor, payment_no, attempt_id)
         values ($1, $2, $3, $4, 'worker', $5, $6)",
        subject.order_id,
        seen.facts.order.status.as_str(),
        decision.order.status.as_str(),
        cause(subject, outcome, because),
        subject.claim.payment_no,
        subject.attempt().map(|attempt| attempt.id),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn end_refund(
    db: &mut PgConnection,
    subject: Subject<'_>,
    cancel_no: i16,
    outcome: &Outcome,
) -> Result<(), Fault> {
    sqlx::query!(
        "update cancels r set
             status = $3, answer = $4, finished_at = now(), unanswered_at = null,
             request = case when r.request_sealed then '' else r.request end
         where r.order_id = $1 and r.cancel_no = $2",
        subject.order_id,
        cancel_no,
        if made(outcome) { "DONE" } else { "FAILED" },
        outcome.answer(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It was called failed, and is in Toss's own list.
async fn find_refund(
    db: &mut PgConnection,
    subject: Subject<'_>,
    cancel_no: i16,
    outcome: &Outcome,
) -> Result<(), Fault> {
    sqlx::query!(
        "update cancels set status = 'DONE', answer = $3, finished_at = now() where order_id = $1 and cancel_no = $2",
        subject.order_id,
        cancel_no,
        outcome.answer(),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn payment(
    db: &mut PgConnection,
    subject: Subject<'_>,
    outcome: &Outcome,
    seen: &Seen,
    decision: &Decision,
    doubted_for: Duration,
) -> Result<(), Fault> {
    let approval = outcome.approval().filter(|_| decision.keeps_answer);
    let fails_now = subject.cancel().is_some() && !made(outcome);
    let (is_planned, check_at) = match Lookups::of(seen, outcome, decision, fails_now, doubted_for) {
        Lookups::Unchanged => (false, None),
        Lookups::At(time) => (true, time),
    };
    sqlx::query_file!(
        "src/outbox/reconcile/payment.sql",
        subject.order_id,
        subject.claim.payment_no,
        decision.payment.as_str(),
        decision.keeps_answer,
        decision.paying == Paying::Ceases,
        approval.map(|approval| approval.approved_at),
        approval.map(|approval| approval.balance.won()),
        approval.and_then(|approval| approval.method.as_deref()),
        approval.and_then(|approval| approval.receipt_url.as_deref()),
        outcome.answer(),
        is_planned,
        check_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn begin_refund(
    db: &mut PgConnection,
    subject: Subject<'_>,
    seen: &Seen,
    outcome: &Outcome,
) -> Result<bool, Fault> {
    let Some(approval) = outcome.approval() else { return Ok(false) };
    let mark = Uuid::now_v7();
    let request = toss::cancel_request(RETURN_REASON, mark, None, approval.balance, None);
    sqlx::query_file!(
        "src/outbox/reconcile/begin_refund.sql",
        subject.order_id,
        subject.claim.payment_no,
        seen.next_refund_no,
        mark,
        RETURN_REASON,
        approval.balance.won(),
        request,
    )
    .execute(db)
    .await?;
    Ok(true)
}

async fn order(
    db: &mut PgConnection,
    subject: Subject<'_>,
    seen: &Seen,
    decision: &Decision,
    intent_goes_on: bool,
) -> Result<(), Fault> {
    let in_review = decision.order.status == OrderStatus::Review;
    let paid_by = match decision.paying {
        Paying::Begins => Some(subject.claim.payment_no),
        Paying::Ceases => None,
        Paying::Unchanged => seen.paid_by,
    };
    sqlx::query!(
        "update orders o set
             status = $2, review_holds_stock = $3, paid_by = $4,
             close_requested_at = case when $5 then o.close_requested_at end,
             -- Whoever deletes the outbox row writes down its fence, for the order's next intent to count on from.
             last_fence = case when $6 then o.last_fence else $7 end
         -- By its public name: it stands in one index, the id in several.
         where o.order_no = (select n.order_no from orders n where n.id = any(array[$1::bigint]) order by n.id)",
        subject.order_id,
        decision.order.status.as_str(),
        in_review.then_some(decision.order.review_holds_stock),
        paid_by,
        in_review,
        intent_goes_on,
        subject.claim.fence().lease_seq,
    )
    .execute(db)
    .await?;
    Ok(())
}
