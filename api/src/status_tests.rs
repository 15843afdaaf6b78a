//! What the page of every standing says: did money move, and what now.

use askama::Template;
use shared::order::{CancelStatus, OrderStatus, OrderView};
use time::Duration;

use super::StatusPage;
use crate::{language::Language, sample};

fn render(order: &OrderView, language: Language) -> String {
    let html = StatusPage::of(order, Some("<b>02-123-4567</b>"), language).render().unwrap();
    sample::check_page(&html, language.tag());
    assert!(!html.contains(sample::PAYMENT_KEY), "{html}");
    html
}

/// The page says these, in Korean and in English.
fn check(order: &OrderView, korean: &[&str], english: &[&str]) {
    for (language, said) in [(Language::Korean, korean), (Language::English, english)] {
        let html = render(order, language);
        for said in said {
            assert!(html.contains(said), "{said}: {html}");
        }
    }
}

fn reloads(order: &OrderView) -> bool {
    render(order, Language::Korean).contains("http-equiv=\"refresh\"")
}

fn pay_again(order: &OrderView) -> bool {
    render(order, Language::Korean).contains(&format!("href=\"/checkout/{}\"", order.order_no))
}

const NOT_CHARGED: [&str; 2] = ["결제된 금액이 없습니다", "No money has moved"];
const UNKNOWN: [&str; 2] = ["결제되었는지 아직 알 수 없습니다", "cannot tell yet whether money has moved"];

/// What the page of each state says about money, in both languages.
fn said_about_money(status: OrderStatus) -> [&'static str; 2] {
    match status {
        OrderStatus::Ready | OrderStatus::Aborted | OrderStatus::Expired => NOT_CHARGED,
        OrderStatus::InProgress => ["결제되었는지 토스페이먼츠에 확인하고", "whether money has moved"],
        OrderStatus::WaitingForDeposit => ["아직 입금되지 않았습니다", "No money has arrived yet"],
        OrderStatus::Done => ["50,000원이 결제되었습니다", "50,000 KRW was charged, once"],
        OrderStatus::PartialCanceled => ["20,000원을 돌려드렸고", "20,000 KRW was given back"],
        OrderStatus::Canceled => ["모두 돌려드렸습니다", "All that was charged was given back"],
        OrderStatus::Review => UNKNOWN,
    }
}

#[test]
fn every_state_has_a_page_that_says_whether_money_moved() {
    for status in OrderStatus::ALL {
        let order = sample::order(status);
        let [korean, english] = said_about_money(status);
        let number = order.order_no.to_string();
        check(&order, &[korean, &number], &[english, &number]);
    }
}

#[test]
fn only_a_paid_order_is_called_paid() {
    let late =
        [OrderStatus::Aborted, OrderStatus::Expired].map(|status| sample::late(status, CancelStatus::InProgress));
    let others = [sample::paid_twice(CancelStatus::Failed), sample::never_paid()];
    for order in OrderStatus::ALL.map(sample::order).into_iter().chain(late).chain(others) {
        let html = render(&order, Language::Korean);
        assert_eq!(html.contains("결제되었습니다"), order.status == OrderStatus::Done, "{}: {html}", order.status);
    }
}

#[test]
fn the_page_reloads_itself_only_while_something_may_still_happen() {
    for status in OrderStatus::ALL {
        assert_eq!(reloads(&sample::order(status)), !status.is_decided(), "{status}");
    }
    for (refund, live) in [(CancelStatus::InProgress, true), (CancelStatus::Done, false), (CancelStatus::Failed, false)]
    {
        for order in [
            sample::late(OrderStatus::Aborted, refund),
            sample::late(OrderStatus::Expired, refund),
            sample::paid_twice(refund),
        ] {
            assert_eq!(reloads(&order), live, "{refund:?}");
        }
    }
}

#[test]
fn while_confirming_the_page_says_when_we_look_again() {
    let mut order = sample::order(OrderStatus::InProgress);
    check(&order, &["확인 중입니다. 다시 결제하지 마세요.", "2026-11-22 13:23:07 (KST)"], &["do not pay again"]);
    order.read_at += Duration::HOUR;
    check(&order, &["지금 확인하고 있습니다"], &["Looking right now"]);
}

