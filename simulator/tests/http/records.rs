//! The lists a merchant reconciles against: transactions and settlements.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{DEFAULT_SECRET_KEY, DEFAULT_WIDGET_CLIENT_KEY, KeyPair, Merchant, Settings};

use crate::harness::{Answer, Sim};

const ALWAYS: &str = "startDate=2020-01-01&endDate=2099-12-31";

async fn list(sim: &Sim, list: &str, query: &str) -> Answer {
    sim.query(&format!("/v1/{list}?{query}")).await
}

async fn orders(sim: &Sim, name: &str, query: &str) -> Vec<String> {
    let rows = list(sim, name, query).await.json();
    rows.as_array().unwrap().iter().map(|row| row["orderId"].as_str().unwrap().to_owned()).collect()
}

async fn approved(sim: &Sim, order_id: &str, amount: i64) -> Value {
    let payment = sim.authenticated(order_id, amount).await;
    let answer = sim.confirm(&payment).await;
    assert_eq!(answer.status, 200);
    answer.json()
}

async fn now(sim: &Sim) -> String {
    sim.see("clock").await["now"].as_str().unwrap()[..19].to_owned()
}

#[tokio::test]
async fn an_approval_is_a_row_with_the_status_and_keys_of_then() {
    let sim = Sim::start().await;
    let payment = approved(&sim, "order-row", 10_000).await;
    let declined = json!({ "orderId": "order-declined", "amount": 2_000, "decline": "REJECT_CARD_PAYMENT" });
    let declined = sim.authenticated_with(declined).await;
    assert_eq!(sim.confirm(&declined).await.status, 403);
    let rows = list(&sim, "transactions", ALWAYS).await.json();
    let expected = json!([{
        "mId": payment["mId"], "transactionKey": payment["lastTransactionKey"], "paymentKey": payment["paymentKey"],
        "orderId": "order-row", "method": "카드", "customerKey": null, "useEscrow": false,
        "receiptUrl": payment["receipt"]["url"], "status": "DONE", "transactionAt": payment["approvedAt"],
        "currency": "KRW", "amount": 10_000,
    }]);
    assert_eq!(rows, expected, "a declined payment has not moved anything");
}

#[tokio::test]
async fn transactions_are_found_by_korean_time_and_come_in_pages() {
    let sim = Sim::start().await;
    let start = now(&sim).await;
    for n in 0..5 {
        approved(&sim, &format!("order-{n}"), 1_000).await;
        sim.advance(60).await;
    }
    let end = now(&sim).await;
    let period = format!("startDate={start}&endDate={end}");
    let all = orders(&sim, "transactions", &period).await;
    assert_eq!(all, ["order-0", "order-1", "order-2", "order-3", "order-4"]);
    assert_eq!(orders(&sim, "transactions", &format!("{period}&limit=2")).await, all[..2]);
    let third = list(&sim, "transactions", &period).await.json()[2]["transactionKey"].clone();
    let rest = format!("{period}&startingAfter={}", third.as_str().unwrap());
    assert_eq!(orders(&sim, "transactions", &rest).await, all[3..]);
    let own = list(&sim, "transactions", &period).await.json()[2]["transactionAt"].as_str().unwrap()[..19].to_owned();
    assert_eq!(orders(&sim, "transactions", &format!("startDate={own}&endDate={own}.999")).await, ["order-2"]);
    assert!(orders(&sim, "transactions", "startDate=2020-01-01&endDate=2020-01-02").await.is_empty());
}

#[tokio::test]
async fn a_wrong_query_is_answered_with_its_own_code() {
    let sim = Sim::start().await;
    for (path, code) in [
        ("transactions?startDate=2026-09-01T00:00:00Z&endDate=2026-09-02T00:00:00", "INVALID_DATE"),
        ("transactions?startDate=2026-09-01T00:00:00&endDate=2026-09-02T00:00:00%2B09:00", "INVALID_DATE"),
        ("transactions?startDate=2026-09-01", "INVALID_REQUIRED_PARAM"),
        ("transactions?startDate=2026-09-01&endDate=2026-09-02&limit=5001", "EXCEED_MAX_QUERY_LIMIT"),
        ("transactions?startDate=2026-09-01&endDate=2026-09-02&limit=many", "INVALID_REQUEST"),
        ("transactions?startDate=2026-09-01&endDate=2026-09-02&startingAfter=nothing", "INVALID_PAGING_KEY"),
        ("settlements?startDate=2026-09-01T00:00:00&endDate=2026-09-02", "INVALID_DATE"),
        ("settlements?startDate=2026-09-01&endDate=2026-09-02&dateType=someDate", "INVALID_REQUEST"),
        ("settlements?startDate=2026-09-01&endDate=2026-09-02&page=0", "INVALID_REQUEST"),
        ("settlements?startDate=2026-09-01&endDate=2026-09-02&size=5001", "EXCEED_MAX_QUERY_LIMIT"),
    ] {
        assert_eq!(sim.query(&format!("/v1/{path}")).await.says(), (400, code.into()), "{path}");
    }
    let unauthorized = sim.request(Method::GET, &format!("/v1/transactions?{ALWAYS}")).send().await.unwrap();
    assert_eq!(unauthorized.status(), 401);
}

