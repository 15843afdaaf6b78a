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

/// The classes of intents, on a queue that is in use: the rule for new migrations, tried on the ones that came last.
#[tokio::test]
async fn an_index_that_could_not_be_made_is_made_anew_and_nobody_waits_for_it() {
    let database = Database::new().await;
    database
        .execute(
            "drop index outbox_queue, payments_lookups, payments_deposits;
             alter table outbox drop column class;
             create index outbox_due on outbox (due_at, order_id);
             create index payments_to_check on payments (check_at) where check_at is not null;
             delete from _sqlx_migrations where version between 20261129000001 and 20261129000005;
             insert into outbox (order_id, kind, payment_no, due_at, lease_seq)
             select n, 1 + n % 3, 1, now(), 0 from generate_series(1, 300) n",
        )
        .await;
    // An index that is made concurrently waits for every transaction that may still read rows it does not hold.
    let mut session = database.pool.begin().await.unwrap();
    session.execute("set transaction isolation level repeatable read; select count(*) from orders").await.unwrap();
    let url = database.url.clone().into();
    let migrating = migrate(&url);
    let working = async {
        let broken = "select count(*) from pg_index where not indisvalid";
        wait_for("an index that is left half made", Duration::from_secs(30), async || {
            let given_up = "select count(*) from pg_stat_activity where datname = current_database()
                            and application_name = 'hanbeon-migrate'";
            let is_left = database.number(broken).await == 1 && database.number(given_up).await == 0;
            is_left.then_some(())
        })
        .await;
        let written = "update outbox set attempts = attempts + 1 where order_id = 1 and attempts = 0";
        database.execute(&format!("set statement_timeout = '1s'; {written}; reset statement_timeout")).await;
        session.commit().await.unwrap();
    };
    let (migrated, ()) = tokio::join!(migrating, working);
    assert_eq!(migrated.unwrap(), Migrated::UpToDate);
    for (what, sql, expected) in [
        ("a broken index", "select count(*) from pg_index where not indisvalid", 0),
        (
            "the indexes",
            "select count(*) from pg_class where relname in ('outbox_queue', 'payments_lookups', 'payments_deposits')",
            3,
        ),
        ("the former ones", "select count(*) from pg_class where relname in ('outbox_due', 'payments_to_check')", 0),
        ("confirms", "select count(*) from outbox where kind = 1 and class = 2", 100),
        ("refunds", "select count(*) from outbox where kind = 2 and class = 4", 100),
        ("lookups", "select count(*) from outbox where kind = 3 and class = 6", 100),
    ] {
        assert_eq!(database.number(sql).await, expected, "{what}");
    }
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
