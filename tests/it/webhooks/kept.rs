//! What is kept of a webhook, for how long, and how it is taken up again.

use serde_json::json;
use shared::{
    toss,
    webhook::{self, Replay, State},
};

use super::{
    PRICE, about, deliver, deliveries, hooked, paid, rule, states, taken, unregister, until_delivered, until_looked_at,
    waiting_for_deposit,
};
use crate::harness::process::{Binary, Process};

#[tokio::test]
async fn whatever_comes_is_answered_alike_and_what_is_too_large_is_not_read() {
    let (shop, product) = hooked(1).await;
    let (order, _) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    let unknown = "019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e";
    let large = json!({"eventType": "PAYMENT_STATUS_CHANGED", "padding": "x".repeat(200 * 1024)}).to_string();
    for (body, state) in [
        (about(unknown, "tgen_of_nobody", "DONE", PRICE), "unknown"),
        (about("order-000001", "tgen_of_nobody", "DONE", PRICE), "unknown"),
        (
            json!({"orderId": unknown, "status": "DONE", "secret": "ps_x", "createdAt": "yesterday"}).to_string(),
            "unknown",
        ),
        (json!({"eventType": "CANCEL_STATUS_CHANGED", "data": {"cancelStatus": "DONE"}}).to_string(), "other"),
        (json!({"eventType": "BILLING_DELETED", "data": {"billingKey": "b"}}).to_string(), "other"),
        (large, "other"),
        (String::new(), "unreadable"),
        ("{\"eventType\"".to_owned(), "unreadable"),
        ("[".repeat(5_000), "unreadable"),
        ("\"\\u0000\"".to_owned(), "unreadable"),
        (json!({"orderId": "\u{0}", "status": "\u{0}", "eventType": "\u{0}"}).to_string(), "unreadable"),
    ] {
        taken(&shop, None, &body).await;
        assert_eq!(states(&shop).await.last().unwrap(), state, "{}", &body[..body.len().min(200)]);
    }
    let count = states(&shop).await.len();
    let too_large = deliver(&shop, None, &" ".repeat(256 * 1024 + 1)).await;
    assert_eq!(too_large.status.as_u16(), 413, "{}", too_large.text);
    assert_eq!(states(&shop).await.len(), count);
    let metrics = shop.metrics().await;
    assert!(metrics.contains(r#"hanbeon_webhooks_refused{reason="unreadable"} 5"#), "{metrics}");
    shop.finish().await;
}

#[tokio::test]
async fn a_delivery_is_kept_once_and_its_copies_are_counted() {
    let (shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    unregister(&shop).await;
    let body = about(&order, &key, "DONE", PRICE);
    for (id, body) in [
        (Some("whtrans_a"), body.as_str()),
        (Some("whtrans_a"), &body),
        // Toss sends it again by hand, as a new delivery.
        (Some("whtrans_b"), &body),
        // Somebody knows the id of a real one: it is not used up.
        (Some("whtrans_a"), &about(&order, &key, "ABORTED", 0)),
        (None, &body),
        (None, &body),
        // No id that looks like one.
        (Some("me@example.com"), &body),
    ] {
        taken(&shop, id, body).await;
    }
    let copies: Vec<(Option<String>, i32)> =
        sqlx::query_as("select transmission_id, copies from webhook_inbox order by id")
            .fetch_all(&shop.database.pool)
            .await
            .unwrap();
    let id = |text: &str| Some(text.to_owned());
    let expected = [(id("whtrans_a"), 2), (id("whtrans_b"), 1), (id("whtrans_a"), 1), (None, 3)];
    assert_eq!(copies[1..], expected);
    shop.finish().await;
}

#[tokio::test]
async fn nothing_secret_or_personal_is_kept() {
    let (shop, product) = hooked(1).await;
    let (order, key) = waiting_for_deposit(&shop, product).await;
    shop.control("deposit", json!({"paymentKey": key})).await;
    shop.until(&order, "DONE").await;
    let account = json!({"bank": "20", "accountNumber": "1002123456789", "holderName": "김카나리"});
    let cancel = json!({"paymentKey": key, "cancelReason": "김카나리 010-9999-8888", "refundReceiveAccount": account});
    shop.control("cancel", cancel).await;
    shop.until(&order, "CANCELED").await;
    let (card, card_key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 6).await;
    until_delivered(&shop, &card, 1).await;
    until_looked_at(&shop).await;

    let kept: String = sqlx::query_scalar("select string_agg(w::text, ' ') from webhook_inbox w")
        .fetch_one(&shop.database.pool)
        .await
        .unwrap();
    let mut sent = deliveries(&shop, &order).await;
    sent.extend(deliveries(&shop, &card).await);
    assert_eq!(sent.len(), 7);
    let mut canaries = vec![key, card_key];
    for delivery in &sent {
        let body: serde_json::Value = serde_json::from_str(delivery["body"].as_str().unwrap()).unwrap();
        let data = body.get("data").unwrap_or(&body);
        canaries.extend(
            [&data["secret"], &data["card"]["number"], &data["virtualAccount"]["accountNumber"]]
                .into_iter()
                .chain([&data["virtualAccount"]["customerName"], &data["orderName"], &data["receipt"]["url"]])
                .filter_map(|value| value.as_str().map(str::to_owned)),
        );
    }
    assert!(canaries.len() > 20, "{canaries:?}");
    canaries.extend(["카나리", "9999", "1002123456789", "김심", "01012345678"].map(str::to_owned));
    for canary in canaries {
        assert!(!kept.contains(&canary), "{canary} is in {kept}");
    }
    assert!(kept.contains(&order) && kept.contains('…') && kept.contains("WAITING_FOR_DEPOSIT"), "{kept}");
    shop.finish().await;
}

#[tokio::test]
async fn what_was_kept_can_be_looked_at_again_by_command() {
    let (mut shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    shop.stop_workers().await;
    shop.control("cancel", json!({"paymentKey": key})).await;
    until_delivered(&shop, &order, 2).await;
    assert_eq!(states(&shop).await, ["known", "checked"]);
    // The books come from a copy in which the order was not there yet when the webhook came.
    for lost in [
        "delete from outbox",
        "update payments set check_at = null, hinted_at = null",
        "update webhook_inbox set order_id = null, payment_no = null, state = 'unknown' where state = 'checked'",
    ] {
        shop.database.execute(lost).await;
    }
    shop.add_worker().await;
    let replay = async |words: &[&str]| {
        let mut process = Process::start_with(Binary::Worker, words, shop.env_pairs());
        process.ended().await
    };
    assert!(!replay(&["webhooks", "replay"]).await, "it says how it is called");
    assert!(!replay(&["webhooks", "replay", "--since", "yesterday"]).await);
    assert_eq!(states(&shop).await, ["known", "unknown"]);
    assert!(replay(&["webhooks", "replay", "--since", "2026-01-02T14:46:59"]).await);
    shop.until(&order, "CANCELED").await;
    until_looked_at(&shop).await;
    // The first is not what it was: Toss says by now that it was given back. That was asked about a moment ago.
    assert_eq!(states(&shop).await.len(), 2);

    // What had a wrong secret is taken up only by its own name.
    shop.database.execute("update webhook_inbox set state = 'wrong_secret'").await;
    let pool = shop.database.worker_pool();
    let since = toss::parse_timestamp("2026-01-02T14:46:59").unwrap();
    assert_eq!(webhook::replay(&pool, &Replay::Since(since)).await.unwrap(), 0);
    let ids: Vec<i64> =
        sqlx::query_scalar("select id from webhook_inbox").fetch_all(&shop.database.pool).await.unwrap();
    assert_eq!(webhook::replay(&pool, &Replay::These(ids)).await.unwrap(), 2);
    until_looked_at(&shop).await;
    shop.finish().await;
}

#[tokio::test]
async fn old_ones_are_forgotten_in_small_steps() {
    let (shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    for number in 0..5 {
        taken(&shop, Some(&format!("whtrans_{number}")), &about(&order, &key, "DONE", PRICE)).await;
    }
    until_looked_at(&shop).await;
    shop.database.execute("update webhook_inbox set received_at = now() - interval '91 days' where id <= 4").await;
    let pool = shop.database.worker_pool();
    assert_eq!(webhook::forget(&pool, 92, 3).await.unwrap(), 0);
    assert_eq!(webhook::forget(&pool, 90, 3).await.unwrap(), 3);
    assert_eq!(webhook::forget(&pool, 90, 3).await.unwrap(), 1);
    assert_eq!(webhook::forget(&pool, 90, 3).await.unwrap(), 0);
    assert_eq!(states(&shop).await.len(), 2);
    shop.finish().await;
}

#[tokio::test]
async fn a_webhook_that_is_lost_is_made_up_for_by_looking() {
    // Nothing here depends on webhooks: a deposit of which nobody tells us is found by asking.
    let (shop, product) = hooked(1).await;
    let (order, key) = waiting_for_deposit(&shop, product).await;
    until_delivered(&shop, &order, 2).await;
    unregister(&shop).await;
    rule(&shop, "webhook", &order, json!({"kind": "lost"})).await;
    shop.control("deposit", json!({"paymentKey": key})).await;
    shop.look_back().await;
    assert_eq!(shop.status(&order).await, "DONE");
    shop.finish().await;
}

#[tokio::test]
async fn the_schema_knows_the_same_states_as_the_code() {
    let (shop, _) = hooked(0).await;
    let definition: String = sqlx::query_scalar(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'webhook_inbox_state_known'",
    )
    .fetch_one(&shop.database.pool)
    .await
    .unwrap();
    let known: Vec<&str> = definition.split('\'').skip(1).step_by(2).collect();
    assert_eq!(known, State::ALL.map(State::as_str));
    shop.finish().await;
}
