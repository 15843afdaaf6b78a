//! Writing back one finding that the batch does not take: about a refund, or about a payment whose order has moved on or is
//! in review.
//!
//! These are rare, and each is a decision about money already taken, so each is a transaction of short statements: lock in
//! the global order, read, decide by [`super::decision`], look at the lease last, write. No call to Toss is made inside. A
//! worker that freezes inside loses its transaction, and the locks with it, after [`FROZEN_AFTER`].

mod lines;
mod lookups;
mod meaning;
mod write;

use std::time::Duration;

use serde::Deserialize;
use sqlx::{Connection, PgConnection, PgPool, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use self::{
    lines::Lines,
    lookups::Lookups,
    meaning::{cause, decide, found_late, goes_on, made},
};
use super::{
    Attempt, Claim, Finding, Lessee, Outcome, SendsAfter, Settled,
    claim::{Cancel, Operation},
    decision::{Facts, OrderState, Payer, Stock},
};
use crate::{
    db::{StoreError, within},
    order::OrderStatus,
    payment::PaymentStatus,
    stop_point::{self, StopPoint},
};

/// How long the server waits for the next statement before it ends the transaction of a worker that froze.
const FROZEN_AFTER: Duration = Duration::from_secs(2);
/// How long the transaction waits for a product that another one holds.
const LOCK_WAIT: Duration = Duration::from_millis(300);

/// What the shopper reads on the card's statement or in Toss's app, where it shows a reason.
const RETURN_REASON: &str = "중복 또는 기한 후 승인 자동 취소";

/// Writes one finding back that [`super::settle`] said needs it, or that is about a refund. What Toss shows is not believed
/// against a change of the order that is younger than `doubted_for`.
///
/// # Errors
/// As every statement. After an error nothing is known to be written, and the finding may be reconciled again: the fence
/// makes that safe.
pub async fn reconcile(
    pool: &PgPool,
    lessee: Lessee,
    finding: &Finding,
    doubted_for: Duration,
) -> Result<Settled, StoreError> {
    let reconciled = within(pool, "reconcile a finding", async |connection| {
        let mut transaction = connection.begin().await?;
        let settled = reconcile_in(&mut transaction, lessee, finding, doubted_for).await;
        match settled {
            Ok(Settled::Moved | Settled::LeaseLost) => transaction.commit().await?,
            Ok(Settled::Busy | Settled::ProductLocked(_) | Settled::NeedsReconciliation) | Err(Fault::Corrupt(_)) => {
                transaction.rollback().await?;
            }
            Err(Fault::Database(error)) => return Err(error),
        }
        Ok(settled)
    });
    match reconciled.await? {
        Ok(settled) => Ok(settled),
        Err(Fault::Corrupt(error)) => Err(error),
        Err(Fault::Database(source)) => Err(StoreError::Refused { operation: "reconcile a finding", source }),
    }
}

/// A statement failed, or a row holds what no code of ours wrote.
#[derive(Debug)]
enum Fault {
    Database(sqlx::Error),
    Corrupt(StoreError),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// One finding, and what names it in the database.
#[derive(Clone, Copy)]
struct Subject<'a> {
    lessee: Lessee,
    finding: &'a Finding,
    claim: &'a Claim,
    order_id: i64,
}

impl Subject<'_> {
    fn cancel(&self) -> Option<&Cancel> {
        match self.claim.operation() {
            Operation::Cancel(cancel) => Some(cancel),
            Operation::Confirm { .. } | Operation::Check => None,
        }
    }

    fn attempt(&self) -> Option<&Attempt> {
        match self.finding {
            Finding::Tried { attempt, .. } => Some(attempt),
            Finding::NotStarted { .. } => None,
        }
    }
}

