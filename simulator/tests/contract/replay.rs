//! The idempotency key: what it keeps, for how long, and what belongs to its scope.

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::case::{Case, cases};
use crate::toss::{DAY, Toss, account, cancel_path, fresh, read, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: a_repeated_post_is_answered_and_not_carried_out,
        Key: a_repeat_with_another_body_gets_the_first_answer,
        Key: an_error_is_repeated_too,
        Key: a_key_has_three_hundred_characters_at_most,
        Key: a_query_takes_no_notice_of_a_key,
        Key: the_address_belongs_to_the_scope,
        WidgetKey: the_secret_key_belongs_to_the_scope,
        Key: a_forced_409_comes_again_as_long_as_it_is_forced,
        Control: a_key_ends_after_fifteen_days,
        Control: a_cancel_repeated_while_it_runs_has_to_wait,
        Control: a_confirm_whose_answer_was_lost_is_answered_under_its_key,
        Control: a_server_error_is_repeated_too,
    ]
}

async fn a_repeated_post_is_answered_and_not_carried_out(toss: Toss) {
    let (key, body) = (fresh("key"), account(30000));
    let first = toss.post_with_key("/v1/virtual-accounts", &key, &body).await;
    first.is(200, "WAITING_FOR_DEPOSIT");
    let second = toss.post_with_key("/v1/virtual-accounts", &key, &body).await;
    assert_eq!((second.status, &second.text), (200, &first.text));
    let other = toss.post_with_key("/v1/virtual-accounts", &fresh("key"), &account(30000)).await;
    assert_ne!(other.is(200, "WAITING_FOR_DEPOSIT")["paymentKey"], first.json()["paymentKey"]);
}

async fn a_repeat_with_another_body_gets_the_first_answer(toss: Toss) {
    let key = fresh("key");
    let first = toss.post_with_key("/v1/virtual-accounts", &key, &account(30000)).await;
    first.is(200, "WAITING_FOR_DEPOSIT");
    let other = account(40000);
    assert_eq!(toss.post_with_key("/v1/virtual-accounts", &key, &other).await.text, first.text);
    toss.get(&format!("/v1/payments/orders/{}", text(&other["orderId"]))).await.is(404, "NOT_FOUND_PAYMENT");
}

