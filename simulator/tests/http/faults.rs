//! Rules, latency, reset and stopping.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, LIMIT, Sim};

async fn rule(sim: &Sim, endpoint: &str, order_id: &str, times: u64, then: Value) -> u64 {
    let matched = json!({ "endpoint": endpoint, "orderId": order_id });
    let made = sim.control("rules", json!({ "match": matched, "times": times, "then": then })).await;
    made["ruleId"].as_u64().unwrap()
}

#[tokio::test]
async fn a_connection_dropped_before_acting_moves_no_money_and_uses_up_no_key() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-lost", 1_000).await;
    rule(&sim, "confirm", "order-lost", 1, json!({ "kind": "dropBefore" })).await;
    let lost = sim.confirm_request(&payment).header("Idempotency-Key", "key-1").send().await;
    assert!(lost.unwrap_err().is_request());
    assert_eq!(sim.approvals("order-lost").await, 0);
    let seen = sim.requests("order-lost", |seen| seen.len() == 1).await;
    assert_eq!((&seen[0]["status"], &seen[0]["faults"]), (&Value::Null, &json!(["dropBefore"])));

    let again = sim.confirm_with_key("key-1", &payment).await;
    assert_eq!(again.says(), (200, "DONE".into()));
    assert!(!again.trace_id.contains(','), "not a replay");
}

#[tokio::test]
async fn a_connection_dropped_after_acting_has_moved_the_money_and_the_key_tells() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-unheard", 1_000).await;
    rule(&sim, "confirm", "order-unheard", 1, json!({ "kind": "dropAfter" })).await;
    let lost = sim.confirm_request(&payment).header("Idempotency-Key", "key-1").send().await;
    assert!(lost.is_err());
    assert_eq!(sim.status(&payment).await, "DONE");
    let again = sim.confirm_with_key("key-1", &payment).await;
    assert_eq!(again.says(), (200, "DONE".into()));
    assert!(again.trace_id.contains(','), "a replay");
    assert_eq!(sim.approvals("order-unheard").await, 1);
}

#[tokio::test]
async fn a_held_answer_arrives_when_its_rule_is_deleted() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-held", 1_000).await;
    let id = rule(&sim, "confirm", "order-held", 1, json!({ "kind": "hold" })).await;
    let request = sim.confirm_request(&payment);
    let held = sim.tasks.spawn(async move { Answer::read(request.send().await.unwrap()).await });
    sim.requests("order-held", |seen| seen.iter().any(|one| one["status"] == 200)).await;
    assert_eq!(sim.status(&payment).await, "DONE");
    assert!(!held.is_finished());
    let rules = sim.see("rules").await;
    assert_eq!((&rules["rules"][0]["taken"], &rules["rules"][0]["timesLeft"]), (&json!(1), &json!(0)));

    let deleted = sim.request(Method::DELETE, &format!("/control/rules/{id}")).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(held.await.unwrap().says(), (200, "DONE".into()));
}

#[tokio::test]
async fn errors_by_rule_come_before_or_after_acting_and_are_kept_under_the_key() {
    let sim = Sim::start().await;
    for (order_id, kind, after) in [("order-before", "error", "IN_PROGRESS"), ("order-after", "errorAfter", "DONE")] {
        let payment = sim.authenticated(order_id, 1_000).await;
        rule(&sim, "confirm", order_id, 1, json!({ "kind": kind, "status": 500, "code": "UNKNOWN_ERROR" })).await;
        let failed = sim.confirm_with_key(order_id, &payment).await;
        assert_eq!(failed.status, 500);
        assert_eq!(failed.json()["message"], "확인되지 않은 오류입니다. 잠시 후 다시 시도해주세요.");
        assert_eq!(sim.status(&payment).await, after);
        assert_eq!(sim.confirm_with_key(order_id, &payment).await.text, failed.text);
    }
}

#[tokio::test]
async fn html_truncated_json_and_rate_limits_are_answers_no_parser_likes() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-odd", 1_000).await;
    rule(&sim, "confirm", "order-odd", 1, json!({ "kind": "html", "status": 502 })).await;
    let page = sim.confirm_request(&payment).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.headers()["content-type"].to_str().unwrap()), (502, "text/html"));

    rule(&sim, "confirm", "order-odd", 1, json!({ "kind": "rateLimit", "retryAfterSeconds": 7 })).await;
    let limited = sim.confirm_request(&payment).send().await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");

    rule(&sim, "confirm", "order-odd", 1, json!({ "kind": "truncate" })).await;
    let cut = sim.confirm(&payment).await;
    assert_eq!(cut.status, 200);
    assert!(serde_json::from_str::<Value>(&cut.text).is_err());
    assert_eq!(sim.status(&payment).await, "DONE");
}

