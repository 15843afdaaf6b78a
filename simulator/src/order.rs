//! What every request for money begins with: how much, and for which order.
//!
//! Toss's endpoints differ in what they call a number that is missing, and in how loosely they read an orderId; all of
//! that is said here, so that none of the readers repeats it.

use serde::Deserialize;
use serde_json::Value;

use crate::amount::{self, Sum, Untaxed};
use crate::errors::{
    BELOW_ZERO_AMOUNT, Code, FAILED_INTERNAL_SYSTEM_PROCESSING, INVALID_ORDER_ID, INVALID_ORDER_NAME,
    INVALID_REQUIRED_PARAM, REQUIRED_AMOUNT,
};
use crate::means::Means;
use crate::merchants::Owner;
use crate::payments::{Currency, OpenRefused, Opening};
use crate::switches::OrderIds;

const LENGTH_MIN: usize = 6;
pub(crate) const LENGTH_MAX: usize = 64;
const NAME_LENGTH_MAX: usize = 100;

/// Fields of any JSON type, so that the first that is wrong gives the code.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    #[serde(default)]
    amount: Value,
    #[serde(default)]
    order_id: Value,
    #[serde(default)]
    order_name: Value,
    #[serde(default)]
    tax_free_amount: Value,
    #[serde(default)]
    tax_exemption_amount: Value,
}

/// The same, read and right.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) amount: i64,
    pub(crate) untaxed: Untaxed,
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Asked {
    pub(crate) fn order(&self, order_ids: OrderIds) -> Result<Order, Code> {
        self.read(|id| id.as_str().filter(|id| is_order_id(id, order_ids)).map(str::to_owned).ok_or(INVALID_ORDER_ID))
    }

    /// As the virtual accounts' endpoint reads it: `71` was taken there and came back as `"71"`.
    pub(crate) fn loose_order(&self) -> Result<Order, Code> {
        self.read(|id| {
            let text = match id {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Null => return Err(INVALID_REQUIRED_PARAM),
                Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(INVALID_ORDER_ID),
            };
            let fits = (1..=LENGTH_MAX).contains(&text.len()) && has_letters_of(&text, OrderIds::Loose);
            if fits { Ok(text) } else { Err(INVALID_ORDER_ID) }
        })
    }

    fn read(&self, id: impl FnOnce(&Value) -> Result<String, Code>) -> Result<Order, Code> {
        let amount = amount::optional(&self.amount)?.ok_or(REQUIRED_AMOUNT)?;
        if amount <= 0 {
            return Err(BELOW_ZERO_AMOUNT);
        }
        let sum = Sum { units: amount, currency: Currency::Krw };
        let name = self.order_name.as_str().filter(|name| is_order_name(name)).ok_or(INVALID_ORDER_NAME);
        Ok(Order {
            amount,
            id: id(&self.order_id)?,
            name: name?.to_owned(),
            untaxed: Untaxed::read(&self.tax_free_amount, &self.tax_exemption_amount, sum)?,
        })
    }
}

impl Order {
    /// A payment that needs no window.
    pub(crate) fn opening(self, owner: Owner, means: Means, escrow: bool) -> Opening {
        Opening {
            key: None,
            owner,
            order_id: self.id,
            order_name: self.name,
            currency: Currency::Krw,
            amount: self.amount,
            untaxed: self.untaxed,
            escrow,
            means,
            partial_cancelable: None,
            visit: None,
        }
    }
}

/// Nothing of Toss's says that it is full.
pub(crate) fn not_opened(refused: &OpenRefused) -> Code {
    match refused {
        OpenRefused::KeyTaken | OpenRefused::Full => FAILED_INTERNAL_SYSTEM_PROCESSING,
    }
}

pub(crate) fn is_order_id(text: &str, allowed: OrderIds) -> bool {
    (LENGTH_MIN..=LENGTH_MAX).contains(&text.len()) && has_letters_of(text, allowed)
}

pub(crate) fn is_order_name(text: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&text.chars().count())
}

fn has_letters_of(text: &str, allowed: OrderIds) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || allowed.extra().contains(&byte))
}
