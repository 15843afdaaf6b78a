//! Webhooks are hints: they make us ask, and only what Toss answers changes anything. However many there are, in whatever
//! order, early, late, forged or lost.

mod away;
mod flood;
mod forged;
mod kept;

use std::time::Duration;

use serde_json::{Value, json};
use shared::order::ProductId;

use crate::harness::{
    shop::{Answered, Shop, answered},
    wait_for,
};

const PRICE: i64 = 50_000;
const EVENTS: [&str; 2] = ["PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK"];

fn address(shop: &Shop) -> String {
    format!("{}/webhooks/toss", shop.api.url())
}

/// A shop whose webhooks come from the simulator.
async fn hooked(workers: usize) -> (Shop, ProductId) {
    let shop = Shop::start(workers).await;
    register(&shop).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    (shop, product)
}

async fn register(shop: &Shop) {
    for event in EVENTS {
        shop.control("webhooks", json!({"event": event, "url": address(shop)})).await;
    }
}

async fn unregister(shop: &Shop) {
    shop.http.delete(format!("{}/control/webhooks", shop.simulator.url())).send().await.unwrap();
}

/// One delivery as Toss makes it.
async fn deliver(shop: &Shop, transmission_id: Option<&str>, body: &str) -> Answered {
    let mut request = shop.http.post(address(shop)).header("content-type", "application/json").body(body.to_owned());
    if let Some(id) = transmission_id {
        request = request.header("tosspayments-webhook-transmission-id", id);
    }
    answered(request).await
}

/// A delivery that must be taken, and of which the sender must learn nothing.
async fn taken(shop: &Shop, transmission_id: Option<&str>, body: &str) {
    let answer = deliver(shop, transmission_id, body).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{body}");
}

/// What was made of each delivery, oldest first.
async fn states(shop: &Shop) -> Vec<String> {
    sqlx::query_scalar("select state from webhook_inbox order by id").fetch_all(&shop.database.pool).await.unwrap()
}

/// What the simulator has sent or tried to send about an order.
async fn deliveries(shop: &Shop, order: &str) -> Vec<Value> {
    let log = shop.control_get(&format!("webhooks/deliveries?orderId={order}")).await;
    log["deliveries"].as_array().unwrap().clone()
}

/// Waits until this many webhooks about the order were delivered.
async fn until_delivered(shop: &Shop, order: &str, count: usize) {
    wait_for(&format!("{count} webhooks about {order}"), Duration::from_mins(1), async || {
        let delivered = deliveries(shop, order).await.iter().filter(|one| one["state"] == "DELIVERED").count();
        (delivered >= count).then_some(())
    })
    .await;
}

/// Waits until no notice waits for its order and nothing is asked any more.
pub(crate) async fn until_looked_at(shop: &Shop) {
    wait_for("every notice to be looked at", Duration::from_mins(2), async || {
        let waiting =
            "select (select count(*) from webhook_inbox where state = 'waiting') + (select count(*) from outbox)";
        (shop.database.number(waiting).await == 0).then_some(())
    })
    .await;
}

/// How often Toss was asked about an order.
async fn questions(shop: &Shop, order: &str) -> usize {
    shop.requests(order).await.iter().filter(|request| request["endpoint"] == "query").count()
}

async fn rule(shop: &Shop, endpoint: &str, order: &str, then: Value) {
    shop.control("rules", json!({"match": {"endpoint": endpoint, "orderId": order}, "times": 1, "then": then})).await;
}

/// An accepted confirm, and its paymentKey.
async fn confirmed(shop: &Shop, product: ProductId) -> (String, String) {
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
    (order, key)
}

async fn paid(shop: &Shop, product: ProductId) -> (String, String) {
    let (order, key) = confirmed(shop, product).await;
    shop.until(&order, "DONE").await;
    (order, key)
}

/// An order whose virtual account waits for its deposit.
async fn waiting_for_deposit(shop: &Shop, product: ProductId) -> (String, String) {
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate_account(&order, PRICE, &json!({"customerMobilePhone": "01012345678"})).await;
    assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "WAITING_FOR_DEPOSIT").await;
    (order, key)
}

/// What anybody can write about a payment.
fn about(order: &str, key: &str, status: &str, balance: i64) -> String {
    let data = json!({"orderId": order, "paymentKey": key, "status": status, "totalAmount": PRICE, "currency": "KRW",
                      "balanceAmount": balance});
    json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-01-02T14:46:59.65327", "data": data}).to_string()
}

