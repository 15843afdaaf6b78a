//! What pages and the JSON API show. Each function is one statement, so what it returns was true at one moment.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use sqlx::{PgPool, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{CustomerId, OrderId, OrderNo, OrderStatus};
use crate::{
    cancel::Actor,
    db::{StoreError, within},
    money::Krw,
    payment::{BankTransfer, PaymentKey, PaymentStatus},
    toss,
    web_url::{self, WebUrl},
};

/// Everything a status page says about an order.
#[derive(Debug)]
pub struct OrderView {
    pub order_no: OrderNo,
    pub name: String,
    pub amount: Krw,
    pub status: OrderStatus,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    /// The database's clock at this read.
    pub read_at: OffsetDateTime,
    /// In the order the caller named them.
    pub lines: Vec<LineView>,
    /// The number of the payment that pays the order.
    pub paid_by: Option<i16>,
    /// Oldest first.
    pub payments: Vec<PaymentView>,
    /// Our refunds, oldest first.
    pub cancels: Vec<CancelView>,
    /// Oldest first.
    pub events: Vec<EventView>,
}

impl OrderView {
    /// Is it too late to pay? What is already being confirmed is not affected.
    pub fn is_late(&self) -> bool {
        self.expires_at <= self.read_at
    }

    /// The payment that counts: the one that pays, else the one whose deposit is waited for, else the newest.
    pub fn payment(&self) -> Option<&PaymentView> {
        let waits = |payment: &&PaymentView| payment.status == PaymentStatus::WaitingForDeposit;
        let pays = self.payments.iter().find(|payment| self.pays(payment.payment_no));
        pays.or(self.payments.iter().find(waits)).or(self.payments.last())
    }

    pub fn pays(&self, payment_no: i16) -> bool {
        self.paid_by == Some(payment_no)
    }

    /// Toss never took money for it.
    pub fn was_never_paid(&self) -> bool {
        self.payments.iter().all(|payment| payment.balance.is_none())
    }

    /// The refund under way; there is never more than one.
    pub fn returning(&self) -> Option<&CancelView> {
        self.cancels.iter().find(|cancel| cancel.status == CancelStatus::InProgress)
    }

    /// What Toss took for payments that do not pay the order.
    pub fn surplus(&self) -> Surplus {
        let others = self.payments.iter().filter(|payment| !self.pays(payment.payment_no));
        let approved = others.filter_map(|payment| Some((payment.amount.won(), payment.balance?.won())));
        let (held, returned) = approved
            .fold((0, 0), |(held, returned), (amount, balance)| (held + balance, returned + (amount - balance)));
        let some = |won| Krw::new(won).filter(|amount| amount.won() > 0);
        Surplus { held: some(held), returned: some(returned) }
    }
}

/// Money that Toss took beside what pays the order: an approval that came too late, or a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surplus {
    /// Still to be given back.
    pub held: Option<Krw>,
    pub returned: Option<Krw>,
}

#[derive(Debug, Deserialize)]
pub struct LineView {
    pub product_id: i64,
    pub name: String,
    pub unit_price: Krw,
    pub quantity: i32,
    /// Pieces of it that refunds are for, made or under way.
    pub refunded: i32,
}

#[derive(Debug, Deserialize)]
pub struct PaymentView {
    pub payment_no: i16,
    pub payment_key: PaymentKey,
    pub status: PaymentStatus,
    pub amount: Krw,
    /// What Toss holds of it. None: Toss never approved it.
    pub balance: Option<Krw>,
    pub method: Option<String>,
    #[serde(deserialize_with = "web_url::optional")]
    pub receipt_url: Option<WebUrl>,
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub approved_at: Option<OffsetDateTime>,
    /// Why Toss did not take the money, where it failed and Toss gave a reason.
    pub failure: Option<FailureView>,
    /// Where the money is to be transferred, or was.
    pub account: Option<AccountView>,
    /// Toss's `virtualAccount.refundStatus`, as Toss wrote it. None: Toss says nothing about it, which is not `NONE`.
    pub refund_status: Option<String>,
    /// When an operator recorded how a bank transfer that failed was ended outside of Toss.
    #[serde(with = "time::serde::rfc3339::option")]
    pub refund_closed_at: Option<OffsetDateTime>,
    /// When the worker looks again, while something about it is open.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_look_at: Option<OffsetDateTime>,
}

