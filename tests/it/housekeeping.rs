//! What nobody asks for: unpaid orders end, lost intents are found, old calls are forgotten.

use std::time::Duration;

use futures_util::future::join_all;
use shared::{
    cancel,
    order::{self, expire_unpaid},
    outbox, vitals, webhook,
};
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::{
    claiming::intents,
    harness::{database::Database, shop::Shop, wait_for},
};

const PRICE: i64 = 50_000;

#[tokio::test]
async fn an_order_that_nobody_pays_ends_and_can_never_be_charged() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    shop.database.execute("update orders set expires_at = now()").await;
    shop.until(&order, "EXPIRED").await;
    assert_eq!(shop.causes(&order).await, ["not_paid_in_time"]);
    let late = shop.confirm(&order, &key, PRICE).await;
    assert_eq!((late.status.as_u16(), late.code().as_str()), (409, "ORDER_EXPIRED"));
    assert_eq!(shop.requests(&order).await.len(), 0, "Toss was never asked to charge it");
    shop.finish().await;
}

#[tokio::test]
async fn who_pays_in_the_last_moment_is_accepted_or_refused_and_never_half() {
    const ORDERS: usize = 60;
    let shop = Shop::start(2).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        orders.push((order, key));
    }
    // They end one after another while their shoppers press the button.
    shop.database
        .execute("update orders set expires_at = now() + (id - (select min(id) from orders)) * interval '10 ms'")
        .await;
    let answers = join_all(orders.iter().map(|(order, key)| shop.confirm_patiently(order, key, PRICE))).await;
    let accepted = answers.iter().filter(|answer| answer.status.as_u16() == 202).count();
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 202 || answer.code() == "ORDER_EXPIRED"));
    wait_for("all to be decided", Duration::from_mins(1), async || {
        let open = "select count(*) from orders where status in ('READY', 'IN_PROGRESS')";
        (shop.database.number(open).await == 0).then_some(())
    })
    .await;
    let paid = shop.database.number("select count(*) from orders where status = 'DONE'").await;
    let expired = shop.database.number("select count(*) from orders where status = 'EXPIRED'").await;
    assert_eq!((usize::try_from(paid).unwrap(), usize::try_from(expired).unwrap()), (accepted, ORDERS - accepted));
    shop.finish().await;
}

#[tokio::test]
async fn an_intent_that_somebody_deleted_is_made_again_and_its_order_resolved() {
    const ORDERS: usize = 40;
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        orders.push(shop.accepted(PRICE, &[(product, 1)]).await);
    }
    let seed = rand::random::<u16>();
    println!("seed {seed}");
    shop.database.execute(&format!("delete from outbox where (order_id * 7919 + {seed}) % 3 = 0")).await;
    let left = shop.database.number("select count(*) from outbox").await;
    assert!(left < i64::try_from(ORDERS).unwrap(), "some were deleted");
    shop.add_worker().await;
    shop.add_worker().await;
    for order in &orders {
        shop.until(order, "DONE").await;
        assert_eq!(shop.approvals(order).await, 1);
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_new_intent_never_repeats_the_fence_of_the_lost_one() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    shop.accepted(PRICE, &[(product, 1)]).await;
    shop.database.execute("update outbox set lease_seq = 41").await;
    shop.database.execute("delete from outbox").await;
    let swept = outbox::sweep(&shop.database.worker_pool(), None, 10).await.unwrap();
    assert_eq!((swept.lost, swept.woken, swept.next), (1, 0, None));
    assert!(shop.database.number("select lease_seq::bigint from outbox").await > 41);
    let again = outbox::sweep(&shop.database.worker_pool(), None, 10).await.unwrap();
    assert_eq!(again.lost, 0);
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn a_walk_over_many_orders_goes_on_where_it_stopped() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    for _ in 0..5 {
        shop.accepted(PRICE, &[(product, 1)]).await;
    }
    shop.database.execute("delete from outbox").await;
    let pool = shop.database.worker_pool();
    let (mut after, mut found, mut steps) = (None, 0, 0);
    loop {
        let swept = outbox::sweep(&pool, after, 2).await.unwrap();
        found += swept.lost;
        steps += 1;
        after = swept.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found, steps), (5, 3));
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn only_old_calls_about_closed_orders_are_forgotten() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        let order = shop.accepted(PRICE, &[(product, 1)]).await;
        shop.until(&order, "DONE").await;
        orders.push(order);
    }
    let pool = shop.database.worker_pool();
    assert_eq!(order::forget_attempts(&pool, 400, 100).await.unwrap().attempts, 0, "nothing is old");
    let old =
        |order: &str| format!("update orders set created_at = now() - interval '401 days' where order_no = '{order}'");
    shop.database.execute(&old(&orders[0])).await;
    shop.database.execute(&old(&orders[1])).await;
    shop.database
        .execute(&format!(
            "update orders set status = 'REVIEW', review_holds_stock = true where order_no = '{}'",
            orders[1]
        ))
        .await;
    let forgotten = order::forget_attempts(&pool, 400, 100).await.unwrap();
    assert_eq!((forgotten.attempts, forgotten.more), (1, false), "what is in review keeps its calls");
    let next = order::forget_attempts(&pool, 400, 100).await.unwrap();
    assert_eq!((next.attempts, next.more), (0, false), "the walk ends");
    assert_eq!(shop.database.number("select count(*) from attempts").await, 2);
    assert_eq!(expire_unpaid(&pool, 10).await.unwrap(), 0);
    shop.end_without_audit();
}

