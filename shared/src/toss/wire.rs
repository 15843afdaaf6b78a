//! Toss's answers, read leniently: Toss adds fields, statuses and codes without a new version.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::OffsetDateTime;

use super::parse_timestamp;
use crate::{money::Krw, order::OrderNo, payment::PaymentKey, strict_json, web_url::WebUrl};

/// What one call showed.
#[derive(Debug)]
pub enum Reply {
    Answer(Answer),
    NoAnswer(NoAnswer),
}

/// Toss was heard and understood as JSON of a known shape.
#[derive(Debug)]
pub struct Answer {
    pub http_status: u16,
    /// `x-tosspayments-trace-id`; Toss's support asks for it.
    pub trace_id: Option<String>,
    pub retry_after: Option<Duration>,
    pub body: Body,
}

impl Answer {
    /// Did Toss fail at it? What it was asked to do it may do yet.
    pub fn is_server_error(&self) -> bool {
        self.http_status >= 500
    }

    /// Did Toss repeat the answer it gave to the first request under the key? It then names both requests (measured, not
    /// documented).
    pub fn is_replay(&self) -> bool {
        self.trace_id.as_deref().is_some_and(|trace_id| trace_id.contains(','))
    }
}

#[derive(Debug)]
pub enum Body {
    Payment(Box<Payment>),
    /// `code` decides; `message` is for people and varies.
    Error {
        code: String,
        message: String,
    },
}

/// We do not know whether Toss acted. Only the same request under the same key, or a query, can tell.
#[derive(Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// No connection was made, so nothing was sent.
    NotConnected,
    /// Sent, and no answer within the limit.
    TimedOut,
    /// Sent, and the connection broke.
    Broken,
    /// Something came back that is not Toss's JSON: a proxy's error page, half a body, or one over the size limit.
    Unreadable { http_status: u16 },
}

impl NoAnswer {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

/// Toss's Payment object, as far as we act on it; `raw` is all of it.
#[derive(Debug)]
pub struct Payment {
    /// The merchant it was made for.
    pub m_id: Option<String>,
    pub payment_key: String,
    pub order_id: String,
    pub status: String,
    pub currency: Option<String>,
    pub total_amount: Option<i64>,
    pub balance_amount: Option<i64>,
    pub method: Option<String>,
    /// `None`: it is not approved, or Toss named a time that is none.
    pub approved_at: Option<OffsetDateTime>,
    /// Only what may become a link (see [`WebUrl`]).
    pub receipt_url: Option<String>,
    pub account: Option<Account>,
    /// Newest last, as far as they could be read.
    pub cancels: Vec<CancelEntry>,
    pub raw: Value,
}

/// The virtual account of a payment.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Until when it takes the deposit.
    pub due_at: Option<OffsetDateTime>,
    /// That time is over, by Toss's clock. Toss says so without changing the payment's status.
    pub expired: bool,
}

/// One refund in Toss's own list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelEntry {
    #[serde(default, deserialize_with = "text")]
    pub cancel_reason: Option<String>,
    #[serde(default, deserialize_with = "whole_number")]
    pub cancel_amount: Option<i64>,
    /// `DONE`; for some foreign methods first `IN_PROGRESS`.
    #[serde(default, deserialize_with = "text")]
    pub cancel_status: Option<String>,
}

impl Payment {
    /// Is this answer about our payment of our order? A reused Idempotency-Key answers with somebody else's.
    pub fn is_of(&self, payment_key: &PaymentKey, order_no: OrderNo) -> bool {
        self.payment_key == payment_key.expose() && self.order_id == order_no.to_string()
    }

    /// Is it over what we asked for?
    pub fn is_over(&self, amount: Krw) -> bool {
        self.total_amount == Some(amount.won()) && self.currency.as_deref() == Some("KRW")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentFields {
    #[serde(default, deserialize_with = "text")]
    m_id: Option<String>,
    payment_key: String,
    order_id: String,
    status: String,
    #[serde(default, deserialize_with = "text")]
    currency: Option<String>,
    #[serde(default, deserialize_with = "whole_number")]
    total_amount: Option<i64>,
    #[serde(default, deserialize_with = "whole_number")]
    balance_amount: Option<i64>,
    #[serde(default, deserialize_with = "text")]
    method: Option<String>,
    #[serde(default)]
    approved_at: Value,
    #[serde(default)]
    receipt: Value,
    #[serde(default)]
    virtual_account: Value,
    #[serde(default)]
    cancels: Value,
}

#[derive(Deserialize)]
struct ErrorFields {
    code: String,
    #[serde(default, deserialize_with = "text")]
    message: Option<String>,
}

/// Reads a body as a Payment on 2xx, as an error otherwise. `None`: it is neither, or says two things at once.
pub fn read_answer(http_status: u16, bytes: &[u8]) -> Option<Body> {
    let mut raw = strict_json::read(bytes)?;
    without_refund_account(&mut raw);
    if (200..300).contains(&http_status) {
        let fields = PaymentFields::deserialize(&raw).ok()?;
        let approved_at = fields.approved_at.as_str().and_then(parse_timestamp);
        // CANCELED without a time of approval is an account that was closed before its deposit, with one it is money that
        // was given back. A time that cannot be read tells neither.
        if fields.status == "CANCELED" && approved_at.is_none() && !fields.approved_at.is_null() {
            return None;
        }
        return Some(Body::Payment(Box::new(Payment {
            m_id: fields.m_id,
            payment_key: fields.payment_key,
            order_id: fields.order_id,
            status: fields.status,
            currency: fields.currency,
            total_amount: fields.total_amount,
            balance_amount: fields.balance_amount,
            method: fields.method,
            approved_at,
            receipt_url: receipt_url(&fields.receipt),
            account: account(&fields.virtual_account),
            cancels: cancels(&fields.cancels),
            raw,
        })));
    }
    let error = ErrorFields::deserialize(&raw).ok()?;
    Some(Body::Error { code: error.code, message: error.message.unwrap_or_default() })
}

fn receipt_url(receipt: &Value) -> Option<String> {
    let url = receipt.get("url").and_then(Value::as_str).and_then(WebUrl::parse);
    url.map(|url| url.as_str().to_owned())
}

fn account(of: &Value) -> Option<Account> {
    of.is_object().then(|| Account {
        due_at: of.get("dueDate").and_then(Value::as_str).and_then(parse_timestamp),
        expired: of.get("expired").and_then(Value::as_bool).unwrap_or_default(),
    })
}

fn cancels(list: &Value) -> Vec<CancelEntry> {
    let entries = list.as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter_map(|entry| CancelEntry::deserialize(entry).ok()).collect()
}

/// The account that a shopper named for refunds in Toss's own widget, which Toss repeats for a few minutes (API reference,
/// `virtualAccount.refundReceiveAccount`). We keep whole answers, and this of it is nothing that we may keep.
fn without_refund_account(raw: &mut Value) {
    if let Some(Value::Object(account)) = raw.get_mut("virtualAccount") {
        account.remove("refundReceiveAccount");
    }
}

/// A number, or the same as text. Anything else is unknown, not an error; so is a fraction of a won.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_i64().or_else(|| digits(number.to_string().strip_suffix(".0")?)),
        Value::String(text) => digits(&text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

fn digits(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
