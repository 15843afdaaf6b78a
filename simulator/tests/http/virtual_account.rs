//! Virtual accounts: issued by the server or by a confirm, paid into late or never, taken back, and refunded.

use serde_json::{Value, json};
use simulator::{MissingRefundAccount, Settings};

use crate::harness::Sim;

fn issue(order_id: &str) -> Value {
    json!({ "amount": 30_000, "orderId": order_id, "orderName": "책 3권", "customerName": "김심", "bank": "신한" })
}

fn refund(bank: &str, number: &str, holder: &str) -> Value {
    json!({
        "cancelReason": "반품",
        "refundReceiveAccount": { "bank": bank, "accountNumber": number, "holderName": holder },
    })
}

/// Issued by the server; the body of the answer.
async fn issued(sim: &Sim, order_id: &str) -> Value {
    let answer = sim.post("/v1/virtual-accounts", &issue(order_id)).await;
    assert_eq!(answer.says(), (200, "WAITING_FOR_DEPOSIT".into()), "{}", answer.text);
    answer.json()
}

async fn deposited(sim: &Sim, order_id: &str) -> Value {
    let payment = issued(sim, order_id).await;
    let summary = sim.control("deposit", json!({ "paymentKey": payment["paymentKey"] })).await;
    assert_eq!(summary["status"], "DONE");
    payment
}

async fn refused(sim: &Sim, path: &str, body: Value) -> (u16, Value) {
    let request = sim.request(reqwest::Method::POST, &format!("/control/{path}")).json(&body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json::<Value>().await.unwrap()["code"].clone())
}

#[tokio::test]
async fn a_server_gets_an_account_that_waits_for_a_week() {
    let sim = Sim::start().await;
    let answer = sim.post("/v1/virtual-accounts", &issue("order-account")).await;
    let payment = answer.json();
    let account = &payment["virtualAccount"];
    let number = account["accountNumber"].as_str().unwrap();
    assert!(number.starts_with('X') && number.len() == 14, "{number}");
    let expected = format!(
        concat!(
            r#""virtualAccount":{{"accountNumber":"{}","accountType":"일반","bankCode":"88","customerName":"김심","#,
            r#""dueDate":"{}","expired":false,"settlementStatus":"INCOMPLETED","refundStatus":"NONE","#,
            r#""refundReceiveAccount":null,"depositorName":null}}"#,
        ),
        number,
        account["dueDate"].as_str().unwrap(),
    );
    assert!(answer.text.contains(&expected), "{}", answer.text);
    assert_eq!(
        (&payment["method"], &payment["card"], &payment["approvedAt"]),
        (&json!("가상계좌"), &Value::Null, &Value::Null)
    );
    let key = payment["lastTransactionKey"].as_str().unwrap();
    assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)), "{key}");
    assert!(payment["secret"].as_str().unwrap().starts_with("ps_"));
    assert_eq!(sim.approvals("order-account").await, 0);
}

#[tokio::test]
async fn a_confirm_of_a_virtual_account_issues_it_and_the_deposit_pays() {
    let sim = Sim::start().await;
    let body = json!({ "orderId": "order-window", "amount": 30_000, "method": "가상계좌", "customerName": "이심", "bank": "KOOKMIN" });
    let payment = sim.authenticated_with(body).await;
    let waiting = sim.confirm(&payment).await;
    assert_eq!(waiting.says(), (200, "WAITING_FOR_DEPOSIT".into()));
    assert_eq!(waiting.json()["virtualAccount"]["bankCode"], "06");
    assert_eq!(sim.confirm(&payment).await.says(), (400, "ALREADY_PROCESSED_PAYMENT".into()));
    assert_eq!(sim.approvals("order-window").await, 0);

    sim.control("deposit", json!({ "paymentKey": payment["paymentKey"], "depositorName": "박심" })).await;
    let paid = sim.query("/v1/payments/orders/order-window").await.json();
    assert_eq!((&paid["status"], &paid["virtualAccount"]["depositorName"]), (&json!("DONE"), &json!("박심")));
    assert_eq!(paid["secret"], waiting.json()["secret"]);
    assert!(paid["approvedAt"].is_string());
    assert_ne!(paid["lastTransactionKey"], waiting.json()["lastTransactionKey"]);
    assert_eq!(sim.approvals("order-window").await, 1);
    let again = refused(&sim, "deposit", json!({ "paymentKey": payment["paymentKey"] })).await;
    assert_eq!(again, (409, json!("WRONG_STATUS")));
}

