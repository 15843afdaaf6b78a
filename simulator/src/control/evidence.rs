//! What happened: the ledger, the requests, and the sums that tell a double charge.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Answered, PAGE_MAX, Page};
use crate::Simulator;
use crate::ledger::{Entry, Ledger, OrderSum};
use crate::payments::Payment;

pub(super) fn routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/control/ledger", get(ledger))
        .route("/control/requests", get(requests))
        .route("/control/audit", get(audit))
}

async fn ledger(
    State(simulator): State<Arc<Simulator>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answered<Json<Value>> {
    let Query(page) = page?;
    let (entries, pruned_before): (Vec<Entry>, u64) = simulator.ledger.with(|ledger| {
        let entries = match &page.order_id {
            Some(order_id) => ledger.of_order(order_id).cloned().collect(),
            None => ledger.page(page.after, page.limit()),
        };
        (entries, ledger.pruned_before())
    });
    Ok(Json(json!({ "entries": entries, "prunedBefore": pruned_before })))
}

async fn requests(
    State(simulator): State<Arc<Simulator>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answered<Json<Value>> {
    let Query(page) = page?;
    let limit = page.limit();
    let entries = simulator.requests.with(|log| log.page(page.order_id.as_deref(), page.after, limit));
    Ok(Json(json!({ "requests": entries })))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderAudit {
    order_id: Arc<str>,
    /// The payment table's view, to hold against the ledger's.
    payments: Vec<Value>,
    #[serde(flatten)]
    sum: OrderSum,
    duplicate: bool,
}

/// The sums of one order, or of all of them with only the wrong ones listed.
async fn audit(
    State(simulator): State<Arc<Simulator>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answered<Json<Value>> {
    let Query(page) = page?;
    let (mut approvals, mut balance, mut charged, mut duplicates) = (0, 0, 0_u64, 0_u64);
    let wanted: Vec<(Arc<str>, OrderSum)> = simulator.ledger.with(|ledger: &mut Ledger| {
        let chosen = page.order_id.as_deref().map(Arc::from);
        let orders: Vec<Arc<str>> = chosen.map_or_else(|| ledger.orders().cloned().collect(), |order| vec![order]);
        let mut wanted = Vec::new();
        for order_id in orders {
            let sum = ledger.sum(&order_id);
            approvals += sum.approvals;
            balance += sum.balance;
            charged += u64::from(sum.balance > 0);
            duplicates += u64::from(sum.is_duplicate());
            if page.order_id.is_some() || (sum.is_duplicate() && wanted.len() < PAGE_MAX) {
                wanted.push((order_id, sum));
            }
        }
        wanted
    });
    let now = simulator.clock.now();
    let view = |(order_id, sum): (Arc<str>, OrderSum)| {
        let payments = simulator.payments.with(|table| {
            let one = |payment: &Payment| {
                json!({ "paymentKey": payment.key, "amount": payment.sum(payment.amount), "status": payment.status(now).name() })
            };
            table.of_order(&order_id).map(one).collect()
        });
        OrderAudit { payments, duplicate: sum.is_duplicate(), order_id, sum }
    };
    let orders: Vec<OrderAudit> = wanted.into_iter().map(view).collect();
    let totals =
        json!({ "chargedOrders": charged, "approvals": approvals, "balance": balance, "duplicates": duplicates });
    Ok(Json(json!({ "orders": orders, "totals": totals })))
}
