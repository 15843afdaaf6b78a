//! The parts of an amount without VAT, escrow, and what neither lets be cancelled in part.

use serde_json::{Value, json};

use crate::harness::Sim;

/// `totalAmount`, `suppliedAmount`, `vat`, `taxFreeAmount`, `taxExemptionAmount`.
fn taxes(body: &Value) -> [i64; 5] {
    ["totalAmount", "suppliedAmount", "vat", "taxFreeAmount", "taxExemptionAmount"]
        .map(|name| body[name].as_i64().unwrap())
}

async fn approved(sim: &Sim, body: Value) -> Value {
    let payment = sim.authenticated_with(body).await;
    let answer = sim.confirm(&payment).await;
    assert_eq!(answer.says(), (200, "DONE".into()));
    answer.json()
}

#[tokio::test]
async fn vat_is_an_eleventh_of_what_is_taxed() {
    let sim = Sim::start().await;
    for (order_id, free, exempt, expected) in [
        ("order-plain", 0, 0, [10_000, 9_091, 909, 0, 0]),
        ("order-free", 4_500, 0, [10_000, 5_000, 500, 4_500, 0]),
        ("order-exempt", 0, 300, [10_000, 8_818, 882, 0, 300]),
        ("order-mixed", 4_200, 300, [10_000, 5_000, 500, 4_200, 300]),
        ("order-untaxed", 10_000, 0, [10_000, 0, 0, 10_000, 0]),
    ] {
        let asked = json!({ "orderId": order_id, "amount": 10_000, "taxFreeAmount": free,
            "taxExemptionAmount": exempt });
        assert_eq!(taxes(&approved(&sim, asked).await), expected, "{order_id}");
    }
}

