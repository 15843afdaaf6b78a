//! Webhooks: what is sent, when, how often, and the ways in which it goes wrong.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{LIMIT, Sim};
use crate::shop::Shop;

async fn fault(sim: &Sim, order_id: &str, then: Value) {
    let matched = json!({ "endpoint": "webhook", "orderId": order_id });
    sim.control("rules", json!({ "match": matched, "times": 1, "then": then })).await;
}

/// The deliveries about an order, as soon as the last of them is in this state.
async fn deliveries(sim: &Sim, order_id: &str, state: &str) -> Vec<Value> {
    let wait = async {
        loop {
            let log = sim.see(&format!("webhooks/deliveries?orderId={order_id}")).await;
            let log = log["deliveries"].as_array().unwrap().clone();
            if log.last().is_some_and(|delivery| delivery["state"] == state) {
                return log;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("the delivery never came into this state")
}

#[tokio::test]
async fn an_approval_is_told_with_the_payment_and_tosss_headers() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    let payment = sim.authenticated("order-told", 10_000).await;
    let approved = sim.confirm(&payment).await.json();
    let hook = shop.next().await;
    let body = hook.json();
    assert_eq!(body["eventType"], "PAYMENT_STATUS_CHANGED");
    assert_eq!(body["data"], approved);
    let created_at = body["createdAt"].as_str().unwrap();
    assert!(created_at.contains('T') && !created_at.contains('+') && !created_at.ends_with('Z'), "{created_at}");
    assert!(hook.text.starts_with(r#"{"eventType":"#) && hook.text.contains(r#""virtualAccount":null"#));
    assert!(hook.header("id").starts_with("whtrans_"));
    assert_eq!(hook.header("retried-count"), "0");
    assert!(hook.header("time").ends_with("+09:00"));

    let log = deliveries(&sim, "order-told", "DELIVERED").await;
    assert_eq!(log.len(), 1);
    assert_eq!((&log[0]["status"], &log[0]["attempts"][0]["status"]), (&json!("DONE"), &json!(200)));
    assert_eq!(log[0]["body"], hook.text);
}

#[tokio::test]
async fn a_declined_payment_is_told_as_aborted_once() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    let declined = json!({ "orderId": "order-declined", "amount": 2_000, "decline": "REJECT_CARD_PAYMENT" });
    let payment = sim.authenticated_with(declined).await;
    assert_eq!(sim.confirm(&payment).await.status, 403);
    assert_eq!(sim.confirm(&payment).await.status, 400);
    let hook = shop.next().await;
    assert_eq!(
        (hook.status(), &hook.json()["data"]["failure"]["code"]),
        ("ABORTED".into(), &json!("REJECT_CARD_PAYMENT"))
    );
    assert_eq!(deliveries(&sim, "order-declined", "DELIVERED").await.len(), 1);
}

#[tokio::test]
async fn an_expiry_is_told_when_the_clock_passes_it_and_nobody_asks() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    let confirmed = sim.authenticated("order-confirmed", 1_000).await;
    assert_eq!(sim.confirm(&confirmed).await.status, 200);
    assert_eq!(shop.next().await.status(), "DONE");
    sim.authenticated("order-expired", 1_000).await;
    sim.advance(10 * 60 - 5).await;
    assert_eq!(sim.see("webhooks/deliveries?orderId=order-expired").await["deliveries"], json!([]));
    sim.advance(10).await;
    let hook = shop.next().await;
    assert_eq!((hook.status(), &hook.json()["data"]["orderId"]), ("EXPIRED".into(), &json!("order-expired")));
    sim.advance(60 * 60).await;
    assert_eq!(deliveries(&sim, "order-expired", "DELIVERED").await.len(), 1, "once is enough");
}

#[tokio::test]
async fn a_payment_the_shopper_never_authenticates_expires_aloud_too() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    let opening = json!({
        "method": "CARD", "amount": 3_000, "orderId": "order-ready", "orderName": "책",
        "successUrl": "https://shop.example/ok", "failUrl": "https://shop.example/fail",
    });
    let request = sim.request(Method::POST, "/v1/payments").basic_auth(simulator::DEFAULT_SECRET_KEY, Some(""));
    assert_eq!(request.json(&opening).send().await.unwrap().status(), 200);
    sim.advance(31 * 60).await;
    let hook = shop.next().await;
    assert_eq!((hook.status(), &hook.json()["data"]["secret"]), ("EXPIRED".into(), &Value::Null));
}

#[tokio::test]
async fn whatever_is_not_200_is_tried_again_by_the_table_under_the_same_id() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    shop.answers(Some(204));
    let payment = sim.authenticated("order-retried", 1_000).await;
    assert_eq!(sim.confirm(&payment).await.status, 200);
    let first = shop.next().await;
    for (retried, minutes) in [(1, 1), (2, 4), (3, 16), (4, 64), (5, 256), (6, 1024), (7, 4096)] {
        deliveries(&sim, "order-retried", "WAITING").await;
        assert!(shop.at_once().is_none());
        sim.advance(minutes * 60).await;
        let again = shop.next().await;
        assert_eq!(again.header("retried-count"), retried.to_string());
        assert_eq!((again.header("id"), &again.text), (first.header("id"), &first.text));
    }
    let log = deliveries(&sim, "order-retried", "GIVEN_UP").await;
    assert_eq!(log[0]["attempts"].as_array().unwrap().len(), 8);
    assert_eq!(log[0]["attempts"][0]["status"], 204);

    shop.answers(Some(200));
    sim.control(&format!("webhooks/deliveries/{}/resend", log[0]["deliveryId"]), Value::Null).await;
    assert_eq!(shop.next().await.header("retried-count"), "0");
    deliveries(&sim, "order-retried", "DELIVERED").await;
}

