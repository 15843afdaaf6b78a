//! Cash receipts that a merchant issues by themselves.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Sim;

fn request(order_id: &str) -> Value {
    json!({
        "amount": 11_000, "orderId": order_id, "orderName": "책", "type": "지출증빙",
        "customerIdentityNumber": "1234567890",
    })
}

#[tokio::test]
async fn a_receipt_is_issued_and_taken_back_in_parts_but_not_beyond() {
    let sim = Sim::start().await;
    let issued = sim.post("/v1/cash-receipts", &request("order-000001")).await;
    assert_eq!(issued.status, 200, "{}", issued.text);
    let receipt = issued.json();
    assert_eq!((&receipt["transactionType"], &receipt["issueStatus"]), (&json!("CONFIRM"), &json!("IN_PROGRESS")));
    let path = format!("/v1/cash-receipts/{}/cancel", receipt["receiptKey"].as_str().unwrap());
    let partly = sim.post(&path, &json!({ "amount": 4_000 })).await.json();
    assert_eq!((&partly["transactionType"], &partly["amount"]), (&json!("CANCEL"), &json!(4_000)));
    assert!(partly["receiptKey"].as_str().unwrap().starts_with("c_"));
    assert_eq!(sim.post(&path, &json!({ "amount": 7_001 })).await.says(), (400, "INVALID_REQUEST".into()));
    assert_eq!(sim.post(&path, &json!({})).await.json()["amount"], 7_000);
    assert_eq!(sim.post(&path, &json!({})).await.says(), (400, "INVALID_REQUEST".into()));
    let unknown = sim.post("/v1/cash-receipts/none/cancel", &json!({})).await;
    assert_eq!(unknown.says(), (404, "NOT_FOUND".into()));
}

#[tokio::test]
async fn receipts_are_listed_by_day_and_page() {
    let sim = Sim::start().await;
    for n in 0..5 {
        assert_eq!(sim.post("/v1/cash-receipts", &request(&format!("order-{n:06}"))).await.status, 200);
    }
    let now = sim.see("clock").await["now"].as_str().unwrap().to_owned();
    let today = &now[..10];
    let first = sim.query(&format!("/v1/cash-receipts?requestDate={today}&limit=3")).await.json();
    assert_eq!((&first["hasNext"], first["data"].as_array().unwrap().len()), (&json!(true), 3));
    let path = format!("/v1/cash-receipts?requestDate={today}&limit=3&cursor={}", first["lastCursor"]);
    let second = sim.query(&path).await.json();
    assert_eq!((&second["hasNext"], second["data"].as_array().unwrap().len()), (&json!(false), 2));
    assert_eq!(second["data"][1]["orderId"], "order-000004");
    let other = sim.query("/v1/cash-receipts?requestDate=2020-02-29").await.json();
    assert_eq!(other, json!({ "hasNext": false, "lastCursor": 0, "data": [] }));
    for (query, code) in [
        ("", "INVALID_REQUIRED_PARAM"),
        ("?requestDate=2020-02-30", "INVALID_DATE"),
        ("?requestDate=2020-02-28&limit=10001", "INVALID_REQUEST"),
        ("?requestDate=2020-02-28&cursor=x", "INVALID_REQUEST"),
    ] {
        let answer = sim.query(&format!("/v1/cash-receipts{query}")).await;
        assert_eq!(answer.says(), (400, code.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_receipt_is_refused_for_what_it_lacks() {
    let sim = Sim::start().await;
    for (field, value, code) in [
        ("amount", Value::Null, "REQUIRED_AMOUNT"),
        ("amount", json!(0), "BELOW_ZERO_AMOUNT"),
        ("type", json!("미발행"), "INVALID_REQUEST"),
        ("orderId", json!("x"), "INVALID_ORDER_ID"),
        ("customerIdentityNumber", Value::Null, "INVALID_REQUIRED_PARAM"),
        ("taxFreeAmount", json!(11_001), "INVALID_REQUEST"),
    ] {
        let mut body = request("order-000001");
        body[field] = value;
        assert_eq!(sim.post("/v1/cash-receipts", &body).await.says(), (400, code.to_owned()), "{body}");
    }
    let put = sim.request(Method::PUT, "/v1/cash-receipts").send().await.unwrap();
    assert_eq!(put.status(), 401);
}
