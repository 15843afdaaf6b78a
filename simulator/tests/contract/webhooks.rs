//! What Toss tells by itself: the events, their shapes, and what it keeps to itself.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::shop::{Hook, Shop};
use crate::toss::{DAY, MINUTE, Toss, account, fresh, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: a_change_of_status_brings_the_whole_payment,
        Control: neither_ready_nor_in_progress_is_told,
        Control: a_decline_and_an_expiry_are_told,
        Control: each_cancel_is_told_also_one_in_the_console,
        Control: a_deposit_callback_is_flat_and_names_no_payment,
        Control: a_virtual_account_tells_both_to_who_wants_both,
        Control: a_due_date_that_passes_is_not_told,
        Control: a_cancel_of_a_foreign_payment_has_an_event_of_its_own,
        Control: a_webhook_has_its_headers_and_no_signature,
        Control: created_at_has_no_zone,
    ]
}

const PAYMENTS: &str = "PAYMENT_STATUS_CHANGED";
const DEPOSITS: &str = "DEPOSIT_CALLBACK";

fn names(body: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The events do not promise an order.
fn statuses(hooks: &[Hook]) -> Vec<&str> {
    let mut statuses: Vec<&str> = hooks.iter().map(|hook| text(&hook.body["data"]["status"])).collect();
    statuses.sort_unstable();
    statuses
}

async fn hear(shop: &mut Shop, count: usize) -> Vec<Hook> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(shop.next().await);
    }
    heard
}

async fn a_change_of_status_brings_the_whole_payment(toss: Toss) {
    let mut shop = Shop::open(&toss, &[PAYMENTS]).await;
    let payment = toss.paid(1000).await;
    let hook = shop.next().await;
    assert_eq!(names(&hook.body), ["createdAt", "data", "eventType"]);
    assert_eq!((&hook.body["eventType"], &hook.body["data"]), (&json!(PAYMENTS), &payment));
    assert!(payment["secret"].is_string());
}

async fn neither_ready_nor_in_progress_is_told(toss: Toss) {
    let mut shop = Shop::open(&toss, &[PAYMENTS]).await;
    toss.ready(1000).await;
    toss.authenticated(1000).await;
    assert_eq!(statuses(&shop.rest(&toss).await), [""; 0]);
}

async fn a_decline_and_an_expiry_are_told(toss: Toss) {
    let mut shop = Shop::open(&toss, &[PAYMENTS]).await;
    let due = toss.authenticated_with(json!({ "amount": 1000, "decline": "REJECT_CARD_COMPANY" })).await;
    toss.confirm(&due).await.is(403, "REJECT_CARD_COMPANY");
    let hook = shop.next().await;
    assert_eq!(
        (&hook.body["data"]["status"], &hook.body["data"]["paymentKey"]),
        (&json!("ABORTED"), &due["paymentKey"])
    );
    let (opened, due) = (toss.ready(1000).await, toss.authenticated(1000).await);
    toss.advance(31 * MINUTE).await;
    let heard = hear(&mut shop, 2).await;
    assert_eq!(statuses(&heard), ["EXPIRED", "EXPIRED"]);
    for payment in [opened, due] {
        assert!(heard.iter().any(|hook| hook.body["data"]["paymentKey"] == payment["paymentKey"]));
    }
}

