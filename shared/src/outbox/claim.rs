//! Taking due intents under a lease, and keeping the lease.

use std::time::Duration;

use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Call, Class, Fence, Lease, Lessee, Mark, Sends, SendsAfter, SentWith,
    lease::{NeverRead, hand_back},
};
use crate::{
    cancel::Actor,
    db::{StoreError, within},
    money::Krw,
    order::{OrderId, OrderNo, OrderStatus},
    payment::{PaymentKey, PaymentStatus},
    toss,
};

/// The most rows one statement claims.
pub const CLAIM_MAX: u16 = 500;
/// Intents become visible at their commit, a moment after the time they are due at. The low watermark stays this far
/// behind; what commits even later is found by the sweep.
const WATERMARK_SLACK: Duration = Duration::from_secs(2);

/// How far left in the queue a claim looks. Left of it lie rows in flight and dead index entries; walking them at every
/// claim is what makes queues in PostgreSQL slow down under load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watermark(pub(super) Option<OffsetDateTime>);

impl Watermark {
    /// Looks at everything: the sweep.
    pub const LOWEST: Watermark = Watermark(None);
}

/// One intent, ours until its lease ends. Made by [`claim`] alone.
#[derive(Debug)]
pub struct Claim {
    pub(super) fence: Fence,
    pub(super) payment_no: i16,
    operation: Operation,
    order_no: OrderNo,
    order_status: OrderStatus,
    payment_key: PaymentKey,
    payment_status: PaymentStatus,
    amount: Krw,
    accepted_ago: Duration,
    m_id: Option<String>,
    sends: Sends,
    pub(super) abandoned: bool,
    attempts: i16,
    snoozes: i16,
}

/// What an intent wants.
#[derive(Debug)]
pub enum Operation {
    /// The stored bytes of the confirm.
    Confirm {
        request: Vec<u8>,
    },
    /// Where does this payment stand at Toss?
    Check,
    Cancel(Cancel),
}

/// One refund to be made.
#[derive(Debug)]
pub struct Cancel {
    pub(super) no: i16,
    /// Stands in the reason at Toss.
    pub mark: Uuid,
    pub reason: String,
    pub amount: Krw,
    /// What Toss held before it.
    pub expected_balance: Krw,
    /// Everything that is left, whatever that is.
    pub in_full: bool,
    pub actor: Actor,
    /// Since it was asked for, by the database's clock at the claim.
    pub requested_ago: Duration,
    /// Nothing is posted for it any more.
    pub called_off: bool,
    pub request: StoredRequest,
}

/// The bytes of a refund as they are stored.
#[derive(Debug)]
pub enum StoredRequest {
    Plain(Vec<u8>),
    /// They name an account; [`crate::cancel::AccountKey`] opens them, with the refund's mark.
    Sealed(Vec<u8>),
}

impl Claim {
    pub fn fence(&self) -> Fence {
        self.fence
    }

    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    pub fn order_no(&self) -> OrderNo {
        self.order_no
    }

    /// Read at the claim, not at the time the intent was written.
    pub fn order_status(&self) -> OrderStatus {
        self.order_status
    }

    pub fn payment_key(&self) -> &PaymentKey {
        &self.payment_key
    }

    pub fn payment_status(&self) -> PaymentStatus {
        self.payment_status
    }

    /// The payment's.
    pub fn amount(&self) -> Krw {
        self.amount
    }

    /// Since the confirm was accepted, by the database's clock at the claim.
    pub fn accepted_ago(&self) -> Duration {
        self.accepted_ago
    }

    /// The merchant that Toss last showed this payment for (`mId`).
    pub fn m_id(&self) -> Option<&str> {
        self.m_id.as_deref()
    }

    pub fn sends(&self) -> &Sends {
        &self.sends
    }

    /// Did a worker die over it? The claim before this one was never settled.
    pub fn was_abandoned(&self) -> bool {
        self.abandoned
    }

    pub fn idempotency_key(&self) -> String {
        match &self.operation {
            Operation::Confirm { .. } | Operation::Check => {
                toss::idempotency_key(self.order_no, self.payment_no, self.sends.epoch)
            }
            Operation::Cancel(cancel) => toss::cancel_idempotency_key(cancel.mark, self.sends.epoch),
        }
    }

