//! What one payment brings about is about that payment: a stranger's do not keep the others from being paid.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::order::ProductId;

use crate::{harness::shop::Shop, lanes::first_payment};

const PRICE: i64 = 50_000;

/// So many orders whose every call meets this.
async fn odd_orders(shop: &Shop, product: ProductId, count: usize, faults: &[Value]) -> Vec<(String, String)> {
    let mut odd = Vec::new();
    for fault in faults.iter().cycle().take(count) {
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        for endpoint in ["confirm", "query"] {
            shop.control("rules", json!({"match": {"endpoint": endpoint, "paymentKey": key}, "then": fault})).await;
        }
        odd.push((order, key));
    }
    odd
}

async fn confirm_all(shop: &Shop, orders: &[(String, String)]) {
    for (order, key) in orders {
        assert_eq!(shop.confirm_patiently(order, key, PRICE).await.status.as_u16(), 202);
    }
}

/// Fresh orders, one after the other, are each paid at once.
async fn check_others_are_paid(shop: &Shop, product: ProductId, count: usize) {
    for _ in 0..count {
        let accepted = Instant::now();
        let order = shop.accepted(PRICE, &[(product, 1)]).await;
        shop.until(&order, "DONE").await;
        let took = accepted.elapsed();
        assert!(took < Duration::from_secs(5), "another order took {took:?}");
    }
}

#[tokio::test]
async fn fifty_payments_with_unreadable_answers_keep_nobody_waiting() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1_000).await;
    let faults = [502, 500, 403, 404, 503, 400].map(|status| json!({"kind": "html", "status": status}));
    let odd = odd_orders(&shop, product, 50, &faults).await;
    confirm_all(&shop, &odd).await;
    check_others_are_paid(&shop, product, 10).await;
    for (order, _) in &odd {
        assert_eq!(shop.status(order).await, "IN_PROGRESS", "an unreadable answer proves nothing");
    }
    let metrics = shop.metrics().await;
    assert!(metrics.contains("hanbeon_toss_breaker_open 0\n"), "{metrics}");
    shop.forget_rules().await;
    for (order, _) in &odd {
        shop.until(order, "DONE").await;
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_card_company_that_is_down_pauses_nobody() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1_000).await;
    check_others_are_paid(&shop, product, 1).await;
    let faults = ["PROVIDER_ERROR", "CARD_PROCESSING_ERROR", "FAILED_INTERNAL_SYSTEM_PROCESSING", "COMMON_ERROR"].map(
        |code| json!({"kind": "error", "status": if code.starts_with("FAILED") { 500 } else { 400 }, "code": code}),
    );
    let cards = odd_orders(&shop, product, 40, &faults).await;
    confirm_all(&shop, &cards).await;
    check_others_are_paid(&shop, product, 10).await;
    for (order, _) in &cards {
        assert_eq!(shop.status(order).await, "IN_PROGRESS");
    }
    assert_eq!(shop.database.number("select coalesce(sum(pauses), 0) from lanes").await, 0);
    shop.forget_rules().await;
    for (order, _) in &cards {
        shop.until(order, "DONE").await;
    }
    shop.finish().await;
}

#[tokio::test]
async fn what_one_payment_is_to_blame_for_pauses_nothing_once_a_payment_was_approved() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1_000).await;
    first_payment(&shop, product).await;
    let faults = [
        (400, "INVALID_API_KEY"),
        (401, "UNAUTHORIZED_KEY"),
        (403, "INCORRECT_BASIC_AUTH_FORMAT"),
        (403, "API_KEY_ACCESS_DENIED"),
        (400, "NOT_REGISTERED_BUSINESS"),
        (404, "NOT_FOUND_TERMINAL_ID"),
        (400, "INVALID_UNREGISTERED_SUBMALL"),
        (400, "A_CODE_NOBODY_KNOWS"),
        (418, "ANOTHER_CODE_NOBODY_KNOWS"),
    ]
    .map(|(status, code)| json!({"kind": "error", "status": status, "code": code}));
    let bad = odd_orders(&shop, product, faults.len(), &faults).await;
    confirm_all(&shop, &bad).await;
    check_others_are_paid(&shop, product, 20).await;
    for (order, _) in &bad {
        assert_eq!(shop.status(order).await, "IN_PROGRESS");
    }
    assert!(shop.database.number("select sum(checks) from lanes").await > 0, "nothing was suspected");
    assert_eq!(shop.database.number("select sum(pauses) from lanes").await, 0);
    shop.forget_rules().await;
    for (order, _) in &bad {
        shop.until(order, "DONE").await;
    }
    shop.finish().await;
}
