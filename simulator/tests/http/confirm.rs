//! Confirm and query: the state machine, both clocks, the order of checks, and one winner.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{DEFAULT_CLIENT_KEY, DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY, Mismatch, Settings};

use crate::harness::{Answer, Sim};

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn a_confirm_approves_once_and_says_so_afterwards() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-once", 10_000).await;
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");
    assert_eq!(sim.confirm(&payment).await.says(), (200, "DONE".into()));
    assert_eq!(sim.confirm(&payment).await.says(), (400, "ALREADY_PROCESSED_PAYMENT".into()));
    assert_eq!(sim.query("/v1/payments/orders/order-once").await.says(), (200, "DONE".into()));

    let entries = sim.see("ledger?orderId=order-once").await["entries"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 1);
    assert_eq!(entries[0]["kind"], "APPROVAL");
    assert_eq!((&entries[0]["amount"], &entries[0]["balanceAfter"]), (&json!(10_000), &json!(10_000)));
}

#[tokio::test]
async fn of_fifty_confirms_at_once_exactly_one_wins() {
    let sim = Sim::start().await;
    for (order_id, latency) in [("order-fast", 0), ("order-slow", 100)] {
        sim.control("latency", json!({ "fixedMs": latency })).await;
        let payment = sim.authenticated(order_id, 5_000).await;
        let confirms = (0..50).map(|n| {
            let request = sim.confirm_request(&payment).header("Idempotency-Key", format!("{order_id}-{n}"));
            sim.tasks.spawn(async move { Answer::read(request.send().await.unwrap()).await })
        });
        let confirms: Vec<_> = confirms.collect();
        let mut said: HashMap<(u16, String), u32> = HashMap::new();
        for confirm in confirms {
            *said.entry(confirm.await.unwrap().says()).or_default() += 1;
        }
        let expected = HashMap::from([((200, "DONE".into()), 1), ((400, "ALREADY_PROCESSED_PAYMENT".into()), 49)]);
        assert_eq!(said, expected);
        assert_eq!(sim.approvals(order_id).await, 1);
    }
}

#[tokio::test]
async fn a_payment_not_confirmed_within_ten_minutes_expires() {
    let sim = Sim::start().await;
    let early = sim.authenticated("order-early", 1_000).await;
    let late = sim.authenticated("order-late", 1_000).await;
    sim.advance(9 * 60 + 55).await;
    assert_eq!(sim.confirm(&early).await.says(), (200, "DONE".into()));
    sim.advance(10).await;
    assert_eq!(sim.confirm(&late).await.says(), (404, "NOT_FOUND_PAYMENT_SESSION".into()));
    assert_eq!(sim.confirm(&early).await.says(), (400, "ALREADY_PROCESSED_PAYMENT".into()));

    let expired = sim.query("/v1/payments/orders/order-late").await.json();
    assert_eq!(expired["status"], "EXPIRED");
    assert_eq!(
        expired["failure"],
        json!({ "code": "EXPIRED_PAYMENT", "message": "결제가 만료되었습니다. 다시 시도해주세요." })
    );
    for field in ["approvedAt", "lastTransactionKey", "method", "secret", "receipt", "useEscrow", "card"] {
        assert_eq!(expired[field], Value::Null, "{field}");
    }
    assert_eq!(expired["balanceAmount"], 1_000);
    assert_eq!(sim.approvals("order-late").await, 0);
}

#[tokio::test]
async fn a_payment_not_authenticated_within_thirty_minutes_expires() {
    let sim = Sim::start().await;
    let opening = json!({
        "method": "CARD", "amount": 3_000, "orderId": "order-ready", "orderName": "책",
        "successUrl": "https://shop.example/ok", "failUrl": "https://shop.example/fail",
    });
    let request = sim.request(Method::POST, "/v1/payments").basic_auth(simulator::DEFAULT_SECRET_KEY, Some(""));
    let opened = Answer::read(request.json(&opening).send().await.unwrap()).await.json();
    assert_eq!(opened["status"], "READY");
    assert_eq!(
        opened["checkout"]["url"],
        format!("{}/v1/payments/{}/checkout", sim.base, opened["paymentKey"].as_str().unwrap())
    );

    let confirm = json!({ "paymentKey": opened["paymentKey"], "orderId": "order-ready", "amount": 3_000 });
    assert_eq!(sim.confirm(&confirm).await.says(), (404, "NOT_FOUND_PAYMENT_SESSION".into()));
    sim.advance(29 * 60).await;
    assert_eq!(sim.status(&confirm).await, "READY");
    sim.advance(61).await;
    assert_eq!(sim.status(&confirm).await, "EXPIRED");
}

#[tokio::test]
async fn a_confirm_that_came_in_time_is_not_overtaken_by_the_clock() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-in-time", 1_000).await;
    sim.control("latency", json!({ "fixedMs": 1500 })).await;
    let request = sim.confirm_request(&payment);
    let confirm = sim.tasks.spawn(async move { Answer::read(request.send().await.unwrap()).await });
    sim.requests("order-in-time", |seen| seen.len() == 1).await;
    sim.advance(11 * 60).await;
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");
    assert_eq!(confirm.await.unwrap().says(), (200, "DONE".into()));
}

