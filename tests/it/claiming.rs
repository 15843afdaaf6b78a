//! The outbox by itself: who gets what, who may write, and how the database finds it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use shared::{
    order::OrderId,
    outbox::{
        self, Again, Approval, Attempt, CLAIM_MAX, Call, Claim, Class, Fence, Finding, How, LEASE, Lease, Lessee, Mark,
        Outcome, SendsAfter, Settled, Watermark, settle,
    },
};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::harness::{database::Database, shop::Shop, wait_for};

const HELD: Lease = Lease { lasts: LEASE, key_tag: 7 };
const CLAIM_SQL: &str = include_str!("../../shared/src/outbox/claim.sql");

/// Orders that wait for their confirm, due now, without going through the api.
pub(crate) async fn intents(database: &Database, count: i64) {
    database.execute("insert into customers (id, display_name) values (1, 'somebody') on conflict do nothing").await;
    database
        .execute(&format!(
            "with made as (
                 insert into orders (order_no, customer_id, name, amount, status, payment_count, expires_at)
                 select gen_random_uuid(), 1, 'Ogu T', 1000, 'IN_PROGRESS', 1, now() + interval '1 hour'
                 from generate_series(1, {count}) returning id),
             paid as (
                 insert into payments (order_id, payment_no, payment_key, amount, request)
                 select id, 1, 'key-' || id, 1000, '{{}}'::bytea from made)
             insert into outbox (order_id, kind, payment_no, due_at, lease_seq) select id, 1, 1, now(), 0 from made"
        ))
        .await;
}

pub(crate) async fn claim_one(pool: &PgPool, lessee: Lessee) -> Claim {
    let mut claimed = outbox::claim(pool, lessee, HELD, Class::Confirm, Watermark::LOWEST, 1).await.unwrap();
    claimed.claims.pop().expect("an intent is due")
}

