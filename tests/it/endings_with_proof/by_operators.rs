//! What an operator, or the shop's server, does about a review, and how far the bank is with a refund: Toss's answer decides
//! what becomes of it.

use serde_json::json;

use super::{
    LIMIT, PRICE,
    reviews_out::{From, Later, Review, refused},
    wait_for,
};
use crate::harness::shop::Shop;

async fn close(shop: &Shop, order: &str) {
    let closed = shop.act(order, "close", json!({"reason": "고객에게 계좌로 이체함"})).await;
    assert_eq!(closed.status.as_u16(), 202, "{}", closed.text);
}

async fn last_cause(shop: &Shop, order: &str) -> String {
    shop.causes(order).await.pop().unwrap()
}

#[tokio::test]
async fn closing_a_review_whose_money_toss_keeps_ends_it_as_settled_outside() {
    let shop = Shop::hurried(1).await;
    let review = refused(&shop).await;
    close(&shop, &review.order).await;
    review.ends(&shop, "CANCELED", 0).await;
    assert_eq!(last_cause(&shop, &review.order).await, "closed_settled_outside");
    assert_eq!(shop.held(&review.order).await, PRICE, "closing moves no money");
    assert_eq!(shop.database.number("select count(*) from cancels").await, 1, "and begins no refund");
    shop.finish().await;
}

#[tokio::test]
async fn closing_a_review_that_was_never_charged_ends_it_unpaid_and_one_that_was_charged_pays_it() {
    let mut shop = Shop::hurried(1).await;
    shop.lost_attempts_allowed = true;
    for (later, status, stock, cause) in [
        (Later::NeverCharged, "EXPIRED", 1, "closed_not_paid"),
        (Later::Charged, "DONE", 0, "toss_approved"),
        (Later::RefundedInTheConsole, "CANCELED", 1, "canceled_at_toss"),
    ] {
        let review = Review::of(&shop, From::InProgress, later, "review_no_proof").await;
        close(&shop, &review.order).await;
        review.ends(&shop, status, stock).await;
        assert_eq!(last_cause(&shop, &review.order).await, cause);
    }
    shop.finish().await;
}

#[tokio::test]
async fn closing_waits_for_tosss_answer() {
    let mut shop = Shop::hurried(1).await;
    shop.lost_attempts_allowed = true;
    let review = Review::of(&shop, From::InProgress, Later::NeverCharged, "no_answer_about_this_payment").await;
    let silent = shop.rule("query", &review.order, json!({"kind": "dropBefore"}), None).await;
    close(&shop, &review.order).await;
    let asked = "select count(*) from attempts where call = 'query' and http_status is null";
    let before = shop.database.number(asked).await;
    wait_for("three lookups without an answer", LIMIT, async || {
        (shop.database.number(asked).await >= before + 3).then_some(())
    })
    .await;
    assert_eq!(shop.status(&review.order).await, "REVIEW", "silence closes nothing");
    shop.forget_rule(silent).await;
    review.ends(&shop, "EXPIRED", 1).await;
    shop.finish().await;
}

#[tokio::test]
async fn a_bank_transfer_that_is_under_way_is_looked_up_until_it_is_over_and_nothing_is_posted_for_it() {
    for (first, later) in [("NONE", "COMPLETED"), ("PENDING", "COMPLETED"), ("PENDING", "FAILED")] {
        let shop = Shop::hurried(1).await;
        shop.control("switches", json!({"bankRefund": first})).await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.one(product).await;
        let key = shop.waiting_for_deposit(&order).await;
        shop.control("deposit", json!({"paymentKey": key})).await;
        shop.look_at(&key).await;
        shop.until(&order, "DONE").await;
        let account = json!({"bank": "88", "accountNumber": "110987654321", "holderName": "김심"});
        shop.refunding(&order, "a-key", json!({"cancelReason": "반품", "refundReceiveAccount": account})).await;
        shop.until(&order, "CANCELED").await;
        let next = "select coalesce(extract(epoch from check_at - now()), -1)::bigint from payments";
        assert!(shop.database.number(next).await > 0, "{first}: nobody looks whether the bank has paid it");
        shop.control("refund-status", json!({"paymentKey": key, "refundStatus": later})).await;
        shop.look_at(&key).await;
        let view = shop.view(&order).await;
        assert_eq!((&view["status"], &view["payment"]["refundStatus"]), (&json!("CANCELED"), &json!(later)), "{view}");
        let looked_at = shop.database.number(next).await > 0;
        assert_eq!(looked_at, later != "COMPLETED", "{first} then {later}");
        let posts = shop.requests(&order).await.iter().filter(|sent| sent["endpoint"] == "cancel").count();
        assert_eq!(posts, 1, "{first} then {later}");
        shop.finish().await;
    }
}
