//! Keys: their form, whose they are, and how they end.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::toss::{DAY, Toss, fresh, read, text};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: a_key_without_its_colon_is_a_wrong_format,
        Key: an_authorization_that_is_no_base64_is_a_wrong_format,
        Key: a_key_nobody_knows_is_unauthorized,
        Key: a_call_without_a_key_is_refused,
        WidgetKey: the_widget_key_is_a_key_too,
        Control: a_payment_of_the_other_product_is_not_for_this_key,
        Control: another_merchant_does_not_find_the_payment,
        Control: a_rotated_key_works_seven_days_more,
        Control: a_revoked_key_ends_at_once,
    ]
}

/// One call of each kind, without authorization.
fn calls(toss: &Toss) -> Vec<RequestBuilder> {
    let body = json!({ "paymentKey": fresh("payment"), "orderId": fresh("order"), "amount": 1000 });
    let cancel = json!({ "cancelReason": "반품" });
    vec![
        toss.anonymous(Method::POST, "/v1/payments/confirm").json(&body),
        toss.anonymous(Method::GET, "/v1/payments/some-payment"),
        toss.anonymous(Method::GET, "/v1/payments/orders/some-order"),
        toss.anonymous(Method::POST, "/v1/payments/some-payment/cancel").json(&cancel),
    ]
}

fn base64(plain: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(plain)
}

async fn each_is(toss: &Toss, authorization: &str, status: u16, code: &str, message: &str) {
    for call in calls(toss) {
        let refused = read(call.header("Authorization", authorization)).await.is(status, code);
        assert_eq!(refused, json!({ "code": code, "message": message }));
    }
}

async fn a_key_without_its_colon_is_a_wrong_format(toss: Toss) {
    let without = format!("Basic {}", base64(&toss.secret_key));
    let message = "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요.";
    each_is(&toss, &without, 403, "INCORRECT_BASIC_AUTH_FORMAT", message).await;
}

async fn an_authorization_that_is_no_base64_is_a_wrong_format(toss: Toss) {
    let message = "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요.";
    each_is(&toss, "Basic %%%", 403, "INCORRECT_BASIC_AUTH_FORMAT", message).await;
}

async fn a_key_nobody_knows_is_unauthorized(toss: Toss) {
    let unknown = format!("Basic {}", base64("test_sk_nobody0knows0this0key000:"));
    let message = "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.";
    each_is(&toss, &unknown, 401, "UNAUTHORIZED_KEY", message).await;
}

async fn a_call_without_a_key_is_refused(toss: Toss) {
    for call in calls(&toss) {
        let refused = read(call).await;
        assert!([401, 403].contains(&refused.status), "{}", refused.text);
        toss.supposed_answer("no key at all", &refused, 401, "UNAUTHORIZED_KEY");
    }
}

async fn the_widget_key_is_a_key_too(toss: Toss) {
    let key = toss.widget_secret_key.clone().unwrap();
    let request = toss.anonymous(Method::GET, &format!("/v1/payments/orders/{}", fresh("order")));
    read(request.basic_auth(key, Some(""))).await.is(404, "NOT_FOUND_PAYMENT");
}

/// A merchant with a pair for the widget and one for the payment window: `(client, secret)` twice.
async fn merchant(toss: &Toss) -> [(String, String); 2] {
    let [widget, window] = ["test_gck_", "test_ck_"].map(|client| {
        let secret = client.replace("ck_", "sk_");
        (format!("{client}{}", fresh("a")), format!("{secret}{}", fresh("b")))
    });
    let keys: Vec<Value> =
        [&widget, &window].iter().map(|(client, secret)| json!({ "clientKey": client, "secretKey": secret })).collect();
    toss.control("merchants", &json!({ "merchantId": "tcontract", "keys": keys })).await;
    [widget, window]
}

async fn confirm_as(toss: &Toss, secret: &str, due: &Value) -> crate::toss::Answer {
    read(toss.anonymous(Method::POST, "/v1/payments/confirm").basic_auth(secret, Some("")).json(due)).await
}

async fn a_payment_of_the_other_product_is_not_for_this_key(toss: Toss) {
    let [widget, window] = merchant(&toss).await;
    let due = toss.authenticated_with(json!({ "amount": 1000, "clientKey": widget.0 })).await;
    let refused = confirm_as(&toss, &window.1, &due).await.is(400, "INVALID_API_KEY");
    assert_eq!(refused["message"], "잘못된 시크릿키 연동 정보 입니다.");
    confirm_as(&toss, &widget.1, &due).await.is(200, "DONE");
}

async fn another_merchant_does_not_find_the_payment(toss: Toss) {
    merchant(&toss).await;
    let [.., window] = merchant_named(&toss, "tother").await;
    let payment = toss.paid(1000).await;
    let path = format!("/v1/payments/{}", text(&payment["paymentKey"]));
    let seen = read(toss.anonymous(Method::GET, &path).basic_auth(window.1, Some(""))).await;
    assert_eq!(seen.says(), (404, "NOT_FOUND_PAYMENT".into()));
}

async fn merchant_named(toss: &Toss, id: &str) -> [(String, String); 1] {
    let pair = (format!("test_ck_{}", fresh("c")), format!("test_sk_{}", fresh("d")));
    let keys = json!([{ "clientKey": pair.0, "secretKey": pair.1 }]);
    toss.control("merchants", &json!({ "merchantId": id, "keys": keys })).await;
    [pair]
}

async fn asked_with(toss: &Toss, secret: &str) -> (u16, String) {
    let request = toss.anonymous(Method::GET, &format!("/v1/payments/orders/{}", fresh("order")));
    read(request.basic_auth(secret, Some(""))).await.says()
}

async fn a_rotated_key_works_seven_days_more(toss: Toss) {
    let [.., (client, old)] = merchant(&toss).await;
    let new = toss.control("merchants/rotate", &json!({ "clientKey": client })).await;
    let (found, refused) = ((404, "NOT_FOUND_PAYMENT".into()), (401, "UNAUTHORIZED_KEY".into()));
    assert_eq!(asked_with(&toss, &old).await, found);
    assert_eq!(asked_with(&toss, text(&new["secretKey"])).await, found);
    toss.advance(7 * DAY - 60).await;
    assert_eq!(asked_with(&toss, &old).await, found);
    toss.advance(120).await;
    assert_eq!(asked_with(&toss, &old).await, refused);
    assert_eq!(asked_with(&toss, text(&new["secretKey"])).await, found);
}

async fn a_revoked_key_ends_at_once(toss: Toss) {
    let [.., (_, secret)] = merchant(&toss).await;
    toss.control("merchants/revoke", &json!({ "secretKey": secret })).await;
    assert_eq!(asked_with(&toss, &secret).await, (401, "UNAUTHORIZED_KEY".into()));
}
