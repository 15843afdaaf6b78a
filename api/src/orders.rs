//! Orders as JSON: one, for whoever knows its number; all, newest first, for operators and the shop's server.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Serialize;
use shared::{
    cancel::Actor,
    money::Krw,
    order::{
        self, CancelStatus, CancelView, EventView, FailureView, LineView, ListedLine, ListedOrder, OrderNo,
        OrderStatus, OrderView, PaymentView,
    },
    payment::PaymentStatus,
    web_url::WebUrl,
};
use time::OffsetDateTime;

use crate::{
    AppState,
    address::{Addressed, status_address},
    asked::{Asked, ListQuery},
    deposit::AccountJson,
    operator::Caller,
    problem::Problem,
    standing::Money,
};

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
    /// Pieces that refunds name, made or under way.
    refunded: i32,
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
    receipt_url: Option<WebUrl>,
    virtual_account: Option<AccountJson>,
    /// How far the bank is with what was given back into an account, in Toss's word. Null: Toss says nothing about it.
    refund_status: Option<String>,
    /// When the shop recorded that it settled a transfer that failed.
    #[serde(with = "time::serde::rfc3339::option")]
    refund_closed_at: Option<OffsetDateTime>,
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
    cancel_no: i16,
    payment_no: i16,
    status: CancelStatus,
    amount: Krw,
    reason: String,
    requested_by: Actor,
    /// Why it was not made, once it has ended so.
    failure: Option<FailureJson>,
    /// What Toss answered last that was no yes, while it is under way.
    last_error: Option<FailureJson>,
    /// Nothing is posted for it any more, and it ends with the next proof.
    called_off: bool,
    /// Toss's code, while it puts the refund off.
    put_off_by: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    requested_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    next_look_at: Option<OffsetDateTime>,
}

#[derive(Serialize)]
pub(crate) struct EventJson {
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
            timeline: order.events.iter().map(EventJson::from).collect(),
        }
    }
}

impl From<LineView> for LineJson {
    fn from(line: LineView) -> Self {
        Self {
            product_id: line.product_id,
            name: line.name,
            unit_price: line.unit_price,
            quantity: line.quantity,
            refunded: line.refunded,
        }
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
            refund_status: payment.refund_status.clone(),
            refund_closed_at: payment.refund_closed_at,
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
            cancel_no: cancel.cancel_no,
            payment_no: cancel.payment_no,
            status: cancel.status,
            amount: cancel.amount,
            reason: cancel.reason,
            requested_by: cancel.actor,
            failure: cancel.failure.as_ref().map(FailureJson::from),
            last_error: cancel.last_error.as_ref().map(FailureJson::from),
            called_off: cancel.called_off,
            put_off_by: cancel.put_off_by,
            requested_at: cancel.requested_at,
            finished_at: cancel.finished_at,
            next_look_at: cancel.next_look_at,
        }
    }
}

impl From<&EventView> for EventJson {
    fn from(event: &EventView) -> Self {
        Self { from: event.from_status, to: event.to_status, cause: event.cause.clone(), at: event.at }
    }
}

impl EventJson {
    /// What the timeline leaves out, because every order begins so.
    pub(crate) fn created(at: OffsetDateTime) -> Self {
        Self { from: None, to: OrderStatus::Ready, cause: "created".to_owned(), at }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListJson {
    orders: Vec<ListedJson>,
    /// To older orders.
    next_cursor: Option<String>,
    /// To newer ones.
    previous_cursor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedJson {
    order_id: OrderNo,
    order_name: String,
    lines: Vec<ListedLineJson>,
    customer: String,
    amount: Krw,
    currency: &'static str,
    status: OrderStatus,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    status_url: String,
}

#[derive(Serialize)]
struct ListedLineJson {
    name: String,
    quantity: i32,
}

pub(crate) async fn list(
    _: Caller,
    State(state): State<AppState>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<ListJson>, Problem> {
    let asked = Asked::read(&ListQuery::of(query)?)?;
    let page = order::list(&state.pool, &asked.filter, asked.cursor, asked.size).await?;
    Ok(Json(ListJson {
        orders: page.orders.into_iter().map(ListedJson::from).collect(),
        next_cursor: page.older.map(|cursor| cursor.to_string()),
        previous_cursor: page.newer.map(|cursor| cursor.to_string()),
    }))
}

impl From<ListedOrder> for ListedJson {
    fn from(order: ListedOrder) -> Self {
        Self {
            order_id: order.order_no,
            order_name: order.name,
            lines: order.lines.into_iter().map(ListedLineJson::from).collect(),
            customer: order.customer,
            amount: order.amount,
            currency: "KRW",
            status: order.status,
            created_at: order.created_at,
            status_url: status_address(order.order_no),
        }
    }
}

impl From<ListedLine> for ListedLineJson {
    fn from(line: ListedLine) -> Self {
        Self { name: line.name, quantity: line.quantity }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::order::{CancelStatus, OrderStatus, OrderView};

    use super::OrderJson;
    use crate::sample;

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
}
