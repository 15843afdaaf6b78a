//! Cash receipts, issued by themselves and with a payment.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{DAY, Toss, fresh, int, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: a_receipt_is_issued_and_first_in_progress,
        Key: a_receipt_is_cancelled_by_a_receipt_of_its_own,
        Key: a_part_of_a_receipt_can_be_cancelled,
        Key: two_receipts_may_be_issued_for_one_order,
        Key: what_is_required_is_required,
        Control: receipts_are_listed_by_day,
        Control: a_receipt_is_completed_after_days,
        Control: a_receipt_asked_for_in_the_window_is_on_the_payment,
    ]
}

fn receipt() -> Value {
    json!({
        "amount": 10000, "orderId": fresh("order"), "orderName": "책 한 권", "type": "소득공제",
        "customerIdentityNumber": "01012345678",
    })
}

async fn issued(toss: &Toss) -> Value {
    toss.post("/v1/cash-receipts", &receipt()).await.ok()
}

async fn a_receipt_is_issued_and_first_in_progress(toss: Toss) {
    let body = receipt();
    let issued = toss.post("/v1/cash-receipts", &body).await.ok();
    for field in ["amount", "orderId", "orderName", "type"] {
        assert_eq!(issued[field], body[field], "{field}");
    }
    let names = "receiptKey issueNumber issueStatus taxFreeAmount transactionType businessNumber \
        customerIdentityNumber failure requestedAt receiptUrl";
    for field in names.split_whitespace() {
        assert!(issued.get(field).is_some(), "no {field}");
    }
    assert_eq!((&issued["issueStatus"], &issued["transactionType"]), (&json!("IN_PROGRESS"), &json!("CONFIRM")));
    assert!(text(&issued["issueNumber"]).len() <= 9 && text(&issued["receiptKey"]).len() <= 200);
}

async fn a_receipt_is_cancelled_by_a_receipt_of_its_own(toss: Toss) {
    let issued = issued(&toss).await;
    let path = format!("/v1/cash-receipts/{}/cancel", text(&issued["receiptKey"]));
    let cancelled = toss.post(&path, &json!({})).await.ok();
    assert!(text(&cancelled["receiptKey"]).starts_with("c_"), "{cancelled}");
    assert_eq!((&cancelled["transactionType"], int(&cancelled["amount"])), (&json!("CANCEL"), 10000));
    assert_eq!(cancelled["orderId"], issued["orderId"]);
}

async fn a_part_of_a_receipt_can_be_cancelled(toss: Toss) {
    let issued = issued(&toss).await;
    let path = format!("/v1/cash-receipts/{}/cancel", text(&issued["receiptKey"]));
    assert_eq!(int(&toss.post(&path, &json!({ "amount": 4000 })).await.ok()["amount"]), 4000);
    let refused = toss.post(&path, &json!({ "amount": 10001 })).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
}

async fn two_receipts_may_be_issued_for_one_order(toss: Toss) {
    let body = receipt();
    let first = toss.post("/v1/cash-receipts", &body).await.ok();
    let second = toss.post("/v1/cash-receipts", &body).await.ok();
    assert_ne!(first["receiptKey"], second["receiptKey"]);
}

async fn what_is_required_is_required(toss: Toss) {
    for field in ["amount", "orderId", "orderName", "type", "customerIdentityNumber"] {
        let mut body = receipt();
        body.as_object_mut().unwrap().remove(field);
        let refused = toss.post("/v1/cash-receipts", &body).await;
        assert_eq!(refused.status, 400, "{field}: {}", refused.text);
    }
    let mut body = receipt();
    body["type"] = json!("세금계산서");
    assert_eq!(toss.post("/v1/cash-receipts", &body).await.status, 400);
}

async fn receipts_are_listed_by_day(toss: Toss) {
    let mut keys = Vec::new();
    for _ in 0..3 {
        keys.push(issued(&toss).await);
    }
    let day = &text(&keys[0]["requestedAt"])[..10];
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = toss.get(&format!("/v1/cash-receipts?requestDate={day}&limit=2{cursor}")).await.ok();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 2 && page["lastCursor"].is_i64());
        seen.extend(data.clone());
        if page["hasNext"] == false {
            break;
        }
        cursor = format!("&cursor={}", int(&page["lastCursor"]));
    }
    seen.sort_by_key(|receipt| text(&receipt["receiptKey"]).to_owned());
    keys.sort_by_key(|receipt| text(&receipt["receiptKey"]).to_owned());
    assert_eq!(seen, keys);
    let other = toss.get("/v1/cash-receipts?requestDate=2020-01-01").await.ok();
    assert_eq!((&other["hasNext"], &other["data"]), (&json!(false), &json!([])));
}

async fn a_receipt_is_completed_after_days(toss: Toss) {
    let issued = issued(&toss).await;
    toss.advance(2 * DAY).await;
    let day = &text(&issued["requestedAt"])[..10];
    let listed = toss.get(&format!("/v1/cash-receipts?requestDate={day}")).await.ok();
    assert_eq!(listed["data"][0]["receiptKey"], issued["receiptKey"]);
    assert_eq!(listed["data"][0]["issueStatus"], "COMPLETED");
}

async fn a_receipt_asked_for_in_the_window_is_on_the_payment(toss: Toss) {
    let receipt = json!({ "type": "소득공제", "registrationNumber": "01012345678" });
    let body = json!({ "amount": 10000, "method": "TRANSFER", "bank": "88", "cashReceipt": receipt });
    let payment = toss.paid_with(body).await;
    let on_it = &payment["cashReceipt"];
    assert_eq!((&on_it["type"], &on_it["amount"]), (&json!("소득공제"), &json!(10000)));
    assert!(on_it["receiptKey"].is_string() && on_it["issueNumber"].is_string() && on_it["receiptUrl"].is_string());
    assert_eq!(payment["cashReceipts"][0]["receiptKey"], on_it["receiptKey"]);
    // One issued by itself is not tied to the payment.
    let mut other = self::receipt();
    other["orderId"] = payment["orderId"].clone();
    toss.post("/v1/cash-receipts", &other).await.ok();
    assert_eq!(toss.query(&payment).await.ok()["cashReceipts"].as_array().unwrap().len(), 1);
}
