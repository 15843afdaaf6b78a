//! Amounts: whole units of a currency, read as leniently as Toss reads them.
//!
//! Toss takes an amount as a number or as a numeric string, because the success page forwards a query string. Fractions
//! (dollar cents) are not supported yet and are refused rather than rounded.

use serde_json::Value;

use crate::errors::{Code, INVALID_REQUEST};

/// A trillion: more than anybody pays at once, and little enough for the sums over a million entries.
const AMOUNT_MAX: u64 = 1_000_000_000_000;

/// The whole number in `10000`, `"10000"` or `10000.0`; None for anything else.
pub(crate) fn read(value: &Value) -> Option<i64> {
    let amount = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(&number.to_string())),
        Value::String(text) => whole(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    amount.filter(|amount| amount.unsigned_abs() <= AMOUNT_MAX)
}

/// An amount that may be left out, but not be something else.
pub(crate) fn optional(value: &Value) -> Result<Option<i64>, Code> {
    if value.is_null() { Ok(None) } else { read(value).map(Some).ok_or(INVALID_REQUEST) }
}

/// The part of an amount that carries no VAT: nothing unless said, and never more than the whole.
pub(crate) fn tax_free(value: &Value, amount: i64) -> Result<i64, Code> {
    let part = optional(value)?.unwrap_or(0);
    if (0..=amount).contains(&part) { Ok(part) } else { Err(INVALID_REQUEST) }
}

fn whole(text: &str) -> Option<i64> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.bytes().all(|digit| digit == b'0') { units.parse().ok() } else { None }
}

/// The VAT contained in an amount: a tenth of the net, an eleventh of the whole, rounded half up.
pub(crate) fn vat(amount: i64) -> i64 {
    let twice = i128::from(amount) * 2;
    i64::try_from((twice + 11).div_euclid(22)).unwrap_or_default()
}

/// `49,000`.
pub(crate) fn grouped(amount: i64) -> String {
    let digits = amount.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_numeric_strings_are_amounts_and_fractions_are_not() {
        let check = |value: Value, expected| assert_eq!(read(&value), expected, "{value}");
        check(json!(50_000), Some(50_000));
        check(json!("50000"), Some(50_000));
        check(json!("9026.00"), Some(9026));
        check(json!(1_000_000_000_000_i64), Some(1_000_000_000_000));
        check(json!(1_000_000_000_001_i64), None);
        check(json!(i64::MIN), None);
        check(json!(50_000_000_000_i64), Some(50_000_000_000));
        check(serde_json::from_str("10000.0").unwrap(), Some(10_000));
        check(json!("181.56"), None);
        check(json!("ten"), None);
        check(json!(""), None);
        check(json!(null), None);
        check(json!([1]), None);
    }

    #[test]
    fn vat_is_an_eleventh_rounded_half_up() {
        for (amount, expected) in [
            (1_000, 91),
            (9_026, 821),
            (10_000, 909),
            (15_000, 1_364),
            (30_000, 2_727),
            (50_000, 4_545),
            (163_020, 14_820),
            (500_000, 45_455),
            (0, 0),
        ] {
            assert_eq!(vat(amount), expected, "{amount}");
        }
    }

    #[test]
    fn thousands_are_grouped() {
        for (amount, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (49_000, "49,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(amount), text);
        }
    }
}
