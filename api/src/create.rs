//! `POST /api/v1/orders/create`: an order at our own prices, READY to be paid.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    money::Krw,
    order::{self, NewOrder, OrderNo, OrderStatus},
};
use time::OffsetDateTime;

use crate::{
    AppState,
    address::{api_address, status_address},
    body::JsonObject,
    every_request::note_order,
    problem::Problem,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreatedOrder {
    order_id: OrderNo,
    order_name: String,
    amount: Krw,
    currency: &'static str,
    status: OrderStatus,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    status_url: String,
}

pub(crate) async fn create(State(state): State<AppState>, body: JsonObject) -> Result<Response, Problem> {
    let new = NewOrder::new(body.user_id()?, body.amount()?, &body.lines()?)?;
    let created = order::create(&state.pool, &new).await??;
    note_order(created.order_no);
    let location = api_address(created.order_no);
    let answer = CreatedOrder {
        order_id: created.order_no,
        order_name: created.name,
        amount: created.amount,
        currency: "KRW",
        status: OrderStatus::Ready,
        expires_at: created.expires_at,
        status_url: status_address(created.order_no),
    };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}
