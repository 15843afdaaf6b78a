//! One payment from order to DONE, and the same under answers that are late, lost, wrong or not understood.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{shop::Shop, wait_for};

const PRICE: i64 = 50_000;

/// A shop with one worker, one product, and a rule for what Toss does.
async fn shop_with_rule(rule: Value) -> (Shop, String) {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    shop.control("rules", rule).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    (shop, order)
}

fn confirm_rule(then: &Value, times: u32) -> Value {
    json!({"match": {"endpoint": "confirm"}, "times": times, "then": then})
}

async fn calls(shop: &Shop, order: &str) -> Vec<(String, bool)> {
    let is_replay = |request: &Value| request["replayed"].as_bool().unwrap_or(false);
    let requests = shop.requests(order).await;
    requests.iter().map(|request| (request["method"].as_str().unwrap().to_owned(), is_replay(request))).collect()
}

#[tokio::test]
async fn an_order_is_created_authenticated_confirmed_and_paid() {
    let shop = Shop::start(1).await;
    let (shirt, mug) = (shop.product("Ogu T", PRICE, 59).await, shop.product("Ogu 머그컵", 15_000, 5).await);
    let lines = json!([{"productId": shirt.0, "quantity": 1}, {"productId": mug.0, "quantity": 2}]);
    let created = shop
        .post("/api/v1/orders/create", json!({"userId": shop.customer.0, "amount": 80_000, "orderProducts": lines}))
        .await;
    assert_eq!(created.status.as_u16(), 201, "{}", created.text);
    let body = created.json();
    let order = body["orderId"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), format!("/api/v1/orders/{order}"));
    assert_eq!(body["orderName"], "Ogu T 외 1건");
    assert_eq!((&body["amount"], &body["currency"], &body["status"]), (&json!(80_000), &json!("KRW"), &json!("READY")));
    assert_eq!(body["statusUrl"], format!("/order/{order}"));

    let key = shop.authenticate(&order, 80_000).await;
    let confirmed = shop.post("/api/v1/orders/confirm", shop.confirmation(&order, &key, 80_000)).await;
    assert_eq!(confirmed.status.as_u16(), 202, "{}", confirmed.text);
    shop.until(&order, "DONE").await;
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(view["moneyMoved"], true);
    assert_eq!(view["payment"]["status"], "DONE");
    let receipt = format!("transactionId={key}"); // Toss's receipt is found by the key
    assert!(!view.to_string().replace(&receipt, "").contains(&key), "the paymentKey is masked: {view}");
    let timeline: Vec<_> =
        view["timeline"].as_array().unwrap().iter().map(|event| event["to"].as_str().unwrap()).collect();
    assert_eq!(timeline, ["IN_PROGRESS", "DONE"]);
    assert_eq!(shop.approvals(&order).await, 1);
    assert_eq!(shop.stock(shirt).await, 58);
    assert_eq!(shop.stock(mug).await, 3);
    shop.finish().await;
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_under_the_same_key_and_never_charges_twice() {
    let (shop, order) = shop_with_rule(confirm_rule(&json!({"kind": "dropAfter"}), 1)).await;
    shop.until(&order, "DONE").await;
    assert_eq!(calls(&shop, &order).await, [("POST".to_owned(), false), ("POST".to_owned(), true)]);
    let keys: Vec<_> = shop.requests(&order).await.iter().map(|request| request["idempotencyKey"].clone()).collect();
    assert_eq!(keys[0], keys[1]);
    shop.finish().await;
}

