//! `/livez`: the process runs. `/readyz`: its database answers and carries the schema this build knows.

use axum::{Router, extract::State, http::StatusCode, routing::get};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) async fn serve(listener: TcpListener, pool: PgPool, idle: CancellationToken) {
    let router = Router::new().route("/livez", get(async || "ok\n")).route("/readyz", get(ready)).with_state(pool);
    let served = axum::serve(listener, router).with_graceful_shutdown(async move { idle.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(%error, "health is not answered any more");
    }
}

async fn ready(State(pool): State<PgPool>) -> (StatusCode, &'static str) {
    match shared::db::is_ready(&pool).await {
        Ok(true) => (StatusCode::OK, "ready\n"),
        Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "the database lacks migrations of this build\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}
