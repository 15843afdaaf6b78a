//! The window's drawer: everything that can go otherwise, and what the shop learns of it.

use reqwest::{Method, Response};
use serde_json::{Value, json};
use simulator::{DEFAULT_CLIENT_KEY, DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY};

use crate::harness::{Answer, Sim};
use crate::shop::Shop;

const SHOP: &str = "http://shop.example";

async fn open(sim: &Sim, changes: Value) -> Response {
    let mut body = json!({
        "clientKey": DEFAULT_CLIENT_KEY, "method": "CARD", "amount": { "currency": "KRW", "value": 50_000 },
        "orderId": "order-drawer", "orderName": "커피",
        "successUrl": format!("{SHOP}/ok"), "failUrl": format!("{SHOP}/fail"),
    });
    for (name, value) in changes.as_object().unwrap() {
        body[name] = value.clone();
    }
    sim.request(Method::POST, "/window/payments").header("Origin", SHOP).json(&body).send().await.unwrap()
}

async fn opened(sim: &Sim, changes: Value) -> String {
    let response = open(sim, changes).await;
    assert_eq!(response.status(), 201);
    response.json::<Value>().await.unwrap()["paymentKey"].as_str().unwrap().to_owned()
}

async fn promised(sim: &Sim) -> String {
    opened(sim, json!({ "successUrl": null, "failUrl": null })).await
}

async fn send(sim: &Sim, payment_key: &str, form: &str) -> Response {
    let request = sim.request(Method::POST, &format!("/window/{payment_key}"));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").header("Accept-Language", "en");
    request.body(form.to_owned()).send().await.unwrap()
}

fn location(response: &Response) -> String {
    assert_eq!(response.status(), 303);
    response.headers()["location"].to_str().unwrap().to_owned()
}

async fn status(sim: &Sim, payment_key: &str) -> String {
    sim.query(&format!("/v1/payments/{payment_key}")).await.says().1
}

#[tokio::test]
async fn the_shopper_picks_the_code_with_which_the_issuer_declines() {
    let sim = Sim::start().await;
    let key = opened(&sim, json!({})).await;
    let form = "outcome=decline&declineCode=INVALID_STOPPED_CARD&declineWhen=confirm&method=CARD&cardCompany=41";
    assert!(location(&send(&sim, &key, form).await).starts_with("http://shop.example/ok?"));
    let shown = sim.request(Method::GET, "/control").send().await.unwrap().text().await.unwrap();
    assert!(shown.contains("신용·체크카드 · 신한"), "the choice is kept on the payment: {shown}");
    let confirm = json!({ "paymentKey": key, "orderId": "order-drawer", "amount": 50_000 });
    assert_eq!(sim.confirm(&confirm).await.says(), (400, "INVALID_STOPPED_CARD".into()));
}

#[tokio::test]
async fn a_card_refused_in_the_window_names_the_order_at_the_fail_address_and_leaves_the_payment_ready() {
    let sim = Sim::start().await;
    let key = opened(&sim, json!({})).await;
    let back = location(&send(&sim, &key, "outcome=decline&declineCode=REJECT_CARD_COMPANY&declineWhen=window").await);
    assert!(back.starts_with("http://shop.example/fail?code=REJECT_CARD_COMPANY&message="), "{back}");
    assert!(back.ends_with("&orderId=order-drawer"), "{back}");
    assert_eq!(status(&sim, &key).await, "READY");
}

#[tokio::test]
async fn a_tampered_redirect_claims_another_amount_which_cannot_be_confirmed() {
    let sim = Sim::start().await;
    let key = opened(&sim, json!({})).await;
    let back = location(&send(&sim, &key, "outcome=tamper&tamperedAmount=100").await);
    assert!(back.ends_with("&amount=100"), "{back}");
    let confirm = |amount: i64| json!({ "paymentKey": key, "orderId": "order-drawer", "amount": amount });
    assert_eq!(sim.confirm(&confirm(100)).await.says(), (400, "INVALID_REQUEST".into()));
    assert_eq!(sim.confirm(&confirm(50_000)).await.says(), (200, "DONE".into()));
}

