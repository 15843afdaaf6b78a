//! Gift certificates and foreign wallets: what they look like, what they take, and cancels that are decided later.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::harness::Sim;
use crate::shop::Shop;

async fn wallet(sim: &Sim, order_id: &str, provider: &str) -> Value {
    let asked = json!({ "orderId": order_id, "amount": 181.56, "currency": "USD", "method": "FOREIGN_EASY_PAY",
        "foreignEasyPay": provider });
    let payment = sim.authenticated_with(asked).await;
    let answer = sim.confirm(&payment).await;
    assert_eq!(answer.says(), (200, "DONE".into()));
    answer.json()
}

async fn decide(sim: &Sim, payment: &Value, status: &str) -> Value {
    sim.control("cancel-status", json!({ "paymentKey": payment["paymentKey"], "cancelStatus": status })).await
}

/// `status`, `balanceAmount` and the last `cancelStatus`, as a query shows them.
async fn seen(sim: &Sim, payment: &Value) -> [Value; 3] {
    let body = sim.query(&format!("/v1/payments/{}", payment["paymentKey"].as_str().unwrap())).await.json();
    let last = body["cancels"].as_array().and_then(|cancels| cancels.last().cloned()).unwrap_or_default();
    [body["status"].clone(), body["balanceAmount"].clone(), last["cancelStatus"].clone()]
}

