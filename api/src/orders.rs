//! Orders as JSON: one, for whoever knows its number; all, newest first, for the operator.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};
use shared::{
    money::Krw,
    order::{
        self, CancelStatus, CancelView, Cursor, EventView, FailureView, LineView, ListedOrder, OrderNo, OrderStatus,
        OrderView, PAGE_SIZE_MAX, PaymentView,
    },
    payment::PaymentStatus,
};
use time::OffsetDateTime;

use crate::{
    AppState,
    address::{Addressed, status_address},
    deposit::AccountJson,
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
    /// Toss has shown that it holds the shopper's money, or a part of it. Null while that is being found out.
    money_moved: Option<bool>,
    /// What is on its way back this moment.
    returning: Option<ReturningJson>,
    /// Why nothing was charged, in Toss's words.
    failure: Option<FailureJson>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    lines: Vec<LineJson>,
    /// The one that pays, else the newest.
    payment: Option<PaymentJson>,
    payments: Vec<PaymentJson>,
    cancels: Vec<CancelJson>,
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
    payment_no: i16,
    /// Masked.
    payment_key: String,
    status: PaymentStatus,
    amount: Krw,
    balance: Option<Krw>,
    method: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    approved_at: Option<OffsetDateTime>,
    receipt_url: Option<String>,
    virtual_account: Option<AccountJson>,
    failure: Option<FailureJson>,
    #[serde(with = "time::serde::rfc3339::option")]
    next_look_at: Option<OffsetDateTime>,
}

#[derive(Serialize)]
struct ReturningJson {
    amount: Krw,
}

#[derive(Serialize)]
struct FailureJson {
    code: String,
    message: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelJson {
    payment_no: i16,
    status: CancelStatus,
    amount: Krw,
    reason: String,
    #[serde(with = "time::serde::rfc3339")]
    requested_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
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
        let failed = matches!(order.status, OrderStatus::Aborted | OrderStatus::Expired);
        let counts = order.payment();
        Self {
            order_id: order.order_no,
            amount: order.amount,
            currency: "KRW",
            status: order.status,
            money_moved: Money::of(&order).has_moved(),
            returning: order.returning().map(|refund| ReturningJson { amount: refund.amount }),
            failure: counts.and_then(|payment| payment.failure.as_ref()).filter(|_| failed).map(FailureJson::from),
            created_at: order.created_at,
            expires_at: order.expires_at,
            payment: counts.map(PaymentJson::from),
            payments: order.payments.iter().map(PaymentJson::from).collect(),
            order_name: order.name,
            lines: order.lines.into_iter().map(LineJson::from).collect(),
            cancels: order.cancels.into_iter().map(CancelJson::from).collect(),
            timeline: order.events.into_iter().map(EventJson::from).collect(),
        }
    }
}

impl From<LineView> for LineJson {
    fn from(line: LineView) -> Self {
        Self { product_id: line.product_id, name: line.name, unit_price: line.unit_price, quantity: line.quantity }
    }
}

impl From<&PaymentView> for PaymentJson {
    fn from(payment: &PaymentView) -> Self {
        Self {
            payment_no: payment.payment_no,
            payment_key: payment.payment_key.to_string(),
            status: payment.status,
            amount: payment.amount,
            balance: payment.balance,
            method: payment.method.clone(),
            approved_at: payment.approved_at,
            receipt_url: payment.receipt_url.clone(),
            virtual_account: payment.account.as_ref().map(AccountJson::from),
            failure: payment.failure.as_ref().map(FailureJson::from),
            next_look_at: payment.next_look_at,
        }
    }
}

impl From<&FailureView> for FailureJson {
    fn from(failure: &FailureView) -> Self {
        Self { code: failure.code.clone(), message: failure.message.clone() }
    }
}