#[tokio::test]
async fn forgetting_goes_on_where_it_stopped_and_reads_no_young_orders() {
    let shop = Shop::start(0).await;
    let pool = shop.database.worker_pool();
    let orders = "insert into orders (order_no, customer_id, name, amount, status, created_at, expires_at)
                  select gen_random_uuid(), (select min(id) from customers), 'x', 1000, 'EXPIRED', now() - make_interval(days => case when n <= 250 then 500 else 1 end),
                         now() from generate_series(1, 20000) n";
    shop.database.execute(orders).await;
    shop.database
        .execute(
            "insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms,
                                   outcome, stale)
             select id, gen_random_uuid(), 1, 'query', 0, 'k', 1, 1, 1, 'repeat', false from orders",
        )
        .await;
    let steps = [(100, true), (100, true), (50, false), (0, false), (0, false)];
    for (attempts, more) in steps {
        let step = order::forget_attempts(&pool, 400, 100).await.unwrap();
        assert_eq!((step.attempts, step.more), (attempts, more));
    }
    let sql = include_str!("../../shared/src/order/prune.sql").replace("$1", "400").replace("$2", "100::bigint");
    let sql = sql.replace(r#" as "forgotten!""#, "").replace(r#" as "more!""#, "");
    let lines: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("explain (analyze, buffers) {sql}")))
        .fetch_all(&pool)
        .await
        .unwrap();
    let hit = lines.iter().find_map(|line| line.trim().strip_prefix("Buffers: shared hit=")).unwrap();
    let hit: u64 = hit.split(' ').next().unwrap().parse().unwrap();
    assert!(hit < 500, "20,000 young orders stand behind the place:\n{}", lines.join("\n"));
    shop.end_without_audit();
}

#[tokio::test]
async fn a_step_that_fails_stops_no_other_step() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let late = shop.order(PRICE, &[(product, 1)]).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.database
        .execute(
            "update orders set expires_at = now() where status = 'READY';
             create function fail() returns trigger language plpgsql as $$ begin raise 'no' using errcode = '57014'; end $$;
             create trigger fail before update on orders for each row when (new.status = 'EXPIRED') execute function fail();
             delete from outbox",
        )
        .await;
    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    assert_eq!(shop.status(&late).await, "READY", "ending orders fails all the time");
    shop.database.execute("drop trigger fail on orders").await;
    shop.until(&late, "EXPIRED").await;
    shop.finish().await;
}

