//! What Toss may answer to a refund, and what meanwhile happens in its own console.

use std::time::Duration;

use serde_json::json;

use super::{PRICE, over, reason};
use crate::harness::{shop::Shop, wait_for};

#[tokio::test]
async fn a_part_is_given_back_once_whatever_toss_answers() {
    for (then, times) in [
        (json!({"kind": "dropAfter"}), 1),
        (json!({"kind": "dropBefore"}), 2),
        (json!({"kind": "html", "status": 502}), 2),
        (json!({"kind": "errorAfter", "status": 500, "code": "FAILED_REFUND_PROCESS"}), 1),
        (json!({"kind": "errorAfter", "status": 403, "code": "NOT_CANCELABLE_AMOUNT"}), 1),
        (json!({"kind": "error", "status": 500, "code": "FAILED_PARTIAL_REFUND"}), 2),
        (json!({"kind": "error", "status": 409, "code": "IDEMPOTENT_REQUEST_PROCESSING"}), 1),
        (json!({"kind": "error", "status": 400, "code": "A_CODE_OF_TOMORROW"}), 1),
        (json!({"kind": "rateLimit"}), 2),
    ] {
        let shown = then.to_string();
        let shop = Shop::hurried(1).await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.paid(PRICE, &[(product, 1)]).await;
        shop.on_cancel(&order, then, times).await;
        shop.refunding(&order, "a-key", over(3_000)).await;
        shop.until(&order, "PARTIAL_CANCELED").await;
        assert_eq!(shop.held(&order).await, 7_000, "{shown}");
        assert_eq!(shop.view(&order).await["payment"]["balance"], 7_000, "{shown}");
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_refund_that_toss_will_not_make_leaves_the_order_paid_and_says_why() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    shop.on_cancel(&order, json!({"kind": "error", "status": 403, "code": "EXCEED_MAX_REFUND_DUE"}), 1).await;
    shop.refunding(&order, "a-key", reason()).await;
    wait_for("the refusal", Duration::from_mins(1), async || {
        (shop.view(&order).await["cancels"][0]["status"] == "FAILED").then_some(())
    })
    .await;
    let view = shop.view(&order).await;
    assert_eq!((&view["status"], &view["moneyMoved"]), (&json!("DONE"), &json!(true)), "{view}");
    assert_eq!(view["cancels"][0]["failure"]["code"], "EXCEED_MAX_REFUND_DUE", "{view}");
    assert_eq!(shop.causes(&order).await.last().unwrap(), "refund_refused");
    let page = shop.send(reqwest::Method::GET, &format!("/order/{order}"), None, &[("accept-language", "ko")]).await;
    assert!(page.text.contains("결제되었습니다") && page.text.contains("환불 거절"), "{}", page.text);
    // The same key is the same answer, for ever; another one is another refund.
    shop.refunding(&order, "a-key", reason()).await;
    shop.until_outbox_is_empty().await;
    shop.refunding(&order, "another", reason()).await;
    shop.until(&order, "CANCELED").await;
    assert_eq!(shop.stock(product).await, 1);
    shop.finish().await;
}

#[tokio::test]
async fn while_the_bank_sleeps_it_waits_and_says_so() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    shop.on_cancel(&order, json!({"kind": "error", "status": 403, "code": "NOT_AVAILABLE_BANK"}), 1).await;
    shop.refunding(&order, "a-key", reason()).await;
    let view = wait_for("the refund to be put off", Duration::from_mins(1), async || {
        let view = shop.view(&order).await;
        view["cancels"][0]["putOffBy"].is_string().then_some(view)
    })
    .await;
    assert_eq!(view["cancels"][0]["putOffBy"], "NOT_AVAILABLE_BANK", "{view}");
    assert!(view["cancels"][0]["nextLookAt"].is_string(), "{view}");
    shop.until(&order, "CANCELED").await;
    shop.finish().await;
}

#[tokio::test]
async fn what_was_given_back_in_toss_own_console_meanwhile_is_taken_over_and_not_given_back_again() {
    let mut shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    let key = shop.payment_key(&order).await;
    shop.stop_workers().await;
    // An operator and a colleague in Toss's console have the same 3,000 in mind.
    shop.refunding(&order, "ours", over(3_000)).await;
    shop.control("cancel", json!({"paymentKey": key, "cancelAmount": 3_000})).await;
    shop.add_worker().await;
    wait_for("the refund to end", Duration::from_mins(1), async || {
        (shop.view(&order).await["cancels"][0]["status"] == "FAILED").then_some(())
    })
    .await;
    shop.until(&order, "PARTIAL_CANCELED").await;
    assert_eq!((shop.held(&order).await, &shop.view(&order).await["payment"]["balance"]), (7_000, &json!(7_000)));
    let failure = &shop.view(&order).await["cancels"][0]["failure"];
    assert_eq!(failure["code"], "NOT_MATCHES_REFUNDABLE_AMOUNT", "the balance is another one: {failure}");
    // Whoever asks for everything means what is left.
    shop.stop_workers().await;
    shop.refunding(&order, "the-rest", reason()).await;
    shop.control("cancel", json!({"paymentKey": key, "cancelAmount": 1_000})).await;
    shop.add_worker().await;
    shop.until(&order, "CANCELED").await;
    assert_eq!((shop.held(&order).await, shop.stock(product).await), (0, 1));
    let view = shop.view(&order).await;
    assert_eq!(
        (&view["cancels"][1]["status"], &view["cancels"][1]["amount"]),
        (&json!("DONE"), &json!(6_000)),
        "{view}"
    );
    shop.finish().await;
}

#[tokio::test]
async fn a_refund_takes_over_from_a_look_that_is_under_way() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    let rule = json!({"match": {"endpoint": "query", "orderId": order}, "times": 1, "then": {"kind": "hold"}});
    shop.control("rules", rule).await;
    shop.database.execute("update payments set check_at = now()").await;
    wait_for("the look", Duration::from_mins(1), async || {
        let held = "select count(*) from outbox where kind = 3 and lease_until > now()";
        (shop.database.number(held).await == 1).then_some(())
    })
    .await;
    shop.refunding(&order, "a-key", reason()).await;
    shop.until(&order, "CANCELED").await;
    shop.forget_rules().await;
    wait_for("the answer that came too late", Duration::from_mins(1), async || {
        (shop.database.number("select count(*) from attempts where stale").await == 1).then_some(())
    })
    .await;
    shop.finish().await;
}
