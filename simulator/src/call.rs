//! One request on Toss's paths, read once: what is asked, with which key, about which payment.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, Method, Uri};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use crate::Simulator;
use crate::errors::{Code, Language};
use crate::rules::{Endpoint, Subject};

#[derive(Debug)]
pub(crate) enum Operation {
    Create,
    Confirm,
    /// Of the payment with this key.
    Cancel(String),
    VirtualAccount,
    KeyIn,
    IssueCashReceipt,
    /// Of the receipt with this key.
    CancelCashReceipt(String),
    ListCashReceipts,
    QueryByKey(String),
    QueryByOrder(String),
    Transactions,
    Settlements,
    /// Settles one payment by hand.
    Settle,
    /// Nothing that Toss offers; answered with this code.
    Unknown(Code),
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The fields of the body that the simulator reads before it knows whether they are right.
    pub(crate) named: Named,
    pub(crate) language: Language,
    /// Of a POST only: Toss ignores the header elsewhere.
    pub(crate) idempotency_key: Option<String>,
    /// The order and payment the request is about, as far as it says or the simulator knows.
    pub(crate) order_id: Option<String>,
    pub(crate) payment_key: Option<String>,
    pub(crate) received_at: OffsetDateTime,
}

/// Fields of any JSON type, so that one wrong field does not hide the others.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Named {
    #[serde(default)]
    pub(crate) payment_key: Value,
    #[serde(default)]
    pub(crate) order_id: Value,
    #[serde(default)]
    pub(crate) amount: Value,
}

impl Call {
    pub(crate) fn read(
        simulator: &Simulator,
        operation: Operation,
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        let named: Named = serde_json::from_slice(&body).unwrap_or_default();
        let (order_id, payment_key) = subject(simulator, &operation, &named);
        let language = Language::from_header(
            headers.get(ACCEPT_LANGUAGE).and_then(|header| std::str::from_utf8(header.as_bytes()).ok()),
        );
        let idempotency_key = headers
            .get("idempotency-key")
            .filter(|key| method == Method::POST && !key.is_empty())
            .map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
        Self {
            operation,
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            named,
            language,
            idempotency_key,
            order_id,
            payment_key,
            received_at: simulator.clock.now(),
            method,
            headers,
            body,
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        match self.operation {
            Operation::Create => Endpoint::Create,
            Operation::Confirm => Endpoint::Confirm,
            Operation::Cancel(_) => Endpoint::Cancel,
            Operation::VirtualAccount => Endpoint::VirtualAccount,
            Operation::KeyIn => Endpoint::KeyIn,
            Operation::IssueCashReceipt | Operation::CancelCashReceipt(_) | Operation::ListCashReceipts => {
                Endpoint::CashReceipt
            }
            Operation::QueryByKey(_) | Operation::QueryByOrder(_) => Endpoint::Query,
            Operation::Transactions => Endpoint::Transactions,
            Operation::Settlements | Operation::Settle => Endpoint::Settlements,
            Operation::Unknown(_) => Endpoint::Unknown,
        }
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            endpoint: self.endpoint(),
            order_id: self.order_id.as_deref(),
            payment_key: self.payment_key.as_deref(),
            idempotency_key: self.idempotency_key.as_deref(),
        }
    }

    /// The start of the body, for the request log.
    pub(crate) fn body_text(&self, length_max: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.body.get(..length_max).unwrap_or(&self.body))
    }
}

fn subject(simulator: &Simulator, operation: &Operation, named: &Named) -> (Option<String>, Option<String>) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match operation {
        Operation::Create
        | Operation::Confirm
        | Operation::VirtualAccount
        | Operation::KeyIn
        | Operation::IssueCashReceipt
        | Operation::Settle => (text(&named.order_id), text(&named.payment_key)),
        Operation::QueryByKey(key) | Operation::Cancel(key) => {
            let order = simulator.payments.with(|table| table.get(key).map(|payment| payment.order_id.to_string()));
            (order, Some(key.clone()))
        }
        Operation::QueryByOrder(order) => {
            let which = simulator.switches().order_query;
            let key =
                simulator.payments.with(|table| table.by_order(order, which).map(|payment| payment.key.to_string()));
            (Some(order.clone()), key)
        }
        Operation::CancelCashReceipt(_)
        | Operation::ListCashReceipts
        | Operation::Transactions
        | Operation::Settlements
        | Operation::Unknown(_) => (None, None),
    }
}
