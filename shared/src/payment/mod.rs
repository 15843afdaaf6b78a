//! Payments: one Toss paymentKey tried for an order. Accepting one is the moment a confirm can no longer be lost.
//!
//! [`accept`] is a single statement: it checks the order, moves it to `IN_PROGRESS`, holds stock for every line, writes
//! the payment, the event and the outbox row, or does none of it. One round trip, one commit. Only when it did nothing
//! is a second, read-only look taken to say why.

mod transfer;

use std::fmt;

pub use transfer::BankTransfer;

use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::{
    catalogue,
    db::{StoreError, within},
    money::Krw,
    order::{CustomerId, OrderId, OrderNo, OrderStatus, ProductId},
    toss,
};

/// Toss's name for one payment. Opaque: its form has changed before, so it is never taken apart.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentKey(String);

impl PaymentKey {
    /// Toss's limit (API reference, `paymentKey`).
    pub const LENGTH_MAX: usize = 200;

    /// 1 to 200 characters, none of them a control character or white space. `.` and `..` are refused because the key
    /// becomes a segment of a URL's path.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::LENGTH_MAX).contains(&text.chars().count());
        let clean = !text.chars().any(|c| c.is_control() || c.is_whitespace()) && text != "." && text != "..";
        (fits && clean).then(|| Self(text.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Masked: the first 6 and the last 4 characters. Whoever holds a whole key and a shop's secret can cancel the payment.
impl fmt::Display for PaymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.0.chars().count();
        if length < 12 {
            return f.write_str("…");
        }
        let first: String = self.0.chars().take(6).collect();
        let last: String = self.0.chars().skip(length - 4).collect();
        write!(f, "{first}…{last}")
    }
}

impl fmt::Debug for PaymentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where one payment stands. The table's CHECK `payments_status_known` lists the same names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    InProgress,
    WaitingForDeposit,
    Done,
    PartialCanceled,
    Canceled,
    Aborted,
    Expired,
    Review,
}

