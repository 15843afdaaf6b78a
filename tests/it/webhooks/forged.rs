//! Anybody can write in Toss's name. It changes nothing, and costs Toss a question now and then.

use std::time::Duration;

use serde_json::{Value, json};
use shared::webhook::{self, Looked};

use super::{
    PRICE, about, deliveries, hooked, paid, questions, rule, states, taken, until_delivered, until_looked_at,
    waiting_for_deposit,
};
use crate::harness::wait_for;

/// What a stranger may find out or make up about an order.
const STATUSES: [&str; 6] = ["DONE", "CANCELED", "PARTIAL_CANCELED", "ABORTED", "EXPIRED", "A_STATE_OF_TOMORROW"];

#[tokio::test]
async fn an_order_that_nobody_paid_is_not_paid_by_saying_so() {
    let (shop, product) = hooked(1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    for status in STATUSES {
        for key in [key.as_str(), "tgen_of_nobody"] {
            taken(&shop, None, &about(&order, key, status, PRICE)).await;
        }
    }
    assert_eq!(states(&shop).await, vec!["unknown"; 12], "we have no payment for it");
    until_looked_at(&shop).await;
    assert_eq!((shop.status(&order).await.as_str(), shop.requests(&order).await.len()), ("READY", 0));
    shop.finish().await;
}

#[tokio::test]
async fn whatever_is_said_of_a_payment_toss_is_asked_and_believed() {
    let (shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    let declined = shop.order(PRICE, &[(product, 1)]).await;
    let declined_key = shop.authenticate_declined(&declined, PRICE, "REJECT_CARD_PAYMENT").await;
    assert_eq!(shop.confirm(&declined, &declined_key, PRICE).await.status.as_u16(), 202);
    shop.until(&declined, "ABORTED").await;
    let (waiting, waiting_key) = waiting_for_deposit(&shop, product).await;
    for (order, key, before) in
        [(&order, &key, "DONE"), (&declined, &declined_key, "ABORTED"), (&waiting, &waiting_key, "WAITING_FOR_DEPOSIT")]
    {
        until_delivered(&shop, order, 1).await;
        until_looked_at(&shop).await;
        for status in STATUSES {
            taken(&shop, None, &about(order, key, status, 1)).await;
        }
        taken(&shop, None, &about(order, "tgen_of_nobody", "DONE", PRICE)).await;
        until_looked_at(&shop).await;
        assert_eq!(shop.status(order).await, before);
        assert!((1..=2).contains(&questions(&shop, order).await), "{}", questions(&shop, order).await);
    }
    assert_eq!(shop.stock(product).await, 98);
    shop.finish().await;
}

#[tokio::test]
async fn what_is_said_of_a_confirm_that_is_under_way_waits_for_its_end() {
    let (shop, product) = hooked(1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    rule(&shop, "confirm", &order, json!({"kind": "hold"})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    until_delivered(&shop, &order, 1).await;
    // 46 milliseconds apart, as it was seen at Toss (and not forged there).
    taken(&shop, Some("whtrans_done"), &about(&order, &key, "DONE", PRICE)).await;
    tokio::time::sleep(Duration::from_millis(46)).await;
    taken(&shop, Some("whtrans_aborted"), &about(&order, &key, "ABORTED", 0)).await;
    assert_eq!(states(&shop).await, vec!["waiting"; 3]);
    assert_eq!((shop.status(&order).await.as_str(), shop.requests(&order).await.len()), ("IN_PROGRESS", 1));
    shop.forget_rules().await;
    shop.until(&order, "DONE").await;
    until_looked_at(&shop).await;
    assert_eq!(states(&shop).await, ["known", "known", "checked"]);
    assert_eq!((shop.status(&order).await.as_str(), questions(&shop, &order).await), ("DONE", 1));
    shop.finish().await;
}

#[tokio::test]
async fn hints_that_differ_make_us_ask_once_in_ten_seconds_and_no_more() {
    let (mut shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    taken(&shop, None, &about(&order, &key, "CANCELED", 0)).await;
    until_looked_at(&shop).await;
    assert_eq!(questions(&shop, &order).await, 1);
    shop.stop_workers().await;

    taken(&shop, None, &about(&order, &key, "CANCELED", 1)).await;
    taken(&shop, None, &about(&order, &key, "ABORTED", 0)).await;
    let look = async || webhook::look_again(&shop.database.worker_pool(), None, 100).await.unwrap();
    assert_eq!(look().await, Looked { asked: 0, known: 0, next: None });
    assert_eq!(states(&shop).await, ["known", "checked", "waiting", "waiting"]);
    shop.database.execute("update payments set hinted_at = hinted_at - interval '10 seconds'").await;
    assert_eq!(look().await, Looked { asked: 2, known: 0, next: None });
    assert_eq!(shop.database.number("select count(*) from outbox where kind = 3").await, 1);
    shop.add_worker().await;
    shop.until_outbox_is_empty().await;
    assert_eq!((shop.status(&order).await.as_str(), questions(&shop, &order).await), ("DONE", 2));
    shop.finish().await;
}

#[tokio::test]
async fn a_deposit_with_a_wrong_secret_is_written_down_and_ignored() {
    let (shop, product) = hooked(1).await;
    let (order, key) = waiting_for_deposit(&shop, product).await;
    until_delivered(&shop, &order, 2).await;
    until_looked_at(&shop).await;
    let deposit = |secret: Value| {
        let body = json!({"createdAt": "2026-01-02T14:46:59.65327", "secret": secret, "status": "DONE",
                          "transactionKey": "9A1B2C", "orderId": order});
        body.to_string()
    };
    for secret in [json!("ps_of_nobody"), json!(""), json!(null), json!(7)] {
        taken(&shop, None, &deposit(secret)).await;
    }
    let payment = json!({"orderId": order, "paymentKey": key, "status": "DONE", "secret": "ps_of_nobody"});
    taken(&shop, None, &json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": payment}).to_string()).await;
    let seen = states(&shop).await;
    assert_eq!(seen[seen.len() - 5..], ["wrong_secret"; 5]);
    until_looked_at(&shop).await;
    assert_eq!((shop.status(&order).await.as_str(), questions(&shop, &order).await), ("WAITING_FOR_DEPOSIT", 0));
    let metrics = shop.metrics().await;
    assert!(metrics.contains(r#"hanbeon_webhooks_refused{reason="wrong_secret"} 5"#), "{metrics}");

    // The right one is heard.
    let told = deliveries(&shop, &order).await;
    let flat = told.iter().map(|one| serde_json::from_str::<Value>(one["body"].as_str().unwrap()).unwrap());
    let secret = flat.into_iter().find_map(|body| body.get("secret").cloned()).unwrap();
    super::unregister(&shop).await;
    shop.control("deposit", json!({"paymentKey": key})).await;
    taken(&shop, None, &deposit(secret)).await;
    shop.until(&order, "DONE").await;
    until_looked_at(&shop).await;
    shop.finish().await;
}

#[tokio::test]
async fn before_we_know_the_secret_a_deposit_waits_and_is_asked_about() {
    let (shop, product) = hooked(1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate_account(&order, PRICE, &json!({})).await;
    rule(&shop, "confirm", &order, json!({"kind": "hold"})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    until_delivered(&shop, &order, 2).await;
    super::unregister(&shop).await;
    shop.control("deposit", json!({"paymentKey": key})).await;
    let deposit =
        json!({"createdAt": "2026-01-02T14:46:59", "secret": "ps_of_nobody", "status": "DONE", "orderId": order});
    taken(&shop, None, &deposit.to_string()).await;
    assert_eq!(states(&shop).await, vec!["waiting"; 3]);
    shop.forget_rules().await;
    shop.until(&order, "DONE").await;
    until_looked_at(&shop).await;
    assert_eq!(questions(&shop, &order).await, 1);
    shop.finish().await;
}

#[tokio::test]
async fn a_hint_about_an_old_payment_outlives_a_new_confirm() {
    let (mut shop, product) = hooked(1).await;
    super::unregister(&shop).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    rule(&shop, "confirm", &order, json!({"kind": "errorAfter", "status": 403, "code": "REJECT_CARD_PAYMENT"})).await;
    let first = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &first, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "ABORTED").await;
    shop.stop_workers().await;
    // Toss took the money, said that it did not, and now says that it did. The shopper is paying again.
    taken(&shop, None, &about(&order, &first, "DONE", PRICE)).await;
    assert_eq!(states(&shop).await, ["checked"]);
    let second = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &second, PRICE).await.status.as_u16(), 202);
    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    wait_for("the first to be given back", Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from cancels where status = 'DONE'").await == 1).then_some(())
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_new_confirm_is_not_held_up_by_what_was_asked_because_of_a_webhook() {
    let (shop, product) = hooked(1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let first = shop.authenticate_declined(&order, PRICE, "REJECT_CARD_PAYMENT").await;
    assert_eq!(shop.confirm(&order, &first, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "ABORTED").await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    rule(&shop, "query", &order, json!({"kind": "hold"})).await;
    taken(&shop, None, &about(&order, &first, "DONE", PRICE)).await;
    wait_for("the question", Duration::from_mins(1), async || (questions(&shop, &order).await == 1).then_some(()))
        .await;
    let second = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &second, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "DONE").await;
    shop.forget_rules().await;
    until_looked_at(&shop).await;
    wait_for("the answer that came too late", Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from attempts where stale").await == 1).then_some(())
    })
    .await;
    shop.look_back().await;
    shop.finish().await;
}
