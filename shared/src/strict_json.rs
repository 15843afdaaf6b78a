//! JSON of strangers as a value that means one thing and can be stored.
//!
//! RFC 8259 leaves open what a field means that stands twice in one object, and parsers differ: who checks the first
//! `status` and who believes the last one read two messages. So such a text is refused, at any depth. PostgreSQL stores every
//! character but NUL, in no text and in no name of a field: it is replaced, since a message that cannot be written down
//! would be asked for for ever.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Reads all of `bytes` as one value, nested at most 127 deep (`serde_json`'s own bound). `None`: it is no JSON, or
/// ambiguous.
pub(crate) fn read(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok().map(|StrictValue(value)| value)
}

struct StrictValue(Value);

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON in which no object names a field twice")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number without a value"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(without_nul(text).into_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(StrictValue(value)) = elements.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some((name, StrictValue(value))) = entries.next_entry::<String, _>()? {
            if fields.insert(without_nul(&name).into_owned(), value).is_some() {
                return Err(A::Error::custom("a field stands twice in one object"));
            }
        }
        Ok(Value::Object(fields))
    }
}

fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::read;

    #[test]
    fn what_means_one_thing_is_read_as_serde_json_reads_it() {
        for text in [
            r#"{"a":[1,-1,18446744073709551615,-9223372036854775808,1.5,-0,1e300,true,null,"가\u0041\ud83d\ude00"],"b":{"a":{}}}"#,
            " [ ] ",
            "\"DONE\"",
            "7",
            r#"[{"a":1},{"a":2}]"#, // twice, and not in one object
        ] {
            assert_eq!(read(text.as_bytes()), Some(serde_json::from_str::<Value>(text).unwrap()), "{text}");
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"status":"DONE","status":"ABORTED"}"#,
            r#"{"status":"DONE","status":"DONE"}"#,
            r#"{"status":"DONE","\u0073tatus":"ABORTED"}"#,
            r#"{"data":{"cancels":[{"cancelAmount":1,"cancelAmount":2}]}}"#,
            r#"[[{"a":null,"a":null}]]"#,
            r#"{"a\u0000":1,"a\ufffd":2}"#,
        ] {
            assert!(serde_json::from_str::<Value>(text).is_ok());
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(deep(127).as_bytes()).is_some());
        for text in [
            "",
            "{",
            "{} {}",
            "\u{feff}{}",
            "NaN",
            "1e400",
            r#""\ud800""#,
            r#"{"a":NaN}"#,
            r#"{"\ud800":1}"#,
            &deep(128),
            &deep(100_000),
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text:.40}");
        }
        assert_eq!(read(b"\"\xff\""), None);
    }

    #[test]
    fn a_character_that_cannot_be_stored_is_replaced_wherever_it_stands() {
        let read = read(br#"{"a\u0000":["\u0000",{"b\u0000c":"d\u0000"}]}"#).unwrap();
        assert_eq!(read, json!({"a\u{fffd}": ["\u{fffd}", {"b\u{fffd}c": "d\u{fffd}"}]}));
    }
}
