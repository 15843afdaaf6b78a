//! Toss Payments over HTTP: what is sent, what may come back, and nothing about what it means for an order.
//!
//! Closed on our side, open on Toss's: statuses, codes and fields that nobody documented are kept as data. The base URL
//! is the only seam; tests point it at the simulator. Facts are from Toss's API reference
//! (<https://docs.tosspayments.com/reference>), version 2022-11-16, unless a comment says otherwise.

mod client;
mod wire;

pub use client::{ApiKey, ApiKeyError, BaseUrlError, CALL_LIMIT, Toss};
pub use wire::{Account, Answer, Body, CancelEntry, NoAnswer, Payment, Reply, korean_moment};

use serde::Serialize;
use uuid::Uuid;

use crate::{money::Krw, order::OrderNo, payment::PaymentKey};

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
}

/// The body of `POST /v1/payments/{paymentKey}/cancel`. Without an amount all that is left is given back. What Toss holds
/// goes along as `refundableAmount`: if it holds another amount by then, nothing is given back and an error says so.
/// The mark ends the reason, so that the refund can be found again in Toss's list.
pub fn cancel_request(reason: &str, mark: Uuid, amount: Option<Krw>, balance: Krw) -> Vec<u8> {
    let reason = marked(reason, mark);
    let request = CancelRequest { cancel_reason: &reason, cancel_amount: amount, refundable_amount: balance };
    serde_json::to_vec(&request).unwrap_or_default() // a struct of strings and numbers always serialises
}

/// A reason as Toss keeps it: at most 200 characters, of which the mark takes 35.
fn marked(reason: &str, mark: Uuid) -> String {
    format!("{reason} [{}]", mark.simple())
}

/// Is this reason, as Toss tells it, the one of our refund?
pub fn is_marked(reason: &str, mark: Uuid) -> bool {
    reason.ends_with(&format!("[{}]", mark.simple()))
}

/// The Idempotency-Key of a refund: one for each refund and epoch.
pub fn cancel_idempotency_key(mark: Uuid, key_epoch: i16) -> String {
    format!("{mark}-{key_epoch}")
}
