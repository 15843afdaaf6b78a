//! The operator's form for a refund: `GET /order/{orderId}/cancel` and `POST /order/cancel`.
//!
//! It is sent twice. The first time says what would happen, and changes nothing; the second time does it. Both carry the
//! Idempotency-Key that was made with the form, so a double click refunds once.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use shared::{
    cancel::{self, Actor, IdempotencyKey, Preview, Reason, RefundAccount, Refundable, Request, ReturnLine},
    money::Krw,
    order::{self, OrderNo, OrderView, ProductId},
};
use uuid::Uuid;

use crate::{
    AppState,
    address::{Addressed, status_address},
    advice,
    cancel::begin,
    language::Language,
    operator::{Operator, OperatorForm},
    page::{FORM_REFERRER, Page, kst},
    problem::{CancelProblem, Problem},
    standing,
};

#[derive(Template)]
#[template(path = "refund.html")]
struct RefundPage {
    language: Language,
    operator: Operator,
    order_no: String,
    order_name: String,
    state: &'static str,
    tone: &'static str,
    /// What is left to give back; none: nothing can be.
    refundable: Option<String>,
    /// Only everything at once: nothing was paid yet, or it is in review.
    only_in_full: bool,
    needs_account: bool,
    lines: Vec<Row>,
    earlier: Vec<Earlier>,
    /// What was wrong.
    trouble: Option<String>,
    entered: Entered,
    key: String,
}

#[derive(Template)]
#[template(path = "refund_sure.html")]
struct SurePage {
    language: Language,
    operator: Operator,
    order_no: String,
    order_name: String,
    amount: String,
    left: String,
    is_all: bool,
    closes_account: bool,
    back: Vec<Back>,
    entered: Entered,
    lines: Vec<(i64, String, bool)>,
    key: String,
}

struct Row {
    product_id: i64,
    name: String,
    unit_price: String,
    left: i32,
    entered: String,
    discard: bool,
}

/// Goods of one line that come back.
struct Back {
    name: String,
    quantity: i32,
    restock: bool,
}

struct Earlier {
    name: &'static str,
    tone: &'static str,
    amount: String,
    reason: String,
    at: String,
    code: Option<String>,
    advice: Option<&'static str>,
}

/// The fields as they were sent, to show them again.
#[derive(Default)]
struct Entered {
    reason: String,
    amount: String,
    bank: String,
    account_number: String,
    holder_name: String,
}

pub(crate) async fn page(
    operator: Operator,
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
) -> Result<Response, Problem> {
    let order = order::view(&state.pool, address.0).await?.ok_or(Problem::OrderNotFound)?;
    let refundable = cancel::refundable(&state.pool, address.0).await?;
    let page = RefundPage::of(&order, refundable, operator, language, &HashMap::new(), None);
    Ok((FORM_REFERRER, Page(page)).into_response())
}

/// `POST /order/cancel`
pub(crate) async fn refund(
    State(state): State<AppState>,
    language: Language,
    form: OperatorForm<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let OperatorForm { operator, fields } = form;
    let order_no = fields.get("orderId").and_then(|text| OrderNo::parse(text)).ok_or(Problem::OrderNotFound)?;
    let order = order::view(&state.pool, order_no).await?.ok_or(Problem::OrderNotFound)?;
    match proceed(&state, &order, &fields).await {
        Ok(Next::Sure(request, preview)) => {
            let page = SurePage::of(&order, operator, language, &fields, &request, &preview);
            Ok((FORM_REFERRER, Page(page)).into_response())
        }
        Ok(Next::Begun) => Ok(Redirect::to(&status_address(order_no)).into_response()),
        Err(problem @ (Problem::Unavailable(_) | Problem::Broken(_) | Problem::Internal(_))) => Err(problem),
        Err(problem) => {
            let refundable = cancel::refundable(&state.pool, order_no).await?;
            let trouble = Some(problem.detail(language));
            let page = RefundPage::of(&order, refundable, operator, language, &fields, trouble);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, FORM_REFERRER, Page(page)).into_response())
        }
    }
}

enum Next {
    Sure(Request, Preview),
    Begun,
}

async fn proceed(state: &AppState, order: &OrderView, fields: &HashMap<String, String>) -> Result<Next, Problem> {
    let key = fields.get("key").and_then(|text| IdempotencyKey::parse(text)).ok_or(CancelProblem::InvalidKey)?;
    let request = read(order, fields)?;
    if fields.contains_key("sure") {
        begin(state, &request, Actor::Operator, &key).await?;
        return Ok(Next::Begun);
    }
    let preview = cancel::preview(&state.pool, &request, state.account_key.is_some()).await?;
    Ok(Next::Sure(request, preview.map_err(Problem::from)?))
}

