//! Orders as JSON: one, for whoever knows its number; all, newest first, for the operator.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use shared::{
    money::Krw,
    order::{
        self, Cursor, EventView, LineView, ListedOrder, OrderNo, OrderStatus, OrderView, PAGE_SIZE_MAX, PaymentView,
    },
    payment::PaymentStatus,
};
use time::OffsetDateTime;

use crate::{
    AppState,
    address::{Addressed, status_address},
    operator::Operator,
    problem::{Problem, Wanted},
    standing::Money,
};

pub(crate) const PAGE_SIZE: u8 = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderJson {
    order_id: OrderNo,
    order_name: String,
    amount: Krw,
    currency: &'static str,
    status: OrderStatus,
    /// Toss has shown that money was taken and not given back in full. False also while that is being found out: the
    /// status tells.
    /// Null while it is being found out.
    money_moved: Option<bool>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    lines: Vec<LineJson>,
    /// The newest.
    payment: Option<PaymentJson>,
    timeline: Vec<EventJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineJson {
    product_id: i64,
    name: String,
    unit_price: Krw,
    quantity: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PaymentJson {
    /// Masked.
    payment_key: String,
    status: PaymentStatus,
    method: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    approved_at: Option<OffsetDateTime>,
    receipt_url: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    next_look_at: Option<OffsetDateTime>,
}

#[derive(Serialize)]
struct EventJson {
    from: Option<OrderStatus>,
    to: OrderStatus,
    cause: String,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
}

pub(crate) async fn read(State(state): State<AppState>, address: Addressed) -> Result<Json<OrderJson>, Problem> {
    let order = order::view(&state.pool, address.0).await?.ok_or(Problem::OrderNotFound)?;
    Ok(Json(order.into()))
}

impl From<OrderView> for OrderJson {
    fn from(order: OrderView) -> Self {
        Self {
            order_id: order.order_no,
            order_name: order.name,
            amount: order.amount,
            currency: "KRW",
            status: order.status,
            money_moved: Money::of(order.status).has_moved(),
            created_at: order.created_at,
            expires_at: order.expires_at,
            lines: order.lines.into_iter().map(LineJson::from).collect(),
            payment: order.payments.into_iter().next_back().map(PaymentJson::from),
            timeline: order.events.into_iter().map(EventJson::from).collect(),
        }
    }
}

impl From<LineView> for LineJson {
    fn from(line: LineView) -> Self {
        Self { product_id: line.product_id, name: line.name, unit_price: line.unit_price, quantity: line.quantity }
    }
}

impl From<PaymentView> for PaymentJson {
    fn from(payment: PaymentView) -> Self {
        Self {
            payment_key: payment.payment_key.to_string(),
            status: payment.status,
            method: payment.method,
            approved_at: payment.approved_at,
            receipt_url: payment.receipt_url,
            next_look_at: payment.next_look_at,
        }
    }
}

impl From<EventView> for EventJson {
    fn from(event: EventView) -> Self {
        Self { from: event.from_status, to: event.to_status, cause: event.cause, at: event.at }
    }
}

/// Which part of the list is asked for. Empty parameters count as absent, as forms send them.
#[derive(Deserialize)]
pub(crate) struct ListQuery {
    size: Option<String>,
    cursor: Option<String>,
    status: Option<String>,
}

pub(crate) struct Asked {
    pub(crate) size: u8,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) status: Option<OrderStatus>,
}

impl Asked {
    pub(crate) fn read(query: Result<Query<ListQuery>, QueryRejection>) -> Result<Self, Problem> {
        let twice = |_| Problem::InvalidRequest { field: "query".to_owned(), wanted: Wanted::Parameters };
        let Query(query) = query.map_err(twice)?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let size = given(query.size).map(|text| {
            let size = text.parse().ok().filter(|size| (1..=PAGE_SIZE_MAX).contains(size));
            size.ok_or(Problem::InvalidPageSize)
        });
        let cursor = given(query.cursor).map(|text| Cursor::parse(&text).ok_or(Problem::InvalidCursor));
        let status = given(query.status).map(|text| OrderStatus::parse(&text).ok_or(Problem::InvalidStatus));
        Ok(Self {
            size: size.transpose()?.unwrap_or(PAGE_SIZE),
            cursor: cursor.transpose()?,
            status: status.transpose()?,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListJson {
    orders: Vec<ListedJson>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedJson {
    order_id: OrderNo,
    order_name: String,
    customer: String,
    amount: Krw,
    currency: &'static str,
    status: OrderStatus,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    status_url: String,
}

pub(crate) async fn list(
    _: Operator,
    State(state): State<AppState>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<ListJson>, Problem> {
    let asked = Asked::read(query)?;
    let page = order::list(&state.pool, asked.status, asked.cursor, asked.size).await?;
    let next_cursor = page.next.map(|cursor| cursor.to_string());
    Ok(Json(ListJson { orders: page.orders.into_iter().map(ListedJson::from).collect(), next_cursor }))
}

impl From<ListedOrder> for ListedJson {
    fn from(order: ListedOrder) -> Self {
        Self {
            order_id: order.order_no,
            order_name: order.name,
            customer: order.customer,
            amount: order.amount,
            currency: "KRW",
            status: order.status,
            created_at: order.created_at,
            status_url: status_address(order.order_no),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        extract::Query,
        http::{StatusCode, Uri},
        response::IntoResponse,
    };

    use super::{Asked, ListQuery};
    use crate::language::Language;

    #[test]
    fn a_list_is_asked_for_within_bounds() {
        let check = |query: &str, code: Option<&str>| {
            let uri: Uri = format!("/?{query}").parse().unwrap();
            let problem = Asked::read(Query::<ListQuery>::try_from_uri(&uri)).err();
            let told = problem.as_ref().map(|problem| problem.json(Language::English));
            assert_eq!(told.as_ref().and_then(|told| told["code"].as_str()), code, "{query}");
            if let Some(problem) = problem {
                assert_eq!(problem.into_response().status(), StatusCode::BAD_REQUEST);
            }
        };
        check("", None);
        check("size=1", None);
        check("size=100&cursor=AAAAAAAAAE0&status=DONE&unknown=1", None);
        check("size=&cursor=&status=", None);
        check("size=0", Some("INVALID_PAGE_SIZE"));
        check("size=101", Some("INVALID_PAGE_SIZE"));
        check("size=ten", Some("INVALID_PAGE_SIZE"));
        check("cursor=7", Some("INVALID_CURSOR"));
        check("status=PAID", Some("INVALID_STATUS"));
        check("status=DONE&status=READY", Some("INVALID_REQUEST"));
    }
}
