//! The window's pages as HTML: the question, and the short ones that say how it ended.

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, VARY};
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;
use url::Url;

use super::words::{DECLINES, Words, words};
use super::{amount_krw, money};
use crate::amount::Sum;
use crate::errors::{Code, Language};
use crate::method::{
    BANKS, CARD_COMPANIES, CARRIERS, EASY_PAYS, FOREIGN_EASY_PAYS, GIFT_CERTIFICATES, INSTALLMENT_MINIMUM_KRW,
    INSTALLMENT_MONTHS_MAX, Institution, Kind, Method,
};
use crate::payments::{Payment, Status};
use crate::visit::Visit;
use crate::{Simulator, clock};

/// What the page has to say.
enum View<'a> {
    Asking(Box<Asking<'a>>),
    /// Authenticated; the shop is told after some seconds.
    Waiting {
        address: &'a str,
        seconds: u64,
    },
    /// The shop's page is told by a message, which `report.js` sends.
    Told {
        message: String,
        origin: &'a str,
        wait_ms: u128,
        closed: bool,
    },
    /// Authenticated by a test, with no shop to go back to.
    Authenticated,
    Over,
    Expired,
    Absent,
}

struct Asking<'a> {
    payment: &'a Payment,
    amount: String,
    until: String,
    methods: Vec<MethodChoice>,
    /// The method in words, where the shop or the widget leaves no choice.
    fixed: Option<String>,
    is_promise: bool,
    /// Already authenticated: all that is left is the way back.
    again: bool,
    /// What was wrong with the form that was sent.
    wrong: Option<&'static str>,
    declines: Vec<(&'static str, &'static str)>,
    tampered_amount: Sum,
}

/// One method on the page, with what can be chosen within it.
pub(crate) struct MethodChoice {
    pub(crate) kind: Kind,
    pub(crate) label: &'static str,
    pub(crate) note: &'static str,
    pub(crate) is_checked: bool,
    /// The form field of the institution.
    pub(crate) field: &'static str,
    pub(crate) choices: Vec<Choice>,
    /// The months that may be chosen: none where instalments are not possible.
    pub(crate) months: std::ops::RangeInclusive<u8>,
    pub(crate) is_installment_possible: bool,
}

pub(crate) struct Choice {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) is_checked: bool,
}

#[derive(Template)]
#[template(path = "window.html")]
struct Page<'a> {
    words: &'static Words,
    view: View<'a>,
}

pub(super) fn show(
    simulator: &Simulator,
    payment: Option<&Payment>,
    language: Language,
    wrong: Option<Code>,
) -> Response {
    let known = payment.map(|payment| (payment, payment.visit.as_deref(), payment.status(simulator.clock.now())));
    let (status, view) = match known {
        None => (StatusCode::NOT_FOUND, View::Absent),
        Some((payment, Some(visit), Status::Ready)) => {
            (StatusCode::OK, View::asking(payment, visit, language, false, wrong))
        }
        Some((payment, Some(visit), Status::InProgress)) => {
            (StatusCode::OK, View::asking(payment, visit, language, true, None))
        }
        Some((_, None, Status::Ready | Status::InProgress)) => (StatusCode::OK, View::Authenticated),
        Some((
            _,
            _,
            Status::WaitingForDeposit | Status::Done | Status::PartialCanceled | Status::Canceled | Status::Aborted(_),
        )) => (StatusCode::OK, View::Over),
        Some((_, _, Status::Expired)) => (StatusCode::OK, View::Expired),
    };
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { status };
    let origin = payment.and_then(|payment| payment.visit.as_ref()?.origin.as_deref());
    answer(status, view, origin, language)
}

/// Authenticated, and on the way: the browser goes on by itself.
pub(super) fn waiting(address: &Url, wait: Duration, language: Language) -> Response {
    answer(StatusCode::OK, View::Waiting { address: address.as_str(), seconds: wait.as_secs() }, None, language)
}

/// There is no address to go to: the shop's page, if it still shows the window, is told instead.
pub(super) fn told(visit: &Visit, message: &Value, wait: Duration, language: Language) -> Response {
    let origin = visit.origin.as_deref();
    let view = View::Told {
        message: message.to_string(),
        origin: origin.unwrap_or_default(),
        wait_ms: wait.as_millis(),
        closed: !visit.is_promise(),
    };
    answer(StatusCode::OK, view, origin, language)
}