#[test]
fn who_is_late_is_not_led_to_pay() {
    for status in [OrderStatus::Ready, OrderStatus::Aborted] {
        let mut order = sample::order(status);
        assert!(pay_again(&order));
        order.read_at = order.expires_at;
        assert!(!pay_again(&order));
        check(&order, &NOT_CHARGED[..1], &NOT_CHARGED[1..]);
    }
}

#[test]
fn a_declined_payment_is_explained_in_words_and_never_by_its_code() {
    let order = sample::declined("REJECT_CARD_PAYMENT", "<b>한도초과</b>\u{202e} 혹은 잔액부족");
    check(
        &order,
        &[
            "결제가 거절되었습니다",
            NOT_CHARGED[0],
            "한도를 넘었거나 잔액이 부족합니다",
            "&#62; 혹은 잔액부족",
            "다시 결제하기",
        ],
        &["The payment was declined", NOT_CHARGED[1], "A limit was exceeded", "Pay again"],
    );
    assert!(!render(&order, Language::Korean).contains("REJECT_CARD_PAYMENT"));
    let new = sample::declined("BRAND_NEW_CODE", "");
    check(&new, &["결제가 승인되지 않았습니다."], &["The payment was not approved."]);
    assert!(!render(&new, Language::English).contains("BRAND_NEW_CODE"));
    assert!(!render(&new, Language::English).contains("<blockquote"), "Toss said nothing");
}

#[test]
fn a_payment_that_failed_for_another_reason_is_not_blamed_on_the_card() {
    let mut order = sample::declined("FORBIDDEN_REQUEST", "허용되지 않은 요청입니다.");
    order.events.last_mut().unwrap().cause = "request_forbidden".to_owned();
    check(
        &order,
        &["결제하지 못했습니다", "결제 요청을 허용하지"],
        &["did not go through", "did not allow our request"],
    );
    assert!(!render(&order, Language::Korean).contains("<blockquote"), "Toss's words to us are not for shoppers");
}

#[test]
fn an_order_expires_in_two_ways_and_neither_was_charged() {
    let never_paid = sample::never_paid();
    check(&never_paid, &["결제되지 않은 채 기한이", NOT_CHARGED[0]], &["Expired without being paid", NOT_CHARGED[1]]);
    for cause in ["not_confirmed_in_time", "confirm_too_late", "toss_expired"] {
        let order = sample::because(OrderStatus::Expired, cause);
        check(&order, &["제시간에 결제가 확인되지", NOT_CHARGED[0]], &["not confirmed in time", NOT_CHARGED[1]]);
    }
    let deposit = sample::because(OrderStatus::Expired, "deposit_too_late");
    check(&deposit, &["입금되지 않은 채", NOT_CHARGED[0]], &["Expired without a deposit", NOT_CHARGED[1]]);
}

#[test]
fn a_late_approval_is_delivered_or_given_back_and_the_page_says_which() {
    check(
        &sample::delivered_late(),
        &["50,000원이 결제되었습니다", "뒤늦게 승인이 확인되어"],
        &["50,000 KRW was charged, once", "Its approval showed up late"],
    );
    for ended in [OrderStatus::Aborted, OrderStatus::Expired] {
        let mut order = sample::late(ended, CancelStatus::InProgress);
        check(
            &order,
            &["돌려드리는 중입니다", "50,000원의 결제가 승인된", "다시 결제하지 마세요", "13:23:07 (KST)", "환불 중"],
            &["being given back", "50,000 KRW was approved", "do not pay again", "Being refunded"],
        );
        for said in ["결제된 금액이 없습니다", "이중 결제"] {
            assert!(!render(&order, Language::Korean).contains(said), "{said}");
        }
        assert!(!pay_again(&order), "a confirm would be refused");
        order.read_at += Duration::HOUR;
        check(&order, &["지금 확인하고 있습니다"], &["Looking right now"]);
        check(
            &sample::late(ended, CancelStatus::Done),
            &["늦게 승인된 결제를 돌려드렸습니다", "50,000원을 모두 돌려드렸습니다"],
            &["A late payment was given back", "50,000 KRW was charged and all of it was given back"],
        );
    }
}

