//! `POST /v1/virtual-accounts`: an account issued for a merchant's server, without a window.
//!
//! Toss reads this request loosely: numbers may be strings and strings numbers, and an orderId may be shorter than
//! elsewhere. Customer contacts and escrow products are accepted and ignored.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::cash_receipts::Wanted;
use crate::errors::{
    Code, INVALID_BANK, INVALID_REQUEST, INVALID_REQUIRED_PARAM, INVALID_VIRTUAL_ACCOUNT_TYPE, REQUIRED_ACCOUNT_KEY,
};
use crate::means::{Account, Means, Validity};
use crate::merchants::Owner;
use crate::order::{Asked, not_opened};
use crate::payments::Payment;
use crate::{Simulator, changes, institutions};

const ACCOUNT_KEY_LENGTH_MAX: usize = 13;
const CUSTOMER_NAME_LENGTH_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(flatten)]
    asked: Asked,
    customer_name: Option<String>,
    bank: Option<String>,
    #[serde(default)]
    valid_hours: Value,
    due_date: Option<String>,
    #[serde(default)]
    cash_receipt: Value,
    #[serde(default)]
    use_escrow: bool,
    #[serde(default)]
    account_type: Value,
    #[serde(default)]
    account_key: Value,
}

pub(crate) fn issue(simulator: &Simulator, body: &Bytes, caller: Owner) -> Result<Payment, Code> {
    let request: Request = serde_json::from_slice(body).map_err(|_| INVALID_REQUEST)?;
    let now = simulator.clock.now();
    let order = request.asked.loose_order()?;
    let customer_name = request.customer_name.ok_or(INVALID_REQUIRED_PARAM)?;
    if !(1..=CUSTOMER_NAME_LENGTH_MAX).contains(&customer_name.chars().count()) {
        return Err(INVALID_REQUEST);
    }
    let bank = institutions::bank(&request.bank.ok_or(INVALID_REQUIRED_PARAM)?).ok_or(INVALID_BANK)?;
    let valid = Validity::read(&request.valid_hours, request.due_date.as_deref(), now)?;
    let fixed = fixed_key(&request.account_type, &request.account_key)?;
    let receipt = Wanted::read(&request.cash_receipt)?;
    let account = match &fixed {
        Some(key) => Account::fixed(bank, key, customer_name, valid, receipt),
        None => Account::new(bank, customer_name, valid, receipt),
    };
    let means = Means::VirtualAccount(account);
    means.check_amount(order.amount)?;
    let opening = order.opening(caller, means, request.use_escrow);
    let payment =
        simulator.payments.with(|table| table.charge(opening, now)).map_err(|refused| not_opened(&refused))?;
    changes::status_changed(simulator, &payment, now);
    Ok(payment)
}

/// The merchant's key of a fixed account, which is the same whenever its key is. Numbers are taken for it too.
fn fixed_key(kind: &Value, key: &Value) -> Result<Option<String>, Code> {
    let key = match key {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null => None,
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(INVALID_REQUEST),
    };
    if key.as_ref().is_some_and(|key| !(1..=ACCOUNT_KEY_LENGTH_MAX).contains(&key.chars().count())) {
        return Err(INVALID_REQUEST);
    }
    match kind.as_str() {
        None | Some("일반") if key.is_none() => Ok(None),
        None | Some("고정") => key.ok_or(REQUIRED_ACCOUNT_KEY).map(Some),
        Some(_) => Err(INVALID_VIRTUAL_ACCOUNT_TYPE),
    }
}