async fn reconcile_in(
    db: &mut PgConnection,
    lessee: Lessee,
    finding: &Finding,
    doubted_for: Duration,
) -> Result<Settled, Fault> {
    let claim = finding.claim();
    let subject = Subject { lessee, finding, claim, order_id: claim.fence().order_id.0 };
    let call = subject.attempt().map(|attempt| attempt.call.as_str());
    let step = async |step: &str| {
        let place = call.map(|call| format!("{call}/{step}"));
        stop_point::reach(StopPoint::InReconcile, place.as_deref()).await;
    };
    set_limits(db).await?;
    if !lock_order(db, subject.order_id).await? {
        return Ok(Settled::Busy);
    }
    step("order").await;
    // Where the intent lives on, nothing of the order moves.
    let Some(outcome) = finding.outcome().filter(|outcome| outcome.again().is_none()) else {
        return match lock_intent(db, subject).await? {
            Fenced::Held => live_on(db, subject).await.map(|()| Settled::Moved),
            Fenced::Busy => Ok(Settled::Busy),
            Fenced::Lost => lose(db, subject).await,
        };
    };
    let mut seen = read(db, subject, doubted_for).await?;
    let found = found_late(&seen, outcome);
    let decide = |facts: &Facts| decide(facts, subject, outcome, !found.is_empty());
    // Products are locked only where the order ceases or begins to hold them, or chosen pieces come back.
    let [with, without] = [true, false].map(|enough_stock| {
        let facts = Facts { enough_stock, ..seen.facts };
        decide(&facts).stock(facts.order)
    });
    let refunds: Vec<i16> = match subject.cancel() {
        Some(cancel) if made(outcome) => vec![cancel.no],
        Some(_) => Vec::new(),
        None => found.iter().map(|refund| refund.no).collect(),
    };
    let lines = if with != Stock::Unchanged || without != Stock::Unchanged || !refunds.is_empty() {
        Lines::lock(db, subject.order_id, &refunds).await?
    } else {
        Lines::default()
    };
    step("products").await;
    seen.facts.enough_stock = lines.are_enough();
    let decision = decide(&seen.facts);
    match lock_intent(db, subject).await? {
        Fenced::Held => {}
        Fenced::Busy => return Ok(Settled::Busy),
        Fenced::Lost => return lose(db, subject).await,
    }
    step("intent").await;
    let pays = seen.facts.payer == Payer::ThisPayment;
    lines.write(db, subject.order_id, decision.stock(seen.facts.order), pays && seen.facts.order.holds_stock()).await?;
    step("stock").await;
    write::decided(db, subject, outcome, &seen, &decision, &found, doubted_for).await?;
    step("all").await;
    Ok(Settled::Moved)
}