impl From<CancelView> for CancelJson {
    fn from(cancel: CancelView) -> Self {
        Self {
            payment_no: cancel.payment_no,
            status: cancel.status,
            amount: cancel.amount,
            reason: cancel.reason,
            requested_at: cancel.requested_at,
            finished_at: cancel.finished_at,
            next_look_at: cancel.next_look_at,
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

    use serde_json::{Value, json};
    use shared::order::{CancelStatus, OrderStatus, OrderView};

    use super::{Asked, ListQuery, OrderJson};
    use crate::{language::Language, sample};

    fn told(order: OrderView) -> Value {
        let told = serde_json::to_value(OrderJson::from(order)).unwrap();
        assert!(!told.to_string().contains(sample::PAYMENT_KEY), "{told}");
        told
    }

    #[test]
    fn whether_money_moved_is_told_as_far_as_it_is_known() {
        let check = |order: OrderView, moved: Value, returning: Value| {
            let told = told(order);
            assert_eq!((&told["moneyMoved"], &told["returning"]), (&moved, &returning), "{told}");
        };
        for status in OrderStatus::ALL {
            let moved = match status {
                OrderStatus::InProgress | OrderStatus::Review => Value::Null,
                OrderStatus::Done | OrderStatus::PartialCanceled => json!(true),
                OrderStatus::Ready
                | OrderStatus::WaitingForDeposit
                | OrderStatus::Canceled
                | OrderStatus::Aborted
                | OrderStatus::Expired => json!(false),
            };
            check(sample::order(status), moved, Value::Null);
        }
        for ended in [OrderStatus::Aborted, OrderStatus::Expired] {
            check(sample::late(ended, CancelStatus::InProgress), json!(true), json!({"amount": 50_000}));
            check(sample::late(ended, CancelStatus::Done), json!(false), Value::Null);
            check(sample::late(ended, CancelStatus::Failed), json!(true), Value::Null);
        }
        check(sample::paid_twice(CancelStatus::InProgress), json!(true), json!({"amount": 50_000}));
        check(sample::paid_twice(CancelStatus::Done), json!(true), Value::Null);
        check(sample::paid_twice(CancelStatus::Failed), json!(true), Value::Null);
        check(sample::because(OrderStatus::Review, "toss_contradicts"), Value::Null, Value::Null);
        check(sample::delivered_late(), json!(true), Value::Null);
    }

    #[test]
    fn the_payment_that_pays_stands_first_and_all_are_listed() {
        let mut order = sample::paid_twice(CancelStatus::InProgress);
        let told_later = told(sample::paid_twice(CancelStatus::Done));
        assert_eq!(told_later["payment"]["paymentNo"], 2);
        assert_eq!(told_later["payments"].as_array().unwrap().len(), 2);
        assert_eq!(told_later["cancels"][0]["status"], "DONE");
        assert!(told_later["cancels"][0]["nextLookAt"].is_null() && told_later["cancels"][0]["finishedAt"].is_string());
        order.paid_by = Some(1);
        let told_first = told(order);
        assert_eq!(told_first["payment"]["paymentNo"], 1);
        let refund = &told_first["cancels"][0];
        assert_eq!((&refund["paymentNo"], &refund["amount"]), (&json!(1), &json!(50_000)));
        assert!(refund["nextLookAt"].is_string(), "{refund}");
    }

    #[test]
    fn a_virtual_account_is_told_with_its_bank_and_due_time() {
        let account = &told(sample::order(OrderStatus::WaitingForDeposit))["payment"]["virtualAccount"];
        let expected = json!({"bankCode": "88", "bank": "신한은행", "accountNumber": "X1234567890123<b>",
                              "dueAt": "2026-11-29T13:20:00+09:00"});
        assert_eq!(account, &expected);
        assert!(told(sample::order(OrderStatus::Done))["payment"]["virtualAccount"].is_null());
    }

    #[test]
    fn a_failure_is_told_by_toss_own_code() {
        let told_declined = told(sample::declined("REJECT_CARD_PAYMENT", "한도초과"));
        let failure = json!({"code": "REJECT_CARD_PAYMENT", "message": "한도초과"});
        assert_eq!((&told_declined["failure"], &told_declined["payment"]["failure"]), (&failure, &failure));
        assert!(told(sample::never_paid())["failure"].is_null());
        let mut paying_again = sample::declined("REJECT_CARD_PAYMENT", "한도초과");
        paying_again.status = OrderStatus::InProgress;
        assert!(told(paying_again)["failure"].is_null(), "the order has not failed");
    }

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
