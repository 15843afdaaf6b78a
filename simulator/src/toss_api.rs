//! Toss's paths. Each route only says what is asked; `exchange` does the rest, in the same order for all of them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use crate::Simulator;
use crate::call::{Call, Operation};
use crate::errors::{NOT_FOUND, NOT_FOUND_HTTP_METHOD};
use crate::exchange::exchange;
use crate::server::hang_up;

/// The longest body Toss takes is a few thousand characters.
const BODY_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/v1/payments", post(create))
        .route("/v1/payments/confirm", post(confirm))
        .route("/v1/payments/key-in", post(key_in))
        .route("/v1/payments/{payment_key}", get(query_by_key))
        .route("/v1/payments/{payment_key}/cancel", post(cancel))
        .route("/v1/payments/{payment_key}/checkout", get(checkout))
        .route("/v1/payments/orders/{order_id}", get(query_by_order))
        .route("/v1/transactions", get(transactions))
        // A published client library (python-tosspayments) writes it so.
        .route("/v1/transactions/", get(transactions))
        .route("/v1/settlements", get(settlements).post(settle))
        .route("/v1/virtual-accounts", post(virtual_account))
        .route("/v1/cash-receipts", post(issue_cash_receipt).get(list_cash_receipts))
        .route("/v1/cash-receipts/{receipt_key}/cancel", post(cancel_cash_receipt))
        .method_not_allowed_fallback(unknown_method)
        .fallback(unknown_path)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// What every request brings.
struct Parts {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Parts {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let body = match Bytes::from_request(request, state).await {
            Ok(body) => body,
            // Too long counts as empty: Toss finds nothing valid in it.
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Bytes::new(),
            // The client broke off: there was no request, so its idempotency key must not be used up.
            Err(_) => return Err(hang_up()),
        };
        Ok(Self { method, uri, headers, body })
    }
}

async fn ask(simulator: Arc<Simulator>, operation: Operation, parts: Parts) -> Response {
    let call = Call::read(&simulator, operation, parts.method, &parts.uri, parts.headers, parts.body);
    exchange(simulator, call).await
}

async fn create(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::Create, parts).await
}

async fn confirm(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::Confirm, parts).await
}

async fn transactions(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::Transactions, parts).await
}

async fn settlements(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::Settlements, parts).await
}

async fn settle(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::Settle, parts).await
}

async fn key_in(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::KeyIn, parts).await
}

async fn virtual_account(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::VirtualAccount, parts).await
}

async fn issue_cash_receipt(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::IssueCashReceipt, parts).await
}

async fn list_cash_receipts(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    ask(simulator, Operation::ListCashReceipts, parts).await
}

/// A name inside a path; one that is not UTF-8 names nothing.
type Name = Result<Path<String>, PathRejection>;

async fn cancel(State(simulator): State<Arc<Simulator>>, key: Name, parts: Parts) -> Response {
    let operation = key.map_or(Operation::Unknown(NOT_FOUND), |Path(key)| Operation::Cancel(key));
    ask(simulator, operation, parts).await
}

async fn cancel_cash_receipt(State(simulator): State<Arc<Simulator>>, key: Name, parts: Parts) -> Response {
    let operation = key.map_or(Operation::Unknown(NOT_FOUND), |Path(key)| Operation::CancelCashReceipt(key));
    ask(simulator, operation, parts).await
}

async fn query_by_key(State(simulator): State<Arc<Simulator>>, key: Name, parts: Parts) -> Response {
    let operation = key.map_or(Operation::Unknown(NOT_FOUND), |Path(key)| Operation::QueryByKey(key));
    ask(simulator, operation, parts).await
}

async fn query_by_order(State(simulator): State<Arc<Simulator>>, order_id: Name, parts: Parts) -> Response {
    let operation = order_id.map_or(Operation::Unknown(NOT_FOUND), |Path(order_id)| Operation::QueryByOrder(order_id));
    ask(simulator, operation, parts).await
}

/// `checkout.url` of a payment opened by a server: the shopper's browser comes here, without a key.
/// The key goes on as it was written: decoded, it need not fit into a header.
async fn checkout(uri: Uri) -> Redirect {
    let payment_key = uri.path().strip_prefix("/v1/payments/").and_then(|rest| rest.strip_suffix("/checkout"));
    Redirect::to(&format!("/window/{}", payment_key.unwrap_or_default()))
}

async fn unknown_method(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    if is_toss_path(&parts.uri) {
        return ask(simulator, Operation::Unknown(NOT_FOUND_HTTP_METHOD), parts).await;
    }
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}

async fn unknown_path(State(simulator): State<Arc<Simulator>>, parts: Parts) -> Response {
    if is_toss_path(&parts.uri) {
        return ask(simulator, Operation::Unknown(NOT_FOUND), parts).await;
    }
    StatusCode::NOT_FOUND.into_response()
}

fn is_toss_path(uri: &Uri) -> bool {
    uri.path().starts_with("/v1/") || uri.path() == "/v1"
}
