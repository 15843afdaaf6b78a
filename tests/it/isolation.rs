//! A row that another session keeps locked delays what is about that row, and nothing else.

use std::time::Duration;

use devstack::part::Part;
use futures_util::future::join_all;
use reqwest::StatusCode;
use shared::{
    db::{Role, pool},
    order::ProductId,
};
use sqlx::{AssertSqlSafe, Executor, Postgres, Transaction};

use crate::harness::{
    database,
    shop::{Shop, answered},
    wait_for,
};

const PRICE: i64 = 50_000;

/// A session that has nothing to do with us, and keeps what this statement locks.
async fn keep(shop: &Shop, sql: &str) -> Transaction<'static, Postgres> {
    let mut session = shop.database.pool.begin().await.unwrap();
    session.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
    session
}

async fn keep_product(shop: &Shop, product: ProductId) -> Transaction<'static, Postgres> {
    keep(shop, &format!("select from products where id = {} for update", product.0)).await
}

/// An order whose confirm was accepted and that Toss will decline.
async fn declined(shop: &Shop, lines: &[(ProductId, i32)], amount: i64) -> String {
    let order = shop.order(amount, lines).await;
    let key = shop.authenticate_declined(&order, amount, "REJECT_CARD_PAYMENT").await;
    assert_eq!(shop.confirm(&order, &key, amount).await.status, StatusCode::ACCEPTED);
    order
}