#[tokio::test]
async fn a_request_that_never_arrived_is_sent_again_under_the_same_key() {
    let (shop, order) = shop_with_rule(confirm_rule(&json!({"kind": "dropBefore"}), 2)).await;
    shop.until(&order, "DONE").await;
    let requests = shop.requests(&order).await;
    let keys: Vec<_> = requests.iter().map(|request| request["idempotencyKey"].clone()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    shop.finish().await;
}

#[tokio::test]
async fn an_error_burns_its_key_so_the_worker_asks_and_posts_again_under_the_next() {
    let error = json!({"kind": "error", "status": 500, "code": "FAILED_INTERNAL_SYSTEM_PROCESSING"});
    let (shop, order) = shop_with_rule(confirm_rule(&error, 1)).await;
    shop.until(&order, "DONE").await;
    let methods: Vec<_> = calls(&shop, &order).await.into_iter().map(|(method, _)| method).collect();
    assert_eq!(methods, ["POST", "GET", "POST"]);
    let requests = shop.requests(&order).await;
    assert_ne!(requests[0]["idempotencyKey"], requests[2]["idempotencyKey"]);
    assert_eq!(shop.database.number("select key_epoch::bigint from payments").await, 1);
    shop.finish().await;
}

#[tokio::test]
async fn an_error_that_hides_an_approval_is_found_by_asking() {
    for code in ["PROVIDER_ERROR", "ALREADY_PROCESSED_PAYMENT", "FORBIDDEN_REQUEST", "A_CODE_NOBODY_KNOWS"] {
        let error = json!({"kind": "errorAfter", "status": 400, "code": code});
        let (shop, order) = shop_with_rule(confirm_rule(&error, 1)).await;
        shop.until(&order, "DONE").await;
        let methods: Vec<_> = calls(&shop, &order).await.into_iter().map(|(method, _)| method).collect();
        assert_eq!(methods, ["POST", "GET"], "{code}");
        shop.finish().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_no_answer() {
    for then in [json!({"kind": "html", "status": 502}), json!({"kind": "truncate"})] {
        let (shop, order) = shop_with_rule(confirm_rule(&then, 1)).await;
        shop.until(&order, "DONE").await;
        assert_eq!(shop.approvals(&order).await, 1);
        assert_eq!(shop.database.number("select key_epoch::bigint from payments").await, 0, "the key was still good");
        shop.finish().await;
    }
}

#[tokio::test]
async fn where_posting_keeps_being_met_with_silence_asking_is_answered() {
    // Approved at once; but whatever is posted, its answer is cut in the middle, replays too.
    let (shop, order) = shop_with_rule(confirm_rule(&json!({"kind": "truncate"}), 1_000)).await;
    shop.until(&order, "DONE").await;
    let methods: Vec<_> = calls(&shop, &order).await.into_iter().map(|(method, _)| method).collect();
    assert_eq!(methods, ["POST", "POST", "POST", "GET"]);
    assert_eq!(shop.database.number("select key_epoch::bigint from payments").await, 0, "no answer burnt the key");
    shop.finish().await;
}

#[tokio::test]
async fn an_answer_that_the_database_cannot_store_as_it_is_still_counts() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let named = json!({"orderId": order, "amount": PRICE, "orderName": "Ogu\u{0}T"});
    let key = shop.control("authenticate", named).await["paymentKey"].as_str().unwrap().to_owned();
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "DONE").await;
    assert_eq!(shop.requests(&order).await.len(), 1);
    shop.finish().await;
}

#[tokio::test]
async fn being_told_to_slow_down_fails_nobody() {
    let (shop, order) = shop_with_rule(confirm_rule(&json!({"kind": "rateLimit", "retryAfterSeconds": 1}), 2)).await;
    shop.until(&order, "DONE").await;
    shop.finish().await;
}

#[tokio::test]
async fn running_out_of_patience_is_never_called_a_failure() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    shop.control("rules", json!({"match": {"endpoint": "confirm"}, "then": {"kind": "dropBefore"}})).await;
    shop.control("rules", json!({"match": {"endpoint": "query"}, "then": {"kind": "html", "status": 502}})).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    wait_for("five attempts", Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from attempts").await >= 5).then_some(())
    })
    .await;
    assert_eq!(shop.status(&order).await, "IN_PROGRESS");
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert!(view["moneyMoved"].is_null(), "neither yes nor no is known: {view}");
    assert!(view["payment"]["nextLookAt"].is_string(), "the shopper is told when we look again: {view}");
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn a_call_that_outlives_its_lease_is_renewed_and_stays_the_only_one() {
    let shop = Shop::start(2).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    shop.control("latency", json!({"fixedMs": 25_000})).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    assert_eq!(calls(&shop, &order).await, [("POST".to_owned(), false)]);
    assert_eq!(shop.database.number("select count(*) from attempts").await, 1);
    assert_eq!(shop.database.number("select count(*) from attempts where stale").await, 0);
    shop.finish().await;
}
