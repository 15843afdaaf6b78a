//! The browser's side: the script, the payment window, and the way back to the shop.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use simulator::{DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY};

use crate::harness::{Answer, Sim};

/// Opens a payment as the script does and returns its key.
async fn opened(sim: &Sim, order_id: &str) -> String {
    let body = json!({
        "clientKey": DEFAULT_CLIENT_KEY, "method": "CARD", "amount": { "currency": "KRW", "value": 49_000 },
        "orderId": order_id, "orderName": "<b>커피</b>", "customerName": "김심",
        "successUrl": "http://shop.example/ok?lang=ko#end", "failUrl": "http://shop.example/fail",
    });
    let response = sim.request(Method::POST, "/window/payments").json(&body).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    response.json::<Value>().await.unwrap()["paymentKey"].as_str().unwrap().to_owned()
}

async fn press(sim: &Sim, payment_key: &str, outcome: &str) -> Response {
    let request = sim.request(Method::POST, &format!("/window/{payment_key}"));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    request.body(format!("outcome={outcome}")).send().await.unwrap()
}

fn location(response: &Response) -> String {
    assert_eq!(response.status(), 303);
    response.headers()["location"].to_str().unwrap().to_owned()
}

async fn page(sim: &Sim, payment_key: &str, language: &str) -> String {
    let request = sim.request(Method::GET, &format!("/window/{payment_key}")).header("Accept-Language", language);
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn approving_leads_back_to_the_shop_which_can_then_confirm() {
    let sim = Sim::start().await;
    let key = opened(&sim, "order-window").await;
    let korean = page(&sim, &key, "ko-KR").await;
    assert!(korean.contains("49,000원") && korean.contains("결제하기") && !korean.contains("<b>커피"), "{korean}");
    assert!(page(&sim, &key, "en-US").await.contains("₩49,000"));

    let back = location(&press(&sim, &key, "approve").await);
    let expected = format!(
        "http://shop.example/ok?lang=ko&paymentType=NORMAL&orderId=order-window&paymentKey={key}&amount=49000#end"
    );
    assert_eq!(back, expected);
    assert_eq!(location(&press(&sim, &key, "approve").await), expected, "a second press leads to the same place");
    let confirm = json!({ "paymentKey": key, "orderId": "order-window", "amount": "49000" });
    assert_eq!(sim.confirm(&confirm).await.says(), (200, "DONE".into()));

    let late = press(&sim, &key, "approve").await;
    assert_eq!(late.status(), 200);
    assert!(late.text().await.unwrap().contains("이미 처리된 결제입니다"));
}

#[tokio::test]
async fn cancelling_leads_to_the_fail_address_and_leaves_the_payment_ready() {
    let sim = Sim::start().await;
    let key = opened(&sim, "order-cancel").await;
    let back = location(&press(&sim, &key, "cancel").await);
    assert!(back.starts_with("http://shop.example/fail?code=PAY_PROCESS_CANCELED&message=%EA%B2%B0"), "{back}");
    assert!(!back.contains("orderId"));
    assert_eq!(sim.query(&format!("/v1/payments/{key}")).await.says(), (200, "READY".into()));
}

#[tokio::test]
async fn a_card_to_be_declined_authenticates_and_fails_at_confirm() {
    let sim = Sim::start().await;
    let key = opened(&sim, "order-decline").await;
    assert!(location(&press(&sim, &key, "decline").await).starts_with("http://shop.example/ok?"));
    let confirm = json!({ "paymentKey": key, "orderId": "order-decline", "amount": 49_000 });
    assert_eq!(sim.confirm(&confirm).await.says(), (403, "REJECT_CARD_PAYMENT".into()));
    assert_eq!(sim.status(&confirm).await, "ABORTED");
}

#[tokio::test]
async fn an_expired_or_unknown_payment_has_a_page_and_leads_nowhere() {
    let sim = Sim::start().await;
    let key = opened(&sim, "order-late").await;
    sim.advance(31 * 60).await;
    for outcome in ["approve", "cancel"] {
        let response = press(&sim, &key, outcome).await;
        assert_eq!(response.status(), 200);
        assert!(response.text().await.unwrap().contains("결제 시간이 지났습니다"));
    }
    let missing = press(&sim, "nothing", "approve").await;
    assert_eq!(missing.status(), 404);
}

#[tokio::test]
async fn a_payment_opened_by_a_server_is_paid_at_its_checkout_address() {
    let sim = Sim::start().await;
    let body = json!({
        "method": "카드", "amount": 3_000, "currency": "KRW", "orderId": "order-server", "orderName": "책",
        "successUrl": "https://shop.example/ok", "failUrl": "https://shop.example/fail",
    });
    let request = sim.request(Method::POST, "/v1/payments").basic_auth(DEFAULT_SECRET_KEY, Some(""));
    let payment = Answer::read(request.json(&body).send().await.unwrap()).await.json();
    let checkout = sim.client.get(payment["checkout"]["url"].as_str().unwrap()).send().await.unwrap();
    let window = location(&checkout);
    assert_eq!(window, format!("/window/{}", payment["paymentKey"].as_str().unwrap()));
    let window = sim.request(Method::GET, &window).send().await.unwrap();
    assert!(window.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
}

#[tokio::test]
async fn the_script_is_served_and_a_browser_may_call_back() {
    let sim = Sim::start().await;
    let script = sim.request(Method::GET, "/v2/standard").send().await.unwrap();
    assert!(script.headers()["content-type"].to_str().unwrap().starts_with("text/javascript"));
    assert!(script.text().await.unwrap().contains("window.TossPayments = TossPayments"));
    let preflight = sim.request(Method::OPTIONS, "/window/payments").send().await.unwrap();
    assert_eq!(preflight.headers()["access-control-allow-headers"], "content-type");

    let body = json!({ "clientKey": "test_ck_nobody" });
    let refused = sim.request(Method::POST, "/window/payments").json(&body).send().await.unwrap();
    assert_eq!(refused.headers()["access-control-allow-origin"], "*");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "INVALID_CLIENT_KEY");
    assert_eq!(sim.request(Method::GET, "/livez").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_shops_notes_come_back_with_the_payment() {
    let sim = Sim::start().await;
    let open = async |metadata: Value| {
        let body = json!({ "method": "CARD", "amount": 1_000, "orderId": "order-notes", "orderName": "책",
            "successUrl": "http://localhost/s", "failUrl": "http://localhost/f", "metadata": metadata });
        sim.post("/v1/payments", &body).await
    };
    let notes = json!({ "cart": "c-17", "빈칸": "" });
    assert_eq!(open(notes.clone()).await.json()["metadata"], notes);
    assert_eq!(open(Value::Null).await.json()["metadata"], Value::Null);
    let six: serde_json::Map<String, Value> = (0..6).map(|n| (n.to_string(), json!("x"))).collect();
    for wrong in
        [json!("text"), json!({ "a[0]": "x" }), json!({ "a": 1 }), json!({ "a": "x".repeat(2_001) }), six.into()]
    {
        assert_eq!(open(wrong).await.says(), (400, "INVALID_REQUEST".into()));
    }
}
