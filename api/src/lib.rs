//! The checkout API and the order pages.
//!
//! Each route is one file, named for what a caller does. A handler reads the request into types, calls one function of
//! `shared`, and says what came of it. Nothing that matters lives in this process: a restart loses no order.
//!
//! What it leaves out: it never calls Toss, and it holds no SQL.

mod address;
mod assets;
mod body;
mod checkout;
mod confirm;
mod create;
mod every_request;
mod health;
mod language;
mod list;
mod operator;
mod orders;
mod page;
mod poke;
mod prefer;
mod problem;
mod returned;
mod serve;
mod settings;
mod standing;
mod status;
mod waiting;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn,
    response::IntoResponse,
    routing::{get, post},
};
use shared::{db, stop::Stop};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tower_http::{catch_panic::CatchPanicLayer, csrf::CsrfLayer};

pub use operator::Credentials;
pub use settings::Settings;

use checkout::TossWindow;
use poke::Poke;
use problem::Problem;
use waiting::Waiting;

/// What handlers share. Cloning is cheap.
#[derive(Clone)]
pub struct AppState {
    pool: PgPool,
    waiting: Waiting,
    poke: Poke,
    operator: Credentials,
    toss_window: Arc<TossWindow>,
}

impl AppState {
    /// Opens the pool lazily and starts the two tasks behind the handlers; both end with `stop`.
    pub fn start(settings: &Settings, stop: &Stop) -> anyhow::Result<Self> {
        let pool = db::pool(&settings.database_url, db::Role::Api, settings.database_connections)?;
        Ok(Self {
            waiting: Waiting::start(pool.clone(), stop),
            poke: Poke::start(pool.clone(), stop),
            operator: settings.operator.clone(),
            toss_window: Arc::new(TossWindow::new(settings)),
            pool,
        })
    }
}

pub fn router(state: AppState) -> Router {
    let api = Router::new()
        .route("/api/v1/orders", get(orders::list))
        .route("/api/v1/orders/create", post(create::create))
        .route("/api/v1/orders/confirm", post(confirm::confirm))
        .route("/api/v1/orders/{order_id}", get(orders::read));
    let pages = Router::new()
        .route("/", get(checkout::home))
        .route("/checkout", get(checkout::shop).post(checkout::order))
        .route("/checkout/{order_id}", get(checkout::pay))
        .route("/checkout/success", get(returned::success))
        .route("/checkout/confirm", post(returned::confirm))
        .route("/checkout/fail", get(returned::fail))
        .route("/order", get(list::page))
        .route("/order/{order_id}", get(status::page))
        // There is no session to ride on; still, only our own pages may send our forms.
        .layer(CsrfLayer::new().with_rejection_response(|_| Problem::CrossSite.into_response()));
    let health = Router::new().route("/livez", get(health::livez)).route("/readyz", get(health::readyz));

    api.merge(pages)
        .merge(health)
        .merge(assets::routes())
        .fallback(async || Problem::NotFound)
        .with_state(state)
        // From the inside out.
        .layer(DefaultBodyLimit::max(body::BODY_BYTES_MAX))
        .layer(CatchPanicLayer::custom(every_request::panicked))
        .layer(from_fn(every_request::limit))
        .layer(from_fn(problem::render))
        .layer(from_fn(every_request::safe_headers))
        .layer(from_fn(every_request::log))
}

/// Serves until `stop` is requested. Requests in hand then still run: [`Stop::finish`] waits for them.
pub async fn run(settings: Settings, listener: TcpListener, stop: Stop) -> anyhow::Result<()> {
    let state = AppState::start(&settings, &stop)?;
    tracing::info!(addr = %listener.local_addr()?, "serving");
    serve::serve(router(state), listener, &stop).await;
    Ok(())
}
