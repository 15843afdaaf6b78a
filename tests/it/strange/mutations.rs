//! Strange values, and bodies that hold them in the place of right ones.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Map, Value, json};

/// As they stand in the text. What is no JSON makes a body of it that is none.
pub(super) const VALUES: [&str; 58] = [
    // times
    r#""9999-12-31T23:59:59-23:59""#,
    r#""9999-12-31T23:59:59+23:59""#,
    r#""9999-12-31T23:59:59""#,
    r#""9999-12-31T23:59:59.999999999999-23:59""#,
    r#""9999-12-31T23:59:60-23:59""#,
    r#""0000-01-01T00:00:00+23:59""#,
    r#""0000-01-01T00:00:00""#,
    r#""-9999-01-01T00:00:00+23:59""#,
    r#""-9999-01-01T00:00:00""#,
    r#""2026-09-01T12:00:31""#,
    r#""2026-09-01T12:00:31.123456789012+09:00""#,
    r#""2026-07-01T08:59:60+09:00""#,
    r#""2026-09-01 12:00:31""#,
    r#""2000-01-01T00:00:00-23:59""#,
    r#""2999-12-31T23:59:59Z""#,
    // numbers
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "0.1",
    "5e4",
    "1e308",
    "1e400",
    "-1e400",
    "-9223372036854775808",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "9007199254740992",
    "50000.0",
    "50000.5",
    "NaN",
    "Infinity",
    r#""50000""#,
    r#""NaN""#,
    r#""٥٠٠٠٠""#,
    r#""-9223372036854775808""#,
    r#""99999999999999999999999""#,
    // addresses
    r#""javascript:alert(1)""#,
    r#""https://toss.example@evil.example/""#,
    r#""http://[""#,
    r#"{"url":"java\nscript:alert(1)"}"#,
    // text
    r#""""#,
    r#""\u0000""#,
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\u202e\ufeff""#,
    r#""A_STATE_OF_TOMORROW""#,
    r#""'; drop table orders; --""#,
    // kinds
    "null",
    "true",
    "[]",
    "{}",
    r#"[[],{},"DONE"]"#,
    r#"{"\u0000":"\u0000"}"#,
    r#"{"":{"":[]}}"#,
    "[null,null]",
];

/// Stands for the text of a value until the body is written.
const VALUE_MARK: &str = "\u{e000}value";
/// The same for a field's name that stands there already.
const NAME_MARK: &str = "\u{e000}name";

pub(super) struct Mutations(StdRng);

