//! Lists: every order once, newest first, at a cost that grows neither with the page nor with the depth.

use std::collections::HashSet;

use reqwest::StatusCode;
use sqlx::{AssertSqlSafe, Executor};

use crate::{
    accepting::{log_length, statements},
    harness::{
        database::{self, Database},
        shop::Shop,
    },
};

async fn orders(database: &Database, customer: i64, count: i64) {
    database
        .execute(&format!(
            "insert into orders (order_no, customer_id, name, amount, status, payment_count, expires_at)
             select gen_random_uuid(), {customer}, 'Ogu T', 1000, case when n % 1000 = 0 then 'REVIEW' else 'EXPIRED' end, 1,
                    now() + interval '1 hour'
             from generate_series(1, {count}) n"
        ))
        .await;
}

/// Follows the cursor to the end and returns every order number, in order.
async fn walk(shop: &Shop, query: &str) -> Vec<String> {
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = shop.get_as_operator(&format!("/api/v1/orders?{query}{cursor}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        let page = page.json();
        let numbers =
            page["orders"].as_array().unwrap().iter().map(|order| order["orderId"].as_str().unwrap().to_owned());
        walked.extend(numbers);
        if page["nextCursor"].is_null() {
            return walked;
        }
        cursor = format!("&cursor={}", page["nextCursor"].as_str().unwrap());
    }
}

#[tokio::test]
async fn every_order_is_listed_once_newest_first_also_while_new_ones_come() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 1_000, 1_000).await;
    let mut created = Vec::new();
    for _ in 0..25 {
        created.push(shop.order(1_000, &[(product, 1)]).await);
    }
    created.reverse();
    for size in [1, 7, 25, 26, 100] {
        assert_eq!(walk(&shop, &format!("size={size}")).await, created, "pages of {size}");
    }
    let first = shop.get_as_operator("/api/v1/orders?size=10").await.json();
    let cursor = first["nextCursor"].as_str().unwrap().to_owned();
    shop.order(1_000, &[(product, 1)]).await;
    let second = shop.get_as_operator(&format!("/api/v1/orders?size=10&cursor={cursor}")).await.json();
    assert_eq!(second["orders"][0]["orderId"], created[10], "a new order does not move the pages");
    shop.finish().await;
}

#[tokio::test]
async fn a_status_is_filtered() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", 1_000, 1_000).await;
    let mut paid = HashSet::new();
    for number in 0..12 {
        if number % 3 == 0 {
            let order = shop.accepted(1_000, &[(product, 1)]).await;
            shop.until(&order, "DONE").await;
            paid.insert(order);
        } else {
            shop.order(1_000, &[(product, 1)]).await;
        }
    }
    let listed: HashSet<String> = walk(&shop, "size=2&status=DONE").await.into_iter().collect();
    assert_eq!(listed, paid);
    assert_eq!(walk(&shop, "status=REVIEW").await, Vec::<String>::new());
    shop.finish().await;
}

#[tokio::test]
async fn a_page_is_one_query_whatever_its_size() {
    let (server, database) = database::own_server().await;
    database.execute("alter database hanbeon set log_statement = 'all'").await;
    let log = server.log_path();
    let shop = Shop::on(database, 0).await;
    let product = shop.product("Ogu T", 1_000, 1_000).await;
    let mut newest = String::new();
    for _ in 0..101 {
        newest = shop.order(1_000, &[(product, 1)]).await;
    }
    assert_eq!(shop.get_as_operator("/order").await.status, StatusCode::OK, "logged in before anything is counted");
    for path in [
        "/api/v1/orders?size=1",
        "/api/v1/orders?size=100",
        "/api/v1/orders?size=100&status=READY",
        "/order",
        "/order?status=READY",
        &format!("/order/{newest}"),
        &format!("/api/v1/orders/{newest}"),
    ] {
        let from = log_length(&log);
        assert_eq!(shop.get_as_operator(path).await.status, StatusCode::OK, "{path}");
        let mut counts = statements(&log, from);
        let sessions = counts.extract_if(|statement, _| statement.contains("session")).count();
        assert_eq!(sessions, usize::from(path.starts_with("/order?") || path == "/order"), "{path}");
        assert_eq!(counts.values().sum::<usize>(), 1, "{path}: {counts:?}");
    }
    shop.finish().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn pages_are_read_from_the_end_of_an_index() {
    let database = Database::new().await;
    database.execute("insert into customers (id, display_name) values (1, 'somebody')").await;
    orders(&database, 1, 100_000).await;
    database.execute("analyze").await;
    let plan = async |sql: &str, types: &str, values: &str| {
        let mut connection = database.pool.acquire().await.unwrap();
        connection.execute(AssertSqlSafe(format!("prepare l ({types}) as {}", sql.trim_end()))).await.unwrap();
        let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain execute l ({values})")))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        connection.execute("deallocate l").await.unwrap();
        lines.join("\n")
    };
    let all = include_str!("../../shared/src/order/list.sql");
    let of_status = include_str!("../../shared/src/order/list_of_status.sql");
    for (plan, index) in [
        (plan(all, "bigint, bigint", "9223372036854775807, 21").await, "orders_pkey"),
        (plan(all, "bigint, bigint", "50000, 21").await, "orders_pkey"),
        (plan(of_status, "text, bigint, bigint", "'REVIEW', 9223372036854775807, 21").await, "orders_by_status"),
        (plan(of_status, "text, bigint, bigint", "'REVIEW', 50000, 21").await, "orders_by_status"),
    ] {
        assert!(plan.contains(&format!("Index Scan Backward using {index}")), "{plan}");
        assert!(!plan.contains("Sort") && !plan.contains("Seq Scan on orders"), "{plan}");
    }
}
