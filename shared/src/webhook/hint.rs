//! Reading what Toss, or somebody in its name, sends: three shapes, loose dates, and anything else.
//!
//! A payment's change comes in an envelope with the whole Payment; a deposit comes flat, names neither its event nor the
//! paymentKey, and proves itself by the payment's secret; foreign refunds come in an envelope with the Cancel alone (guide
//! "Webhooks", <https://docs.tosspayments.com/reference/using-api/webhook-events>). What is kept of it is on a list, and a
//! value that does not look as it should is not kept: strangers can write here.

use secrecy::SecretString;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{order::OrderNo, payment::PaymentKey, strict_json, toss::parse_timestamp};

/// The newest refunds that are kept of a payment's list.
const CANCELS_KEPT: usize = 20;
const DEPOSIT: &str = "DEPOSIT_CALLBACK";

/// What a body says, as far as we act on it.
#[derive(Debug)]
pub(super) struct Hint {
    /// The event's name; `None`: none that looks like one.
    pub(super) event: Option<String>,
    pub(super) said_at: Option<OffsetDateTime>,
    pub(super) about: About,
    /// What may be kept for people to read.
    pub(super) content: Value,
}

#[derive(Debug)]
pub(super) enum About {
    Payment(Said),
    /// An event that is about no payment.
    Other,
    /// Not a webhook of Toss's.
    Unreadable,
}

/// What is said of a payment. None of it is believed.
#[derive(Debug)]
pub(super) struct Said {
    /// `None`: it cannot be an order of ours.
    pub(super) order_no: Option<OrderNo>,
    /// A deposit names none.
    pub(super) payment_key: Option<PaymentKey>,
    pub(super) status: String,
    pub(super) balance: Option<i64>,
    pub(super) transaction_key: Option<String>,
    pub(super) secret: Option<SecretString>,
}

impl Hint {
    pub(super) fn read(body: &[u8]) -> Self {
        match strict_json::read(body) {
            Some(Value::Object(fields)) => Self::of(&fields),
            Some(_) | None => Self { event: None, said_at: None, about: About::Unreadable, content: Value::Null },
        }
    }

    fn of(fields: &Map<String, Value>) -> Self {
        let told = fields.get("eventType");
        let event = told.and_then(Value::as_str).filter(|name| is_name(name));
        let said_at = text(fields, "createdAt").and_then(parse_timestamp);
        let data = match (told, fields.get("data")) {
            (Some(_), Some(Value::Object(data))) => data,
            (Some(_) | None, _) => fields,
        };
        let said = said(data);
        let event = if told.is_none() && said.is_some() { Some(DEPOSIT) } else { event };
        let about = match said {
            Some(said) => About::Payment(said),
            None if event.is_some() => About::Other,
            None => About::Unreadable,
        };
        let content = match &about {
            About::Payment(said) => kept(said, data),
            About::Other | About::Unreadable => Value::Null,
        };
        Self { event: event.map(str::to_owned), said_at, about, content }
    }
}

/// `None`: it is not about a payment.
fn said(data: &Map<String, Value>) -> Option<Said> {
    let order_id = text(data, "orderId")?;
    let status = text(data, "status").filter(|status| is_name(status))?;
    let transaction_key = text(data, "lastTransactionKey").or_else(|| text(data, "transactionKey"));
    Some(Said {
        order_no: OrderNo::parse(order_id),
        payment_key: text(data, "paymentKey").and_then(PaymentKey::parse),
        status: status.to_owned(),
        balance: data.get("balanceAmount").and_then(Value::as_i64),
        transaction_key: transaction_key.filter(|key| is_key(key)).map(str::to_owned),
        secret: text(data, "secret").map(SecretString::from),
    })
}

/// The list of what may be kept.
fn kept(said: &Said, data: &Map<String, Value>) -> Value {
    let mut content = Map::new();
    let mut keep = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            content.insert(name.to_owned(), value);
        }
    };
    keep("orderId", said.order_no.map(|order_no| json!(order_no)));
    keep("paymentKey", said.payment_key.as_ref().map(|key| json!(key.to_string())));
    keep("totalAmount", number(data, "totalAmount"));
    keep("currency", text(data, "currency").filter(|text| text.len() == 3 && is_name(text)).map(|text| json!(text)));
    keep("approvedAt", moment(data, "approvedAt"));
    if let Some(cancels) = data.get("cancels").and_then(Value::as_array) {
        let from = cancels.len().saturating_sub(CANCELS_KEPT);
        let cancels = cancels[from..].iter().filter_map(Value::as_object).map(kept_cancel);
        keep("cancels", Some(Value::Array(cancels.collect())));
    }
    Value::Object(content)
}

/// Without the reason: people write names and numbers there.
fn kept_cancel(cancel: &Map<String, Value>) -> Value {
    json!({
        "cancelAmount": number(cancel, "cancelAmount"),
        "canceledAt": moment(cancel, "canceledAt"),
        "cancelStatus": text(cancel, "cancelStatus").filter(|status| is_name(status)),
        "transactionKey": text(cancel, "transactionKey").filter(|key| is_key(key)),
    })
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}

fn number(fields: &Map<String, Value>, name: &str) -> Option<Value> {
    fields.get(name).and_then(Value::as_i64).map(Value::from)
}