#[tokio::test]
async fn a_rule_for_queries_finds_the_order_behind_a_payment_key() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-query", 1_000).await;
    rule(
        &sim,
        "query",
        "order-query",
        1,
        json!({ "kind": "error", "status": 403, "code": "FORBIDDEN_CONSECUTIVE_REQUEST" }),
    )
    .await;
    assert_eq!(sim.status(&payment).await, "FORBIDDEN_CONSECUTIVE_REQUEST");
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");
}

#[tokio::test]
async fn money_moves_on_the_chosen_side_of_the_latency() {
    let sim = Sim::start().await;
    for (order_id, effect, meanwhile) in [("order-last", "after", "IN_PROGRESS"), ("order-first", "before", "DONE")] {
        sim.control("latency", json!({ "minMs": 1_500, "maxMs": 1_600, "effect": effect })).await;
        let payment = sim.authenticated(order_id, 1_000).await;
        let request = sim.confirm_request(&payment);
        let started = Instant::now();
        let confirm = sim.tasks.spawn(async move { Answer::read(request.send().await.unwrap()).await });
        sim.requests(order_id, |seen| seen.len() == 1).await;
        let settled = async {
            while sim.status(&payment).await != meanwhile {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, settled).await.unwrap();
        assert!(!confirm.is_finished(), "{effect}");
        assert_eq!(confirm.await.unwrap().says(), (200, "DONE".into()));
        assert!(started.elapsed() >= Duration::from_millis(1_500));
    }
}

#[tokio::test]
async fn a_reset_forgets_everything_and_releases_what_is_held() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-reset", 1_000).await;
    rule(&sim, "confirm", "order-reset", 1, json!({ "kind": "hold" })).await;
    let request = sim.confirm_request(&payment);
    let held = sim.tasks.spawn(async move { request.send().await.map(|response| response.status().as_u16()) });
    sim.requests("order-reset", |seen| seen.iter().any(|one| one["status"] == 200)).await;
    sim.control("reset", Value::Null).await;
    assert_eq!(held.await.unwrap().unwrap(), 200);
    assert_eq!(sim.status(&payment).await, "NOT_FOUND_PAYMENT");
    assert_eq!(sim.see("ledger").await["entries"], json!([]));
    assert_eq!(sim.see("rules").await["rules"], json!([]));
}

#[tokio::test]
async fn stopping_does_not_wait_for_held_or_slow_requests() {
    let sim = Sim::start().await;
    let held = sim.authenticated("order-stop-held", 1_000).await;
    let slow = sim.authenticated("order-stop-slow", 1_000).await;
    rule(&sim, "confirm", "order-stop-held", 1, json!({ "kind": "hold" })).await;
    let first = sim.tasks.spawn(sim.confirm_request(&held).send());
    sim.requests("order-stop-held", |seen| seen.iter().any(|one| one["status"] == 200)).await;
    sim.control("latency", json!({ "fixedMs": 60_000 })).await;
    let second = sim.tasks.spawn(sim.confirm_request(&slow).send());
    sim.requests("order-stop-slow", |seen| seen.len() == 1).await;

    sim.stop.cancel();
    for client in [first, second] {
        assert!(tokio::time::timeout(Duration::from_secs(5), client).await.unwrap().unwrap().is_err());
    }
    sim.tasks.close();
    tokio::time::timeout(Duration::from_secs(5), sim.tasks.wait()).await.expect("serve did not return");
}

#[tokio::test]
async fn control_refuses_what_makes_no_sense() {
    let sim = Sim::start().await;
    for (path, body) in [
        ("authenticate", json!({ "orderId": "order-1", "amount": 0 })),
        ("authenticate", json!({ "orderId": "short", "amount": 100 })),
        ("authenticate", json!({ "orderId": "order-1", "amount": 100, "decline": "NO_SUCH_CODE" })),
        ("authenticate", json!({ "orderId": "order-1", "amount": 100, "clientKey": "test_ck_nobody" })),
        ("latency", json!({ "fixedMs": 1, "minMs": 1 })),
        ("latency", json!({ "minMs": 2, "maxMs": 1 })),
        ("clock", json!({ "advanceSeconds": -1 })),
        ("rules", json!({ "match": { "endpoint": "confirm" }, "then": { "kind": "explode" } })),
        ("rules", json!({ "match": { "endpoint": "nowhere" }, "then": { "kind": "hold" } })),
    ] {
        let response = sim.request(Method::POST, &format!("/control/{path}")).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path} {body}");
        assert!(response.json::<Value>().await.unwrap()["message"].is_string());
    }
    let taken = json!({ "orderId": "order-1", "amount": 100, "paymentKey": "chosen" });
    sim.control("authenticate", taken.clone()).await;
    let again = sim.request(Method::POST, "/control/authenticate").json(&taken).send().await.unwrap();
    assert_eq!(again.status(), 409);
}
