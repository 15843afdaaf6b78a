//! What rules can match, the kinds of fault beyond the plain ones, and rules from a file.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use simulator::Settings;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::Sim;

#[tokio::test]
async fn a_rule_can_name_an_idempotency_key_and_the_nth_request() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-nth", 1_000).await;
    let matched = json!({ "endpoint": "confirm", "idempotencyKey": "key-unlucky", "nth": 2 });
    sim.control("rules", json!({ "match": matched, "then": { "kind": "rateLimit" } })).await;
    assert_eq!(sim.confirm_with_key("key-other", &payment).await.status, 200);
    assert_eq!(sim.confirm_with_key("key-unlucky", &payment).await.status, 400);
    let limited = sim.confirm_request(&payment).header("Idempotency-Key", "key-unlucky").send().await.unwrap();
    assert_eq!((limited.status().as_u16(), limited.headers().get("retry-after")), (429, None));
    assert_eq!(sim.confirm_with_key("key-unlucky", &payment).await.status, 400);
}

#[tokio::test]
async fn a_probability_with_a_seed_strikes_the_same_requests_again() {
    let sim = Sim::start().await;
    let run = async |seed: u64| {
        let rule = json!({
            "match": { "endpoint": "query", "probability": 0.5 }, "seed": seed,
            "then": { "kind": "error", "status": 500, "code": "UNKNOWN_ERROR" },
        });
        let id = sim.control("rules", rule).await["ruleId"].clone();
        let mut codes = Vec::new();
        for _ in 0..40 {
            codes.push(sim.query("/v1/payments/orders/order-none").await.status);
        }
        sim.request(Method::DELETE, &format!("/control/rules/{id}")).send().await.unwrap();
        codes
    };
    let first = run(42).await;
    assert!(first.contains(&500) && first.contains(&404), "{first:?}");
    assert_eq!(run(42).await, first);
    assert_ne!(run(43).await, first);
}

#[tokio::test]
async fn a_seed_that_was_not_given_is_drawn_and_shown() {
    let sim = Sim::start().await;
    sim.control("rules", json!({ "match": { "endpoint": "query", "probability": 0.5 }, "then": { "kind": "hold" } }))
        .await;
    assert!(sim.see("rules").await["rules"][0]["seed"].is_u64());
}

#[tokio::test]
async fn a_stale_query_does_not_see_an_approval_for_some_seconds() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-stale", 1_000).await;
    for (then, seen) in [
        (json!({ "kind": "stale", "seconds": 60 }), "NOT_FOUND_PAYMENT"),
        (json!({ "kind": "stale", "seconds": 60, "shows": "before" }), "IN_PROGRESS"),
    ] {
        let payment = sim.authenticated(&format!("order-{seen}"), 1_000).await;
        let matched = json!({ "endpoint": "query", "paymentKey": payment["paymentKey"] });
        sim.control("rules", json!({ "match": matched, "then": then })).await;
        assert_eq!(sim.status(&payment).await, "IN_PROGRESS", "before the approval there is nothing to hide");
        assert_eq!(sim.confirm(&payment).await.status, 200);
        assert_eq!(sim.status(&payment).await, seen);
        let by_order = sim.query(&format!("/v1/payments/orders/order-{seen}")).await;
        assert_eq!(by_order.says().1, seen);
        assert_eq!(by_order.json().get("approvedAt").unwrap_or(&Value::Null), &Value::Null);
        sim.advance(61).await;
        assert_eq!(sim.status(&payment).await, "DONE");
    }
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS", "a rule for one payment hides no other");
}

#[tokio::test]
async fn a_stale_query_does_not_see_the_cancels_of_some_seconds() {
    let sim = Sim::start().await;
    let payment = sim.paid("order-stale-cancel", 1_000).await;
    let part = json!({ "cancelReason": "반품", "cancelAmount": 400 });
    assert_eq!(sim.cancel(&payment, &part).await.status, 200);
    let then = json!({ "kind": "stale", "seconds": 60, "shows": "beforeCancels" });
    sim.control("rules", json!({ "match": { "endpoint": "query" }, "then": then })).await;
    let path = "/v1/payments/orders/order-stale-cancel";
    let seen = sim.query(path).await.json();
    assert_eq!(
        (&seen["status"], &seen["balanceAmount"], &seen["cancels"]),
        (&json!("DONE"), &json!(1_000), &Value::Null)
    );
    sim.advance(61).await;
    assert_eq!(sim.cancel(&payment, &part).await.status, 200);
    let seen = sim.query(path).await.json();
    assert_eq!((&seen["status"], &seen["balanceAmount"]), (&json!("PARTIAL_CANCELED"), &json!(600)));
    assert_eq!(seen["cancels"].as_array().unwrap().len(), 1, "only the last one is hidden");
    assert_eq!(seen["cancels"][0]["transactionKey"], seen["lastTransactionKey"]);
    sim.advance(61).await;
    assert_eq!(sim.query(path).await.json()["balanceAmount"], 200);
}

#[tokio::test]
async fn a_stale_query_of_a_closed_account_shows_it_open() {
    let sim = Sim::start().await;
    let account = json!({
        "amount": 30_000, "orderId": "order-closed", "orderName": "책", "customerName": "김심", "bank": "신한",
    });
    let payment = sim.post("/v1/virtual-accounts", &account).await.json();
    assert_eq!(sim.cancel(&payment, &json!({ "cancelReason": "반품" })).await.says(), (200, "CANCELED".into()));
    let then = json!({ "kind": "stale", "seconds": 60, "shows": "beforeCancels" });
    sim.control("rules", json!({ "match": { "endpoint": "query" }, "then": then })).await;
    assert_eq!(sim.status(&payment).await, "WAITING_FOR_DEPOSIT");
    sim.advance(61).await;
    assert_eq!(sim.status(&payment).await, "CANCELED");
}

