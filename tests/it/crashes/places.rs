//! A worker killed at every place where something is committed or sent: for a payment that is approved, one that is
//! declined, one that is given back, and for what nobody asks for. Another worker goes on, and the audit is content.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde_json::json;

use super::worker;
use crate::harness::{shop::Shop, wait_for};

const PRICE: i64 = 50_000;

/// A shop whose worker processes are in a hurry: a lease is a second and a third.
async fn shop() -> Shop {
    let mut shop = Shop::hurried(0).await;
    shop.lost_attempts_allowed = true;
    shop
}

async fn two_at_a_time(stories: impl IntoIterator<Item = impl Future<Output = ()>>) {
    stream::iter(stories).buffer_unordered(2).collect::<()>().await;
}

/// Lets a worker run into the place, kills it there, and lets another one go on.
async fn killed_at(shop: &mut Shop, place: &str, act: impl AsyncFnOnce(&Shop)) {
    let mut doomed = worker(shop, Some(place)).await;
    act(shop).await;
    doomed.stopped_at(place).await;
    doomed.kill().await;
    shop.add_worker().await;
}

const CONFIRM: [&str; 6] = [
    "AfterClaim",
    "BeforeAttempt",
    "BeforeCall/confirm",
    "AfterCall/confirm",
    "BeforeSettle/confirm",
    "AfterSettle/confirm",
];

#[tokio::test]
async fn an_approval_is_made_once_wherever_the_worker_dies() {
    let stories = CONFIRM.map(async |place| {
        let mut shop = shop().await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        killed_at(&mut shop, place, async |shop| {
            assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
        })
        .await;
        shop.until(&order, "DONE").await;
        assert_eq!((shop.approvals(&order).await, shop.stock(product).await), (1, 0), "{place}");
        assert_eq!(shop.causes(&order).await, ["confirm_accepted", "toss_approved"], "{place}");
        shop.finish().await;
    });
    Box::pin(two_at_a_time(stories)).await;
}

#[tokio::test]
async fn a_decline_gives_the_stock_back_once_wherever_the_worker_dies() {
    let stories = CONFIRM.map(async |place| {
        let mut shop = shop().await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate_declined(&order, PRICE, "REJECT_CARD_PAYMENT").await;
        killed_at(&mut shop, place, async |shop| {
            assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
        })
        .await;
        shop.until(&order, "ABORTED").await;
        assert_eq!((shop.approvals(&order).await, shop.stock(product).await), (0, 1), "{place}");
        // A refusal after a send whose answer nobody wrote down is no proof by itself: Toss is asked, and says so too.
        let causes = shop.causes(&order).await;
        assert!(causes.len() == 2 && ["declined", "toss_aborted"].contains(&causes[1].as_str()), "{place}: {causes:?}");
        shop.finish().await;
    });
    Box::pin(two_at_a_time(stories)).await;
}

/// From the look that finds the approval to the refund that is written down.
const REFUND: [&str; 8] = [
    "AfterSweep",
    "AfterCall/query",
    "BeforeSettle/query",
    "AfterSettle/query",
    "BeforeCall/cancel",
    "AfterCall/cancel",
    "BeforeSettle/cancel",
    "AfterSettle/cancel",
];

#[tokio::test]
async fn what_came_too_late_is_given_back_once_wherever_the_worker_dies() {
    Box::pin(two_at_a_time(REFUND.map(given_back_once))).await;
}

async fn given_back_once(place: &str) {
    let mut shop = shop().await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let lie = json!({"kind": "errorAfter", "status": 403, "code": "REJECT_CARD_PAYMENT"});
    shop.control("rules", json!({"match": {"endpoint": "confirm", "orderId": order}, "times": 1, "then": lie})).await;
    let key = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
    // At the ordinary pace: on a busy machine a call that is given up early would have the lie found out at once.
    shop.add_worker_with(&[("HANBEON_TIME_DIVISOR", "1")]).await;
    shop.until(&order, "ABORTED").await;
    let other = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&other, "DONE").await;
    shop.stop_workers().await;

    killed_at(&mut shop, place, async |shop| {
        shop.database.execute("update payments set check_at = now() where status = 'ABORTED'").await;
    })
    .await;
    shop.until(&order, "CANCELED").await;
    let ledger = shop.control_get(&format!("ledger?orderId={order}")).await;
    let amounts: Vec<i64> =
        ledger["entries"].as_array().unwrap().iter().map(|entry| entry["amount"].as_i64().unwrap()).collect();
    assert_eq!(amounts, [PRICE, -PRICE], "{place}");
    assert_eq!(shop.database.number("select count(*) from cancels").await, 1, "{place}");
    let causes = shop.causes(&order).await;
    assert_eq!(causes[causes.len() - 2..], ["late_approval_returning", "late_approval_returned"], "{place}");
    shop.finish().await;
}

#[tokio::test]
async fn an_order_that_nobody_paid_ends_once_when_the_worker_dies_over_it() {
    let mut shop = shop().await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let paid = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.database.execute("delete from outbox").await;
    killed_at(&mut shop, "AfterExpire", async |shop| {
        shop.database.execute("update orders set expires_at = now() where status = 'READY'").await;
    })
    .await;
    shop.until(&paid, "DONE").await;
    assert_eq!(shop.causes(&order).await, ["not_paid_in_time"]);
    shop.finish().await;
}

#[tokio::test]
async fn a_lost_intent_is_made_again_once_when_the_worker_dies_over_it() {
    let mut shop = shop().await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.database.execute("delete from outbox").await;
    killed_at(&mut shop, "AfterSweep", async |_| {}).await;
    wait_for("the order to be paid", Duration::from_mins(1), async || {
        (shop.status(&order).await == "DONE").then_some(())
    })
    .await;
    assert_eq!(shop.approvals(&order).await, 1);
    shop.finish().await;
}
