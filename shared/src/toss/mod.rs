//! Toss Payments over HTTP: what is sent, what may come back, and nothing about what it means for an order.
//!
//! Closed on our side, open on Toss's: statuses, codes and fields that nobody documented are kept as data. The base URL
//! is the only seam; tests point it at the simulator. Facts are from Toss's API reference
//! (<https://docs.tosspayments.com/reference>), version 2022-11-16, unless a comment says otherwise.

mod client;
mod timestamp;
mod wire;

pub use client::{ApiKey, ApiKeyError, BaseUrlError, CALL_LIMIT, Toss};
pub use timestamp::parse_timestamp;
pub use wire::{Account, Answer, Body, CancelEntry, NoAnswer, Payment, Reply, read_answer};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{cancel::RefundAccount, money::Krw, order::OrderNo, payment::PaymentKey};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfirmRequest<'a> {
    payment_key: &'a str,
    order_id: OrderNo,
    amount: Krw,
}

/// The body of `POST /v1/payments/confirm`: these three fields and no other. It is stored when a confirm is accepted
/// and sent unchanged ever after.
pub fn confirm_request(payment_key: &PaymentKey, order_no: OrderNo, amount: Krw) -> Vec<u8> {
    let request = ConfirmRequest { payment_key: payment_key.expose(), order_id: order_no, amount };
    serde_json::to_vec(&request).unwrap_or_default() // a struct of strings and a number always serialises
}

/// The Idempotency-Key of a payment's confirm: it names the payment and the epoch, and nothing about the try, so every
/// repeat within an epoch is the same request to Toss. At most 49 characters; Toss allows 300.
pub fn idempotency_key(order_no: OrderNo, payment_no: i16, key_epoch: i16) -> String {
    format!("{order_no}-{payment_no}-{key_epoch}")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelRequest<'a> {
    cancel_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_amount: Option<Krw>,
    refundable_amount: Krw,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_receive_account: Option<&'a RefundAccount>,
}

/// The body of `POST /v1/payments/{paymentKey}/cancel`. Without an amount all that is left is given back. What Toss holds
/// goes along as `refundableAmount`: if it holds another amount by then, nothing is given back and an error says so.
/// The mark ends the reason, so that the refund can be found again in Toss's list. An account only for what was deposited
/// into a virtual one.
pub fn cancel_request(
    reason: &str,
    mark: Uuid,
    amount: Option<Krw>,
    balance: Krw,
    account: Option<&RefundAccount>,
) -> Vec<u8> {
    let reason = marked(reason, mark);
    let request = CancelRequest {
        cancel_reason: &reason,
        cancel_amount: amount,
        refundable_amount: balance,
        refund_receive_account: account,
    };
    serde_json::to_vec(&request).unwrap_or_default() // a struct of strings and numbers always serialises
}

/// The account in the body of a cancel.
pub fn refund_account(request: &[u8]) -> Option<RefundAccount> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Account {
        refund_receive_account: RefundAccount,
    }
    serde_json::from_slice(request).ok().map(|request: Account| request.refund_receive_account)
}

/// Toss's limit for a reason (API reference, `cancelReason`).
const REASON_LENGTH_MAX: usize = 200;

/// A reason as Toss keeps it. The mark takes 35 of its characters, so a long reason loses its end.
fn marked(reason: &str, mark: Uuid) -> String {
    let mark = format!(" [{}]", mark.simple());
    let room = REASON_LENGTH_MAX - mark.len();
    if reason.chars().count() <= room {
        return format!("{reason}{mark}");
    }
    let kept: String = reason.chars().take(room - 1).collect();
    format!("{kept}…{mark}")
}

/// Is this reason, as Toss tells it, the one of our refund?
pub fn is_marked(reason: &str, mark: Uuid) -> bool {
    reason.ends_with(&format!("[{}]", mark.simple()))
}

/// Is the refund with this mark made, by the list of cancels in Toss's answer about its payment?
pub fn refund_is_made(answer: &Value, mark: Uuid) -> bool {
    let cancels = answer.get("cancels").and_then(Value::as_array).into_iter().flatten();
    let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    let ours = |entry: &&Value| text(entry, "cancelReason").is_some_and(|reason| is_marked(&reason, mark));
    cancels.filter(ours).any(|entry| !matches!(text(entry, "cancelStatus").as_deref(), Some("IN_PROGRESS" | "ABORTED")))
}

/// The Idempotency-Key of a refund: one for each refund and epoch.
pub fn cancel_idempotency_key(mark: Uuid, key_epoch: i16) -> String {
    format!("{mark}-{key_epoch}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{cancel_request, is_marked, refund_account};
    use crate::{cancel::RefundAccount, money::Krw};

    #[test]
    fn a_cancel_says_what_to_give_back_and_what_we_believe_is_there() {
        let mark = Uuid::now_v7();
        let balance = Krw::new(50_000).unwrap();
        let read = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).unwrap();
        let reason = format!("단순 변심 [{}]", mark.simple());
        let full = read(cancel_request("단순 변심", mark, None, balance, None));
        assert_eq!(full, json!({"cancelReason": reason, "refundableAmount": 50_000}));
        let account = RefundAccount::parse("88", "110123456789", "김한번").unwrap();
        let bytes = cancel_request("단순 변심", mark, Krw::new(1), balance, Some(&account));
        assert_eq!(refund_account(&bytes), Some(account));
        let account = json!({"bank": "88", "accountNumber": "110123456789", "holderName": "김한번"});
        assert_eq!(
            read(bytes),
            json!({"cancelReason": reason, "cancelAmount": 1, "refundableAmount": 50_000, "refundReceiveAccount": account})
        );
        assert_eq!(refund_account(&cancel_request("단순 변심", mark, None, balance, None)), None);
    }

    #[test]
    fn the_mark_ends_every_reason_and_it_stays_within_toss_limit() {
        let mark = Uuid::now_v7();
        for reason in ["가", &"가".repeat(165), &"가".repeat(166), &"가".repeat(200)] {
            let body: Value = serde_json::from_slice(&cancel_request(reason, mark, None, Krw::MAX, None)).unwrap();
            let sent = body["cancelReason"].as_str().unwrap();
            assert!(is_marked(sent, mark) && sent.chars().count() <= 200, "{sent}");
            assert!(!is_marked(sent, Uuid::now_v7()));
        }
    }
}