#[tokio::test]
async fn a_wrong_amount_or_order_is_refused_and_leaves_the_payment_open() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-exact", 10_000).await;
    let invalid = (400, "INVALID_REQUEST".to_owned());
    assert_eq!(sim.confirm(&with(payment.clone(), "amount", json!(9_999))).await.says(), invalid);
    assert_eq!(sim.confirm(&with(payment.clone(), "orderId", json!("order-other"))).await.says(), invalid);
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");
    assert_eq!(sim.confirm(&payment).await.says(), (200, "DONE".into()));
}

#[tokio::test]
async fn the_answer_to_a_wrong_amount_is_a_switch() {
    let mut settings = Settings::default();
    settings.switches.mismatch = Mismatch::ForbiddenRequest;
    let sim = Sim::with(settings).await;
    let payment = sim.authenticated("order-switch", 10_000).await;
    let answer = sim.confirm(&with(payment, "amount", json!(1))).await;
    assert_eq!(answer.says(), (403, "FORBIDDEN_REQUEST".into()));
}

#[tokio::test]
async fn a_declined_payment_is_aborted_and_the_order_can_be_paid_with_another() {
    let sim = Sim::start().await;
    let declined = json!({ "orderId": "order-declined", "amount": 2_000, "decline": "REJECT_CARD_PAYMENT" });
    let first = sim.authenticated_with(declined).await;
    let answer = sim.confirm(&first).await;
    assert_eq!(answer.says(), (403, "REJECT_CARD_PAYMENT".into()));
    let aborted = sim.query("/v1/payments/orders/order-declined").await.json();
    assert_eq!((&aborted["status"], &aborted["failure"]), (&json!("ABORTED"), &answer.json()));
    assert_eq!(sim.confirm(&first).await.says(), (400, "ALREADY_PROCESSED_PAYMENT".into()));
    assert_eq!(sim.approvals("order-declined").await, 0);

    let second = sim.authenticated("order-declined", 2_000).await;
    assert_eq!(sim.confirm(&second).await.says(), (200, "DONE".into()));
    let audit = sim.see("audit?orderId=order-declined").await["orders"][0].clone();
    assert_eq!((&audit["approvals"], &audit["duplicate"]), (&json!(1), &json!(false)));
    assert_eq!(audit["payments"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn two_charged_payments_of_one_order_are_found_by_the_audit() {
    let sim = Sim::start().await;
    for _ in 0..2 {
        let payment = sim.authenticated("order-twice", 4_000).await;
        assert_eq!(sim.confirm(&payment).await.status, 200);
    }
    let single = sim.authenticated("order-single", 4_000).await;
    assert_eq!(sim.confirm(&single).await.status, 200);
    let audit = sim.see("audit").await;
    assert_eq!(audit["totals"], json!({ "chargedOrders": 2, "approvals": 3, "balance": 12_000, "duplicates": 1 }));
    assert_eq!(audit["orders"].as_array().unwrap().len(), 1);
    assert_eq!(audit["orders"][0]["orderId"], "order-twice");
    assert_eq!(audit["orders"][0]["positiveBalances"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn amounts_may_be_numeric_strings_and_other_fields_are_ignored() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-string", 9_026).await;
    let body = with(with(payment, "amount", json!("9026")), "taxFreeAmount", json!("nonsense"));
    let approved = sim.confirm(&body).await;
    assert_eq!(approved.says(), (200, "DONE".into()));
    assert_eq!(approved.json()["totalAmount"], 9_026);
}

#[tokio::test]
async fn what_never_existed_is_not_found() {
    let sim = Sim::start().await;
    let missing = (404, "NOT_FOUND_PAYMENT".to_owned());
    let body = json!({ "paymentKey": "tsim_20260901120000Ab3dE", "orderId": "order-none", "amount": 1_000 });
    assert_eq!(sim.confirm(&body).await.says(), missing);
    assert_eq!(sim.query("/v1/payments/tsim_20260901120000Ab3dE").await.says(), missing);
    assert_eq!(sim.query("/v1/payments/orders/order-none").await.says(), missing);
}

#[tokio::test]
async fn a_payment_belongs_to_the_key_pair_that_opened_it() {
    let sim = Sim::start().await;
    let body = json!({ "orderId": "order-widget", "amount": 1_000, "clientKey": DEFAULT_WIDGET_CLIENT_KEY });
    let payment = sim.authenticated_with(body).await;
    assert_eq!(sim.confirm(&payment).await.says(), (400, "INVALID_API_KEY".into()));
    let request = sim.request(Method::POST, "/v1/payments/confirm").json(&payment);
    let right = Answer::read(request.basic_auth(DEFAULT_WIDGET_SECRET_KEY, Some("")).send().await.unwrap()).await;
    assert_eq!(right.says(), (200, "DONE".into()));

    let request = sim.request(Method::POST, "/v1/payments/confirm").json(&payment);
    let wrong = Answer::read(request.basic_auth(DEFAULT_CLIENT_KEY, Some("")).send().await.unwrap()).await;
    assert_eq!(wrong.says(), (401, "UNAUTHORIZED_KEY".into()));
}
