//! Merchants and keys that come, change and go while the simulator runs.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY};

use crate::harness::{Answer, Sim};

async fn ask(sim: &Sim, secret: &str, path: &str) -> (u16, String) {
    let request = sim.request(Method::GET, path).basic_auth(secret, Some(""));
    Answer::read(request.send().await.unwrap()).await.says()
}

async fn confirm_with(sim: &Sim, secret: &str, body: &Value) -> (u16, String) {
    let request = sim.request(Method::POST, "/v1/payments/confirm").basic_auth(secret, Some(""));
    Answer::read(request.json(body).send().await.unwrap()).await.says()
}

#[tokio::test]
async fn merchants_see_only_what_is_theirs() {
    let sim = Sim::start().await;
    let other = sim.control("merchants", json!({ "merchantId": "tother" })).await;
    let (client, secret) = (&other["keys"][0]["clientKey"], other["keys"][0]["secretKey"].as_str().unwrap());
    let body = json!({ "orderId": "order-theirs", "amount": 1_000, "clientKey": client });
    let payment = sim.authenticated_with(body).await;
    assert!(payment["paymentKey"].as_str().unwrap().starts_with("tothe"));
    assert_eq!(sim.confirm(&payment).await.says(), (400, "INVALID_API_KEY".into()));
    assert_eq!(confirm_with(&sim, secret, &payment).await, (200, "DONE".into()));
    let path = "/v1/payments/orders/order-theirs";
    let request = sim.request(Method::GET, path).basic_auth(secret, Some(""));
    assert_eq!(Answer::read(request.send().await.unwrap()).await.json()["mId"], "tother", "whose payment it is");
    assert_eq!(ask(&sim, secret, path).await, (200, "DONE".into()));
    assert_eq!(ask(&sim, DEFAULT_SECRET_KEY, path).await, (404, "NOT_FOUND_PAYMENT".into()));
    let cancel = sim.cancel(&payment, &json!({ "cancelReason": "x" })).await;
    assert_eq!(cancel.says(), (404, "NOT_FOUND_PAYMENT".into()));
    let widget = other["keys"][1]["secretKey"].as_str().unwrap();
    assert!(widget.starts_with("test_gsk_"));
    assert_eq!(ask(&sim, widget, path).await, (200, "DONE".into()), "the same merchant by its other pair");

    sim.control("reset", json!({})).await;
    assert_eq!(ask(&sim, secret, path).await, (401, "UNAUTHORIZED_KEY".into()), "a reset forgets it");
}

#[tokio::test]
async fn a_rotated_key_works_beside_the_old_one_for_seven_days() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-rotated", 1_000).await;
    let rotated = sim.control("merchants/rotate", json!({ "clientKey": DEFAULT_CLIENT_KEY })).await;
    let secret = rotated["secretKey"].as_str().unwrap();
    assert_eq!(confirm_with(&sim, secret, &payment).await, (200, "DONE".into()), "opened before, confirmed after");
    let path = "/v1/payments/orders/order-rotated";
    assert_eq!(ask(&sim, DEFAULT_SECRET_KEY, path).await, (200, "DONE".into()));
    let seen = sim.requests("order-rotated", |seen| seen.len() == 2).await;
    let hash = |one: &Value| one["secretKeyHash"].as_str().unwrap().to_owned();
    assert_ne!(hash(&seen[0]), hash(&seen[1]), "the log tells the keys apart");
    assert!(!seen.iter().any(|one| one.to_string().contains(secret)), "and shows neither");
    sim.advance(7 * 24 * 3600).await;
    assert_eq!(ask(&sim, DEFAULT_SECRET_KEY, path).await, (401, "UNAUTHORIZED_KEY".into()));
    assert_eq!(ask(&sim, secret, path).await, (200, "DONE".into()));
}

#[tokio::test]
async fn a_revoked_key_stops_at_once() {
    let sim = Sim::start().await;
    let rotated = sim.control("merchants/rotate", json!({ "clientKey": DEFAULT_CLIENT_KEY })).await;
    let listed = sim.see("merchants").await["keys"][0].clone();
    assert_eq!(listed["clientKey"], DEFAULT_CLIENT_KEY);
    assert_eq!(listed["secretKeys"].as_array().unwrap().len(), 2);
    sim.control("merchants/revoke", json!({ "secretKey": DEFAULT_SECRET_KEY })).await;
    let path = "/v1/payments/orders/order-none";
    assert_eq!(ask(&sim, DEFAULT_SECRET_KEY, path).await, (401, "UNAUTHORIZED_KEY".into()));
    let secret = rotated["secretKey"].as_str().unwrap();
    assert_eq!(ask(&sim, secret, path).await, (404, "NOT_FOUND_PAYMENT".into()));
}

#[tokio::test]
async fn live_keys_and_strange_or_taken_ones_are_refused() {
    let sim = Sim::start().await;
    for (client, secret) in [
        ("live_ck_a", "live_sk_a"),
        ("test_ck_a", "live_sk_a"),
        ("test_ck_a", "test_gsk_a"),
        ("test_ck_a", DEFAULT_SECRET_KEY),
        (DEFAULT_CLIENT_KEY, "test_sk_a"),
    ] {
        let body = json!({ "merchantId": "tother", "keys": [{ "clientKey": client, "secretKey": secret }] });
        let response = sim.request(Method::POST, "/control/merchants").json(&body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
    }
    assert_eq!(ask(&sim, "live_sk_a", "/v1/payments/orders/order-none").await, (400, "INVALID_API_KEY".into()));
}
