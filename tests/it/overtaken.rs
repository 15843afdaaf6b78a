//! An intent changes after a claim has begun and before it has the intent. A locked row is the newest there is, and all that is
//! read with it is older: such an intent is handed back, and the next claim reads all of it.

use std::time::Duration;

use shared::outbox::{self, Claimed, Class, Finding, LEASE, Lease, Lessee, Settled, Watermark, settle};
use sqlx::{Executor, PgPool};

use crate::{
    claiming::{claim_one, intents},
    harness::{database::Database, wait_for},
};

const ME: i64 = 1;
const HELD: Lease = Lease { lasts: LEASE, key_tag: 7 };

async fn claim(pool: &PgPool) -> Claimed {
    outbox::claim(pool, Lessee::new(ME), HELD, Class::Confirm, Watermark::LOWEST, 10).await.unwrap()
}

async fn run_out(database: &Database) {
    database.execute("update outbox set lease_until = now() - interval '1 second'").await;
}

/// Two intents are due. A claim of both has begun and has the first one, when this happens to the second.
async fn claim_while(database: &Database, happens: impl AsyncFnOnce()) -> Claimed {
    database
        .execute(
            "update outbox set due_at = now() - interval '1 minute' where order_id = (select min(order_id) from outbox);
             create function wait_here() returns trigger language plpgsql as
                 $$ begin perform pg_advisory_xact_lock(1); return new; end $$;
             create trigger wait_here before update on outbox for each row
                 when (new.lease_owner = 1 and new.due_at < now() - interval '30 seconds') execute function wait_here()",
        )
        .await;
    let pool = database.worker_pool();
    let mut gate = database.pool.acquire().await.unwrap();
    gate.execute("select pg_advisory_lock(1)").await.unwrap();
    let (claimed, ()) = tokio::join!(claim(&pool), async {
        wait_for("the claim to have the first one", Duration::from_secs(10), async || {
            let waiting = "select count(*) from pg_stat_activity
                where datname = current_database() and application_name = 'hanbeon-worker' and wait_event = 'advisory'";
            (database.number(waiting).await == 1).then_some(())
        })
        .await;
        happens().await;
        gate.execute("select pg_advisory_unlock(1)").await.unwrap();
    });
    database.execute("drop trigger wait_here on outbox").await;
    assert_eq!((claimed.claims.len(), claimed.unreadable.len(), claimed.handed_back), (1, 0, 1), "{claimed:?}");
    claimed
}

/// Two intents, of which only the second is due before [`claim_while`].
async fn two_intents(database: &Database) {
    intents(database, 2).await;
    database
        .execute(
            "update outbox set due_at = now() + interval '1 hour' where order_id = (select min(order_id) from outbox)",
        )
        .await;
}

/// What the claim did to the second intent.
async fn second(database: &Database, column: &str) -> i64 {
    database.number(&format!("select {column}::bigint from outbox order by order_id desc limit 1")).await
}

#[tokio::test]
async fn what_a_frozen_worker_writes_back_meanwhile_is_not_missed() {
    let database = Database::new().await;
    let (pool, frozen) = (database.worker_pool(), Lessee::new(9));
    two_intents(&database).await;
    claim_one(&pool, Lessee::new(8)).await; // and it died
    run_out(&database).await;
    let claim_of_frozen = claim_one(&pool, frozen).await;
    run_out(&database).await;
    claim_while(&database, async || {
        let written_back = settle(&pool, frozen, &[Finding::NotStarted { claim: claim_of_frozen }]).await.unwrap();
        assert_eq!(written_back, [Settled::Moved]);
    })
    .await;
    assert_eq!((second(&database, "lease_owner").await, second(&database, "attempts").await), (0, 1));
    let next = claim(&pool).await;
    assert_eq!((next.claims.len(), next.handed_back), (1, 0), "it is due at once: {next:?}");
    assert!(next.claims[0].sends().unanswered.is_some(), "who died may have sent it: {next:?}");
}

#[tokio::test]
async fn a_payment_that_came_meanwhile_rests_for_no_lease() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    two_intents(&database).await;
    claim_while(&database, async || {
        database
            .execute(
                "update payments set status = 'ABORTED', answer = '{}' where order_id = (select max(id) from orders);
                 insert into payments (order_id, payment_no, payment_key, amount, request)
                     select max(id), 2, 'another-key', 1000, '{}'::bytea from orders;
                 update orders set payment_count = 2 where id = (select max(id) from orders);
                 update outbox set payment_no = 2, lease_seq = lease_seq + 1
                     where order_id = (select max(order_id) from outbox)",
            )
            .await;
    })
    .await;
    let next = claim(&pool).await;
    assert_eq!((next.claims.len(), next.handed_back), (1, 0), "it is due at once: {next:?}");
    assert_eq!((next.claims[0].payment_key().expose(), next.claims[0].attempts()), ("another-key", 1));
    assert!(!next.claims[0].was_abandoned());
}

#[tokio::test]
async fn who_died_over_an_intent_stays_named_when_it_is_handed_back() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    two_intents(&database).await;
    claim_one(&pool, Lessee::new(8)).await; // and it died
    run_out(&database).await;
    claim_while(&database, async || {
        database.execute("update outbox set snoozes = 1 where lease_owner = 8").await; // an operator's hand
    })
    .await;
    let next = claim(&pool).await;
    assert!(next.claims.len() == 1 && next.claims[0].was_abandoned(), "{next:?}");
}
