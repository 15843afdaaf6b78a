//! The exact form on the wire: field order, nulls, headers, error bodies, languages.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{DEFAULT_SECRET_KEY, OrderIds, Settings};

use crate::harness::{Answer, Sim};

/// The one line a card approval is, with what differs each time in braces.
const APPROVAL: &str = concat!(
    r#"{"mId":"tsim_hanbeon","lastTransactionKey":"{transaction}","paymentKey":"{key}","orderId":"order-000001","#,
    r#""orderName":"커피 외 1건","taxExemptionAmount":0,"status":"DONE","requestedAt":"{requested}","#,
    r#""approvedAt":"{approved}","useEscrow":false,"cultureExpense":false,"card":{"issuerCode":"61","#,
    r#""acquirerCode":"61","number":"12345678****123*","installmentPlanMonths":0,"isInterestFree":false,"#,
    r#""interestPayer":null,"approveNo":"00000000","useCardPoint":false,"cardType":"신용","ownerType":"개인","#,
    r#""acquireStatus":"READY","amount":15000},"virtualAccount":null,"transfer":null,"mobilePhone":null,"#,
    r#""giftCertificate":null,"cashReceipt":null,"cashReceipts":null,"discount":null,"cancels":null,"#,
    r#""secret":"{secret}","type":"NORMAL","easyPay":null,"country":"KR","failure":null,"#,
    r#""isPartialCancelable":true,"receipt":{"url":"https://dashboard-sandbox.tosspayments.com/receipt/"#,
    r#"redirection?transactionId={key}&ref=PX"},"checkout":{"url":"{base}/v1/payments/{key}/checkout"},"#,
    r#""currency":"KRW","totalAmount":15000,"balanceAmount":15000,"suppliedAmount":13636,"vat":1364,"#,
    r#""taxFreeAmount":0,"method":"카드","version":"2022-11-16","metadata":null}"#,
);

#[tokio::test]
async fn a_card_approval_has_every_field_in_toss_order_with_explicit_nulls() {
    let sim = Sim::start().await;
    let body = json!({ "orderId": "order-000001", "amount": 15_000, "orderName": "커피 외 1건" });
    let answer = sim.confirm(&sim.authenticated_with(body).await).await;
    let payment = answer.json();
    let field = |name: &str| payment[name].as_str().unwrap().to_owned();
    let expected = APPROVAL
        .replace("{transaction}", &field("lastTransactionKey"))
        .replace("{key}", &field("paymentKey"))
        .replace("{requested}", &field("requestedAt"))
        .replace("{approved}", &field("approvedAt"))
        .replace("{secret}", &field("secret"))
        .replace("{base}", &sim.base);
    assert_eq!(answer.text, expected);

    assert!(field("paymentKey").starts_with("tsim_20") && field("paymentKey").len() == 5 + 14 + 5);
    assert!(field("lastTransactionKey").starts_with("txrd_a01") && field("lastTransactionKey").len() == 32);
    assert!(field("secret").starts_with("ps_") && field("secret").len() == 31);
    for time in [field("requestedAt"), field("approvedAt")] {
        assert!(time.len() == 25 && time.ends_with("+09:00") && time.as_bytes()[10] == b'T', "{time}");
    }
    assert_eq!(sim.query("/v1/payments/orders/order-000001").await.text, expected);
}

#[tokio::test]
async fn answers_carry_a_trace_id_and_echo_the_idempotency_key() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-headers", 1_000).await;
    let response = sim.confirm_request(&payment).header("Idempotency-Key", "abc-123").send().await.unwrap();
    assert_eq!(response.headers()["idempotency-key"], "abc-123");
    assert_eq!(response.headers()["content-type"], "application/json");
    let trace_id = response.headers()["x-tosspayments-trace-id"].to_str().unwrap();
    assert!(trace_id.len() == 32 && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{trace_id}");
}

