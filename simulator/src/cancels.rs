//! A cancel from the request to the ledger: for a merchant's server, and for somebody in Toss's own console.
//!
//! Reads the body, has the payment decide, and writes down what moved. A virtual account that is cancelled before its
//! deposit moves nothing, so the ledger says nothing of it; a foreign wallet's cancel moves money when it is decided.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::amount::Written;
use crate::errors::{Code, INVALID_REQUEST};
use crate::ledger::Kind;
use crate::merchants::Owner;
use crate::payments::Payment;
use crate::payments::cancel::{By, CancelRequest, CancelStatus, RefundAccount};
use crate::{Simulator, changes, clock};

const REASON_LENGTH_MAX: usize = 200;

/// Fields of any JSON type: numbers may be strings, and what is not known is ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Body {
    cancel_reason: Value,
    cancel_amount: Value,
    tax_free_amount: Value,
    tax_exemption_amount: Value,
    currency: Value,
    refundable_amount: Value,
    refund_receive_account: Value,
    cancel_request_id: Value,
}

pub(crate) fn from_merchant(
    simulator: &Simulator,
    payment_key: &str,
    body: &Bytes,
    caller: Owner,
) -> Result<Payment, Code> {
    let body: Body = serde_json::from_slice(body).map_err(|_| INVALID_REQUEST)?;
    cancel(simulator, payment_key, &body, By::Merchant(caller))
}

pub(crate) fn from_console(simulator: &Simulator, payment_key: &str, body: &Body) -> Result<Payment, Code> {
    cancel(simulator, payment_key, body, By::Console)
}

fn cancel(simulator: &Simulator, payment_key: &str, body: &Body, by: By) -> Result<Payment, Code> {
    let request = read(simulator, payment_key, body, by)?;
    let now = simulator.clock.now();
    let payment = simulator.payments.with(|table| {
        let payment = table.cancel(&request, now)?;
        write_down(simulator, &payment, now);
        Ok(payment)
    })?;
    if last_status(&payment) == Some(CancelStatus::Done) {
        changes::status_changed(simulator, &payment, now);
    }
    Ok(payment)
}

/// What a foreign wallet says about the cancel that waits for it; None when none does.
pub(crate) fn decide(simulator: &Simulator, payment_key: &str, status: CancelStatus) -> Option<Payment> {
    let now = simulator.clock.now();
    let payment = simulator.payments.with(|table| {
        let payment = table.decide_cancel(payment_key, status)?;
        write_down(simulator, &payment, now);
        Some(payment)
    })?;
    match status {
        CancelStatus::Done => changes::status_changed(simulator, &payment, now),
        CancelStatus::Aborted | CancelStatus::InProgress => changes::cancel_failed(simulator, &payment, now),
    }
    Some(payment)
}

fn write_down(simulator: &Simulator, payment: &Payment, now: OffsetDateTime) {
    if let (Some(_), Some(cancel)) = (payment.approval(), payment.cancels.last())
        && cancel.status == CancelStatus::Done
    {
        simulator.ledger.with(|ledger| {
            ledger.append(Kind::Cancel, &payment.order_id, &payment.key, -cancel.amount, clock::wire(now));
        });
    }
}

fn last_status(payment: &Payment) -> Option<CancelStatus> {
    payment.cancels.last().map(|cancel| cancel.status)
}

fn read(simulator: &Simulator, payment_key: &str, body: &Body, by: By) -> Result<CancelRequest, Code> {
    let reason = body
        .cancel_reason
        .as_str()
        .filter(|reason| !reason.trim().is_empty() && reason.chars().count() <= REASON_LENGTH_MAX)
        .ok_or(INVALID_REQUEST)?;
    Ok(CancelRequest {
        payment_key: payment_key.to_owned(),
        by,
        reason: reason.to_owned(),
        amount: at_least(Written::SMALLEST, &body.cancel_amount)?,
        tax_free: at_least(Written::NOTHING, &body.tax_free_amount)?,
        tax_exempt: at_least(Written::NOTHING, &body.tax_exemption_amount)?,
        refundable: at_least(Written::NOTHING, &body.refundable_amount)?,
        currency: text(&body.currency)?,
        refund_account: refund_account(&body.refund_receive_account)?,
        request_id: text(&body.cancel_request_id)?,
        switches: simulator.switches(),
    })
}

/// An amount that may be left out.
fn at_least(least: Written, value: &Value) -> Result<Option<Written>, Code> {
    if value.is_null() {
        return Ok(None);
    }
    Written::read(value).filter(|amount| *amount >= least).map(Some).ok_or(INVALID_REQUEST)
}

fn text(value: &Value) -> Result<Option<String>, Code> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(INVALID_REQUEST),
    }
}

/// A part that is missing is as wrong as one that is empty, and the payment says which code that is.
fn refund_account(value: &Value) -> Result<Option<RefundAccount>, Code> {
    let part = |name: &str| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
    };
    match value {
        Value::Null => Ok(None),
        Value::Object(_) => Ok(Some(RefundAccount {
            bank: part("bank"),
            number: part("accountNumber"),
            holder_name: part("holderName"),
        })),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Err(INVALID_REQUEST),
    }
}
