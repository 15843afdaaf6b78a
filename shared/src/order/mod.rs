//! Orders: what was bought, for how much, and where its payment stands.
//!
//! An order's price is computed here, by the database, from our own products. What the caller thinks it costs is only
//! compared. Names of states are Toss's own; REVIEW is ours and means that a human must look.

mod create;
mod housekeeping;
mod list;
mod read;
mod record;
mod review;

pub use create::{CreateRefusal, Created, LINES_MAX, Line, NewOrder, QUANTITY_MAX, create};
pub use housekeeping::{Forgotten, expire_unpaid, forget_attempts};
pub use list::{Cursor, Filter, ListedLine, ListedOrder, PAGE_SIZE_MAX, Page, list};
pub use read::{
    AccountView, CancelStatus, CancelView, EventView, FailureView, LineView, OrderView, PaymentView, Surplus, changed,
    customer_of, statuses, view, views,
};
pub use record::{
    ATTEMPTS_SHOWN_MAX, AttemptRecord, CancelRecord, EventRecord, IntentRecord, OrderRecord, PaymentRecord, record,
};
pub use review::{ActionReceipt, ActionRefusal, ActionRequest, LOOKUP_SPACING_SECONDS, OrderAction, request_action};

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The order's row in our tables. Never leaves the system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OrderId(pub(crate) i64);

impl OrderId {
    pub fn get(self) -> i64 {
        self.0
    }
}

/// The order's public name: a UUIDv7. 74 random bits make it unguessable, so knowing it is the shopper's right to see
/// the order. Its text form is what Toss knows as `orderId`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderNo(pub(crate) Uuid);

impl OrderNo {
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads the hyphenated form and nothing else: one order has one address.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten().map(Self)
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for OrderNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for OrderNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomerId(pub i64);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProductId(pub i64);

/// Where an order stands. The table's CHECK `orders_status_known` lists the same names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Created; the shopper has not come back from Toss's window yet.
    Ready,
    /// A confirm was accepted. The worker moves it on.
    InProgress,
    /// A virtual account was issued; nothing is paid.
    WaitingForDeposit,
    /// Paid.
    Done,
    /// A part was given back.
    PartialCanceled,
    /// Everything was given back.
    Canceled,
    /// The payment was declined, with proof. The order may be paid with a new paymentKey until it expires.
    Aborted,
    /// Never paid, and it never will be.
    Expired,
    /// A human must look.
    Review,
}

impl OrderStatus {
    pub const ALL: [OrderStatus; 9] = [
        Self::Ready,
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
            Self::Ready => "READY",
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

    /// Has the worker finished with the last confirm? Waiting for a deposit counts: only the shopper can move it on.
    pub fn is_decided(self) -> bool {
        match self {
            Self::WaitingForDeposit
            | Self::Done
            | Self::PartialCanceled
            | Self::Canceled
            | Self::Aborted
            | Self::Expired
            | Self::Review => true,
            Self::Ready | Self::InProgress => false,
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{OrderNo, OrderStatus};

    #[test]
    fn every_status_reads_back_as_itself() {
        for status in OrderStatus::ALL {
            assert_eq!(OrderStatus::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(OrderStatus::parse("PAID"), None);
    }

    #[test]
    fn an_order_number_has_one_spelling_of_its_length() {
        let order_no = OrderNo::generate();
        assert_eq!(OrderNo::parse(&order_no.to_string()), Some(order_no));
        for text in ["", "1", "not-a-uuid-not-a-uuid-not-a-uuid-not", &order_no.uuid().simple().to_string()] {
            assert_eq!(OrderNo::parse(text), None, "{text}");
        }
    }
}