#[tokio::test]
async fn success_ids_and_patience_are_switches() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    sim.control("switches", json!({ "webhookSuccess": "2xx" })).await;
    shop.answers(Some(204));
    let payment = sim.authenticated("order-lenient", 1_000).await;
    assert_eq!(sim.confirm(&payment).await.status, 200);
    deliveries(&sim, "order-lenient", "DELIVERED").await;
    shop.next().await;

    sim.control("switches", json!({ "webhookSuccess": "200", "webhookIds": "new" })).await;
    sim.control("webhooks/manner", json!({ "limitMs": 200 })).await;
    shop.answers(None);
    let payment = sim.authenticated("order-silent", 1_000).await;
    assert_eq!(sim.confirm(&payment).await.status, 200);
    let first = shop.next().await;
    let log = deliveries(&sim, "order-silent", "WAITING").await;
    assert_eq!(log[0]["attempts"][0]["status"], Value::Null);
    assert!(log[0]["attempts"][0]["error"].is_string());
    shop.answers(Some(200));
    sim.advance(60).await;
    assert_ne!(shop.next().await.header("id"), first.header("id"));
}

#[tokio::test]
async fn an_early_webhook_arrives_before_the_answer() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    for n in 0..20 {
        let order_id = format!("order-early-{n}");
        let payment = sim.authenticated(&order_id, 1_000).await;
        fault(&sim, &order_id, json!({ "kind": "early" })).await;
        assert_eq!(sim.confirm(&payment).await.status, 200);
        assert_eq!(shop.at_once().expect("it is there already").json()["data"]["orderId"], order_id);
    }
}

#[tokio::test]
async fn webhooks_come_late_twice_in_another_order_or_never() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    let approve = async |order_id: &str, then: Option<Value>| {
        let payment = sim.authenticated(order_id, 1_000).await;
        if let Some(then) = then {
            fault(&sim, order_id, then).await;
        }
        assert_eq!(sim.confirm(&payment).await.status, 200);
    };
    approve("order-late", Some(json!({ "kind": "late", "seconds": 300 }))).await;
    approve("order-lost", Some(json!({ "kind": "lost" }))).await;
    approve("order-held", Some(json!({ "kind": "reordered" }))).await;
    assert_eq!(deliveries(&sim, "order-lost", "LOST").await[0]["fault"], "lost");
    assert_eq!(deliveries(&sim, "order-held", "HELD").await[0]["attempts"], json!([]));
    approve("order-next", None).await;
    let mut order = Vec::new();
    for _ in 0..2 {
        order.push(shop.next().await.json()["data"]["orderId"].as_str().unwrap().to_owned());
    }
    assert_eq!(order, ["order-next", "order-held"]);

    approve("order-twice", Some(json!({ "kind": "twice" }))).await;
    let (first, second) = (shop.next().await, shop.next().await);
    assert_eq!((first.header("id"), &first.text), (second.header("id"), &second.text));

    assert!(shop.at_once().is_none());
    sim.advance(300).await;
    assert_eq!(shop.next().await.json()["data"]["orderId"], "order-late");
}

#[tokio::test]
async fn anybody_can_forge_a_webhook() {
    let sim = Sim::start().await;
    let mut shop = Shop::unknown(&sim).await;
    let lie = json!({ "eventType": "PAYMENT_STATUS_CHANGED", "data": { "status": "DONE", "orderId": "order-forged" } });
    sim.control("webhooks/forge", json!({ "url": shop.url, "body": lie })).await;
    let hook = shop.next().await;
    assert_eq!((hook.json(), hook.header("retried-count")), (lie, "0"));
    sim.control("webhooks/forge", json!({ "url": shop.url, "body": "no json at all" })).await;
    assert_eq!(shop.next().await.text, "no json at all");
}

