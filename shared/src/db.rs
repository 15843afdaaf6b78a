//! The database connection: its limits, its session settings, and the one way a statement may fail.
//!
//! Every statement runs [`within`] a deadline, on both sides: the server gives up by `statement_timeout`, and we give up
//! a little later even when the server's answer never comes. Callers know what may be repeated. Nothing here repeats, but
//! for one case: a session that is out of date refused the statement and did nothing. It is made anew, once.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgPoolOptions},
};

/// How long any one statement of the api or the worker may take before its caller gives up.
pub const STATEMENT_LIMIT: Duration = Duration::from_secs(5);

/// The server gives up first, so that a statement we gave up on is mostly not still running. Not a promise: a commit
/// that waits for a disk or a standby has no limit, which is why every statement of ours may be repeated.
const SERVER_STATEMENT_TIMEOUT: &str = "4500ms";
/// How long anybody waits for a connection, and how long a login may take that nobody waits for.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(3);
const LOGIN_LIMIT: Duration = Duration::from_secs(15);
const GIVE_BACK_LIMIT: Duration = Duration::from_secs(2);
/// A connection that idled longer is asked whether it still lives before it is used: the server may have restarted.
const IDLE_TRUST: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{operation}: the database is not available")]
    Unavailable { operation: &'static str, source: sqlx::Error },
    #[error("{operation}: the database did not answer within {} s", STATEMENT_LIMIT.as_secs())]
    Deadline { operation: &'static str },
    #[error("{operation}: the database gave the statement up for the sake of others")]
    Contended { operation: &'static str, source: sqlx::Error },
    #[error("{operation}: the database refused the statement")]
    Refused { operation: &'static str, source: sqlx::Error },
    #[error("{table}.{column} of row {id} holds what no code of ours wrote")]
    Corrupt { table: &'static str, column: &'static str, id: i64 },
}

impl StoreError {
    fn of(operation: &'static str, source: sqlx::Error) -> Self {
        let state = sql_state(&source).unwrap_or_default().to_owned();
        match (&source, state.as_str()) {
            // A new session was tried already, and somebody between us and the server may give us a better one later.
            _ if is_about_the_session(&source) => Self::Unavailable { operation, source },
            // Waited too long for a lock, ran too long, rolled back in favour of another.
            (_, "55P03" | "57014" | "40001" | "40P01") => Self::Contended { operation, source },
            // Data, integrity, syntax, a feature the server lacks: the statement will never be taken as it is.
            (_, state) if ["22", "23", "42", "0A"].iter().any(|class| state.starts_with(class)) => {
                Self::Refused { operation, source }
            }
            (sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_), _) => {
                Self::Refused { operation, source }
            }
            // All else is the server or the way to it: shut down, starting, full, read-only, not letting us in.
            _ => Self::Unavailable { operation, source },
        }
    }

    /// Will the same statement possibly succeed later, with nothing changed on our side?
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Deadline { .. } | Self::Contended { .. } => true,
            Self::Refused { .. } | Self::Corrupt { .. } => false,
        }
    }

    /// Did the statement wait too long for a lock that another session keeps?
    pub fn is_locked_out(&self) -> bool {
        match self {
            Self::Contended { source, .. } => sql_state(source) == Some("55P03"),
            Self::Unavailable { .. } | Self::Deadline { .. } | Self::Refused { .. } | Self::Corrupt { .. } => false,
        }
    }

    /// The violated constraint, when that is why the statement was refused.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Refused { source, .. } => source.as_database_error()?.constraint(),
            Self::Unavailable { .. } | Self::Deadline { .. } | Self::Contended { .. } | Self::Corrupt { .. } => None,
        }
    }
}

/// Does this error say something about the session, and nothing about the statement? Then nothing was done, and another
/// session may well do it.
fn is_about_the_session(error: &sqlx::Error) -> bool {
    match sql_state(error) {
        // A prepared statement is gone, or one of that name is there: whoever stands between us and the server, and lets us
        // share its sessions, gave us another one. Or it was told to discard all.
        Some("26000" | "42P05") => true,
        // A migration changed what a prepared statement returns. Anything else that the server does not support it will
        // never support. Not by its words: they depend on the server's language.
        Some("0A000") => routine(error) == Some("RevalidateCachedQuery"),
        _ => is_read_only(error),
    }
}

