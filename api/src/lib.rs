//! The checkout API and the order pages.
//!
//! Each route is one file, named for what a caller does. A handler reads the request into types, calls one function of
//! `shared`, and says what came of it. Nothing that matters lives in this process: a restart loses no order.
//!
//! What it leaves out: it never calls Toss, and it holds no SQL.

mod action;
mod address;
mod advice;
mod asked;
mod assets;
mod banks;
mod body;
mod cancel;
mod causes;
mod checkout;
mod confirm;
mod create;
mod declines;
mod deposit;
mod detail;
mod every_request;
mod health;
mod hero;
mod language;
mod line;
mod lines;
mod list;
mod live;
mod methods;
mod notice;
mod operator;
mod orders;
mod page;
mod patience;
mod poke;
mod prefer;
mod problem;
mod refund_page;
mod returned;
mod review;
#[cfg(test)]
mod sample;
mod serve;
mod settings;
#[cfg(test)]
mod sheet;
mod standing;
mod status;
mod switch;
mod transfer;
mod waiting;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::from_fn,
    response::IntoResponse,
    routing::{get, post},
};
use shared::{cancel::AccountKey, db, stop::Stop};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tower_http::{catch_panic::CatchPanicLayer, csrf::CsrfLayer};

pub use operator::{Account, ServerKey, hash_password};
pub use settings::Settings;

use checkout::Toss;
use line::Line;
use live::Live;
use operator::{Access, login};
use poke::Poke;
use problem::Problem;
use waiting::Waiting;

/// What handlers share. Cloning is cheap.
#[derive(Clone)]
pub struct AppState {
    pool: PgPool,
    /// One connection, which nothing but `/readyz` uses.
    readiness: PgPool,
    /// Confirms may wait for rows that are locked; what only reads must find a connection all the same.
    accepts: Line,
    waiting: Waiting,
    poke: Poke,
    live: Live,
    access: Arc<Access>,
    account_key: Option<AccountKey>,
    /// A flood of webhooks waits by itself.
    webhooks: Line,
    toss: Arc<Toss>,
    contact: Option<Arc<str>>,
}

impl AppState {
    /// Opens the pool lazily and starts the tasks behind the handlers, which end with `stop`.
    pub fn start(settings: &Settings, stop: &Stop) -> anyhow::Result<Self> {
        let pool = db::pool(&settings.database_url, db::Role::Api, settings.database_connections)?;
        Ok(Self {
            waiting: Waiting::start(pool.clone(), stop),
            poke: Poke::start(pool.clone(), stop),
            live: Live::start(pool.clone(), settings.event_streams_max, stop),
            access: Arc::new(Access::new(settings)),
            account_key: settings.account_key.clone(),
            webhooks: Line::new(settings.database_connections / 4, webhooks::LONGEST_WAIT),
            accepts: Line::new(settings.database_connections * 3 / 4, confirm::LONGEST_WAIT),
            readiness: db::pool(&settings.database_url, db::Role::Api, 1)?,
            toss: Arc::new(Toss::new(settings)),
            contact: settings.shop_contact.as_deref().map(Arc::from),
            pool,
        })
    }
}

pub fn router(state: AppState) -> Router {
    let api = Router::new()
        .route("/api/v1/orders", get(orders::list))
        .route("/api/v1/orders/create", post(create::create))
        .route("/api/v1/orders/confirm", post(confirm::confirm))
        .route("/api/v1/orders/{order_id}", get(orders::read))
        .route("/api/v1/orders/{order_id}/events", get(live::events))
        .route("/api/v1/orders/{order_id}/cancel", post(cancel::cancel))
        .route("/api/v1/orders/{order_id}/cancel/{cancel_no}/call-off", post(action::call_off))
        .route("/api/v1/orders/{order_id}/lookup", post(action::lookup))
        .route("/api/v1/orders/{order_id}/close", post(action::close))
        .route("/api/v1/orders/{order_id}/refund-closed", post(action::refund_closed));
    let pages = Router::new()
        .route("/", get(checkout::home))
        .route("/checkout", get(checkout::shop).post(checkout::order))
        .route("/checkout/{order_id}", get(checkout::pay))
        .route("/checkout/success", get(returned::success))
        .route("/checkout/confirm", post(returned::confirm).get(checkout::home))
        .route("/checkout/fail", get(returned::fail))
        .route("/order", get(list::page))
        .route("/order/cancel", post(refund_page::refund).get(list::home))
        .route("/order/{order_id}", get(status::page))
        .route("/order/{order_id}/cancel", get(refund_page::page))
        .route("/order/{order_id}/cancel/{cancel_no}/call-off", post(action::call_off_form).get(action::refund_home))
        .route("/order/{order_id}/lookup", post(action::lookup_form).get(action::home))
        .route("/order/{order_id}/close", post(action::close_form).get(action::home))
        .route("/order/{order_id}/refund-closed", post(action::refund_closed_form).get(action::home))
        .route("/order/{order_id}/detail", get(detail::page))
        .route("/login", get(login::form).post(login::submit))
        .route("/logout", post(login::log_out))
        // Only our own pages may send our forms. Those of a session carry its token beside.
        .layer(CsrfLayer::new().with_rejection_response(|_| Problem::CrossSite.into_response()));
    // Toss sends no cookie and no origin, and a body may be larger than any of ours.
    let hooks = Router::new()
        .route("/webhooks/toss", post(webhooks::toss))
        .layer(DefaultBodyLimit::max(webhooks::BODY_BYTES_MAX));
    let health = Router::new().route("/livez", get(health::livez)).route("/readyz", get(health::readyz));

    around(api.merge(pages).merge(hooks).merge(health).merge(assets::routes()).with_state(state))
}