#[tokio::test]
async fn a_window_for_a_virtual_account_is_opened_with_the_options_of_one() {
    let sim = Sim::start().await;
    let mut body = json!({
        "method": "VIRTUAL_ACCOUNT", "amount": 30_000, "orderId": "order-opened", "orderName": "책",
        "successUrl": "https://shop.example/ok", "failUrl": "https://shop.example/fail",
        "virtualAccount": { "validHours": 1, "bank": "IBK" }, "customerName": "최심",
    });
    let opened = sim.post("/v1/payments", &body).await;
    assert_eq!(opened.says(), (200, "READY".into()));
    let window = format!("/window/{}", opened.json()["paymentKey"].as_str().unwrap());
    let decided = sim.request(reqwest::Method::POST, &window).body("outcome=approve");
    let decided = decided.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(decided.status(), 303);
    let confirm = json!({ "paymentKey": opened.json()["paymentKey"], "orderId": "order-opened", "amount": 30_000 });
    let waiting = sim.confirm(&confirm).await;
    assert_eq!(waiting.says(), (200, "WAITING_FOR_DEPOSIT".into()));
    let account = &waiting.json()["virtualAccount"];
    assert_eq!((&account["bankCode"], &account["customerName"]), (&json!("03"), &json!("최심")));

    body["virtualAccount"]["validHours"] = json!(2_161);
    assert_eq!(sim.post("/v1/payments", &body).await.says(), (400, "EXCEED_MAX_VALID_HOURS".into()));
    let nobody = refused(&sim, "deposit", json!({ "paymentKey": "tsim_none" })).await;
    assert_eq!(nobody, (404, json!("NOT_FOUND")));
}

#[tokio::test]
async fn past_its_due_date_an_account_waits_expired_and_takes_only_a_late_deposit() {
    let sim = Sim::start().await;
    let body = {
        let mut body = issue("order-late");
        body["validHours"] = json!("1");
        body
    };
    let payment = sim.post("/v1/virtual-accounts", &body).await.json();
    sim.advance(3_590).await;
    assert_eq!(sim.query("/v1/payments/orders/order-late").await.json()["virtualAccount"]["expired"], false);
    sim.advance(60).await;
    let seen = sim.query("/v1/payments/orders/order-late").await.json();
    assert_eq!((&seen["status"], &seen["virtualAccount"]["expired"]), (&json!("WAITING_FOR_DEPOSIT"), &json!(true)));

    let asked = json!({ "paymentKey": payment["paymentKey"] });
    assert_eq!(refused(&sim, "deposit", asked).await, (409, json!("EXPIRED")));
    assert_eq!(sim.approvals("order-late").await, 0);
    sim.control("deposit", json!({ "paymentKey": payment["paymentKey"], "late": true })).await;
    assert_eq!(sim.status(&payment).await, "DONE");
}