#[tokio::test]
async fn every_way_to_open_a_payment_takes_both_parts_and_refuses_too_much_of_them() {
    let sim = Sim::start().await;
    let parts = json!({ "amount": 10_000, "orderId": "order-000001", "orderName": "커피",
        "taxFreeAmount": "4200", "taxExemptionAmount": 300 });
    let with = |more: Value| {
        let mut body = parts.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let window = json!({ "method": "CARD", "successUrl": "http://localhost/s", "failUrl": "http://localhost/f" });
    let mut nested = with(window.clone());
    nested["taxExemptionAmount"] = Value::Null;
    nested["card"] = json!({ "taxExemptionAmount": 300 });
    let account = json!({ "customerName": "김심", "bank": "88" });
    let card = json!({ "cardNumber": "1234567890121234", "cardExpirationYear": "40", "cardExpirationMonth": "01",
        "customerIdentityNumber": "900101" });
    for (path, body) in [
        ("/v1/payments", with(window)),
        ("/v1/payments", nested),
        ("/v1/virtual-accounts", with(account)),
        ("/v1/payments/key-in", with(card)),
    ] {
        let answer = sim.post(path, &body).await;
        assert_eq!(taxes(&answer.json()), [10_000, 5_000, 500, 4_200, 300], "{path} {}", answer.text);
        let mut too_much = body.clone();
        too_much["taxFreeAmount"] = json!(9_701);
        assert_eq!(sim.post(path, &too_much).await.says(), (400, "INVALID_REQUEST".into()), "{path}");
        too_much["taxFreeAmount"] = json!(i64::MAX);
        assert_eq!(sim.post(path, &too_much).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_cancel_takes_its_own_parts_back_and_the_last_one_all_that_is_left() {
    let sim = Sim::start().await;
    let transfer = json!({ "orderId": "order-parts", "amount": 10_000, "method": "TRANSFER",
        "taxFreeAmount": 4_200, "taxExemptionAmount": 300 });
    let payment = approved(&sim, transfer).await;
    let refused = [
        json!({ "cancelReason": "x", "cancelAmount": 1_000, "taxExemptionAmount": 301 }),
        json!({ "cancelReason": "x", "cancelAmount": 1_000, "taxFreeAmount": 900, "taxExemptionAmount": 101 }),
        json!({ "cancelReason": "x", "cancelAmount": 9_900 }),
    ];
    for body in refused {
        assert_eq!(sim.cancel(&payment, &body).await.says(), (403, "NOT_CANCELABLE_AMOUNT".into()), "{body}");
    }
    let part = json!({ "cancelReason": "x", "cancelAmount": 2_000, "taxFreeAmount": 1_200, "taxExemptionAmount": 100 });
    let body = sim.cancel(&payment, &part).await.json();
    assert_eq!(taxes(&body), [10_000, 4_364, 436, 3_000, 200]);
    let cancel = &body["cancels"][0];
    assert_eq!((&cancel["taxFreeAmount"], &cancel["taxExemptionAmount"]), (&json!(1_200), &json!(100)));
    let body = sim.cancel(&payment, &json!({ "cancelReason": "x" })).await.json();
    assert_eq!(taxes(&body), [10_000, 0, 0, 0, 0]);
    let cancel = &body["cancels"][1];
    assert_eq!((&cancel["taxFreeAmount"], &cancel["taxExemptionAmount"]), (&json!(3_000), &json!(200)));
}

#[tokio::test]
async fn a_card_payment_with_a_part_outside_of_taxation_is_cancelled_whole() {
    let sim = Sim::start().await;
    let card = json!({ "orderId": "order-cup", "amount": 10_000, "taxExemptionAmount": 300 });
    let payment = approved(&sim, card).await;
    assert_eq!(payment["isPartialCancelable"], false);
    let part = json!({ "cancelReason": "컵 반납", "cancelAmount": 300, "taxExemptionAmount": 300 });
    assert_eq!(sim.cancel(&payment, &part).await.says(), (403, "NOT_ALLOWED_PARTIAL_REFUND".into()));
    assert_eq!(sim.cancel(&payment, &json!({ "cancelReason": "x" })).await.says(), (200, "CANCELED".into()));
}

#[tokio::test]
async fn an_escrow_payment_says_so_everywhere_and_is_cancelled_whole() {
    let sim = Sim::start().await;
    let escrow = json!({ "orderId": "order-escrow", "amount": 10_000, "method": "TRANSFER", "useEscrow": true });
    let payment = approved(&sim, escrow).await;
    assert_eq!((&payment["useEscrow"], &payment["isPartialCancelable"]), (&json!(true), &json!(false)));
    let rows = sim.query("/v1/transactions?startDate=2000-01-01&endDate=2999-01-01").await.json();
    assert_eq!(rows[0]["useEscrow"], true);
    let part = json!({ "cancelReason": "x", "cancelAmount": 1 });
    assert_eq!(sim.cancel(&payment, &part).await.says(), (403, "NOT_ALLOWED_PARTIAL_REFUND".into()));

    let account = json!({ "amount": 1_000, "orderId": "order-va", "orderName": "책", "customerName": "김심",
        "bank": "88", "useEscrow": true });
    assert_eq!(sim.post("/v1/virtual-accounts", &account).await.json()["useEscrow"], true);
    for (method, options) in [("CARD", "card"), ("VIRTUAL_ACCOUNT", "virtualAccount"), ("TRANSFER", "transfer")] {
        let opening = json!({ "method": method, "amount": 1_000, "orderId": "order-window", "orderName": "책",
            "successUrl": "http://localhost/s", "failUrl": "http://localhost/f", options: { "useEscrow": true } });
        assert_eq!(sim.post("/v1/payments", &opening).await.json()["useEscrow"], true, "{method}");
    }
}

#[tokio::test]
async fn a_fixed_account_is_the_same_for_the_same_key() {
    let sim = Sim::start().await;
    let issue = async |more: Value| {
        let mut body = json!({ "amount": 1_000, "orderId": "order-fixed", "orderName": "책", "customerName": "김심",
            "bank": "88" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        sim.post("/v1/virtual-accounts", &body).await
    };
    let one = issue(json!({ "accountKey": "room-101" })).await.json()["virtualAccount"].clone();
    let again =
        issue(json!({ "accountKey": "room-101", "accountType": "고정" })).await.json()["virtualAccount"].clone();
    let other = issue(json!({ "accountKey": 102 })).await.json()["virtualAccount"].clone();
    assert_eq!((&one["accountType"], &one["accountNumber"]), (&json!("고정"), &again["accountNumber"]));
    assert_ne!(one["accountNumber"], other["accountNumber"]);
    assert_eq!(issue(json!({})).await.json()["virtualAccount"]["accountType"], "일반");
    for (wrong, code) in [
        (json!({ "accountType": "고정" }), "REQUIRED_ACCOUNT_KEY"),
        (json!({ "accountType": "일반", "accountKey": "room-101" }), "INVALID_VIRTUAL_ACCOUNT_TYPE"),
        (json!({ "accountType": "FIXED" }), "INVALID_VIRTUAL_ACCOUNT_TYPE"),
        (json!({ "accountKey": "room-of-fourteen" }), "INVALID_REQUEST"),
    ] {
        assert_eq!(issue(wrong.clone()).await.says(), (400, code.into()), "{wrong}");
    }
}