#[tokio::test]
async fn ordinary_purchases_cost_toss_no_question_although_each_is_told_of() {
    let (shop, product) = hooked(1).await;
    let (order, _) = paid(&shop, product).await;
    let declined = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate_declined(&declined, PRICE, "REJECT_CARD_PAYMENT").await;
    assert_eq!(shop.confirm(&declined, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&declined, "ABORTED").await;
    for order in [&order, &declined] {
        until_delivered(&shop, order, 1).await;
    }
    until_looked_at(&shop).await;
    assert_eq!(states(&shop).await, ["known", "known"]);
    for order in [&order, &declined] {
        assert_eq!(shop.requests(order).await.len(), 1, "the confirm, and nothing more");
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_webhook_before_our_own_confirm_is_settled_waits_and_is_then_old_news() {
    let (mut shop, product) = hooked(0).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    rule(&shop, "webhook", &order, json!({"kind": "early"})).await;
    rule(&shop, "confirm", &order, json!({"kind": "hold"})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.add_worker().await;
    until_delivered(&shop, &order, 1).await;
    assert_eq!(states(&shop).await, ["waiting"], "Toss has not answered our confirm yet");
    assert_eq!(shop.status(&order).await, "IN_PROGRESS", "nobody says paid before Toss has answered us");
    shop.forget_rules().await;
    shop.until(&order, "DONE").await;
    until_looked_at(&shop).await;
    assert_eq!((states(&shop).await, shop.requests(&order).await.len()), (vec!["known".to_owned()], 1));
    shop.finish().await;
}

#[tokio::test]
async fn a_hint_that_came_while_we_confirmed_is_not_lost() {
    let (shop, product) = hooked(1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    rule(&shop, "confirm", &order, json!({"kind": "hold"})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    until_delivered(&shop, &order, 1).await;
    // What our confirm is answered with is by now no longer the truth.
    shop.control("cancel", json!({"paymentKey": key})).await;
    until_delivered(&shop, &order, 2).await;
    assert_eq!(states(&shop).await, ["waiting", "waiting"]);
    shop.forget_rules().await;
    shop.until(&order, "CANCELED").await;
    until_looked_at(&shop).await;
    assert_eq!(shop.stock(product).await, 100);
    shop.finish().await;
}

#[tokio::test]
async fn a_deposit_shows_at_once_and_two_webhooks_about_it_cost_one_question() {
    for offset in ["absent", "present"] {
        let (shop, product) = hooked(1).await;
        shop.control("switches", json!({"depositOffset": offset})).await;
        let (order, key) = waiting_for_deposit(&shop, product).await;
        until_delivered(&shop, &order, 2).await;
        until_looked_at(&shop).await;
        shop.control("deposit", json!({"paymentKey": key})).await;
        // Without the webhook it would be seen ten minutes later.
        shop.until(&order, "DONE").await;
        until_delivered(&shop, &order, 4).await;
        until_looked_at(&shop).await;
        assert_eq!(questions(&shop, &order).await, 1, "{:?}", states(&shop).await);
        assert_eq!(shop.causes(&order).await, ["confirm_accepted", "account_issued", "toss_approved"]);
        let said = "select count(*) from webhook_inbox where said_at between now() - interval '1 minute' and now()";
        assert_eq!(shop.database.number(said).await, 4, "their times are Korean times");
        shop.finish().await;
    }
}

#[tokio::test]
async fn what_is_given_back_in_tosss_own_console_is_taken_over() {
    let (shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    shop.control("cancel", json!({"paymentKey": key, "cancelAmount": 20_000})).await;
    shop.until(&order, "PARTIAL_CANCELED").await;
    // A moment later there is another one: Toss is asked again, but not at once.
    shop.control("cancel", json!({"paymentKey": key, "cancelAmount": 30_000})).await;
    shop.until(&order, "CANCELED").await;
    until_looked_at(&shop).await;
    assert_eq!((questions(&shop, &order).await, shop.stock(product).await), (2, 100));
    shop.finish().await;
}

#[tokio::test]
async fn eight_copies_of_each_in_the_wrong_order_come_to_the_same() {
    let (shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    rule(&shop, "webhook", &order, json!({"kind": "lost"})).await;
    shop.control("cancel", json!({"paymentKey": key})).await;
    let sent = deliveries(&shop, &order).await;
    assert_eq!(sent.len(), 2);
    for delivery in sent.iter().rev() {
        let (id, body) = (delivery["transmissionId"].as_str().unwrap(), delivery["body"].as_str().unwrap());
        for _ in 0..8 {
            taken(&shop, Some(id), body).await;
        }
    }
    shop.until(&order, "CANCELED").await;
    until_looked_at(&shop).await;
    assert_eq!(states(&shop).await, ["known", "checked"]);
    let copies: Vec<i32> = sqlx::query_scalar("select copies from webhook_inbox order by id")
        .fetch_all(&shop.database.pool)
        .await
        .unwrap();
    assert_eq!(copies, [9, 8], "the first was also delivered in its time");
    assert_eq!((questions(&shop, &order).await, shop.stock(product).await), (1, 100));
    shop.finish().await;
}

#[tokio::test]
async fn a_day_late_is_not_too_late() {
    let (shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    rule(&shop, "webhook", &order, json!({"kind": "late", "seconds": 86_400})).await;
    shop.control("cancel", json!({"paymentKey": key})).await;
    assert_eq!(shop.status(&order).await, "DONE", "nobody has told us");
    shop.control("clock", json!({"advanceSeconds": 86_400})).await;
    shop.until(&order, "CANCELED").await;
    // And what was said the day before yesterday is old news.
    taken(&shop, Some("whtrans_late"), &about(&order, &key, "CANCELED", 0)).await;
    until_looked_at(&shop).await;
    assert_eq!((states(&shop).await.last().unwrap().as_str(), questions(&shop, &order).await), ("known", 1));
    shop.finish().await;
}
