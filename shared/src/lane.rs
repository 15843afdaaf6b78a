//! Lanes: one for each Toss secret, open or paused. What Toss says under a secret that it does not accept says nothing
//! about any payment, so nobody fails for it; claiming stops until a probe shows that the secret works.
//!
//! The state stands in the database, so that all workers stop together, and operators see it from anywhere.

use std::time::Duration;

use sqlx::PgPool;
use time::OffsetDateTime;

use crate::db::{StoreError, within};

/// A lane that is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// The secret's fingerprint.
    pub api_key_id: String,
    /// What Toss said.
    pub code: String,
    pub since: OffsetDateTime,
    pub for_seconds: i64,
}

/// Pauses a lane, or leaves it paused as it is. The first probe may run after `probe_after`.
pub async fn pause(pool: &PgPool, api_key_id: &str, code: &str, probe_after: Duration) -> Result<(), StoreError> {
    let pause = || {
        sqlx::query!(
            "insert into lanes (api_key_id, paused_at, code, probe_at, pauses)
         values ($1, now(), $2, now() + make_interval(secs => $3), 1)
         on conflict (api_key_id) do update
             set paused_at = excluded.paused_at, code = excluded.code, probe_at = excluded.probe_at, pauses = lanes.pauses + 1
             where lanes.paused_at is null",
            api_key_id,
            code,
            probe_after.as_secs_f64(),
        )
    };
    within(pool, "pause a lane", async |c| pause().execute(c).await).await.map(|_| ())
}

pub async fn open(pool: &PgPool, api_key_id: &str) -> Result<(), StoreError> {
    let open = || {
        sqlx::query!(
            "update lanes set paused_at = null, code = null, probe_at = null
         where api_key_id = $1 and paused_at is not null",
            api_key_id,
        )
    };
    within(pool, "open a lane", async |c| open().execute(c).await).await.map(|_| ())
}

/// May the caller probe this paused lane now? One may, every `every`.
pub async fn take_probe(pool: &PgPool, api_key_id: &str, every: Duration) -> Result<bool, StoreError> {
    let take = || {
        sqlx::query!(
            "update lanes set probe_at = now() + make_interval(secs => $2)
         where api_key_id = $1 and paused_at is not null and probe_at <= now()",
            api_key_id,
            every.as_secs_f64(),
        )
    };
    Ok(within(pool, "take a probe", async |c| take().execute(c).await).await?.rows_affected() > 0)
}

/// Counts a lookup that is about to be made to see whether Toss takes the secret.
pub async fn count_check(pool: &PgPool, api_key_id: &str) -> Result<(), StoreError> {
    let count = || {
        sqlx::query!(
            "insert into lanes (api_key_id, checks) values ($1, 1)
         on conflict (api_key_id) do update set checks = lanes.checks + 1",
            api_key_id,
        )
    };
    within(pool, "count the check of a secret", async |c| count().execute(c).await).await.map(|_| ())
}

/// The paused lanes, of all secrets.
pub async fn paused(pool: &PgPool) -> Result<Vec<Paused>, StoreError> {
    let read = || {
        sqlx::query_as!(
            Paused,
            r#"select api_key_id, code as "code!", paused_at as "since!",
                  extract(epoch from now() - paused_at)::bigint as "for_seconds!"
           from lanes where paused_at is not null order by api_key_id"#
        )
    };
    within(pool, "read paused lanes", async |c| read().fetch_all(c).await).await
}