    /// Tries so far, this one included, snoozes not.
    pub fn attempts(&self) -> u16 {
        self.attempts.unsigned_abs()
    }

    pub fn snoozes(&self) -> u16 {
        self.snoozes.unsigned_abs()
    }

    /// The sends after a call whose answer is of no use: whatever it was, ask next.
    pub fn sends_asking(&self, call: Call, api_key_id: &str) -> SendsAfter {
        let unchanged = self.sends.unchanged(self.abandoned);
        if call == Call::Query {
            return unchanged;
        }
        let sent_with = unchanged.sent_with.or_else(|| Some(api_key_id.to_owned()));
        SendsAfter { burnt: true, unanswered: Mark::Now, sent_with, ..unchanged }
    }
}

/// What one claim took.
#[derive(Debug)]
pub struct Claimed {
    pub claims: Vec<Claim>,
    /// Intents that were leased but cannot be acted on, because a row holds what no code of ours wrote. They come back
    /// when their lease ends; the others of the batch are not held up by them.
    pub unreadable: Vec<StoreError>,
    /// Intents that were changed while the claim ran, so that what was read with them is older than they. They were handed
    /// back at once, and are due.
    pub handed_back: usize,
    /// Where the next claim may start, when this one took anything.
    pub low: Option<Watermark>,
}

