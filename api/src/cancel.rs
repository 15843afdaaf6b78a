//! `POST /api/v1/orders/{orderId}/cancel`: a refund, asked for by the shop's own server or an operator's script.
//!
//! A 202 means that the refund stands in the outbox. Toss is not asked here. The Idempotency-Key is the caller's: the same
//! request under it is the same answer again, so whoever got no answer repeats it.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use shared::{
    cancel::{self, Actor, Answer, IdempotencyKey, Reason, RefundAccount, Request, Requested, ReturnLine},
    money::Krw,
    order::{CancelStatus, OrderNo},
};

use crate::{
    AppState,
    address::{Addressed, api_address, status_address},
    body::{Fields, JsonObject, read_line, wrong},
    operator::Caller,
    problem::{CancelProblem, Problem, Wanted},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    order_id: OrderNo,
    /// 1 for the order's first refund.
    cancel_no: i16,
    cancel_amount: Krw,
    currency: &'static str,
    status: CancelStatus,
    status_url: String,
}

pub(crate) async fn cancel(
    caller: Caller,
    State(state): State<AppState>,
    address: Addressed,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let request = read(address.0, &body.fields())?;
    let requested = begin(&state, &request, caller.actor(), &key).await?;
    let accepted = Accepted {
        order_id: requested.order_no,
        cancel_no: requested.cancel_no,
        cancel_amount: requested.amount,
        currency: "KRW",
        // The promise is repeated, not the state: what became of it stands at the order.
        status: CancelStatus::InProgress,
        status_url: status_address(requested.order_no),
    };
    let headers = [(header::LOCATION, api_address(requested.order_no)), (header::RETRY_AFTER, "1".to_owned())];
    Ok((StatusCode::ACCEPTED, headers, Json(accepted)).into_response())
}