pub(crate) fn approved(claim: Claim) -> Finding {
    let attempt = Attempt {
        id: Uuid::now_v7(),
        call: Call::Confirm,
        api_key_id: "test_sk:00000000".to_owned(),
        duration: Duration::from_millis(5),
        http_status: Some(200),
        code: Some("DONE".to_owned()),
        trace_id: None,
    };
    let approval = Approval {
        amount: claim.amount(),
        approved_at: time::UtcDateTime::UNIX_EPOCH.into(),
        balance: claim.amount(),
        method: None,
        receipt_url: None,
        deposited: false,
        replayed: false,
        answer: serde_json::json!({"by": claim.attempts()}),
    };
    Finding::Tried { claim, attempt, outcome: Outcome::Approved(Box::new(approval)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_claimers_of_two_workers_never_share_a_fence_and_never_get_more_than_they_asked_for() {
    const INTENTS: usize = 100_000;
    let database = Database::new().await;
    intents(&database, 100_000).await;
    let pools = [database.worker_pool(), database.worker_pool()];
    let seen: Arc<Mutex<(HashSet<Fence>, HashSet<OrderId>)>> = Arc::default();
    let mut claimers = JoinSet::new();
    for claimer in 0..16_usize {
        let (pool, seen) = (pools[claimer % 2].clone(), Arc::clone(&seen));
        let lessee = Lessee::new(i64::try_from(claimer % 2).unwrap());
        claimers.spawn(async move {
            let mut low = Watermark::LOWEST;
            let mut taken = 0;
            loop {
                let asked = rand::random_range(1..=CLAIM_MAX);
                let claimed = outbox::claim(&pool, lessee, HELD, Class::Confirm, low, asked).await.unwrap();
                assert!(claimed.len() <= usize::from(asked), "asked for {asked}, got {}", claimed.len());
                assert!(claimed.unreadable.is_empty());
                taken += claimed.len();
                let mut seen = seen.lock().unwrap();
                for claim in &claimed.claims {
                    assert!(seen.0.insert(claim.fence()), "{:?} was claimed twice", claim.fence());
                    seen.1.insert(claim.fence().order_id);
                }
                if seen.1.len() == INTENTS {
                    return taken;
                }
                drop(seen);
                // An empty answer looks everywhere next time: what others had locked may be free.
                low = claimed.low.unwrap_or(Watermark::LOWEST);
            }
        });
    }
    let taken: Vec<usize> = claimers.join_all().await;
    assert!(taken.iter().sum::<usize>() >= INTENTS);
    assert_eq!(seen.lock().unwrap().0.len(), taken.iter().sum::<usize>(), "a claim without a fence of its own");
}

#[tokio::test]
async fn the_claim_is_an_index_scan_without_a_sort_on_an_empty_and_on_a_large_table() {
    let database = Database::new().await;
    check_claim_plan(&database).await; // statistics say: never analysed
    database.execute("analyze").await;
    check_claim_plan(&database).await; // statistics say: empty
    database.execute("insert into customers (id, display_name) values (1, 'somebody')").await;
    // Filled behind the planner's back first: statistics still say that the table is empty.
    database.execute("alter table outbox set (autovacuum_enabled = off)").await;
    database
        .execute("insert into outbox (order_id, kind, payment_no, due_at, lease_seq) select n, 1, 1, now(), 0 from generate_series(1, 1000000) n")
        .await;
    check_claim_plan(&database).await;
    database.execute("analyze outbox").await;
    check_claim_plan(&database).await;
}

async fn check_claim_plan(database: &Database) {
    let mut connection = database.worker_pool().acquire().await.unwrap();
    let statement = CLAIM_SQL.trim_end();
    connection
        .execute(AssertSqlSafe(format!(
            "prepare c (bigint, double precision, timestamptz, bigint, integer, integer) as {statement}"
        )))
        .await
        .unwrap();
    let plan: Vec<String> =
        sqlx::query_scalar("explain execute c (1, 20, null, 500, 7, 1)").fetch_all(&mut *connection).await.unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Scan using outbox_queue on outbox"), "{plan}");
    assert!(plan.contains("Index Scan using outbox_pkey on outbox b"), "{plan}");
    assert!(plan.contains("Index Scan using orders_pkey"), "{plan}");
    assert!(plan.contains("Index Scan using payments_pkey"), "{plan}");
    assert!(!plan.contains("Sort") && !plan.contains("Seq Scan") && !plan.contains("Bitmap"), "{plan}");
}

#[tokio::test]
async fn what_commits_late_is_left_of_the_watermark_and_found_by_the_sweep() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    intents(&database, 1).await;
    let low = outbox::claim(&pool, Lessee::new(1), HELD, Class::Confirm, Watermark::LOWEST, 10)
        .await
        .unwrap()
        .low
        .expect("it took one");
    // Accepted a minute ago by a transaction that commits only now.
    intents(&database, 1).await;
    database.execute("update outbox set due_at = now() - interval '1 minute' where lease_seq = 0").await;
    let claimed = outbox::claim(&pool, Lessee::new(1), HELD, Class::Confirm, low, 10).await.unwrap();
    assert!(claimed.is_empty(), "the watermark did not hold the claim back: {claimed:?}");
    let swept = outbox::claim(&pool, Lessee::new(1), HELD, Class::Confirm, Watermark::LOWEST, 10).await.unwrap();
    assert_eq!(swept.len(), 1);
}

#[tokio::test]
async fn a_running_worker_finds_what_commits_late() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 1_000, 10).await;
    let late = shop.accepted(1_000, &[(product, 1)]).await;
    let mut open = shop.database.pool.begin().await.unwrap();
    // The accepting transaction is still open, and began a minute ago.
    let moved: i64 =
        sqlx::query_scalar("delete from outbox returning order_id").fetch_one(&shop.database.pool).await.unwrap();
    sqlx::query(
        "insert into outbox (order_id, kind, payment_no, due_at, lease_seq) values ($1, 1, 1, now() - interval '1 minute', 0)",
    )
    .bind(moved)
    .execute(&mut *open)
    .await
    .unwrap();
    shop.add_worker().await;
    let prompt = shop.accepted(1_000, &[(product, 1)]).await;
    shop.until(&prompt, "DONE").await;
    assert_eq!(shop.status(&late).await, "IN_PROGRESS");
    open.commit().await.unwrap();
    // A sweep comes at the latest after half a lease, and within a second or two when it is quick.
    wait_for("the sweep", outbox::LEASE / 2 + Duration::from_secs(2), async || {
        (shop.status(&late).await == "DONE").then_some(())
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_late_writer_leaves_nothing_but_its_stale_attempt() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    let (first, second) = (Lessee::new(1), Lessee::new(2));
    intents(&database, 1).await;
    let late = claim_one(&pool, first).await;
    database.execute("update outbox set lease_until = now() - interval '1 second'").await;
    let current = claim_one(&pool, second).await;
    assert_eq!(current.fence().order_id, late.fence().order_id);
    assert_eq!(current.attempts(), 2, "the claim that was lost is counted");
    let late = [approved(late)];

    // Between the other's claim and settle: only the fact is written.
    assert_eq!(settle(&pool, first, &late).await.unwrap(), [Settled::LeaseLost]);
    assert_eq!(database.number("select count(*) from orders where status = 'IN_PROGRESS'").await, 1);
    assert_eq!(settle(&pool, second, &[approved(current)]).await.unwrap(), [Settled::Moved]);
    // After it, and once more: nothing new at all.
    assert_eq!(settle(&pool, first, &late).await.unwrap(), [Settled::LeaseLost]);

    assert_eq!(database.number("select count(*) from orders where status = 'DONE'").await, 1);
    assert_eq!(database.number("select count(*) from outbox").await, 0);
    assert_eq!(database.number("select (answer->>'by')::bigint from payments").await, 2, "the proof is the holder's");
    assert_eq!(database.number("select count(*) from order_events where to_status = 'DONE'").await, 1);
    assert_eq!(database.number("select count(*) from attempts where stale").await, 1);
    assert_eq!(database.number("select count(*) from attempts where not stale").await, 1);
}

#[tokio::test]
async fn the_same_worker_cannot_settle_an_older_claim_of_its_own() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    let me = Lessee::new(1);
    intents(&database, 1).await;
    let older = claim_one(&pool, me).await;
    database.execute("update outbox set lease_until = now() - interval '1 second'").await;
    let newer = claim_one(&pool, me).await;
    assert_eq!(settle(&pool, me, &[approved(older)]).await.unwrap(), [Settled::LeaseLost]);
    assert_eq!(settle(&pool, me, &[approved(newer)]).await.unwrap(), [Settled::Moved]);
}

#[tokio::test]
async fn a_fence_means_one_claim_also_after_the_order_is_confirmed_a_second_time() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 1_000, 10).await;
    let order = shop.order(1_000, &[(product, 1)]).await;
    let pool = shop.database.worker_pool();
    let (me, other) = (Lessee::new(1), Lessee::new(2));
    shop.confirm(&order, "first-payment-key", 1_000).await;
    let late = claim_one(&pool, me).await;
    shop.database.execute("update outbox set lease_until = now() - interval '1 second'").await;
    settle(&pool, other, &[approved(claim_one(&pool, other).await)]).await.unwrap();
    // As if that payment had been declined: the shopper pays with another card.
    shop.database.execute("update orders set status = 'ABORTED'").await;
    shop.database.execute("update payments set status = 'ABORTED', answer = '{}'").await;
    assert_eq!(shop.confirm(&order, "second-payment-key", 1_000).await.status.as_u16(), 202);
    let second = claim_one(&pool, me).await;
    assert_ne!(second.fence(), late.fence());
    assert_eq!(settle(&pool, me, &[approved(late)]).await.unwrap(), [Settled::LeaseLost]);
    assert_eq!(shop.status(&order).await, "IN_PROGRESS", "the second payment is not decided by the first");
    shop.end_without_audit();
}

