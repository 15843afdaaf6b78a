//! Merchants while the simulator runs: new ones, new secret keys beside the old, and keys that stop working.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, Refusal};
use crate::merchants::{KeyPair, Merchant};
use crate::{Simulator, clock, keys};

pub(super) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/control/merchants", get(list).post(add))
        .route("/control/merchants/rotate", post(rotate))
        .route("/control/merchants/revoke", post(revoke))
}

async fn list(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let pairs = simulator.merchants.pairs(simulator.clock.now());
    let shown = pairs.iter().map(|pair| {
        let secrets =
            pair.secrets.iter().map(|(secret, until)| json!({ "secretKey": secret, "until": until.map(clock::wire) }));
        json!({
            "merchantId": pair.merchant_id,
            "clientKey": pair.client_key,
            "secretKeys": secrets.collect::<Vec<_>>(),
        })
    });
    Json(json!({ "keys": shown.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AddMerchant {
    merchant_id: String,
    keys: Option<Vec<AddPair>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AddPair {
    client_key: String,
    secret_key: String,
}

/// Without keys it gets a pair for the payment window and one for widgets.
async fn add(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<AddMerchant>, JsonRejection>,
) -> Answered<impl IntoResponse> {
    let Json(AddMerchant { merchant_id, keys: given }) = body?;
    let keys: Vec<KeyPair> = match given {
        Some(given) => {
            given.into_iter().map(|pair| KeyPair { client: pair.client_key, secret: pair.secret_key }).collect()
        }
        None => ["", "g"]
            .map(|product| KeyPair {
                client: keys::merchant_key(&format!("test_{product}ck_")),
                secret: keys::merchant_key(&format!("test_{product}sk_")),
            })
            .into(),
    };
    let shown: Vec<Value> =
        keys.iter().map(|pair| json!({ "clientKey": pair.client, "secretKey": pair.secret })).collect();
    let answer = json!({ "merchantId": merchant_id, "keys": shown });
    let merchant = Merchant { id: merchant_id, keys };
    simulator.merchants.add(&merchant).map_err(|error| Refusal::invalid(error.to_string()))?;
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rotate {
    client_key: String,
}

async fn rotate(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Rotate>, JsonRejection>,
) -> Answered<impl IntoResponse> {
    let Json(Rotate { client_key }) = body?;
    let (secret, previous_until) = simulator
        .merchants
        .rotate(&client_key, simulator.clock.now())
        .ok_or_else(|| Refusal::invalid("clientKey: unknown"))?;
    let answer = json!({
        "clientKey": client_key,
        "secretKey": secret,
        "previousUntil": clock::wire(previous_until),
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Revoke {
    secret_key: String,
}

async fn revoke(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Revoke>, JsonRejection>,
) -> Answered<StatusCode> {
    let Json(Revoke { secret_key }) = body?;
    if simulator.merchants.revoke(&secret_key) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Refusal::invalid("secretKey: unknown"))
}
