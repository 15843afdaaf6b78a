//! The tricky cases of confirming and asking, numbered as in `docs/certain.md`.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use crate::case::{Case, cases};
use crate::toss::{MINUTE, Toss, confirm_body, fresh, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        // Case 1
        Control: a_repeat_under_its_key_gets_the_first_answer,
        // Case 2
        Control: a_repeat_while_the_first_still_runs_has_to_wait,
        // Case 3
        Control: a_second_confirm_of_a_finished_payment_is_refused,
        // Case 4
        Control: of_many_confirms_at_once_one_wins,
        // Case 5
        Control: a_used_key_answers_with_the_payment_it_was_used_for,
        // Case 6
        Control: another_amount_than_the_authenticated_one_is_refused,
        // Case 7
        Control: an_order_of_another_payment_is_refused,
        // Case 8
        Key: a_payment_key_that_never_existed_is_not_found,
        // Case 9
        Control: a_confirm_after_ten_minutes_finds_no_session,
        // Case 10
        Control: a_confirm_of_a_paid_payment_after_its_session_is_refused,
        // Case 11
        Key: a_confirm_before_the_shopper_authenticated_is_refused,
        // Case 12
        Key: an_order_without_a_window_is_not_found,
        // Case 13
        Key: a_payment_can_be_seen_before_it_is_approved,
        // Case 13
        Control: an_authenticated_payment_can_be_seen_before_it_is_confirmed,
        // Case 23
        Key: a_corrected_body_under_a_burnt_key_gets_the_old_error,
        // Case 26
        Control: a_declined_confirm_aborts_the_payment,
        // Case 27
        Control: a_second_attempt_for_an_order_after_a_decline_needs_a_new_payment,
    ]
}

async fn a_repeat_under_its_key_gets_the_first_answer(toss: Toss) {
    let (due, key) = (toss.authenticated(1000).await, fresh("key"));
    let first = toss.confirm_with_key(&key, &due).await;
    first.is(200, "DONE");
    let second = toss.confirm_with_key(&key, &due).await;
    assert_eq!((second.status, &second.text), (200, &first.text));
}

async fn a_repeat_while_the_first_still_runs_has_to_wait(toss: Toss) {
    let (due, key) = (toss.authenticated(1000).await, fresh("key"));
    toss.slow_down("confirm").await;
    let mut first = JoinSet::new();
    let (asking, body, same) = (toss.clone(), due.clone(), key.clone());
    first.spawn(async move { asking.confirm_with_key(&same, &body).await });
    toss.has_arrived("/v1/payments/confirm").await;
    let refused = toss.confirm_with_key(&key, &due).await.is(409, "IDEMPOTENT_REQUEST_PROCESSING");
    assert_eq!(refused["message"], "이전 멱등 요청이 처리중입니다.");
    let answer = first.join_next().await.unwrap().unwrap();
    answer.is(200, "DONE");
    // The 409 was not kept in the first one's place.
    assert_eq!(toss.confirm_with_key(&key, &due).await.text, answer.text);
}

async fn a_second_confirm_of_a_finished_payment_is_refused(toss: Toss) {
    let due = toss.authenticated(1000).await;
    toss.confirm_with_key(&fresh("key"), &due).await.is(200, "DONE");
    let refused = toss.confirm(&due).await.is(400, "ALREADY_PROCESSED_PAYMENT");
    assert_eq!(refused["message"], "이미 처리된 결제 입니다.");
    toss.confirm_with_key(&fresh("key"), &due).await.is(400, "ALREADY_PROCESSED_PAYMENT");
    toss.query(&due).await.is(200, "DONE");
}

async fn of_many_confirms_at_once_one_wins(toss: Toss) {
    let due = Arc::new(toss.authenticated(1000).await);
    let mut running = JoinSet::new();
    for _ in 0..8 {
        let (toss, due) = (toss.clone(), Arc::clone(&due));
        running.spawn(async move { toss.confirm_with_key(&fresh("key"), &due).await.says() });
    }
    let mut answers = running.join_all().await;
    answers.sort();
    assert_eq!(answers.remove(0), (200, "DONE".into()));
    let losers = vec![(400, String::from("ALREADY_PROCESSED_PAYMENT")); 7];
    toss.supposed("those who lose", &answers, &losers);
}

async fn a_used_key_answers_with_the_payment_it_was_used_for(toss: Toss) {
    let (one, other, key) = (toss.authenticated(1000).await, toss.authenticated(2000).await, fresh("key"));
    let first = toss.confirm_with_key(&key, &one).await;
    let second = toss.confirm_with_key(&key, &other).await;
    assert_eq!((second.status, &second.text), (200, &first.text));
    assert_eq!(second.json()["paymentKey"], one["paymentKey"]);
    toss.query(&other).await.is(200, "IN_PROGRESS");
}

async fn another_amount_than_the_authenticated_one_is_refused(toss: Toss) {
    let mut due = toss.authenticated(1000).await;
    due["amount"] = json!(999);
    let refused = toss.confirm(&due).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    toss.supposed_answer("another amount", &refused, 400, "INVALID_REQUEST");
    let seen = toss.query(&due).await.says();
    toss.supposed("its status afterwards", &seen, &(200, "IN_PROGRESS".into()));
    due["amount"] = json!(1000);
    toss.supposed_answer("and with the right one", &toss.confirm(&due).await, 200, "DONE");
}