#[tokio::test]
async fn transactions_may_lag_behind() {
    let sim = Sim::start().await;
    let terms = sim.control("terms", json!({ "transactionLagSeconds": 300 })).await;
    assert_eq!((&terms["transactionLagSeconds"], &terms["feeBasisPoints"]), (&json!(300), &json!(210)));
    approved(&sim, "order-lagging", 1_000).await;
    assert!(orders(&sim, "transactions", ALWAYS).await.is_empty());
    sim.advance(301).await;
    assert_eq!(orders(&sim, "transactions", ALWAYS).await, ["order-lagging"]);
}

#[tokio::test]
async fn settlements_begin_the_day_after_and_add_up() {
    let sim = Sim::start().await;
    let payment = approved(&sim, "order-settled", 64_601).await;
    assert!(orders(&sim, "settlements", ALWAYS).await.is_empty());
    sim.advance(24 * 3600).await;
    let rows = list(&sim, "settlements", ALWAYS).await.json();
    let row = &rows[0];
    assert_eq!(rows.as_array().unwrap().len(), 1);
    for (field, expected) in
        [("amount", 64_601), ("fee", 1_492), ("supplyAmount", 1_356), ("vat", 136), ("payOutAmount", 63_109)]
    {
        assert_eq!(row[field], expected, "{field}");
    }
    assert_eq!(row["fees"], json!([{ "type": "BASE", "fee": 1_492 }]));
    assert_eq!((&row["approvedAt"], &row["card"]["amount"]), (&payment["approvedAt"], &json!(64_601)));
    assert_eq!((&row["cancel"], &row["transactionKey"]), (&Value::Null, &payment["lastTransactionKey"]));

    let (sold, paid) = (row["soldDate"].as_str().unwrap(), row["paidOutDate"].as_str().unwrap());
    assert_eq!(sold, &payment["approvedAt"].as_str().unwrap()[..10]);
    assert_ne!(sold, paid);
    let found = async |date: &str, by: &str| {
        orders(&sim, "settlements", &format!("startDate={date}&endDate={date}{by}")).await.len()
    };
    assert_eq!((found(sold, "").await, found(sold, "&dateType=paidOutDate").await), (1, 0));
    assert_eq!((found(paid, "&dateType=soldDate").await, found(paid, "&dateType=paidOutDate").await), (0, 1));

    sim.control("switches", json!({ "settlements": "never" })).await;
    assert!(orders(&sim, "settlements", ALWAYS).await.is_empty());
}

#[tokio::test]
async fn settlements_come_in_numbered_pages() {
    let sim = Sim::start().await;
    for n in 0..5 {
        approved(&sim, &format!("order-{n}"), 1_000).await;
    }
    sim.advance(24 * 3600).await;
    let page = async |page: usize| orders(&sim, "settlements", &format!("{ALWAYS}&size=2&page={page}")).await;
    assert_eq!(page(1).await, ["order-0", "order-1"]);
    assert_eq!(page(3).await, ["order-4"]);
    assert!(page(4).await.is_empty());
}