async fn set_limits(db: &mut PgConnection) -> Result<(), Fault> {
    let millis = |duration: Duration| format!("{}ms", duration.as_millis());
    sqlx::query!(
        "select set_config('idle_in_transaction_session_timeout', $1, true) as frozen,
                set_config('lock_timeout', $2, true) as locked",
        millis(FROZEN_AFTER),
        millis(LOCK_WAIT),
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// It waits for no order: a finding about one that another transaction holds is tried again later.
async fn lock_order(db: &mut PgConnection, order_id: i64) -> Result<bool, Fault> {
    let lock = sqlx::query!(
        "select id from orders where id = any(array[$1::bigint]) order by id for no key update skip locked",
        order_id
    );
    Ok(lock.fetch_optional(db).await?.is_some())
}

enum Fenced {
    Held,
    Busy,
    Lost,
}

async fn lock_intent(db: &mut PgConnection, subject: Subject<'_>) -> Result<Fenced, Fault> {
    let (order_id, lease_seq) = (subject.order_id, subject.claim.fence().lease_seq);
    let lock = sqlx::query!(
        "select order_id from outbox
         where order_id = $1 and lease_owner = $2 and lease_seq = $3 for update skip locked",
        order_id,
        subject.lessee.0,
        lease_seq,
    );
    if lock.fetch_optional(&mut *db).await?.is_some() {
        return Ok(Fenced::Held);
    }
    // Our lease stands where we look, and yet the row could not be had: ask again rather than guess.
    let stands = sqlx::query_scalar!(
        r#"select exists (select from outbox
           where order_id = $1 and lease_owner = $2 and lease_seq = $3) as "stands!""#,
        order_id,
        subject.lessee.0,
        lease_seq,
    );
    Ok(if stands.fetch_one(db).await? { Fenced::Busy } else { Fenced::Lost })
}

/// The lease was lost: only the call is written down. An approval that came too late to count is looked for again, when no
/// answer can be older than this one any more.
async fn lose(db: &mut PgConnection, subject: Subject<'_>) -> Result<Settled, Fault> {
    write::attempt(db, subject, true).await?;
    if subject.finding.outcome().is_some_and(|outcome| matches!(outcome, Outcome::Approved(_))) {
        sqlx::query!(
            "update payments set check_at = now() + interval '1 minute'
             where order_id = $1 and payment_no = $2 and status in ('ABORTED', 'EXPIRED', 'REVIEW')",
            subject.order_id,
            subject.claim.payment_no,
        )
        .execute(db)
        .await?;
    }
    Ok(Settled::LeaseLost)
}

/// The intent is due again.
async fn live_on(db: &mut PgConnection, subject: Subject<'_>) -> Result<(), Fault> {
    write::attempt(db, subject, false).await?;
    let again = subject.finding.outcome().and_then(Outcome::again);
    let sends = again.map(|again| again.sends.clone()).or_else(|| not_started(subject.finding));
    let replanned = again.and_then(|again| again.replanned.as_ref());
    write::put_back(db, subject, again).await?;
    if let (Some(cancel), Some(sends)) = (subject.cancel(), sends) {
        write::keep(db, subject, cancel, &sends, replanned).await?;
    }
    Ok(())
}

/// Giving an intent back takes away the name of the worker that died over it; what that may have sent must not go with it.
fn not_started(finding: &Finding) -> Option<SendsAfter> {
    match finding {
        Finding::NotStarted { claim } if claim.abandoned => Some(claim.sends().unchanged(true)),
        Finding::NotStarted { .. } | Finding::Tried { .. } => None,
    }
}

/// What was read under the order's lock.
struct Seen {
    facts: Facts,
    paid_by: Option<i16>,
    now: OffsetDateTime,
    review_since: Option<OffsetDateTime>,
    next_refund_no: i16,
    /// Of this payment.
    ended_refunds: Vec<EndedRefund>,
}

#[derive(Clone, Debug, Deserialize)]
struct EndedRefund {
    no: i16,
    mark: Uuid,
    status: String,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
}

impl EndedRefund {
    fn failed(&self) -> bool {
        self.status == "FAILED"
    }
}

async fn read(db: &mut PgConnection, subject: Subject<'_>, doubted_for: Duration) -> Result<Seen, Fault> {
    let payment_no = subject.claim.payment_no;
    let row = sqlx::query_file!(
        "src/outbox/reconcile/facts.sql",
        subject.order_id,
        payment_no,
        subject.cancel().map(|cancel| cancel.no),
        i64::try_from(doubted_for.as_millis()).unwrap_or(i64::MAX),
    );
    let row = row.fetch_one(db).await?;
    let corrupt = |table, column| Fault::Corrupt(StoreError::Corrupt { table, column, id: subject.order_id });
    let payment = |status: Option<&str>| match status {
        None => Ok(None),
        Some(status) => PaymentStatus::parse(status).map(Some).ok_or_else(|| corrupt("payments", "status")),
    };
    let status = OrderStatus::parse(&row.order_status).ok_or_else(|| corrupt("orders", "status"))?;
    let payer = match payment(row.payer_status.as_deref())? {
        Some(other) => Payer::OtherPayment(other),
        None if row.paid_by == Some(payment_no) => Payer::ThisPayment,
        None => Payer::None,
    };
    let facts = Facts {
        order: OrderState { status, review_holds_stock: row.review_holds_stock },
        payment: payment(Some(&row.payment_status))?.ok_or_else(|| corrupt("payments", "status"))?,
        payment_is_whole: row.payment_is_whole,
        payer,
        other_undecided: payment(row.other_undecided.as_deref())?,
        other_held: row.other_held,
        refund_running: row.refund_running,
        worker_refund_failed: row.worker_refund_failed,
        enough_stock: false,
        changed_lately: row.changed_lately,
        close_requested: row.close_requested,
    };
    Ok(Seen {
        facts,
        paid_by: row.paid_by,
        now: row.now,
        review_since: row.review_since,
        next_refund_no: row.next_refund_no,
        ended_refunds: row.ended_refunds.0,
    })
}
