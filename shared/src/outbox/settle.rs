//! Writing back what calls to Toss showed about payments: one statement for a whole batch.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Attempt, Claim, Class, Finding, Lessee, Mark, Outcome, SendsAfter};
use crate::{
    db::{StoreError, within},
    order::ProductId,
    payment::PaymentStatus,
};

/// A failure is looked at once more after this long: what Toss said then is compared with what it says now.
pub(super) const CHECK_FAILED_AFTER: Duration = Duration::from_mins(15);

/// A deposit is looked at again after this long, and then after as long as it is old, for an hour: a bank that takes one
/// back does so within minutes.
pub(super) const CHECK_DEPOSIT_AFTER: Duration = Duration::from_mins(5);

/// An order in review is looked up again by itself: after this long at first, then after as long as the review is old, but
/// at least once a day.
pub(super) const LOOKUP_OF_REVIEW_FIRST: Duration = Duration::from_hours(1);
pub(super) const LOOKUP_OF_REVIEW_LAST: Duration = Duration::from_hours(24);

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It moved its order, or its intent.
    Moved,
    /// The lease was lost: somebody else holds the intent or has settled it, or this very finding was settled before
    /// and the answer to that was lost. Only the attempt is recorded, as stale, if it was not yet.
    LeaseLost,
    /// Another session keeps the order, its payment or its intent locked. Nothing was written; settle it again later.
    Busy,
    /// Another session keeps a product locked that the order gives stock back to. Nothing was written; settle it again
    /// after [`crate::catalogue::wait_for`] had that product.
    ProductLocked(ProductId),
    /// The order has moved on since, or is in review. Nothing was written; [`super::reconcile`] takes it.
    NeedsReconciliation,
}

impl Settled {
    fn parse(verdict: &str, locked_product: Option<i64>, order_id: i64) -> Result<Self, StoreError> {
        match verdict {
            "moved" => Ok(Self::Moved),
            "lost" => Ok(Self::LeaseLost),
            "busy" => Ok(locked_product.map_or(Self::Busy, |id| Self::ProductLocked(ProductId(id)))),
            "reconcile" => Ok(Self::NeedsReconciliation),
            _ => Err(StoreError::Corrupt { table: "settle", column: "verdict", id: order_id }),
        }
    }
}

/// Writes a batch back, at most one finding for each order, and says of each what became of it, in the batch's order. Waits
/// for no lock. After an error nothing is known to be written, and the batch may simply be settled again: the fence makes
/// that safe. Findings about refunds are not for here: see [`super::reconcile`].
///
/// # Errors
/// As every statement. A batch with two findings for one order is a defect of the caller and is refused by the
/// database.
pub async fn settle(pool: &PgPool, lessee: Lessee, batch: &[Finding]) -> Result<Vec<Settled>, StoreError> {
    write(pool, lessee, batch, false).await
}

/// As [`settle`], but stands in line for the products that the batch gives stock back to, in the order of their ids. For
/// products that many take and nobody keeps: each is free for a moment, and never when one looks.
pub async fn settle_in_line(pool: &PgPool, lessee: Lessee, batch: &[Finding]) -> Result<Vec<Settled>, StoreError> {
    write(pool, lessee, batch, true).await
}

