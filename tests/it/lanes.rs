//! A secret that Toss does not take says nothing about any payment: its lane pauses, and nobody fails.

use std::time::Duration;

use serde_json::json;
use shared::order::ProductId;

use crate::harness::{shop::Shop, wait_for};

const PRICE: i64 = 50_000;

async fn paused(shop: &Shop) -> i64 {
    shop.database.number("select count(*) from lanes where paused_at is not null").await
}

async fn until_paused(shop: &Shop) {
    wait_for("the lane to pause", Duration::from_mins(1), async || (paused(shop).await == 1).then_some(())).await;
}

#[tokio::test]
async fn a_secret_revoked_under_load_pauses_its_lane_fails_nobody_and_a_new_one_goes_on() {
    let mut shop = Shop::start(2).await;
    let product = shop.product("Ogu T", PRICE, 200).await;
    shop.control("latency", json!({"fixedMs": 300})).await;
    let mut orders = Vec::new();
    for _ in 0..20 {
        orders.push(shop.accepted(PRICE, &[(product, 1)]).await);
    }
    let rotated = shop.control("merchants/rotate", json!({"clientKey": simulator::DEFAULT_CLIENT_KEY})).await;
    shop.control("merchants/revoke", json!({"secretKey": simulator::DEFAULT_SECRET_KEY})).await;
    for _ in 0..20 {
        orders.push(shop.accepted(PRICE, &[(product, 1)]).await);
    }
    until_paused(&shop).await;
    for order in &orders {
        let status = shop.status(order).await;
        assert!(status == "DONE" || status == "IN_PROGRESS", "{status}: nobody fails for our key");
    }
    let sent_before = shop.database.number("select count(*) from attempts").await;
    // Workers with the new secret, and the old one still at hand, as an operator rolls them out.
    shop.stop_workers().await;
    let secret = rotated["secretKey"].as_str().unwrap();
    shop.add_worker_with(&[("TOSS_SECRET_KEY", secret)]).await;
    shop.add_worker_with(&[("TOSS_SECRET_KEY", secret), ("TOSS_SECRET_KEY_PREVIOUS", simulator::DEFAULT_SECRET_KEY)])
        .await;
    for order in &orders {
        shop.until(order, "DONE").await;
        assert_eq!(shop.approvals(order).await, 1);
    }
    assert!(shop.database.number("select count(*) from attempts").await > sent_before);
    let two_secrets = "select count(*) from (
        select order_id, key_epoch from attempts where call = 'confirm'
        group by order_id, payment_no, key_epoch having count(distinct api_key_id) > 1) a";
    assert_eq!(shop.database.number(two_secrets).await, 0, "no key was ever sent under two secrets");
    shop.finish().await;
}

