//! Money. Korean won has no minor unit, so an amount is a whole number and no float ever touches it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// An amount of Korean won, 0 to [`Krw::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Krw(i64);

impl Krw {
    /// 2^53 - 1: the largest integer that every JSON reader keeps exactly.
    pub const MAX: Krw = Krw(9_007_199_254_740_991);

    pub fn new(won: i64) -> Option<Krw> {
        (0..=Self::MAX.0).contains(&won).then_some(Krw(won))
    }

    pub fn won(self) -> i64 {
        self.0
    }

    /// Reads a whole number of won, as digits only: no sign, no fraction, no exponent, no spaces.
    pub fn parse(text: &str) -> Option<Krw> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().and_then(Krw::new)
    }
}

/// With thousands separators, the way both Korean and English write it: `50,000`.
impl fmt::Display for Krw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Krw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KRW", self.0)
    }
}

/// A JSON integer, or the same as a string: Toss's redirect carries the amount as text, and shops pass it on unchanged.
impl<'de> Deserialize<'de> for Krw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Krw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of won, 0 to 9007199254740991")
            }
            fn visit_i64<E: de::Error>(self, won: i64) -> Result<Krw, E> {
                Krw::new(won).ok_or_else(|| E::invalid_value(de::Unexpected::Signed(won), &self))
            }
            fn visit_u64<E: de::Error>(self, won: u64) -> Result<Krw, E> {
                i64::try_from(won)
                    .ok()
                    .and_then(Krw::new)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(won), &self))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Krw, E> {
                Krw::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::Krw;

    #[test]
    fn an_amount_is_read_from_a_number_or_its_digits_and_from_nothing_else() {
        let check = |json: &str, expected: Option<i64>| {
            let read = serde_json::from_str::<Krw>(json).ok().map(Krw::won);
            assert_eq!(read, expected, "{json}");
        };
        check("50000", Some(50_000));
        check("\"50000\"", Some(50_000));
        check("0", Some(0));
        check("9007199254740991", Some(9_007_199_254_740_991));
        check("9007199254740992", None);
        check("99999999999999999999999", None);
        check("-1", None);
        check("\"-1\"", None);
        check("\"+1\"", None);
        check("1.5", None);
        check("1e3", None);
        check("\"1 000\"", None);
        check("\"\"", None);
        check("\"fifty\"", None);
        check("null", None);
        check("true", None);
    }

    #[test]
    fn an_amount_is_shown_with_thousands_separators() {
        let shown = |won| Krw::new(won).unwrap().to_string();
        assert_eq!(shown(0), "0");
        assert_eq!(shown(999), "999");
        assert_eq!(shown(1_000), "1,000");
        assert_eq!(shown(50_000), "50,000");
        assert_eq!(shown(1_234_567), "1,234,567");
    }
}
