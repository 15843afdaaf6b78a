//! `GET /order/{orderId}`: what the shopper wants to know after paying. Did it work, did money move, what now.
//!
//! The page says what is stored and nothing else, so it never says "paid" before Toss did. It reloads itself until the
//! payment is decided, by plain HTML, so it also works without scripts.

use askama::Template;
use axum::extract::State;
use shared::{
    money::Krw,
    order::{self, OrderStatus, OrderView, PaymentView},
};

use crate::{
    AppState,
    address::{Addressed, pay_address},
    language::Language,
    lines::{LineRow, line_rows},
    page::{Page, kst},
    problem::Problem,
    standing,
};

/// Somebody looks at the page and waits.
const RELOAD_CONFIRMING_SECONDS: u8 = 2;
/// The shopper may be paying in another window.
const RELOAD_READY_SECONDS: u8 = 10;

#[derive(Template)]
#[template(path = "status.html")]
pub(crate) struct StatusPage {
    language: Language,
    reload_seconds: Option<u8>,
    standing: Standing,
    status_name: &'static str,
    tone: &'static str,
    order_no: String,
    order_name: String,
    amount: String,
    created_at: String,
    expires_at: String,
    lines: Vec<LineRow>,
    payment: Option<PaymentRow>,
    moments: Vec<Moment>,
}

/// Where the order stands, with just what the page says about it.
enum Standing {
    ToPay { pay: String },
    TooLate,
    Confirming { next_look: Option<String> },
    AwaitingDeposit,
    Paid,
    PartlyReturned { parts: Option<Parts> },
    Returned,
    Declined { pay_again: Option<String> },
    Expired,
    InReview,
}

struct Parts {
    returned: String,
    kept: String,
}

struct PaymentRow {
    payment_key: String,
    method: Option<String>,
    approved_at: Option<String>,
    receipt_url: Option<String>,
}

/// One line of the history.
struct Moment {
    tone: &'static str,
    name: &'static str,
    cause: String,
    at: String,
}

pub(crate) async fn page(
    State(state): State<AppState>,
    language: Language,
    address: Addressed,
) -> Result<Page<StatusPage>, Problem> {
    let order = order::view(&state.pool, address.0).await?.ok_or(Problem::OrderNotFound)?;
    Ok(Page(StatusPage::of(&order, language)))
}

impl StatusPage {
    fn of(order: &OrderView, language: Language) -> Self {
        Self {
            language,
            reload_seconds: reload_seconds(order),
            standing: Standing::of(order, language),
            status_name: standing::name(order.status, language),
            tone: standing::tone(order.status),
            order_no: order.order_no.to_string(),
            order_name: order.name.clone(),
            amount: language.won(order.amount),
            created_at: kst(order.created_at),
            expires_at: kst(order.expires_at),
            lines: line_rows(order, language),
            payment: order.payments.last().map(PaymentRow::of),
            moments: moments(order, language),
        }
    }
}

fn reload_seconds(order: &OrderView) -> Option<u8> {
    match order.status {
        OrderStatus::InProgress => Some(RELOAD_CONFIRMING_SECONDS),
        OrderStatus::Ready if !order.is_late() => Some(RELOAD_READY_SECONDS),
        OrderStatus::Ready
        | OrderStatus::WaitingForDeposit
        | OrderStatus::Done
        | OrderStatus::PartialCanceled
        | OrderStatus::Canceled
        | OrderStatus::Aborted
        | OrderStatus::Expired
        | OrderStatus::Review => None,
    }
}

impl Standing {
    fn of(order: &OrderView, language: Language) -> Self {
        let pay = pay_address(order.order_no);
        match order.status {
            OrderStatus::Ready if order.is_late() => Self::TooLate,
            OrderStatus::Ready => Self::ToPay { pay },
            OrderStatus::InProgress => Self::Confirming { next_look: next_look(order) },
            OrderStatus::WaitingForDeposit => Self::AwaitingDeposit,
            OrderStatus::Done => Self::Paid,
            OrderStatus::PartialCanceled => Self::PartlyReturned { parts: Parts::of(order, language) },
            OrderStatus::Canceled => Self::Returned,
            OrderStatus::Aborted => Self::Declined { pay_again: (!order.is_late()).then_some(pay) },
            OrderStatus::Expired => Self::Expired,
            OrderStatus::Review => Self::InReview,
        }
    }
}

/// When the worker looks again. A time that has passed means that it is looking this moment.
fn next_look(order: &OrderView) -> Option<String> {
    let at = order.payments.last().and_then(|payment| payment.next_look_at);
    at.filter(|at| *at > order.read_at).map(kst)
}

impl Parts {
    /// Known once Toss has told the balance.
    fn of(order: &OrderView, language: Language) -> Option<Self> {
        let kept = order.payments.last()?.balance?;
        let returned = order.amount.won().checked_sub(kept.won()).and_then(Krw::new)?;
        Some(Self { returned: language.won(returned), kept: language.won(kept) })
    }
}

