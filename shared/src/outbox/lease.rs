//! Leases: under what a claim is held, how it is kept, and how it is handed back.

use std::time::Duration;

use sqlx::PgPool;

use crate::{
    db::{StoreError, within},
    order::OrderId,
};

/// How long a claim is ours before anybody else may take it. Short, because it is also how long a dead worker's orders
/// wait; a call to Toss may take three times as long, so leases are renewed.
pub const LEASE: Duration = Duration::from_secs(20);
/// Who holds a lease: a random number for each start of a worker, so a restarted worker is somebody else. Zero is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lessee(pub(super) i64);

impl Lessee {
    pub fn new(nonce: i64) -> Self {
        Self(if nonce == 0 { 1 } else { nonce })
    }
}

/// What identifies one claim of one intent. A later claim of the same intent carries a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    pub order_id: OrderId,
    pub(super) lease_seq: i32,
}

/// What a claim is held under.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub lasts: Duration,
    /// The number of the secret that will sign: [`crate::toss::ApiKey::tag`].
    pub key_tag: i32,
}

/// Extends the leases that are still held and says which were. What is missing from the answer is either lost or being
/// settled this moment: locked rows are skipped, so renewing never waits for settling nor the other way round.
pub async fn renew(pool: &PgPool, lessee: Lessee, lease: Duration, fences: &[Fence]) -> Result<Vec<Fence>, StoreError> {
    let (order_ids, lease_seqs): (Vec<i64>, Vec<i32>) =
        fences.iter().map(|fence| (fence.order_id.0, fence.lease_seq)).unzip();
    let statement =
        || sqlx::query_file!("src/outbox/renew.sql", lessee.0, lease.as_secs_f64(), &order_ids, &lease_seqs);
    let rows = within(pool, "renew leases", async |c| statement().fetch_all(c).await).await?;
    Ok(rows.into_iter().map(|row| Fence { order_id: OrderId(row.order_id), lease_seq: row.lease_seq }).collect())
}

/// An intent that was leased and nothing else: nobody will act on this claim.
#[derive(Debug)]
pub(super) struct NeverRead {
    pub(super) order_id: i64,
    pub(super) lease_seq: i32,
    /// A worker died over it, before this claim.
    pub(super) abandoned: bool,
}

/// They are due as they were before the claim, but for their fence.
pub(super) async fn hand_back(pool: &PgPool, lessee: Lessee, claimed: &[NeverRead]) -> Result<(), StoreError> {
    if claimed.is_empty() {
        return Ok(());
    }
    let order_ids: Vec<i64> = claimed.iter().map(|intent| intent.order_id).collect();
    let lease_seqs: Vec<i32> = claimed.iter().map(|intent| intent.lease_seq).collect();
    let abandoned: Vec<bool> = claimed.iter().map(|intent| intent.abandoned).collect();
    let statement = || sqlx::query_file!("src/outbox/hand_back.sql", lessee.0, &order_ids, &lease_seqs, &abandoned);
    within(pool, "hand back intents", async |c| statement().execute(c).await).await.map(|_| ())
}
