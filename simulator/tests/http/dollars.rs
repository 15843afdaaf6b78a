//! Amounts with cents: read exactly, written as Toss writes them, and added up without a rounding error.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use simulator::DEFAULT_SECRET_KEY;

use crate::harness::Sim;

async fn paid(sim: &Sim, order_id: &str, amount: Value) -> (Value, String) {
    let payment = sim.authenticated_with(json!({ "orderId": order_id, "amount": amount, "currency": "USD" })).await;
    let answer = sim.confirm(&payment).await;
    assert_eq!(answer.says(), (200, "DONE".into()));
    (payment, answer.text)
}

#[tokio::test]
async fn a_payment_in_dollars_keeps_its_cents() {
    let sim = Sim::start().await;
    let (payment, text) = paid(&sim, "order-dollars", json!(181.56)).await;
    assert_eq!(payment["amount"], json!(181.56));
    for part in [
        r#""currency":"USD","totalAmount":181.56,"balanceAmount":181.56,"suppliedAmount":165.05,"vat":16.51,"#,
        r#""acquireStatus":"READY","amount":181.56}"#,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for (order_id, said, shown) in [("order-text", json!("100.00"), "100"), ("order-tenth", json!(0.1), "0.1")] {
        let (_, text) = paid(&sim, order_id, said).await;
        assert!(text.contains(&format!(r#""totalAmount":{shown},"#)), "{text}");
    }
    let rows = sim.query("/v1/transactions?startDate=2000-01-01&endDate=2999-01-01").await.json();
    assert_eq!((&rows[0]["currency"], &rows[0]["amount"]), (&json!("USD"), &json!(181.56)));
    let audit = sim.see("audit?orderId=order-dollars").await;
    assert_eq!(audit["orders"][0]["balance"], 18_156, "the ledger counts cents");
}

#[tokio::test]
async fn a_confirm_must_name_every_cent() {
    let sim = Sim::start().await;
    let asked = json!({ "orderId": "order-cents", "amount": "664.98", "currency": "USD" });
    let payment = sim.authenticated_with(asked).await;
    for wrong in [json!(664), json!(664.97), json!(66_498), json!(664.981)] {
        let mut body = payment.clone();
        body["amount"] = wrong;
        assert_eq!(sim.confirm(&body).await.says(), (400, "INVALID_REQUEST".into()), "{body}");
    }
    let mut body = payment.clone();
    body["amount"] = json!("664.980");
    assert_eq!(sim.confirm(&body).await.says(), (200, "DONE".into()));

    let won = json!({ "method": "CARD", "amount": 100.5, "orderId": "order-won", "orderName": "책",
        "successUrl": "http://localhost/s", "failUrl": "http://localhost/f" });
    assert_eq!(sim.post("/v1/payments", &won).await.says(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn cents_are_cancelled_to_nothing() {
    let sim = Sim::start().await;
    let (payment, _) = paid(&sim, "order-slices", json!(0.3)).await;
    let part = json!({ "cancelReason": "x", "cancelAmount": 0.1, "currency": "USD" });
    for left in [json!(0.2), json!(0.1), json!(0)] {
        let body = sim.cancel(&payment, &part).await.json();
        assert_eq!((&body["balanceAmount"], &body["cancels"][0]["cancelAmount"]), (&left, &json!(0.1)));
    }
    assert_eq!(sim.cancel(&payment, &part).await.says(), (403, "NOT_CANCELABLE_AMOUNT".into()));
    let won = sim.paid("order-won", 1_000).await;
    let half = json!({ "cancelReason": "x", "cancelAmount": 0.5 });
    assert_eq!(sim.cancel(&won, &half).await.says(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn the_window_shows_cents_and_hands_them_back() {
    let sim = Sim::start().await;
    let opening = json!({ "method": "CARD", "amount": { "value": 1234.5, "currency": "USD" }, "orderId": "order-window",
        "orderName": "Book", "successUrl": "http://localhost/s", "failUrl": "http://localhost/f" });
    let request = sim.request(Method::POST, "/v1/payments").basic_auth(DEFAULT_SECRET_KEY, Some(""));
    let opened: Value = request.json(&opening).send().await.unwrap().json().await.unwrap();
    let path = format!("/window/{}", opened["paymentKey"].as_str().unwrap());
    let page = sim.request(Method::GET, &path).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("USD 1,234.50"), "{page}");
    let request = sim.request(Method::POST, &path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = request.body("outcome=tamper&tamperedAmount=0.07").send().await.unwrap();
    let location = response.headers()["location"].to_str().unwrap();
    assert!(location.ends_with("amount=0.07"), "{location}");
}
