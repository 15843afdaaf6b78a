//! What an operator is shown of one order: everything that we wrote down about it, in one read.

use serde::Deserialize;
use sqlx::{PgPool, types::Json};
use time::OffsetDateTime;

use super::{CancelStatus, FailureView, LineView, OrderNo, OrderStatus};
use crate::{
    db::{StoreError, within},
    money::Krw,
    payment::{BankTransfer, PaymentKey, PaymentStatus},
};

/// An account that is asked about for days has thousands of calls; the newest tell what matters.
pub const ATTEMPTS_SHOWN_MAX: usize = 200;

#[derive(Debug)]
pub struct OrderRecord {
    pub order_no: OrderNo,
    pub name: String,
    pub customer: String,
    pub amount: Krw,
    pub status: OrderStatus,
    pub paid_by: Option<i16>,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    /// An operator asked to close the review, and Toss has not answered since.
    pub close_requested_at: Option<OffsetDateTime>,
    pub lines: Vec<LineView>,
    /// Oldest first, as all but the attempts.
    pub payments: Vec<PaymentRecord>,
    pub cancels: Vec<CancelRecord>,
    pub intent: Option<IntentRecord>,
    /// Newest first.
    pub attempts: Vec<AttemptRecord>,
    pub has_more_attempts: bool,
    pub events: Vec<EventRecord>,
}

#[derive(Debug, Deserialize)]
pub struct PaymentRecord {
    pub payment_no: i16,
    pub payment_key: PaymentKey,
    pub status: PaymentStatus,
    pub amount: Krw,
    pub balance: Option<Krw>,
    pub method: Option<String>,
    pub key_epoch: i16,
    /// The key of this epoch is burnt: Toss is asked before anything is posted again.
    pub ask_first: bool,
    /// Which Toss secret its last send was signed with.
    pub sent_with: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub accepted_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub approved_at: Option<OffsetDateTime>,
    /// A send got no answer and may still act.
    #[serde(with = "time::serde::rfc3339::option")]
    pub unanswered_at: Option<OffsetDateTime>,
    /// When Toss is asked again although no intent is live.
    #[serde(with = "time::serde::rfc3339::option")]
    pub check_at: Option<OffsetDateTime>,
    /// Toss's code.
    pub refusal: Option<String>,
    /// As in [`super::PaymentView`].
    pub refund_status: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub refund_closed_at: Option<OffsetDateTime>,
}

impl PaymentRecord {
    /// How far the bank is with what was given back into an account.
    pub fn transfer(&self) -> Option<BankTransfer> {
        let (word, is_closed) = (self.refund_status.as_deref(), self.refund_closed_at.is_some());
        BankTransfer::of(self.status, self.amount, self.balance, word, is_closed)
    }
}

#[derive(Debug, Deserialize)]
pub struct CancelRecord {
    pub cancel_no: i16,
    pub payment_no: i16,
    pub status: CancelStatus,
    pub amount: Krw,
    pub expected_balance: Krw,
    pub reason: String,
    pub actor: String,
    pub key_epoch: i16,
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// When it was called off: nothing is posted for it any more.
    #[serde(with = "time::serde::rfc3339::option")]
    pub called_off_at: Option<OffsetDateTime>,
    /// Why Toss did not make it, or has not made it yet, in Toss's words.
    pub error: Option<FailureView>,
}

/// The order's row in the outbox.
#[derive(Debug, Deserialize)]
pub struct IntentRecord {
    /// As in the table: 1 confirm, 2 cancel, 3 check.
    pub kind: i16,
    pub payment_no: i16,
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// None: no worker has it in hand.
    #[serde(with = "time::serde::rfc3339::option")]
    pub leased_until: Option<OffsetDateTime>,
    pub lease_owner: Option<String>,
    pub fence: i32,
    pub attempts: i16,
    pub snoozes: i16,
}

/// One call to Toss.
#[derive(Debug, Deserialize)]
pub struct AttemptRecord {
    pub call: String,
    pub payment_no: i16,
    pub cancel_no: Option<i16>,
    pub key_epoch: i16,
    pub api_key_id: String,
    #[serde(with = "time::serde::rfc3339")]
    pub finished_at: OffsetDateTime,
    pub duration_ms: i32,
    /// None: no answer came.
    pub http_status: Option<i16>,
    pub code: Option<String>,
    pub trace_id: Option<String>,
    pub outcome: String,
    /// The lease was lost meanwhile, so it decided nothing.
    pub stale: bool,
}

#[derive(Debug, Deserialize)]
pub struct EventRecord {
    pub id: i64,
    pub from_status: Option<OrderStatus>,
    pub to_status: OrderStatus,
    pub cause: String,
    pub actor: String,
    pub payment_no: Option<i16>,
    /// Why a person did it, in that person's words. For operators alone.
    pub reason: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

pub async fn record(pool: &PgPool, order_no: OrderNo) -> Result<Option<OrderRecord>, StoreError> {
    let attempts_asked = i64::try_from(ATTEMPTS_SHOWN_MAX + 1).unwrap_or(i64::MAX);
    let read = || sqlx::query_file!("src/order/record.sql", order_no.uuid(), attempts_asked);
    let Some(row) = within(pool, "read an order's record", async |c| read().fetch_optional(c).await).await? else {
        return Ok(None);
    };
    let corrupt = |column| StoreError::Corrupt { table: "orders", column, id: row.id };
    let mut attempts = row.attempts.0;
    let has_more_attempts = attempts.len() > ATTEMPTS_SHOWN_MAX;
    attempts.truncate(ATTEMPTS_SHOWN_MAX);
    Ok(Some(OrderRecord {
        order_no,
        amount: Krw::new(row.amount).ok_or_else(|| corrupt("amount"))?,
        status: OrderStatus::parse(&row.status).ok_or_else(|| corrupt("status"))?,
        name: row.name,
        customer: row.customer,
        paid_by: row.paid_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        close_requested_at: row.close_requested_at,
        lines: row.lines.0,
        payments: row.payments.0,
        cancels: row.cancels.0,
        intent: row.intent.map(|Json(intent)| intent),
        attempts,
        has_more_attempts,
        events: row.events.0,
    }))
}
