//! The three shapes of Toss's webhooks, with the loose dates they are sent with.
//!
//! `createdAt` has no zone and as many digits of a second as it happens to need; a receiver that parses it strictly is
//! found out here. `DEPOSIT_CALLBACK` is flat, names neither its type nor the paymentKey, and proves itself by the
//! payment's secret. `CANCEL_STATUS_CHANGED` exists only for cancels that are decided later, which carry a request id.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::clock;
use crate::switches::DepositOffset;
use crate::wire::PaymentBody;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Event {
    PaymentStatusChanged,
    DepositCallback,
    CancelStatusChanged,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    event_type: Event,
    created_at: String,
    data: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DepositCallback<'a> {
    created_at: String,
    secret: Option<&'a str>,
    status: &'a str,
    transaction_key: Option<&'a str>,
    order_id: &'a str,
}

/// What Toss sends of this event when a payment has come to look like this; None when it sends nothing.
pub(crate) fn text(event: Event, body: &PaymentBody<'_>, now: OffsetDateTime, offset: DepositOffset) -> Option<String> {
    let created_at = clock::loose(now);
    match event {
        Event::PaymentStatusChanged => {
            let is_sent = !matches!(body.status, "READY" | "IN_PROGRESS");
            is_sent.then(|| write(&Envelope { event_type: event, created_at, data: body }))
        }
        Event::DepositCallback => {
            let is_sent = body.has_virtual_account() && !matches!(body.status, "READY" | "IN_PROGRESS" | "EXPIRED");
            is_sent.then(|| {
                write(&DepositCallback {
                    created_at: match offset {
                        DepositOffset::Absent => created_at,
                        DepositOffset::Present => format!("{created_at}+09:00"),
                    },
                    secret: body.secret,
                    status: body.status,
                    transaction_key: body.last_transaction_key,
                    order_id: body.order_id,
                })
            })
        }
        Event::CancelStatusChanged => {
            let cancel = body.newest_cancel()?;
            let is_decided_later = cancel.get("cancelRequestId").is_some_and(|id| !id.is_null());
            is_decided_later.then(|| write(&Envelope { event_type: event, created_at, data: &cancel }))
        }
    }
}

/// Writing these bodies cannot fail: they hold strings, numbers and nothing that could refuse.
fn write(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deposit_is_told_flat_and_a_cancel_in_an_envelope() {
        let deposit = DepositCallback {
            created_at: "2026-09-01T13:00:00.5".to_owned(),
            secret: Some("ps_0"),
            status: "DONE",
            transaction_key: Some("0123"),
            order_id: "order-000002",
        };
        assert_eq!(
            write(&deposit),
            r#"{"createdAt":"2026-09-01T13:00:00.5","secret":"ps_0","status":"DONE","transactionKey":"0123","orderId":"order-000002"}"#
        );
        let cancel = Envelope {
            event_type: Event::CancelStatusChanged,
            created_at: "2026-09-01T13:00:00.5".to_owned(),
            data: json!({ "cancelStatus": "DONE" }),
        };
        assert_eq!(
            write(&cancel),
            r#"{"eventType":"CANCEL_STATUS_CHANGED","createdAt":"2026-09-01T13:00:00.5","data":{"cancelStatus":"DONE"}}"#
        );
    }
}
