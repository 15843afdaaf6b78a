//! Lists: every order once, newest first, at a cost that grows neither with the page nor with the depth.

use std::collections::HashSet;

use crate::{
    accepting::{log_length, statements},
    harness::{database, shop::Shop},
};
use reqwest::StatusCode;

/// Follows the cursor to the end and returns every order number, in order.
pub(crate) async fn walk(shop: &Shop, query: &str) -> Vec<String> {
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
        "/order?status=READY&minAmount=1&maxAmount=5000",
        "/order?search=nonesuch",
        &format!("/order/{newest}"),
        &format!("/order/{newest}/detail"),
        &format!("/api/v1/orders/{newest}"),
    ] {
        let from = log_length(&log);
        assert_eq!(shop.get_as_operator(path).await.status, StatusCode::OK, "{path}");
        let mut counts = statements(&log, from);
        let sessions = counts.extract_if(|statement, _| statement.contains("session")).count();
        assert_eq!(sessions, usize::from(path.starts_with("/order") && !path.ends_with(&newest)), "{path}");
        assert_eq!(counts.values().sum::<usize>(), 1, "{path}: {counts:?}");
    }
    shop.finish().await;
    server.stop().await.unwrap();
}