async fn each_cancel_is_told_also_one_in_the_console(toss: Toss) {
    let mut shop = Shop::open(&toss, &[PAYMENTS]).await;
    let payment = toss.paid(1000).await;
    assert_eq!(shop.next().await.body["data"]["status"], "DONE");
    toss.cancel(&payment, &json!({ "cancelReason": "반품", "cancelAmount": 1 })).await.ok();
    assert_eq!(shop.next().await.body["data"]["status"], "PARTIAL_CANCELED");
    toss.control("cancel", &json!({ "paymentKey": payment["paymentKey"], "cancelAmount": 2 })).await;
    let hook = shop.next().await;
    assert_eq!(
        (&hook.body["data"]["status"], &hook.body["data"]["balanceAmount"]),
        (&json!("PARTIAL_CANCELED"), &json!(997))
    );
    let other = toss.paid(1000).await;
    assert_eq!(shop.next().await.body["data"]["status"], "DONE");
    toss.cancel(&other, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
    assert_eq!(shop.next().await.body["data"]["status"], "CANCELED");
}

async fn a_deposit_callback_is_flat_and_names_no_payment(toss: Toss) {
    let mut shop = Shop::open(&toss, &[DEPOSITS]).await;
    let payment = toss.waiting(30000).await;
    let key = json!({ "paymentKey": payment["paymentKey"] });
    let mut seen = vec![shop.next().await];
    for path in ["deposit", "revert-deposit", "deposit"] {
        toss.control(path, &key).await;
        seen.push(shop.next().await);
    }
    let account = json!({ "bank": "20", "accountNumber": "1002123456789", "holderName": "김심" });
    for amount in [10000, 20000] {
        let body = json!({ "cancelReason": "반품", "cancelAmount": amount, "refundReceiveAccount": account });
        toss.cancel(&payment, &body).await.ok();
        seen.push(shop.next().await);
    }
    let statuses: Vec<&str> = seen.iter().map(|hook| text(&hook.body["status"])).collect();
    let both = ["PARTIAL_CANCELED", "PARTIAL_CANCELED"];
    assert_eq!(statuses, [&["WAITING_FOR_DEPOSIT", "DONE", "WAITING_FOR_DEPOSIT", "DONE"][..], &both].concat());
    for hook in seen {
        assert_eq!(names(&hook.body), ["createdAt", "orderId", "secret", "status", "transactionKey"]);
        assert_eq!((&hook.body["orderId"], &hook.body["secret"]), (&payment["orderId"], &payment["secret"]));
    }
}

async fn a_virtual_account_tells_both_to_who_wants_both(toss: Toss) {
    let mut shop = Shop::open(&toss, &[PAYMENTS, DEPOSITS]).await;
    let payment = toss.waiting(30000).await;
    let mut kinds: Vec<bool> = Vec::new();
    for hook in hear(&mut shop, 2).await {
        kinds.push(hook.body.get("eventType").is_some());
    }
    toss.control("deposit", &json!({ "paymentKey": payment["paymentKey"] })).await;
    for hook in hear(&mut shop, 2).await {
        kinds.push(hook.body.get("eventType").is_some());
    }
    assert_eq!(kinds.iter().filter(|kind| **kind).count(), 2, "{kinds:?}");
    // A card payment has no deposit to tell of.
    toss.paid(1000).await;
    assert_eq!(shop.next().await.body["data"]["status"], "DONE");
    assert_eq!(shop.rest(&toss).await.len(), 0);
}

async fn a_due_date_that_passes_is_not_told(toss: Toss) {
    let payment = toss.post("/v1/virtual-accounts", &account(30000)).await.ok();
    let mut shop = Shop::open(&toss, &[PAYMENTS, DEPOSITS]).await;
    toss.advance(8 * DAY).await;
    assert_eq!(toss.query(&payment).await.ok()["virtualAccount"]["expired"], true);
    assert_eq!(shop.rest(&toss).await.len(), 0);
}

async fn a_cancel_of_a_foreign_payment_has_an_event_of_its_own(toss: Toss) {
    let mut shop = Shop::open(&toss, &["CANCEL_STATUS_CHANGED"]).await;
    // A cancel of a domestic card is no event of this kind.
    let domestic = toss.paid(1000).await;
    toss.cancel(&domestic, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
    assert_eq!(shop.rest(&toss).await.len(), 0);
    let foreign = json!({ "amount": 10, "method": "FOREIGN_EASY_PAY", "foreignEasyPay": "ALIPAY", "currency": "USD" });
    let payment = toss.paid_with(foreign).await;
    let request_id = fresh("cancel");
    let body = json!({ "cancelReason": "refund", "currency": "USD", "cancelRequestId": request_id });
    let cancel = toss.cancel(&payment, &body).await.ok()["cancels"][0].clone();
    assert_eq!((&cancel["cancelStatus"], &cancel["cancelRequestId"]), (&json!("IN_PROGRESS"), &json!(request_id)));
    let decided = json!({ "paymentKey": payment["paymentKey"], "cancelStatus": "DONE" });
    toss.control("cancel-status", &decided).await;
    let hook = shop.next().await;
    assert_eq!(hook.body["data"]["cancelStatus"], "DONE");
    assert_eq!(toss.query(&payment).await.ok()["cancels"][0]["cancelStatus"], "DONE");
    assert_eq!(names(&hook.body), ["createdAt", "data", "eventType"]);
    assert_eq!(hook.body["eventType"], "CANCEL_STATUS_CHANGED");
    for field in ["transactionKey", "cancelReason", "cancelStatus", "cancelRequestId", "cancelAmount"] {
        assert!(hook.body["data"].get(field).is_some(), "no {field}: {}", hook.body);
    }
}

async fn a_webhook_has_its_headers_and_no_signature(toss: Toss) {
    let mut shop = Shop::open(&toss, &[PAYMENTS]).await;
    toss.paid(1000).await;
    let hook = shop.next().await;
    assert!(hook.header("id").starts_with("whtrans_"), "{:?}", hook.headers);
    assert_eq!(hook.header("retried-count"), "0");
    assert!(hook.header("time").ends_with("+09:00"), "{:?}", hook.headers);
    assert!(hook.headers["content-type"].to_str().unwrap().starts_with("application/json"));
    assert!(hook.headers.get("tosspayments-webhook-signature").is_none());
}

async fn created_at_has_no_zone(toss: Toss) {
    let mut shop = Shop::open(&toss, &[PAYMENTS]).await;
    let payment = toss.paid(1000).await;
    let hook = shop.next().await;
    let at = text(&hook.body["createdAt"]);
    let (second, fraction) = at.split_once('.').unwrap();
    assert!((1..=9).contains(&fraction.len()) && fraction.chars().all(|c| c.is_ascii_digit()), "{at}");
    assert_eq!((second.len(), &second[..10]), (19, &text(&payment["approvedAt"])[..10]), "{at}");
}
