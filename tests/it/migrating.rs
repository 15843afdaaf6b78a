//! Bringing the schema up to date while others work, and with a build that is older than the schema.

use std::time::Duration;

use shared::schema::{Migrated, migrate};
use sqlx::Executor;

use crate::harness::{database::Database, wait_for};

#[tokio::test]
async fn a_migration_that_finds_its_table_locked_gives_way_and_comes_back() {
    let database = Database::new().await;
    // As it was before the last migration.
    database
        .execute(
            "drop table walks;
             alter table orders reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
             alter table payments reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
             delete from _sqlx_migrations where version = 20261128000002",
        )
        .await;
    let mut session = database.pool.begin().await.unwrap();
    session.execute("lock table orders in access exclusive mode").await.unwrap();
    let url = database.url.clone().into();
    let migrating = migrate(&url);
    let giving_way = async {
        let waits = "select count(*) from pg_stat_activity where datname = current_database()
                     and application_name = 'hanbeon-migrate' and wait_event_type = 'Lock'";
        for (what, expected) in [("the migration to wait", 1), ("it to give way", 0), ("it to come back", 1)] {
            wait_for(what, Duration::from_secs(20), async || (database.number(waits).await == expected).then_some(()))
                .await;
        }
        session.rollback().await.unwrap();
    };
    let (migrated, ()) = tokio::join!(migrating, giving_way);
    assert_eq!(migrated.unwrap(), Migrated::UpToDate);
    assert_eq!(database.number("select count(*) from walks").await, 1);
}

#[tokio::test]
async fn a_schema_of_a_newer_build_is_left_alone() {
    let database = Database::new().await;
    assert_eq!(migrate(&database.url.clone().into()).await.unwrap(), Migrated::UpToDate);
    database
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (20990101000001, 'of a newer build', true, '', 0)",
        )
        .await;
    let before = database.number("select count(*) from _sqlx_migrations").await;
    assert_eq!(migrate(&database.url.clone().into()).await.unwrap(), Migrated::NewerThanThisBuild);
    assert_eq!(database.number("select count(*) from _sqlx_migrations").await, before);
}
