//! How Toss delivers a webhook, and how often it tries.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::shop::Shop;
use crate::toss::{MINUTE, Toss, read, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: a_refused_webhook_is_tried_seven_times_more,
        Control: an_accepted_webhook_is_not_sent_again,
        Control: a_webhook_sent_by_hand_starts_anew,
        Control: webhooks_come_early_twice_and_never,
        Control: a_confirm_is_answered_without_waiting_for_the_shop,
    ]
}

const EVENT: &[&str] = &["PAYMENT_STATUS_CHANGED"];

async fn deliveries(toss: &Toss, payment: &Value) -> Vec<Value> {
    let path = format!("webhooks/deliveries?orderId={}", text(&payment["orderId"]));
    toss.see(&path).await["deliveries"].as_array().unwrap().clone()
}

/// The shop hears a webhook before the sender notes what it answered; the next try is counted from that note.
async fn noted(toss: &Toss, payment: &Value, tries: usize) {
    while deliveries(toss, payment).await[0]["attempts"].as_array().unwrap().len() < tries {
        tokio::task::yield_now().await;
    }
}

async fn a_refused_webhook_is_tried_seven_times_more(toss: Toss) {
    let mut shop = Shop::open(&toss, EVENT).await;
    shop.answers(500);
    let payment = toss.paid(1000).await;
    let first = shop.next().await;
    noted(&toss, &payment, 1).await;
    let id = first.header("id").to_owned();
    for (count, minutes) in [1, 4, 16, 64, 256, 1024, 4096].into_iter().enumerate() {
        toss.advance(minutes * MINUTE - 5).await;
        assert_eq!(shop.rest(&toss).await.len(), 0, "too early after {minutes} minutes");
        toss.advance(10).await;
        let again = shop.next().await;
        assert_eq!(again.header("retried-count"), (count + 1).to_string());
        assert_eq!(again.body, first.body);
        noted(&toss, &payment, count + 2).await;
        toss.supposed("the id of a repeated webhook", &again.header("id"), &id.as_str());
    }
    toss.advance(10 * 4096 * MINUTE).await;
    assert_eq!(shop.rest(&toss).await.len(), 0, "an eighth");
}

async fn an_accepted_webhook_is_not_sent_again(toss: Toss) {
    let mut shop = Shop::open(&toss, EVENT).await;
    let payment = toss.paid(1000).await;
    shop.next().await;
    toss.advance(4096 * MINUTE).await;
    assert_eq!(shop.rest(&toss).await.len(), 0);
    assert_eq!(deliveries(&toss, &payment).await.len(), 1);
}

async fn a_webhook_sent_by_hand_starts_anew(toss: Toss) {
    let mut shop = Shop::open(&toss, EVENT).await;
    let payment = toss.paid(1000).await;
    let first = shop.next().await;
    noted(&toss, &payment, 1).await;
    let delivery = deliveries(&toss, &payment).await.remove(0);
    let id = &delivery["deliveryId"];
    toss.control(&format!("webhooks/deliveries/{id}/resend"), &json!({})).await;
    let again = shop.next().await;
    assert_eq!((again.header("retried-count"), &again.body), ("0", &first.body));
}

async fn webhooks_come_early_twice_and_never(toss: Toss) {
    let mut shop = Shop::open(&toss, EVENT).await;
    for (kind, times) in [("twice", 2), ("lost", 0)] {
        let rule = json!({ "match": { "endpoint": "webhook" }, "times": 1, "then": { "kind": kind } });
        toss.control("rules", &rule).await;
        let payment = toss.paid(1000).await;
        for _ in 0..times {
            assert_eq!(shop.next().await.body["data"]["paymentKey"], payment["paymentKey"], "{kind}");
        }
        assert_eq!(shop.rest(&toss).await.len(), 0, "{kind}");
    }
    let rule = json!({ "match": { "endpoint": "webhook" }, "times": 1, "then": { "kind": "early" } });
    toss.control("rules", &rule).await;
    let payment = toss.paid(1000).await;
    assert_eq!(shop.next().await.body["data"]["paymentKey"], payment["paymentKey"]);
}

async fn a_confirm_is_answered_without_waiting_for_the_shop(toss: Toss) {
    // Nobody listens at this address.
    let body = json!({ "event": EVENT[0], "url": "http://127.0.0.1:9/hook" });
    toss.control("webhooks", &body).await;
    let due = toss.authenticated(1000).await;
    let answer = read(toss.posting("/v1/payments/confirm", &due)).await;
    answer.is(200, "DONE");
}