impl Mutations {
    pub(super) fn of(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// The body with some of its values changed: JSON as far as the values are.
    pub(super) fn of_values(&mut self, body: &Value) -> String {
        let mut text = body.to_string();
        for _ in 0..self.0.random_range(1..=3) {
            let Ok(mut changed) = serde_json::from_str(&text) else { break };
            let path = self.path(&changed);
            let value = self.value();
            match self.0.random_range(0..8) {
                0 => remove(&mut changed, &path),
                1 => {
                    let held = changed.pointer(&path).cloned().unwrap_or_default();
                    set(&mut changed, &path, json!([held]));
                }
                2 => {
                    let name = self.twice(&mut changed, &path);
                    text = written(&changed, &name, &value);
                    continue;
                }
                _ => set(&mut changed, &path, json!(VALUE_MARK)),
            }
            text = written(&changed, "", &value);
        }
        text
    }

    /// The same, or with bytes of it changed, lost or added.
    pub(super) fn of_bytes(&mut self, body: &Value) -> Vec<u8> {
        let mut bytes = self.of_values(body).into_bytes();
        let at = self.0.random_range(0..=bytes.len());
        match self.0.random_range(0..12) {
            0 => bytes.truncate(at),
            1 => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
            2 => bytes.insert(at, self.0.random()),
            3 if at < bytes.len() => bytes[at] = self.0.random(),
            4 if at < bytes.len() => bytes[at] ^= 1 << self.0.random_range(0..8),
            5 => bytes.splice(at..at, *b"{\"a\":[").for_each(drop),
            _ => {}
        }
        bytes
    }

    fn value(&mut self) -> String {
        match self.0.random_range(0..40) {
            0 => {
                let depth = self.0.random_range(100..=200);
                format!("{}{}", "[".repeat(depth), "]".repeat(depth))
            }
            1 => {
                let length = self.0.random_range(1..=400_000);
                format!("{:?}", "가".repeat(length / 3))
            }
            _ => (*VALUES.choose(&mut self.0).unwrap()).to_owned(),
        }
    }

    /// Any place in the body, its root the least often.
    fn path(&mut self, body: &Value) -> String {
        let mut path = String::new();
        let mut here = body;
        loop {
            let names: Vec<String> = match here {
                Value::Object(fields) => fields.keys().map(|name| name.replace('~', "~0").replace('/', "~1")).collect(),
                Value::Array(elements) => (0..elements.len()).map(|at| at.to_string()).collect(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
            };
            let stays = self.0.random_bool(if path.is_empty() { 0.02 } else { 0.3 });
            let Some(name) = names.choose(&mut self.0).filter(|_| !stays) else { return path };
            path = format!("{path}/{name}");
            here = body.pointer(&path).unwrap_or(&Value::Null);
        }
    }

    /// Adds a field that is to have the name of another one, which it returns as it is written.
    fn twice(&mut self, body: &mut Value, path: &str) -> String {
        let beside = path.rfind('/').map_or("", |end| &path[..end]);
        let Some(Value::Object(fields)) = body.pointer_mut(beside) else { return String::new() };
        let names: Vec<String> = fields.keys().cloned().collect();
        let Some(name) = names.choose(&mut self.0) else { return String::new() };
        // In a place of its own in the text: our mark is the last of the names.
        fields.insert(NAME_MARK.to_owned(), json!(VALUE_MARK));
        let written = json!(name).to_string();
        written[1..written.len() - 1].to_owned()
    }
}

/// The body as text, with the name and the value in the places of their marks.
fn written(body: &Value, name: &str, value: &str) -> String {
    let text = body.to_string().replacen(NAME_MARK, name, 1).replacen(&format!("\"{VALUE_MARK}\""), value, 1);
    assert!(!text.contains('\u{e000}'), "a mark was not replaced: {text:.2000}");
    text
}

fn set(body: &mut Value, path: &str, value: Value) {
    if let Some(place) = body.pointer_mut(path) {
        *place = value;
    }
}

fn remove(body: &mut Value, path: &str) {
    let Some((beside, name)) = path.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    if let Some(fields) = body.pointer_mut(beside).and_then(Value::as_object_mut) {
        fields.remove(&name);
    }
}

/// One body for each of the values in the place of each of these fields, which are paths.
pub(super) fn each_value(body: &Value, paths: &[&str]) -> Vec<String> {
    let in_place = |path: &&str| {
        let mut marked = body.clone();
        insert(&mut marked, path, json!(VALUE_MARK));
        VALUES.map(|value| written(&marked, "", value))
    };
    paths.iter().flat_map(in_place).collect()
}

fn insert(body: &mut Value, path: &str, value: Value) {
    let Some((beside, name)) = path.rsplit_once('/') else { return };
    if let Some(place) = body.pointer_mut(path) {
        *place = value;
    } else if let Some(fields) = body.pointer_mut(beside).and_then(Value::as_object_mut) {
        fields.insert(name.to_owned(), value);
    } else {
        set(body, beside, Value::Object(Map::from_iter([(name.to_owned(), value)])));
    }
}

/// Bodies that are strange as a whole.
pub(super) fn strange_bodies(body: &Value) -> Vec<Vec<u8>> {
    let text = body.to_string();
    let twice = text.replacen('{', r#"{"status":"ABORTED","#, 1);
    let nested = format!("{}{text}{}", "[".repeat(200), "]".repeat(200));
    let deep = text.replacen('{', &format!(r#"{{"deep":{}{},"#, "[".repeat(200), "]".repeat(200)), 1);
    let large = text.replacen('{', &format!(r#"{{"large":"{}","#, "x".repeat(5_000_000)), 1);
    let mut all = [
        "",
        " ",
        "{",
        "{}",
        "[]",
        "null",
        "0",
        "\"DONE\"",
        "NaN",
        "<html>Bad Gateway</html>",
        "{\"code\":7}",
        "\0",
        &format!("[{text}]"),
        &format!("{text}{text}"),
        &format!("\u{feff}{text}"),
        "{\"status\":\"DO",
        &twice,
        &nested,
        &deep,
        &large,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    all.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    all.push(text.as_bytes()[..text.len() / 2].to_vec());
    all.push(b"\xff\xfe\xfd".to_vec());
    all.push([text.as_bytes(), b"\0"].concat());
    all
}