/// What a role or a database is told about writing, it is told when a session begins. And behind one address may stand
/// another server by now.
fn is_read_only(error: &sqlx::Error) -> bool {
    sql_state(error) == Some("25006")
}

fn of_postgres(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

pub(crate) fn sql_state(error: &sqlx::Error) -> Option<&str> {
    of_postgres(error).map(PgDatabaseError::code)
}

/// The server's function that raised the error.
fn routine(error: &sqlx::Error) -> Option<&str> {
    of_postgres(error).and_then(PgDatabaseError::routine)
}

/// Runs one statement, or one transaction, on a connection of the pool, under the deadline, and names it in the error. It
/// runs once more when it was refused because of its session.
///
/// The deadline counts from when there is a connection; waiting for one has a limit of its own. A connection whose
/// statement was given up, by the deadline or by a caller that left, is closed rather than given back: it may hang, and
/// a place in the pool must not hang with it.
pub async fn within<T>(
    pool: &PgPool,
    operation: &'static str,
    statement: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error> + Clone,
) -> Result<T, StoreError> {
    let connection = acquire(pool).await.map_err(|source| StoreError::of(operation, source))?;
    let mut lent = Lent { connection, healthy: false };
    let run = async {
        match statement.clone()(&mut lent.connection).await {
            Err(error) if is_about_the_session(&error) => {
                tracing::debug!(operation, %error, "a session is out of date; making it anew");
                make_anew(pool, &mut lent.connection).await?;
                statement(&mut lent.connection).await
            }
            result => result,
        }
    };
    // Boxed, for the sake of every future that waits for it: a statement's own is large, and stands in it twice.
    let result = limited(operation, Box::pin(run)).await;
    lent.healthy = match &result {
        Ok(_) | Err(StoreError::Refused { .. } | StoreError::Contended { .. }) => true,
        // It can be read from, and whoever writes makes it anew.
        Err(StoreError::Unavailable { source, .. }) => is_read_only(source),
        Err(StoreError::Deadline { .. } | StoreError::Corrupt { .. }) => false,
    };
    result
}

/// Puts a new session into the place of this one. The pool's next connection would not do: it may be as old.
async fn make_anew(pool: &PgPool, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut new = pool.connect_options().connect().await?;
    pin_what_a_commit_waits_for(&mut new).await?;
    let old = std::mem::replace(connection, new);
    // It says goodbye, or else is cut off.
    let _ = tokio::time::timeout(GIVE_BACK_LIMIT, old.close()).await;
    Ok(())
}

/// An accepted confirm is on the disk, or it was not accepted. Roles, databases and the server's own settings may say less,
/// also later; they may say more: that a standby has replayed it.
async fn pin_what_a_commit_waits_for(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let pin = "select set_config('synchronous_commit', case current_setting('synchronous_commit')
                                                           when 'remote_apply' then 'remote_apply' else 'on' end, false)";
    let pinned = tokio::time::timeout(ACQUIRE_LIMIT, connection.execute(pin)).await;
    pinned.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(|_| ())
}

async fn acquire(pool: &PgPool) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    let mut wait = Wait { pool, over: false };
    let acquired = tokio::time::timeout(ACQUIRE_LIMIT, pool.acquire()).await;
    wait.over = acquired.is_ok();
    acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Who leaves before there is a connection takes a half-made one along. Where logins take longer than anybody waits, as when
/// a server comes back and all log in at once, everybody would begin again and nobody ever be let in. So one login goes on
/// by itself, for those who come later.
struct Wait<'a> {
    pool: &'a PgPool,
    over: bool,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (Some(login), Ok(runtime)) = (Login::begin(self.pool), tokio::runtime::Handle::try_current()) else {
            return;
        };
        // It ends within the limit, and holds nothing that stopping would wait for.
        runtime.spawn(async move {
            if let Err(error) = login.pool.acquire().await {
                tracing::debug!(%error, "a login that nobody waits for failed");
            }
        });
    }
}

/// A login that nobody waits for: one at a time for each pool, which is known by the address of its options.
struct Login {
    pool: PgPool,
    name: usize,
}