/// What surrounds every route, from the inside out.
fn around(routes: Router) -> Router {
    routes
        .fallback(async || Problem::NotFound)
        .layer(DefaultBodyLimit::max(body::BODY_BYTES_MAX))
        .layer(CatchPanicLayer::custom(every_request::panicked))
        .layer(from_fn(every_request::limit))
        .layer(from_fn(problem::render))
        .layer(from_fn(switch::switch))
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

#[cfg(test)]
mod tests {
    use axum::{
        Router,
        body::{Body, to_bytes},
        http::{HeaderMap, Method, Request, StatusCode, header},
        routing::get,
    };
    use serde_json::Value;
    use shared::{settings::Env, stop::Stop};
    use tower::ServiceExt;

    use super::{AppState, Settings, around, router};

    /// The routes, with a database that is away.
    fn without_database() -> Router {
        let mut env = Env::from_pairs([
            ("DATABASE_URL", "postgres://shop@127.0.0.1:1/shop"),
            ("OPERATOR_USER", "operator"),
            ("OPERATOR_PASSWORD", "password"),
            ("TOSS_CLIENT_KEY", "test_ck_abc"),
        ]);
        router(AppState::start(&Settings::read(&mut env).unwrap(), &Stop::new()).unwrap())
    }

    async fn ask(router: Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1_000_000).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    fn request(method: Method, address: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
        let request = Request::builder().method(method).uri(address);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(Body::from(body.to_owned())).unwrap()
    }

    fn code(body: &str) -> String {
        serde_json::from_str::<Value>(body).unwrap()["code"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn every_answer_has_safe_headers_and_every_refusal_its_code() {
        let check = async |method, address, headers: &[_], body, status: u16, expected: &str| {
            let (answered, headers, body) = ask(without_database(), request(method, address, headers, body)).await;
            assert_eq!(answered, status, "{address}: {body}");
            for name in ["x-content-type-options", "referrer-policy", "content-security-policy", "cache-control"] {
                assert!(headers.contains_key(name), "{address}: {name}");
            }
            if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/problem+json") {
                assert_eq!(code(&body), expected, "{address}");
                assert_eq!(headers[header::CONTENT_LANGUAGE], "ko");
            } else {
                assert!(body.contains(expected), "{address}: {body}");
            }
        };
        let json = [("content-type", "application/json")];
        let large = " ".repeat(64 * 1024 + 1);
        check(Method::GET, "/livez", &[], "", 200, "ok").await;
        check(Method::GET, "/checkout/fail?code=X", &[], "", 200, "결제하지 못했습니다").await;
        check(Method::GET, "/assets/pay.js", &[], "", 200, "TossPayments").await;
        check(Method::GET, "/assets/copy.js", &[], "", 200, "clipboard").await;
        check(Method::GET, "/nowhere", &[], "", 404, "NOT_FOUND").await;
        check(Method::GET, "/api/nowhere", &[], "", 404, "NOT_FOUND").await;
        check(Method::GET, "/login?next=//evil.example", &[], "", 200, "운영자 로그인").await;
        check(Method::GET, "/order", &[], "", 303, "").await;
        check(Method::POST, "/logout", &[], "", 401, "UNAUTHORIZED").await;
        check(Method::GET, "/api/v1/orders", &[], "", 401, "UNAUTHORIZED").await;
        check(Method::GET, "/api/v1/orders/7", &[], "", 400, "INVALID_ORDER_ID").await;
        check(Method::GET, "/order/%ff", &[], "", 404, "ORDER_NOT_FOUND").await;
        check(Method::PUT, "/order", &[], "", 405, "METHOD_NOT_ALLOWED").await;
        check(Method::POST, "/api/v1/orders/create", &[], "{}", 415, "UNSUPPORTED_MEDIA_TYPE").await;
        check(Method::POST, "/api/v1/orders/create", &json, "{", 400, "MALFORMED_JSON").await;
        check(Method::POST, "/api/v1/orders/confirm", &json, &large, 413, "BODY_TOO_LARGE").await;
        // Larger than any other body may be, and then too large even for a webhook.
        check(Method::POST, "/webhooks/toss", &json, &large, 503, "UNAVAILABLE").await;
        let too_large = " ".repeat(256 * 1024 + 1);
        check(Method::POST, "/webhooks/toss", &json, &too_large, 413, "BODY_TOO_LARGE").await;
        check(Method::GET, "/webhooks/toss", &[], "", 405, "METHOD_NOT_ALLOWED").await;
        check(Method::POST, "/checkout", &json, "{}", 415, "UNSUPPORTED_MEDIA_TYPE").await;
        let foreign = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")];
        check(Method::POST, "/checkout/confirm", &foreign, "", 403, "CROSS_SITE").await;
    }

    #[tokio::test]
    async fn a_wrong_method_is_told_the_right_ones() {
        let (_, headers, _) = ask(without_database(), request(Method::GET, "/logout", &[], "")).await;
        assert_eq!(headers[header::ALLOW], "POST");
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_said_so_and_hangs_nobody() {
        let asked = request(Method::GET, "/api/v1/orders/019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e", &[], "");
        let (status, headers, body) = ask(without_database(), asked).await;
        assert_eq!((status, code(&body).as_str()), (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"));
        assert_eq!(headers[header::RETRY_AFTER], "2");
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_without_its_words() {
        async fn panic() {
            panic!("canary");
        }
        let router = around(Router::new().route("/api/panic", get(panic)));
        let (status, _, body) = ask(router, request(Method::GET, "/api/panic", &[], "")).await;
        assert_eq!((status, code(&body).as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"));
        assert!(!body.contains("canary"), "{body}");
    }
}
