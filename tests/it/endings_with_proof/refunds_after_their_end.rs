//! A refund that was called FAILED is looked for again, the worker's own is shown to a person, and one that is called off ends
//! by the same proof.

use serde_json::{Value, json};

use super::{
    LIMIT, PRICE,
    refunds_that_end::{DIVISOR, Refund, answer},
    times, wait_for,
};
use crate::{
    harness::shop::Shop,
    refunds::{over, reason},
};

/// Puts into Toss's list what a send of ours does that acts long after its answer.
async fn acts_late(shop: &Shop, order: &str) {
    let sent = shop.requests(order).await;
    let ours = sent.iter().find(|request| request["endpoint"] == "cancel").unwrap();
    let mut body: Value = serde_json::from_str(ours["body"].as_str().unwrap()).unwrap();
    body["paymentKey"] = ours["paymentKey"].clone();
    shop.control("cancel", body).await;
}

#[tokio::test]
async fn a_refund_that_acted_after_it_was_called_failed_is_found_and_becomes_done() {
    for (body, status, stock) in [(over(3_000), "PARTIAL_CANCELED", 0), (reason(), "CANCELED", 1)] {
        let shop = Shop::hurried_by(DIVISOR, 1).await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.paid(PRICE, &[(product, 1)]).await;
        shop.rule("cancel", &order, answer("NOT_CANCELABLE_PAYMENT"), Some(1)).await;
        shop.refunding(&order, "a-key", body).await;
        shop.until_refund_is(&order, 1, "FAILED").await;
        shop.look_back().await; // a lookup that had begun before would see nothing, and plan the next in a quarter of an hour
        acts_late(&shop, &order).await;
        shop.look_back().await;
        let view = shop.until_refund_is(&order, 1, "DONE").await;
        assert_eq!((&view["status"], &view["cancels"][0]["failure"]), (&json!(status), &Value::Null), "{view}");
        assert!(shop.causes(&order).await.iter().any(|cause| cause == "refund_found_late"), "{view}");
        assert_eq!((shop.stock(product).await, &view["payment"]["balance"]), (stock, &json!(shop.held(&order).await)));
        shop.audit_now().await;
        shop.finish().await;
    }
}

#[tokio::test]
async fn what_was_called_failed_is_looked_up_after_a_quarter_of_an_hour_an_hour_and_a_day() {
    let shop = Shop::hurried_by(DIVISOR, 1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    shop.rule("cancel", &order, answer("NOT_CANCELABLE_PAYMENT"), Some(1)).await;
    shop.refunding(&order, "a-key", reason()).await;
    shop.until_refund_is(&order, 1, "FAILED").await;
    let next = async || {
        wait_for("the next lookup to be planned", LIMIT, async || {
            let ahead = "select coalesce(extract(epoch from min(check_at) - now()), -1)::bigint from payments";
            Some(shop.database.number(ahead).await).filter(|to_come| *to_come > 0)
        })
        .await
    };
    // These may or may not be in a hurry with the rest of the worker: nothing waits for them.
    let divisor = if next().await > 15 * 60 / i64::from(DIVISOR) { 1 } else { i64::from(DIVISOR) };
    // The minutes until the next lookup, at most, and the age of the failure at which that one is made.
    for (minutes, age) in [(15, 16), (60, 61), (24 * 60, 24 * 60 + 1)] {
        let (at_most, to_come) = (minutes * 60 / divisor, next().await);
        assert!((at_most / 3..=at_most).contains(&to_come), "in {to_come} s, not {at_most}");
        // As if the time had come.
        let age = age * 60 / divisor;
        shop.database.execute(&format!("update cancels set finished_at = now() - interval '{age} seconds'")).await;
        shop.look_back().await;
        assert_eq!(shop.view(&order).await["cancels"][0]["status"], "FAILED");
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_refund_of_the_workers_own_that_ends_unmade_is_shown_to_an_operator() {
    for code in ["FAILED_INTERNAL_SYSTEM_PROCESSING", "A_CODE_OF_TOMORROW", "NOT_CANCELABLE_AMOUNT"] {
        let shop = Shop::hurried_by(DIVISOR, 1).await;
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.one(product).await;
        let key = shop.lied_to(&order).await;
        let other = shop.buys(product).await;
        shop.until(&other, "DONE").await;
        shop.rule("cancel", &order, answer(code), None).await;
        shop.database.execute("update payments set check_at = now() where status = 'ABORTED'").await;
        wait_for("the refund to be sent", LIMIT, async || (!shop.cancels_sent(&order).await.is_empty()).then_some(()))
            .await;
        shop.age("61 minutes").await;
        shop.until(&order, "REVIEW").await;
        shop.audit_now().await;
        let view = shop.view(&order).await;
        assert_eq!((&view["moneyMoved"], &view["cancels"][0]["status"]), (&json!(true), &json!("FAILED")), "{view}");
        assert_eq!(view["cancels"][0]["failure"]["code"], code, "{view}");
        assert_eq!((shop.held_by(&order, &key).await, shop.stock(product).await), (PRICE, 0));
        shop.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_that_is_called_off_is_not_sent_again_and_ends_once_its_sends_are_over() {
    const DIVISOR: i64 = 15;
    for code in ["FAILED_INTERNAL_SYSTEM_PROCESSING", "A_CODE_OF_TOMORROW", "NOT_AVAILABLE_BANK", "EXCEED_CANCEL_LIMIT"]
    {
        let shop = Shop::hurried(1).await;
        let refund = Refund::meets(&shop, &answer(code)).await;
        wait_for("the first send", LIMIT, async || (!shop.cancels_sent(&refund.order).await.is_empty()).then_some(()))
            .await;
        shop.call_off(&refund.order).await;
        let view = refund.has_failed(&shop, code).await;
        assert_eq!(view["cancels"][0]["failure"]["code"], code, "{view}");
        let called_off =
            shop.database.number("select (extract(epoch from called_off_at) * 1000)::bigint from cancels").await;
        let sent = shop.cancels_sent(&refund.order).await;
        let ended = shop.database.number("select (extract(epoch from finished_at) * 1000)::bigint from cancels").await;
        // A worker that had claimed it by then may send it once more.
        let later = sent.iter().filter(|sent| sent.begun_at > called_off).count();
        assert!(later <= 1, "{code}: called off at {called_off}: {sent:?}");
        let after = ended - sent.last().unwrap().over_at;
        let may_still_act = code.starts_with("FAILED");
        let least = if may_still_act { times::SEND_HORIZON } else { times::BETWEEN_LOOKUPS };
        assert!(after >= least / DIVISOR - 100, "{code}: called failed {after} ms after its last send");
        refund.is_free(&shop, code).await;
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_refund_that_is_called_off_after_toss_made_it_is_done() {
    let shop = Shop::hurried(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    let then = json!({"kind": "errorAfter", "status": 500, "code": "FAILED_REFUND_PROCESS"});
    shop.rule("cancel", &order, then, Some(1)).await;
    shop.rule("query", &order, json!({"kind": "stale", "seconds": 4, "shows": "beforeCancels"}), None).await;
    shop.refunding(&order, "a-key", reason()).await;
    wait_for("the send", LIMIT, async || (!shop.cancels_sent(&order).await.is_empty()).then_some(())).await;
    shop.call_off(&order).await;
    let view = shop.until_refund_is(&order, 1, "DONE").await;
    assert_eq!(
        (&view["status"], shop.held(&order).await, shop.stock(product).await),
        (&json!("CANCELED"), 0, 1),
        "{view}"
    );
    shop.finish().await;
}
