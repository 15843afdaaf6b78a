//! Requests that are wrong. What Toss says to each is hardly documented: the form of the answer is.

use reqwest::Method;
use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{Answer, Toss, fresh, read};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: a_confirm_without_a_field_is_an_invalid_request,
        Key: a_body_that_is_no_json_is_refused_in_toss_form,
        Key: wrong_types_and_huge_numbers_are_refused_in_toss_form,
        Key: a_path_or_method_there_is_none_of_is_not_found,
        Key: a_payment_key_of_more_than_two_hundred_characters_is_refused,
        Key: an_order_id_keeps_to_its_form,
        Key: an_order_name_has_one_hundred_characters_at_most,
    ]
}

#[track_caller]
fn in_toss_form(answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.text);
    let json = answer.json();
    let fields: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["code", "message"], "{json}");
    assert!(json["code"].is_string() && json["message"].is_string(), "{json}");
    assert!(answer.header("content-type").starts_with("application/json"));
    assert!(!answer.trace_id().is_empty());
}

fn whole() -> Value {
    json!({ "paymentKey": fresh("payment"), "orderId": fresh("order"), "amount": 1000 })
}

async fn a_confirm_without_a_field_is_an_invalid_request(toss: Toss) {
    for field in ["paymentKey", "orderId", "amount"] {
        let mut body = whole();
        body.as_object_mut().unwrap().remove(field);
        let refused = toss.confirm(&body).await;
        in_toss_form(&refused);
        toss.supposed_answer(&format!("no {field}"), &refused, 400, "INVALID_REQUEST");
        let expected = json!("잘못된 요청입니다.");
        toss.supposed(&format!("the text without {field}"), &refused.json()["message"], &expected);
    }
}

async fn a_body_that_is_no_json_is_refused_in_toss_form(toss: Toss) {
    for body in ["", "{", "[]", "null", "\"text\"", "{\"paymentKey\":", "paymentKey=a&orderId=b&amount=1"] {
        let request = toss.request(Method::POST, "/v1/payments/confirm").header("content-type", "application/json");
        in_toss_form(&read(request.body(body)).await);
    }
}

async fn wrong_types_and_huge_numbers_are_refused_in_toss_form(toss: Toss) {
    let amounts = [json!([]), json!({}), json!(true), json!(null), json!("x"), json!(-1), json!(1e300), json!("1e3")];
    for amount in amounts {
        let mut body = whole();
        body["amount"] = amount;
        in_toss_form(&toss.confirm(&body).await);
    }
    for key in [json!({}), json!([1]), json!(null)] {
        let mut body = whole();
        body["paymentKey"] = key;
        in_toss_form(&toss.confirm(&body).await);
    }
}

async fn a_path_or_method_there_is_none_of_is_not_found(toss: Toss) {
    for (method, path, code) in [
        (Method::GET, "/v1/nothing", "NOT_FOUND"),
        (Method::DELETE, "/v1/payments/confirm", "NOT_FOUND_HTTP_METHOD"),
        (Method::PUT, "/v1/payments/a", "NOT_FOUND_HTTP_METHOD"),
    ] {
        let refused = read(toss.request(method.clone(), path)).await;
        in_toss_form(&refused);
        toss.supposed_answer(&format!("{method} {path}"), &refused, 404, code);
    }
}

async fn a_payment_key_of_more_than_two_hundred_characters_is_refused(toss: Toss) {
    let mut body = whole();
    body["paymentKey"] = json!("k".repeat(201));
    in_toss_form(&toss.confirm(&body).await);
}

fn window(order_id: &str, order_name: &str) -> Value {
    json!({
        "method": "CARD", "amount": 1000, "currency": "KRW", "orderId": order_id, "orderName": order_name,
        "successUrl": "https://shop.example/success", "failUrl": "https://shop.example/fail",
    })
}

async fn an_order_id_keeps_to_its_form(toss: Toss) {
    for order_id in ["five5".to_owned(), "o".repeat(65), "order 1".into(), "주문-000001".into(), "order/1/1".into()] {
        let refused = toss.post("/v1/payments", &window(&order_id, "책")).await;
        in_toss_form(&refused);
        toss.supposed_answer(&format!("orderId {order_id}"), &refused, 400, "INVALID_ORDER_ID");
    }
    let random = fresh("");
    for order_id in [format!("{random:o<64}"), random[..6].to_owned(), format!("A_b{random}")] {
        toss.post("/v1/payments", &window(&order_id, "책")).await.is(200, "READY");
    }
    // Toss's pages differ on these two characters.
    let loose = toss.post("/v1/payments", &window(&format!("{}=.", fresh("order")), "책")).await.says();
    toss.supposed("an orderId with = and .", &loose, &(200, "READY".into()));
}

async fn an_order_name_has_one_hundred_characters_at_most(toss: Toss) {
    let refused = toss.post("/v1/payments", &window(&fresh("order"), &"책".repeat(101))).await;
    in_toss_form(&refused);
    toss.supposed_answer("an orderName of 101 characters", &refused, 400, "INVALID_ORDER_NAME");
    toss.post("/v1/payments", &window(&fresh("order"), &"책".repeat(100))).await.is(200, "READY");
}