#[tokio::test]
async fn while_a_lane_is_paused_only_probes_go_out_and_one_that_is_answered_opens_it() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 200).await;
    let fault = json!({"kind": "error", "status": 401, "code": "UNAUTHORIZED_KEY"});
    for endpoint in ["confirm", "query"] {
        shop.control("rules", json!({"match": {"endpoint": endpoint}, "then": fault})).await;
    }
    let mut orders = vec![shop.accepted(PRICE, &[(product, 1)]).await];
    until_paused(&shop).await;
    for _ in 0..30 {
        orders.push(shop.accepted(PRICE, &[(product, 1)]).await);
    }
    wait_for("three probes", Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from attempts where code = 'UNAUTHORIZED_KEY'").await >= 4).then_some(())
    })
    .await;
    assert!(shop.database.number("select count(*) from attempts").await <= 10, "probes, not the backlog");
    assert_eq!(shop.database.number("select max(attempts)::bigint from outbox").await, 0, "no attempt is burnt");
    for part in [shop.workers[0].url(), shop.api.url()] {
        let ready = shop.http.get(format!("{part}/readyz")).send().await.unwrap();
        assert!(ready.status().is_success(), "a paused lane does not make a process unready");
        let ready: serde_json::Value = ready.json().await.unwrap();
        assert_eq!(ready["pausedLanes"][0]["code"], "UNAUTHORIZED_KEY", "{ready}");
    }
    let metrics = shop.metrics().await;
    let paused_lane = metrics.lines().find(|line| line.starts_with("hanbeon_lane_paused_seconds{"));
    assert!(paused_lane.is_some_and(|line| line.contains(r#"code="UNAUTHORIZED_KEY""#)), "{metrics}");
    assert!(!metrics.contains(simulator::DEFAULT_SECRET_KEY), "secrets are named by their fingerprints: {metrics}");
    shop.forget_rules().await;
    for order in &orders {
        shop.until(order, "DONE").await;
    }
    assert_eq!(paused(&shop).await, 0);
    shop.finish().await;
}

/// The first payment of a shop: its lookup shows whether Toss takes the secret.
pub(crate) async fn first_payment(shop: &Shop, product: ProductId) -> String {
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    wait_for("the payment to be known as one that Toss approved", Duration::from_secs(10), async || {
        let known = "select count(*) from merchants where payment_key is not null";
        (shop.database.number(known).await == 1).then_some(())
    })
    .await;
    order
}

#[tokio::test]
async fn after_the_first_approved_payment_a_paused_lane_is_probed_by_looking_it_up() {
    let shop = Shop::hurried(2).await;
    let product = shop.product("Ogu T", PRICE, 200).await;
    let first = first_payment(&shop, product).await;
    // No code of Toss's tables: the rule is new, and holds for every call.
    let fault = json!({"kind": "error", "status": 403, "code": "A_NEW_RULE_ABOUT_CALLERS"});
    for endpoint in ["confirm", "query", "cancel"] {
        shop.control("rules", json!({"match": {"endpoint": endpoint}, "then": fault})).await;
    }
    let mut orders = vec![shop.accepted(PRICE, &[(product, 1)]).await];
    until_paused(&shop).await;
    let probes = async |more: usize| {
        let requests = async || {
            let requests = shop.requests(&first).await;
            requests.iter().filter(|request| request["method"] == "GET" && request["status"] == 403).count()
        };
        let before = requests().await;
        wait_for("probes", Duration::from_mins(1), async || (requests().await >= before + more).then_some(())).await;
    };
    // By then both workers know, and what they had in hand is written down.
    probes(5).await;
    let sent = shop.database.number("select count(*) from attempts").await;
    for _ in 0..30 {
        orders.push(shop.accepted(PRICE, &[(product, 1)]).await);
    }
    probes(20).await;
    assert_eq!(shop.database.number("select count(*) from attempts").await, sent, "an intent was used as a probe");
    assert_eq!(paused(&shop).await, 1);
    shop.forget_rules().await;
    for order in &orders {
        shop.until(order, "DONE").await;
        assert_eq!(shop.approvals(order).await, 1);
    }
    wait_for("the lane to be open", Duration::from_secs(10), async || (paused(&shop).await == 0).then_some(())).await;
    shop.finish().await;
}

#[tokio::test]
async fn a_new_secret_is_proven_by_the_last_approved_payment_and_its_not_found_counts_then() {
    let mut shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 200).await;
    first_payment(&shop, product).await;
    shop.stop_workers().await;
    let rotated = shop.control("merchants/rotate", json!({"clientKey": simulator::DEFAULT_CLIENT_KEY})).await;
    shop.add_worker_with(&[("TOSS_SECRET_KEY", rotated["secretKey"].as_str().unwrap())]).await;
    wait_for("the new secret to show a payment", Duration::from_secs(30), async || {
        (shop.database.number("select count(*) from merchants").await == 2).then_some(())
    })
    .await;
    // Nobody was ever paid by the new secret, and it finds out that this payment does not exist.
    let order = shop.order(PRICE, &[(product, 1)]).await;
    assert_eq!(shop.confirm(&order, "a_payment_that_does_not_exist", PRICE).await.status.as_u16(), 202);
    shop.until(&order, "ABORTED").await;
    shop.finish().await;
}

#[tokio::test]
async fn before_the_first_approved_payment_a_probe_with_another_one_opens_the_lane_at_once() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 200).await;
    let bad = shop.order(PRICE, &[(product, 1)]).await;
    let fault = json!({"kind": "error", "status": 400, "code": "INVALID_API_KEY"});
    shop.control("rules", json!({"match": {"endpoint": "confirm", "orderId": bad}, "then": fault})).await;
    let key = shop.authenticate(&bad, PRICE).await;
    shop.confirm(&bad, &key, PRICE).await;
    until_paused(&shop).await;
    for _ in 0..20 {
        let order = shop.accepted(PRICE, &[(product, 1)]).await;
        shop.until(&order, "DONE").await;
    }
    assert_eq!(shop.status(&bad).await, "IN_PROGRESS");
    shop.forget_rules().await;
    shop.until(&bad, "DONE").await;
    shop.finish().await;
}