fn moment(fields: &Map<String, Value>, name: &str) -> Option<Value> {
    Some(json!(parse_timestamp(text(fields, name)?)?.format(&Rfc3339).ok()?))
}

/// A word of Toss's, as events and states are called.
fn is_name(text: &str) -> bool {
    (1..=50).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_.-".contains(&byte))
}

/// A key of a transaction or of a delivery: opaque, but without white space, `@` and the like. More than digits, so that it is
/// no number of a card or a telephone.
pub(super) fn is_key(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::{About, Hint};
    use serde_json::{Value, json};

    const ORDER: &str = "019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e";

    fn read(body: &Value) -> Hint {
        Hint::read(body.to_string().as_bytes())
    }

    #[test]
    fn each_shape_is_read_and_what_is_none_is_told_apart() {
        let payment = read(&json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-01-02T14:46:59.65327",
            "data": {"orderId": ORDER, "paymentKey": "tgen_20260622173813Ab3dE", "status": "DONE", "balanceAmount": 500,
                     "lastTransactionKey": "txrd_a01", "secret": "ps_x"}}));
        assert_eq!(payment.event.as_deref(), Some("PAYMENT_STATUS_CHANGED"));
        let About::Payment(said) = payment.about else { panic!("{payment:?}") };
        assert_eq!((said.order_no.unwrap().to_string().as_str(), said.status.as_str()), (ORDER, "DONE"));
        assert_eq!((said.balance, said.transaction_key.as_deref()), (Some(500), Some("txrd_a01")));
        assert!(said.secret.is_some() && said.payment_key.is_some() && payment.said_at.is_some());

        let deposit = read(&json!({"createdAt": "2026-01-02T14:46:59+09:00", "secret": "ps_x", "status": "DONE",
            "transactionKey": "9A1B", "orderId": ORDER}));
        assert_eq!(deposit.event.as_deref(), Some("DEPOSIT_CALLBACK"));
        assert!(matches!(deposit.about, About::Payment(said) if said.payment_key.is_none() && said.balance.is_none()));

        for other in [
            json!({"eventType": "CANCEL_STATUS_CHANGED", "data": {"cancelStatus": "DONE", "transactionKey": "a"}}),
            json!({"eventType": "BILLING_DELETED", "data": {"billingKey": "b"}}),
            json!({"eventType": "payout.changed", "entityBody": {}}),
            json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": null}),
        ] {
            assert!(matches!(read(&other).about, About::Other), "{other}");
        }
        for nothing in [json!({}), json!([]), json!("DONE"), json!({"eventType": 7}), json!({"eventType": "a b"})] {
            assert!(matches!(read(&nothing).about, About::Unreadable), "{nothing}");
        }
        // One half of it would be asked about, and the other one kept.
        let twice = format!(r#"{{"orderId":"{ORDER}","status":"DONE","status":"ABORTED"}}"#);
        for broken in [b"".as_slice(), b"{", b"\xff", twice.as_bytes(), "[".repeat(10_000).as_bytes()] {
            assert!(matches!(Hint::read(broken).about, About::Unreadable));
        }
    }

    #[test]
    fn a_time_of_another_age_is_not_kept() {
        let age = "9999-12-31T23:59:59-23:59";
        let data = json!({"orderId": ORDER, "status": "CANCELED", "approvedAt": age, "cancels": [{"canceledAt": age}]});
        let hint = read(&json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": age, "data": data}));
        assert_eq!(hint.said_at, None);
        assert_eq!(hint.content.get("approvedAt"), None);
        assert_eq!(hint.content["cancels"][0]["canceledAt"], Value::Null);
    }

    #[test]
    fn what_is_not_on_the_list_or_does_not_look_like_it_is_not_kept() {
        let canary = "canary-김한번-4330123412341234";
        let mut data = json!({"orderId": ORDER, "paymentKey": format!("tgen_{}", "k".repeat(40)), "status": "DONE",
            "balanceAmount": 500, "totalAmount": 500, "currency": "KRW", "approvedAt": "2026-01-02T14:46:59+09:00",
            "cancels": [{"cancelAmount": 7, "cancelReason": canary, "canceledAt": canary, "transactionKey": canary}]});
        for name in ["secret", "orderName", "card", "virtualAccount", "customerName", "metadata", "lastTransactionKey"]
        {
            data[name] = json!({"a": canary});
        }
        data["secret"] = json!(canary);
        let hint = read(&json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": canary, "data": data}));
        let told = format!("{hint:?}");
        assert!(!told.contains("canary") && !told.contains("4330") && !told.contains(&"k".repeat(8)), "{told}");
        assert_eq!(hint.content["orderId"], ORDER);
        assert_eq!(
            hint.content["cancels"][0],
            json!({"cancelAmount": 7, "canceledAt": null, "cancelStatus": null,
            "transactionKey": null})
        );

        // In the places that are kept, too.
        let digits = "01012345678";
        let hint = read(&json!({"orderId": digits, "status": digits, "transactionKey": digits}));
        assert!(matches!(hint.about, About::Unreadable), "{hint:?}");
        let hint = read(&json!({"orderId": digits, "status": "DONE", "transactionKey": digits, "paymentKey": digits}));
        assert!(!format!("{hint:?}").contains(digits), "{hint:?}");
    }
}
