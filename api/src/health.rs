//! Whether the process lives, and whether it can serve. A database that is away does not end the process: it waits.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use shared::{db, lane};

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
    let database = match db::is_ready(&state.pool).await {
        Ok(true) => "ready",
        Ok(false) => "not migrated",
        Err(error) => {
            tracing::warn!(error = %error, "the database is not ready");
            "not available"
        }
    };
    let ready = database == "ready";
    let paused = if ready { lane::paused(&state.pool).await.unwrap_or_default() } else { Vec::new() };
    let paused_lanes = paused
        .into_iter()
        .map(|lane| PausedLane { api_key: lane.api_key_id, code: lane.code, paused_for_seconds: lane.for_seconds })
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, database, paused_lanes }))
}
