//! What an answer of Toss means for a payment. Pure: the same answer always means the same.
//!
//! Codes decide, never the HTTP status and never the text. What is not understood is unknown, and unknown keeps the
//! intent alive: nothing here can call a payment failed.

use shared::{
    money::Krw,
    order::OrderNo,
    outbox::{Approval, Call},
    payment::PaymentKey,
    toss::{Answer, Body, Payment, Reply},
};

/// Toss is still working on an earlier send of the same request (API reference, Idempotency-Key).
const STILL_PROCESSING: &str = "IDEMPOTENT_REQUEST_PROCESSING";

/// The payment that was asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) payment_key: &'a PaymentKey,
    pub(crate) order_no: OrderNo,
    pub(crate) amount: Krw,
}

#[derive(Debug)]
pub(crate) enum Meaning {
    /// Toss holds the money: paid.
    Approved(Box<Approval>),
    /// We do not know whether Toss acted. The same request under the same key is safe and will tell.
    Unknown,
    /// The same, and Toss said so itself: nobody's failure.
    Busy,
    /// An answer came, so the key is burnt: it would only be answered the same again. Ask where the payment stands.
    Burnt,
    /// Toss shows the payment authenticated and not approved: the money did not move.
    NotMoved,
}

pub(crate) fn classify(about: About<'_>, call: Call, reply: &Reply) -> Meaning {
    match (call, reply) {
        (Call::Confirm, Reply::NoAnswer(_)) => Meaning::Unknown,
        (_, Reply::Answer(Answer { body: Body::Payment(payment), .. })) => read_payment(about, call, payment),
        (Call::Confirm, Reply::Answer(Answer { body: Body::Error { code, .. }, .. })) if code == STILL_PROCESSING => {
            Meaning::Busy
        }
        // A query that showed nothing leaves the question open.
        (Call::Query, Reply::NoAnswer(_)) | (_, Reply::Answer(Answer { body: Body::Error { .. }, .. })) => {
            Meaning::Burnt
        }
    }
}

fn read_payment(about: About<'_>, call: Call, payment: &Payment) -> Meaning {
    if !payment.is_about(about.payment_key, about.order_no, about.amount) {
        return Meaning::Burnt;
    }
    match payment.status.as_str() {
        "DONE" => approval(payment).map_or(Meaning::Burnt, |approval| Meaning::Approved(Box::new(approval))),
        "IN_PROGRESS" if call == Call::Query => Meaning::NotMoved,
        _ => Meaning::Burnt,
    }
}

/// DONE without a time of approval or a balance is not a proof.
fn approval(payment: &Payment) -> Option<Approval> {
    Some(Approval {
        approved_at: payment.approved_at?,
        balance: payment.balance_amount.and_then(Krw::new)?,
        method: payment.method.clone(),
        receipt_url: payment.receipt_url.clone(),
        answer: payment.raw.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::{
        money::Krw,
        order::OrderNo,
        outbox::Call::{self, Confirm, Query},
        payment::PaymentKey,
        toss::{Answer, Body, NoAnswer, Payment, Reply},
    };

    use super::{About, Meaning, classify};

    fn check(call: Call, reply: &Reply, expected: &str) {
        let payment_key = PaymentKey::parse("key").unwrap();
        let about = About { payment_key: &payment_key, order_no: order_no(), amount: Krw::new(1_000).unwrap() };
        let shown = format!("{reply:?}");
        let meaning = match classify(about, call, reply) {
            Meaning::Approved(_) => "approved",
            Meaning::Unknown => "unknown",
            Meaning::Busy => "busy",
            Meaning::Burnt => "burnt",
            Meaning::NotMoved => "not moved",
        };
        assert_eq!(meaning, expected, "{call:?}: {shown}");
    }

    fn order_no() -> OrderNo {
        OrderNo::parse("0199a0b1-5c00-7000-8000-000000000001").unwrap()
    }

    fn payment(change: impl FnOnce(&mut Payment)) -> Reply {
        let mut payment = Payment {
            payment_key: "key".to_owned(),
            order_id: order_no().to_string(),
            status: "DONE".to_owned(),
            currency: Some("KRW".to_owned()),
            total_amount: Some(1_000),
            balance_amount: Some(1_000),
            method: None,
            approved_at: Some(time::UtcDateTime::UNIX_EPOCH.into()),
            receipt_url: None,
            raw: Value::Null,
        };
        change(&mut payment);
        answer(200, Body::Payment(Box::new(payment)))
    }

    fn error(http_status: u16, code: &str) -> Reply {
        answer(http_status, Body::Error { code: code.to_owned(), message: json!("…").to_string() })
    }

    fn answer(http_status: u16, body: Body) -> Reply {
        Reply::Answer(Answer { http_status, trace_id: None, retry_after: None, body })
    }

    #[test]
    fn only_a_done_payment_that_is_ours_is_approved() {
        for call in [Confirm, Query] {
            check(call, &payment(|_| {}), "approved");
            check(call, &payment(|payment| payment.payment_key = "other".to_owned()), "burnt");
            check(call, &payment(|payment| payment.order_id = "other".to_owned()), "burnt");
            check(call, &payment(|payment| payment.total_amount = Some(999)), "burnt");
            check(call, &payment(|payment| payment.total_amount = None), "burnt");
            check(call, &payment(|payment| payment.currency = Some("USD".to_owned())), "burnt");
            check(call, &payment(|payment| payment.approved_at = None), "burnt");
            check(call, &payment(|payment| payment.balance_amount = None), "burnt");
            for status in ["READY", "WAITING_FOR_DEPOSIT", "CANCELED", "ABORTED", "EXPIRED", "SOMETHING_NEW"] {
                check(call, &payment(|payment| payment.status = status.to_owned()), "burnt");
            }
        }
    }

    #[test]
    fn only_a_query_shows_that_the_money_did_not_move() {
        check(Query, &payment(|payment| payment.status = "IN_PROGRESS".to_owned()), "not moved");
        check(Confirm, &payment(|payment| payment.status = "IN_PROGRESS".to_owned()), "burnt");
    }

    #[test]
    fn silence_leaves_the_key_usable_and_a_received_answer_burns_it() {
        for silence in
            [NoAnswer::NotConnected, NoAnswer::TimedOut, NoAnswer::Broken, NoAnswer::Unreadable { http_status: 502 }]
        {
            check(Confirm, &Reply::NoAnswer(silence), "unknown");
        }
        check(Query, &Reply::NoAnswer(NoAnswer::TimedOut), "burnt");
        check(Confirm, &error(409, "IDEMPOTENT_REQUEST_PROCESSING"), "busy");
        check(Confirm, &error(500, "IDEMPOTENT_REQUEST_PROCESSING"), "busy");
        check(Confirm, &error(409, "SOMETHING_NEW"), "burnt");
        for (http_status, code) in [
            (400, "ALREADY_PROCESSED_PAYMENT"),
            (400, "PROVIDER_ERROR"),
            (400, "INVALID_API_KEY"),
            (403, "REJECT_CARD_PAYMENT"),
            (404, "NOT_FOUND_PAYMENT_SESSION"),
            (429, "TOO_MANY"),
            (500, "COMMON_ERROR"),
        ] {
            check(Confirm, &error(http_status, code), "burnt");
            check(Query, &error(http_status, code), "burnt");
        }
    }
}
