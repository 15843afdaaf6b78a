//! What Toss writes down about movements: one row for each, with the status the payment had then.
//!
//! The rows feed two lists, `transactions` and `settlements`, which merchants reconcile against. They are kept apart
//! from the ledger: this is what Toss would tell, lag and all, and the ledger is what really happened. What never changes
//! about a payment is not repeated in its rows but looked up when a list is asked for. At most [`ROWS_MAX`] are kept.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::Simulator;
use crate::errors::Language;
use crate::payments::{Currency, Payment};
use crate::wire::{self, PaymentBody};

/// About 60 MB when full.
const ROWS_MAX: usize = 200_000;

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) merchant_id: Arc<str>,
    pub(crate) transaction_key: Arc<str>,
    pub(crate) payment_key: Arc<str>,
    pub(crate) order_id: Arc<str>,
    pub(crate) currency: Currency,
    pub(crate) status: &'static str,
    pub(crate) kind: Kind,
    /// Without a sign: the kind gives it one.
    pub(crate) amount: i64,
    pub(crate) at: OffsetDateTime,
    pub(crate) approved_at: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A virtual account came to wait for its deposit; no money moved.
    Waiting,
    Approval,
    /// Of an approved payment: money went back.
    Cancel,
    /// Of a virtual account before its deposit: no money moved, and Toss shows the full amount all the same.
    Withdrawal,
}

/// How the lists look where that depends on the contract or the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Terms {
    /// How long a movement is missing from the transactions.
    pub(crate) transaction_lag_seconds: u32,
    /// Of the amount, before VAT.
    pub(crate) fee_basis_points: u16,
    /// How many days after the sale its money is paid out.
    pub(crate) pay_out_days: u8,
}

impl Default for Terms {
    fn default() -> Self {
        Self { transaction_lag_seconds: 0, fee_basis_points: 210, pay_out_days: 2 }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Records {
    rows: VecDeque<Row>,
    pub(crate) terms: Terms,
}

impl Records {
    /// Writes down what a payment has just become, if that was a movement.
    pub(crate) fn write_down(&mut self, payment: &Payment, body: &PaymentBody<'_>, at: OffsetDateTime) {
        let Some((kind, transaction_key, amount)) = movement(payment, body) else { return };
        if self.rows.len() == ROWS_MAX {
            self.rows.pop_front();
        }
        self.rows.push_back(Row {
            merchant_id: Arc::clone(&payment.owner.merchant_id),
            transaction_key,
            payment_key: Arc::clone(&payment.key),
            order_id: Arc::clone(&payment.order_id),
            currency: payment.currency,
            status: body.status,
            kind,
            amount,
            at,
            approved_at: body.approved_at.clone(),
        });
    }

    /// A merchant's rows, oldest first.
    pub(crate) fn of_merchant<'a>(&'a self, merchant_id: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| *row.merchant_id == *merchant_id)
    }
}

fn movement(payment: &Payment, body: &PaymentBody<'_>) -> Option<(Kind, Arc<str>, i64)> {
    let latest = || body.last_transaction_key.map(Arc::from);
    match body.status {
        "WAITING_FOR_DEPOSIT" => Some((Kind::Waiting, latest()?, 0)),
        "DONE" => Some((Kind::Approval, latest()?, payment.amount)),
        "CANCELED" | "PARTIAL_CANCELED" => {
            let cancel = payment.cancels.last()?;
            let kind = if body.approved_at.is_some() { Kind::Cancel } else { Kind::Withdrawal };
            Some((kind, Arc::clone(&cancel.transaction_key), cancel.amount))
        }
        _ => None,
    }
}

/// The payment of a row as it is on the wire today; null once it has been forgotten.
pub(crate) fn payment_of(simulator: &Simulator, row: &Row, language: Language) -> Value {
    let payment = simulator.payments.with(|table| table.get(&row.payment_key).cloned());
    payment.map_or(Value::Null, |payment| {
        let body = wire::payment(&payment, simulator.view(simulator.clock.now(), language));
        serde_json::to_value(body).unwrap_or_default()
    })
}
