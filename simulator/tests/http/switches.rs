//! The switches: what each of them changes, turned while the simulator runs.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{DEFAULT_SECRET_KEY, Settings, Switches};

use crate::harness::{Answer, Sim};
use crate::shop::Shop;

async fn turn(sim: &Sim, switches: Value) {
    sim.control("switches", switches).await;
}

fn confirm_of(payment_key: &str) -> Value {
    json!({ "paymentKey": payment_key, "orderId": "order-nobody", "amount": 1_000 })
}

fn code(code: &str) -> String {
    code.to_owned()
}

#[tokio::test]
async fn what_is_not_named_keeps_its_value_and_a_reset_goes_back_to_the_start() {
    let switches = Switches { order_ids: simulator::OrderIds::Strict, ..Switches::default() };
    let sim = Sim::with(Settings { switches, ..Settings::default() }).await;
    turn(&sim, json!({ "mismatch": "FORBIDDEN_REQUEST" })).await;
    let turned = sim.control("switches", json!({ "declined": "IN_PROGRESS" })).await;
    assert_eq!(
        (&turned["orderIds"], &turned["mismatch"], &turned["declined"]),
        (&json!("strict"), &json!("FORBIDDEN_REQUEST"), &json!("IN_PROGRESS"))
    );
    for wrong in [json!({ "mismatch": "TEAPOT" }), json!({ "teapot": "INVALID_REQUEST" }), json!({ "rateLimit": 0 })] {
        let refused = sim.request(Method::POST, "/control/switches").json(&wrong).send().await.unwrap();
        assert_eq!(refused.status(), 400, "{wrong}");
    }
    assert_eq!(sim.see("switches").await, turned);
    sim.control("reset", Value::Null).await;
    let back = sim.see("switches").await;
    assert_eq!((&back["orderIds"], &back["mismatch"]), (&json!("strict"), &json!("INVALID_REQUEST")));
}

#[tokio::test]
async fn a_confirm_of_nothing_and_of_a_payment_nobody_authenticated() {
    let sim = Sim::start().await;
    let opening = json!({ "method": "CARD", "amount": 1_000, "orderId": "order-nobody", "orderName": "책",
        "successUrl": "http://localhost/s", "failUrl": "http://localhost/f" });
    let ready = sim.post("/v1/payments", &opening).await.json()["paymentKey"].as_str().unwrap().to_owned();
    let both =
        async || (sim.confirm(&confirm_of("nothing")).await.says(), sim.confirm(&confirm_of(&ready)).await.says());
    let session = (404, code("NOT_FOUND_PAYMENT_SESSION"));
    assert_eq!(both().await, ((404, code("NOT_FOUND_PAYMENT")), session.clone()));
    turn(&sim, json!({ "unknownPaymentKey": "NOT_FOUND_PAYMENT_SESSION", "readyConfirm": "INVALID_REQUEST" })).await;
    assert_eq!(both().await, (session, (400, code("INVALID_REQUEST"))));
}

#[tokio::test]
async fn a_decided_payment_is_confirmed_again_after_its_session() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-late", 1_000).await;
    sim.advance(601).await;
    assert_eq!(sim.confirm(&payment).await.says(), (400, code("ALREADY_PROCESSED_PAYMENT")));
    turn(&sim, json!({ "lateReconfirm": "NOT_FOUND_PAYMENT_SESSION" })).await;
    assert_eq!(sim.confirm(&payment).await.says(), (404, code("NOT_FOUND_PAYMENT_SESSION")));
    let fresh = sim.paid("order-fresh", 1_000).await;
    assert_eq!(sim.confirm(&fresh).await.says(), (400, code("ALREADY_PROCESSED_PAYMENT")), "within its session");
}

#[tokio::test]
async fn of_two_confirms_at_once_the_loser_is_told_at_once_or_after_a_wait() {
    for effect in ["before", "after"] {
        let sim = Sim::start().await;
        turn(&sim, json!({ "concurrentConfirm": "FORBIDDEN_CONSECUTIVE_REQUEST" })).await;
        sim.control("latency", json!({ "fixedMs": 1_500, "effect": effect })).await;
        let payment = sim.authenticated("order-race", 1_000).await;
        let request = sim.confirm_request(&payment);
        let first = sim.tasks.spawn(async move { Answer::read(request.send().await.unwrap()).await });
        sim.requests("order-race", |seen| seen.len() == 1).await;
        let refused = (403, code("FORBIDDEN_CONSECUTIVE_REQUEST"));
        // The first may be read and not yet begun; then the second one is the first.
        let second = sim.confirm(&payment).await.says();
        let mut both = [first.await.unwrap().says(), second];
        both.sort();
        assert_eq!(both, [(200, code("DONE")), refused], "{effect}");
        assert_eq!(sim.confirm(&payment).await.says(), (400, code("ALREADY_PROCESSED_PAYMENT")), "nobody runs now");
        assert_eq!(sim.approvals("order-race").await, 1);
    }
}