impl Login {
    fn begin(pool: &PgPool) -> Option<Self> {
        let name = Arc::as_ptr(&pool.connect_options()).addr();
        Self::under_way().insert(name).then(|| Self { pool: pool.clone(), name })
    }

    fn under_way() -> MutexGuard<'static, HashSet<usize>> {
        static UNDER_WAY: LazyLock<Mutex<HashSet<usize>>> = LazyLock::new(Mutex::default);
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        Self::under_way().remove(&self.name);
    }
}

/// A connection of the pool, given back only when its statement ended.
struct Lent {
    connection: PoolConnection<Postgres>,
    healthy: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.healthy {
            self.connection.close_on_drop();
            return;
        }
        // The pool asks a connection for a sign of life when it comes back, and would wait for that without end.
        let giving_back = tokio::time::timeout(GIVE_BACK_LIMIT, self.connection.return_to_pool());
        #[expect(clippy::disallowed_methods, reason = "as the pool itself does; it ends within the limit")]
        tokio::spawn(giving_back);
    }
}

/// The deadline by itself.
pub(crate) async fn limited<T>(
    operation: &'static str,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(STATEMENT_LIMIT, statement).await {
        Ok(result) => result.map_err(|source| StoreError::of(operation, source)),
        Err(_) => Err(StoreError::Deadline { operation }),
    }
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
            // Whoever asks waits for the answer, and a place in the pool with them: a row that is not free so soon is busy.
            Self::Api => &[("jit", "off"), ("lock_timeout", "500ms")],
            // The outbox is empty most of the time and statistics say so, yet the claim must stay an index scan on the
            // day it is not. One generic plan, and no way to choose a scan of the whole table.
            Self::Worker => &[
                ("jit", "off"),
                ("lock_timeout", "3s"),
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
        ("idle_in_transaction_session_timeout", "10s"),
        ("timezone", "UTC"),
        // What our statements are written for, whatever the role or the database says.
        ("default_transaction_isolation", "read committed"),
        // A caller that leaves closes its connection in the middle of a statement; the server notices while it waits.
        ("client_connection_check_interval", "1s"),
        // Notice within half a minute that the client's machine is gone, and give its locks back.
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(connections_max)
        .min_connections(connections_max / 2) // so many stay open when they idle; none is opened before it is needed
        .acquire_timeout(LOGIN_LIMIT) // nobody waits that long: see acquire
        .after_connect(|connection, _| Box::pin(pin_what_a_commit_waits_for(connection)))
        .test_before_acquire(false) // a round trip for every statement; see before_acquire
        .before_acquire(|connection, idle| {
            Box::pin(async move {
                if idle.idle_for > IDLE_TRUST {
                    let alive = tokio::time::timeout(ACQUIRE_LIMIT, connection.ping()).await;
                    alive.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options))
}

/// Whether the database can be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// It lacks a migration that this build knows.
    NotMigrated,
    /// It is a standby, or an operator made it read-only.
    ReadOnly,
}

impl Readiness {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotMigrated => "not migrated",
            Self::ReadOnly => "read-only",
        }
    }
}

/// Does the database answer, does it carry every migration this build knows, and may it be written to?
pub async fn readiness(pool: &PgPool) -> Result<Readiness, StoreError> {
    let newest = crate::MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default();
    let look = async |c: &mut PgConnection| {
        // Not a checked query: the migrator owns this table and makes it.
        let query = sqlx::query_as::<_, (bool, bool)>(
            "select exists (select from _sqlx_migrations where version = $1 and success),
                    pg_is_in_recovery() or current_setting('transaction_read_only')::boolean",
        );
        query.bind(newest).fetch_one(c).await
    };
    let read = within(pool, "read the schema version", async |c| match look(&mut *c).await? {
        (_, true) => {
            // That may be what this session was told when it began, and no new one is told any more.
            make_anew(pool, c).await?;
            look(c).await
        }
        seen => Ok(seen),
    });
    match read.await {
        Ok((_, true)) => Ok(Readiness::ReadOnly),
        Ok((true, false)) => Ok(Readiness::Ready),
        // Refused: there is no such table, for nothing was migrated yet.
        Ok((false, false)) | Err(StoreError::Refused { .. }) => Ok(Readiness::NotMigrated),
        Err(error) => Err(error),
    }
}