#[tokio::test]
async fn only_leases_that_are_still_held_are_renewed() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    let (me, other) = (Lessee::new(1), Lessee::new(2));
    intents(&database, 2).await;
    let (kept, lost) = (claim_one(&pool, me).await.fence(), claim_one(&pool, me).await.fence());
    database
        .execute(&format!(
            "update outbox set lease_until = now() - interval '1 second' where order_id = {}",
            lost.order_id.get()
        ))
        .await;
    assert_eq!(claim_one(&pool, other).await.fence().order_id, lost.order_id);
    assert_eq!(outbox::renew(&pool, me, LEASE, &[kept, lost]).await.unwrap(), [kept]);
    assert_eq!(outbox::renew(&pool, other, LEASE, &[kept, lost]).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_not_started_goes_back_as_it_was() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    intents(&database, 1).await;
    let due = database.number("select (extract(epoch from due_at) * 1000000)::bigint from outbox").await;
    let claim = claim_one(&pool, Lessee::new(1)).await;
    settle(&pool, Lessee::new(1), &[Finding::NotStarted { claim }]).await.unwrap();
    assert_eq!(database.number("select (extract(epoch from due_at) * 1000000)::bigint from outbox").await, due);
    assert_eq!(database.number("select count(*) from attempts").await, 0);
    assert_eq!(claim_one(&pool, Lessee::new(2)).await.attempts(), 1, "the first claim is not counted");
}

#[tokio::test]
async fn what_an_older_build_does_not_know_it_leaves_alone() {
    let database = Database::new().await;
    intents(&database, 2).await;
    database.execute("alter table outbox drop constraint outbox_kind_known").await;
    database.execute("update outbox set kind = 9 where order_id = (select min(order_id) from outbox)").await;
    let claimed = outbox::claim(&database.worker_pool(), Lessee::new(1), HELD, Class::Confirm, Watermark::LOWEST, 10)
        .await
        .unwrap();
    assert_eq!((claimed.claims.len(), claimed.unreadable.len()), (1, 0));
    assert_eq!(database.number("select attempts::bigint from outbox where kind = 9").await, 0);
}

