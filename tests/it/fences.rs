//! What is reconciled is fenced too: a worker that lost its lease decides nothing about money already taken. And it is decided
//! by what stands there once the locks are held.

use std::time::Duration;

use shared::outbox::{Claim, Finding, Lessee, Outcome, Settled, reconcile};
use sqlx::{Executor, PgPool};

use crate::{
    claiming::{approved, claim_one, intents},
    harness::{database::Database, wait_for},
};

const DOUBTED_FOR: Duration = Duration::from_mins(1);

/// One intent, claimed by somebody who lost it to somebody else.
async fn lost(database: &Database, pool: &PgPool, first: Lessee, second: Lessee) -> Claim {
    let lost = claim_one(pool, first).await;
    database.execute("update outbox set lease_until = now() - interval '1 second'").await;
    let held = claim_one(pool, second).await.fence();
    assert_eq!(held.order_id, lost.fence().order_id);
    assert_ne!(held, lost.fence());
    lost
}

/// What was found is written down as stale; the order and its intent are as they were. A late approval is looked for again.
async fn check_lost(database: &Database, pool: &PgPool, lessee: Lessee, finding: &Finding) {
    let state = "select hashtextextended(concat(
        (select json_agg(o) from orders o), (select json_agg(to_jsonb(p) - 'check_at') from payments p), (select json_agg(b) from outbox b),
        (select json_agg(r) from cancels r), (select json_agg(e) from order_events e)), 0)";
    let before = database.number(state).await;
    assert_eq!(reconcile(pool, lessee, finding, DOUBTED_FOR).await.unwrap(), Settled::LeaseLost);
    assert_eq!(database.number(state).await, before, "something moved");
    assert_eq!(database.number("select count(*) from attempts where stale").await, 1);
}

#[tokio::test]
async fn a_late_approval_found_by_who_lost_its_lease_is_not_delivered() {
    // Lost to another worker, and lost to itself.
    for second in [Lessee::new(2), Lessee::new(1)] {
        let database = Database::new().await;
        let (pool, first) = (database.worker_pool(), Lessee::new(1));
        intents(&database, 1).await;
        database.execute("update orders set status = 'ABORTED'").await;
        database.execute("update payments set status = 'ABORTED', answer = '{}'").await;
        let lost = lost(&database, &pool, first, second).await;
        check_lost(&database, &pool, first, &approved(lost)).await;
    }
}

#[tokio::test]
async fn a_refund_found_by_who_lost_its_lease_is_not_written_down() {
    for second in [Lessee::new(2), Lessee::new(1)] {
        let database = Database::new().await;
        let (pool, first) = (database.worker_pool(), Lessee::new(1));
        intents(&database, 1).await;
        database.execute("update orders set status = 'ABORTED'").await;
        database
            .execute(
                "update payments set status = 'DONE', answer = '{}', approved_at = now(), balance = amount, check_at = null",
            )
            .await;
        database.execute("update outbox set kind = 2").await;
        database
            .execute(
                "insert into cancels (order_id, cancel_no, payment_no, mark, reason, amount, expected_balance, in_full, actor, request)
                 select order_id, 1, 1, gen_random_uuid(), 'late', 1000, 1000, true, 'worker', '{}'::bytea from payments",
            )
            .await;
        let lost = lost(&database, &pool, first, second).await;
        let Finding::Tried { claim, attempt, outcome: Outcome::Approved(mut approval) } = approved(lost) else {
            panic!("it was tried")
        };
        approval.balance = shared::money::Krw::new(0).unwrap();
        let returned = Finding::Tried { claim, attempt, outcome: Outcome::Returned(approval) };
        check_lost(&database, &pool, first, &returned).await;
    }
}

#[tokio::test]
async fn a_late_approval_is_delivered_from_a_piece_that_comes_back_while_it_waits() {
    let database = Database::new().await;
    let (pool, me) = (database.worker_pool(), Lessee::new(1));
    intents(&database, 1).await;
    database
        .execute(
            "insert into products (id, name, price, stock, received) values (1, 'Ogu T', 1000, 0, 1);
             insert into order_lines (order_id, product_id, position, product_name, unit_price, quantity)
                 select id, 1, 1, 'Ogu T', 1000, 1 from orders;
             update orders set status = 'ABORTED';
             update payments set status = 'ABORTED', answer = '{}'",
        )
        .await;
    let late = approved(claim_one(&pool, me).await);
    // Not committed yet when the statement begins.
    let mut putting_back = database.pool.begin().await.unwrap();
    putting_back.execute("update products set stock = 1").await.unwrap();
    let (settled, ()) = tokio::join!(reconcile(&pool, me, &late, DOUBTED_FOR), async {
        wait_for("the statement to wait for the product", Duration::from_secs(30), async || {
            let waiting = "select count(*) from pg_stat_activity
                where datname = current_database() and application_name = 'hanbeon-worker' and wait_event_type = 'Lock'";
            (database.number(waiting).await > 0).then_some(())
        })
        .await;
        putting_back.commit().await.unwrap();
    });
    assert_eq!(settled.unwrap(), Settled::Moved);
    assert_eq!(database.number("select count(*) from orders where status = 'DONE'").await, 1);
    assert_eq!(database.number("select stock from products").await, 0);
}