/// Writes a refund down, from the API or from the form, and wakes the workers if it is new.
pub(crate) async fn begin(
    state: &AppState,
    request: &Request,
    actor: Actor,
    key: &IdempotencyKey,
) -> Result<Requested, Problem> {
    match cancel::request(&state.pool, request, actor, key, state.account_key.as_ref()).await? {
        Answer::Accepted(requested) => {
            state.poke.workers();
            Ok(requested)
        }
        Answer::Again(requested) => Ok(requested),
        Answer::Running => Err(CancelProblem::KeyRunning.into()),
        Answer::KeyReused => Err(CancelProblem::KeyReused.into()),
        Answer::Refused(refusal) => Err(refusal.into()),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut sent = headers.get_all("idempotency-key").iter();
    let (key, more) = (sent.next().ok_or(CancelProblem::KeyMissing)?, sent.next());
    let key = key.to_str().ok().filter(|_| more.is_none()).and_then(IdempotencyKey::parse);
    Ok(key.ok_or(CancelProblem::InvalidKey)?)
}

fn read(order_no: OrderNo, body: &Fields<'_>) -> Result<Request, Problem> {
    let reason = Reason::parse(body.text("cancelReason")?).ok_or(CancelProblem::InvalidReason)?;
    let amount = body.find("cancelAmount").map(|_| body.amount("cancelAmount")).transpose()?;
    let lines = match body.find("lines") {
        None => Vec::new(),
        Some(lines) => {
            let lines = lines.as_array().ok_or_else(|| wrong("lines", Wanted::Array))?;
            lines
                .iter()
                .enumerate()
                .map(|(index, line)| read_return(&format!("lines[{index}]"), line))
                .collect::<Result<_, _>>()?
        }
    };
    let account = body.find("refundReceiveAccount").map(|account| {
        let account = Fields::of("refundReceiveAccount", account)?;
        let (bank, number, holder) =
            (account.text("bank")?, account.text("accountNumber")?, account.text("holderName")?);
        Ok::<_, Problem>(RefundAccount::parse(bank, number, holder).map_err(CancelProblem::InvalidAccount)?)
    });
    Ok(Request { order_no, reason, amount, lines, account: account.transpose()? })
}

/// `restock` is true unless it is said: what comes back is for sale again.
fn read_return(name: &str, value: &serde_json::Value) -> Result<ReturnLine, Problem> {
    let line = read_line(name, value)?;
    let restock = Fields::of(name, value)?.flag("restock", true)?;
    Ok(ReturnLine { product_id: line.product_id, quantity: line.quantity, restock })
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};
    use shared::{
        cancel::ReturnLine,
        order::{OrderNo, ProductId},
    };

    use super::{idempotency_key, read};
    use crate::{body::JsonObject, language::Language, problem::Problem};

    fn told<T>(result: Result<T, Problem>) -> Option<(String, String)> {
        let told = result.err()?.json(Language::English);
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((text("code"), text("field")))
    }

    fn check(body: &Value, expected: Option<(&str, &str)>) {
        let object = JsonObject::parse(body.to_string().as_bytes()).unwrap();
        let expected = expected.map(|(code, field)| (code.to_owned(), field.to_owned()));
        assert_eq!(told(read(OrderNo::generate(), &object.fields())), expected, "{body}");
    }

    #[test]
    fn each_wrong_field_of_a_refund_is_named_by_its_own_code() {
        let with = |name: &str, value: Value| {
            let mut body = json!({"cancelReason": "단순 변심"});
            body[name] = value;
            body
        };
        check(&json!({"cancelReason": "단순 변심"}), None);
        check(&json!({}), Some(("INVALID_REQUEST", "cancelReason")));
        check(&with("cancelReason", json!(7)), Some(("INVALID_REQUEST", "cancelReason")));
        for reason in [json!(""), json!("  "), json!("가".repeat(201)), json!("a\u{0}b")] {
            check(&with("cancelReason", reason), Some(("INVALID_CANCEL_REASON", "cancelReason")));
        }
        check(&with("cancelReason", json!("가".repeat(200))), None);
        for amount in [json!(1), json!("390000")] {
            check(&with("cancelAmount", amount), None);
        }
        for amount in [json!(-1), json!(1.5), json!("천")] {
            check(&with("cancelAmount", amount), Some(("INVALID_AMOUNT", "cancelAmount")));
        }
        check(&with("cancelAmount", json!([])), Some(("INVALID_REQUEST", "cancelAmount")));
        check(&with("lines", json!([{"productId": 1, "quantity": 1, "restock": false}])), None);
        check(&with("lines", json!({})), Some(("INVALID_REQUEST", "lines")));
        check(
            &with("lines", json!([{"productId": 1, "quantity": 0}])),
            Some(("INVALID_QUANTITY", "lines[0].quantity")),
        );
        let restock = json!([{"productId": 1, "quantity": 1, "restock": "no"}]);
        check(&with("lines", restock), Some(("INVALID_REQUEST", "lines[0].restock")));
        let account = |name: &str, value: Value| {
            let mut account = json!({"bank": "88", "accountNumber": "110123456789", "holderName": "김한번"});
            account[name] = value;
            with("refundReceiveAccount", account)
        };
        check(&account("bank", json!("88")), None);
        for (name, value) in [("bank", "신한은행"), ("accountNumber", "110-123"), ("holderName", "")] {
            let field = format!("refundReceiveAccount.{name}");
            check(&account(name, json!(value)), Some(("INVALID_REFUND_ACCOUNT", &field)));
            check(&account(name, json!(null)), Some(("INVALID_REQUEST", &field)));
        }
        check(&with("refundReceiveAccount", json!("88")), Some(("INVALID_REQUEST", "refundReceiveAccount")));
    }

    #[test]
    fn what_comes_back_is_for_sale_again_unless_it_is_said() {
        let body = json!({"cancelReason": "r", "lines": [{"productId": 1, "quantity": 2}, {"productId": 2, "quantity": 1, "restock": false}]});
        let object = JsonObject::parse(body.to_string().as_bytes()).unwrap();
        let line = |id, quantity, restock| ReturnLine { product_id: ProductId(id), quantity, restock };
        let request = read(OrderNo::generate(), &object.fields()).unwrap();
        assert_eq!(request.lines, [line(1, 2, true), line(2, 1, false)]);
        assert_eq!((request.amount, request.account), (None, None));
    }

    #[test]
    fn an_idempotency_key_is_one_header_with_or_without_quotes() {
        let key = |values: &[&'static str]| {
            let name = axum::http::HeaderName::from_static("idempotency-key");
            let headers: HeaderMap =
                values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect();
            idempotency_key(&headers)
        };
        assert_eq!(key(&["a-1"]).unwrap(), key(&["\"a-1\""]).unwrap());
        assert_eq!(told(key(&[])).unwrap().0, "IDEMPOTENCY_KEY_REQUIRED");
        for wrong in [&[""][..], &["a b"], &["\"a\"b\""], &["a", "b"]] {
            assert_eq!(told(key(wrong)).unwrap().0, "INVALID_IDEMPOTENCY_KEY", "{wrong:?}");
        }
    }
}