#[tokio::test]
async fn errors_are_korean_unless_english_is_asked_for() {
    let sim = Sim::start().await;
    let path = "/v1/payments/orders/order-none";
    let korean = sim.query(path).await;
    assert_eq!(korean.text, r#"{"code":"NOT_FOUND_PAYMENT","message":"존재하지 않는 결제 정보 입니다."}"#);
    let request = sim.request(Method::GET, path).basic_auth(DEFAULT_SECRET_KEY, Some(""));
    let english = Answer::read(request.header("Accept-Language", "en-US").send().await.unwrap()).await;
    assert_eq!(english.text, r#"{"code":"NOT_FOUND_PAYMENT","message":"The payment does not exist."}"#);
}

#[tokio::test]
async fn wrong_credentials_are_told_apart() {
    let sim = Sim::start().await;
    let basic = |text: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    for (header, status, code) in [
        (basic(DEFAULT_SECRET_KEY), 403, "INCORRECT_BASIC_AUTH_FORMAT"),
        ("Basic ???".to_owned(), 403, "INCORRECT_BASIC_AUTH_FORMAT"),
        (format!("Bearer {DEFAULT_SECRET_KEY}"), 403, "INCORRECT_BASIC_AUTH_FORMAT"),
        (basic("test_sk_unknown:"), 401, "UNAUTHORIZED_KEY"),
        (basic("live_sk_somebody:"), 400, "INVALID_API_KEY"),
    ] {
        let request = sim.request(Method::GET, "/v1/payments/orders/order-none").header("Authorization", &header);
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.says(), (status, code.to_owned()), "{header}");
    }
    let silent = sim.request(Method::GET, "/v1/payments/orders/order-none").send().await.unwrap();
    assert_eq!(Answer::read(silent).await.says(), (401, "UNAUTHORIZED_KEY".into()));
}

#[tokio::test]
async fn malformed_bodies_and_unknown_paths_get_an_error_of_toss_form() {
    let sim = Sim::start().await;
    let long_key = "k".repeat(201);
    for body in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "\"text\"".to_owned(),
        "{}".to_owned(),
        json!({ "paymentKey": "k", "orderId": "order-1" }).to_string(),
        json!({ "paymentKey": "k", "orderId": "order-1", "amount": "ten" }).to_string(),
        json!({ "paymentKey": "k", "orderId": "order-1", "amount": 10.555 }).to_string(),
        json!({ "paymentKey": 7, "orderId": "order-1", "amount": 10 }).to_string(),
        json!({ "paymentKey": long_key, "orderId": "order-1", "amount": 10 }).to_string(),
        format!("{{\"paymentKey\":\"{}\"}}", "k".repeat(70_000)),
    ] {
        let request = sim.request(Method::POST, "/v1/payments/confirm").basic_auth(DEFAULT_SECRET_KEY, Some(""));
        let answer = Answer::read(request.body(body.clone()).send().await.unwrap()).await;
        assert_eq!(answer.says(), (400, "INVALID_REQUEST".into()), "{}", &body[..body.len().min(80)]);
    }
    for (method, path, code) in [
        (Method::GET, "/v1/payments/a/b/c", "NOT_FOUND"),
        (Method::POST, "/v1/nothing", "NOT_FOUND"),
        (Method::GET, "/v1/payments/confirm", "NOT_FOUND_HTTP_METHOD"),
        (Method::DELETE, "/v1/payments/some-key", "NOT_FOUND_HTTP_METHOD"),
        (Method::GET, "/v1/payments/%FF", "NOT_FOUND"),
    ] {
        let request = sim.request(method.clone(), path).basic_auth(DEFAULT_SECRET_KEY, Some(""));
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.says(), (404, code.to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn an_order_id_may_hold_more_than_the_reference_says_unless_told_otherwise() {
    let body = json!({ "orderId": "MC44=.order", "amount": 1_000 });
    let sim = Sim::start().await;
    assert_eq!(sim.confirm(&sim.authenticated_with(body.clone()).await).await.says(), (200, "DONE".into()));
    let mut settings = Settings::default();
    settings.switches.order_ids = OrderIds::Strict;
    let strict = Sim::with(settings).await;
    let refused = strict.request(Method::POST, "/control/authenticate").json(&body).send().await.unwrap();
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn a_server_opens_payments_only_with_valid_fields() {
    let sim = Sim::start().await;
    let valid = json!({
        "method": "CARD", "amount": 3_000, "orderId": "order-open", "orderName": "책",
        "successUrl": "https://shop.example/ok", "failUrl": "https://shop.example/fail",
    });
    for (field, value, code) in [
        ("method", json!("BITCOIN"), "NOT_SUPPORTED_METHOD"),
        ("amount", json!(0), "BELOW_ZERO_AMOUNT"),
        ("amount", Value::Null, "INVALID_REQUEST"),
        ("currency", json!("EUR"), "INVALID_CURRENCY"),
        ("orderId", json!("short"), "INVALID_ORDER_ID"),
        ("orderId", json!("order/slash"), "INVALID_ORDER_ID"),
        ("orderName", json!(""), "INVALID_ORDER_NAME"),
        ("successUrl", json!("javascript:alert(1)"), "INCORRECT_SUCCESS_URL_FORMAT"),
        ("failUrl", json!("/relative"), "INCORRECT_FAIL_URL_FORMAT"),
    ] {
        let mut body = valid.clone();
        body[field] = value;
        let request = sim.request(Method::POST, "/v1/payments").basic_auth(DEFAULT_SECRET_KEY, Some(""));
        let answer = Answer::read(request.json(&body).send().await.unwrap()).await;
        assert_eq!(answer.says(), (400, code.to_owned()), "{body}");
    }
}
