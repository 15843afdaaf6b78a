//! `POST /v1/payments/confirm` in the situations its errors describe, and what it takes and leaves aside.

use serde_json::json;

use crate::case::{Case, cases};
use crate::toss::{Toss, fresh, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Control: an_approved_payment_is_done_and_can_be_asked_for,
        Control: the_amount_may_be_a_text_of_digits,
        Control: fields_toss_does_not_know_are_dropped,
        Control: a_tax_free_amount_at_confirm_comes_too_late,
        Control: an_amount_below_the_minimum_is_refused,
        Control: a_transfer_of_more_than_ten_million_is_refused,
        Control: an_order_that_was_paid_cannot_be_paid_again,
        Control: nobody_promises_that_an_order_is_paid_only_once,
        Control: an_amount_beyond_thirty_two_bits_is_approved,
    ]
}

async fn an_approved_payment_is_done_and_can_be_asked_for(toss: Toss) {
    let due = toss.authenticated(15000).await;
    let payment = toss.confirm(&due).await.is(200, "DONE");
    for field in ["paymentKey", "orderId"] {
        assert_eq!(payment[field], due[field]);
    }
    assert_eq!((&payment["totalAmount"], &payment["balanceAmount"]), (&json!(15000), &json!(15000)));
    assert_eq!((&payment["method"], &payment["currency"]), (&json!("카드"), &json!("KRW")));
    assert_eq!(toss.query(&due).await.ok(), payment);
    assert_eq!(toss.get(&format!("/v1/payments/orders/{}", text(&due["orderId"]))).await.ok(), payment);
}

async fn the_amount_may_be_a_text_of_digits(toss: Toss) {
    let mut due = toss.authenticated(9026).await;
    due["amount"] = json!("9026");
    let payment = toss.confirm(&due).await.is(200, "DONE");
    assert_eq!(payment["totalAmount"], 9026);
}

async fn fields_toss_does_not_know_are_dropped(toss: Toss) {
    let mut due = toss.authenticated(1000).await;
    due["customField"] = json!({ "any": [1, 2] });
    let payment = toss.confirm(&due).await.is(200, "DONE");
    assert!(payment.get("customField").is_none());
}

async fn a_tax_free_amount_at_confirm_comes_too_late(toss: Toss) {
    let mut due = toss.authenticated(9026).await;
    due["taxFreeAmount"] = json!(9026);
    let payment = toss.confirm(&due).await.is(200, "DONE");
    assert_eq!((&payment["taxFreeAmount"], &payment["vat"]), (&json!(0), &json!(821)));
}

async fn an_amount_below_the_minimum_is_refused(toss: Toss) {
    let message = "신용카드는 결제금액이 100원 이상, 계좌는 200원이상부터 결제가 가능합니다.";
    for (method, amount) in [("CARD", 99), ("TRANSFER", 199)] {
        let due = toss.authenticated_with(json!({ "amount": amount, "method": method })).await;
        assert_eq!(toss.confirm(&due).await.is(400, "BELOW_MINIMUM_AMOUNT")["message"], message);
        let due = toss.authenticated_with(json!({ "amount": amount + 1, "method": method })).await;
        toss.confirm(&due).await.is(200, "DONE");
    }
}

async fn a_transfer_of_more_than_ten_million_is_refused(toss: Toss) {
    let due = toss.authenticated_with(json!({ "amount": 10_000_001, "method": "TRANSFER" })).await;
    toss.confirm(&due).await.is(400, "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM");
    let due = toss.authenticated_with(json!({ "amount": 10_000_000, "method": "TRANSFER" })).await;
    toss.confirm(&due).await.is(200, "DONE");
}

async fn an_order_that_was_paid_cannot_be_paid_again(toss: Toss) {
    toss.control("switches", &json!({ "repeatedOrder": "refuse" })).await;
    let order_id = fresh("order");
    let first = toss.paid_with(json!({ "amount": 1000, "orderId": order_id })).await;
    let again = toss.authenticated_with(json!({ "amount": 1000, "orderId": order_id })).await;
    let refused = toss.confirm(&again).await.is(400, "DUPLICATED_ORDER_ID");
    let message = "이미 승인 및 취소가 진행된 중복된 주문번호 입니다. 다른 주문번호로 진행해주세요.";
    assert_eq!(refused["message"], message);
    toss.cancel(&first, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
    toss.confirm(&again).await.is(400, "DUPLICATED_ORDER_ID");
}

async fn nobody_promises_that_an_order_is_paid_only_once(toss: Toss) {
    let order_id = fresh("order");
    toss.paid_with(json!({ "amount": 1000, "orderId": order_id })).await;
    let again = toss.authenticated_with(json!({ "amount": 1000, "orderId": order_id })).await;
    toss.supposed_answer("an order that was paid", &toss.confirm(&again).await, 200, "DONE");
}

async fn an_amount_beyond_thirty_two_bits_is_approved(toss: Toss) {
    let payment = toss.paid(50_000_000_000).await;
    assert_eq!(payment["totalAmount"], 50_000_000_000_i64);
    assert_eq!((&payment["vat"], &payment["suppliedAmount"]), (&json!(4_545_454_545_i64), &json!(45_454_545_455_i64)));
}
