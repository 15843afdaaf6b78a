//! Plays the shopper: a payment that is authenticated at once, by any means, with or without a decline to come.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answered, Refusal};
use crate::Simulator;
use crate::amount::{Sum, Untaxed, Written};
use crate::cash_receipts::Wanted;
use crate::errors::Code;
use crate::means::{Choice, NamedEasyPay};
use crate::order::{is_order_id, is_order_name};
use crate::payments::{Currency, OpenRefused, Opening};

pub(super) fn routes() -> Router<Arc<Simulator>> {
    Router::new().route("/control/authenticate", post(authenticate))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Authenticate {
    order_id: String,
    amount: Value,
    order_name: Option<String>,
    currency: Option<String>,
    payment_key: Option<String>,
    client_key: Option<String>,
    decline: Option<String>,
    #[serde(default)]
    tax_free_amount: Value,
    #[serde(default)]
    tax_exemption_amount: Value,
    #[serde(default)]
    use_escrow: bool,
    is_partial_cancelable: Option<bool>,
    method: Option<String>,
    easy_pay: Option<NamedEasyPay>,
    foreign_easy_pay: Option<String>,
    card_company: Option<String>,
    installment_plan_months: Option<u8>,
    #[serde(default)]
    interest_free: bool,
    bank: Option<String>,
    customer_name: Option<String>,
    customer_mobile_phone: Option<String>,
    #[serde(default)]
    valid_hours: Value,
    due_date: Option<String>,
    #[serde(default)]
    cash_receipt: Value,
}

async fn authenticate(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Authenticate>, JsonRejection>,
) -> Answered<impl IntoResponse> {
    let Json(asked) = body?;
    let decline = match &asked.decline {
        None => None,
        Some(name) => {
            Some(Code::find(name).ok_or_else(|| Refusal::invalid(format!("decline: {name} is no code of Toss's")))?)
        }
    };
    let opening = opening(&simulator, asked)?;
    let now = simulator.clock.now();
    let payment = simulator.payments.with(|table| {
        let opened = table.open(opening, now)?;
        Ok(table.authenticate(&opened.key, decline, now).unwrap_or(opened))
    });
    let payment = payment.map_err(|refused| match refused {
        OpenRefused::KeyTaken => Refusal(StatusCode::CONFLICT, "TAKEN", "this paymentKey exists".to_owned()),
        OpenRefused::Full => {
            Refusal(StatusCode::SERVICE_UNAVAILABLE, "FULL", "too many payments are unfinished".to_owned())
        }
    })?;
    let body = json!({
        "paymentKey": payment.key,
        "orderId": payment.order_id,
        "amount": payment.sum(payment.amount),
        "status": payment.status(now).name(),
    });
    Ok((StatusCode::CREATED, Json(body)))
}

fn opening(simulator: &Simulator, asked: Authenticate) -> Answered<Opening> {
    let owner = simulator
        .merchants
        .client(asked.client_key.as_deref())
        .ok_or_else(|| Refusal::invalid("clientKey: unknown"))?;
    let currency = Currency::find(asked.currency.as_deref().unwrap_or("KRW"))
        .ok_or_else(|| Refusal::invalid("currency: KRW, USD or JPY"))?;
    let amount = Written::read(&asked.amount)
        .and_then(|amount| amount.in_units_of(currency))
        .filter(|amount| *amount > 0)
        .ok_or_else(|| Refusal::invalid("amount: a number above 0, whole unless of dollars"))?;
    if !is_order_id(&asked.order_id, simulator.switches().order_ids) {
        return Err(Refusal::invalid("orderId: 6 to 64 of A-Z a-z 0-9 - _ and, unless strict, = ."));
    }
    let order_name = asked.order_name.unwrap_or_else(|| "테스트 주문".to_owned());
    if !is_order_name(&order_name) {
        return Err(Refusal::invalid("orderName: 1 to 100 characters"));
    }
    if asked.payment_key.as_deref().is_some_and(str::is_empty) {
        return Err(Refusal::invalid("paymentKey: not empty"));
    }
    let untaxed =
        Untaxed::read(&asked.tax_free_amount, &asked.tax_exemption_amount, Sum { units: amount, currency })
            .map_err(|_| Refusal::invalid("taxFreeAmount and taxExemptionAmount: from 0, together up to the amount"))?;
    let choice = Choice {
        method: asked.method,
        easy_pay: asked.easy_pay,
        foreign_easy_pay: asked.foreign_easy_pay,
        card_company: asked.card_company,
        installment_plan_months: asked.installment_plan_months,
        interest_free: asked.interest_free,
        bank: asked.bank,
        customer_name: asked.customer_name,
        customer_mobile_phone: asked.customer_mobile_phone,
        valid_hours: asked.valid_hours,
        due_date: asked.due_date,
        cash_receipt: Wanted::read(&asked.cash_receipt).map_err(Refusal::of_toss)?,
    };
    let means = choice.means(amount, simulator.clock.now()).map_err(Refusal::of_toss)?;
    means.check_currency(currency).map_err(Refusal::of_toss)?;
    Ok(Opening {
        key: asked.payment_key,
        owner,
        order_id: asked.order_id,
        order_name,
        currency,
        amount,
        untaxed,
        escrow: asked.use_escrow,
        means,
        partial_cancelable: asked.is_partial_cancelable,
        visit: None,
    })
}
