//! What happens at a bank or in Toss's own console: deposits, their return, and cancels the merchant did not ask for.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Answered, Refusal};
use crate::ledger::Kind;
use crate::payments::Payment;
use crate::payments::approval::{Deposit, DepositRefused};
use crate::payments::cancel::CancelStatus;
use crate::switches::BankRefund;
use crate::{Simulator, cancels, changes, clock};

pub(super) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/control/deposit", post(deposit))
        .route("/control/revert-deposit", post(revert_deposit))
        .route("/control/cancel", post(cancel))
        .route("/control/cancel-status", post(decide_cancel))
        .route("/control/refund-status", post(set_bank_refund))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MakeDeposit {
    payment_key: String,
    depositor_name: Option<String>,
    #[serde(default)]
    late: bool,
}

async fn deposit(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<MakeDeposit>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(MakeDeposit { payment_key, depositor_name, late }) = body?;
    let now = simulator.clock.now();
    let payment = simulator.payments.with(|table| {
        let payment = table.deposit(&payment_key, Deposit { depositor_name, late }, now)?;
        write_down(&simulator, Kind::Approval, &payment, payment.amount, now);
        Ok(payment)
    });
    let payment = payment.map_err(|refused| refusal(&refused))?;
    changes::status_changed(&simulator, &payment, now);
    Ok(Json(summary(&payment, now)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RevertDeposit {
    payment_key: String,
}

async fn revert_deposit(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<RevertDeposit>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(RevertDeposit { payment_key }) = body?;
    let now = simulator.clock.now();
    let payment = simulator.payments.with(|table| {
        let payment = table.revert_deposit(&payment_key, now)?;
        write_down(&simulator, Kind::Reversal, &payment, -payment.amount, now);
        Ok(payment)
    });
    let payment = payment.map_err(|refused| refusal(&refused))?;
    changes::status_changed(&simulator, &payment, now);
    Ok(Json(summary(&payment, now)))
}

/// A merchant's cancel with the payment named inside. The reason has a default: nobody in a console is asked for one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsoleCancel {
    payment_key: String,
    #[serde(default = "console_reason")]
    cancel_reason: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

fn console_reason() -> String {
    "상점관리자 취소".to_owned()
}

async fn cancel(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<ConsoleCancel>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(ConsoleCancel { payment_key, cancel_reason, mut rest }) = body?;
    rest.insert("cancelReason".to_owned(), cancel_reason.into());
    let asked: cancels::Body =
        serde_json::from_value(rest.into()).map_err(|error| Refusal::invalid(error.to_string()))?;
    let payment = cancels::from_console(&simulator, &payment_key, &asked).map_err(Refusal::of_toss)?;
    Ok(Json(summary(&payment, simulator.clock.now())))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DecideCancel {
    payment_key: String,
    cancel_status: Decided,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Decided {
    Done,
    Aborted,
}

async fn decide_cancel(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<DecideCancel>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(DecideCancel { payment_key, cancel_status }) = body?;
    let status = match cancel_status {
        Decided::Done => CancelStatus::Done,
        Decided::Aborted => CancelStatus::Aborted,
    };
    let payment = cancels::decide(&simulator, &payment_key, status);
    let payment = payment.ok_or_else(|| Refusal::not_found("no cancel of this payment waits"))?;
    Ok(Json(summary(&payment, simulator.clock.now())))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetBankRefund {
    payment_key: String,
    refund_status: BankRefund,
}

async fn set_bank_refund(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<SetBankRefund>, JsonRejection>,
) -> Answered<Json<Value>> {
    let Json(SetBankRefund { payment_key, refund_status }) = body?;
    let payment = simulator.payments.with(|table| table.set_bank_refund(&payment_key, refund_status));
    let payment =
        payment.ok_or_else(|| Refusal::not_found("nothing of this payment was given back into an account"))?;
    Ok(Json(summary(&payment, simulator.clock.now())))
}

fn write_down(simulator: &Simulator, kind: Kind, payment: &Payment, amount: i64, now: OffsetDateTime) {
    simulator.ledger.with(|ledger| {
        ledger.append(kind, &payment.order_id, &payment.key, amount, clock::wire(now));
    });
}

fn summary(payment: &Payment, now: OffsetDateTime) -> Value {
    json!({
        "paymentKey": payment.key,
        "orderId": payment.order_id,
        "amount": payment.sum(payment.amount),
        "balanceAmount": payment.sum(payment.balance()),
        "status": payment.status(now).name(),
    })
}

fn refusal(refused: &DepositRefused) -> Refusal {
    match refused {
        DepositRefused::Unknown => Refusal(StatusCode::NOT_FOUND, "NOT_FOUND", "no such payment".to_owned()),
        DepositRefused::WrongStatus(status) => {
            let message = format!("the payment is {status}, or no virtual account");
            Refusal(StatusCode::CONFLICT, "WRONG_STATUS", message)
        }
        DepositRefused::Expired => {
            let message = "the due date has passed; `late` makes a deposit that was in time known now".to_owned();
            Refusal(StatusCode::CONFLICT, "EXPIRED", message)
        }
    }
}
