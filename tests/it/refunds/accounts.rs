//! Refunds around virtual accounts: closed before the deposit, given back to an account after it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{PRICE, over, reason};
use crate::harness::{shop::Shop, wait_for};

const NUMBER: &str = "110987654321";

fn to_account() -> Value {
    let account = json!({"bank": "88", "accountNumber": NUMBER, "holderName": "카나리아"});
    json!({"cancelReason": "단순 변심", "refundReceiveAccount": account})
}

/// An order that waits for a deposit, and its paymentKey.
async fn waiting(shop: &Shop) -> (String, String) {
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate_account(&order, PRICE, &json!({})).await;
    assert_eq!(shop.confirm(&order, &key, PRICE).await.status.as_u16(), 202);
    shop.until(&order, "WAITING_FOR_DEPOSIT").await;
    (order, key)
}

async fn deposited(shop: &Shop) -> String {
    let (order, key) = waiting(shop).await;
    shop.control("deposit", json!({"paymentKey": key})).await;
    shop.look_back().await;
    shop.until(&order, "DONE").await;
    order
}

async fn on_hand(shop: &Shop) -> i64 {
    shop.database.number("select stock from products").await
}

#[tokio::test]
async fn an_account_is_closed_before_anything_is_paid_into_it() {
    let shop = Shop::hurried(1).await;
    let (order, key) = waiting(&shop).await;
    let part = shop.refund(&order, "part", over(1)).await;
    assert_eq!((part.status.as_u16(), part.code().as_str()), (422, "ONLY_IN_FULL"));
    let account = shop.refund(&order, "account", to_account()).await;
    assert_eq!((account.status.as_u16(), account.code().as_str()), (422, "REFUND_ACCOUNT_NOT_ALLOWED"));
    shop.refunding(&order, "a-key", reason()).await;
    shop.until(&order, "CANCELED").await;
    assert_eq!((on_hand(&shop).await, shop.held(&order).await), (5, 0));
    assert_eq!(shop.view(&order).await["moneyMoved"], false);
    assert_eq!(shop.causes(&order).await.last().unwrap(), "account_closed");
    let page = shop.send(reqwest::Method::GET, &format!("/order/{order}"), None, &[("accept-language", "ko")]).await;
    assert!(
        page.text.contains("입금 전에 취소되었습니다") && page.text.contains("결제된 금액이 없습니다"),
        "{}",
        page.text
    );
    let request = shop.http.post(format!("{}/control/deposit", shop.simulator_url()));
    assert!(request.json(&json!({"paymentKey": key})).send().await.unwrap().status().is_client_error());
    shop.finish().await;
}