#[tokio::test]
async fn a_finding_is_applied_once_however_often_it_is_settled() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    let me = Lessee::new(1);
    intents(&database, 1).await;
    let claim = claim_one(&pool, me).await;
    let fence = claim.fence();
    let Finding::Tried { claim, attempt, .. } = approved(claim) else { panic!("it was tried") };
    let sends = SendsAfter {
        epoch: 1,
        burnt: false,
        unanswered: Mark::Clear,
        server_error: Mark::Keep,
        absent: Mark::Keep,
        no_answer: Mark::Keep,
        sent_with: None,
        refusal: None,
    };
    let again = Again { how: How::NextEpoch, after: Duration::from_mins(1), sends, replanned: None };
    let finding = [Finding::Tried { claim, attempt, outcome: Outcome::Again(again) }];
    assert_eq!(settle(&pool, me, &finding).await.unwrap(), [Settled::Moved]);
    assert_eq!(settle(&pool, me, &finding).await.unwrap(), [Settled::LeaseLost], "the answer to the first was lost");
    assert_eq!(outbox::renew(&pool, me, LEASE, &[fence]).await.unwrap(), [], "a renewal on its way");
    assert_eq!(database.number("select key_epoch::bigint from payments").await, 1);
    assert_eq!(database.number("select count(*) from attempts").await, 1);
    assert_eq!(database.number("select count(*) from outbox where lease_until > now()").await, 0);
}

#[tokio::test]
async fn an_order_that_somebody_keeps_locked_is_busy_and_the_others_of_its_batch_are_settled() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    let me = Lessee::new(1);
    intents(&database, 2).await;
    let (kept, free) = (claim_one(&pool, me).await, claim_one(&pool, me).await);
    let kept_id = kept.fence().order_id.get();
    let batch = [approved(kept), approved(free)];
    let lock = async |rows: &str| {
        let mut somebody = database.pool.begin().await.unwrap();
        somebody.execute(AssertSqlSafe(format!("select from {rows} = {kept_id} for update"))).await.unwrap();
        somebody
    };
    let somebody = lock("orders where id").await;
    assert_eq!(settle(&pool, me, &batch).await.unwrap(), [Settled::Busy, Settled::Moved]);
    somebody.rollback().await.unwrap();
    let somebody = lock("outbox where order_id").await;
    assert_eq!(settle(&pool, me, &batch).await.unwrap(), [Settled::Busy, Settled::LeaseLost]);
    assert_eq!(database.number("select count(*) from attempts").await, 1, "of the busy one nothing is written");
    somebody.rollback().await.unwrap();
    assert_eq!(settle(&pool, me, &batch).await.unwrap(), [Settled::Moved, Settled::LeaseLost]);
    assert_eq!(database.number("select count(*) from orders where status = 'DONE'").await, 2);
    assert_eq!(database.number("select count(*) from attempts where not stale").await, 2);
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_told_and_holds_nobody_up() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    intents(&database, 3).await;
    database
        .execute("update payments set payment_key = 'a b' where order_id = (select min(order_id) from outbox)")
        .await;
    let claimed = outbox::claim(&pool, Lessee::new(1), HELD, Class::Confirm, Watermark::LOWEST, 10).await.unwrap();
    assert_eq!((claimed.claims.len(), claimed.unreadable.len()), (2, 1));
    assert!(claimed.unreadable[0].to_string().contains("payments.payment_key"));
}

#[tokio::test]
async fn claiming_adds_no_index_entry() {
    let database = Database::new().await;
    let pool = database.worker_pool();
    intents(&database, 2_000).await;
    for _ in 0..4 {
        let claimed =
            outbox::claim(&pool, Lessee::new(1), HELD, Class::Confirm, Watermark::LOWEST, CLAIM_MAX).await.unwrap();
        assert_eq!(claimed.len(), usize::from(CLAIM_MAX));
    }
    pool.close().await; // makes the sessions report their counts
    let hot = "select coalesce(sum(n_tup_hot_upd), 0)::bigint from pg_stat_user_tables where relname = 'outbox'";
    let all = "select coalesce(sum(n_tup_upd), 0)::bigint from pg_stat_user_tables where relname = 'outbox'";
    wait_for("the counts", Duration::from_secs(10), async || (database.number(all).await >= 2_000).then_some(())).await;
    let (hot, all) = (database.number(hot).await, database.number(all).await);
    assert!(hot * 10 >= all * 9, "{hot} of {all} updates were heap-only");
}