#[test]
fn a_second_approval_is_given_back_and_the_order_stays_paid() {
    let live = sample::paid_twice(CancelStatus::InProgress);
    check(
        &live,
        &["50,000원이 결제되었습니다", "이중 결제가 확인되어 50,000원을 돌려드리는 중입니다", "13:23:07 (KST)"],
        &["50,000 KRW pays this order", "A second payment was found: 50,000 KRW is being given back"],
    );
    assert!(!render(&live, Language::English).contains("once"), "it was charged twice");
    check(
        &sample::paid_twice(CancelStatus::Done),
        &["50,000원이 결제되었습니다", "이중 결제가 확인되어 50,000원을 돌려드렸습니다"],
        &["50,000 KRW pays this order", "50,000 KRW was given back"],
    );
}

#[test]
fn a_refund_of_a_part_of_what_is_paid_is_not_called_a_second_payment() {
    let mut order = sample::order(OrderStatus::Done);
    order.cancels = sample::paid_twice(CancelStatus::InProgress).cancels;
    check(&order, &["50,000원을 돌려드리는 중입니다"], &["50,000 KRW is being given back"]);
    assert!(!render(&order, Language::Korean).contains("이중 결제"));
}

#[test]
fn a_review_says_why_and_what_happens_next() {
    for (cause, korean, english) in [
        ("review_no_proof", "결제 여부가 밝혀지지", "After a long search"),
        ("review_not_as_agreed", "내용이 주문과 다릅니다", "is not as the order says"),
        ("toss_contradicts", "앞선 기록과 다릅니다", "contradicts"),
        ("review_nothing_to_refund", "돌려드릴 결제가", "does not show the payment"),
    ] {
        let order = sample::because(OrderStatus::Review, cause);
        check(&order, &[korean, UNKNOWN[0], "담당자가"], &[english, UNKNOWN[1], "do not pay again"]);
    }
    let late = sample::late(OrderStatus::Expired, CancelStatus::Failed);
    let korean = ["환불을 받아들이지", "50,000원을 아직 돌려드리지 못했습니다", "담당자가", "환불 실패"];
    check(
        &late,
        &korean,
        &["did not take the refund", "50,000 KRW was charged and could not be given back", "Refund failed"],
    );
    assert!(!render(&late, Language::Korean).contains("주문 금액은 따로"), "nothing pays the order");
    let twice = sample::paid_twice(CancelStatus::Failed);
    check(&twice, &["50,000원을 아직", "주문 금액은 따로 결제되어"], &["The order itself is paid"]);
}

#[test]
fn a_page_that_waits_for_a_deposit_says_where_to_and_until_when_and_that_nothing_is_paid() {
    let order = sample::order(OrderStatus::WaitingForDeposit);
    check(
        &order,
        &[
            "아직 입금되지 않았습니다",
            "신한은행",
            ">X1234567890123",
            "50,000원",
            "11월 29일(일) 오후 1시 20분 (한국 시간)",
        ],
        &["No money has arrived yet", "Shinhan Bank", ">X1234567890123", "Sun 29 November 2026, 1:20 pm (KST)"],
    );
    check(&order, &["다른 방법으로 결제하시려면", "새로고침"], &["rather pay another way", "Reload"]);
    let html = render(&order, Language::English);
    assert!(html.contains("/assets/copy.js") && html.contains(">Copy<"), "{html}");
    assert!(!render(&sample::order(OrderStatus::Done), Language::English).contains("copy.js"));
}

#[test]
fn past_the_due_time_nobody_is_led_to_deposit_and_nothing_is_called_too_late() {
    for mut order in [sample::order(OrderStatus::WaitingForDeposit), sample::taken_back()] {
        order.read_at = order.payments[0].account.as_ref().unwrap().due_at.unwrap();
        check(&order, &["입금 기한이 지났습니다", "지금은 입금하지"], &["time to deposit is over", "do not transfer"]);
        let html = render(&order, Language::English);
        assert!(!html.contains("X1234567890123") && !html.contains("Expired"), "{html}");
        assert!(reloads(&order), "it is being found out");
    }
}

