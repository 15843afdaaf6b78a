//! Late success wins: what Toss approved after we called it failed is delivered, or given back in full, once.

use serde_json::json;
use shared::order::ProductId;

use crate::harness::shop::Shop;

const PRICE: i64 = 50_000;

/// A shop that sells one thing, and an order whose decline hid an approval.
async fn lied_to(stock: i64) -> (Shop, ProductId, String) {
    lied_to_in(Shop::start(1).await, stock).await
}

async fn lied_to_in(shop: Shop, stock: i64) -> (Shop, ProductId, String) {
    let product = shop.product("Ogu T", PRICE, stock).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let lie = json!({"kind": "errorAfter", "status": 403, "code": "REJECT_CARD_PAYMENT"});
    shop.control("rules", json!({"match": {"endpoint": "confirm", "orderId": order}, "times": 1, "then": lie})).await;
    let key = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "ABORTED").await;
    assert_eq!(shop.approvals(&order).await, 1, "Toss took the money and said that it did not");
    (shop, product, order)
}

#[tokio::test]
async fn a_decline_that_hid_an_approval_is_delivered_when_the_stock_allows() {
    let (shop, product, order) = lied_to(1).await;
    shop.look_back().await;
    assert_eq!(shop.status(&order).await, "DONE");
    assert_eq!(shop.stock(product).await, 0, "taken again");
    assert_eq!(shop.causes(&order).await, ["confirm_accepted", "declined", "late_approval"]);
    shop.finish().await;
}

#[tokio::test]
async fn an_early_look_that_does_not_show_it_yet_is_not_the_last_one() {
    let (shop, product, order) = lied_to(1).await;
    for shows in ["notFound", "before"] {
        let stale = json!({"kind": "stale", "seconds": 600, "shows": shows});
        shop.control("rules", json!({"match": {"endpoint": "query", "orderId": order}, "times": 1, "then": stale}))
            .await;
        shop.look_back().await;
        assert_eq!(shop.status(&order).await, "ABORTED", "Toss's own books lag behind");
    }
    shop.look_back().await;
    assert_eq!((shop.status(&order).await.as_str(), shop.stock(product).await), ("DONE", 0));
    shop.finish().await;
}

#[tokio::test]
async fn it_is_given_back_when_somebody_else_has_bought_the_last_piece() {
    let (shop, product, order) = lied_to(1).await;
    let other = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&other, "DONE").await;
    shop.look_back().await;
    shop.until(&order, "CANCELED").await;
    assert_eq!((shop.held(&order).await, shop.held(&other).await), (0, PRICE));
    assert_eq!(
        shop.causes(&order).await,
        ["confirm_accepted", "declined", "late_approval_returning", "late_approval_returned"]
    );
    shop.finish().await;
}

#[tokio::test]
async fn of_two_approvals_of_one_order_the_later_is_given_back_in_full() {
    let (shop, product, order) = lied_to(5).await;
    let other = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &other, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "DONE").await;
    assert_eq!(shop.held(&order).await, 2 * PRICE, "the shopper paid twice");
    shop.look_back().await;
    assert_eq!(shop.held(&order).await, PRICE);
    assert_eq!((shop.status(&order).await.as_str(), shop.stock(product).await), ("DONE", 4));
    let causes = shop.causes(&order).await;
    assert_eq!(causes[causes.len() - 2..], ["second_approval_returning", "second_approval_returned"]);
    shop.finish().await;
}

