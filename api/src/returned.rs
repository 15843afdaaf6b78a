//! Coming back from Toss's window, with a payment to confirm or without one.
//!
//! Toss sends the shopper here by GET, and a GET changes nothing: anybody can make a browser follow a link. The success
//! page is a form that sends itself; the fail page shows what our own books say and quotes Toss as Toss's words.

use std::collections::HashMap;

use askama::Template;
use axum::{
    Extension, Form,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use shared::{
    money::Krw,
    order::{self, OrderNo, OrderStatus, OrderView},
    payment::{Confirm, PaymentKey},
};

use crate::{
    AppState,
    address::{pay_address, status_address},
    body::form_problem,
    checkout::{again_address, is_payable},
    confirm::accept,
    declines,
    every_request::note_order,
    language::Language,
    page::{FORM_REFERRER, Page, SCRIPT_POLICY, quotation},
    problem::{NextStep, Problem, Wanted},
    standing::Money,
};

type Parameters = HashMap<String, String>;

/// What Toss hands to the shopper's browser for us. Nothing of it is trusted; accepting compares it with the order.
struct Returned {
    order_no: OrderNo,
    payment_key: PaymentKey,
    amount: Krw,
}

impl Returned {
    fn read(parameters: &Parameters) -> Result<Self, Problem> {
        let text = |name: &str| {
            let missing = || Problem::InvalidRequest { field: name.to_owned(), wanted: Wanted::Something };
            parameters.get(name).ok_or_else(missing)
        };
        let order_no = OrderNo::parse(text("orderId")?).ok_or(Problem::InvalidOrderId)?;
        note_order(order_no);
        Ok(Self {
            order_no,
            payment_key: PaymentKey::parse(text("paymentKey")?).ok_or(Problem::InvalidPaymentKey)?,
            amount: Krw::parse(text("amount")?).ok_or_else(|| Problem::InvalidAmount { field: "amount".to_owned() })?,
        })
    }

    /// The success page once more, for a confirm that could not be answered.
    fn address(&self) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("orderId", &self.order_no.to_string())
            .append_pair("paymentKey", self.payment_key.expose())
            .append_pair("amount", &self.amount.won().to_string())
            .finish();
        format!("/checkout/success?{query}")
    }
}

#[derive(Template)]
#[template(path = "success.html")]
struct SuccessPage {
    language: Language,
    order_no: String,
    payment_key: String,
    amount_won: i64,
    amount: String,
}