#[tokio::test]
async fn each_gift_certificate_is_a_method_of_its_own() {
    let sim = Sim::start().await;
    for (asked, name) in [
        ("CULTURE_GIFT_CERTIFICATE", "문화상품권"),
        ("도서문화상품권", "도서문화상품권"),
        ("GAME_GIFT_CERTIFICATE", "게임문화상품권"),
    ] {
        let opening = json!({ "method": asked, "amount": 5_000, "orderId": "order-gift", "orderName": "책",
            "successUrl": "http://localhost/s", "failUrl": "http://localhost/f" });
        let opened = sim.post("/v1/payments", &opening).await.json();
        let path = format!("/window/{}", opened["paymentKey"].as_str().unwrap());
        let page = sim.request(Method::GET, &path).send().await.unwrap().text().await.unwrap();
        assert!(page.contains(name), "{page}");
        let press = sim.request(Method::POST, &path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        assert_eq!(press.body("outcome=approve").send().await.unwrap().status(), 303);
        let confirm = json!({ "paymentKey": opened["paymentKey"], "orderId": "order-gift", "amount": 5_000 });
        let paid = sim.confirm(&confirm).await.json();
        assert_eq!(paid["method"], name);
        let expected = json!({ "approveNo": "00000000", "settlementStatus": "INCOMPLETED" });
        assert_eq!((&paid["giftCertificate"], &paid["card"]), (&expected, &Value::Null));
    }
}

#[tokio::test]
async fn foreign_wallets_take_dollars_and_most_methods_only_won() {
    let sim = Sim::start().await;
    let payment = wallet(&sim, "order-paypal", "PAYPAL").await;
    assert_eq!((&payment["method"], &payment["totalAmount"]), (&json!("해외간편결제"), &json!(181.56)));
    assert_eq!(payment["easyPay"], json!({ "provider": "PAYPAL", "amount": 181.56, "discountAmount": 0 }));
    let open = async |more: Value| {
        let mut body = json!({ "amount": 10, "orderId": "order-abroad", "orderName": "Book",
            "successUrl": "http://localhost/s", "failUrl": "http://localhost/f" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sim.post("/v1/payments", &body).await.says()
    };
    let ready = (200, "READY".to_owned());
    let foreign = json!({ "method": "FOREIGN_EASY_PAY", "currency": "USD", "foreignEasyPay": { "provider": "DANA" } });
    assert_eq!(open(foreign).await, ready);
    assert_eq!(open(json!({ "method": "해외간편결제", "currency": "USD", "provider": "PAYPAL" })).await, ready);
    for (wrong, code) in [
        (json!({ "method": "FOREIGN_EASY_PAY", "currency": "KRW" }), "INVALID_CURRENCY"),
        (json!({ "method": "FOREIGN_EASY_PAY", "currency": "USD", "provider": "PEBBLES" }), "NOT_SUPPORTED_METHOD"),
        (json!({ "method": "TRANSFER", "currency": "USD" }), "NOT_SUPPORTED_USD"),
        (json!({ "method": "VIRTUAL_ACCOUNT", "currency": "JPY" }), "INVALID_CURRENCY"),
    ] {
        assert_eq!(open(wrong.clone()).await, (400, code.to_owned()), "{wrong}");
    }
    sim.advance(24 * 3600).await;
    let settled = sim.query("/v1/settlements?startDate=2000-01-01&endDate=2999-01-01").await;
    assert_eq!(settled.text, "[]");
}

#[tokio::test]
async fn paypal_is_cancelled_at_once() {
    let sim = Sim::start().await;
    let payment = wallet(&sim, "order-paypal", "PAYPAL").await;
    let part = json!({ "cancelReason": "x", "cancelAmount": 81.56, "currency": "USD" });
    assert_eq!(sim.cancel(&payment, &part).await.says(), (200, "PARTIAL_CANCELED".into()));
    assert_eq!(seen(&sim, &payment).await, [json!("PARTIAL_CANCELED"), json!(100), json!("DONE")]);
}

#[tokio::test]
async fn a_wallets_cancel_waits_until_it_is_decided() {
    let sim = Sim::start().await;
    let mut shop = Shop::open(&sim).await;
    sim.control("webhooks", json!({ "event": "CANCEL_STATUS_CHANGED", "url": shop.url })).await;
    let payment = wallet(&sim, "order-alipay", "ALIPAY").await;
    assert_eq!(shop.next().await.status(), "DONE");

    let unnamed = json!({ "cancelReason": "x", "cancelAmount": 81.56 });
    assert_eq!(sim.cancel(&payment, &unnamed).await.says(), (400, "INVALID_REQUEST".into()));
    let mut named = unnamed.clone();
    named["cancelRequestId"] = json!("refund-000001");
    let answer = sim.cancel(&payment, &named).await;
    assert_eq!(answer.says(), (200, "DONE".into()));
    assert_eq!(answer.json()["cancels"][0]["cancelRequestId"], "refund-000001");
    assert_eq!(seen(&sim, &payment).await, [json!("DONE"), json!(181.56), json!("IN_PROGRESS")]);
    assert_eq!(sim.cancel(&payment, &named).await.says(), (400, "ALREADY_REFUNDING_PAYMENT".into()));

    decide(&sim, &payment, "ABORTED").await;
    let told = shop.next().await.json();
    assert_eq!(
        (&told["eventType"], &told["data"]["cancelStatus"]),
        (&json!("CANCEL_STATUS_CHANGED"), &json!("ABORTED"))
    );
    assert_eq!(seen(&sim, &payment).await, [json!("DONE"), json!(181.56), json!("ABORTED")]);
    let again = json!({ "paymentKey": payment["paymentKey"], "cancelStatus": "DONE" });
    let refused = sim.request(Method::POST, "/control/cancel-status").json(&again).send().await.unwrap();
    assert_eq!(refused.status(), 404, "it is decided");

    assert_eq!(sim.cancel(&payment, &named).await.status, 200);
    let summary = decide(&sim, &payment, "DONE").await;
    assert_eq!((&summary["status"], &summary["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(100)));
    let mut told = [shop.next().await.json(), shop.next().await.json()];
    told.sort_by_key(|one| one["eventType"].as_str().unwrap().to_owned());
    assert_eq!(
        (&told[0]["data"]["cancelStatus"], &told[1]["data"]["status"]),
        (&json!("DONE"), &json!("PARTIAL_CANCELED"))
    );
    assert!(shop.at_once().is_none(), "a cancel that waits or fails does not change the payment");

    let audit = sim.see("audit?orderId=order-alipay").await;
    assert_eq!(audit["orders"][0]["balance"], 10_000);
    let rows = sim.query("/v1/transactions?startDate=2000-01-01&endDate=2999-01-01").await.json();
    let amounts: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["amount"]).collect();
    assert_eq!(amounts, [&json!(181.56), &json!(81.56)]);
}
