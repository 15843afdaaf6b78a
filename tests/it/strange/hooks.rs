//! Webhooks over HTTP: whatever is in one, it is taken, or refused as too large, and the api goes on.

use serde_json::{Value, json};

use super::{
    PRICE, bytes, card_payment, mutations,
    mutations::{each_value, strange_bodies},
    partly_refunded_payment, waiting_payment,
};
use crate::{
    harness::shop::{Shop, answered},
    webhooks::until_looked_at,
};

const BODIES: usize = 600;
/// What the route reads of a body.
const LENGTH_MAX: usize = 256 * 1024;

/// Delivers a body and returns the status of the answer, which says nothing about the body.
async fn deliver(shop: &Shop, body: Vec<u8>) -> u16 {
    let (length, start) = (body.len(), String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned());
    let request =
        shop.http.post(format!("{}/webhooks/toss", shop.api.url())).header("content-type", "application/json");
    let answer = answered(request.body(body)).await;
    let wanted = if length > LENGTH_MAX { 413 } else { 200 };
    assert_eq!(answer.status.as_u16(), wanted, "{}\n{start}", answer.text);
    wanted
}

fn envelope(payment: &Value) -> Value {
    json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-09-01T12:00:32.123456", "data": payment})
}

fn deposit(order: &str) -> Value {
    json!({"createdAt": "2026-09-01T13:00:00.000000", "secret": "ps_0000000000000000000000000000", "status": "DONE",
           "transactionKey": "0123456789ABCDEF0123456789ABCDEF", "orderId": order})
}

/// A shop without workers and a payment of it that webhooks may be about.
async fn shop_with_payment() -> (Shop, String, String) {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
    (shop, order, key)
}

async fn finish(mut shop: Shop, order: &str) {
    shop.add_worker().await;
    shop.until(order, "DONE").await;
    until_looked_at(&shop).await;
    shop.finish().await;
}

#[tokio::test]
async fn every_strange_value_in_a_webhook_is_taken() {
    let (shop, order, key) = shop_with_payment().await;
    let paid = envelope(&partly_refunded_payment(&order, &key));
    let paths = [
        "/createdAt",
        "/eventType",
        "/data",
        "/data/orderId",
        "/data/paymentKey",
        "/data/status",
        "/data/balanceAmount",
        "/data/totalAmount",
        "/data/currency",
        "/data/approvedAt",
        "/data/secret",
        "/data/lastTransactionKey",
        "/data/cancels",
        "/data/cancels/0/canceledAt",
        "/data/cancels/0/cancelAmount",
        "/data/receipt",
    ];
    let flat = ["/createdAt", "/secret", "/status", "/transactionKey", "/orderId"];
    let mut sent = 0;
    for body in each_value(&paid, &paths).into_iter().chain(each_value(&deposit(&order), &flat)) {
        assert_eq!(deliver(&shop, body.into_bytes()).await, 200);
        sent += 1;
    }
    for body in strange_bodies(&paid).into_iter().chain(strange_bodies(&deposit(&order))) {
        sent += i64::from(deliver(&shop, body).await == 200);
    }
    let kept = "select sum(copies)::bigint from webhook_inbox";
    assert_eq!(shop.database.number(kept).await, sent, "what was answered with 200 is kept");
    let ages = "select count(*) from webhook_inbox where said_at not between '2000-01-01' and '3000-01-01'";
    assert_eq!(shop.database.number(ages).await, 0);
    finish(shop, &order).await;
}

#[tokio::test]
async fn a_webhook_that_says_two_things_is_kept_as_unreadable() {
    let (shop, order, key) = shop_with_payment().await;
    let text = envelope(&card_payment(&order, &key)).to_string();
    for (once, twice) in [
        (r#""status":"DONE""#, r#""status":"DONE","status":"CANCELED""#),
        (r#""status":"DONE""#, r#""status":"DONE","st\u0061tus":"DONE""#),
        (r#""eventType""#, r#""eventType":"A","eventType""#),
    ] {
        let body = text.replacen(once, twice, 1);
        assert_ne!(body, text);
        deliver(&shop, body.into_bytes()).await;
    }
    assert_eq!(shop.database.number("select count(*) from webhook_inbox where state = 'unreadable'").await, 3);
    finish(shop, &order).await;
}

#[tokio::test]
async fn webhooks_of_any_bytes_are_taken() {
    let (shop, order, key) = shop_with_payment().await;
    let mut mutations = mutations("webhooks_of_any_bytes_are_taken");
    let right = [
        envelope(&card_payment(&order, &key)),
        envelope(&partly_refunded_payment(&order, &key)),
        envelope(&waiting_payment(&order, &key)),
        deposit(&order),
        json!({"eventType": "CANCEL_STATUS_CHANGED", "createdAt": "2026-09-01T12:00:32.123456",
               "data": partly_refunded_payment(&order, &key)["cancels"][0]}),
    ];
    for right in right.iter().cycle().take(BODIES) {
        deliver(&shop, mutations.of_bytes(right)).await;
    }
    for right in right {
        assert_eq!(deliver(&shop, bytes(&right)).await, 200);
    }
    finish(shop, &order).await;
}
