//! `POST /api/v1/orders/confirm`: takes what the shopper brought back from Toss's window.
//!
//! A 2xx means that the confirm stands in the outbox and cannot be lost. Toss is not asked here; the worker does that.
//! The same confirm again is the same answer again, so a caller that got no answer simply repeats it.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    money::Krw,
    order::{OrderId, OrderNo, OrderStatus},
    payment::{self, Accept, Confirm},
    stop_point::{self, StopPoint},
};

use crate::{
    AppState,
    address::{api_address, status_address},
    body::JsonObject,
    every_request::note_order,
    prefer::Wait,
    problem::Problem,
};

/// A confirm that finds no place for so long stands behind others that wait for a locked row.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(2);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    order_id: OrderNo,
    amount: Krw,
    status: OrderStatus,
    status_url: String,
}

pub(crate) async fn confirm(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    let confirm = Confirm {
        order_no: body.order_no()?,
        customer_id: body.user_id()?,
        payment_key: body.payment_key()?,
        amount: body.amount()?,
    };
    let order_id = accept(&state, &confirm).await?;
    let answer = |status| Accepted {
        order_id: confirm.order_no,
        amount: confirm.amount,
        status,
        status_url: status_address(confirm.order_no),
    };
    if let Some(wait) = Wait::of(&headers)
        && let Some(status) = state.waiting.decided(order_id, wait.limit()).await
    {
        return Ok(([("preference-applied", wait.applied())], Json(answer(status))).into_response());
    }
    let location = api_address(confirm.order_no);
    let headers = [(header::LOCATION, location), (header::RETRY_AFTER, "1".to_owned())];
    Ok((StatusCode::ACCEPTED, headers, Json(answer(OrderStatus::InProgress))).into_response())
}

/// Accepts a confirm, from the API or from the shop's own page, and wakes the workers if it is new.
pub(crate) async fn accept(state: &AppState, confirm: &Confirm) -> Result<OrderId, Problem> {
    note_order(confirm.order_no);
    stop_point::reach(StopPoint::BeforeAccept, None).await;
    let _place = state.accepts.place().await?;
    match payment::accept(&state.pool, confirm).await? {
        Accept::Accepted(order_id) => {
            stop_point::reach(StopPoint::AfterAccept, None).await;
            state.poke.workers();
            Ok(order_id)
        }
        Accept::Again(order_id) => Ok(order_id),
        Accept::Refused(refusal) => Err(refusal.into()),
    }
}
