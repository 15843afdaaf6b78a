//! Operators' sessions and tries to log in.
//!
//! Nothing here knows a password or a token: callers hand in hashes of 32 bytes, and that is all that is kept. A try is
//! counted before the password is looked at, so a thousand of them at once are a thousand, on any number of apis.

use sqlx::PgPool;

use crate::db::{StoreError, within};

/// A hash over what its name says.
pub type Hash = [u8; 32];

/// A session that nobody used for so long ends.
pub const SESSION_IDLE_MINUTES: i32 = 30;
/// And so does one that began so long ago.
pub const SESSION_HOURS: i32 = 12;

/// Whether somebody may try a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    Admitted,
    /// Nothing was counted, and the lock has not grown.
    Locked {
        seconds: u32,
    },
}

/// Counts one more try of a name or a source.
pub async fn try_login(pool: &PgPool, key: &Hash) -> Result<Try, StoreError> {
    let tried = || sqlx::query_file!("src/operator/try_login.sql", key.as_slice());
    let row = within(pool, "count a try to log in", async |c| tried().fetch_one(c).await).await?;
    if row.admitted {
        return Ok(Try::Admitted);
    }
    Ok(Try::Locked { seconds: row.seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(1) })
}

/// Begins a session after the right password. It ends the one that the browser had before, and forgets these tries.
pub async fn begin_session(
    pool: &PgPool,
    token: &Hash,
    operator: &str,
    before: Option<&Hash>,
    tries: [&Hash; 2],
) -> Result<(), StoreError> {
    let tries = tries.map(|key| key.to_vec());
    let begin = || {
        sqlx::query_file!(
            "src/operator/begin_session.sql",
            token.as_slice(),
            operator,
            before.map(Hash::as_slice),
            &tries,
            SESSION_HOURS,
            SESSION_IDLE_MINUTES,
        )
    };
    within(pool, "begin a session", async |c| begin().execute(c).await).await?;
    Ok(())
}

/// The operator of a live session. Looking keeps it alive, written down once a minute at most.
pub async fn session(pool: &PgPool, token: &Hash) -> Result<Option<String>, StoreError> {
    let read = || sqlx::query_file_scalar!("src/operator/session.sql", token.as_slice(), SESSION_IDLE_MINUTES);
    within(pool, "read a session", async |c| read().fetch_optional(c).await).await
}

pub async fn end_session(pool: &PgPool, token: &Hash) -> Result<(), StoreError> {
    let end = || sqlx::query!("delete from operator_sessions where token_hash = $1", token.as_slice());
    within(pool, "end a session", async |c| end().execute(c).await).await?;
    Ok(())
}