#[tokio::test]
async fn a_deposit_that_the_bank_takes_back_waits_again_and_may_come_again() {
    let sim = Sim::start().await;
    let payment = deposited(&sim, "order-reverted").await;
    let asked = json!({ "paymentKey": payment["paymentKey"] });
    sim.control("revert-deposit", asked.clone()).await;
    let seen = sim.query("/v1/payments/orders/order-reverted").await.json();
    assert_eq!((&seen["status"], &seen["approvedAt"]), (&json!("WAITING_FOR_DEPOSIT"), &Value::Null));
    assert_eq!(seen["virtualAccount"]["depositorName"], Value::Null);
    assert_eq!(refused(&sim, "revert-deposit", asked.clone()).await, (409, json!("WRONG_STATUS")));

    sim.control("deposit", asked).await;
    let audit = sim.see("audit?orderId=order-reverted").await["orders"][0].clone();
    assert_eq!(
        (&audit["approvals"], &audit["balance"], &audit["duplicate"]),
        (&json!(1), &json!(30_000), &json!(false))
    );
    let entries = sim.see("ledger?orderId=order-reverted").await["entries"].clone();
    let kinds: Vec<&Value> = entries.as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["APPROVAL", "REVERSAL", "APPROVAL"]);
}

#[tokio::test]
async fn before_the_deposit_an_account_is_cancelled_whole_and_without_a_refund_account() {
    let sim = Sim::start().await;
    let payment = issued(&sim, "order-withdrawn").await;
    let partial = json!({ "cancelReason": "변심", "cancelAmount": 10_000 });
    let answer = sim.cancel(&payment, &partial).await;
    assert_eq!(answer.says(), (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT".into()));
    let answer = sim.cancel(&payment, &json!({ "cancelReason": "변심" })).await;
    assert_eq!(answer.says(), (200, "CANCELED".into()));
    let body = answer.json();
    assert_eq!((&body["balanceAmount"], &body["cancels"][0]["cancelAmount"]), (&json!(0), &json!(30_000)));
    assert_eq!(body["virtualAccount"]["refundStatus"], "NONE");
    assert_eq!(sim.see("ledger?orderId=order-withdrawn").await["entries"], json!([]), "no money ever moved");
    let asked = json!({ "paymentKey": payment["paymentKey"] });
    assert_eq!(refused(&sim, "deposit", asked).await, (409, json!("WRONG_STATUS")));
}

#[tokio::test]
async fn a_deposit_goes_back_only_to_an_account_that_can_take_it() {
    let sim = Sim::start().await;
    let payment = deposited(&sim, "order-refund").await;
    let own = payment["virtualAccount"]["accountNumber"].as_str().unwrap();
    for (body, code) in [
        (json!({ "cancelReason": "반품" }), "INVALID_REFUND_ACCOUNT_INFO"),
        (refund("99", "1002123456", "김심"), "INVALID_BANK"),
        (refund("20", own, "김심"), "INVALID_REFUND_ACCOUNT_NUMBER"),
        (refund("20", "1002-123-456", "김심"), "INVALID_REFUND_ACCOUNT_NUMBER"),
        (refund("20", "123456789012345678901", "김심"), "INVALID_REFUND_ACCOUNT_NUMBER"),
        (refund("20", "1002123456", ""), "INVALID_REFUND_ACCOUNT_INFO"),
        (json!({ "cancelReason": "반품", "refundReceiveAccount": {} }), "INVALID_BANK"),
    ] {
        assert_eq!(sim.cancel(&payment, &body).await.says(), (400, code.to_owned()), "{body}");
    }
    let mut partial = refund("우리", "1002123456", "김심");
    partial["cancelAmount"] = json!(10_000);
    assert_eq!(sim.cancel(&payment, &partial).await.says(), (200, "PARTIAL_CANCELED".into()));
    let seen = sim.query("/v1/payments/orders/order-refund").await.json();
    assert_eq!(seen["virtualAccount"]["refundStatus"], "COMPLETED");
    let asked = json!({ "paymentKey": payment["paymentKey"] });
    assert_eq!(refused(&sim, "revert-deposit", asked).await, (409, json!("WRONG_STATUS")));
    sim.advance(366 * 24 * 3600).await;
    let late = sim.cancel(&payment, &refund("20", "1002123456", "김심")).await;
    assert_eq!(late.says(), (403, "EXCEED_MAX_REFUND_DUE".into()));
}

#[tokio::test]
async fn a_cancel_is_booked_however_far_the_bank_is_and_the_bank_goes_on_by_itself() {
    let sim = Sim::start().await;
    for (at, first) in ["PENDING", "NONE", "FAILED", "PARTIAL_FAILED", "COMPLETED"].into_iter().enumerate() {
        sim.control("switches", json!({ "bankRefund": first })).await;
        let order = format!("order-bank-{at}");
        let payment = deposited(&sim, &order).await;
        let early = json!({ "paymentKey": payment["paymentKey"], "refundStatus": "COMPLETED" });
        assert_eq!(refused(&sim, "refund-status", early).await, (404, json!("NOT_FOUND")));
        let answer = sim.cancel(&payment, &refund("20", "1002123456", "김심")).await;
        assert_eq!(answer.says(), (200, "CANCELED".into()));
        let body = answer.json();
        assert_eq!((&body["balanceAmount"], &body["cancels"][0]["cancelStatus"]), (&json!(0), &json!("DONE")));
        assert_eq!(body["virtualAccount"]["refundStatus"], first);
        let path = format!("/v1/payments/orders/{order}");
        for next in ["FAILED", "PENDING", "COMPLETED"] {
            sim.control("refund-status", json!({ "paymentKey": payment["paymentKey"], "refundStatus": next })).await;
            let seen = sim.query(&path).await.json();
            assert_eq!((&seen["virtualAccount"]["refundStatus"], &seen["status"]), (&json!(next), &json!("CANCELED")));
        }
        let again = sim.cancel(&payment, &refund("20", "1002123456", "김심")).await;
        assert_eq!(again.says(), (400, "ALREADY_CANCELED_PAYMENT".into()), "it cancels nothing twice");
    }
}

#[tokio::test]
async fn the_answer_to_a_missing_refund_account_is_a_switch() {
    let mut settings = Settings::default();
    settings.switches.missing_refund_account = MissingRefundAccount::InvalidRequest;
    let sim = Sim::with(settings).await;
    let payment = deposited(&sim, "order-switch").await;
    let answer = sim.cancel(&payment, &json!({ "cancelReason": "반품" })).await;
    assert_eq!(answer.says(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn an_account_is_issued_loosely_but_not_for_nonsense() {
    let sim = Sim::start().await;
    let with = |changes: Value| {
        let mut body = issue("order-strict");
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let loose = json!({ "orderId": 71, "validHours": "1", "amount": "30000", "accountKey": 5, "escrowProducts": [] });
    let answer = sim.post("/v1/virtual-accounts", &with(loose)).await;
    assert_eq!(answer.says(), (200, "WAITING_FOR_DEPOSIT".into()));
    assert_eq!(answer.json()["orderId"], "71");
    for (changes, code) in [
        (json!({ "amount": null }), "REQUIRED_AMOUNT"),
        (json!({ "amount": -1 }), "BELOW_ZERO_AMOUNT"),
        (json!({ "amount": 199 }), "BELOW_MINIMUM_AMOUNT"),
        (json!({ "bank": "은행" }), "INVALID_BANK"),
        (json!({ "bank": null }), "INVALID_REQUIRED_PARAM"),
        (json!({ "customerName": null }), "INVALID_REQUIRED_PARAM"),
        (json!({ "orderName": "" }), "INVALID_ORDER_NAME"),
        (json!({ "orderId": "a/b" }), "INVALID_ORDER_ID"),
        (json!({ "validHours": 2_161 }), "EXCEED_MAX_VALID_HOURS"),
        (json!({ "dueDate": "2099-01-01T00:00:00" }), "EXCEED_MAX_DUE_DATE"),
        (json!({ "dueDate": "2020-01-01T00:00:00" }), "INVALID_DATE"),
        (json!({ "dueDate": "2099-01-01T00:00:00", "validHours": 1 }), "INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE"),
        (json!({ "cashReceipt": { "type": "선물" } }), "INVALID_REQUEST"),
    ] {
        let answer = sim.post("/v1/virtual-accounts", &with(changes.clone())).await;
        assert_eq!(answer.says(), (400, code.to_owned()), "{changes}");
    }
}
