//! Idempotency keys over HTTP: replay, scope, the 409 while running, length and life.

use reqwest::Method;
use serde_json::json;
use simulator::{DEFAULT_SECRET_KEY, ReplayErrors, Settings};

use crate::harness::{Answer, Sim};

#[tokio::test]
async fn a_repeat_gets_the_first_bytes_without_executing_and_both_trace_ids() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-replay", 1_000).await;
    let first = sim.confirm_with_key("key-1", &payment).await;
    let second = sim.confirm_with_key("key-1", &payment).await;
    assert_eq!((first.status, &first.text), (200, &second.text));
    let (new, original) = second.trace_id.split_once(", ").unwrap();
    assert_eq!(original, first.trace_id);
    assert_ne!(new, original);
    assert_eq!(sim.approvals("order-replay").await, 1);

    let seen = sim.requests("order-replay", |seen| seen.len() == 2).await;
    assert_eq!([&seen[0]["replayed"], &seen[1]["replayed"]], [false, true]);
    assert_eq!(seen[0]["body"], seen[1]["body"]);
}

#[tokio::test]
async fn errors_are_replayed_even_after_the_body_is_corrected() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-burnt", 1_000).await;
    let mut wrong = payment.clone();
    wrong["amount"] = json!(999);
    let first = sim.confirm_with_key("key-1", &wrong).await;
    let second = sim.confirm_with_key("key-1", &payment).await;
    assert_eq!(first.says(), (400, "INVALID_REQUEST".into()));
    assert_eq!(second.text, first.text);
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");
    assert_eq!(sim.confirm_with_key("key-2", &payment).await.says(), (200, "DONE".into()));
}

#[tokio::test]
async fn another_payment_under_a_used_key_gets_the_first_payments_answer() {
    let sim = Sim::start().await;
    let one = sim.authenticated("order-one", 1_000).await;
    let two = sim.authenticated("order-two", 2_000).await;
    let first = sim.confirm_with_key("constant", &one).await;
    assert_eq!(sim.confirm_with_key("constant", &two).await.text, first.text);
    assert_eq!(sim.status(&two).await, "IN_PROGRESS");
}

#[tokio::test]
async fn the_path_and_the_secret_key_are_part_of_the_scope() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-scope", 1_000).await;
    let elsewhere = sim.request(Method::POST, "/v1/payments").basic_auth(DEFAULT_SECRET_KEY, Some(""));
    let refused = Answer::read(elsewhere.header("Idempotency-Key", "key-1").body("{").send().await.unwrap()).await;
    assert_eq!(refused.says(), (400, "INVALID_REQUEST".into()));
    let widget = sim.request(Method::POST, "/v1/payments/confirm").json(&payment);
    let widget = widget.basic_auth(simulator::DEFAULT_WIDGET_SECRET_KEY, Some("")).header("Idempotency-Key", "key-1");
    assert_eq!(Answer::read(widget.send().await.unwrap()).await.says(), (400, "INVALID_API_KEY".into()));
    assert_eq!(sim.confirm_with_key("key-1", &payment).await.says(), (200, "DONE".into()));
}

#[tokio::test]
async fn while_the_first_runs_a_repeat_is_told_to_wait_and_that_is_not_kept() {
    let sim = Sim::start().await;
    sim.control("latency", json!({ "fixedMs": 1500 })).await;
    let payment = sim.authenticated("order-running", 1_000).await;
    let request = sim.confirm_request(&payment).header("Idempotency-Key", "key-1");
    let first = sim.tasks.spawn(async move { Answer::read(request.send().await.unwrap()).await });
    sim.requests("order-running", |seen| seen.len() == 1).await;
    let busy = sim.confirm_with_key("key-1", &payment).await;
    assert_eq!(busy.says(), (409, "IDEMPOTENT_REQUEST_PROCESSING".into()));
    let first = first.await.unwrap();
    assert_eq!(first.says(), (200, "DONE".into()));
    assert_eq!(sim.confirm_with_key("key-1", &payment).await.text, first.text);
}

#[tokio::test]
async fn a_client_that_gives_up_does_not_stop_the_confirm() {
    let sim = Sim::start().await;
    sim.control("latency", json!({ "fixedMs": 300 })).await;
    let payment = sim.authenticated("order-gone", 1_000).await;
    let request = sim.confirm_request(&payment).header("Idempotency-Key", "key-1");
    let client = sim.tasks.spawn(async move { request.send().await.is_ok() });
    sim.requests("order-gone", |seen| seen.len() == 1).await;
    client.abort();
    let seen = sim.requests("order-gone", |seen| !seen[0]["status"].is_null()).await;
    assert_eq!(seen[0]["status"], 200);
    assert_eq!(sim.confirm_with_key("key-1", &payment).await.says(), (200, "DONE".into()));
    assert_eq!(sim.approvals("order-gone").await, 1);
}

#[tokio::test]
async fn a_key_of_three_hundred_characters_is_the_longest() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-long", 1_000).await;
    let longer = sim.confirm_with_key(&"k".repeat(301), &payment).await;
    assert_eq!(longer.says(), (400, "INVALID_IDEMPOTENCY_KEY".into()));
    assert_eq!(sim.confirm_with_key(&"k".repeat(300), &payment).await.says(), (200, "DONE".into()));
}

#[tokio::test]
async fn after_fifteen_days_a_key_executes_again() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-old", 1_000).await;
    let first = sim.confirm_with_key("key-1", &payment).await;
    sim.advance(14 * 24 * 3600).await;
    assert_eq!(sim.confirm_with_key("key-1", &payment).await.text, first.text);
    sim.advance(25 * 3600).await;
    let again = sim.confirm_with_key("key-1", &payment).await;
    assert_eq!(again.says(), (400, "ALREADY_PROCESSED_PAYMENT".into()));
    assert_eq!(sim.approvals("order-old").await, 1);
}

#[tokio::test]
async fn whether_errors_are_kept_is_a_switch() {
    let mut settings = Settings::default();
    settings.switches.replay_errors = ReplayErrors::ClientErrors;
    let sim = Sim::with(settings).await;
    let payment = sim.authenticated("order-kept", 1_000).await;
    let then = json!({ "kind": "error", "status": 500, "code": "COMMON_ERROR" });
    sim.control("rules", json!({ "match": { "endpoint": "confirm" }, "times": 1, "then": then })).await;
    assert_eq!(sim.confirm_with_key("key-1", &payment).await.says(), (500, "COMMON_ERROR".into()));
    assert_eq!(sim.confirm_with_key("key-1", &payment).await.says(), (200, "DONE".into()));
}