#[expect(clippy::as_conversions, reason = "how the query macros are told that an array holds nulls")]
async fn write(
    pool: &PgPool,
    lessee: Lessee,
    batch: &[Finding],
    waits_for_products: bool,
) -> Result<Vec<Settled>, StoreError> {
    let columns = Columns::of(batch);
    let statement = || {
        sqlx::query_file!(
            "src/outbox/settle.sql",
            lessee.0,
            &columns.order_id,
            &columns.lease_seq,
            &columns.payment_no,
            &columns.outcome as &[Option<&'static str>],
            &columns.wait_ms,
            &columns.call as &[Option<&'static str>],
            &columns.key_epoch,
            &columns.api_key_id as &[Option<&str>],
            &columns.duration_ms,
            &columns.http_status as &[Option<i16>],
            &columns.code as &[Option<&str>],
            &columns.trace_id as &[Option<&str>],
            &columns.attempt_id as &[Option<Uuid>],
            &columns.to_status as &[Option<&'static str>],
            &columns.cause as &[Option<&'static str>],
            &columns.approved_at as &[Option<OffsetDateTime>],
            &columns.balance as &[Option<i64>],
            &columns.method as &[Option<&str>],
            &columns.receipt_url as &[Option<&str>],
            &columns.answer as &[Option<&Value>],
            &columns.check_ms as &[Option<i64>],
            &columns.next_epoch as &[Option<i16>],
            &columns.burnt,
            &columns.unanswered,
            &columns.absent,
            &columns.sent_with as &[Option<String>],
            &columns.refusal as &[Option<&Value>],
            &columns.look_by as &[Option<OffsetDateTime>],
            &columns.soon_ms as &[Option<i64>],
            &columns.server_error,
            &columns.no_answer,
            waits_for_products,
            &columns.next_class as &[Option<i16>],
        )
    };
    let rows = within(pool, "settle", async |c| statement().fetch_all(c).await).await?;
    let verdicts: HashMap<i64, Settled> = rows
        .into_iter()
        .map(|row| Ok((row.order_id, Settled::parse(&row.verdict, row.locked_product, row.order_id)?)))
        .collect::<Result<_, StoreError>>()?;
    let verdict = |finding: &Finding| verdicts.get(&finding.fence().order_id.0).copied().unwrap_or(Settled::Busy);
    Ok(batch.iter().map(verdict).collect())
}

/// The batch as the statement takes it: one array for each column.
#[derive(Default)]
struct Columns<'a> {
    order_id: Vec<i64>,
    lease_seq: Vec<i32>,
    payment_no: Vec<i16>,
    outcome: Vec<Option<&'static str>>,
    wait_ms: Vec<i64>,
    call: Vec<Option<&'static str>>,
    key_epoch: Vec<i16>,
    api_key_id: Vec<Option<&'a str>>,
    duration_ms: Vec<i32>,
    http_status: Vec<Option<i16>>,
    code: Vec<Option<&'a str>>,
    trace_id: Vec<Option<&'a str>>,
    attempt_id: Vec<Option<Uuid>>,
    to_status: Vec<Option<&'static str>>,
    cause: Vec<Option<&'static str>>,
    approved_at: Vec<Option<OffsetDateTime>>,
    balance: Vec<Option<i64>>,
    method: Vec<Option<&'a str>>,
    receipt_url: Vec<Option<&'a str>>,
    answer: Vec<Option<&'a Value>>,
    check_ms: Vec<Option<i64>>,
    next_epoch: Vec<Option<i16>>,
    burnt: Vec<bool>,
    unanswered: Vec<i16>,
    absent: Vec<i16>,
    sent_with: Vec<Option<String>>,
    refusal: Vec<Option<&'a Value>>,
    look_by: Vec<Option<OffsetDateTime>>,
    soon_ms: Vec<Option<i64>>,
    server_error: Vec<i16>,
    no_answer: Vec<i16>,
    next_class: Vec<Option<i16>>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a [Finding]) -> Self {
        let mut columns = Self::default();
        for finding in batch {
            match finding {
                Finding::Tried { claim, attempt, outcome } => {
                    columns.push_claim(claim);
                    columns.push_attempt(Some(attempt));
                    columns.push_outcome(Some(outcome));
                    columns.push_class(
                        outcome.again().and_then(|again| Class::after(claim.operation(), attempt.call, again.how)),
                    );
                    columns.push_sends(outcome.again().map(|again| again.sends.clone()), refusal(outcome));
                }
                Finding::NotStarted { claim } => {
                    columns.push_claim(claim);
                    columns.push_attempt(None);
                    columns.push_outcome(None);
                    columns.push_class(None);
                    // Giving it back takes away the name of who died over it; what they may have sent must not go with it.
                    columns.push_sends(claim.abandoned.then(|| claim.sends().unchanged(true)), None);
                }
            }
        }
        columns
    }

    fn push_claim(&mut self, claim: &Claim) {
        self.order_id.push(claim.fence().order_id.0);
        self.lease_seq.push(claim.fence().lease_seq);
        self.payment_no.push(claim.payment_no);
        self.key_epoch.push(claim.sends().epoch);
    }

    fn push_attempt(&mut self, attempt: Option<&'a Attempt>) {
        self.call.push(attempt.map(|attempt| attempt.call.as_str()));
        self.api_key_id.push(attempt.map(|attempt| attempt.api_key_id.as_str()));
        self.duration_ms.push(attempt.map_or(0, |attempt| duration_ms(attempt.duration)));
        self.http_status.push(attempt.and_then(|attempt| i16::try_from(attempt.http_status?).ok()));
        self.code.push(attempt.and_then(|attempt| attempt.code.as_deref()));
        self.trace_id.push(attempt.and_then(|attempt| attempt.trace_id.as_deref()));
        self.attempt_id.push(attempt.map(|attempt| attempt.id));
    }

    fn push_outcome(&mut self, outcome: Option<&'a Outcome>) {
        let approval = outcome.and_then(Outcome::approval);
        let again = outcome.and_then(Outcome::again);
        self.outcome.push(outcome.map(Outcome::as_str));
        self.wait_ms.push(again.map_or(0, |again| millis(again.after)));
        self.to_status.push(outcome.and_then(Outcome::payment_status).map(PaymentStatus::as_str));
        self.cause.push(outcome.and_then(Outcome::cause));
        self.approved_at.push(approval.map(|approval| approval.approved_at));
        self.balance.push(approval.map(|approval| approval.balance.won()));
        self.method.push(approval.and_then(|approval| approval.method.as_deref()));
        self.receipt_url.push(approval.and_then(|approval| approval.receipt_url.as_deref()));
        self.answer.push(outcome.and_then(Outcome::answer));
        self.check_ms.push(outcome.and_then(look_again).map(millis));
        self.look_by.push(outcome.and_then(look_by));
        self.soon_ms.push(outcome.and_then(look_soon).map(millis));
    }

    fn push_class(&mut self, next: Option<Class>) {
        self.next_class.push(next.map(Class::number));
    }

    fn push_sends(&mut self, sends: Option<SendsAfter>, refusal: Option<&'a Value>) {
        self.next_epoch.push(sends.as_ref().map(|sends| sends.epoch));
        self.burnt.push(sends.as_ref().is_some_and(|sends| sends.burnt));
        self.unanswered.push(sends.as_ref().map_or(Mark::Keep, |sends| sends.unanswered).as_number());
        self.absent.push(sends.as_ref().map_or(Mark::Keep, |sends| sends.absent).as_number());
        self.server_error.push(sends.as_ref().map_or(Mark::Keep, |sends| sends.server_error).as_number());
        self.no_answer.push(sends.as_ref().map_or(Mark::Keep, |sends| sends.no_answer).as_number());
        self.sent_with.push(sends.and_then(|sends| sends.sent_with));
        self.refusal.push(refusal);
    }
}

fn refusal(outcome: &Outcome) -> Option<&Value> {
    outcome.again()?.sends.refusal.as_ref()
}

/// When a payment is asked about again although its intent is over.
pub(super) fn look_again(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Failed(_) => Some(CHECK_FAILED_AFTER),
        Outcome::Approved(approval) if approval.replayed => Some(Duration::ZERO),
        Outcome::Approved(approval) => approval.deposited.then_some(CHECK_DEPOSIT_AFTER),
        Outcome::Waiting { looks, .. } => Some(looks.every),
        Outcome::Review { .. } => Some(LOOKUP_OF_REVIEW_FIRST),
        Outcome::Returned(_) | Outcome::Closed { .. } | Outcome::Refused { .. } | Outcome::Again(_) => None,
    }
}

/// The due time of a virtual account.
pub(super) fn look_by(outcome: &Outcome) -> Option<OffsetDateTime> {
    match outcome {
        Outcome::Waiting { looks, .. } => looks.by,
        Outcome::Failed(failure) => failure.due_at,
        Outcome::Approved(_)
        | Outcome::Review { .. }
        | Outcome::Returned(_)
        | Outcome::Closed { .. }
        | Outcome::Refused { .. }
        | Outcome::Again(_) => None,
    }
}

/// The least wait once the due time of a virtual account that still waits is over.
pub(super) fn look_soon(outcome: &Outcome) -> Option<Duration> {
    outcome.looks().and_then(|looks| looks.by.map(|_| looks.soon))
}

pub(super) fn duration_ms(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
