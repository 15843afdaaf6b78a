//! The control API's calls about webhooks: registering, the manner of sending, the delivery log, resending, forging.
//!
//! They stand in for the developer centre, where all of this is done by hand, and for whoever writes to a shop in
//! Toss's name.

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::Simulator;
use crate::control::{Answered, Number, Page, Refusal};
use crate::events::Event;
use crate::webhooks::{Manner, Message};

/// No shop may be waited for longer.
const LIMIT_MS_MAX: u64 = 60_000;

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/control/webhooks", get(list).post(register).delete(unregister_all))
        .route("/control/webhooks/{webhook_id}", delete(unregister))
        .route("/control/webhooks/manner", post(set_manner))
        .route("/control/webhooks/deliveries", get(deliveries))
        .route("/control/webhooks/deliveries/{delivery_id}/resend", post(resend))
        .route("/control/webhooks/forge", post(forge))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Register {
    event: Event,
    url: Url,
    merchant_id: Option<String>,
}

async fn register(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Register>, JsonRejection>,
) -> Answered<impl IntoResponse> {
    let Json(asked) = body?;
    check_address(&asked.url)?;
    let merchant = simulator.merchants.id(asked.merchant_id.as_deref());
    let merchant = merchant.ok_or_else(|| Refusal::invalid("merchantId: unknown"))?;
    let webhook_id = simulator.webhooks.register(merchant, asked.event, asked.url);
    let webhook_id = webhook_id.ok_or_else(|| Refusal::full("delete some webhooks first"))?;
    Ok((StatusCode::CREATED, Json(json!({ "webhookId": webhook_id }))))
}

fn check_address(url: &Url) -> Answered<()> {
    if matches!(url.scheme(), "http" | "https") { Ok(()) } else { Err(Refusal::invalid("url: http or https")) }
}

async fn list(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let (registrations, manner) = simulator.webhooks.registrations();
    Json(json!({ "webhooks": registrations, "manner": manner }))
}

async fn unregister_all(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.webhooks.unregister(None);
    StatusCode::NO_CONTENT
}

async fn unregister(State(simulator): State<Arc<Simulator>>, webhook_id: Number) -> Answered<StatusCode> {
    if simulator.webhooks.unregister(Some(webhook_id?.0)) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Refusal::not_found("no such webhook"))
}

async fn set_manner(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Manner>, JsonRejection>,
) -> Answered<Json<Manner>> {
    let Json(manner) = body?;
    if !(1..=LIMIT_MS_MAX).contains(&manner.limit_ms) {
        return Err(Refusal::invalid("limitMs: 1 to 60000"));
    }
    simulator.webhooks.set_manner(manner);
    Ok(Json(manner))
}

async fn deliveries(
    State(simulator): State<Arc<Simulator>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answered<Json<Value>> {
    let Query(page) = page?;
    let (deliveries, dropped) = simulator.webhooks.page(page.order_id.as_deref(), page.after, page.limit());
    Ok(Json(json!({ "deliveries": deliveries, "dropped": dropped })))
}

async fn resend(State(simulator): State<Arc<Simulator>>, delivery_id: Number) -> Answered<StatusCode> {
    if simulator.webhooks.resend(delivery_id?.0, simulator.clock.now()) {
        return Ok(StatusCode::ACCEPTED);
    }
    Err(Refusal::not_found("no such delivery"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Forge {
    url: Url,
    body: Value,
}

/// Sends what the test wants, looking as if it came from Toss. A string is sent as it stands, anything else as JSON.
async fn forge(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Forge>, JsonRejection>,
) -> Answered<impl IntoResponse> {
    let Json(asked) = body?;
    check_address(&asked.url)?;
    let text = asked.body.as_str().map_or_else(|| asked.body.to_string(), str::to_owned);
    let message =
        Message { event: None, url: asked.url, order_id: None, payment_key: None, status: None, body: text.into() };
    let delivery_id = simulator.webhooks.send(message, None, simulator.clock.now());
    let delivery_id = delivery_id.ok_or_else(|| Refusal::full("too many deliveries are unfinished"))?;
    Ok((StatusCode::CREATED, Json(json!({ "deliveryId": delivery_id }))))
}
