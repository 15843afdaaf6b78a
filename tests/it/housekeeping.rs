//! What nobody asks for: unpaid orders end, lost intents are found, old calls are forgotten.

use std::time::Duration;

use futures_util::future::join_all;
use shared::{
    order::{self, expire_unpaid},
    outbox,
};

use crate::harness::{shop::Shop, wait_for};

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
    assert_eq!(shared::cancel::forget_requests(&pool, 10).await.unwrap(), 0);
    shop.database.execute("update api_requests set created_at = now() - interval '31 days'").await;
    assert_eq!(shared::cancel::forget_requests(&pool, 10).await.unwrap(), 1);
    assert_eq!(shop.database.number("select count(*) from cancels").await, 1, "the refund stays");
    shop.finish().await;
}