#[tokio::test]
async fn a_refund_is_made_once_whatever_toss_answers() {
    for (then, times) in [
        (json!({"kind": "dropAfter"}), 1),
        (json!({"kind": "dropBefore"}), 3),
        (json!({"kind": "html", "status": 502}), 2),
        (json!({"kind": "errorAfter", "status": 500, "code": "FAILED_REFUND_PROCESS"}), 1),
        (json!({"kind": "error", "status": 500, "code": "FAILED_REFUND_PROCESS"}), 2),
        (json!({"kind": "error", "status": 409, "code": "IDEMPOTENT_REQUEST_PROCESSING"}), 1),
        (json!({"kind": "error", "status": 400, "code": "A_CODE_OF_TOMORROW"}), 1),
        (json!({"kind": "rateLimit"}), 2),
    ] {
        let shown = then.to_string();
        let (shop, product, order) = lied_to_in(Shop::hurried(1).await, 1).await;
        let other = shop.accepted(PRICE, &[(product, 1)]).await;
        shop.until(&other, "DONE").await;
        shop.on_cancel(&order, then, times).await;
        shop.look_back().await;
        shop.until(&order, "CANCELED").await;
        assert_eq!(shop.held(&order).await, 0, "{shown}");
        assert_eq!(shop.database.number("select count(*) from cancels where status = 'DONE'").await, 1, "{shown}");
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_refund_that_toss_refuses_for_good_is_shown_to_a_human() {
    let (shop, product, order) = lied_to_in(Shop::hurried(1).await, 1).await;
    let other = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&other, "DONE").await;
    shop.on_cancel(&order, json!({"kind": "error", "status": 403, "code": "NOT_CANCELABLE_PAYMENT"}), 1).await;
    shop.look_back().await;
    shop.until(&order, "REVIEW").await;
    assert_eq!(shop.causes(&order).await.last().unwrap(), "refund_refused");
    // Whatever makes us look again, a webhook that anybody may write for one, begins no other try: that is the human's.
    shop.database.execute("update payments set check_at = now()").await;
    shop.look_back().await;
    assert_eq!(shop.database.number("select count(*) from cancels").await, 1);
    assert_eq!((shop.status(&order).await.as_str(), shop.causes(&order).await.len()), ("REVIEW", 4));
    let metrics = shop.metrics().await;
    assert!(metrics.contains(r#"hanbeon_review_orders{reason="refund_refused"} 1"#), "{metrics}");
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(view["moneyMoved"], true, "Toss holds it, and nobody is giving it back: {view}");
    shop.finish().await;
}

#[tokio::test]
async fn a_refund_that_meets_another_balance_is_planned_anew() {
    let (shop, product, order) = lied_to_in(Shop::hurried(1).await, 1).await;
    let other = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&other, "DONE").await;
    // Between our plan and our call somebody gives a part back in Toss's own console.
    shop.on_cancel(&order, json!({"kind": "dropBefore"}), 2).await;
    shop.database.execute("update payments set check_at = now() where check_at is not null").await;
    crate::harness::wait_for("the first try to give back", std::time::Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from attempts where call = 'cancel'").await > 0).then_some(())
    })
    .await;
    let ledger = shop.control_get(&format!("ledger?orderId={order}")).await;
    let key = ledger["entries"][0]["paymentKey"].as_str().unwrap();
    shop.control("cancel", json!({"paymentKey": key, "cancelAmount": 20_000})).await;
    shop.until(&order, "CANCELED").await;
    assert_eq!(shop.held(&order).await, 0);
    assert_eq!(shop.database.number("select amount from cancels").await, 30_000);
    shop.finish().await;
}

#[tokio::test]
async fn while_it_is_given_back_the_order_cannot_be_paid_again() {
    let (shop, product, order) = lied_to(1).await;
    let other = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&other, "DONE").await;
    shop.on_cancel(&order, json!({"kind": "hold"}), 1).await;
    shop.database.execute("update payments set check_at = now() where check_at is not null").await;
    crate::harness::wait_for("the refund to be under way", std::time::Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from cancels where status = 'IN_PROGRESS'").await == 1).then_some(())
    })
    .await;
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!((&view["moneyMoved"], &view["returning"]["amount"]), (&json!(true), &json!(PRICE)), "{view}");
    let page = shop.send(reqwest::Method::GET, &format!("/order/{order}"), None, &[("accept-language", "ko")]).await;
    assert!(page.text.contains("50,000원") && page.text.contains("돌려드리는 중"), "{}", page.text);
    let key = shop.authenticate(&order, PRICE).await;
    let refused = shop.confirm(&order, &key, PRICE).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "PAYMENT_IN_PROGRESS"));
    shop.forget_rules().await;
    shop.until(&order, "CANCELED").await;
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!((&view["moneyMoved"], &view["returning"]), (&json!(false), &json!(null)), "{view}");
    assert_eq!(view["cancels"][0]["status"], "DONE", "{view}");
    shop.finish().await;
}

#[tokio::test]
async fn a_look_back_gives_way_to_a_new_payment_and_is_taken_up_after_it() {
    let (shop, _, order) = lied_to(5).await;
    // The look back is under way, and Toss is slow to answer, when the shopper pays again.
    shop.control(
        "rules",
        json!({"match": {"endpoint": "query", "orderId": order}, "times": 1, "then": {"kind": "hold"}}),
    )
    .await;
    shop.database.execute("update payments set check_at = now() where check_at is not null").await;
    crate::harness::wait_for("the look back", std::time::Duration::from_mins(1), async || {
        let held = "select count(*) from outbox where kind = 3 and lease_until > now()";
        (shop.database.number(held).await == 1).then_some(())
    })
    .await;
    let other = shop.authenticate(&order, PRICE).await;
    assert_eq!(shop.confirm(&order, &other, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "DONE").await;
    shop.forget_rules().await;
    crate::harness::wait_for("the answer that came too late", std::time::Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from attempts where stale").await == 1).then_some(())
    })
    .await;
    shop.look_back().await;
    assert_eq!(shop.held(&order).await, PRICE, "the first approval was found again and given back");
    assert_eq!(shop.database.number("select count(*) from attempts where stale").await, 1);
    shop.finish().await;
}