fn given<'a>(fields: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    fields.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// Empty fields say nothing: without an amount and without pieces it is everything that is left.
fn read(order: &OrderView, fields: &HashMap<String, String>) -> Result<Request, Problem> {
    let text = |name| given(fields, name).unwrap_or_default();
    let reason = Reason::parse(text("cancelReason")).ok_or(CancelProblem::InvalidReason)?;
    let amount = given(fields, "cancelAmount").map(|text| {
        let text: String = text.chars().filter(|c| *c != ',').collect();
        Krw::parse(&text).ok_or_else(|| Problem::InvalidAmount { field: "cancelAmount".to_owned() })
    });
    let mut lines = Vec::new();
    for line in &order.lines {
        let field = format!("quantity-{}", line.product_id);
        let Some(quantity) = given(fields, &field) else { continue };
        let quantity = quantity.parse::<i32>().ok().filter(|quantity| *quantity >= 0);
        let quantity = quantity.ok_or(Problem::InvalidQuantity { field })?;
        if quantity > 0 {
            let restock = !fields.contains_key(&format!("discard-{}", line.product_id));
            lines.push(ReturnLine { product_id: ProductId(line.product_id), quantity, restock });
        }
    }
    let (bank, number, holder) = (text("bank"), text("accountNumber"), text("holderName"));
    let account = if bank.is_empty() && number.is_empty() && holder.is_empty() {
        None
    } else {
        Some(RefundAccount::parse(bank, number, holder).map_err(CancelProblem::InvalidAccount)?)
    };
    Ok(Request { order_no: order.order_no, reason, amount: amount.transpose()?, lines, account })
}

impl Entered {
    fn of(fields: &HashMap<String, String>) -> Self {
        let text = |name| given(fields, name).unwrap_or_default().to_owned();
        Self {
            reason: text("cancelReason"),
            amount: text("cancelAmount"),
            bank: text("bank"),
            account_number: text("accountNumber"),
            holder_name: text("holderName"),
        }
    }
}

impl RefundPage {
    fn of(
        order: &OrderView,
        refundable: Option<Refundable>,
        operator: Operator,
        language: Language,
        fields: &HashMap<String, String>,
        trouble: Option<String>,
    ) -> Self {
        let lines = order.lines.iter().map(|line| Row {
            product_id: line.product_id,
            name: line.name.clone(),
            unit_price: language.won(line.unit_price),
            left: line.quantity.saturating_sub(line.refunded),
            entered: given(fields, &format!("quantity-{}", line.product_id)).unwrap_or_default().to_owned(),
            discard: fields.contains_key(&format!("discard-{}", line.product_id)),
        });
        let earlier = order.cancels.iter().rev().map(|cancel| {
            let (tone, name) = standing::of_refund(cancel.status, language);
            Earlier {
                name,
                tone,
                amount: language.won(cancel.amount),
                reason: cancel.reason.clone(),
                at: kst(cancel.requested_at),
                code: cancel.failure.as_ref().map(|failure| failure.code.clone()).or(cancel.put_off_by.clone()),
                advice: advice::about(cancel, language),
            }
        });
        Self {
            language,
            operator,
            order_no: order.order_no.to_string(),
            order_name: order.name.clone(),
            state: standing::name(order.status, language),
            tone: standing::tone(order.status),
            refundable: refundable.map(|refundable| language.won(refundable.amount)),
            only_in_full: refundable.is_some_and(|refundable| refundable.only_in_full),
            needs_account: refundable.is_some_and(|refundable| refundable.needs_account),
            lines: lines.collect(),
            earlier: earlier.collect(),
            trouble,
            entered: Entered::of(fields),
            key: given(fields, "key").map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
        }
    }
}

impl SurePage {
    fn of(
        order: &OrderView,
        operator: Operator,
        language: Language,
        fields: &HashMap<String, String>,
        request: &Request,
        preview: &Preview,
    ) -> Self {
        let is_all = preview.amount == preview.balance;
        let quantity = |product_id| request.lines.iter().find(|line| line.product_id.0 == product_id);
        let back = order.lines.iter().filter_map(|line| {
            let chosen = quantity(line.product_id);
            // With the last of the money all goods that were not discarded are the shop's again.
            let (quantity, restock) = match chosen {
                _ if is_all => (line.quantity.saturating_sub(line.refunded), true),
                Some(chosen) => (chosen.quantity, chosen.restock),
                None => return None,
            };
            (quantity > 0).then(|| Back { name: line.name.clone(), quantity, restock })
        });
        let lines = request.lines.iter().map(|line| (line.product_id.0, line.quantity.to_string(), !line.restock));
        Self {
            language,
            operator,
            order_no: order.order_no.to_string(),
            order_name: order.name.clone(),
            amount: language.won(preview.amount),
            left: language.won(preview.left()),
            is_all,
            closes_account: preview.closes_account,
            back: back.collect(),
            entered: Entered::of(fields),
            lines: lines.collect(),
            key: given(fields, "key").unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
#[path = "refund_page_tests.rs"]
mod tests;
