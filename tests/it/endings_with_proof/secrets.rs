//! A change of Toss's secret while workers die: an Idempotency-Key belongs to the secret that it was first sent under, however
//! many workers have died since.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{LIMIT, PRICE, times, wait_for};
use crate::{
    crashes::worker_with,
    harness::{
        process::{Binary, Process},
        shop::Shop,
    },
};

const DIVISOR: i64 = 15;

async fn sent(shop: &Shop, order: &str) -> Vec<Value> {
    shop.requests(order).await
}

/// Waits until Toss has heard of the order so often.
async fn until_heard(shop: &Shop, order: &str, times: usize) {
    wait_for("Toss to hear of it", LIMIT, async || (sent(shop, order).await.len() >= times).then_some(())).await;
}

fn one_secret_for_each_key(requests: &[Value]) {
    let mut secrets: HashMap<&str, &Value> = HashMap::new();
    for request in requests {
        if let Some(key) = request["idempotencyKey"].as_str() {
            let first = *secrets.entry(key).or_insert(&request["secretKeyHash"]);
            assert_eq!(first, &request["secretKeyHash"], "{key} under two secrets: {requests:#?}");
        }
    }
}

/// When Toss heard of what A sent, for how long it is silent to whoever asks, and how many die in between.
async fn killed_over_and_over(then: Value, deaths: usize) {
    let mut shop = Shop::hurried(0).await;
    shop.lost_attempts_allowed = true;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.one(product).await;
    let key = shop.authenticate(&order, PRICE).await;
    shop.rule("confirm", &order, then, Some(1)).await;
    // A sends under the old secret, and dies before it hears.
    let first = Process::start(Binary::Worker, shop.env_pairs());
    assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
    until_heard(&shop, &order, 1).await;
    let started = std::time::Instant::now();
    first.kill().await;
    let rotated = shop.control("merchants/rotate", json!({"clientKey": simulator::DEFAULT_CLIENT_KEY})).await;
    let secret = rotated["secretKey"].as_str().unwrap().to_owned();
    // Each of those that follow has only the new one, may only ask, and dies over the question.
    for death in 0..deaths {
        let silent = shop.rule("query", &order, json!({"kind": "hold"}), None).await;
        let next = worker_with(&shop, &[("TOSS_SECRET_KEY", &secret)]).await;
        until_heard(&shop, &order, 2 + death).await;
        next.kill().await;
        shop.forget_rule(silent).await;
        let requests = sent(&shop, &order).await;
        assert_eq!(requests.last().unwrap()["method"], "GET", "death {death}: {requests:#?}");
    }
    let heard = sent(&shop, &order).await.len();
    let last = worker_with(&shop, &[("TOSS_SECRET_KEY", &secret)]).await;
    until_heard(&shop, &order, heard + 1).await;
    let requests = sent(&shop, &order).await;
    assert_eq!(requests[heard]["method"], "GET", "the first call of the last one: {requests:#?}");
    let horizon = u128::try_from(times::SEND_HORIZON / DIVISOR).unwrap();
    wait_for("the end", LIMIT, async || {
        let requests = sent(&shop, &order).await;
        one_secret_for_each_key(&requests);
        let posts = requests.iter().filter(|request| request["method"] == "POST").count();
        assert!(posts == 1 || started.elapsed().as_millis() >= horizon, "{posts} posts before A's send is over");
        (shop.status(&order).await == "DONE").then_some(())
    })
    .await;
    one_secret_for_each_key(&sent(&shop, &order).await);
    assert_eq!((shop.approvals(&order).await, shop.stock(product).await), (1, 0));
    shop.audit_now().await;
    last.kill().await;
    shop.finish().await;
}

#[tokio::test]
async fn a_key_stays_with_its_secret_where_toss_approved_what_the_first_worker_sent() {
    for deaths in 1..=3 {
        killed_over_and_over(json!({"kind": "hold"}), deaths).await;
    }
}

#[tokio::test]
async fn a_key_stays_with_its_secret_where_what_the_first_worker_sent_is_still_on_its_way() {
    // Within the minute that a call may take.
    for deaths in 1..=2 {
        killed_over_and_over(json!({"kind": "delay", "ms": 4_000}), deaths).await;
    }
}

#[tokio::test]
async fn a_key_stays_with_its_secret_where_what_the_first_worker_sent_never_arrived() {
    killed_over_and_over(json!({"kind": "dropBefore"}), 2).await;
}