#[tokio::test]
async fn a_declined_payment_is_over_or_may_be_confirmed_again() {
    let sim = Sim::start().await;
    let declined = async |order_id: &str| {
        let body = json!({ "orderId": order_id, "amount": 1_000, "decline": "REJECT_CARD_PAYMENT" });
        let payment = sim.authenticated_with(body).await;
        assert_eq!(sim.confirm(&payment).await.says(), (403, code("REJECT_CARD_PAYMENT")));
        payment
    };
    let over = declined("order-over").await;
    assert_eq!(sim.confirm(&over).await.says(), (400, code("ALREADY_PROCESSED_PAYMENT")));
    turn(&sim, json!({ "declined": "IN_PROGRESS" })).await;
    let again = declined("order-again").await;
    assert_eq!(sim.status(&again).await, "IN_PROGRESS");
    assert_eq!(sim.confirm(&again).await.says(), (200, code("DONE")));
}

#[tokio::test]
async fn an_order_may_be_paid_twice_or_not() {
    let sim = Sim::start().await;
    sim.paid("order-twice", 1_000).await;
    sim.paid("order-twice", 1_000).await;
    turn(&sim, json!({ "repeatedOrder": "refuse" })).await;
    let third = sim.authenticated("order-twice", 1_000).await;
    assert_eq!(sim.confirm(&third).await.says(), (400, code("DUPLICATED_ORDER_ID")));
    assert_eq!(sim.approvals("order-twice").await, 2);
}

#[tokio::test]
async fn an_unfinished_payment_is_shown_or_hidden() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-hidden", 1_000).await;
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");
    turn(&sim, json!({ "unfinishedQuery": "hide" })).await;
    assert_eq!(sim.query("/v1/payments/orders/order-hidden").await.says(), (404, code("NOT_FOUND_PAYMENT")));
    assert_eq!(sim.confirm(&payment).await.status, 200);
    assert_eq!(sim.status(&payment).await, "DONE");
}

#[tokio::test]
async fn a_query_by_order_picks_one_of_several_payments() {
    let sim = Sim::start().await;
    let first = sim.authenticated("order-several", 1_000).await;
    let approved = sim.paid("order-several", 1_000).await;
    let newest = sim.authenticated("order-several", 1_000).await;
    for (which, payment) in [("newest", &newest), ("approved", &approved), ("first", &first)] {
        turn(&sim, json!({ "orderQuery": which })).await;
        let seen = sim.query("/v1/payments/orders/order-several").await.json();
        assert_eq!(seen["paymentKey"], payment["paymentKey"], "{which}");
    }
}

#[tokio::test]
async fn a_cancel_of_nothing_and_of_everything() {
    let sim = Sim::start().await;
    let unpaid = sim.authenticated("order-unpaid", 1_000).await;
    let reason = json!({ "cancelReason": "x" });
    assert_eq!(sim.cancel(&unpaid, &reason).await.says(), (403, code("NOT_CANCELABLE_PAYMENT")));
    turn(&sim, json!({ "unpaidCancel": "INVALID_REQUEST", "wholeCancel": "PARTIAL_CANCELED" })).await;
    assert_eq!(sim.cancel(&unpaid, &reason).await.says(), (400, code("INVALID_REQUEST")));
    let named = json!({ "cancelReason": "x", "cancelAmount": 1_000 });
    for (order_id, body, status) in [("order-named", named, "PARTIAL_CANCELED"), ("order-unnamed", reason, "CANCELED")]
    {
        let payment = sim.paid(order_id, 1_000).await;
        assert_eq!(sim.cancel(&payment, &body).await.says(), (200, code(status)));
    }
}

#[tokio::test]
async fn vat_is_worked_out_anew_or_subtracted() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-vat", 1_000).await;
    for _ in 0..2 {
        sim.cancel(&payment, &json!({ "cancelReason": "x", "cancelAmount": 6 })).await;
    }
    let path = format!("/v1/payments/{}", payment["paymentKey"].as_str().unwrap());
    let taxes = async || {
        let seen = sim.query(&path).await.json();
        (seen["vat"].as_i64().unwrap(), seen["suppliedAmount"].as_i64().unwrap())
    };
    // 988 / 11 is 89.8; each 6 holds 0.5, which rounds up to 1.
    assert_eq!(taxes().await, (90, 898));
    turn(&sim, json!({ "cancelVat": "subtract" })).await;
    assert_eq!(taxes().await, (89, 899));
    sim.cancel(&payment, &json!({ "cancelReason": "x" })).await;
    assert_eq!(taxes().await, (0, 0));
}

