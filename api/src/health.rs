//! Whether the process lives, and whether it can serve. A database that is away does not end the process: it waits.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use shared::{db, lane, telemetry::chain};

use crate::AppState;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Readiness {
    ready: bool,
    database: &'static str,
    /// Secrets that Toss does not take at the moment. Confirms are accepted all the same, and wait.
    paused_lanes: Vec<PausedLane>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PausedLane {
    api_key: String,
    code: String,
    paused_for_seconds: i64,
}

pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

pub(crate) async fn readyz(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    // On a connection of its own: an api whose other connections are all at work is busy, and not broken.
    let readiness = db::readiness(&state.readiness).await;
    if let Err(error) = &readiness {
        tracing::warn!(error = chain(error), "the database is not ready");
    }
    let database = readiness.as_ref().map_or("not available", |readiness| readiness.as_str());
    let ready = matches!(readiness, Ok(db::Readiness::Ready));
    let paused = if ready { lane::paused(&state.readiness).await.unwrap_or_default() } else { Vec::new() };
    let paused_lanes = paused
        .into_iter()
        .map(|lane| PausedLane { api_key: lane.api_key_id, code: lane.code, paused_for_seconds: lane.for_seconds })
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, database, paused_lanes }))
}