/// A tenth of it, and never the amount itself.
pub(super) fn tampered_amount(amount: i64) -> i64 {
    if amount >= 10 { amount / 10 } else { amount + 1 }
}

/// `framed_by`: the origin of the page that may show this one in a frame.
fn answer(status: StatusCode, view: View<'_>, framed_by: Option<&str>, language: Language) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; frame-ancestors {}",
        framed_by.unwrap_or("'none'")
    );
    let headers = [
        (CONTENT_SECURITY_POLICY, policy.as_str()),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (VARY, "accept-language"),
    ];
    match (Page { words: words(language), view }).render() {
        Ok(html) => (status, headers, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "the window's page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl<'a> View<'a> {
    fn asking(payment: &'a Payment, visit: &Visit, language: Language, again: bool, wrong: Option<Code>) -> Self {
        let words = words(language);
        let amount_krw = amount_krw(payment);
        Self::Asking(Box::new(Asking {
            payment,
            amount: money(payment, words),
            until: clock::hour_and_minute(payment.ready_until()),
            methods: methods(visit.offered, Some(visit.preset), amount_krw, language),
            fixed: visit.is_fixed.then(|| in_words(visit.preset, language)),
            is_promise: visit.is_promise(),
            again,
            wrong: wrong.map(|code| code.text(language)),
            declines: DECLINES
                .iter()
                .map(|(code, ko, en)| (code.name(), if language == Language::Korean { *ko } else { *en }))
                .collect(),
            tampered_amount: payment.sum(tampered_amount(payment.amount)),
        }))
    }
}

/// The methods as the page lists them; `chosen` is checked, or nothing is.
pub(crate) fn methods(
    offered: &[Kind],
    chosen: Option<Method>,
    amount_krw: Option<i64>,
    language: Language,
) -> Vec<MethodChoice> {
    let words = words(language);
    let choice = |kind: Kind| {
        let (label, note, field, list) = match kind {
            Kind::Card => (words.card, words.card_note, "cardCompany", CARD_COMPANIES),
            Kind::EasyPay => (words.easy_pay, words.easy_pay_note, "easyPay", EASY_PAYS),
            Kind::VirtualAccount => (words.virtual_account, words.virtual_account_note, "accountBank", BANKS),
            Kind::Transfer => (words.transfer, words.transfer_note, "transferBank", BANKS),
            Kind::MobilePhone => (words.mobile_phone, words.mobile_phone_note, "carrier", CARRIERS),
            Kind::GiftCertificate => (words.gift_certificate, "", "giftCertificate", GIFT_CERTIFICATES),
            Kind::ForeignEasyPay => (words.foreign_easy_pay, "", "foreignEasyPay", FOREIGN_EASY_PAYS),
        };
        let within = chosen.filter(|chosen| chosen.kind() == kind);
        let first = list.first().filter(|_| chosen.is_some());
        let checked = within.map_or(first, |chosen| Some(chosen.institution()));
        MethodChoice {
            kind,
            label,
            note,
            is_checked: within.is_some(),
            field,
            choices: list.iter().map(|one| choice_of(one, checked, language)).collect(),
            months: 2..=INSTALLMENT_MONTHS_MAX,
            is_installment_possible: amount_krw.is_some_and(|amount| amount >= INSTALLMENT_MINIMUM_KRW),
        }
    };
    offered.iter().copied().map(choice).collect()
}

fn choice_of(one: &'static Institution, checked: Option<&'static Institution>, language: Language) -> Choice {
    Choice { code: one.code, name: one.name, label: label(one, language), is_checked: checked == Some(one) }
}

fn label(one: &'static Institution, language: Language) -> &'static str {
    match language {
        Language::Korean => one.ko,
        Language::English => one.en,
    }
}

/// `현대 카드 · 3개월`.
pub(crate) fn in_words(method: Method, language: Language) -> String {
    let words = words(language);
    let kind = match method.kind() {
        Kind::Card => words.card,
        Kind::EasyPay => words.easy_pay,
        Kind::VirtualAccount => words.virtual_account,
        Kind::Transfer => words.transfer,
        Kind::MobilePhone => words.mobile_phone,
        Kind::GiftCertificate => words.gift_certificate,
        Kind::ForeignEasyPay => words.foreign_easy_pay,
    };
    let institution = label(method.institution(), language);
    match method.installment_months() {
        0 => format!("{kind} · {institution}"),
        months => format!("{kind} · {institution} · {months}{}", words.months),
    }
}
