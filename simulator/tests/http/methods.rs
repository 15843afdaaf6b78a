//! What a payment looks like by each method, and payments from a card number.

use serde_json::{Value, json};

use crate::harness::{Answer, Sim};

async fn confirmed(sim: &Sim, body: Value) -> Answer {
    sim.confirm(&sim.authenticated_with(body).await).await
}

/// The objects of a payment that depend on its method.
fn objects(payment: &Value) -> Vec<&'static str> {
    let all = ["card", "virtualAccount", "transfer", "mobilePhone", "giftCertificate", "easyPay"];
    all.into_iter().filter(|name| !payment[name].is_null()).collect()
}

#[tokio::test]
async fn installments_are_shown_and_need_fifty_thousand_won() {
    let sim = Sim::start().await;
    let body = json!({ "orderId": "order-months", "amount": 50_000, "installmentPlanMonths": 3, "interestFree": true, "cardCompany": "신한" });
    let payment = confirmed(&sim, body).await.json();
    let card = &payment["card"];
    assert_eq!((&card["installmentPlanMonths"], &card["isInterestFree"]), (&json!(3), &json!(true)));
    assert_eq!((&card["interestPayer"], &card["issuerCode"]), (&json!("CARD_COMPANY"), &json!("41")));
    let body = json!({ "orderId": "order-small", "amount": 49_999, "installmentPlanMonths": 3 });
    let refused = confirmed(&sim, body).await;
    assert_eq!(refused.says(), (400, "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT".into()));
}

#[tokio::test]
async fn an_easy_pay_amount_is_split_between_card_balance_and_discount() {
    let sim = Sim::start().await;
    let by_card = json!({ "orderId": "order-card", "amount": 50_000, "easyPay": "카카오페이" });
    let payment = confirmed(&sim, by_card).await.json();
    assert_eq!((objects(&payment), &payment["method"]), (vec!["card", "easyPay"], &json!("간편결제")));
    assert_eq!(payment["easyPay"], json!({ "provider": "카카오페이", "amount": 0, "discountAmount": 0 }));
    assert_eq!(payment["card"]["amount"], 50_000);

    let split = json!({ "provider": "TOSSPAY", "discountAmount": 24 });
    let body = json!({ "orderId": "order-discount", "amount": 50_000, "method": "CARD", "easyPay": split });
    let payment = sim.authenticated_with(body).await;
    let paid = sim.confirm(&payment).await.json();
    assert_eq!(paid["card"]["amount"], 49_976);
    let partly = sim.cancel(&payment, &json!({ "cancelReason": "x", "cancelAmount": 10_000 })).await.json();
    assert_eq!(partly["cancels"][0]["easyPayDiscountAmount"], 0);
    let rest = sim.cancel(&payment, &json!({ "cancelReason": "x" })).await.json();
    assert_eq!(rest["cancels"][1]["easyPayDiscountAmount"], 24);

    let balance = json!({ "provider": "네이버페이", "amount": 9_000, "discountAmount": 1_000 });
    let payment =
        confirmed(&sim, json!({ "orderId": "order-money", "amount": 10_000, "easyPay": balance })).await.json();
    assert_eq!(objects(&payment), ["easyPay"]);
}

