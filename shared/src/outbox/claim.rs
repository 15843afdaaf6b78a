//! Taking due intents under a lease, and keeping the lease.

use std::time::Duration;

use sqlx::PgPool;
use time::OffsetDateTime;

use crate::{
    db::{StoreError, within},
    money::Krw,
    order::{OrderId, OrderNo, OrderStatus},
    payment::PaymentKey,
    toss,
};

/// How long a claim is ours before anybody else may take it. Short, because it is also how long a dead worker's orders
/// wait; a call to Toss may take three times as long, so leases are renewed.
pub const LEASE: Duration = Duration::from_secs(20);
/// The most rows one statement claims.
pub const CLAIM_MAX: u16 = 500;
/// Intents become visible at their commit, a moment after the time they are due at. The low watermark stays this far
/// behind; what commits even later is found by the sweep.
const WATERMARK_SLACK: Duration = Duration::from_secs(2);

/// Who holds a lease: a random number for each start of a worker, so a restarted worker is somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lessee(pub(super) i64);

impl Lessee {
    pub fn new(nonce: i64) -> Self {
        Self(nonce)
    }
}

/// What identifies one claim of one intent. A later claim of the same intent carries a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    pub order_id: OrderId,
    pub(super) lease_seq: i32,
}

/// How far left in the queue a claim looks. Left of it lie rows in flight and dead index entries; walking them at every
/// claim is what makes queues in PostgreSQL slow down under load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watermark(Option<OffsetDateTime>);

impl Watermark {
    /// Looks at everything: the sweep.
    pub const LOWEST: Watermark = Watermark(None);
}

/// One intent, ours until its lease ends. Made by [`claim`] alone.
#[derive(Debug)]
pub struct Claim {
    pub(super) fence: Fence,
    pub(super) payment_no: i16,
    pub(super) key_epoch: i16,
    order_no: OrderNo,
    order_status: OrderStatus,
    payment_key: PaymentKey,
    amount: Krw,
    request: Vec<u8>,
    ask_first: bool,
    attempts: i16,
    snoozes: i16,
}

impl Claim {
    pub fn fence(&self) -> Fence {
        self.fence
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

    pub fn amount(&self) -> Krw {
        self.amount
    }

    /// The stored bytes of the confirm.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    pub fn idempotency_key(&self) -> String {
        toss::idempotency_key(self.order_no, self.payment_no, self.key_epoch)
    }

    /// The key of this epoch is burnt: ask Toss before anything is posted.
    pub fn ask_first(&self) -> bool {
        self.ask_first
    }

    /// Tries so far, this one included, snoozes not.
    pub fn attempts(&self) -> u16 {
        self.attempts.unsigned_abs()
    }

    pub fn snoozes(&self) -> u16 {
        self.snoozes.unsigned_abs()
    }
}

/// What one claim took.
#[derive(Debug)]
pub struct Claimed {
    pub claims: Vec<Claim>,
    /// Intents that were leased but cannot be acted on, because a row holds what no code of ours wrote. They come back
    /// when their lease ends; the others of the batch are not held up by them.
    pub unreadable: Vec<StoreError>,
    /// Where the next claim may start, when this one took anything.
    pub low: Option<Watermark>,
}

impl Claimed {
    pub fn len(&self) -> usize {
        self.claims.len() + self.unreadable.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes at most `limit` due intents, oldest first. It waits for no lock.
pub async fn claim(pool: &PgPool, lessee: Lessee, low: Watermark, limit: u16) -> Result<Claimed, StoreError> {
    let statement = sqlx::query_file_as!(
        Row,
        "src/outbox/claim.sql",
        lessee.0,
        LEASE.as_secs_f64(),
        low.0,
        i64::from(limit.min(CLAIM_MAX)),
    );
    let rows = within(pool, "claim due intents", async |c| statement.fetch_all(c).await).await?;
    let low = rows.iter().map(|row| row.due_at).min().map(|due_at| Watermark(Some(due_at - WATERMARK_SLACK)));
    let mut claimed = Claimed { claims: Vec::with_capacity(rows.len()), unreadable: Vec::new(), low };
    for row in rows {
        match Claim::try_from(row) {
            Ok(claim) => claimed.claims.push(claim),
            Err(error) => claimed.unreadable.push(error),
        }
    }
    Ok(claimed)
}

struct Row {
    order_id: i64,
    due_at: OffsetDateTime,
    lease_seq: i32,
    attempts: i16,
    snoozes: i16,
    order_no: Option<uuid::Uuid>,
    order_status: Option<String>,
    amount: Option<i64>,
    payment_no: Option<i16>,
    payment_key: Option<String>,
    request: Option<Vec<u8>>,
    key_epoch: Option<i16>,
    ask_first: Option<bool>,
}

impl TryFrom<Row> for Claim {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |table, column| StoreError::Corrupt { table, column, id: row.order_id };
        Ok(Self {
            fence: Fence { order_id: OrderId(row.order_id), lease_seq: row.lease_seq },
            order_no: row.order_no.map(OrderNo).ok_or_else(|| corrupt("orders", "order_no"))?,
            order_status: row
                .order_status
                .as_deref()
                .and_then(OrderStatus::parse)
                .ok_or_else(|| corrupt("orders", "status"))?,
            amount: row.amount.and_then(Krw::new).ok_or_else(|| corrupt("orders", "amount"))?,
            payment_no: row.payment_no.ok_or_else(|| corrupt("payments", "payment_no"))?,
            payment_key: row
                .payment_key
                .as_deref()
                .and_then(PaymentKey::parse)
                .ok_or_else(|| corrupt("payments", "payment_key"))?,
            request: row.request.ok_or_else(|| corrupt("payments", "request"))?,
            key_epoch: row.key_epoch.ok_or_else(|| corrupt("payments", "key_epoch"))?,
            ask_first: row.ask_first.ok_or_else(|| corrupt("payments", "ask_first"))?,
            attempts: row.attempts,
            snoozes: row.snoozes,
        })
    }
}

/// Extends the leases that are still held and says which were. What is missing from the answer is either lost or being
/// settled this moment: locked rows are skipped, so renewing never waits for settling nor the other way round.
pub async fn renew(pool: &PgPool, lessee: Lessee, fences: &[Fence]) -> Result<Vec<Fence>, StoreError> {
    let (order_ids, lease_seqs): (Vec<i64>, Vec<i32>) =
        fences.iter().map(|fence| (fence.order_id.0, fence.lease_seq)).unzip();
    let statement = sqlx::query_file!("src/outbox/renew.sql", lessee.0, LEASE.as_secs_f64(), &order_ids, &lease_seqs,);
    let rows = within(pool, "renew leases", async |c| statement.fetch_all(c).await).await?;
    Ok(rows.into_iter().map(|row| Fence { order_id: OrderId(row.order_id), lease_seq: row.lease_seq }).collect())
}
