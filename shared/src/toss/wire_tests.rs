//! What is read off Toss's answers, and what is not.

use serde_json::json;
use time::macros::datetime;

use super::{Body, Payment, read_answer};
use crate::{money::Krw, order::OrderNo, payment::PaymentKey};

fn payment(body: &serde_json::Value) -> Option<Payment> {
    match read_answer(200, body.to_string().as_bytes())? {
        Body::Payment(payment) => Some(*payment),
        Body::Error { .. } => None,
    }
}

#[test]
fn amounts_are_read_from_numbers_and_numeric_text() {
    let amount = |value: serde_json::Value| {
        payment(&json!({"paymentKey": "k", "orderId": "o", "status": "DONE", "totalAmount": value}))
            .unwrap()
            .total_amount
    };
    assert_eq!(amount(json!(50_000)), Some(50_000));
    assert_eq!(amount(json!("50000")), Some(50_000));
    assert_eq!(amount(json!(50_000.0)), Some(50_000));
    assert_eq!(amount(json!(50_000_000_000_i64)), Some(50_000_000_000));
    assert_eq!(amount(json!(181.56)), None);
    assert_eq!(amount(json!("won")), None);
    assert_eq!(amount(json!(null)), None);
}

#[test]
fn unknown_fields_and_statuses_are_data() {
    let read = payment(&json!({
        "paymentKey": "k", "orderId": "o", "status": "HALF_DONE", "somethingNew": {"a": 1}, "receipt": null,
        "approvedAt": "2026-09-01T12:00:31+09:00",
    }))
    .unwrap();
    assert_eq!(read.status, "HALF_DONE");
    assert_eq!(read.raw["somethingNew"]["a"], 1);
    assert_eq!(read.approved_at.unwrap().unix_timestamp(), 1_788_231_631);
}

#[test]
fn a_time_of_approval_is_read_with_or_without_its_zone_or_is_none() {
    let read = |status: &str, approved_at: serde_json::Value| {
        payment(&json!({"paymentKey": "k", "orderId": "o", "status": status, "approvedAt": approved_at}))
    };
    for text in ["2026-09-01T12:00:31+09:00", "2026-09-01T12:00:31", "2026-09-01T03:00:31.000000000000Z"] {
        let approved_at = read("DONE", json!(text)).unwrap().approved_at;
        assert_eq!(approved_at, Some(datetime!(2026-09-01 12:00:31 +9)), "{text}");
    }
    assert!(read("CANCELED", json!("2026-09-01T12:00:31+09:00")).unwrap().approved_at.is_some());
    assert!(read("CANCELED", json!(null)).unwrap().approved_at.is_none());
    for strange in [json!("9999-12-31T23:59:59-23:59"), json!("soon"), json!(""), json!(1_788_231_631), json!({})] {
        assert_eq!(read("DONE", strange.clone()).unwrap().approved_at, None, "{strange}");
        // Whether it was ever paid cannot be read off it.
        assert!(read("CANCELED", strange.clone()).is_none(), "{strange}");
    }
}

#[test]
fn a_receipt_is_kept_only_if_it_may_become_a_link() {
    let url = |receipt: serde_json::Value| {
        let body = json!({"paymentKey": "k", "orderId": "o", "status": "DONE", "receipt": receipt});
        payment(&body).unwrap().receipt_url
    };
    assert_eq!(url(json!({"url": "https://toss.example/r"})).as_deref(), Some("https://toss.example/r"));
    for receipt in [json!({"url": "javascript:alert(1)"}), json!({"url": 7}), json!("https://toss.example"), json!([])]
    {
        assert_eq!(url(receipt.clone()), None, "{receipt}");
    }
}