impl PaymentRow {
    fn of(payment: &PaymentView) -> Self {
        // Toss's text becomes a link; an address of another kind (`javascript:`) must not.
        let is_web = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
        Self {
            payment_key: payment.payment_key.to_string(),
            method: payment.method.clone(),
            approved_at: payment.approved_at.map(kst),
            receipt_url: payment.receipt_url.as_ref().filter(is_web).cloned(),
        }
    }
}

fn moments(order: &OrderView, language: Language) -> Vec<Moment> {
    let created = Moment {
        tone: standing::tone(OrderStatus::Ready),
        name: standing::name(OrderStatus::Ready, language),
        cause: language.pick("주문했습니다", "The order was made").to_owned(),
        at: kst(order.created_at),
    };
    let events = order.events.iter().map(|event| Moment {
        tone: standing::tone(event.to_status),
        name: standing::name(event.to_status, language),
        cause: standing::cause(&event.cause, language).to_owned(),
        at: kst(event.at),
    });
    std::iter::once(created).chain(events).collect()
}

#[cfg(test)]
mod tests {
    use askama::Template;
    use shared::order::{OrderStatus, OrderView};
    use time::Duration;

    use super::StatusPage;
    use crate::{language::Language, sample};

    fn render(order: &OrderView, language: Language) -> String {
        let html = StatusPage::of(order, language).render().unwrap();
        sample::check_page(&html, language.tag());
        assert!(!html.contains(sample::PAYMENT_KEY), "{html}");
        html
    }

    /// What the page of each state says about money, in both languages.
    fn said_about_money(status: OrderStatus) -> [&'static str; 2] {
        match status {
            OrderStatus::Ready | OrderStatus::Aborted | OrderStatus::Expired => {
                ["결제된 금액이 없습니다", "No money has moved"]
            }
            OrderStatus::InProgress => ["결제되었는지 토스페이먼츠에 확인하고", "whether money has moved"],
            OrderStatus::WaitingForDeposit => ["아직 입금되지 않았습니다", "No money has arrived yet"],
            OrderStatus::Done => ["50,000원이 결제되었습니다", "50,000 KRW was charged, once"],
            OrderStatus::PartialCanceled => ["20,000원을 돌려드렸고", "20,000 KRW was given back"],
            OrderStatus::Canceled => ["모두 결제 수단으로 돌아갔습니다", "All that was charged was given back"],
            OrderStatus::Review => ["결제되었는지 아직 알 수 없습니다", "cannot tell yet whether money has moved"],
        }
    }

    #[test]
    fn every_state_has_a_page_that_says_whether_money_moved() {
        for status in OrderStatus::ALL {
            let order = sample::order(status);
            let [korean, english] = said_about_money(status);
            for (language, said) in [(Language::Korean, korean), (Language::English, english)] {
                let html = render(&order, language);
                assert!(html.contains(said), "{status}: {html}");
                assert!(html.contains(&order.order_no.to_string()), "{html}");
            }
        }
    }

    #[test]
    fn only_a_paid_order_is_called_paid() {
        for status in OrderStatus::ALL {
            let html = render(&sample::order(status), Language::Korean);
            assert_eq!(html.contains("결제되었습니다"), status == OrderStatus::Done, "{status}: {html}");
        }
    }

    #[test]
    fn the_page_reloads_itself_only_while_something_may_still_happen() {
        for status in OrderStatus::ALL {
            let html = render(&sample::order(status), Language::Korean);
            assert_eq!(html.contains("http-equiv=\"refresh\""), !status.is_decided(), "{status}: {html}");
        }
    }

    #[test]
    fn while_confirming_the_page_says_when_we_look_again() {
        let mut order = sample::order(OrderStatus::InProgress);
        let html = render(&order, Language::Korean);
        assert!(html.contains("확인 중입니다. 다시 결제하지 마세요."), "{html}");
        assert!(html.contains("2026-11-22 13:23:07 (KST)"), "{html}");
        order.read_at += Duration::HOUR;
        assert!(render(&order, Language::Korean).contains("지금 확인하고 있습니다"));
    }

    #[test]
    fn who_is_late_is_not_led_to_pay() {
        for status in [OrderStatus::Ready, OrderStatus::Aborted] {
            let mut order = sample::order(status);
            let pay = format!("href=\"/checkout/{}\"", order.order_no);
            assert!(render(&order, Language::Korean).contains(&pay));
            order.read_at = order.expires_at;
            let html = render(&order, Language::Korean);
            assert!(!html.contains(&pay) && html.contains("결제된 금액이 없습니다"), "{html}");
        }
    }

    #[test]
    fn a_receipt_that_is_no_web_address_is_no_link() {
        let mut order = sample::order(OrderStatus::Done);
        assert!(render(&order, Language::Korean).contains("영수증"));
        for url in ["javascript:alert(1)", "data:text/html,x", "//evil.example"] {
            order.payments.last_mut().unwrap().receipt_url = Some(url.to_owned());
            assert!(!render(&order, Language::Korean).contains("영수증"));
        }
    }
}