#[tokio::test]
async fn an_oversized_answer_is_valid_and_a_slow_one_is_complete() {
    let sim = Sim::start().await;
    let large = sim.authenticated("order-large", 1_000).await;
    let rule =
        |order_id: &str, then: Value| json!({ "match": { "endpoint": "confirm", "orderId": order_id }, "then": then });
    sim.control("rules", rule("order-large", json!({ "kind": "oversized", "bytes": 2_000_000 }))).await;
    let answer = sim.confirm(&large).await;
    assert_eq!(answer.says(), (200, "DONE".into()));
    assert!(answer.text.len() >= 2_000_000);

    let slow = sim.authenticated("order-slow", 1_000).await;
    sim.control("rules", rule("order-slow", json!({ "kind": "slowBody", "bytesPerSecond": 3_000 }))).await;
    let started = Instant::now();
    let mut response = sim.confirm_request(&slow).send().await.unwrap();
    let mut body = response.chunk().await.unwrap().unwrap().to_vec();
    assert!(body.len() <= 300, "the first piece is a small one");
    while let Some(piece) = response.chunk().await.unwrap() {
        body.extend_from_slice(&piece);
    }
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["status"], "DONE");
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn test_keys_can_be_held_to_so_many_requests_a_minute() {
    let sim = Sim::start().await;
    assert_eq!(sim.control("switches", json!({ "rateLimit": 2 })).await["rateLimit"], 2);
    let payment = sim.authenticated("order-flood", 1_000).await;
    assert_eq!((sim.status(&payment).await, sim.status(&payment).await), ("IN_PROGRESS".into(), "IN_PROGRESS".into()));
    assert_eq!(sim.query("/v1/payments/orders/order-flood").await.says(), (429, "TOO_MANY_REQUESTS".into()));
    assert_eq!(sim.confirm(&payment).await.status, 200, "another endpoint has a minute of its own");
    sim.advance(60).await;
    assert_eq!(sim.status(&payment).await, "DONE");
    sim.control("switches", json!({ "rateLimit": null })).await;
    for _ in 0..5 {
        assert_eq!(sim.status(&payment).await, "DONE");
    }
}

#[tokio::test]
async fn a_delay_can_be_drawn_from_a_range_or_a_heavy_tail() {
    let sim = Sim::start().await;
    for (order_id, then) in [
        ("order-range", json!({ "kind": "delay", "minMs": 300, "maxMs": 400 })),
        ("order-tail", json!({ "kind": "delay", "medianMs": 600, "longestMs": 700 })),
    ] {
        let payment = sim.authenticated(order_id, 1_000).await;
        sim.control("rules", json!({ "match": { "endpoint": "confirm" }, "times": 1, "then": then })).await;
        let started = Instant::now();
        assert_eq!(sim.confirm(&payment).await.status, 200);
        assert!(started.elapsed() >= Duration::from_millis(300), "{order_id}");
    }
}

fn rules_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn settings(rules_file: PathBuf) -> Settings {
    Settings { rules_file: Some(rules_file), ..Settings::default() }
}

#[tokio::test]
async fn rules_from_a_file_are_there_at_the_start_and_after_a_reset() {
    let file =
        rules_file(r#"[{ "match": { "endpoint": "query" }, "times": 1, "then": { "kind": "html", "status": 502 } }]"#);
    let sim = Sim::with(settings(file.path().to_owned())).await;
    let ask = async || {
        let request = sim.request(Method::GET, "/v1/payments/orders/order-none");
        request.basic_auth(simulator::DEFAULT_SECRET_KEY, Some("")).send().await.unwrap().status().as_u16()
    };
    assert_eq!((ask().await, ask().await), (502, 404));
    sim.control("reset", Value::Null).await;
    assert_eq!((ask().await, ask().await), (502, 404));
}

#[tokio::test]
async fn a_mistake_in_the_rules_file_stops_the_start_and_is_named() {
    let refusal = async |path: PathBuf| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let error = simulator::serve(listener, settings(path), CancellationToken::new()).await.unwrap_err();
        let file = error.source().unwrap();
        format!("{file}: {}", file.source().map(ToString::to_string).unwrap_or_default())
    };
    let check = async |text: &str, expected: &str| {
        let said = refusal(rules_file(text).path().to_owned()).await;
        assert!(said.contains(expected), "{said}");
    };
    check("[", "line 1").await;
    check(r#"[{ "match": { "endpoint": "confirm" }, "then": { "kind": "explode" } }]"#, "explode").await;
    let second = r#"[
        { "match": { "endpoint": "confirm" }, "then": { "kind": "hold" } },
        { "match": { "endpoint": "confirm" }, "then": { "kind": "stale", "seconds": 1 } }
    ]"#;
    check(second, "rule 2 of the rules file").await;
    assert!(refusal("/nonexistent/rules.json".into()).await.contains("cannot be read"));
}

#[tokio::test]
async fn a_stale_query_of_a_deposited_account_still_waits_for_the_deposit() {
    let sim = Sim::start().await;
    let account = json!({
        "amount": 30_000, "orderId": "order-account", "orderName": "책", "customerName": "김심", "bank": "신한",
    });
    let payment = sim.post("/v1/virtual-accounts", &account).await.json();
    let then = json!({ "kind": "stale", "seconds": 60, "shows": "before" });
    sim.control("rules", json!({ "match": { "endpoint": "query" }, "then": then })).await;
    sim.control("deposit", json!({ "paymentKey": payment["paymentKey"] })).await;
    assert_eq!(sim.status(&payment).await, "WAITING_FOR_DEPOSIT");
    sim.advance(61).await;
    assert_eq!(sim.status(&payment).await, "DONE");
}
