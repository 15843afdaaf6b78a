//! `GET /checkout/{orderId}`: the summary of an order and the way to pay for it, which is Toss's own.
//!
//! Toss's keys come in two kinds, and the kind of ours decides what the shopper meets: with an API key our page offers
//! the methods and opens Toss's payment window, with a widget key Toss's payment widget shows methods and terms inside
//! our page. Both end at the same addresses.

use askama::Template;
use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use shared::order::{self, OrderStatus, OrderView};
use url::Url;

use super::again_address;
use crate::{
    AppState, Settings,
    address::{Addressed, status_address},
    language::Language,
    lines::{LineRow, line_rows},
    page::{Page, kst_in_words},
    problem::Problem,
};

/// What Toss's script needs to know of us.
pub(crate) struct Toss {
    client_key: String,
    sdk_url: String,
    policy: String,
    way: Way,
}

enum Way {
    Window,
    Widget,
}

impl Toss {
    pub(crate) fn new(settings: &Settings) -> Self {
        let is_widget = ["test_gck_", "live_gck_"].iter().any(|kind| settings.toss_client_key.starts_with(kind));
        Self {
            client_key: settings.toss_client_key.clone(),
            sdk_url: settings.toss_sdk_url.to_string(),
            policy: policy(&settings.toss_sdk_url),
            way: if is_widget { Way::Widget } else { Way::Window },
        }
    }
}

/// The one page that runs a script of somebody else, and may show and call what that script needs. Toss serves its
/// script, its API, its window and its fonts from several hosts of its two domains; whoever may run a script here may as well
/// bring a picture.
fn policy(sdk_url: &Url) -> String {
    let toss = match sdk_url.host_str() {
        Some("js.tosspayments.com") => "https://*.tosspayments.com https://*.toss.im".to_owned(),
        Some(_) | None => sdk_url.origin().ascii_serialization(),
    };
    format!(
        "default-src 'none'; style-src 'self' {toss}; img-src 'self' data: {toss}; font-src {toss}; \
         script-src 'self' {toss}; connect-src 'self' {toss}; frame-src {toss}; form-action 'self' {toss}; \
         frame-ancestors 'none'; base-uri 'none'"
    )
}

/// Methods of the payment window, by the SDK's names; cards include the easy pays of Korea.
const METHODS: [(&str, &str, &str); 4] = [
    ("CARD", "카드·간편결제", "Card or easy pay"),
    ("TRANSFER", "계좌이체", "Bank transfer"),
    ("VIRTUAL_ACCOUNT", "가상계좌", "Virtual account"),
    ("MOBILE_PHONE", "휴대폰 결제", "Mobile phone"),
];

#[derive(Template)]
#[template(path = "pay.html")]
struct PayPage<'a> {
    language: Language,
    toss: &'a Toss,
    order_no: String,
    order_name: String,
    amount: String,
    amount_won: i64,
    pay_by: String,
    declined_before: bool,
    lines: Vec<LineRow>,
    change: String,
}

/// An order that cannot be paid is shown where it stands.
pub(crate) async fn pay(
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
) -> Result<Response, Problem> {
    let order = order::view(&state.pool, address.0).await?.ok_or(Problem::OrderNotFound)?;
    if !is_payable(&order) {
        return Ok(Redirect::to(&status_address(order.order_no)).into_response());
    }
    let page = PayPage::of(&order, &state.toss, language);
    Ok(([(header::CONTENT_SECURITY_POLICY, state.toss.policy.clone())], Page(page)).into_response())
}

impl<'a> PayPage<'a> {
    fn of(order: &OrderView, toss: &'a Toss, language: Language) -> Self {
        Self {
            language,
            toss,
            order_no: order.order_no.to_string(),
            order_name: order.name.clone(),
            amount: language.won(order.amount),
            amount_won: order.amount.won(),
            pay_by: kst_in_words(order.expires_at, language),
            declined_before: order.status == OrderStatus::Aborted,
            lines: line_rows(order, language),
            change: again_address(order.order_no),
        }
    }
}

/// May the shopper open the window now? Whoever is late or undecided would only be refused after paying, and so would
/// who is still being given something back.
pub(crate) fn is_payable(order: &OrderView) -> bool {
    match order.status {
        OrderStatus::Ready | OrderStatus::Aborted => !order.is_late() && order.returning().is_none(),
        OrderStatus::InProgress
        | OrderStatus::WaitingForDeposit
        | OrderStatus::Done
        | OrderStatus::PartialCanceled
        | OrderStatus::Canceled
        | OrderStatus::Expired
        | OrderStatus::Review => false,
    }
}

#[cfg(test)]
mod tests {
    use askama::Template;
    use shared::order::OrderStatus;

    use super::{PayPage, Toss, Way, policy};
    use crate::{language::Language, sample, sheet};

    fn toss(way: Way) -> Toss {
        let sdk_url = "http://127.0.0.1:8090/v2/standard?a=\"<b>".to_owned();
        Toss { client_key: "test_ck_abc".to_owned(), sdk_url, policy: String::new(), way }
    }

    #[test]
    fn the_pay_page_is_as_its_sheets_show_it() {
        sheet::draw("pay", |sheet, language| {
            for (way, named) in [(Way::Window, "window"), (Way::Widget, "widget")] {
                let toss = toss(way);
                for status in [OrderStatus::Ready, OrderStatus::Aborted] {
                    let html = PayPage::of(&sample::order(status), &toss, language).render().unwrap();
                    sheet.add(&format!("{status}, {named}"), &html);
                }
            }
        });
    }

    #[test]
    fn the_pay_page_hands_the_order_to_the_script_and_keeps_markup_out() {
        for way in [Way::Window, Way::Widget] {
            let is_widget = matches!(way, Way::Widget);
            let toss = toss(way);
            for (status, language) in
                [(OrderStatus::Ready, Language::Korean), (OrderStatus::Aborted, Language::English)]
            {
                let html = PayPage::of(&sample::order(status), &toss, language).render().unwrap();
                sample::check_page(&html, language.tag());
                assert!(html.contains("data-amount=\"50000\"") && html.contains("<noscript>"), "{html}");
                assert_eq!(html.contains("declined"), status == OrderStatus::Aborted, "{html}");
                assert_eq!(html.contains("id=\"agreement\""), is_widget, "{html}");
                assert_eq!(html.contains("name=\"method\""), !is_widget, "{html}");
            }
        }
    }

    #[test]
    fn only_the_origin_of_the_script_is_trusted_beside_our_own() {
        let told = policy(&"http://127.0.0.1:8090/v2/standard?a=1;script-src%20*".parse().unwrap());
        assert!(told.contains("script-src 'self' http://127.0.0.1:8090; "), "{told}");
        assert!(told.contains("frame-src http://127.0.0.1:8090; "), "{told}");
        let told = policy(&"https://js.tosspayments.com/v2/standard".parse().unwrap());
        assert!(told.contains("script-src 'self' https://*.tosspayments.com https://*.toss.im; "), "{told}");
    }
}