impl PaymentStatus {
    pub const ALL: [PaymentStatus; 8] = [
        Self::InProgress,
        Self::WaitingForDeposit,
        Self::Done,
        Self::PartialCanceled,
        Self::Canceled,
        Self::Aborted,
        Self::Expired,
        Self::Review,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Self::Done => "DONE",
            Self::PartialCanceled => "PARTIAL_CANCELED",
            Self::Canceled => "CANCELED",
            Self::Aborted => "ABORTED",
            Self::Expired => "EXPIRED",
            Self::Review => "REVIEW",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// What the shopper brought back from Toss's window, for an order of this customer.
#[derive(Debug)]
pub struct Confirm {
    pub order_no: OrderNo,
    pub customer_id: CustomerId,
    pub payment_key: PaymentKey,
    pub amount: Krw,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Accept {
    /// The confirm is in the outbox. From here on it cannot be lost.
    Accepted(OrderId),
    /// The same order, paymentKey and amount were accepted before. Nothing new was written.
    Again(OrderId),
    Refused(AcceptRefusal),
}

/// Why a confirm was not accepted. Nothing was written.
#[derive(Debug, PartialEq, Eq)]
pub enum AcceptRefusal {
    /// There is no such order, or it is somebody else's: the caller cannot tell which.
    UnknownOrder,
    AmountMismatch,
    /// The paymentKey belongs to another order.
    PaymentKeyTaken,
    /// Another paymentKey of this order is not decided yet.
    PaymentInProgress,
    AlreadyPaid,
    Canceled,
    Expired,
    /// The first product, by id, of which too few pieces are left.
    OutOfStock {
        product: String,
        left: i64,
    },
    /// The order kept changing while we looked. Asking again will tell.
    Busy,
}

/// Each look that finds nothing wrong means that the order changed in between; then the statement is tried again.
const TRIES_MAX: usize = 3;

/// What the statement runs into when somebody else was quicker: it wrote nothing, and a look tells what there is now.
const OVERTAKEN: [&str; 2] = ["payments_payment_key_unique", "outbox_kind_known"];

pub async fn accept(pool: &PgPool, confirm: &Confirm) -> Result<Accept, StoreError> {
    let mut in_line = false;
    for _ in 0..TRIES_MAX {
        match insert(pool, confirm, in_line).await {
            Ok(Some(Inserted::Accepted(order_id))) => return Ok(Accept::Accepted(order_id)),
            Ok(Some(Inserted::ProductLocked(product))) => {
                // Nothing is locked by us here. Once this one was had it is passed on, and a place in line is short.
                catalogue::wait_for(pool, product).await?;
                in_line = true;
                continue;
            }
            Ok(None) => {}
            Err(error) if error.constraint().is_some_and(|name| OVERTAKEN.contains(&name)) => {}
            Err(error) => return Err(error),
        }
        if let Some(answer) = explain(pool, confirm).await? {
            return Ok(answer);
        }
    }
    Ok(Accept::Refused(AcceptRefusal::Busy))
}

/// What the statement answers when nothing stands in the confirm's way for good.
enum Inserted {
    Accepted(OrderId),
    /// Another session keeps one of several products locked. Nothing was written.
    ProductLocked(ProductId),
}

async fn insert(pool: &PgPool, confirm: &Confirm, in_line: bool) -> Result<Option<Inserted>, StoreError> {
    let request = toss::confirm_request(&confirm.payment_key, confirm.order_no, confirm.amount);
    let statement = || {
        sqlx::query_file!(
            "src/payment/accept.sql",
            confirm.order_no.uuid(),
            confirm.customer_id.0,
            confirm.amount.won(),
            confirm.payment_key.expose(),
            request,
            in_line,
        )
    };
    let row = within(pool, "accept a confirm", async |c| statement().fetch_optional(c).await).await?;
    Ok(row.map(|row| match row.locked_product {
        None => Inserted::Accepted(OrderId(row.order_id)),
        Some(product) => Inserted::ProductLocked(ProductId(product)),
    }))
}

/// Reads why nothing was written. `None`: nothing stands in the way any more.
async fn explain(pool: &PgPool, confirm: &Confirm) -> Result<Option<Accept>, StoreError> {
    let look = || {
        sqlx::query!(
            r#"
        select o.id, o.status, o.amount, o.expires_at <= now() as "is_late!",
               exists (select from payments p
                       where p.order_id = o.id and p.payment_key = $3) as "same_key!",
               exists (select from payments p
                       where p.payment_key = $3 and p.order_id <> o.id) as "key_taken!",
               exists (select from outbox b where b.order_id = o.id and b.kind <> 3) as "at_work!",
               lacking.name as "lacking?", lacking.stock as "left?"
        from orders o
        left join lateral (
            select l.product_name as name, coalesce(p.stock, 0) as stock
            from order_lines l left join products p on p.id = any(array[l.product_id])
            where l.order_id = o.id and coalesce(p.stock, 0) < l.quantity
            order by l.product_id limit 1
        ) lacking on true
        where o.order_no = $1 and o.customer_id = $2
        "#,
            confirm.order_no.uuid(),
            confirm.customer_id.0,
            confirm.payment_key.expose(),
        )
    };
    let Some(order) = within(pool, "explain a refused confirm", async |c| look().fetch_optional(c).await).await? else {
        return Ok(Some(Accept::Refused(AcceptRefusal::UnknownOrder)));
    };
    let status = OrderStatus::parse(&order.status).ok_or(StoreError::Corrupt {
        table: "orders",
        column: "status",
        id: order.id,
    })?;
    if order.amount != confirm.amount.won() {
        return Ok(Some(Accept::Refused(AcceptRefusal::AmountMismatch)));
    }
    if order.same_key {
        return Ok(Some(Accept::Again(OrderId(order.id))));
    }
    if order.key_taken {
        return Ok(Some(Accept::Refused(AcceptRefusal::PaymentKeyTaken)));
    }
    let refusal = match status {
        // Something that came too late is being given back: nothing new starts before that is over.
        OrderStatus::Ready | OrderStatus::Aborted if order.at_work => AcceptRefusal::PaymentInProgress,
        OrderStatus::Ready | OrderStatus::Aborted if order.is_late => AcceptRefusal::Expired,
        OrderStatus::Ready | OrderStatus::Aborted => match (order.lacking, order.left) {
            (Some(product), Some(left)) => AcceptRefusal::OutOfStock { product, left },
            _ => return Ok(None),
        },
        OrderStatus::InProgress | OrderStatus::WaitingForDeposit | OrderStatus::Review => {
            AcceptRefusal::PaymentInProgress
        }
        OrderStatus::Done => AcceptRefusal::AlreadyPaid,
        OrderStatus::PartialCanceled | OrderStatus::Canceled => AcceptRefusal::Canceled,
        OrderStatus::Expired => AcceptRefusal::Expired,
    };
    Ok(Some(Accept::Refused(refusal)))
}

#[cfg(test)]
mod tests {
    use super::{PaymentKey, PaymentStatus};

    #[test]
    fn a_payment_key_is_short_clean_text_and_is_shown_masked() {
        for text in ["a", "tgen_20260622173813Ab3dE", "한번", &"k".repeat(200)] {
            assert_eq!(PaymentKey::parse(text).map(|key| key.expose().to_owned()).as_deref(), Some(text));
        }
        for text in ["", " ", "a b", "a\0b", "a\nb", ".", "..", &"k".repeat(201)] {
            assert_eq!(PaymentKey::parse(text), None, "{text:?}");
        }
        let shown = |text| PaymentKey::parse(text).unwrap().to_string();
        assert_eq!(shown("tgen_20260622173813Ab3dE"), "tgen_2…b3dE");
        assert_eq!(shown("short_key"), "…");
    }

    #[test]
    fn every_payment_status_reads_back_as_itself() {
        for status in PaymentStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(PaymentStatus::parse(status.as_str()), Some(status));
        }
    }
}
