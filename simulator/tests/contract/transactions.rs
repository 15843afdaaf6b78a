//! `GET /v1/transactions`: one row for each movement, with the status at that movement.

use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{Toss, fresh, int, read, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: an_approval_and_each_cancel_is_a_row,
        Control: a_row_has_its_fields,
        Control: a_virtual_account_has_a_row_from_its_issue,
        Control: rows_go_on_after_a_key,
        Control: a_limit_cuts_the_list,
        Control: the_time_span_decides,
        Key: a_date_with_a_zone_is_refused,
        Key: both_dates_are_needed,
        Key: fractions_and_bare_days_are_taken,
        Control: a_row_may_be_asked_to_lag,
    ]
}

async fn list(toss: &Toss, query: &str) -> Vec<Value> {
    let today = span(toss).await;
    let answer = toss.get(&format!("/v1/transactions?{today}{query}")).await;
    answer.ok().as_array().unwrap().clone()
}

/// From the day of a payment made now, a day before and after.
async fn span(toss: &Toss) -> String {
    let now = text(&toss.waiting(1000).await["requestedAt"]).to_owned();
    format!("startDate={}T00:00:00&endDate=2099-01-01T00:00:00", &now[..10])
}

async fn rows_of(toss: &Toss, payment: &Value) -> Vec<Value> {
    list(toss, "&limit=5000").await.into_iter().filter(|row| row["paymentKey"] == payment["paymentKey"]).collect()
}

fn statuses(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| text(&row["status"])).collect()
}

async fn an_approval_and_each_cancel_is_a_row(toss: Toss) {
    let payment = toss.paid(10000).await;
    for amount in [3000, 2000] {
        toss.cancel(&payment, &json!({ "cancelReason": "반품", "cancelAmount": amount })).await.ok();
    }
    let rows = rows_of(&toss, &payment).await;
    assert_eq!(statuses(&rows), ["DONE", "PARTIAL_CANCELED", "PARTIAL_CANCELED"]);
    let amounts: Vec<i64> = rows.iter().map(|row| int(&row["amount"])).collect();
    assert_eq!(amounts[0], 10000);
    toss.supposed("the sign of a cancel's row", &amounts, &vec![10000, 3000, 2000]);
    let mut keys: Vec<&str> = rows.iter().map(|row| text(&row["transactionKey"])).collect();
    assert_eq!(keys[0], text(&payment["lastTransactionKey"]));
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 3);
}

async fn a_row_has_its_fields(toss: Toss) {
    let payment = toss.paid(10000).await;
    let rows = rows_of(&toss, &payment).await;
    let row = rows[0].as_object().unwrap();
    for field in [
        "mId",
        "transactionKey",
        "paymentKey",
        "orderId",
        "method",
        "customerKey",
        "useEscrow",
        "receiptUrl",
        "status",
        "transactionAt",
        "currency",
        "amount",
    ] {
        assert!(row.contains_key(field), "no {field}");
    }
    for field in ["mId", "orderId", "method", "currency"] {
        assert_eq!(row[field], payment[field]);
    }
    assert_eq!(row["transactionAt"], payment["approvedAt"]);
}

async fn a_virtual_account_has_a_row_from_its_issue(toss: Toss) {
    let payment = toss.waiting(30000).await;
    toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
    let rows = rows_of(&toss, &payment).await;
    let seen: Vec<(&str, i64)> = rows.iter().map(|row| (text(&row["status"]), int(&row["amount"]))).collect();
    assert_eq!(seen, [("WAITING_FOR_DEPOSIT", 0), ("CANCELED", 30000)]);
}

async fn rows_go_on_after_a_key(toss: Toss) {
    for _ in 0..5 {
        toss.paid(1000).await;
    }
    let all = list(&toss, "").await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    let span = span(&toss).await;
    loop {
        let page = toss.get(&format!("/v1/transactions?{span}&limit=2{after}")).await.ok();
        let page = page.as_array().unwrap().clone();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2);
        after = format!("&startingAfter={}", text(&last["transactionKey"]));
        seen.extend(page);
    }
    assert!(seen.len() > all.len(), "the span itself made a row");
    assert_eq!(seen[..all.len()], all);
    let unknown = toss.get(&format!("/v1/transactions?{span}&startingAfter={}", fresh("key"))).await;
    assert!(unknown.status == 200 || unknown.status == 400, "{}", unknown.text);
}

async fn a_limit_cuts_the_list(toss: Toss) {
    toss.paid(1000).await;
    toss.paid(1000).await;
    assert_eq!(list(&toss, "&limit=1").await.len(), 1);
    let span = span(&toss).await;
    for limit in ["0", "-1", "x", "5001"] {
        let refused = toss.get(&format!("/v1/transactions?{span}&limit={limit}")).await;
        assert!((400..500).contains(&refused.status), "{limit}: {}", refused.text);
    }
}

async fn the_time_span_decides(toss: Toss) {
    let payment = toss.paid(1000).await;
    let day = &text(&payment["approvedAt"])[..10];
    for (span, there) in [
        (format!("startDate={day}&endDate=2099-01-01"), true),
        (format!("startDate=2020-01-01&endDate={day}"), false),
        ("startDate=2098-01-01&endDate=2099-01-01".into(), false),
    ] {
        let rows = toss.get(&format!("/v1/transactions?{span}")).await.ok();
        let seen = rows.as_array().unwrap().iter().any(|row| row["paymentKey"] == payment["paymentKey"]);
        assert_eq!(seen, there, "{span}");
    }
}

async fn a_date_with_a_zone_is_refused(toss: Toss) {
    let span = "startDate=2026-01-01T00:00:00Z&endDate=2026-01-02T00:00:00Z";
    let refused = toss.get(&format!("/v1/transactions?{span}")).await.is(400, "INVALID_DATE");
    assert_eq!(refused["message"], "날짜 데이터가 잘못 되었습니다.");
}

async fn both_dates_are_needed(toss: Toss) {
    for span in ["", "startDate=2026-01-01", "endDate=2026-01-01"] {
        let refused = read(toss.request(reqwest::Method::GET, &format!("/v1/transactions?{span}"))).await;
        assert_eq!(refused.status, 400, "{}", refused.text);
    }
}

async fn fractions_and_bare_days_are_taken(toss: Toss) {
    for span in [
        "startDate=2026-01-01&endDate=2026-01-02",
        "startDate=2026-01-01T00:00:00&endDate=2026-01-01T23:59:59",
        "startDate=2026-01-01T00:00:00.000&endDate=2026-01-01T23:59:59.999",
    ] {
        assert!(toss.get(&format!("/v1/transactions?{span}")).await.ok().is_array(), "{span}");
    }
}

async fn a_row_may_be_asked_to_lag(toss: Toss) {
    toss.control("terms", &json!({ "transactionLagSeconds": 120 })).await;
    let payment = toss.paid(1000).await;
    assert_eq!(rows_of(&toss, &payment).await.len(), 0);
    toss.advance(121).await;
    assert_eq!(statuses(&rows_of(&toss, &payment).await), ["DONE"]);
}