async fn an_order_of_another_payment_is_refused(toss: Toss) {
    let mut due = toss.authenticated(1000).await;
    let other = toss.authenticated(1000).await;
    due["orderId"] = other["orderId"].clone();
    let refused = toss.confirm(&due).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    toss.supposed_answer("another order", &refused, 400, "INVALID_REQUEST");
    for payment in [due, other] {
        let seen = toss.query(&payment).await.says();
        toss.supposed("its status afterwards", &seen, &(200, "IN_PROGRESS".into()));
    }
}

async fn a_payment_key_that_never_existed_is_not_found(toss: Toss) {
    let due = json!({ "paymentKey": fresh("payment"), "orderId": fresh("order"), "amount": 1000 });
    let refused = toss.confirm(&due).await;
    assert_eq!(refused.status, 404);
    toss.supposed_answer("a payment key nobody has", &refused, 404, "NOT_FOUND_PAYMENT");
}

async fn a_confirm_after_ten_minutes_finds_no_session(toss: Toss) {
    let due = toss.authenticated(1000).await;
    toss.advance(10 * MINUTE + 1).await;
    let refused = toss.confirm(&due).await.is(404, "NOT_FOUND_PAYMENT_SESSION");
    assert_eq!(refused["message"], "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다.");
    toss.query(&due).await.is(200, "EXPIRED");
}

async fn a_confirm_of_a_paid_payment_after_its_session_is_refused(toss: Toss) {
    let due = toss.authenticated(1000).await;
    toss.confirm(&due).await.is(200, "DONE");
    toss.advance(60 * MINUTE).await;
    let refused = toss.confirm(&due).await;
    toss.supposed_answer("a late second confirm", &refused, 400, "ALREADY_PROCESSED_PAYMENT");
    toss.query(&due).await.is(200, "DONE");
}

async fn a_confirm_before_the_shopper_authenticated_is_refused(toss: Toss) {
    let payment = toss.ready(1000).await;
    let refused = toss.confirm(&confirm_body(&payment)).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    toss.supposed_answer("a confirm while READY", &refused, 404, "NOT_FOUND_PAYMENT_SESSION");
    toss.supposed_answer("a query afterwards", &toss.query(&payment).await, 200, "READY");
}

async fn an_order_without_a_window_is_not_found(toss: Toss) {
    let path = format!("/v1/payments/orders/{}", fresh("order"));
    let refused = toss.get(&path).await.is(404, "NOT_FOUND_PAYMENT");
    assert_eq!(refused["message"], "존재하지 않는 결제 정보 입니다.");
    let payment = json!({ "paymentKey": fresh("payment") });
    toss.query(&payment).await.is(404, "NOT_FOUND_PAYMENT");
}

async fn a_payment_can_be_seen_before_it_is_approved(toss: Toss) {
    let payment = toss.ready(1000).await;
    toss.supposed_answer("a query by key while READY", &toss.query(&payment).await, 200, "READY");
    let by_order = toss.get(&format!("/v1/payments/orders/{}", text(&payment["orderId"]))).await;
    toss.supposed_answer("a query by order while READY", &by_order, 200, "READY");
}

async fn an_authenticated_payment_can_be_seen_before_it_is_confirmed(toss: Toss) {
    let due = toss.authenticated(1000).await;
    toss.supposed_answer("a query while IN_PROGRESS", &toss.query(&due).await, 200, "IN_PROGRESS");
}

async fn a_corrected_body_under_a_burnt_key_gets_the_old_error(toss: Toss) {
    let (payment, key) = (toss.waiting(30000).await, fresh("key"));
    let first = toss.cancel_with_key(&key, &payment, &json!({})).await;
    first.is(400, "INVALID_REQUEST");
    let corrected = json!({ "cancelReason": "반품" });
    let second = toss.cancel_with_key(&key, &payment, &corrected).await;
    assert_eq!((second.status, &second.text), (400, &first.text));
    toss.query(&payment).await.is(200, "WAITING_FOR_DEPOSIT");
    toss.cancel_with_key(&fresh("key"), &payment, &corrected).await.is(200, "CANCELED");
}

async fn a_declined_confirm_aborts_the_payment(toss: Toss) {
    let due = toss.authenticated_with(json!({ "amount": 1000, "decline": "REJECT_CARD_PAYMENT" })).await;
    let refused = toss.confirm(&due).await.is(403, "REJECT_CARD_PAYMENT");
    let payment = toss.query(&due).await.is(200, "ABORTED");
    assert_eq!(payment["failure"], refused);
    assert_eq!((&payment["totalAmount"], &payment["balanceAmount"]), (&json!(1000), &json!(1000)));
    assert!(payment["approvedAt"].is_null());
}

async fn a_second_attempt_for_an_order_after_a_decline_needs_a_new_payment(toss: Toss) {
    let order_id = fresh("order");
    let declined = json!({ "amount": 1000, "orderId": order_id, "decline": "REJECT_CARD_COMPANY" });
    let first = toss.authenticated_with(declined).await;
    toss.confirm(&first).await.is(403, "REJECT_CARD_COMPANY");
    let second = toss.authenticated_with(json!({ "amount": 1000, "orderId": order_id })).await;
    assert_ne!(first["paymentKey"], second["paymentKey"]);
    toss.supposed_answer("the second payment of an order", &toss.confirm(&second).await, 200, "DONE");
}