#[tokio::test]
async fn an_idempotency_key_keeps_refusals_and_old_answers_when_told_to() {
    let sim = Sim::start().await;
    turn(&sim, json!({ "replayRefusals": "all", "oldKeys": "replay" })).await;
    let payment = sim.authenticated("order-kept", 1_000).await;
    let ask = async || {
        let request = sim.request(Method::POST, "/v1/payments/confirm").json(&payment);
        let request = request.basic_auth("test_sk_later", Some("")).header("Idempotency-Key", "key-1");
        Answer::read(request.send().await.unwrap()).await
    };
    assert_eq!(ask().await.says(), (401, code("UNAUTHORIZED_KEY")));
    let keys = json!([{ "clientKey": "test_ck_later", "secretKey": "test_sk_later" }]);
    sim.control("merchants", json!({ "merchantId": "tsim_later", "keys": keys })).await;
    assert_eq!(ask().await.says(), (401, code("UNAUTHORIZED_KEY")), "kept although the key is known now");

    let done = sim.confirm_with_key("key-2", &payment).await;
    sim.advance(16 * 24 * 3600).await;
    assert_eq!(sim.confirm_with_key("key-2", &payment).await.text, done.text);
}

#[tokio::test]
async fn a_flood_is_refused_in_three_ways_and_kept_when_told_to() {
    let sim = Sim::start().await;
    let refused = async |switches: Value| {
        turn(&sim, switches).await;
        sim.query("/v1/payments/nothing").await;
        let request = sim.request(Method::GET, "/v1/payments/nothing").basic_auth(DEFAULT_SECRET_KEY, Some(""));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, body) = refused(json!({ "rateLimit": 1 })).await;
    assert!(status == 429 && body.contains("TOO_MANY_REQUESTS"), "{status} {body}");
    let consecutive = json!({ "rateLimit": 1, "tooManyRequests": "FORBIDDEN_CONSECUTIVE_REQUEST" });
    let (status, body) = refused(consecutive).await;
    assert!(status == 403 && body.contains("FORBIDDEN_CONSECUTIVE_REQUEST"), "{status} {body}");
    assert_eq!(refused(json!({ "rateLimit": 1, "tooManyRequests": "empty" })).await, (429, String::new()));

    let payment = sim.authenticated("order-flood", 1_000).await;
    for (keeps, after_a_minute) in [("none", 200), ("all", 429)] {
        turn(&sim, json!({ "rateLimit": 1, "tooManyRequests": "TOO_MANY_REQUESTS", "replayRefusals": keeps })).await;
        sim.confirm_with_key(&format!("first-{keeps}"), &json!({})).await;
        assert_eq!(sim.confirm_with_key(keeps, &payment).await.status, 429);
        sim.advance(60).await;
        assert_eq!(sim.confirm_with_key(keeps, &payment).await.status, after_a_minute, "{keeps}");
    }
}

#[tokio::test]
async fn the_version_and_the_webhooks_order_are_switches() {
    let sim = Sim::start().await;
    turn(&sim, json!({ "apiVersion": "2024-06-01", "webhookOrder": "before" })).await;
    let mut shop = Shop::open(&sim).await;
    for n in 0..20 {
        let payment = sim.authenticated(&format!("order-before-{n}"), 1_000).await;
        assert_eq!(sim.confirm(&payment).await.json()["version"], "2024-06-01");
        assert_eq!(shop.at_once().expect("it is there already").status(), "DONE");
    }
}

#[tokio::test]
async fn a_deposit_callback_has_an_offset_when_told_to() {
    let sim = Sim::start().await;
    let mut shop = Shop::unknown(&sim).await;
    sim.control("webhooks", json!({ "event": "DEPOSIT_CALLBACK", "url": shop.url })).await;
    let account = json!({ "amount": 1_000, "orderName": "책", "customerName": "김심", "bank": "88" });
    for (offset, has_offset) in [("absent", false), ("present", true)] {
        turn(&sim, json!({ "depositOffset": offset })).await;
        let mut account = account.clone();
        account["orderId"] = json!(format!("order-{offset}"));
        assert_eq!(sim.post("/v1/virtual-accounts", &account).await.status, 200);
        let created_at = shop.next().await.json()["createdAt"].as_str().unwrap().to_owned();
        assert_eq!(created_at.ends_with("+09:00"), has_offset, "{created_at}");
    }
}

#[tokio::test]
async fn time_stands_still_until_it_is_let_go() {
    let sim = Sim::start().await;
    let frozen = sim.control("clock", json!({ "frozen": true })).await;
    assert_eq!(frozen["frozen"], true);
    let payment = sim.authenticated("order-frozen", 1_000).await;
    sim.advance(600).await;
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS", "exactly ten minutes are in time");
    sim.advance(1).await;
    assert_eq!(sim.status(&payment).await, "EXPIRED");
    assert_eq!(sim.see("clock").await["now"], sim.see("clock").await["now"]);
    assert_eq!(sim.control("clock", json!({ "frozen": false })).await["frozen"], false);
}