#[tokio::test]
async fn an_idempotency_key_is_remembered_for_a_month() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    let bearer = format!("Bearer {}", crate::harness::shop::SERVER_KEY);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "a-key")];
    let address = format!("/api/v1/orders/{order}/cancel");
    let body = serde_json::json!({"cancelReason": "r"});
    let accepted = shop.send(reqwest::Method::POST, &address, Some(body), &headers).await;
    assert_eq!(accepted.status.as_u16(), 202, "{}", accepted.text);
    shop.until(&order, "CANCELED").await;
    let pool = shop.database.worker_pool();
    assert_eq!(cancel::forget_requests(&pool, 10).await.unwrap(), 0);
    shop.database.execute("update api_requests set created_at = now() - interval '31 days'").await;
    assert_eq!(cancel::forget_requests(&pool, 10).await.unwrap(), 1);
    assert_eq!(shop.database.number("select count(*) from cancels").await, 1, "the refund stays");
    shop.finish().await;
}

/// What the server counts while a worker's session does this.
async fn counted(database: &Database, count: &str, work: impl AsyncFnOnce(&PgPool)) -> i64 {
    let before = database.number(count).await;
    let pool = database.worker_pool();
    work(&pool).await;
    pool.close().await;
    // A session reports what it has counted when it ends, at the latest.
    let sessions = "select count(*) from pg_stat_activity
                    where datname = current_database() and application_name = 'hanbeon-worker'";
    wait_for("the worker's session to end", Duration::from_secs(10), async || {
        (database.number(sessions).await == 0).then_some(())
    })
    .await;
    database.number(count).await - before
}

/// How many pages of tables and indexes it reads, in memory or not.
async fn pages_read(database: &Database, work: impl AsyncFnOnce(&PgPool)) -> i64 {
    let pages = "select sum(heap_blks_read + heap_blks_hit + coalesce(idx_blks_read + idx_blks_hit, 0))::bigint
                 from pg_statio_user_tables";
    counted(database, pages, work).await
}

/// Past orders up to this number, with all that belongs to them: paid for, or given back, or never paid; none is old.
async fn past_orders(database: &Database, from: i64, to: i64) {
    // In a session that ends, so that what it read is not counted later.
    pages_read(database, async |pool| {
        pool.execute(AssertSqlSafe(format!(
            "set statement_timeout = 0; set enable_seqscan = on; set enable_bitmapscan = on;
             insert into customers (id, display_name) values (1, 'somebody') on conflict do nothing;
             insert into orders (order_no, customer_id, name, amount, status, payment_count, expires_at)
                 select gen_random_uuid(), 1, 'Ogu T', 1000,
                        case when n % 10 = 0 then 'EXPIRED' when n % 10 = 1 then 'CANCELED' else 'DONE' end,
                        case when n % 10 = 0 then 0 else 1 end, now() - interval '1 hour'
                 from generate_series({from}, {to}) n;
             insert into payments (order_id, payment_no, payment_key, amount, request, status, answer, balance, approved_at)
                 select id, 1, 'key-' || id, 1000, '', status, '{{}}', 1000, now() from orders o
                 where payment_count = 1 and not exists (select from payments p where p.order_id = o.id);
             insert into attempts (order_id, id, payment_no, call, key_epoch, api_key_id, lease_owner, lease_seq, duration_ms,
                                   outcome, stale)
                 select order_id, gen_random_uuid(), 1, 'confirm', 0, 'k', 1, 1, 1, 'approved', false from payments p
                 where not exists (select from attempts a where a.order_id = p.order_id);
             insert into cancels (order_id, cancel_no, payment_no, mark, status, reason, amount, expected_balance, in_full,
                                  actor, request, answer)
                 select id, 1, 1, gen_random_uuid(), 'DONE', 'r', 1000, 1000, true, 'server', '', '{{}}' from orders o
                 where status = 'CANCELED' and not exists (select from cancels r where r.order_id = o.id);
             insert into api_requests (idempotency_key, fingerprint, order_id, cancel_no)
                 select 'key-' || order_id, '', order_id, 1 from cancels on conflict do nothing;
             insert into webhook_inbox (delivery, order_id, payment_no, state)
                 select gen_random_uuid(), order_id, 1, 'checked' from payments p
                 where not exists (select from webhook_inbox w where w.order_id = p.order_id);
             analyze"
        )))
        .await
        .unwrap();
    })
    .await;
}