#[test]
fn an_answer_that_says_two_things_is_no_answer() {
    let twice = br#"{"paymentKey":"k","orderId":"o","status":"DONE","status":"ABORTED"}"#;
    assert!(read_answer(200, twice).is_none());
    assert!(read_answer(403, br#"{"code":"A","message":"x","code":"B"}"#).is_none());
    let deep = br#"{"paymentKey":"k","orderId":"o","status":"DONE","metadata":{"a":1,"a":2}}"#;
    assert!(read_answer(200, deep).is_none());
}

#[test]
fn a_due_date_is_korean_time_with_or_without_its_zone() {
    let account = |account: serde_json::Value| {
        let body =
            json!({"paymentKey": "k", "orderId": "o", "status": "WAITING_FOR_DEPOSIT", "virtualAccount": account});
        payment(&body).unwrap().account
    };
    let due = |text: &str| account(json!({"dueDate": text, "expired": true})).unwrap().due_at;
    let at = Some(datetime!(2026-09-08 12:00:00 +9));
    for text in ["2026-09-08T12:00:00+09:00", "2026-09-08T12:00:00", "2026-09-08T12:00:00.000", "2026-09-08T03:00:00Z"]
    {
        assert_eq!(due(text), at, "{text}");
    }
    for text in ["next week", "9999-12-31T23:59:59", "9999-12-31T23:59:59Z", "-0001-01-01T00:00:00"] {
        assert_eq!(due(text), None, "{text}");
    }
    assert!(account(json!({"dueDate": null, "expired": true})).unwrap().expired);
    assert!(!account(json!({})).unwrap().expired);
    assert!(account(json!(null)).is_none());
}

#[test]
fn a_character_that_cannot_be_stored_is_replaced_wherever_it_stands() {
    let read = payment(&json!({
        "paymentKey": "k", "orderId": "o", "status": "DONE", "method": "a\u{0}b",
        "metadata": {"list": ["\u{0}"], "na\u{0}me": 1}, "orderName": "Ogu\u{0}T",
    }))
    .unwrap();
    assert_eq!(read.method.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(read.raw["orderName"], "Ogu\u{fffd}T");
    assert!(!read.raw.to_string().contains("\\u0000"), "{}", read.raw);
}

#[test]
fn an_account_for_refunds_is_not_kept() {
    let account = json!({"bankCode": "88", "accountNumber": "110123456789", "holderName": "카나리아"});
    let read = payment(&json!({
        "paymentKey": "k", "orderId": "o", "status": "DONE",
        "virtualAccount": {"bankCode": "20", "accountNumber": "X6514161", "refundReceiveAccount": account},
    }))
    .unwrap();
    assert_eq!(read.raw["virtualAccount"], json!({"bankCode": "20", "accountNumber": "X6514161"}));
}

#[test]
fn what_is_not_a_payment_or_an_error_is_no_answer() {
    assert!(read_answer(200, b"{\"status\":\"DONE\"}").is_none());
    assert!(read_answer(200, b"{\"paymentKey\":\"k\",\"orderId\":\"o\",\"sta").is_none());
    assert!(read_answer(502, b"<html>Bad Gateway</html>").is_none());
    assert!(read_answer(500, b"{}").is_none());
    let error = read_answer(403, r#"{"code":"BRAND_NEW","message":null,"data":{}}"#.as_bytes());
    assert!(matches!(error, Some(Body::Error { code, .. }) if code == "BRAND_NEW"));
}

#[test]
fn an_answer_about_another_payment_is_not_ours() {
    let order_no = OrderNo::generate();
    let key = PaymentKey::parse("key").unwrap();
    let amount = Krw::new(1_000).unwrap();
    let ours = json!({"paymentKey": "key", "orderId": order_no.to_string(), "status": "DONE",
                      "totalAmount": 1_000, "currency": "KRW"});
    let is_about = |answer: &serde_json::Value| {
        let payment = payment(answer).unwrap();
        payment.is_of(&key, order_no) && payment.is_over(amount)
    };
    assert!(is_about(&ours));
    for (field, value) in [
        ("paymentKey", json!("other")),
        ("orderId", json!(OrderNo::generate().to_string())),
        ("totalAmount", json!(999)),
        ("totalAmount", json!(null)),
        ("currency", json!("USD")),
        ("currency", json!(null)),
    ] {
        let mut other = ours.clone();
        other[field] = value;
        assert!(!is_about(&other), "{field}");
    }
}
