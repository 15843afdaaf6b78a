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
    order::{self, FailureView, OrderNo, OrderStatus, OrderView, PaymentView, ProductId},
    payment::BankTransfer,
};
use uuid::Uuid;

use crate::{
    AppState,
    address::{Addressed, detail_address},
    advice, banks,
    cancel::begin,
    language::Language,
    operator::{Operator, OperatorForm},
    page::{FORM_REFERRER, Page, kst, quotation},
    problem::{CancelProblem, Problem},
    standing::{self, Money},
    transfer,
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
    /// Nothing was paid yet, so it is the order that is canceled.
    closes_account: bool,
    /// What is left to give back.
    refundable: Option<String>,
    /// Why nothing can be asked for now.
    why_not: Option<&'static str>,
    /// Only everything at once: nothing was paid yet, or it is in review.
    only_in_full: bool,
    needs_account: bool,
    banks: Vec<(&'static str, &'static str)>,
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
    bank: String,
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
    /// Toss's code and words, for one that was not made or is not made yet.
    error: Option<String>,
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
    let (status, trouble) = match proceed(&state, &order, &fields).await {
        Ok(Next::Sure(request, preview)) => {
            let page = SurePage::of(&order, operator, language, &fields, &request, &preview);
            return Ok((FORM_REFERRER, Page(page)).into_response());
        }
        Ok(Next::Begun) => return Ok(Redirect::to(&detail_address(order_no)).into_response()),
        Ok(Next::Change) => (StatusCode::OK, None),
        Err(problem @ (Problem::Unavailable(_) | Problem::Broken(_) | Problem::Internal(_))) => return Err(problem),
        Err(problem) => (StatusCode::UNPROCESSABLE_ENTITY, Some(problem.said(language))),
    };
    let refundable = cancel::refundable(&state.pool, order_no).await?;
    let page = RefundPage::of(&order, refundable, operator, language, &fields, trouble);
    Ok((status, FORM_REFERRER, Page(page)).into_response())
}

enum Next {
    Sure(Request, Preview),
    /// The form once more, as it was filled in.
    Change,
    Begun,
}

async fn proceed(state: &AppState, order: &OrderView, fields: &HashMap<String, String>) -> Result<Next, Problem> {
    let key = fields.get("key").and_then(|text| IdempotencyKey::parse(text)).ok_or(CancelProblem::InvalidKey)?;
    match fields.get("sure").map(String::as_str) {
        Some("no") => return Ok(Next::Change),
        Some(_) => {
            begin(state, &read(order, fields)?, Actor::Operator, &key).await?;
            return Ok(Next::Begun);
        }
        // Somebody went back after it was done: what it would do is no question any more.
        None if cancel::was_requested(&state.pool, order.order_no, &key).await? => return Ok(Next::Begun),
        None => {}
    }
    let request = read(order, fields)?;
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
    // As people write it down.
    let number = text("accountNumber").replace([' ', '-'], "");
    let (bank, holder) = (text("bank"), text("holderName"));
    let account = if bank.is_empty() && number.is_empty() && holder.is_empty() {
        None
    } else {
        Some(RefundAccount::parse(bank, &number, holder).map_err(CancelProblem::InvalidAccount)?)
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
            let payment = order.payments.iter().find(|payment| payment.payment_no == cancel.payment_no);
            let (tone, name) = standing::of_refund(cancel.status, payment.and_then(PaymentView::transfer), language);
            let error = cancel.failure.as_ref().or(cancel.last_error.as_ref()).map(toss_words);
            Earlier {
                name,
                tone,
                amount: language.won(cancel.amount),
                reason: cancel.reason.clone(),
                at: kst(cancel.requested_at),
                error: error.or(cancel.put_off_by.as_deref().map(quotation)),
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
            closes_account: order.status == OrderStatus::WaitingForDeposit,
            why_not: why_not(order, refundable, language),
            refundable: refundable.map(|refundable| language.won(refundable.amount)),
            only_in_full: refundable.is_some_and(|refundable| refundable.only_in_full),
            needs_account: refundable.is_some_and(|refundable| refundable.needs_account),
            banks: banks::all(language).collect(),
            lines: lines.collect(),
            earlier: earlier.collect(),
            trouble,
            entered: Entered::of(fields),
            key: given(fields, "key").map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
        }
    }
}

/// Code and words, as an operator reads both.
pub(crate) fn toss_words(failure: &FailureView) -> String {
    let message = failure.message.as_deref().map(quotation).unwrap_or_default();
    format!("{} {message}", quotation(&failure.code)).trim_end().to_owned()
}

fn why_not(order: &OrderView, refundable: Option<Refundable>, language: Language) -> Option<&'static str> {
    if order.returning().is_some() {
        return Some(language.pick(
            "앞서 신청한 환불이 끝나지 않았습니다. 끝난 뒤에 다시 신청할 수 있습니다.",
            "An earlier refund is still under way. Another one can be asked for when it is over.",
        ));
    }
    if refundable.is_some() {
        return None;
    }
    match transfer::open(order).map(|(transfer, _)| transfer) {
        Some(BankTransfer::Failed | BankTransfer::PartlyFailed) => {
            return Some(language.pick(
                "토스페이먼츠에서는 취소되었지만 은행이 환불금을 입금하지 못했습니다. 다시 취소할 수 없으니 토스페이먼츠 고객센터에서 입금을 \
                 처리하고, 끝나면 주문 상세에 기록하세요.",
                "Toss Payments has booked the cancel, and the bank could not pay the refund out. Nothing can be canceled \
                 twice: have Toss Payments' support settle the transfer, then record that on the order's detail page.",
            ));
        }
        Some(BankTransfer::UnderWay) => {
            return Some(language.pick(
                "환불이 접수되어 은행이 입금하고 있습니다. 더 환불할 금액은 없습니다.",
                "The refund is booked and the bank is paying it out. Nothing is left to refund.",
            ));
        }
        Some(BankTransfer::SettledOutside | BankTransfer::Completed) | None => {}
    }
    Some(match Money::of(order) {
        Money::SettledOutside => language.pick(
            "토스페이먼츠 밖에서 정리하고 종결한 주문입니다.",
            "The order was settled outside of Toss Payments and closed.",
        ),
        Money::Returned => language.pick("이미 모두 돌려드렸습니다.", "Everything was given back before."),
        Money::NotTaken => language.pick(
            "결제되지 않은 주문이라 환불할 것이 없습니다.",
            "Nobody paid this order, so there is nothing to give back.",
        ),
        Money::Unknown
        | Money::Taken
        | Money::PartlyReturned
        | Money::ReturnBooked
        | Money::BeingReturned
        | Money::Stuck => language.pick(
            "지금은 환불을 신청할 수 없습니다. 결제가 확인된 뒤에 다시 봐 주세요.",
            "No refund can be asked for now. Please look again when the payment is decided.",
        ),
    })
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
            bank: banks::name(given(fields, "bank").unwrap_or_default(), language),
            entered: Entered::of(fields),
            lines: lines.collect(),
            key: given(fields, "key").unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
#[path = "refund_page_tests.rs"]
mod tests;
