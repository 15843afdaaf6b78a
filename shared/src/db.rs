//! The database connection: its limits, its session settings, and the one way a statement may fail.
//!
//! Every statement runs [`within`] a deadline, on both sides: the server gives up by `statement_timeout`, and we give up
//! a little later even when the server's answer never comes. Nothing here retries. Callers know what may be repeated.

use std::{future::Future, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// How long any one statement of the api or the worker may take before its caller gives up.
pub const STATEMENT_LIMIT: Duration = Duration::from_secs(5);

/// The server gives up first, so that a statement we gave up on is not still about to commit.
const SERVER_STATEMENT_TIMEOUT: &str = "4500ms";
const SERVER_LOCK_TIMEOUT: &str = "3s";
const ACQUIRE_LIMIT: Duration = Duration::from_secs(3);
/// A connection that idled longer is asked whether it still lives before it is used: the server may have restarted.
const IDLE_TRUST: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{operation}: the database is not available")]
    Unavailable { operation: &'static str, source: sqlx::Error },
    #[error("{operation}: the database did not answer within {} s", STATEMENT_LIMIT.as_secs())]
    Deadline { operation: &'static str },
    #[error("{operation}: the database refused the statement")]
    Refused { operation: &'static str, source: sqlx::Error },
    #[error("{table}.{column} of row {id} holds what no code of ours wrote")]
    Corrupt { table: &'static str, column: &'static str, id: i64 },
}

impl StoreError {
    /// Will the same statement possibly succeed later, with nothing changed on our side?
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Deadline { .. } => true,
            Self::Refused { .. } | Self::Corrupt { .. } => false,
        }
    }

    /// The violated constraint, when that is why the statement was refused.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Refused { source, .. } => source.as_database_error()?.constraint(),
            Self::Unavailable { .. } | Self::Deadline { .. } | Self::Corrupt { .. } => None,
        }
    }
}

/// Runs one statement under the deadline and names it in the error.
pub async fn within<T>(
    operation: &'static str,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT_LIMIT, statement).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) if is_away(&source) => Err(StoreError::Unavailable { operation, source }),
        Ok(Err(source)) => Err(StoreError::Refused { operation, source }),
        Err(_) => Err(StoreError::Deadline { operation }),
    }
}

/// The server or the way to it is the trouble, not the statement.
fn is_away(error: &sqlx::Error) -> bool {
    if let Some(error) = error.as_database_error() {
        // Connection trouble, transaction rolled back (deadlock, serialisation), out of resources, operator
        // intervention (shutdown, terminated, timed out), lock not available, read-only (a demoted primary).
        return error.code().is_some_and(|state| {
            ["08", "40", "53", "57"].iter().any(|class| state.starts_with(class))
                || state == "55P03"
                || state == "25006"
        });
    }
    matches!(
        error,
        sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
    )
}

/// Who connects. The planner is told different things, and the server's own views show the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Api,
    Worker,
}

impl Role {
    fn session(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // Many short statements with fixed plans; compiling them costs more than running them.
            Self::Api => &[("jit", "off")],
            // The outbox is empty most of the time and statistics say so, yet the claim must stay an index scan on the
            // day it is not. One generic plan, and no way to choose a scan of the whole table.
            Self::Worker => &[
                ("jit", "off"),
                ("plan_cache_mode", "force_generic_plan"),
                ("enable_seqscan", "off"),
                ("enable_bitmapscan", "off"),
            ],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Api => "hanbeon-api",
            Self::Worker => "hanbeon-worker",
        }
    }
}

/// Parses the URL and opens the pool lazily: a process starts, answers and recovers while its database is away.
pub fn pool(url: &SecretString, role: Role, connections_max: u32) -> Result<PgPool, sqlx::Error> {
    let options: PgConnectOptions = url.expose_secret().parse()?;
    let options = options.application_name(role.name()).options(role.session().iter().copied()).options([
        ("statement_timeout", SERVER_STATEMENT_TIMEOUT),
        ("lock_timeout", SERVER_LOCK_TIMEOUT),
        ("idle_in_transaction_session_timeout", "10s"),
        ("timezone", "UTC"),
        // Notice within half a minute that the client's machine is gone, and give its locks back.
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_LIMIT)
        .test_before_acquire(false) // a round trip for every statement; see before_acquire
        .before_acquire(|connection, idle| {
            Box::pin(async move {
                if idle.idle_for > IDLE_TRUST {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Brings the schema up to date. Safe to run from several places at once: the migrator takes a lock.
pub async fn migrate(url: &SecretString) -> Result<(), sqlx::migrate::MigrateError> {
    let mut connection = sqlx::PgConnection::connect(url.expose_secret()).await?;
    crate::MIGRATOR.run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Does the database answer, and does it carry every migration this build knows?
pub async fn is_ready(pool: &PgPool) -> Result<bool, StoreError> {
    let newest = crate::MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default();
    // Not a checked query: the migrator owns this table and makes it.
    let query =
        sqlx::query_scalar::<_, bool>("select exists (select from _sqlx_migrations where version = $1 and success)");
    match within("read the schema version", query.bind(newest).fetch_one(pool)).await {
        Ok(ready) => Ok(ready),
        Err(StoreError::Refused { .. }) => Ok(false), // no such table: nothing was migrated yet
        Err(error) => Err(error),
    }
}