#[tokio::test]
async fn transfers_and_phone_bills_have_objects_limits_and_refund_times_of_their_own() {
    let sim = Sim::start().await;
    let transfer = json!({ "orderId": "order-transfer", "amount": 20_000, "method": "TRANSFER", "bank": "92" });
    let transfer = sim.authenticated_with(transfer).await;
    let paid = sim.confirm(&transfer).await.json();
    assert_eq!((objects(&paid), &paid["method"]), (vec!["transfer"], &json!("계좌이체")));
    assert_eq!(paid["transfer"], json!({ "bankCode": "92", "settlementStatus": "INCOMPLETED" }));

    let phone =
        json!({ "orderId": "order-phone", "amount": 20_000, "method": "휴대폰", "customerMobilePhone": "01099998888" });
    let phone = sim.authenticated_with(phone).await;
    let paid = sim.confirm(&phone).await.json();
    assert_eq!((objects(&paid), &paid["isPartialCancelable"]), (vec!["mobilePhone"], &json!(false)));
    assert_eq!(paid["mobilePhone"]["customerMobilePhone"], "01099998888");
    let partial = sim.cancel(&phone, &json!({ "cancelReason": "x", "cancelAmount": 1_000 })).await;
    assert_eq!(partial.says(), (403, "NOT_ALLOWED_PARTIAL_REFUND".into()));

    sim.advance(32 * 24 * 3600).await;
    let whole = json!({ "cancelReason": "x" });
    assert_eq!(sim.cancel(&phone, &whole).await.says(), (403, "EXCEED_MAX_REFUND_DUE".into()));
    assert_eq!(sim.cancel(&transfer, &whole).await.says(), (200, "CANCELED".into()));

    for (body, code) in [
        (
            json!({ "orderId": "order-huge", "amount": 10_000_001, "method": "TRANSFER" }),
            "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM",
        ),
        (
            json!({ "orderId": "order-much", "amount": 1_000_001, "method": "MOBILE_PHONE" }),
            "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
        ),
        (json!({ "orderId": "order-little", "amount": 199, "method": "계좌이체" }), "BELOW_MINIMUM_AMOUNT"),
    ] {
        assert_eq!(confirmed(&sim, body.clone()).await.says(), (400, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_card_is_acquired_after_a_day_and_then_takes_a_day_to_cancel() {
    let sim = Sim::start().await;
    let day = 24 * 3600;
    let early = sim.paid("order-early", 10_000).await;
    let late = sim.paid("order-acquired", 10_000).await;
    let reason = json!({ "cancelReason": "x" });
    assert_eq!(sim.cancel(&early, &reason).await.json()["card"]["acquireStatus"], "CANCELED");
    sim.advance(day).await;
    let status = async || sim.query("/v1/payments/orders/order-acquired").await.json()["card"]["acquireStatus"].clone();
    assert_eq!(status().await, "COMPLETED");
    assert_eq!(sim.cancel(&late, &reason).await.json()["card"]["acquireStatus"], "CANCEL_REQUESTED");
    sim.advance(day).await;
    assert_eq!(status().await, "CANCELED");
}

#[tokio::test]
async fn cash_receipts_come_with_the_payment_and_go_back_with_its_cancels() {
    let sim = Sim::start().await;
    let wanted = json!({ "type": "소득공제", "registrationNumber": "01011112222" });
    let body = json!({ "orderId": "order-receipt", "amount": 20_000, "method": "계좌이체", "cashReceipt": wanted });
    let payment = sim.authenticated_with(body).await;
    let paid = sim.confirm(&payment).await.json();
    assert_eq!((&paid["cashReceipt"]["type"], &paid["cashReceipt"]["amount"]), (&json!("소득공제"), &json!(20_000)));
    let receipt = &paid["cashReceipts"][0];
    assert_eq!((&receipt["transactionType"], &receipt["issueStatus"]), (&json!("CONFIRM"), &json!("IN_PROGRESS")));
    let body = sim.cancel(&payment, &json!({ "cancelReason": "x", "cancelAmount": 5_000 })).await.json();
    let taken_back = &body["cashReceipts"][1];
    assert_eq!((&taken_back["transactionType"], &taken_back["amount"]), (&json!("CANCEL"), &json!(5_000)));
    assert_eq!(taken_back["receiptKey"], body["cancels"][0]["receiptKey"]);
    assert!(taken_back["receiptKey"].as_str().unwrap().starts_with("c_"));
    sim.advance(24 * 3600).await;
    let later = sim.query("/v1/payments/orders/order-receipt").await.json();
    assert_eq!(later["cashReceipts"][0]["issueStatus"], "COMPLETED");
}

#[tokio::test]
async fn a_card_number_is_charged_at_once_and_shown_masked() {
    let sim = Sim::start().await;
    let valid = json!({
        "amount": 60_000, "orderId": "order-key-in", "orderName": "책", "cardNumber": "9410001234567890",
        "cardExpirationYear": "99", "cardExpirationMonth": "12", "customerIdentityNumber": "900101",
        "cardInstallmentPlan": 2, "useFreeInstallmentPlan": true,
    });
    let answer = sim.post("/v1/payments/key-in", &valid).await;
    assert_eq!(answer.says(), (200, "DONE".into()), "{}", answer.text);
    let card = &answer.json()["card"];
    assert_eq!((&card["number"], &card["installmentPlanMonths"]), (&json!("94100012****789*"), &json!(2)));
    assert_eq!(card["isInterestFree"], true);
    assert_eq!(sim.approvals("order-key-in").await, 1);

    for (field, value, code) in [
        ("amount", Value::Null, "REQUIRED_AMOUNT"),
        ("amount", json!(99), "BELOW_MINIMUM_AMOUNT"),
        ("amount", json!(49_999), "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT"),
        ("cardNumber", json!("941000"), "INVALID_CARD_NUMBER"),
        ("cardExpirationYear", json!("20"), "INVALID_CARD_EXPIRATION"),
        ("cardExpirationMonth", json!("13"), "INVALID_CARD_EXPIRATION"),
        ("customerIdentityNumber", json!("1990"), "INVALID_BIRTH_DAY_FORMAT"),
        ("cardPassword", json!("1"), "INVALID_CARD_PASSWORD"),
        ("cardInstallmentPlan", json!(1), "INVALID_CARD_INSTALLMENT_PLAN"),
        ("orderId", json!("a"), "INVALID_ORDER_ID"),
        ("orderName", Value::Null, "INVALID_ORDER_NAME"),
    ] {
        let mut body = valid.clone();
        body[field] = value;
        assert_eq!(sim.post("/v1/payments/key-in", &body).await.says(), (400, code.to_owned()), "{body}");
    }
    assert_eq!(sim.approvals("order-key-in").await, 1);
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_refused_with_toss_own_code() {
    let sim = Sim::start().await;
    for (choice, code) in [
        (json!({ "method": "BITCOIN" }), "NOT_SUPPORTED_METHOD"),
        (json!({ "cardCompany": "모르는카드" }), "INVALID_CARD_COMPANY"),
        (json!({ "easyPay": "모르는페이" }), "NOT_SUPPORTED_METHOD"),
        (json!({ "installmentPlanMonths": 13 }), "INVALID_CARD_INSTALLMENT_PLAN"),
        (json!({ "method": "TRANSFER", "bank": "00" }), "INVALID_BANK"),
    ] {
        let mut body = json!({ "orderId": "order-strange", "amount": 60_000 });
        body.as_object_mut().unwrap().extend(choice.as_object().unwrap().clone());
        let response = sim.request(reqwest::Method::POST, "/control/authenticate").json(&body).send().await.unwrap();
        assert_eq!(response.json::<Value>().await.unwrap()["code"], code, "{body}");
    }
}