impl Claimed {
    pub fn len(&self) -> usize {
        self.claims.len() + self.unreadable.len() + self.handed_back
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes at most `limit` due intents of one class, oldest first. It waits for no lock.
pub async fn claim(
    pool: &PgPool,
    lessee: Lessee,
    lease: Lease,
    class: Class,
    low: Watermark,
    limit: u16,
) -> Result<Claimed, StoreError> {
    let statement = || {
        sqlx::query_file_as!(
            Row,
            "src/outbox/claim.sql",
            lessee.0,
            lease.lasts.as_secs_f64(),
            low.0,
            i64::from(limit.min(CLAIM_MAX)),
            lease.key_tag,
            class.number(),
        )
    };
    let rows = within(pool, "claim due intents", async |c| statement().fetch_all(c).await).await?;
    let low = rows.iter().map(|row| row.due_at).min().map(|due_at| Watermark(Some(due_at - WATERMARK_SLACK)));
    let mut claimed = Claimed { claims: Vec::with_capacity(rows.len()), unreadable: Vec::new(), handed_back: 0, low };
    let mut newer = Vec::new();
    for row in rows {
        if row.is_newer {
            newer.push(NeverRead { order_id: row.order_id, lease_seq: row.lease_seq, abandoned: row.abandoned });
            continue;
        }
        match Claim::try_from(row) {
            Ok(claim) => claimed.claims.push(claim),
            Err(error) => claimed.unreadable.push(error),
        }
    }
    claimed.handed_back = newer.len();
    if let Err(error) = hand_back(pool, lessee, &newer).await {
        // They come back when their lease ends, and the others must not wait with them.
        tracing::warn!(error = crate::telemetry::chain(&error), "cannot hand back what changed while it was claimed");
    }
    Ok(claimed)
}

struct Row {
    order_id: i64,
    kind: i16,
    due_at: OffsetDateTime,
    lease_seq: i32,
    attempts: i16,
    snoozes: i16,
    payment_no: i16,
    abandoned: bool,
    abandoned_key: i32,
    is_newer: bool,
    order_no: Option<Uuid>,
    order_status: Option<String>,
    payment_key: Option<String>,
    amount: Option<i64>,
    payment_status: Option<String>,
    accepted_ms_ago: Option<i64>,
    request: Option<Vec<u8>>,
    key_epoch: Option<i16>,
    ask_first: Option<bool>,
    unanswered_ms_ago: Option<i64>,
    sent_with: Option<String>,
    refused: Option<bool>,
    error_code: Option<String>,
    server_error_ms_ago: Option<i64>,
    absent_ms_ago: Option<i64>,
    no_answer_ms: Option<i64>,
    m_id: Option<String>,
    requested_ms_ago: Option<i64>,
    called_off: Option<bool>,
    cancel_no: Option<i16>,
    cancel_mark: Option<Uuid>,
    cancel_reason: Option<String>,
    cancel_amount: Option<i64>,
    expected_balance: Option<i64>,
    in_full: Option<bool>,
    cancel_actor: Option<String>,
    request_sealed: Option<bool>,
}

fn age(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

impl Row {
    fn corrupt(&self, table: &'static str, column: &'static str) -> StoreError {
        StoreError::Corrupt { table, column, id: self.order_id }
    }

    fn sends(&self) -> Result<Sends, StoreError> {
        let unanswered = self.unanswered_ms_ago.map(age);
        let sent_with = self.sent_with.clone().map(SentWith::Known);
        Ok(Sends {
            epoch: self.key_epoch.ok_or_else(|| self.corrupt("payments", "key_epoch"))?,
            burnt: self.ask_first.ok_or_else(|| self.corrupt("payments", "ask_first"))?,
            // Whoever died over it may have sent until this moment.
            unanswered: if self.abandoned { Some(Duration::ZERO) } else { unanswered },
            sent_with: sent_with.or_else(|| self.abandoned.then_some(SentWith::Tagged(self.abandoned_key))),
            refused: self.refused.unwrap_or_default(),
            server_error: self.server_error_ms_ago.map(age),
            absent: self.absent_ms_ago.map(age),
            no_answer: self.no_answer_ms.map(age),
            error_code: self.error_code.clone(),
        })
    }

    fn operation(&mut self) -> Result<Operation, StoreError> {
        let request = self.request.take();
        let request = request.ok_or_else(|| self.corrupt("payments", "request"));
        match self.kind {
            1 => Ok(Operation::Confirm { request: request? }),
            2 => Ok(Operation::Cancel(self.cancel(request?)?)),
            3 => Ok(Operation::Check),
            _ => Err(self.corrupt("outbox", "kind")),
        }
    }

    fn cancel(&mut self, request: Vec<u8>) -> Result<Cancel, StoreError> {
        let no_cancel = StoreError::Corrupt { table: "cancels", column: "status", id: self.order_id };
        let krw = |won: Option<i64>| won.and_then(Krw::new);
        let (Some(no), Some(mark), Some(reason), Some(amount), Some(expected_balance), Some(in_full), Some(actor)) = (
            self.cancel_no,
            self.cancel_mark,
            self.cancel_reason.take(),
            krw(self.cancel_amount),
            krw(self.expected_balance),
            self.in_full,
            self.cancel_actor.as_deref().and_then(Actor::parse),
        ) else {
            return Err(no_cancel);
        };
        let sealed = self.request_sealed.unwrap_or_default();
        let request = if sealed { StoredRequest::Sealed(request) } else { StoredRequest::Plain(request) };
        let requested_ago = age(self.requested_ms_ago.unwrap_or_default());
        let called_off = self.called_off.unwrap_or_default();
        Ok(Cancel { no, mark, reason, amount, expected_balance, in_full, actor, requested_ago, called_off, request })
    }
}

impl TryFrom<Row> for Claim {
    type Error = StoreError;

    fn try_from(mut row: Row) -> Result<Self, StoreError> {
        let sends = row.sends()?;
        let operation = row.operation()?;
        let order_status = row.order_status.as_deref().and_then(OrderStatus::parse);
        let payment_key = row.payment_key.as_deref().and_then(PaymentKey::parse);
        let payment_status = row.payment_status.as_deref().and_then(PaymentStatus::parse);
        Ok(Self {
            fence: Fence { order_id: OrderId(row.order_id), lease_seq: row.lease_seq },
            payment_no: row.payment_no,
            operation,
            order_no: row.order_no.map(OrderNo).ok_or_else(|| row.corrupt("orders", "order_no"))?,
            order_status: order_status.ok_or_else(|| row.corrupt("orders", "status"))?,
            payment_key: payment_key.ok_or_else(|| row.corrupt("payments", "payment_key"))?,
            payment_status: payment_status.ok_or_else(|| row.corrupt("payments", "status"))?,
            amount: row.amount.and_then(Krw::new).ok_or_else(|| row.corrupt("payments", "amount"))?,
            accepted_ago: age(row.accepted_ms_ago.ok_or_else(|| row.corrupt("payments", "accepted_at"))?),
            m_id: row.m_id.take(),
            sends,
            abandoned: row.abandoned,
            attempts: row.attempts,
            snoozes: row.snoozes,
        })
    }
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
