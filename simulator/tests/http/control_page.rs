//! The control page: each of its forms, sent as a browser sends it.

use reqwest::{Method, Response};
use serde_json::json;

use crate::harness::Sim;

async fn send(sim: &Sim, form: &str, body: &str, site: &str) -> Response {
    let request = sim.request(Method::POST, &format!("/control/page/{form}")).header("Sec-Fetch-Site", site);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    request.body(body.to_owned()).send().await.unwrap()
}

async fn said(sim: &Sim, form: &str, body: &str) -> String {
    let response = send(sim, form, body, "same-origin").await;
    assert_eq!(response.status(), 303, "{form}");
    response.headers()["location"].to_str().unwrap().trim_start_matches("/control?said=").to_owned()
}

async fn page(sim: &Sim, said: &str) -> String {
    let path = format!("/control?said={said}");
    sim.request(Method::GET, &path).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn the_forms_play_the_shopper_move_the_clock_and_start_over() {
    let sim = Sim::start().await;
    let shopper = "orderId=order-page&orderName=%EC%B1%85&amount=3000&decline=";
    assert_eq!(said(&sim, "authenticate", shopper).await, "authenticated");
    let shown = page(&sim, "authenticated").await;
    assert!(shown.contains("order-page") && shown.contains("3,000원") && shown.contains("IN_PROGRESS"), "{shown}");

    assert_eq!(said(&sim, "latency", "minMs=0&maxMs=5&effect=before").await, "latency");
    assert_eq!(said(&sim, "clock", "seconds=660").await, "clock");
    assert!(page(&sim, "clock").await.contains("EXPIRED"));

    let rule = json!({ "match": { "endpoint": "confirm" }, "then": { "kind": "dropAfter" } });
    let rule_id = sim.control("rules", rule).await["ruleId"].clone();
    assert!(page(&sim, "rule").await.contains("dropAfter"));
    assert_eq!(said(&sim, &format!("rules/{rule_id}"), "").await, "rule");

    assert_eq!(said(&sim, "reset", "").await, "reset");
    let shown = page(&sim, "reset").await;
    assert!(!shown.contains("order-page") && !shown.contains("dropAfter"), "{shown}");
}

#[tokio::test]
async fn wrong_values_are_refused_and_change_nothing() {
    let sim = Sim::start().await;
    for (form, body) in [
        ("authenticate", "orderId=short&orderName=a&amount=1&decline="),
        ("authenticate", "orderId=order-page&orderName=a&amount=0&decline="),
        ("authenticate", "orderId=order-page&orderName=a&amount=1&decline=TEAPOT"),
        ("latency", "minMs=9&maxMs=1&effect=after"),
        ("clock", "seconds=-1"),
    ] {
        assert_eq!(said(&sim, form, body).await, "refused", "{form} {body}");
    }
    assert_eq!(said(&sim, "rules/7", "").await, "taken");
    assert!(page(&sim, "refused").await.contains("아직 결제가 없습니다"));
}

#[tokio::test]
async fn no_other_site_can_send_the_forms() {
    let sim = Sim::start().await;
    sim.authenticated("order-kept", 1_000).await;
    for form in ["reset", "rules/1"] {
        assert_eq!(send(&sim, form, "", "cross-site").await.status(), 403, "{form}");
    }
    assert_eq!(send(&sim, "clock", "seconds=660", "same-site").await.status(), 403);
    assert!(page(&sim, "").await.contains("order-kept"));
}
