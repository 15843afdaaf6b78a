//! The net below: whatever is unresolved and has no live intent gets one. Nothing in the ordinary course needs it, but for
//! the times when a payment is to be asked about again.

use sqlx::PgPool;

use crate::{
    db::{StoreError, within},
    order::OrderId,
};

/// What one sweep did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Orders that were being confirmed and had no intent: somebody took it away.
    pub lost: i64,
    /// Refunds and checks that were made live.
    pub woken: i64,
    /// Where the next one goes on; `None`: this one came to the end, and the next starts anew.
    pub next: Option<OrderId>,
}

/// Looks at the next `limit` orders being confirmed after `after`, and at what else waits for an intent.
pub async fn sweep(pool: &PgPool, after: Option<OrderId>, limit: u16) -> Result<Swept, StoreError> {
    let limit = i64::from(limit);
    let orders = || sqlx::query_file!("src/outbox/sweep.sql", after.map_or(0, |id| id.0), limit);
    let orders = within(pool, "sweep orders without an intent", async |c| orders().fetch_one(c).await).await;
    let rest = || sqlx::query_file_scalar!("src/outbox/sweep_rest.sql", limit, 2 * limit);
    // Also when the first failed: neither needs the other.
    let woken = within(pool, "sweep refunds and checks", async |c| rest().fetch_one(c).await).await?;
    let orders = orders?;
    let next = orders.last.filter(|_| orders.seen >= limit).map(OrderId);
    Ok(Swept { lost: orders.queued, woken, next })
}