async fn an_error_is_repeated_too(toss: Toss) {
    let (key, payment) = (fresh("key"), toss.waiting(30000).await);
    let part = json!({ "cancelReason": "반품", "cancelAmount": 1000 });
    let first = toss.cancel_with_key(&key, &payment, &part).await;
    first.is(403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT");
    let whole = json!({ "cancelReason": "반품" });
    let second = toss.cancel_with_key(&key, &payment, &whole).await;
    assert_eq!((second.status, &second.text), (403, &first.text));
    toss.query(&payment).await.is(200, "WAITING_FOR_DEPOSIT");
}

async fn a_key_has_three_hundred_characters_at_most(toss: Toss) {
    let random = fresh("");
    let body = json!({ "paymentKey": fresh("payment"), "orderId": fresh("order"), "amount": 1000 });
    let refused = toss.confirm_with_key(&format!("{random:k<301}"), &body).await.is(400, "INVALID_IDEMPOTENCY_KEY");
    assert_eq!(refused["message"], "멱등키는 300자 이하여야 합니다.");
    toss.confirm_with_key(&format!("{random:k<300}"), &body).await.is(404, "NOT_FOUND_PAYMENT");
}

async fn a_query_takes_no_notice_of_a_key(toss: Toss) {
    let (key, payment) = (fresh("key"), toss.waiting(30000).await);
    let path = format!("/v1/payments/{}", text(&payment["paymentKey"]));
    let ask = || read(toss.request(Method::GET, &path).header("Idempotency-Key", &key));
    ask().await.is(200, "WAITING_FOR_DEPOSIT");
    toss.cancel(&payment, &json!({ "cancelReason": "반품" })).await.is(200, "CANCELED");
    ask().await.is(200, "CANCELED");
}

async fn the_address_belongs_to_the_scope(toss: Toss) {
    let key = fresh("key");
    for _ in 0..2 {
        let payment = toss.waiting(30000).await;
        let cancelled = toss.cancel_with_key(&key, &payment, &json!({ "cancelReason": "반품" })).await;
        assert_eq!(cancelled.is(200, "CANCELED")["paymentKey"], payment["paymentKey"]);
    }
}

async fn the_secret_key_belongs_to_the_scope(toss: Toss) {
    let (key, widget) = (fresh("key"), toss.widget_secret_key.clone().unwrap());
    let body = json!({ "paymentKey": fresh("payment"), "orderId": fresh("order"), "amount": 1000 });
    let mut traces = Vec::new();
    for secret in [&toss.secret_key, &widget] {
        let request = toss.anonymous(Method::POST, "/v1/payments/confirm").basic_auth(secret, Some("")).json(&body);
        let answer = read(request.header("Idempotency-Key", &key)).await;
        answer.is(404, "NOT_FOUND_PAYMENT");
        traces.push(answer.trace_id().to_owned());
    }
    assert!(traces.iter().all(|trace| !trace.contains(',')), "the second was a replay: {traces:?}");
}

async fn a_forced_409_comes_again_as_long_as_it_is_forced(toss: Toss) {
    let (key, payment) = (fresh("key"), toss.waiting(30000).await);
    let body = json!({ "cancelReason": "반품" });
    for _ in 0..3 {
        let request = toss.posting(&cancel_path(&payment), &body).header("Idempotency-Key", &key);
        let request = request.header("TossPayments-Test-Code", "IDEMPOTENT_REQUEST_PROCESSING");
        read(request).await.is(409, "IDEMPOTENT_REQUEST_PROCESSING");
    }
    let without = toss.cancel_with_key(&key, &payment, &body).await;
    toss.supposed_answer("the same key without the header", &without, 200, "CANCELED");
}

async fn a_key_ends_after_fifteen_days(toss: Toss) {
    let (key, body) = (fresh("key"), account(30000));
    let first = toss.post_with_key("/v1/virtual-accounts", &key, &body).await;
    first.is(200, "WAITING_FOR_DEPOSIT");
    toss.advance(15 * DAY - 60).await;
    assert_eq!(toss.post_with_key("/v1/virtual-accounts", &key, &body).await.text, first.text);
    toss.advance(120).await;
    let later = toss.post_with_key("/v1/virtual-accounts", &key, &account(30000)).await;
    assert_ne!(later.text, first.text);
    toss.supposed_answer("a key after fifteen days", &later, 200, "WAITING_FOR_DEPOSIT");
}

async fn a_cancel_repeated_while_it_runs_has_to_wait(toss: Toss) {
    let (payment, key, body) = (toss.paid(1000).await, fresh("key"), json!({ "cancelReason": "반품" }));
    toss.slow_down("cancel").await;
    let mut first = JoinSet::new();
    let (asking, same, under) = (toss.clone(), payment.clone(), key.clone());
    first.spawn(async move { asking.cancel_with_key(&under, &same, &json!({ "cancelReason": "반품" })).await });
    toss.has_arrived(&cancel_path(&payment)).await;
    toss.cancel_with_key(&key, &payment, &body).await.is(409, "IDEMPOTENT_REQUEST_PROCESSING");
    let answer = first.join_next().await.unwrap().unwrap();
    answer.is(200, "CANCELED");
    assert_eq!(toss.cancel_with_key(&key, &payment, &body).await.text, answer.text);
}

async fn a_confirm_whose_answer_was_lost_is_answered_under_its_key(toss: Toss) {
    let (due, key) = (toss.authenticated(1000).await, fresh("key"));
    let rule = json!({
        "match": { "endpoint": "confirm", "orderId": due["orderId"] }, "times": 1, "then": { "kind": "dropAfter" },
    });
    toss.control("rules", &rule).await;
    let lost = toss.posting("/v1/payments/confirm", &due).header("Idempotency-Key", &key).send().await;
    assert!(lost.is_err(), "the answer arrived");
    toss.query(&due).await.is(200, "DONE");
    let payment = toss.confirm_with_key(&key, &due).await.is(200, "DONE");
    assert_eq!(payment["orderId"], due["orderId"]);
    let audit = toss.see(&format!("audit?orderId={}", text(&due["orderId"]))).await;
    assert_eq!(audit["orders"][0]["approvals"], 1);
}

async fn a_server_error_is_repeated_too(toss: Toss) {
    let (due, key) = (toss.authenticated(1000).await, fresh("key"));
    let rule = json!({
        "match": { "endpoint": "confirm", "orderId": due["orderId"] }, "times": 1,
        "then": { "kind": "error", "status": 500, "code": "COMMON_ERROR" },
    });
    toss.control("rules", &rule).await;
    let first = toss.confirm_with_key(&key, &due).await;
    first.is(500, "COMMON_ERROR");
    let second = toss.confirm_with_key(&key, &due).await;
    toss.supposed("a repeat after a 500", &(second.status, second.text), &(500, first.text));
    toss.confirm_with_key(&fresh("key"), &due).await.is(200, "DONE");
}
