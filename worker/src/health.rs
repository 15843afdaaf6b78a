//! `/metrics`. `/livez`: the process runs. `/readyz`: its database answers, carries the schema this build knows and can be written to; which lanes are
//! paused stands beside it, and does not make a worker unready: restarting it would not help.

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use shared::{
    db::{self, Readiness},
    lane,
};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

const TEXT_FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) async fn serve(listener: TcpListener, pool: PgPool, metrics: Metrics, idle: CancellationToken) {
    let router = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(read_metrics))
        .with_state((pool, metrics));
    let served = axum::serve(listener, router).with_graceful_shutdown(async move { idle.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(%error, "health is not answered any more");
    }
}

async fn ready(State((pool, _)): State<(PgPool, Metrics)>) -> (StatusCode, Json<Value>) {
    let readiness = db::readiness(&pool).await;
    let database = readiness.as_ref().map_or("not available", |readiness| readiness.as_str());
    if !matches!(readiness, Ok(Readiness::Ready)) {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "database": database})));
    }
    let paused = lane::paused(&pool).await.unwrap_or_default();
    let lanes: Vec<Value> = paused
        .iter()
        .map(|lane| json!({"apiKey": lane.api_key_id, "code": lane.code, "pausedForSeconds": lane.for_seconds}))
        .collect();
    (StatusCode::OK, Json(json!({"ready": true, "database": database, "pausedLanes": lanes})))
}

async fn read_metrics(State((pool, metrics)): State<(PgPool, Metrics)>) -> Response {
    match metrics.text(&pool).await {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::warn!(error = shared::telemetry::chain(&error), "metrics cannot be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}
