//! What an operator, or the shop's own server, asks for about an order that does not move on by itself. Each is an address of
//! the API and a form on the order's detail page:
//!
//! - `…/lookup`: ask Toss now
//! - `…/close`: end the review as soon as Toss has answered
//! - `…/cancel/{cancelNo}/call-off`: post nothing more for a refund
//! - `…/refund-closed`: the shop has settled a bank transfer that failed
//!
//! A 202 means that it is written down. No state changes here: Toss's next answer decides.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;
use shared::{
    cancel::{Actor, Reason},
    order::{ActionReceipt, ActionRefusal, ActionRequest, OrderAction, OrderNo, OrderStatus, request_action},
};

use crate::{
    AppState,
    address::{Addressed, api_address, detail_address, status_address},
    body::JsonObject,
    detail,
    every_request::note_order,
    language::Language,
    operator::{Caller, Operator, OperatorForm},
    problem::{ActionProblem, Problem},
};

/// The order's number and the refund's in the path.
pub(crate) struct AddressedRefund {
    order_no: OrderNo,
    cancel_no: i16,
}

impl<S: Send + Sync> FromRequestParts<S> for AddressedRefund {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let for_programs = parts.uri.path().starts_with("/api/");
        let otherwise = if for_programs { Problem::InvalidOrderId } else { Problem::OrderNotFound };
        let Ok(Path((order_no, cancel_no))) = path else { return Err(otherwise) };
        let order_no = OrderNo::parse(&order_no).ok_or(otherwise)?;
        note_order(order_no);
        // What is no number is the number of no refund.
        let cancel_no = cancel_no.parse().map_err(|_| Problem::from(ActionRefusal::UnknownRefund))?;
        Ok(Self { order_no, cancel_no })
    }
}

impl AddressedRefund {
    fn call_off(&self) -> OrderAction {
        OrderAction::CallOffRefund { cancel_no: self.cancel_no }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    order_id: OrderNo,
    /// Where the order stood. Toss's next answer may move it.
    status: OrderStatus,
    status_url: String,
}

pub(crate) async fn lookup(
    caller: Caller,
    State(state): State<AppState>,
    address: Addressed,
    body: JsonObject,
) -> Result<Response, Problem> {
    act_for_program(&state, caller.actor(), address.0, OrderAction::Lookup, &body).await
}

pub(crate) async fn close(
    caller: Caller,
    State(state): State<AppState>,
    address: Addressed,
    body: JsonObject,
) -> Result<Response, Problem> {
    act_for_program(&state, caller.actor(), address.0, OrderAction::CloseReview, &body).await
}

pub(crate) async fn call_off(
    caller: Caller,
    State(state): State<AppState>,
    address: AddressedRefund,
    body: JsonObject,
) -> Result<Response, Problem> {
    act_for_program(&state, caller.actor(), address.order_no, address.call_off(), &body).await
}

pub(crate) async fn refund_closed(
    caller: Caller,
    State(state): State<AppState>,
    address: Addressed,
    body: JsonObject,
) -> Result<Response, Problem> {
    act_for_program(&state, caller.actor(), address.0, OrderAction::CloseBankRefund, &body).await
}

async fn act_for_program(
    state: &AppState,
    actor: Actor,
    order_no: OrderNo,
    action: OrderAction,
    body: &JsonObject,
) -> Result<Response, Problem> {
    let fields = body.fields();
    let text = match action {
        OrderAction::Lookup if fields.find("reason").is_none() => None,
        OrderAction::Lookup
        | OrderAction::CloseReview
        | OrderAction::CallOffRefund { .. }
        | OrderAction::CloseBankRefund => Some(fields.text("reason")?),
    };
    let reason = text.map(|text| Reason::parse(text).ok_or(ActionProblem::InvalidReason)).transpose()?;
    let receipt = act(state, ActionRequest { order_no, action, actor, reason }).await?;
    let accepted = Accepted { order_id: order_no, status: receipt.status, status_url: status_address(order_no) };
    let headers = [(header::LOCATION, api_address(order_no)), (header::RETRY_AFTER, "1".to_owned())];
    Ok((StatusCode::ACCEPTED, headers, Json(accepted)).into_response())
}

/// Writes it down, and wakes the workers if it is new.
async fn act(state: &AppState, request: ActionRequest) -> Result<ActionReceipt, Problem> {
    let receipt = request_action(&state.pool, &request).await??;
    if receipt.is_new {
        state.poke.workers();
    }
    Ok(receipt)
}

/// The login comes first: whoever is not logged in learns nothing about an address.
type Form = OperatorForm<HashMap<String, String>>;

pub(crate) async fn lookup_form(
    _: Operator,
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
    form: Form,
) -> Result<Response, Problem> {
    act_for_operator(&state, language, address.0, OrderAction::Lookup, form).await
}

pub(crate) async fn close_form(
    _: Operator,
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
    form: Form,
) -> Result<Response, Problem> {
    act_for_operator(&state, language, address.0, OrderAction::CloseReview, form).await
}

pub(crate) async fn call_off_form(
    _: Operator,
    State(state): State<AppState>,
    language: Language,
    address: AddressedRefund,
    form: Form,
) -> Result<Response, Problem> {
    act_for_operator(&state, language, address.order_no, address.call_off(), form).await
}

pub(crate) async fn refund_closed_form(
    _: Operator,
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
    form: Form,
) -> Result<Response, Problem> {
    act_for_operator(&state, language, address.0, OrderAction::CloseBankRefund, form).await
}

/// Back to the page that the form stands on: anew when it is done, and with what was wrong when it is not.
async fn act_for_operator(
    state: &AppState,
    language: Language,
    order_no: OrderNo,
    action: OrderAction,
    form: Form,
) -> Result<Response, Problem> {
    let OperatorForm { operator, fields } = form;
    let text = fields.get("reason").map(|text| text.trim()).unwrap_or_default();
    let reason = match action {
        OrderAction::Lookup if text.is_empty() => Ok(None),
        OrderAction::Lookup
        | OrderAction::CloseReview
        | OrderAction::CallOffRefund { .. }
        | OrderAction::CloseBankRefund => Reason::parse(text).map(Some).ok_or(ActionProblem::InvalidReason),
    };
    let done = match reason {
        Ok(reason) => act(state, ActionRequest { order_no, action, actor: Actor::Operator, reason }).await,
        Err(problem) => Err(problem.into()),
    };
    match done {
        Ok(_) => Ok(Redirect::to(&detail_address(order_no)).into_response()),
        Err(Problem::Action(problem)) => {
            let trouble = Problem::Action(problem).said(language);
            let page = detail::show(state, operator, order_no, language, Some(trouble)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(problem) => Err(problem),
    }
}

/// A form that was not taken is shown at its own address. Whoever opens that address anew is led to the page.
pub(crate) async fn home(_: Operator, address: Addressed) -> Redirect {
    Redirect::to(&detail_address(address.0))
}

pub(crate) async fn refund_home(_: Operator, address: AddressedRefund) -> Redirect {
    Redirect::to(&detail_address(address.order_no))
}