/// What each periodic piece of work reads that finds nothing to do.
async fn pages_read_in_vain(database: &Database) -> Vec<(&'static str, i64)> {
    let sweep = async |pool: &PgPool| assert_eq!(outbox::sweep(pool, None, 1_000).await.unwrap().next, None);
    let forget = async |pool: &PgPool| {
        assert_eq!(order::forget_attempts(pool, 400, 1_000).await.unwrap().attempts, 0);
    };
    let refunds = async |pool: &PgPool| {
        vitals::undecided_refunds(pool, Duration::from_mins(1), 100).await.unwrap();
        vitals::bank_refunds(pool).await.unwrap();
    };
    vec![
        ("expire", pages_read(database, async |pool| assert_eq!(expire_unpaid(pool, 1_000).await.unwrap(), 0)).await),
        ("sweep", pages_read(database, sweep).await),
        ("forget attempts", pages_read(database, forget).await),
        (
            "forget requests",
            pages_read(database, async |pool| {
                assert_eq!(cancel::forget_requests(pool, 1_000).await.unwrap(), 0);
            })
            .await,
        ),
        (
            "forget webhooks",
            pages_read(database, async |pool| {
                assert_eq!(webhook::forget(pool, 90, 1_000).await.unwrap(), 0);
            })
            .await,
        ),
        (
            "webhooks that wait",
            pages_read(database, async |pool| {
                webhook::look_again(pool, None, 1_000).await.unwrap();
            })
            .await,
        ),
        ("reviews", pages_read(database, async |pool| assert!(vitals::reviews(pool).await.unwrap().is_empty())).await),
        (
            "backlog",
            pages_read(database, async |pool| {
                vitals::backlog(pool).await.unwrap();
            })
            .await,
        ),
        ("refunds", pages_read(database, refunds).await),
        (
            "hints",
            pages_read(database, async |pool| {
                vitals::hints(pool).await.unwrap();
            })
            .await,
        ),
    ]
}

#[tokio::test]
async fn looking_for_work_costs_the_same_among_two_thousand_past_orders_and_two_hundred_thousand() {
    let database = Database::new().await;
    for table in ["orders", "payments", "attempts", "cancels", "api_requests", "webhook_inbox", "outbox"] {
        database.execute(&format!("alter table {table} set (autovacuum_enabled = off)")).await; // it reads pages too
    }
    past_orders(&database, 1, 2_000).await;
    let few = pages_read_in_vain(&database).await;
    past_orders(&database, 2_001, 200_000).await;
    let many = pages_read_in_vain(&database).await;
    println!("{few:?}\n{many:?}");
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        // An index of more levels costs a few pages more.
        assert!(*many <= few + 20, "{name} reads {few} pages among few orders, and {many} among many");
    }
}

#[tokio::test]
async fn a_page_of_the_sweep_looks_only_at_its_own_orders_whatever_the_statistics_say() {
    let database = Database::new().await;
    for table in ["orders", "outbox", "attempts"] {
        database.execute(&format!("alter table {table} set (autovacuum_enabled = off)")).await;
    }
    past_orders(&database, 1, 20_000).await; // nothing is being confirmed, statistics say, and then Toss goes away
    pages_read(&database, async |pool| {
        intents(&Database { url: database.url.clone(), pool: pool.clone() }, 10_000).await;
    })
    .await;
    let fetched = "select idx_tup_fetch from pg_stat_user_tables where relname = 'orders'";
    let rows = counted(&database, fetched, async |pool| {
        let swept = outbox::sweep(pool, None, 100).await.unwrap();
        assert!(swept.lost == 0 && swept.next.is_some());
    });
    let rows = rows.await;
    assert!(rows < 1_000, "{rows} rows for 100 orders of 10,000");
}

#[tokio::test]
async fn what_is_looked_for_is_cleaned_up_after_a_number_of_changes_and_not_after_a_share_of_the_table() {
    let database = Database::new().await;
    let by_number = "select count(*) from pg_class
        where relname in ('outbox', 'orders', 'payments', 'cancels', 'webhook_inbox', 'api_requests')
          and relkind = 'r' and 'autovacuum_vacuum_scale_factor=0' = any(reloptions)";
    assert_eq!(database.number(by_number).await, 6);
}