#[test]
fn a_deposit_that_was_taken_back_is_explained_until_the_order_is_over() {
    let mut order = sample::taken_back();
    check(
        &order,
        &["은행이 입금을 되돌렸습니다", "결제된 금액이 없습니다", ">X1234567890123", "다시 입금해"],
        &["The bank took your deposit back", "Nothing is paid now", ">X1234567890123", "to the same account again"],
    );
    let expired = sample::because(OrderStatus::Expired, "deposit_too_late");
    order.status = expired.status;
    order.events.extend(expired.events);
    check(
        &order,
        &["입금되지 않은 채", "은행이 입금을 되돌렸습니다."],
        &["Expired without", "took the deposit back.", "If you did transfer it in time"],
    );
    let paid = sample::because(OrderStatus::Done, "toss_approved");
    order.status = paid.status;
    order.events.extend(paid.events);
    let html = render(&order, Language::English);
    assert!(!html.contains("took your deposit back"), "{html}");
}

#[test]
fn a_deposit_that_cannot_go_back_says_what_is_lacking() {
    let mut order = sample::late(OrderStatus::Expired, CancelStatus::Failed);
    order.events.last_mut().unwrap().cause = "refund_needs_account".to_owned();
    check(
        &order,
        &["받으실 계좌가 필요합니다", "50,000원을 아직 돌려드리지 못했습니다"],
        &["an account is needed", "50,000 KRW was charged and could not be given back"],
    );
}

#[test]
fn a_payment_without_a_receipt_shows_no_link_to_one() {
    let mut order = sample::order(OrderStatus::Done);
    assert!(render(&order, Language::Korean).contains("영수증"));
    order.payments.last_mut().unwrap().receipt_url = None;
    assert!(!render(&order, Language::Korean).contains("영수증"));
}

#[test]
fn whom_to_ask_is_said_where_a_human_has_to_look() {
    let order = sample::because(OrderStatus::Review, "undecided_for_too_long");
    for (contact, korean, english) in
        [(Some("02-123-4567"), "문의: 02-123-4567", "Questions? 02-123-4567"), (None, "상점에", "tell the shop")]
    {
        for (language, said) in [(Language::Korean, korean), (Language::English, english)] {
            let html = StatusPage::of(&order, contact, language).render().unwrap();
            assert!(html.contains(said), "{html}");
        }
    }
}

#[test]
fn an_order_that_nobody_paid_is_never_called_refunded() {
    let mut order = sample::because(OrderStatus::Canceled, "account_closed");
    order.cancels = sample::paid_twice(CancelStatus::Done).cancels;
    order.payments[0].balance = None;
    check(
        &order,
        &[NOT_CHARGED[0], "입금 전에 취소되었습니다"],
        &[NOT_CHARGED[1], "Canceled before anything was paid"],
    );
    let said = [render(&order, Language::Korean), render(&order, Language::English)].concat();
    assert!(!said.contains("환불") && !said.to_lowercase().contains("refund"), "{said}");
    let mut reversed = sample::taken_back();
    (reversed.status, reversed.cancels, reversed.payments) = (OrderStatus::Canceled, order.cancels, order.payments);
    check(&reversed, &[NOT_CHARGED[0], "은행이 되돌렸습니다"], &[NOT_CHARGED[1], "bank took your deposit back"]);
}

#[test]
fn a_refund_that_toss_refused_leaves_the_order_paid_and_says_so() {
    let mut order = sample::because(OrderStatus::Done, "toss_approved");
    order.cancels = sample::paid_twice(CancelStatus::Failed).cancels;
    check(
        &order,
        &["결제되었습니다", "50,000원의 환불이 아직 되지 않았고", "문의:"],
        &["50,000 KRW could not be given back yet", "Questions?"],
    );
}
