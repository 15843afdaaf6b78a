//! `POST /v1/virtual-accounts`: an account issued for a merchant's server, without a window.
//!
//! Toss reads this request loosely: numbers may be strings and strings numbers, and an orderId may be shorter than
//! elsewhere. Customer contacts and escrow products are accepted and ignored.

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::cash_receipts::Wanted;
use crate::errors::{
    BELOW_ZERO_AMOUNT, Code, FAILED_INTERNAL_SYSTEM_PROCESSING, INVALID_BANK, INVALID_ORDER_ID, INVALID_ORDER_NAME,
    INVALID_REQUEST, INVALID_REQUIRED_PARAM, REQUIRED_AMOUNT,
};
use crate::means::{Account, Means, Validity};
use crate::merchants::Owner;
use crate::opening::is_order_name;
use crate::payments::{Currency, OpenRefused, Opening, Payment};
use crate::{Simulator, amount, changes, institutions};

const ORDER_ID_LENGTH_MAX: usize = 64;
const CUSTOMER_NAME_LENGTH_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    amount: Value,
    #[serde(default)]
    order_id: Value,
    order_name: Option<String>,
    customer_name: Option<String>,
    bank: Option<String>,
    #[serde(default)]
    valid_hours: Value,
    due_date: Option<String>,
    #[serde(default)]
    tax_free_amount: Value,
    #[serde(default)]
    cash_receipt: Value,
}

pub(crate) fn issue(simulator: &Simulator, body: &Bytes, caller: Owner) -> Result<Payment, Code> {
    let request: Request = serde_json::from_slice(body).map_err(|_| INVALID_REQUEST)?;
    let now = simulator.clock.now();
    let amount = amount::optional(&request.amount)?.ok_or(REQUIRED_AMOUNT)?;
    if amount <= 0 {
        return Err(BELOW_ZERO_AMOUNT);
    }
    let customer_name = request.customer_name.ok_or(INVALID_REQUIRED_PARAM)?;
    if !(1..=CUSTOMER_NAME_LENGTH_MAX).contains(&customer_name.chars().count()) {
        return Err(INVALID_REQUEST);
    }
    let bank = institutions::bank(&request.bank.ok_or(INVALID_REQUIRED_PARAM)?).ok_or(INVALID_BANK)?;
    let valid = Validity::read(&request.valid_hours, request.due_date.as_deref(), now)?;
    let account = Account::new(bank, customer_name, valid, Wanted::read(&request.cash_receipt)?);
    let means = Means::VirtualAccount(account);
    means.check_amount(amount)?;
    let tax_free = amount::tax_free(&request.tax_free_amount, amount)?;
    let opening = Opening {
        key: None,
        owner: caller,
        order_id: order_id(&request.order_id)?,
        order_name: request.order_name.filter(|name| is_order_name(name)).ok_or(INVALID_ORDER_NAME)?,
        currency: Currency::Krw,
        amount,
        tax_free,
        means,
        partial_cancelable: true,
        visit: None,
    };
    let payment = simulator.payments.with(|table| table.charge(opening, now)).map_err(|refused| match refused {
        OpenRefused::KeyTaken | OpenRefused::Full => FAILED_INTERNAL_SYSTEM_PROCESSING,
    })?;
    changes::status_changed(simulator, &payment, now);
    Ok(payment)
}

/// `71` was taken by the real endpoint and came back as `"71"`.
fn order_id(value: &Value) -> Result<String, Code> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null => return Err(INVALID_REQUIRED_PARAM),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(INVALID_ORDER_ID),
    };
    let fits = (1..=ORDER_ID_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=.".contains(&byte));
    if fits { Ok(text) } else { Err(INVALID_ORDER_ID) }
}