#[tokio::test]
async fn a_settlement_can_be_asked_for_by_hand() {
    let sim = Sim::start().await;
    let payment = approved(&sim, "order-manual", 1_000).await;
    let ask = async |body: Value| {
        let request = sim.request(Method::POST, "/v1/settlements").basic_auth(DEFAULT_SECRET_KEY, Some(""));
        Answer::read(request.json(&body).send().await.unwrap()).await
    };
    assert_eq!(ask(json!({ "paymentKey": payment["paymentKey"] })).await.text, r#"{"result":true}"#);
    assert_eq!(ask(json!({ "paymentKey": "nothing" })).await.says(), (404, "NOT_FOUND_PAYMENT".into()));
    assert_eq!(ask(json!({})).await.says(), (400, "INVALID_REQUEST".into()));
}

#[tokio::test]
async fn a_merchant_sees_the_rows_of_all_its_pairs_and_of_nobody_else() {
    let other = Merchant {
        id: "tsim_other".to_owned(),
        keys: vec![KeyPair { client: "test_ck_other".to_owned(), secret: "test_sk_other".to_owned() }],
    };
    let settings = Settings { merchants: vec![Merchant::default(), other], ..Settings::default() };
    let sim = Sim::with(settings).await;
    for (order_id, client_key, secret_key) in [
        ("order-widget", DEFAULT_WIDGET_CLIENT_KEY, simulator::DEFAULT_WIDGET_SECRET_KEY),
        ("order-foreign", "test_ck_other", "test_sk_other"),
    ] {
        let body = json!({ "orderId": order_id, "amount": 1_000, "clientKey": client_key });
        let payment = sim.authenticated_with(body).await;
        let request = sim.request(Method::POST, "/v1/payments/confirm").basic_auth(secret_key, Some(""));
        assert_eq!(request.json(&payment).send().await.unwrap().status(), 200);
    }
    assert_eq!(orders(&sim, "transactions", ALWAYS).await, ["order-widget"]);
}

#[tokio::test]
async fn every_cancel_is_a_row_of_its_own_and_is_settled_with_negative_sums() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-cancelled", 99_800).await;
    let keep = sim.cancel(&payment, &json!({ "cancelReason": "반품", "cancelAmount": 30_000 })).await.json();
    let gone = sim.cancel(&payment, &json!({ "cancelReason": "반품" })).await.json();
    let rows = list(&sim, "transactions", ALWAYS).await.json();
    let rows = rows.as_array().unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row["status"].clone(), row["amount"].clone())).collect();
    let positive = [("DONE", 99_800), ("PARTIAL_CANCELED", 30_000), ("PARTIAL_CANCELED", 69_800)];
    assert_eq!(seen, positive.map(|(status, amount)| (json!(status), json!(amount))));
    assert_eq!(
        [&rows[1]["transactionKey"], &rows[2]["transactionKey"]],
        [&keep["lastTransactionKey"], &gone["lastTransactionKey"]]
    );
    sim.control("switches", json!({ "cancelAmounts": "negative" })).await;
    assert_eq!(list(&sim, "transactions", ALWAYS).await.json()[1]["amount"], -30_000);

    sim.advance(24 * 3600).await;
    let settled = list(&sim, "settlements", ALWAYS).await.json();
    let settled = settled.as_array().unwrap();
    for row in settled {
        let sum = |field: &str| row[field].as_i64().unwrap();
        assert_eq!(sum("fee"), sum("supplyAmount") + sum("vat"));
        assert_eq!(sum("payOutAmount"), sum("amount") - sum("fee"));
        assert_eq!((&row["approvedAt"], &row["card"]["amount"]), (&keep["approvedAt"], &json!(99_800)));
    }
    let cancel = &settled[1];
    assert_eq!((&cancel["amount"], &cancel["cancel"]["cancelAmount"]), (&json!(-30_000), &json!(30_000)));
    assert!(cancel["fee"].as_i64().unwrap() < 0 && cancel["payOutAmount"].as_i64().unwrap() < 0);
}

#[tokio::test]
async fn a_virtual_account_cancelled_before_its_deposit_has_rows_and_no_settlement() {
    let sim = Sim::start().await;
    let account = json!({
        "amount": 30_000, "orderId": "order-account", "orderName": "책", "customerName": "김심", "bank": "신한",
    });
    let payment = sim.post("/v1/virtual-accounts", &account).await.json();
    sim.control("cancel", json!({ "paymentKey": payment["paymentKey"] })).await;
    sim.control("switches", json!({ "cancelAmounts": "negative" })).await;
    let rows = list(&sim, "transactions", ALWAYS).await.json();
    let seen: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (row["status"].clone(), row["amount"].clone())).collect();
    let expected = [("WAITING_FOR_DEPOSIT", 0), ("CANCELED", 30_000)];
    assert_eq!(seen, expected.map(|(status, amount)| (json!(status), json!(amount))));
    sim.advance(24 * 3600).await;
    assert!(orders(&sim, "settlements", ALWAYS).await.is_empty());
}
