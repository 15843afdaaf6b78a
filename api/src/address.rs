//! Addresses: how an order's own are written and read. All are relative, so it does not matter under which name or
//! behind which proxy the api is reached.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use shared::order::OrderNo;

use crate::{every_request::note_order, problem::Problem};

pub(crate) fn api_address(order_no: OrderNo) -> String {
    format!("/api/v1/orders/{order_no}")
}

pub(crate) fn events_address(order_no: OrderNo) -> String {
    format!("{}/events", api_address(order_no))
}

pub(crate) fn status_address(order_no: OrderNo) -> String {
    format!("/order/{order_no}")
}

/// The operator's page about it.
pub(crate) fn detail_address(order_no: OrderNo) -> String {
    format!("/order/{order_no}/detail")
}

pub(crate) fn pay_address(order_no: OrderNo) -> String {
    format!("/checkout/{order_no}")
}

/// The order number in the path. Knowing it is the right to see the order. A program is told that what it sent is no order
/// number; a person, whose link was cut or mistyped, that there is no such order.
pub(crate) struct Addressed(pub(crate) OrderNo);

impl<S: Send + Sync> FromRequestParts<S> for Addressed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let for_programs = parts.uri.path().starts_with("/api/");
        let otherwise = if for_programs { Problem::InvalidOrderId } else { Problem::OrderNotFound };
        let order_no = path.ok().and_then(|Path(text)| OrderNo::parse(&text)).ok_or(otherwise)?;
        note_order(order_no);
        Ok(Self(order_no))
    }
}