#[tokio::test]
async fn a_slow_redirect_authenticates_at_once_and_waits_on_a_page() {
    let sim = Sim::start().await;
    let key = opened(&sim, json!({})).await;
    let response = send(&sim, &key, "outcome=slow&slowSeconds=10").await;
    assert_eq!(response.status(), 200);
    let page = response.text().await.unwrap();
    assert!(
        page.contains(r#"http-equiv="refresh" content="10;url=http://shop.example/ok?paymentType=NORMAL"#),
        "{page}"
    );
    assert_eq!(status(&sim, &key).await, "IN_PROGRESS");
}

#[tokio::test]
async fn a_closed_window_tells_a_redirect_nothing_and_a_promise_user_cancel() {
    let sim = Sim::start().await;
    for key in [opened(&sim, json!({})).await, promised(&sim).await] {
        let response = send(&sim, &key, "outcome=close").await;
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key("location"));
        assert!(response.text().await.unwrap().contains("USER_CANCEL"), "the framing page is told");
        assert_eq!(status(&sim, &key).await, "READY");
    }
}

#[tokio::test]
async fn a_promise_is_kept_by_a_message_to_the_origin_that_asked_and_only_it_may_frame_the_window() {
    let sim = Sim::start().await;
    let key = promised(&sim).await;
    let response = send(&sim, &key, "outcome=approve&method=EASY_PAY&easyPay=TOSSPAY").await;
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.ends_with("frame-ancestors http://shop.example"), "{policy}");
    let page = response.text().await.unwrap();
    assert!(page.contains(r#"data-origin="http://shop.example""#), "{page}");
    assert!(page.contains(&key) && page.contains("order-drawer") && !page.contains("paymentType"), "{page}");
    assert_eq!(status(&sim, &key).await, "IN_PROGRESS");
}

#[tokio::test]
async fn a_form_with_an_impossible_choice_is_refused_and_authenticates_nothing() {
    let sim = Sim::start().await;
    let key = opened(&sim, json!({ "amount": { "currency": "KRW", "value": 49_999 } })).await;
    for form in [
        "outcome=approve&method=TRANSFER",
        "outcome=approve&method=CARD&cardCompany=99",
        "outcome=approve&method=CARD&installmentMonths=3",
        "outcome=tamper&tamperedAmount=much",
        "outcome=slow&slowSeconds=9999",
        "outcome=decline&declineCode=TEAPOT",
    ] {
        let response = send(&sim, &key, form).await;
        assert_eq!(response.status(), 400, "{form}");
        assert!(response.text().await.unwrap().contains(r#"role="alert""#), "{form}");
        assert_eq!(status(&sim, &key).await, "READY", "{form}");
    }
}

#[tokio::test]
async fn a_widget_brings_its_choice_along_and_the_window_offers_no_other() {
    let sim = Sim::start().await;
    let choice = json!({ "method": "VIRTUAL_ACCOUNT", "accountBank": "88" });
    let widget = json!({ "clientKey": DEFAULT_WIDGET_CLIENT_KEY, "widget": true, "choice": choice, "method": null });
    let key = opened(&sim, widget).await;
    let page = sim.request(Method::GET, &format!("/window/{key}")).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("가상계좌 · 신한") && !page.contains(r#"name="cardCompany""#), "{page}");
    location(&send(&sim, &key, "outcome=approve&method=CARD").await);
    let confirm = json!({ "paymentKey": key, "orderId": "order-drawer", "amount": 50_000 });
    assert_eq!(sim.confirm(&confirm).await.says(), (400, "INVALID_API_KEY".into()), "it belongs to the widget's pair");
    let request = sim.request(Method::POST, "/v1/payments/confirm");
    let request = request.basic_auth(DEFAULT_WIDGET_SECRET_KEY, Some("")).json(&confirm);
    assert_eq!(Answer::read(request.send().await.unwrap()).await.status, 200);
}

#[tokio::test]
async fn a_sandbox_result_needs_no_shopper() {
    let sim = Sim::start().await;
    let result = |result: &str| json!({ "sandbox": { "paymentResult": result } });
    let paid: Value = open(&sim, result("SUCCESS")).await.json().await.unwrap();
    assert!(paid["location"].as_str().unwrap().starts_with("http://shop.example/ok?"), "{paid}");
    assert_eq!(status(&sim, paid["paymentKey"].as_str().unwrap()).await, "IN_PROGRESS");
    let failed: Value = open(&sim, result("FAIL")).await.json().await.unwrap();
    assert!(failed["location"].as_str().unwrap().contains("code=REJECT_CARD_PAYMENT"), "{failed}");
}

#[tokio::test]
async fn what_the_shopper_chooses_is_what_the_confirm_shows() {
    let sim = Sim::start().await;
    for (n, method, form, pointer, expected) in [
        (1, "CARD", "method=CARD&cardCompany=41&installmentMonths=3", "/card/installmentPlanMonths", json!(3)),
        (2, "CARD", "method=CARD&cardCompany=W1", "/card/issuerCode", json!("W1")),
        (3, "CARD", "method=EASY_PAY&easyPay=NAVERPAY", "/easyPay/provider", json!("네이버페이")),
        (4, "VIRTUAL_ACCOUNT", "method=VIRTUAL_ACCOUNT&accountBank=06", "/virtualAccount/bankCode", json!("06")),
        (5, "TRANSFER", "method=TRANSFER&transferBank=81", "/transfer/bankCode", json!("81")),
        (6, "MOBILE_PHONE", "method=MOBILE_PHONE&carrier=KT", "/method", json!("휴대폰")),
    ] {
        let order_id = format!("order-chosen-{n}");
        let key = opened(&sim, json!({ "method": method, "orderId": order_id })).await;
        location(&send(&sim, &key, &format!("outcome=approve&{form}")).await);
        let confirm = json!({ "paymentKey": key, "orderId": order_id, "amount": 50_000 });
        let answer = sim.confirm(&confirm).await;
        assert_eq!(answer.status, 200, "{form} {}", answer.text);
        assert_eq!(answer.json().pointer(pointer), Some(&expected), "{form} {}", answer.text);
    }
}

#[tokio::test]
async fn webhooks_tell_what_came_of_a_payment_and_not_what_was_clicked_in_its_window() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    let refused = opened(&sim, json!({ "orderId": "order-refused" })).await;
    location(&send(&sim, &refused, "outcome=decline&declineWhen=window").await);
    let key = opened(&sim, json!({ "method": "VIRTUAL_ACCOUNT" })).await;
    location(&send(&sim, &key, "outcome=approve&method=VIRTUAL_ACCOUNT&accountBank=06").await);
    assert_eq!(sim.see("webhooks/deliveries").await["deliveries"], json!([]));

    let confirm = json!({ "paymentKey": key, "orderId": "order-drawer", "amount": 50_000 });
    assert_eq!(sim.confirm(&confirm).await.says(), (200, "WAITING_FOR_DEPOSIT".into()));
    let issued = shop.next().await;
    assert_eq!((issued.status(), &issued.json()["data"]["paymentKey"]), ("WAITING_FOR_DEPOSIT".into(), &json!(key)));

    let clock = sim.request(Method::POST, "/control/page/clock");
    let clock = clock.header("Content-Type", "application/x-www-form-urlencoded").body("seconds=1860");
    assert_eq!(location(&clock.send().await.unwrap()), "/control?said=clock");
    let told = sim.see("webhooks/deliveries?orderId=order-refused").await;
    assert_eq!(told["deliveries"].as_array().unwrap().len(), 1, "the expiry is known when the form is answered");
    let expired = shop.next().await;
    assert_eq!((expired.status(), &expired.json()["data"]["paymentKey"]), ("EXPIRED".into(), &json!(refused)));
}
