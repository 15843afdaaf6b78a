//! Reading JSON bodies field by field, so that each wrong field is named and has a code of its own.
//!
//! A derived deserialiser would stop at the first mistake with a sentence written for programmers. Unknown fields are
//! passed over; `null` counts as missing.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header},
};
use serde_json::{Map, Value};
use shared::{
    money::Krw,
    order::{CustomerId, LINES_MAX, Line, OrderNo, ProductId, QUANTITY_MAX},
    payment::PaymentKey,
};

use crate::problem::{Problem, Wanted};

/// The largest body taken. A hundred lines are about 5 KiB.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// A body that is one JSON object.
pub(crate) struct JsonObject(Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::UnsupportedMediaType);
        }
        match Bytes::from_request(request, state).await {
            Ok(body) => Self::parse(&body),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::BodyTooLarge),
            Err(_) => Err(Problem::MalformedJson), // the connection ended in the middle of it
        }
    }
}

/// Why a form could not be read.
pub(crate) fn form_problem(rejection: &FormRejection) -> Problem {
    match rejection.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::UnsupportedMediaType,
        StatusCode::PAYLOAD_TOO_LARGE => Problem::BodyTooLarge,
        _ => wrong("form", Wanted::Parameters),
    }
}

/// Sites of others can send a form or plain text without asking, but not this type: it also keeps them out.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

impl JsonObject {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(wrong("body", Wanted::Object)),
            Err(_) => Err(Problem::MalformedJson),
        }
    }

    pub(crate) fn user_id(&self) -> Result<CustomerId, Problem> {
        let id = self.fields().positive("userId", |_| Problem::InvalidUserId)?;
        Ok(CustomerId(id))
    }

    /// A number, or the same as a string: Toss's redirect carries the amount as text, and shops pass it on unchanged.
    pub(crate) fn amount(&self) -> Result<Krw, Problem> {
        self.fields().amount("amount")
    }

    pub(crate) fn order_no(&self) -> Result<OrderNo, Problem> {
        OrderNo::parse(self.fields().text("orderId")?).ok_or(Problem::InvalidOrderId)
    }

    pub(crate) fn payment_key(&self) -> Result<PaymentKey, Problem> {
        PaymentKey::parse(self.fields().text("paymentKey")?).ok_or(Problem::InvalidPaymentKey)
    }

    /// `orderProducts`, or the older `orderProduct` with one line.
    pub(crate) fn lines(&self) -> Result<Vec<Line>, Problem> {
        let fields = self.fields();
        match (fields.find("orderProducts"), fields.find("orderProduct")) {
            (Some(_), Some(_)) => Err(wrong("orderProduct", Wanted::OnlyOne)),
            (None, Some(line)) => Ok(vec![read_line("orderProduct", line)?]),
            (None, None) => Err(wrong("orderProducts", Wanted::Something)),
            (Some(lines), None) => {
                let lines = lines.as_array().ok_or_else(|| wrong("orderProducts", Wanted::Array))?;
                if lines.len() > LINES_MAX {
                    return Err(Problem::TooManyLines);
                }
                let read = |(index, line)| read_line(&format!("orderProducts[{index}]"), line);
                lines.iter().enumerate().map(read).collect()
            }
        }
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields { within: "", map: &self.0 }
    }
}

pub(crate) fn read_line(name: &str, line: &Value) -> Result<Line, Problem> {
    let fields = Fields::of(name, line)?;
    let product_id = fields.positive("productId", |field| Problem::InvalidProductId { field })?;
    let quantity = fields.positive("quantity", |field| Problem::InvalidQuantity { field })?;
    let quantity = i32::try_from(quantity).ok().filter(|quantity| *quantity <= QUANTITY_MAX);
    let quantity = quantity.ok_or_else(|| Problem::InvalidQuantity { field: fields.path("quantity") })?;
    Ok(Line { product_id: ProductId(product_id), quantity })
}

pub(crate) fn wrong(field: &str, wanted: Wanted) -> Problem {
    Problem::InvalidRequest { field: field.to_owned(), wanted }
}