/// Waits for less than the time for which a statement of the worker waits for a lock, twice.
async fn soon(shop: &Shop, order: &str, status: &str) {
    wait_for(&format!("order {order} to be {status}"), Duration::from_secs(6), async || {
        (shop.status(order).await == status).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_locked_product_delays_the_settling_of_what_gives_it_back_and_nothing_else() {
    let shop = Shop::start(1).await;
    let locked = shop.product("Locked", PRICE, 100).await;
    let other = shop.product("Other", PRICE, 100).await;
    let third = shop.product("Third", PRICE, 100).await;
    shop.control("latency", serde_json::json!({"fixedMs": 1_500, "effect": "after"})).await;
    let mut waiting = Vec::new();
    for _ in 0..8 {
        waiting.push(declined(&shop, &[(locked, 1)], PRICE).await);
    }
    // A cart gives back what is free and what is locked together, or nothing.
    waiting.push(declined(&shop, &[(locked, 1), (third, 1)], PRICE * 2).await);
    let session = keep_product(&shop, locked).await;
    let back = declined(&shop, &[(other, 1)], PRICE).await;
    let paid = shop.accepted(PRICE, &[(other, 1)]).await;
    let late = shop.accepted(PRICE, &[(third, 1)]).await;
    soon(&shop, &paid, "DONE").await;
    soon(&shop, &late, "DONE").await;
    soon(&shop, &back, "ABORTED").await;
    assert_eq!(shop.stock(other).await, 99, "one was sold, one came back");
    // What is accepted, and refunded, while the others wait.
    shop.control("latency", serde_json::json!({"fixedMs": 0})).await;
    let next = shop.accepted(PRICE, &[(third, 1)]).await;
    soon(&shop, &next, "DONE").await;
    for order in &waiting {
        assert_eq!(shop.status(order).await, "IN_PROGRESS", "its piece cannot come back yet");
    }
    session.rollback().await.unwrap();
    for order in &waiting {
        shop.until(order, "ABORTED").await;
        assert_eq!(shop.requests(order).await.len(), 1, "what was found was kept, not asked for again");
    }
    assert_eq!((shop.stock(locked).await, shop.stock(third).await), (100, 98));
    shop.finish().await;
}

#[tokio::test]
async fn whichever_row_of_an_order_is_locked_the_other_orders_are_settled() {
    for row in [
        "select from orders where order_no = '{order}' for update",
        "select from payments where order_id = (select id from orders where order_no = '{order}') for update",
        "select from outbox where order_id = (select id from orders where order_no = '{order}') for update",
    ] {
        let shop = Shop::start(1).await;
        let product = shop.product("Ogu T", PRICE, 100).await;
        shop.control("latency", serde_json::json!({"fixedMs": 1_000})).await;
        let locked = shop.accepted(PRICE, &[(product, 1)]).await;
        wait_for("Toss to be asked", Duration::from_secs(10), async || {
            (shop.requests(&locked).await.len() == 1).then_some(())
        })
        .await;
        let session = keep(&shop, &row.replace("{order}", &locked)).await;
        let lines = [(product, 1)];
        let paid = join_all((0..6).map(|_| shop.accepted(PRICE, &lines))).await;
        let failed = declined(&shop, &[(product, 1)], PRICE).await;
        for order in &paid {
            soon(&shop, order, "DONE").await;
        }
        soon(&shop, &failed, "ABORTED").await;
        assert_eq!(shop.status(&locked).await, "IN_PROGRESS", "{row}");
        session.rollback().await.unwrap();
        shop.until(&locked, "DONE").await;
        assert_eq!(shop.approvals(&locked).await, 1, "{row}");
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_refund_of_a_locked_product_delays_no_other_refund() {
    let shop = Shop::start(1).await;
    let locked = shop.product("Locked", PRICE, 100).await;
    let other = shop.product("Other", PRICE, 100).await;
    let mut waiting = Vec::new();
    for _ in 0..10 {
        waiting.push(shop.accepted(PRICE, &[(locked, 1)]).await);
    }
    let free = shop.accepted(PRICE, &[(other, 1)]).await;
    for order in waiting.iter().chain([&free]) {
        shop.until(order, "DONE").await;
    }
    let session = keep_product(&shop, locked).await;
    for order in waiting.iter().chain([&free]) {
        let answer = shop.refund(order, order, serde_json::json!({"cancelReason": "changed my mind"})).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    }
    soon(&shop, &free, "CANCELED").await;
    for order in &waiting {
        assert_eq!(shop.status(order).await, "DONE");
    }
    session.rollback().await.unwrap();
    for order in &waiting {
        shop.until(order, "CANCELED").await;
    }
    shop.finish().await;
}

/// Twelve confirms a second of one product wait for its row in vain; more would come than the api has connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_product_is_refused_for_a_moment_and_everything_else_is_served() {
    const RUSH: usize = 72;
    let shop = Shop::start(1).await;
    let locked = shop.product("Locked", PRICE, 1_000).await;
    let other = shop.product("Other", PRICE, 1_000).await;
    let mut rush = Vec::new();
    for _ in 0..RUSH {
        let order = shop.order(PRICE, &[(locked, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        rush.push((order, key));
    }
    let session = keep_product(&shop, locked).await;
    let confirms = join_all(rush.iter().zip(0_u32..).map(async |((order, key), number)| {
        tokio::time::sleep(Duration::from_secs(1) / 12 * number).await; // the load, not a wait for anything
        let answer = shop.confirm(order, key, PRICE).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
        assert!(!answer.header("retry-after").is_empty());
    }));
    let others = async {
        let mut twice_a_second = tokio::time::interval(Duration::from_millis(500));
        for _ in 0..12 {
            twice_a_second.tick().await;
            let order = shop.order(PRICE, &[(other, 1)]).await;
            let key = shop.authenticate(&order, PRICE).await;
            let accepted = shop.confirm(&order, &key, PRICE).await;
            assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text);
            for path in [format!("/order/{order}"), format!("/api/v1/orders/{order}"), "/readyz".to_owned()] {
                let answer = shop.get(&path).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
            }
            shop.until(&order, "DONE").await;
        }
    };
    tokio::join!(confirms, others);
    session.rollback().await.unwrap();
    for (order, key) in &rush[..3] {
        assert_eq!(shop.confirm(order, key, PRICE).await.status, StatusCode::ACCEPTED);
        shop.until(order, "DONE").await;
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_cart_that_waits_for_one_product_keeps_no_other_from_its_buyers() {
    let shop = Shop::start(1).await;
    let first = shop.product("First", PRICE, 100).await;
    let locked = shop.product("Locked", PRICE, 100).await;
    let cart = shop.order(PRICE * 2, &[(first, 1), (locked, 1)]).await;
    let key = shop.authenticate(&cart, PRICE * 2).await;
    let session = keep_product(&shop, locked).await;
    let look =
        format!("select count(*) from (select from products where id = {} for update skip locked) free", first.0);
    let waits = "select count(*) from pg_stat_activity
                 where datname = current_database() and application_name = 'hanbeon-api' and wait_event_type = 'Lock'";
    let confirm = shop.confirm(&cart, &key, PRICE * 2);
    let free_meanwhile = async {
        wait_for("the cart to wait", Duration::from_secs(5), async || {
            (shop.database.number(waits).await > 0).then_some(())
        })
        .await;
        shop.database.number(&look).await
    };
    let (answer, free) = tokio::join!(confirm, free_meanwhile);
    assert_eq!(free, 1, "the first product is nobody's while the cart waits for the other");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    session.rollback().await.unwrap();
    assert_eq!(shop.confirm(&cart, &key, PRICE * 2).await.status, StatusCode::ACCEPTED);
    shop.until(&cart, "DONE").await;
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carts_that_want_the_same_products_all_get_their_turn() {
    let shop = Shop::start(1).await;
    let products = [shop.product("A", PRICE, 40).await, shop.product("B", PRICE, 40).await];
    let mut orders = Vec::new();
    for _ in 0..40 {
        let order = shop.order(PRICE * 2, &[(products[0], 1), (products[1], 1)]).await;
        let key = shop.authenticate(&order, PRICE * 2).await;
        orders.push((order, key));
    }
    let answers = join_all(orders.iter().map(|(order, key)| shop.confirm(order, key, PRICE * 2))).await;
    for answer in answers {
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    }
    shop.until_outbox_is_empty().await;
    assert_eq!((shop.stock(products[0]).await, shop.stock(products[1]).await), (0, 0));
    shop.finish().await;
}

#[tokio::test]
async fn what_is_sold_out_is_refused_without_waiting_for_its_row() {
    let shop = Shop::start(0).await;
    let product = shop.product("Gone", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    shop.database.execute("update products set stock = 0, received = 0").await;
    let session = keep_product(&shop, product).await;
    let answer = shop.confirm(&order, &key, PRICE).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "OUT_OF_STOCK"), "{}", answer.text);
    session.rollback().await.unwrap();
    shop.finish().await;
}

#[tokio::test]
async fn a_read_only_database_is_not_ready_at_once_and_heals_at_once() {
    let (server, database) = database::own_server().await;
    let mut shop = Shop::on(database, 1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    let parts = [shop.api.url(), shop.workers[0].url()];
    let all = async |status: u16| {
        for part in &parts {
            let answer = answered(shop.http.get(format!("{part}/readyz"))).await;
            if answer.status.as_u16() != status || status == 503 && !answer.text.contains("read-only") {
                return None;
            }
        }
        Some(())
    };
    all(200).await.unwrap();
    shop.database.execute("alter system set default_transaction_read_only = on").await;
    shop.database.execute("select pg_reload_conf()").await;
    wait_for("both to say read-only", Duration::from_secs(10), async || all(503).await).await;
    let refused = shop.confirm(&order, &key, PRICE).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"));
    assert_eq!(shop.get(&format!("/api/v1/orders/{order}")).await.status, StatusCode::OK, "it can be read");
    let mut writer = shop.database.pool.acquire().await.unwrap();
    writer.execute("set default_transaction_read_only = off").await.unwrap();
    writer.execute("alter system reset default_transaction_read_only").await.unwrap();
    writer.execute("select pg_reload_conf()").await.unwrap();
    drop(writer);
    wait_for("both to be ready", Duration::from_secs(10), async || all(200).await).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status, StatusCode::ACCEPTED);
    shop.until(&order, "DONE").await;
    shop.stop_workers().await;
    shop.finish().await;
    server.stop().await.unwrap();
}

/// What a role or a database is told by its owner does not change what our statements rest on.
#[tokio::test]
async fn sessions_have_our_settings_whatever_the_database_says() {
    let shop = Shop::start(0).await;
    let name = "select current_database()";
    let name: String = sqlx::query_scalar(name).fetch_one(&shop.database.pool).await.unwrap();
    for other in [
        "default_transaction_isolation = 'repeatable read'",
        "client_connection_check_interval = 0",
        "statement_timeout = 0",
        "lock_timeout = 0",
        "idle_in_transaction_session_timeout = 0",
        "timezone = 'Asia/Seoul'",
        "plan_cache_mode = 'force_custom_plan'",
        "jit = on",
    ] {
        for whose in ["database", "role current_user in database"] {
            shop.database.execute(&format!("alter {whose} \"{name}\" set {other}")).await;
        }
    }
    let expected = [
        (Role::Api, "read committed/1s/4500ms/500ms/10s/UTC/force_custom_plan/off"),
        (Role::Worker, "read committed/1s/4500ms/3s/10s/UTC/force_generic_plan/off"),
    ];
    for (role, settings) in expected {
        let pool = pool(&shop.database.url.clone().into(), role, 1).unwrap();
        let sql = "select concat_ws('/', current_setting('transaction_isolation'),
            current_setting('client_connection_check_interval'), current_setting('statement_timeout'),
            current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
            current_setting('timezone'), current_setting('plan_cache_mode'), current_setting('jit'))";
        let found: String = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        assert_eq!(found, settings, "{role:?}");
        pool.close().await;
    }
    shop.end_without_audit();
}

/// An answer came while confirms that began before it still waited for a locked row: it did not wait for their connections.
async fn comes_before(shop: &Shop, rush: &[(String, String)], paths: &[&str]) {
    let confirms = rush.iter().map(|(order, key)| shop.confirm(order, key, PRICE));
    let first_confirm = std::pin::pin!(futures_util::future::select_all(confirms.map(Box::pin)));
    let places = i64::try_from(rush.len()).unwrap().min(3);
    let others = std::pin::pin!(async {
        let waits = "select count(*) from pg_stat_activity
                     where datname = current_database() and application_name = 'hanbeon-api' and wait_event_type = 'Lock'";
        wait_for("the confirms to wait", Duration::from_secs(5), async || {
            (shop.database.number(waits).await >= places).then_some(())
        })
        .await;
        for path in paths {
            let answer = shop.get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        }
    });
    match futures_util::future::select(first_confirm, others).await {
        futures_util::future::Either::Left(((answer, ..), _)) => panic!("a confirm was quicker: {}", answer.text),
        futures_util::future::Either::Right(((), rest)) => {
            let (answer, _, rest) = rest.await;
            for answer in join_all(rest).await.into_iter().chain([answer]) {
                assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_reads_finds_a_connection_while_confirms_wait_for_rows() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Locked", PRICE, 100).await;
    let mut rush = Vec::new();
    for _ in 0..12 {
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        rush.push((order, key));
    }
    let simulator = shop.simulator.addr().to_string();
    let session = keep_product(&shop, product).await;
    let (page, json) = (format!("/order/{}", rush[0].0), format!("/api/v1/orders/{}", rush[0].0));
    for (connections, confirms, paths) in [
        ("4", 12, &[page.as_str(), json.as_str(), "/readyz"][..]),
        ("1", 1, &["/readyz"]), // which has a connection of its own
    ] {
        let api = Part::api(shop.env(&[("API_DATABASE_CONNECTIONS", connections)])).await.unwrap();
        shop.point_at(&api.addr().to_string(), &simulator);
        shop.get(paths[0]).await; // opens its connections
        comes_before(&shop, &rush[..confirms], paths).await;
        api.stop().await.unwrap();
    }
    session.rollback().await.unwrap();
    shop.end_without_audit();
}
