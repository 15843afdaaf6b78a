//! Whether the process lives, and whether it can serve. A database that is away does not end the process: it waits.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use shared::db;

use crate::AppState;

#[derive(Serialize)]
pub(crate) struct Readiness {
    ready: bool,
    database: &'static str,
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
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, database }))
}
