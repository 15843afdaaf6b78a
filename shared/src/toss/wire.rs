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
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::{Body, Payment, read_answer};
    use crate::{money::Krw, order::OrderNo, payment::PaymentKey};

    fn payment(body: &serde_json::Value) -> Option<Payment> {
        match read_answer(200, body.to_string().as_bytes())? {
            Body::Payment(payment) => Some(*payment),
            Body::Error { .. } => None,
        }
    }

    #[test]
    fn amounts_are_read_from_numbers_and_numeric_text() {
        let amount = |value: serde_json::Value| {
            payment(&json!({"paymentKey": "k", "orderId": "o", "status": "DONE", "totalAmount": value}))
                .unwrap()
                .total_amount
        };
        assert_eq!(amount(json!(50_000)), Some(50_000));
        assert_eq!(amount(json!("50000")), Some(50_000));
        assert_eq!(amount(json!(50_000.0)), Some(50_000));
        assert_eq!(amount(json!(50_000_000_000_i64)), Some(50_000_000_000));
        assert_eq!(amount(json!(181.56)), None);
        assert_eq!(amount(json!("won")), None);
        assert_eq!(amount(json!(null)), None);
    }

    #[test]
    fn unknown_fields_and_statuses_are_data() {
        let read = payment(&json!({
            "paymentKey": "k", "orderId": "o", "status": "HALF_DONE", "somethingNew": {"a": 1}, "receipt": null,
            "approvedAt": "2026-09-01T12:00:31+09:00",
        }))
        .unwrap();
        assert_eq!(read.status, "HALF_DONE");
        assert_eq!(read.raw["somethingNew"]["a"], 1);
        assert_eq!(read.approved_at.unwrap().unix_timestamp(), 1_788_231_631);
    }

    #[test]
    fn a_time_of_approval_is_read_with_or_without_its_zone_or_is_none() {
        let read = |status: &str, approved_at: serde_json::Value| {
            payment(&json!({"paymentKey": "k", "orderId": "o", "status": status, "approvedAt": approved_at}))
        };
        for text in ["2026-09-01T12:00:31+09:00", "2026-09-01T12:00:31", "2026-09-01T03:00:31.000000000000Z"] {
            let approved_at = read("DONE", json!(text)).unwrap().approved_at;
            assert_eq!(approved_at, Some(datetime!(2026-09-01 12:00:31 +9)), "{text}");
        }
        assert!(read("CANCELED", json!("2026-09-01T12:00:31+09:00")).unwrap().approved_at.is_some());
        assert!(read("CANCELED", json!(null)).unwrap().approved_at.is_none());
        for strange in [json!("9999-12-31T23:59:59-23:59"), json!("soon"), json!(""), json!(1_788_231_631), json!({})] {
            assert_eq!(read("DONE", strange.clone()).unwrap().approved_at, None, "{strange}");
            // Whether it was ever paid cannot be read off it.
            assert!(read("CANCELED", strange.clone()).is_none(), "{strange}");
        }
    }

    #[test]
    fn a_receipt_is_kept_only_if_it_may_become_a_link() {
        let url = |receipt: serde_json::Value| {
            let body = json!({"paymentKey": "k", "orderId": "o", "status": "DONE", "receipt": receipt});
            payment(&body).unwrap().receipt_url
        };
        assert_eq!(url(json!({"url": "https://toss.example/r"})).as_deref(), Some("https://toss.example/r"));
        for receipt in
            [json!({"url": "javascript:alert(1)"}), json!({"url": 7}), json!("https://toss.example"), json!([])]
        {
            assert_eq!(url(receipt.clone()), None, "{receipt}");
        }
    }

    #[test]
    fn an_answer_that_says_two_things_is_no_answer() {
        let twice = br#"{"paymentKey":"k","orderId":"o","status":"DONE","status":"ABORTED"}"#;
        assert!(read_answer(200, twice).is_none());
        assert!(read_answer(403, br#"{"code":"A","message":"x","code":"B"}"#).is_none());
        let deep = br#"{"paymentKey":"k","orderId":"o","status":"DONE","metadata":{"a":1,"a":2}}"#;
        assert!(read_answer(200, deep).is_none());
    }

    #[test]
    fn a_due_date_is_korean_time_with_or_without_its_zone() {
        let account = |account: serde_json::Value| {
            let body =
                json!({"paymentKey": "k", "orderId": "o", "status": "WAITING_FOR_DEPOSIT", "virtualAccount": account});
            payment(&body).unwrap().account
        };
        let due = |text: &str| account(json!({"dueDate": text, "expired": true})).unwrap().due_at;
        let at = Some(datetime!(2026-09-08 12:00:00 +9));
        for text in
            ["2026-09-08T12:00:00+09:00", "2026-09-08T12:00:00", "2026-09-08T12:00:00.000", "2026-09-08T03:00:00Z"]
        {
            assert_eq!(due(text), at, "{text}");
        }
        for text in ["next week", "9999-12-31T23:59:59", "9999-12-31T23:59:59Z", "-0001-01-01T00:00:00"] {
            assert_eq!(due(text), None, "{text}");
        }
        assert!(account(json!({"dueDate": null, "expired": true})).unwrap().expired);
        assert!(!account(json!({})).unwrap().expired);
        assert!(account(json!(null)).is_none());
    }

    #[test]
    fn a_character_that_cannot_be_stored_is_replaced_wherever_it_stands() {
        let read = payment(&json!({
            "paymentKey": "k", "orderId": "o", "status": "DONE", "method": "a\u{0}b",
            "metadata": {"list": ["\u{0}"], "na\u{0}me": 1}, "orderName": "Ogu\u{0}T",
        }))
        .unwrap();
        assert_eq!(read.method.as_deref(), Some("a\u{fffd}b"));
        assert_eq!(read.raw["orderName"], "Ogu\u{fffd}T");
        assert!(!read.raw.to_string().contains("\\u0000"), "{}", read.raw);
    }

    #[test]
    fn an_account_for_refunds_is_not_kept() {
        let account = json!({"bankCode": "88", "accountNumber": "110123456789", "holderName": "카나리아"});
        let read = payment(&json!({
            "paymentKey": "k", "orderId": "o", "status": "DONE",
            "virtualAccount": {"bankCode": "20", "accountNumber": "X6514161", "refundReceiveAccount": account},
        }))
        .unwrap();
        assert_eq!(read.raw["virtualAccount"], json!({"bankCode": "20", "accountNumber": "X6514161"}));
    }

    #[test]
    fn what_is_not_a_payment_or_an_error_is_no_answer() {
        assert!(read_answer(200, b"{\"status\":\"DONE\"}").is_none());
        assert!(read_answer(200, b"{\"paymentKey\":\"k\",\"orderId\":\"o\",\"sta").is_none());
        assert!(read_answer(502, b"<html>Bad Gateway</html>").is_none());
        assert!(read_answer(500, b"{}").is_none());
        let error = read_answer(403, r#"{"code":"BRAND_NEW","message":null,"data":{}}"#.as_bytes());
        assert!(matches!(error, Some(Body::Error { code, .. }) if code == "BRAND_NEW"));
    }

    #[test]
    fn an_answer_about_another_payment_is_not_ours() {
        let order_no = OrderNo::generate();
        let key = PaymentKey::parse("key").unwrap();
        let amount = Krw::new(1_000).unwrap();
        let ours = json!({"paymentKey": "key", "orderId": order_no.to_string(), "status": "DONE",
                          "totalAmount": 1_000, "currency": "KRW"});
        let is_about = |answer: &serde_json::Value| {
            let payment = payment(answer).unwrap();
            payment.is_of(&key, order_no) && payment.is_over(amount)
        };
        assert!(is_about(&ours));
        for (field, value) in [
            ("paymentKey", json!("other")),
            ("orderId", json!(OrderNo::generate().to_string())),
            ("totalAmount", json!(999)),
            ("totalAmount", json!(null)),
            ("currency", json!("USD")),
            ("currency", json!(null)),
        ] {
            let mut other = ours.clone();
            other[field] = value;
            assert!(!is_about(&other), "{field}");
        }
    }
}