#[tokio::test]
async fn a_registration_is_for_one_event_of_one_merchant_until_it_is_deleted() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    sim.control("webhooks", json!({ "event": "DEPOSIT_CALLBACK", "url": shop.url })).await;
    let list = sim.see("webhooks").await;
    assert_eq!(list["webhooks"].as_array().unwrap().len(), 2);
    assert_eq!(list["manner"]["limitMs"], 10_000);
    let payment = sim.authenticated("order-card", 1_000).await;
    assert_eq!(sim.confirm(&payment).await.status, 200);
    assert_eq!(shop.next().await.status(), "DONE");
    assert_eq!(deliveries(&sim, "order-card", "DELIVERED").await.len(), 1, "a card has no deposit");

    let first = list["webhooks"][0]["webhookId"].clone();
    let deleted = sim.request(Method::DELETE, &format!("/control/webhooks/{first}")).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    let payment = sim.authenticated("order-unheard", 1_000).await;
    assert_eq!(sim.confirm(&payment).await.status, 200);
    assert_eq!(sim.see("webhooks/deliveries?orderId=order-unheard").await["deliveries"], json!([]));

    for (path, body) in [
        ("webhooks", json!({ "event": "BILLING_DELETED", "url": shop.url })),
        ("webhooks", json!({ "event": "DEPOSIT_CALLBACK", "url": "ftp://shop.example" })),
        ("webhooks", json!({ "event": "DEPOSIT_CALLBACK", "url": shop.url, "merchantId": "nobody" })),
        ("webhooks/manner", json!({ "limitMs": 0 })),
    ] {
        let response = sim.request(Method::POST, &format!("/control/{path}")).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path} {body}");
    }
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_shop_that_does_not_answer() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    shop.answers(None);
    let payment = sim.authenticated("order-stopped", 1_000).await;
    assert_eq!(sim.confirm(&payment).await.status, 200);
    shop.next().await;
    sim.stop.cancel();
    sim.tasks.close();
    tokio::time::timeout(std::time::Duration::from_secs(5), sim.tasks.wait()).await.expect("serve did not return");
}

#[tokio::test]
async fn a_virtual_account_tells_both_kinds_of_listener_at_every_step() {
    let sim = Sim::start().await;
    let (mut changes, mut deposits) = (Shop::open(&sim).await, Shop::unknown(&sim).await);
    sim.control("webhooks", json!({ "event": "DEPOSIT_CALLBACK", "url": deposits.url })).await;
    sim.control("webhooks", json!({ "event": "CANCEL_STATUS_CHANGED", "url": deposits.url })).await;
    let account = json!({
        "amount": 30_000, "orderId": "order-account", "orderName": "책", "customerName": "김심", "bank": "신한",
    });
    let payment = sim.post("/v1/virtual-accounts", &account).await.json();
    let mut told = async |status: &str| {
        let change = changes.next().await;
        assert_eq!(change.status(), status);
        let deposit = deposits.next().await.json();
        assert_eq!((&deposit["status"], &deposit["orderId"]), (&json!(status), &json!("order-account")));
        assert_eq!((&deposit["secret"], &deposit["eventType"]), (&payment["secret"], &Value::Null));
        assert_eq!(deposit["transactionKey"], change.json()["data"]["lastTransactionKey"]);
    };
    told("WAITING_FOR_DEPOSIT").await;
    let by_key = json!({ "paymentKey": payment["paymentKey"] });
    sim.control("deposit", by_key.clone()).await;
    told("DONE").await;
    sim.control("revert-deposit", by_key.clone()).await;
    told("WAITING_FOR_DEPOSIT").await;
    sim.control("cancel", by_key).await;
    told("CANCELED").await;
    assert!(changes.at_once().is_none() && deposits.at_once().is_none());
}

#[tokio::test]
async fn every_cancel_is_told_with_what_is_left() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    let payment = sim.paid("order-cancelled", 10_000).await;
    assert_eq!(shop.next().await.status(), "DONE");
    for (amount, balance) in [(3_000, 7_000), (7_000, 0)] {
        let answer = sim.cancel(&payment, &json!({ "cancelReason": "반품", "cancelAmount": amount })).await;
        let hook = shop.next().await;
        assert_eq!((hook.status(), hook.json()["data"].clone()), ("PARTIAL_CANCELED".into(), answer.json()));
        assert_eq!(hook.json()["data"]["balanceAmount"], balance);
    }
}

#[tokio::test]
async fn an_address_of_the_settings_hears_from_the_start_and_after_a_reset() {
    let webhook_url = Some("http://127.0.0.1:9/webhooks".to_owned());
    let sim = Sim::with(simulator::Settings { webhook_url, ..simulator::Settings::default() }).await;
    for _ in 0..2 {
        let registered = sim.see("webhooks").await["webhooks"].as_array().unwrap().clone();
        let told: Vec<_> = registered.iter().map(|one| (one["event"].as_str(), one["url"].as_str())).collect();
        let url = Some("http://127.0.0.1:9/webhooks");
        assert_eq!(told, [(Some("PAYMENT_STATUS_CHANGED"), url), (Some("DEPOSIT_CALLBACK"), url)]);
        sim.control("reset", json!({})).await;
    }
}
