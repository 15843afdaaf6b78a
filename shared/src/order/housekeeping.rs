//! What time does to orders: those nobody pays end, and old calls to Toss are forgotten. Small batches, so that nothing
//! else waits for them.

use sqlx::PgPool;

use crate::db::{StoreError, within};

/// Ends orders that nobody paid in time, and says how many.
pub async fn expire_unpaid(pool: &PgPool, limit: u16) -> Result<i64, StoreError> {
    let expire = || sqlx::query_file_scalar!("src/order/expire.sql", i64::from(limit));
    within(pool, "end orders nobody paid", async |c| expire().fetch_one(c).await).await
}

/// What one step of forgetting did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    pub attempts: i64,
    /// There are more old orders.
    pub more: bool,
}

/// Forgets the attempts of the next `limit` orders, as far as these are older than `days`. The database knows where the last
/// step stopped.
pub async fn forget_attempts(pool: &PgPool, days: i32, limit: u16) -> Result<Forgotten, StoreError> {
    let forget = || sqlx::query_file!("src/order/prune.sql", days, i64::from(limit));
    let row = within(pool, "forget old attempts", async |c| forget().fetch_one(c).await).await?;
    Ok(Forgotten { attempts: row.forgotten, more: row.more })
}