/// The fields of one object, and where in the body it stands.
pub(crate) struct Fields<'a> {
    within: &'a str,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// Of the object that stands at `within`.
    pub(crate) fn of(within: &'a str, value: &'a Value) -> Result<Self, Problem> {
        let map = value.as_object().ok_or_else(|| wrong(within, Wanted::Object))?;
        Ok(Self { within, map })
    }

    fn path(&self, name: &str) -> String {
        if self.within.is_empty() { name.to_owned() } else { format!("{}.{name}", self.within) }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn required(&self, name: &str) -> Result<&'a Value, Problem> {
        self.find(name).ok_or_else(|| wrong(&self.path(name), Wanted::Something))
    }

    pub(crate) fn text(&self, name: &str) -> Result<&'a str, Problem> {
        self.required(name)?.as_str().ok_or_else(|| wrong(&self.path(name), Wanted::Text))
    }

    pub(crate) fn amount(&self, name: &str) -> Result<Krw, Problem> {
        let invalid = || Problem::InvalidAmount { field: self.path(name) };
        match self.required(name)? {
            Value::Number(number) => number.as_i64().and_then(Krw::new).ok_or_else(invalid),
            Value::String(text) => Krw::parse(text).ok_or_else(invalid),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                Err(wrong(&self.path(name), Wanted::Amount))
            }
        }
    }

    pub(crate) fn flag(&self, name: &str, unless_said: bool) -> Result<bool, Problem> {
        let Some(value) = self.find(name) else { return Ok(unless_said) };
        value.as_bool().ok_or_else(|| wrong(&self.path(name), Wanted::Flag))
    }

    /// An integer from 1 up; `otherwise` makes the problem of a number that is not.
    fn positive(&self, name: &str, otherwise: fn(String) -> Problem) -> Result<i64, Problem> {
        let Value::Number(number) = self.required(name)? else {
            return Err(wrong(&self.path(name), Wanted::Integer));
        };
        number.as_i64().filter(|number| *number >= 1).ok_or_else(|| otherwise(self.path(name)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};
    use serde_json::{Value, json};

    use super::{JsonObject, is_json};
    use crate::{language::Language, problem::Problem};

    /// The code of the first problem of a body that holds `part` beside good fields, and the field it names.
    fn refusal<T>(part: &Value, read: impl Fn(&JsonObject) -> Result<T, Problem>) -> Option<(String, String)> {
        let body = JsonObject::parse(part.to_string().as_bytes()).and_then(|body| read(&body));
        let told = body.err()?.json(Language::English);
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((text("code"), text("field")))
    }

    fn check<T>(part: &Value, read: impl Fn(&JsonObject) -> Result<T, Problem>, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(code, field)| (code.to_owned(), field.to_owned()));
        assert_eq!(refusal(part, read), expected, "{part}");
    }

    #[test]
    fn a_body_is_one_json_object() {
        let check = |body: &[u8], code: &str| {
            let told = JsonObject::parse(body).err().map(|problem| problem.json(Language::English)["code"].clone());
            assert_eq!(told, Some(json!(code)), "{}", String::from_utf8_lossy(body));
        };
        for body in [b"".as_slice(), b"{", b"{} {}", b"{\"a\":1,}", b"\xff", b"{\"a\":\"\xff\"}", b"NaN"] {
            check(body, "MALFORMED_JSON");
        }
        check("[".repeat(200).as_bytes(), "MALFORMED_JSON");
        check(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).as_bytes(), "MALFORMED_JSON");
        for body in [b"[]".as_slice(), b"1", b"null", b"\"{}\""] {
            check(body, "INVALID_REQUEST");
        }
    }

    #[test]
    fn each_wrong_field_is_named_by_its_own_code() {
        let user = JsonObject::user_id;
        check(&json!({"userId": 1}), user, None);
        check(&json!({}), user, Some(("INVALID_REQUEST", "userId")));
        check(&json!({"userId": null}), user, Some(("INVALID_REQUEST", "userId")));
        check(&json!({"userId": "1"}), user, Some(("INVALID_REQUEST", "userId")));
        for id in [json!(0), json!(-1), json!(1.5), json!(9_223_372_036_854_775_808_u64), json!(1e300)] {
            check(&json!({"userId": id}), user, Some(("INVALID_USER_ID", "userId")));
        }

        let amount = JsonObject::amount;
        for won in [json!(0), json!(50_000), json!("50000"), json!(9_007_199_254_740_991_i64)] {
            check(&json!({"amount": won}), amount, None);
        }
        for won in [json!(-1), json!(1.5), json!("1.5"), json!("fifty"), json!(""), json!(9_007_199_254_740_992_i64)] {
            check(&json!({"amount": won}), amount, Some(("INVALID_AMOUNT", "amount")));
        }
        for won in [json!(true), json!([1]), json!({}), json!(null)] {
            check(&json!({"amount": won}), amount, Some(("INVALID_REQUEST", "amount")));
        }

        let order = JsonObject::order_no;
        check(&json!({"orderId": "019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e"}), order, None);
        check(&json!({"orderId": 7}), order, Some(("INVALID_REQUEST", "orderId")));
        for id in ["", "7", "../../etc/passwd", "019ab7f23c557d8e9b144f0f6a1c2d3e"] {
            check(&json!({"orderId": id}), order, Some(("INVALID_ORDER_ID", "orderId")));
        }

        let key = JsonObject::payment_key;
        check(&json!({"paymentKey": "tgen_1"}), key, None);
        check(&json!({"paymentKey": 7}), key, Some(("INVALID_REQUEST", "paymentKey")));
        for text in ["", "a b", "a\0b", "..", &"k".repeat(201)] {
            check(&json!({"paymentKey": text}), key, Some(("INVALID_PAYMENT_KEY", "paymentKey")));
        }
    }

    #[test]
    fn lines_are_read_from_either_form_but_not_from_both() {
        let lines = JsonObject::lines;
        let line = json!({"productId": 1, "quantity": 2});
        check(&json!({"orderProducts": [line]}), lines, None);
        check(&json!({"orderProducts": [line], "orderProduct": null}), lines, None);
        check(&json!({"orderProduct": line}), lines, None);
        check(&json!({}), lines, Some(("INVALID_REQUEST", "orderProducts")));
        check(
            &json!({"orderProducts": [line], "orderProduct": line}),
            lines,
            Some(("INVALID_REQUEST", "orderProduct")),
        );
        check(&json!({"orderProducts": line}), lines, Some(("INVALID_REQUEST", "orderProducts")));
        check(&json!({"orderProducts": [line, 1]}), lines, Some(("INVALID_REQUEST", "orderProducts[1]")));
        check(&json!({"orderProduct": [line]}), lines, Some(("INVALID_REQUEST", "orderProduct")));
        check(&json!({"orderProducts": vec![line.clone(); 101]}), lines, Some(("TOO_MANY_LINES", "")));

        let with = |name: &str, value: Value| {
            let mut second = line.clone();
            second[name] = value;
            json!({"orderProducts": [line, second]})
        };
        let quantity = "orderProducts[1].quantity";
        check(&with("quantity", json!("2")), lines, Some(("INVALID_REQUEST", quantity)));
        check(&with("quantity", json!(null)), lines, Some(("INVALID_REQUEST", quantity)));
        for wrong in [json!(0), json!(-1), json!(1.5), json!(10_001), json!(2_147_483_648_i64)] {
            check(&with("quantity", wrong), lines, Some(("INVALID_QUANTITY", quantity)));
        }
        check(&with("productId", json!(0)), lines, Some(("INVALID_PRODUCT_ID", "orderProducts[1].productId")));
        check(&with("productId", json!([])), lines, Some(("INVALID_REQUEST", "orderProducts[1].productId")));
    }

    #[test]
    fn only_json_is_taken_for_json() {
        let check = |kind: &'static str, expected: bool| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
            assert_eq!(is_json(&headers), expected, "{kind}");
        };
        check("application/json", true);
        check("Application/JSON; charset=utf-8", true);
        check("application/vnd.shop+json", true);
        check("text/plain", false);
        check("application/x-www-form-urlencoded", false);
        check("text/plain; application/json", false);
        assert!(!is_json(&HeaderMap::new()));
    }
}