impl PaymentView {
    /// How far the bank is with what was given back into an account.
    pub fn transfer(&self) -> Option<BankTransfer> {
        let (word, is_closed) = (self.refund_status.as_deref(), self.refund_closed_at.is_some());
        BankTransfer::of(self.status, self.amount, self.balance, word, is_closed)
    }

    /// What Toss has given back of it, or booked as given back.
    pub fn given_back(&self) -> Option<Krw> {
        Krw::new(self.amount.won().checked_sub(self.balance?.won())?)
    }
}

/// A virtual account. Its number is for whoever owes the deposit, and for no log.
#[derive(Clone, Deserialize)]
pub struct AccountView {
    /// Toss's code of the bank.
    pub bank: Option<String>,
    pub number: String,
    /// Until when it takes the deposit.
    #[serde(deserialize_with = "due_at")]
    pub due_at: Option<OffsetDateTime>,
}

impl fmt::Debug for AccountView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountView").field("bank", &self.bank).field("due_at", &self.due_at).finish_non_exhaustive()
    }
}

/// Toss's text is kept as it came, and read as leniently as where it decides.
fn due_at<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| toss::parse_timestamp(&text)))
}

/// In Toss's words: the code is for programs, the message for people.
#[derive(Clone, Debug, Deserialize)]
pub struct FailureView {
    pub code: String,
    pub message: Option<String>,
}

/// One refund of ours.
#[derive(Debug, Deserialize)]
pub struct CancelView {
    /// 1 for the order's first.
    pub cancel_no: i16,
    pub payment_no: i16,
    pub status: CancelStatus,
    pub amount: Krw,
    pub reason: String,
    pub actor: Actor,
    /// Why Toss did not make it, where it gave a reason. Without one, Toss holds another amount than we believed.
    pub failure: Option<FailureView>,
    /// What Toss answered last that was no yes, while it is under way.
    pub last_error: Option<FailureView>,
    /// Nothing is posted for it any more: an operator called it off, and it ends with the next proof.
    pub called_off: bool,
    /// The code with which Toss put it off, while it waits for that.
    pub put_off_by: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// While it is under way.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_look_at: Option<OffsetDateTime>,
}

/// Where a refund stands. The table's CHECK `cancels_status_known` lists the same names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelStatus {
    InProgress,
    /// Given back, as Toss's own list shows.
    Done,
    /// Not made, with proof. The money is where it was.
    Failed,
}