/// `GET /checkout/success?orderId&paymentKey&amount`
pub(crate) async fn success(
    language: Language,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Response, Problem> {
    let returned = Returned::read(&read_query(query)?)?;
    let page = SuccessPage {
        language,
        order_no: returned.order_no.to_string(),
        payment_key: returned.payment_key.expose().to_owned(),
        amount_won: returned.amount.won(),
        amount: language.won(returned.amount),
    };
    Ok(([(header::CONTENT_SECURITY_POLICY, SCRIPT_POLICY)], FORM_REFERRER, Page(page)).into_response())
}

fn read_query(query: Result<Query<Parameters>, QueryRejection>) -> Result<Parameters, Problem> {
    let unreadable = |_| Problem::InvalidRequest { field: "query".to_owned(), wanted: Wanted::Parameters };
    query.map(|Query(parameters)| parameters).map_err(unreadable)
}

/// `POST /checkout/confirm`
pub(crate) async fn confirm(
    State(state): State<AppState>,
    form: Result<Form<Parameters>, FormRejection>,
) -> Result<Redirect, Response> {
    let form = form.map_err(|rejection| form_problem(&rejection).into_response())?;
    let returned = Returned::read(&form.0).map_err(IntoResponse::into_response)?;
    match confirm_for_its_customer(&state, &returned).await {
        Ok(()) => Ok(Redirect::to(&status_address(returned.order_no))),
        // Another tab was quicker, or the time is over. This payment moved no money, and the order's page says all the rest.
        Err(Problem::PaymentInProgress | Problem::AlreadyPaid | Problem::OrderCanceled | Problem::OrderExpired) => {
            Ok(Redirect::to(&status_address(returned.order_no)))
        }
        Err(problem) => Err((Extension(next_step(&problem, &returned)), problem).into_response()),
    }
}

/// The page knows the shopper by the order's number alone, so the order's own customer confirms it.
async fn confirm_for_its_customer(state: &AppState, returned: &Returned) -> Result<(), Problem> {
    let customer_id = order::customer_of(&state.pool, returned.order_no).await?.ok_or(Problem::OrderNotFound)?;
    let confirm = Confirm {
        order_no: returned.order_no,
        customer_id,
        payment_key: returned.payment_key.clone(),
        amount: returned.amount,
    };
    accept(state, &confirm).await.map(drop)
}

fn next_step(problem: &Problem, returned: &Returned) -> NextStep {
    if matches!(problem, Problem::OrderNotFound) {
        NextStep::Shop
    } else if matches!(problem, Problem::OutOfStock { .. }) {
        NextStep::Cart(returned.order_no)
    } else if matches!(problem, Problem::AmountMismatch { .. } | Problem::PaymentKeyTaken) {
        NextStep::Pay(returned.order_no)
    } else if problem.is_ours() {
        // It may or may not have been accepted; the same again is safe either way.
        NextStep::Again(returned.address())
    } else {
        NextStep::Order(returned.order_no)
    }
}

#[derive(Template)]
#[template(path = "fail.html")]
pub(crate) struct FailPage {
    language: Language,
    tone: &'static str,
    heading: &'static str,
    /// The window was closed, and nothing else happened by that.
    canceled: bool,
    /// Words from the address, which anybody may have written: shown as a quotation.
    code: String,
    message: String,
    /// What that code means, in the shopper's language.
    meaning: Option<&'static str>,
    order: Option<FailedOrder>,
}

struct FailedOrder {
    name: String,
    amount: String,
    money: Money,
    /// The same order again, while it may be paid.
    pay_again: Option<String>,
    /// A new order of the same goods.
    order_again: Option<String>,
    status: String,
}

/// `GET /checkout/fail?code&message&orderId`; Toss leaves the order out when the shopper canceled, so our own `order`
/// stands in the address too.
pub(crate) async fn fail(
    State(state): State<AppState>,
    language: Language,
    query: Result<Query<Parameters>, QueryRejection>,
) -> Result<Page<FailPage>, Problem> {
    let parameters = read_query(query)?;
    let named = parameters.get("orderId").or_else(|| parameters.get("order"));
    let order = match named.and_then(|text| OrderNo::parse(text)) {
        Some(order_no) => {
            note_order(order_no);
            order::view(&state.pool, order_no).await?
        }
        None => None,
    };
    let said = |name| parameters.get(name).map_or("", String::as_str);
    Ok(Page(FailPage::of(said("code"), said("message"), order.as_ref(), language)))
}

impl FailPage {
    fn of(code: &str, message: &str, order: Option<&OrderView>, language: Language) -> Self {
        let code = quotation(code);
        let canceled = matches!(code.as_str(), "PAY_PROCESS_CANCELED" | "USER_CANCEL");
        let (tone, heading) = match order.map(Money::of) {
            // The address may be old, or somebody's invention; what our books say comes first.
            Some(Money::Taken | Money::PartlyReturned) => {
                ("good", language.pick("이미 결제된 주문입니다", "This order is already paid"))
            }
            Some(Money::Unknown) => {
                ("wait", language.pick("확인 중입니다. 다시 결제하지 마세요.", "Confirming. Please do not pay again."))
            }
            _ if canceled => {
                ("calm", language.pick("결제를 마치지 않고 돌아오셨습니다", "You came back without paying"))
            }
            Some(
                Money::NotTaken
                | Money::Returned
                | Money::ReturnBooked
                | Money::BeingReturned
                | Money::Stuck
                | Money::SettledOutside,
            )
            | None => ("bad", language.pick("결제하지 못했습니다", "The payment did not go through")),
        };
        Self {
            language,
            tone,
            heading,
            canceled,
            message: quotation(message),
            meaning: declines::meaning(&code, language),
            order: order.map(|order| FailedOrder::of(order, language)),
            code,
        }
    }
}

impl FailedOrder {
    fn of(order: &OrderView, language: Language) -> Self {
        Self {
            name: order.name.clone(),
            amount: language.won(order.amount),
            money: Money::of(order),
            pay_again: is_payable(order).then(|| pay_address(order.order_no)),
            order_again: is_over_without_money(order).then(|| again_address(order.order_no)),
            status: status_address(order.order_no),
        }
    }
}

fn is_over_without_money(order: &OrderView) -> bool {
    let is_waiting = order.status == OrderStatus::WaitingForDeposit;
    Money::of(order) == Money::NotTaken && !is_payable(order) && !is_waiting
}

#[cfg(test)]
mod tests {
    use askama::Template;
    use shared::order::{CancelStatus, OrderStatus, OrderView};

    use super::{FailPage, Parameters, Returned, SuccessPage};
    use crate::{language::Language, problem::Problem, sample, sheet};

    fn fail_page(order: &OrderView, language: Language) -> String {
        let page = FailPage::of("<b>CODE</b>", "<b>결제되었습니다</b>", Some(order), language);
        let html = page.render().unwrap();
        sample::check_page(&html, language.tag());
        html
    }

    #[test]
    fn the_success_page_is_as_its_sheets_show_it() {
        sheet::draw("success", |sheet, language| {
            let page = SuccessPage {
                language,
                order_no: sample::order_no(0).to_string(),
                payment_key: "tgen_\"<b>".to_owned(),
                amount_won: 50_000,
                amount: language.won(sample::krw(50_000)),
            };
            sheet.add("authenticated", &page.render().unwrap());
        });
    }

    #[test]
    fn the_fail_page_is_as_its_sheets_show_it() {
        sheet::draw("fail", |sheet, language| {
            let mut add = |name: &str, (code, message): (&str, &str), order: Option<OrderView>| {
                let page = FailPage::of(code, message, order.as_ref(), language);
                sheet.add(name, &page.render().unwrap());
            };
            let said = ("<b>CODE</b>", "<b>결제되었습니다</b>");
            for status in OrderStatus::ALL {
                add(status.as_str(), said, Some(sample::order(status)));
            }
            for refund in [CancelStatus::InProgress, CancelStatus::Failed] {
                let name = format!("a late payment whose refund is {refund:?}");
                add(&name, said, Some(sample::late(OrderStatus::Aborted, refund)));
            }
            add("declined", ("REJECT_CARD_PAYMENT", "한도초과"), Some(sample::order(OrderStatus::Ready)));
            add("canceled by the shopper", ("PAY_PROCESS_CANCELED", ""), Some(sample::order(OrderStatus::Ready)));
            add("no such order", said, None);
            add("nothing said", ("", ""), None);
        });
    }

    #[test]
    fn the_fail_page_shows_our_own_books_for_every_state() {
        for status in OrderStatus::ALL {
            for language in [Language::Korean, Language::English] {
                let html = fail_page(&sample::order(status), language);
                let again = matches!(status, OrderStatus::Ready | OrderStatus::Aborted);
                assert_eq!(html.contains(language.pick("다시 결제하기", "Try again")), again, "{status}: {html}");
            }
        }
    }

    #[test]
    fn who_is_being_given_something_back_is_not_led_to_pay() {
        for (refund, said) in
            [(CancelStatus::InProgress, "is being given back"), (CancelStatus::Failed, "looking into a refund")]
        {
            let html = fail_page(&sample::late(OrderStatus::Aborted, refund), Language::English);
            assert!(html.contains(said) && html.contains("do not pay again"), "{html}");
            assert!(!html.contains("Try again"), "{html}");
        }
    }

    fn read(parameters: &[(&str, &str)]) -> Result<Returned, Problem> {
        let parameters: Parameters =
            parameters.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Returned::read(&parameters)
    }

    #[test]
    fn what_toss_returned_is_read_or_refused_by_field() {
        let good =
            [("orderId", "019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e"), ("paymentKey", "tgen/1&2"), ("amount", "50000")];
        let returned = read(&good).unwrap();
        let again =
            "/checkout/success?orderId=019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e&paymentKey=tgen%2F1%262&amount=50000";
        assert_eq!(returned.address(), again);

        let check = |name: &str, text: Option<&str>, code: &str| {
            let others = good.into_iter().filter(|(other, _)| *other != name);
            let parameters: Vec<_> = others.chain(text.map(|text| (name, text))).collect();
            let problem = read(&parameters).err().unwrap();
            assert_eq!(problem.json(Language::English)["code"], code, "{parameters:?}");
        };
        for (name, code) in
            [("orderId", "INVALID_ORDER_ID"), ("paymentKey", "INVALID_PAYMENT_KEY"), ("amount", "INVALID_AMOUNT")]
        {
            check(name, None, "INVALID_REQUEST");
            check(name, Some(""), code);
            check(name, Some("a b"), code);
        }
    }
}