#[tokio::test]
async fn a_closing_whose_answer_was_lost_is_found() {
    for then in
        [json!({"kind": "dropAfter"}), json!({"kind": "errorAfter", "status": 500, "code": "FAILED_REFUND_PROCESS"})]
    {
        let shop = Shop::hurried(1).await;
        let (order, _) = waiting(&shop).await;
        shop.on_cancel(&order, then, 1).await;
        shop.refunding(&order, "a-key", reason()).await;
        shop.until(&order, "CANCELED").await;
        assert_eq!(on_hand(&shop).await, 5);
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_deposit_that_comes_before_the_closing_pays_the_order() {
    let mut shop = Shop::hurried(1).await;
    let (order, key) = waiting(&shop).await;
    shop.stop_workers().await;
    shop.refunding(&order, "a-key", reason()).await;
    shop.control("deposit", json!({"paymentKey": key})).await;
    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    let view = shop.view(&order).await;
    assert_eq!(view["cancels"][0]["status"], "FAILED", "{view}");
    assert_eq!((shop.held(&order).await, on_hand(&shop).await), (PRICE, 4));
    shop.refunding(&order, "another", to_account()).await;
    shop.until(&order, "CANCELED").await;
    shop.finish().await;
}

#[tokio::test]
async fn a_deposit_goes_back_to_an_account_that_is_kept_encrypted_and_then_forgotten() {
    let mut shop = Shop::hurried(1).await;
    let order = deposited(&shop).await;
    let without = shop.refund(&order, "without", reason()).await;
    assert_eq!((without.status.as_u16(), without.code().as_str()), (422, "REFUND_ACCOUNT_REQUIRED"));
    for (name, value) in [("bank", "신한"), ("accountNumber", "110-987-654321"), ("holderName", "")] {
        let mut body = to_account();
        body["refundReceiveAccount"][name] = json!(value);
        let malformed = shop.refund(&order, "malformed", body).await;
        assert_eq!((malformed.status.as_u16(), malformed.code().as_str()), (400, "INVALID_REFUND_ACCOUNT"));
        assert_eq!(malformed.json()["field"], format!("refundReceiveAccount.{name}"));
    }
    shop.stop_workers().await;
    shop.refunding(&order, "a-key", to_account()).await;
    assert_eq!(in_the_books(&shop, NUMBER).await + in_the_books(&shop, "카나리아").await, 0, "encrypted");
    assert_eq!(shop.database.number("select count(*) from cancels where request_sealed and request <> ''").await, 1);
    shop.add_worker().await;
    shop.until(&order, "CANCELED").await;
    assert_eq!(shop.database.number("select count(*) from cancels where request <> ''").await, 0, "erased");
    assert_eq!(in_the_books(&shop, NUMBER).await + in_the_books(&shop, "카나리아").await, 0);
    let sent = shop.requests(&order).await;
    let cancel = sent.iter().find(|request| request["endpoint"] == "cancel").unwrap();
    assert!(cancel["body"].as_str().unwrap().contains(NUMBER), "{cancel}");
    assert_eq!((shop.held(&order).await, on_hand(&shop).await), (0, 5));
    shop.finish().await;
}

/// In how many rows of the tables that hold anything of a refund this text can be read.
async fn in_the_books(shop: &Shop, text: &str) -> i64 {
    let mut found = 0;
    for table in ["cancels", "payments", "attempts", "order_events", "api_requests", "outbox"] {
        // As text, and as PostgreSQL writes bytes.
        let sql = format!(
            "select count(*) from {table} t where t::text like '%{text}%'
             or t::text like '%' || encode(convert_to('{text}', 'UTF8'), 'hex') || '%'"
        );
        found += shop.database.number(&sql).await;
    }
    found
}

#[tokio::test]
async fn an_account_that_toss_does_not_take_can_be_corrected() {
    let shop = Shop::hurried(1).await;
    let order = deposited(&shop).await;
    shop.on_cancel(&order, json!({"kind": "error", "status": 400, "code": "INVALID_REFUND_ACCOUNT_NUMBER"}), 1).await;
    shop.refunding(&order, "wrong", to_account()).await;
    wait_for("the refusal", Duration::from_mins(1), async || {
        (shop.view(&order).await["cancels"][0]["status"] == "FAILED").then_some(())
    })
    .await;
    assert_eq!(shop.status(&order).await, "DONE");
    assert_eq!(
        shop.database.number("select count(*) from cancels where request <> ''").await,
        0,
        "erased all the same"
    );
    shop.until_outbox_is_empty().await;
    shop.refunding(&order, "right", to_account()).await;
    shop.until(&order, "CANCELED").await;
    shop.finish().await;
}

#[tokio::test]
async fn a_worker_with_another_key_asks_and_waits_until_one_with_the_right_key_comes() {
    let mut shop = Shop::hurried(1).await;
    let order = deposited(&shop).await;
    shop.stop_workers().await;
    let other = "b3RoZXIga2V5LCB3aGljaCBvcGVucyBub3RoaW5nISE=";
    shop.add_worker_with(&[("REFUND_ACCOUNT_KEY", other)]).await;
    shop.refunding(&order, "a-key", to_account()).await;
    wait_for("a question about the refund", Duration::from_mins(1), async || {
        let asked = "select count(*) from attempts where cancel_no = 1 and call = 'query'";
        (shop.database.number(asked).await > 0).then_some(())
    })
    .await;
    assert_eq!(shop.database.number("select count(*) from attempts where call = 'cancel'").await, 0);
    shop.stop_workers().await;
    shop.add_worker().await;
    shop.until(&order, "CANCELED").await;
    assert_eq!(shop.held(&order).await, 0);
    shop.finish().await;
}

#[tokio::test]
async fn in_a_part_refund_of_a_deposit_the_account_goes_along_each_time() {
    let shop = Shop::hurried(1).await;
    let order = deposited(&shop).await;
    for (key, left) in [("a", 6_000), ("b", 2_000)] {
        let mut body = to_account();
        body["cancelAmount"] = json!(4_000);
        shop.refunding(&order, key, body).await;
        wait_for("the refund", Duration::from_mins(1), async || {
            (shop.view(&order).await["payment"]["balance"] == left).then_some(())
        })
        .await;
    }
    assert_eq!(shop.held(&order).await, 2_000);
    shop.finish().await;
}