#[derive(Debug, Deserialize)]
pub struct EventView {
    /// Ascending in the order of the commits, within one order: whoever writes an event holds the order's row.
    pub id: i64,
    pub from_status: Option<OrderStatus>,
    pub to_status: OrderStatus,
    pub cause: String,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

pub async fn view(pool: &PgPool, order_no: OrderNo) -> Result<Option<OrderView>, StoreError> {
    Ok(views(pool, &[order_no]).await?.pop().map(|(_, order)| order))
}

/// Many at once, in no order. One that does not exist is left out.
pub async fn views(pool: &PgPool, order_nos: &[OrderNo]) -> Result<Vec<(OrderId, OrderView)>, StoreError> {
    let order_nos: Vec<Uuid> = order_nos.iter().map(|order_no| order_no.uuid()).collect();
    let read = || sqlx::query_file!("src/order/view.sql", &order_nos);
    let rows = within(pool, "read orders", async |c| read().fetch_all(c).await).await?;
    rows.into_iter()
        .map(|row| {
            let corrupt = |column| StoreError::Corrupt { table: "orders", column, id: row.id };
            let order = OrderView {
                order_no: OrderNo(row.order_no),
                amount: Krw::new(row.amount).ok_or_else(|| corrupt("amount"))?,
                status: OrderStatus::parse(&row.status).ok_or_else(|| corrupt("status"))?,
                name: row.name,
                created_at: row.created_at,
                expires_at: row.expires_at,
                read_at: row.read_at,
                lines: row.lines.0,
                paid_by: row.paid_by,
                payments: row.payments.0,
                cancels: row.cancels.0,
                events: row.events.0,
            };
            Ok((OrderId(row.id), order))
        })
        .collect()
}

/// Which of these orders have an event that is newer than the one beside them.
pub async fn changed(pool: &PgPool, watched: &[(OrderId, i64)]) -> Result<Vec<OrderId>, StoreError> {
    let (order_ids, newest): (Vec<i64>, Vec<i64>) =
        watched.iter().map(|(order_id, newest)| (order_id.0, *newest)).unzip();
    let read = || sqlx::query_file_scalar!("src/order/changed.sql", &order_ids, &newest);
    Ok(within(pool, "look for news of orders", async |c| read().fetch_all(c).await)
        .await?
        .into_iter()
        .map(OrderId)
        .collect())
}

/// Whose order it is. The shop's own pages know the shopper by the order's number alone.
pub async fn customer_of(pool: &PgPool, order_no: OrderNo) -> Result<Option<CustomerId>, StoreError> {
    let read = || sqlx::query_scalar!("select customer_id from orders where order_no = $1", order_no.uuid());
    Ok(within(pool, "read an order's customer", async |c| read().fetch_optional(c).await).await?.map(CustomerId))
}

/// The states of many orders at once, for those who wait for them.
pub async fn statuses(pool: &PgPool, order_ids: &[i64]) -> Result<Vec<(OrderId, OrderStatus)>, StoreError> {
    let read = || {
        sqlx::query!(
            r#"select o.id as "id!", o.status as "status!" from unnest($1::bigint[]) as w (id)
               cross join lateral (select id, status from orders where id = any(array[w.id]) order by id) o"#,
            order_ids
        )
    };
    let rows = within(pool, "read the states of orders", async |c| read().fetch_all(c).await).await?;
    rows.into_iter()
        .map(|row| {
            let status = OrderStatus::parse(&row.status).ok_or(StoreError::Corrupt {
                table: "orders",
                column: "status",
                id: row.id,
            })?;
            Ok((OrderId(row.id), status))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::{CancelStatus, CancelView, PaymentView};

    #[test]
    fn what_the_statement_builds_reads_back() {
        let payment: PaymentView = serde_json::from_value(json!({
            "payment_no": 1, "payment_key": "k", "status": "ABORTED", "amount": 50_000, "balance": null, "method": null,
            "receipt_url": "javascript:alert(1)", "accepted_at": "2026-11-25T16:25:29.67635+00:00", "approved_at": null,
            "failure": {"code": "REJECT_CARD_PAYMENT", "message": null},
            "account": {"bank": "88", "number": "X1234567890123", "due_at": "2026-12-02T15:00:00"}, "refund_status": null,
            "refund_closed_at": null, "next_look_at": "2026-11-25T16:26:29.7+00:00",
        }))
        .unwrap();
        let account = payment.account.unwrap();
        assert_eq!((account.bank.as_deref(), account.due_at), (Some("88"), Some(datetime!(2026-12-02 15:00 +9))));
        assert!(!format!("{account:?}").contains("123"), "{account:?}");
        assert_eq!(payment.failure.unwrap().code, "REJECT_CARD_PAYMENT");
        assert_eq!(payment.receipt_url, None);
        assert!(payment.balance.is_none() && payment.approved_at.is_none() && payment.next_look_at.is_some());
        let cancel: CancelView = serde_json::from_value(json!({
            "cancel_no": 1, "payment_no": 5, "status": "IN_PROGRESS", "amount": 50_000, "reason": "중복", "actor": "worker",
            "failure": null, "last_error": {"code": "NOT_AVAILABLE_BANK", "message": "은행 점검"}, "called_off": false,
            "put_off_by": "NOT_AVAILABLE_BANK",
            "requested_at": "2026-11-25T16:25:29.710377+00:00", "finished_at": null,
            "next_look_at": "2026-11-25T16:26:29.715208+00:00",
        }))
        .unwrap();
        assert_eq!(cancel.status, CancelStatus::InProgress);
        assert_eq!(cancel.last_error.unwrap().message.as_deref(), Some("은행 점검"));
        assert!(cancel.finished_at.is_none() && cancel.next_look_at.is_some());
    }
}
