//! The control API's call about the lists a merchant reconciles against: how they lag and what they cost.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::get;
use axum::{Json, Router};

use crate::Simulator;
use crate::control::{Answered, Refusal};
use crate::records::Terms;

pub(crate) fn routes() -> Router<Arc<Simulator>> {
    Router::new().route("/control/terms", get(show).post(set))
}

async fn show(State(simulator): State<Arc<Simulator>>) -> Json<Terms> {
    Json(simulator.records.with(|records| records.terms))
}

async fn set(
    State(simulator): State<Arc<Simulator>>,
    body: Result<Json<Terms>, JsonRejection>,
) -> Answered<Json<Terms>> {
    let Json(terms) = body?;
    if terms.fee_basis_points > 10_000 {
        return Err(Refusal::invalid("feeBasisPoints: 10000 at most"));
    }
    simulator.records.with(|records| records.terms = terms);
    Ok(Json(terms))
}
