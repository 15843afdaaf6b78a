//! Answers, notices and workers that are lost on the way.

use super::{Duration, PRICE, STOCK, Shop, Story, json, wait_for};
use crate::crashes::worker;

#[tokio::test]
async fn the_answer_to_the_confirm_is_lost_and_asking_finds_the_account() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, STOCK).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    shop.control("rules", json!({"match": {"endpoint": "confirm"}, "then": {"kind": "dropAfter"}})).await;
    let key = shop.authenticate_account(&order, PRICE, &json!({"validHours": 1})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "WAITING_FOR_DEPOSIT").await;
    let asked = shop.requests(&order).await.iter().filter(|request| request["method"] == "GET").count();
    assert!(asked >= 1, "no confirm was answered");
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert!(view["payment"]["virtualAccount"]["accountNumber"].is_string(), "{view}");
    assert_eq!(shop.causes(&order).await, ["confirm_accepted", "account_issued"]);
    shop.look_back().await;
    shop.finish().await;
}

#[tokio::test]
async fn a_repeated_confirm_tells_what_was_and_a_look_what_became_of_it() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, STOCK).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    for endpoint in ["confirm", "query"] {
        shop.control("rules", json!({"match": {"endpoint": endpoint}, "then": {"kind": "dropAfter"}})).await;
    }
    let key = shop.authenticate_account(&order, PRICE, &json!({"validHours": 1})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    // The shopper saw the account in Toss's window, and paid before we heard of it.
    wait_for("the account that nobody told us of", Duration::from_secs(30), async || {
        let url = format!("{}/control/deposit", shop.simulator_url());
        let deposited = shop.http.post(url).json(&json!({"paymentKey": key})).send().await.unwrap();
        deposited.status().is_success().then_some(())
    })
    .await;
    shop.forget_rules().await;
    // Not after ten minutes.
    shop.until(&order, "DONE").await;
    assert_eq!(shop.approvals(&order).await, 1);
    shop.database.execute("update payments set check_at = now() + interval '1 hour' where check_at is not null").await;
    shop.finish().await;
}

#[tokio::test]
async fn a_deposit_while_no_worker_runs_and_no_notice_comes_is_found_by_the_next_worker() {
    let mut story = Story::begin().await;
    story.shop.stop_workers().await;
    story.deposit().await;
    story.shop.database.execute("update payments set check_at = now() - interval '3 hours'").await;
    assert_eq!(story.status().await, "WAITING_FOR_DEPOSIT");
    story.shop.add_worker().await;
    story.until("DONE").await;
    assert_eq!(story.causes().await, ["toss_approved"]);
    story.end().await;
}

#[tokio::test]
async fn a_copy_that_lags_behind_the_deposit_is_asked_again() {
    let story = Story::begin().await;
    story.deposit().await;
    for shows in ["before", "notFound"] {
        let stale = json!({"kind": "stale", "seconds": 600, "shows": shows});
        let rule = json!({"match": {"endpoint": "query", "orderId": story.order}, "times": 1, "then": stale});
        story.shop.control("rules", rule).await;
        let before = story.queries().await;
        story.shop.database.execute("update payments set check_at = now() where check_at is not null").await;
        wait_for("the look", Duration::from_mins(1), async || (story.queries().await > before).then_some(())).await;
        story.shop.until_outbox_is_empty().await;
    }
    story.shop.look_back().await;
    assert_eq!((story.status().await.as_str(), story.stock().await), ("DONE", STOCK - 1));
    assert_eq!(story.causes().await, ["toss_approved"]);
    story.end().await;
}

#[tokio::test]
async fn a_worker_that_dies_over_what_it_found_is_followed_by_another_that_finds_it_too() {
    for place in ["AfterCall/query", "BeforeSettle/query", "AfterSettle/query"] {
        for taken_back in [false, true] {
            let mut story = Story::begin().await;
            story.shop.lost_attempts_allowed = true;
            story.deposit().await;
            if taken_back {
                story.shop.look_back().await;
                story.take_back().await;
                // Long enough after it for a look to be believed.
                wait_for("the deposit to be old", Duration::from_mins(1), async || {
                    let young = "select count(*) from order_events where at > now() - interval '5 seconds'";
                    (story.shop.database.number(young).await == 0).then_some(())
                })
                .await;
            }
            story.shop.stop_workers().await;
            let mut doomed = worker(&story.shop, Some(place)).await;
            story.shop.database.execute("update payments set check_at = now() where check_at is not null").await;
            doomed.stopped_at(place).await;
            doomed.kill().await;
            story.shop.add_worker().await;
            let (status, causes): (_, &[&str]) = if taken_back {
                ("WAITING_FOR_DEPOSIT", &["toss_approved", "deposit_reversed"])
            } else {
                ("DONE", &["toss_approved"])
            };
            story.until(status).await;
            assert_eq!(story.causes().await, causes, "{place}");
            assert_eq!(story.stock().await, STOCK - 1, "{place}");
            story.end().await;
        }
    }
}
