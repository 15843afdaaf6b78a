//! Bringing the schema up to date, under load and from several places at once.
//!
//! A rule for new migrations: what reads or rewrites a whole table locks nothing while it does. Constraints are added `not
//! valid` and validated by the next file; indexes are made `concurrently`, in a file of their own that begins with
//! `-- no-transaction`.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

/// How long a migration waits for a table's lock. Whatever comes after it to that table waits behind it.
const LOCK_TIMEOUT: &str = "2s";
/// Between two tries for the lock the table belongs to others.
const PAUSE: Duration = Duration::from_secs(3);
/// So often a lock is tried for: for a bit more than five minutes.
const TRIES_MAX: u16 = 60;

/// What there was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrated {
    UpToDate,
    /// A newer build has been here. Its schema serves this one too, so an older build may be started again.
    NewerThanThisBuild,
}

/// Applies the migrations that the database lacks. Safe to run from several places at once: the migrator takes a lock.
///
/// # Errors
/// When the database cannot be reached, a migration fails or was changed after it was applied, or a table stays locked for five
/// minutes. Migrations that were applied before that stay applied.
pub async fn migrate(url: &SecretString) -> Result<Migrated, MigrateError> {
    let options: PgConnectOptions = url.expose_secret().parse()?;
    let options = options.application_name("hanbeon-migrate").options([("lock_timeout", LOCK_TIMEOUT)]);
    let mut migrator = Migrator::with_migrations(crate::MIGRATOR.iter().cloned().collect());
    migrator.set_ignore_missing(true);
    let mut tries = 1;
    loop {
        let mut connection = PgConnection::connect_with(&options).await?;
        let applied = async {
            drop_broken_indexes(&mut connection).await?;
            migrator.run(&mut connection).await
        };
        match applied.await {
            Ok(()) => {
                let newest: Option<i64> =
                    sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(&mut connection).await?;
                connection.close().await?;
                let is_newer = newest > crate::MIGRATOR.iter().map(|migration| migration.version).max();
                return Ok(if is_newer { Migrated::NewerThanThisBuild } else { Migrated::UpToDate });
            }
            Err(error) if is_locked_out(&error) && tries < TRIES_MAX => {
                tracing::warn!(error = crate::telemetry::chain(&error), tries, "a table is locked; trying again");
                tries += 1;
            }
            Err(error) => return Err(error),
        }
        drop(connection);
        tokio::time::sleep(PAUSE).await;
    }
}

/// An index that was being made `concurrently` when its migration gave up stands there, is never used, and keeps the next try
/// from making it.
async fn drop_broken_indexes(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let broken: Vec<String> = sqlx::query_scalar(
        "select indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indexrelid
         where not i.indisvalid and c.relnamespace = current_schema()::regnamespace
           -- Another one that migrates may be making it this moment.
           and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)",
    )
    .fetch_all(&mut *connection)
    .await?;
    for index in broken {
        tracing::warn!(index, "an index was left half made; it is made anew");
        sqlx::query(AssertSqlSafe(format!("drop index if exists {index}"))).execute(&mut *connection).await?;
    }
    Ok(())
}

fn is_locked_out(error: &MigrateError) -> bool {
    let (MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) = error else { return false };
    crate::db::sql_state(source) == Some("55P03")
}
