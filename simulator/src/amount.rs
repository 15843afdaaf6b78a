//! Amounts: whole numbers of a currency's smallest unit, read as leniently as Toss reads them.
//!
//! Toss takes an amount as a number or as a numeric string, because the success page forwards a query string. Won and
//! yen have no fraction, a dollar has hundredths: inside, 181.56 dollars are 18156, and [`Written`] and [`Sum`] are the
//! two ends where that is not so. Nothing is ever rounded but the VAT.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::errors::{Code, INVALID_REQUEST};
use crate::payments::Currency;

/// A trillion: more than anybody pays at once, and little enough for the sums over all that is kept.
const HUNDREDTHS_MAX: u64 = 100_000_000_000_000;

/// An amount in a request, whose currency may not be known yet: in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Written(i64);

/// An amount on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) units: i64,
    pub(crate) currency: Currency,
}

impl Written {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const SMALLEST: Self = Self(1);

    /// `10000`, `"10000"`, `10000.0` or `181.56`; None for anything else.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::String(text) => Self::parse(text.trim()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let is_fraction = fraction.len() <= 2 && fraction.bytes().all(|digit| digit.is_ascii_digit());
        let hundredths = is_fraction.then(|| format!("{fraction:0<2}").parse::<i64>().ok())??;
        let hundredths = if whole.starts_with('-') { -hundredths } else { hundredths };
        let written = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
        (written.unsigned_abs() <= HUNDREDTHS_MAX).then_some(Self(written))
    }

    /// In the smallest unit of this currency; None when it has none so small.
    pub(crate) fn in_units_of(self, currency: Currency) -> Option<i64> {
        let hundredths_a_unit = 100 / currency.units();
        (self.0 % hundredths_a_unit == 0).then_some(self.0 / hundredths_a_unit)
    }
}

impl Sum {
    /// For people: `49,000`, and of dollars always `1,234.50`.
    pub(crate) fn grouped(self) -> String {
        let digits = (self.units / self.currency.units()).to_string();
        let mut text = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        match self.currency {
            Currency::Krw | Currency::Jpy => text,
            Currency::Usd => format!("{text}.{:02}", self.units % self.currency.units()),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.units / self.currency.units(), self.units % self.currency.units());
        match rest.abs() {
            0 => write!(formatter, "{whole}"),
            rest => {
                let sign = if self.units < 0 && whole == 0 { "-" } else { "" };
                let fraction = format!("{rest:02}");
                write!(formatter, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
            }
        }
    }
}

impl Serialize for Sum {
    /// A whole number wherever it is one, as Toss writes it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.units % self.currency.units() == 0 {
            return serializer.serialize_i64(self.units / self.currency.units());
        }
        // Up to fifteen digits, the shortest text that reads as this number is the text it was parsed from.
        serializer.serialize_f64(self.to_string().parse().map_err(serde::ser::Error::custom)?)
    }
}

/// A number without a fraction, of won or of anything else; None for anything but one.
pub(crate) fn read(value: &Value) -> Option<i64> {
    Written::read(value)?.in_units_of(Currency::Krw)
}

/// An amount that may be left out, but not be something else.
pub(crate) fn optional(value: &Value) -> Result<Option<i64>, Code> {
    if value.is_null() { Ok(None) } else { read(value).map(Some).ok_or(INVALID_REQUEST) }
}

/// The parts of an amount that carry no VAT: what is free of it, and what is no sale at all, as a deposit on a cup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Untaxed {
    pub(crate) free: i64,
    pub(crate) exempt: i64,
}

impl Untaxed {
    /// Nothing unless said, and together never more than the whole.
    pub(crate) fn read(free: &Value, exempt: &Value, of: Sum) -> Result<Self, Code> {
        let amount = of.units;
        let part = |value: &Value| match Written::read(value).and_then(|part| part.in_units_of(of.currency)) {
            Some(part) => Ok(part),
            None if value.is_null() => Ok(0),
            None => Err(INVALID_REQUEST),
        };
        let parts = Self { free: part(free)?, exempt: part(exempt)? };
        let fit = |part: i64| (0..=amount).contains(&part);
        // Both fit before they are added, so the sum cannot overflow.
        let fits = fit(parts.free) && fit(parts.exempt) && parts.exempt <= amount - parts.free;
        if fits { Ok(parts) } else { Err(INVALID_REQUEST) }
    }

    pub(crate) fn sum(self) -> i64 {
        self.free + self.exempt
    }

    pub(crate) fn less(self, other: Self) -> Self {
        Self { free: self.free - other.free, exempt: self.exempt - other.exempt }
    }
}

/// The VAT contained in an amount: a tenth of the net, an eleventh of the whole, rounded half up.
pub(crate) fn vat(amount: i64) -> i64 {
    let twice = i128::from(amount) * 2;
    i64::try_from((twice + 11).div_euclid(22)).unwrap_or_default()
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
    fn a_dollar_has_hundredths_and_a_won_has_none() {
        let check = |text: &str, units: Option<i64>, shown: &str| {
            let written = Written::parse(text).and_then(|written| written.in_units_of(Currency::Usd));
            assert_eq!(written, units, "{text}");
            let Some(units) = units else { return };
            let sum = Sum { units, currency: Currency::Usd };
            assert_eq!((sum.to_string().as_str(), json!(sum).to_string().as_str()), (shown, shown));
        };
        check("181.56", Some(18_156), "181.56");
        check("181.5", Some(18_150), "181.5");
        check("0.10", Some(10), "0.1");
        check("0.07", Some(7), "0.07");
        check("-0.07", Some(-7), "-0.07");
        check("100.00", Some(10_000), "100");
        check("999999999999.99", Some(99_999_999_999_999), "999999999999.99");
        for wrong in ["181.567", "1.-5", "1.+5", ".5", "1e2", "1000000000000.01", "92233720368547758.08"] {
            check(wrong, None, "");
        }
        assert_eq!(Sum { units: 10_000, currency: Currency::Jpy }.to_string(), "10000");
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
        for (units, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (49_000, "49,000"), (1_234_567, "1,234,567")] {
            assert_eq!(Sum { units, currency: Currency::Krw }.grouped(), text);
        }
        assert_eq!(Sum { units: 123_450, currency: Currency::Usd }.grouped(), "1,234.50");
    }
}
