use std::collections::HashMap;

use askama::Template;
use shared::{
    cancel::{Preview, Refundable},
    order::{CancelStatus, FailureView, OrderStatus, OrderView},
};

use super::{RefundPage, SurePage, read};
use crate::{
    language::Language,
    operator::Operator,
    sample::{self, krw},
    sheet,
};

fn fields(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// What an order of the samples has in this state.
fn refundable(status: OrderStatus) -> Option<Refundable> {
    let (won, only_in_full) = match status {
        OrderStatus::Done => (50_000, false),
        OrderStatus::PartialCanceled => (30_000, false),
        OrderStatus::WaitingForDeposit => (50_000, true),
        OrderStatus::Ready
        | OrderStatus::InProgress
        | OrderStatus::Canceled
        | OrderStatus::Aborted
        | OrderStatus::Expired
        | OrderStatus::Review => return None,
    };
    Some(Refundable { amount: krw(won), only_in_full, needs_account: false })
}

#[test]
fn every_state_says_what_can_be_given_back_and_only_then_asks() {
    for status in OrderStatus::ALL {
        for language in [Language::Korean, Language::English] {
            let order = sample::order(status);
            let page = RefundPage::of(&order, refundable(status), Operator::sample(), language, &HashMap::new(), None);
            let html = page.render().unwrap();
            sample::check_page(&html, language.tag());
            let asks =
                matches!(status, OrderStatus::Done | OrderStatus::PartialCanceled | OrderStatus::WaitingForDeposit);
            assert_eq!(html.contains("name=\"cancelReason\""), asks, "{status}: {html}");
            assert_eq!(html.contains("name=\"cancelAmount\""), asks && status != OrderStatus::WaitingForDeposit);
        }
    }
}

#[test]
fn a_refund_that_was_not_made_says_what_can_be_done() {
    let order = sample::paid_twice(CancelStatus::Failed);
    let surplus = Some(Refundable { amount: krw(50_000), only_in_full: true, needs_account: false });
    let page = RefundPage::of(&order, surplus, Operator::sample(), Language::English, &HashMap::new(), None);
    let html = page.render().unwrap();
    assert!(html.contains("It was not made. Look at the amount that is left now"), "{html}");
    assert!(html.contains("name=\"cancelReason\"") && !html.contains("name=\"cancelAmount\""), "{html}");
}

#[test]
fn what_was_entered_is_shown_again_and_is_nobody_elses_markup() {
    let entered = fields(&[
        ("cancelReason", "\"><b>x"),
        ("cancelAmount", "<b>"),
        ("quantity-1", "\"<b>"),
        ("discard-1", "on"),
        ("key", "<b>k"),
    ]);
    let order = sample::order(OrderStatus::Done);
    let page = RefundPage::of(
        &order,
        refundable(OrderStatus::Done),
        Operator::sample(),
        Language::Korean,
        &entered,
        Some("<b>trouble".to_owned()),
    );
    let html = page.render().unwrap();
    sample::check_page(&html, "ko");
    assert!(html.contains("trouble") && html.contains(" checked"), "{html}");
}

#[test]
fn before_it_is_done_it_says_what_it_will_do() {
    let order = sample::order(OrderStatus::Done);
    let sure = |pairs: &[(&str, &str)], amount: i64, language: Language| {
        let fields = fields(pairs);
        let request = read(&order, &fields).unwrap();
        let preview = Preview { amount: krw(amount), balance: krw(50_000), closes_account: false };
        let page = SurePage::of(&order, Operator::sample(), language, &fields, &request, &preview);
        let html = page.render().unwrap();
        sample::check_page(&html, language.tag());
        html
    };
    let part = sure(
        &[("cancelReason", "r"), ("cancelAmount", "20,000"), ("quantity-1", "1"), ("discard-1", "on")],
        20_000,
        Language::English,
    );
    assert!(
        part.contains("Give 20,000 KRW back?") && part.contains("30,000 KRW") && part.contains("not for sale"),
        "{part}"
    );
    assert!(part.contains("name=\"quantity-1\" value=\"1\"") && part.contains("name=\"discard-1\""), "{part}");
    let money_only = sure(&[("cancelReason", "r"), ("cancelAmount", "1")], 1, Language::Korean);
    assert!(money_only.contains("그대로") && money_only.contains("49,999원"), "{money_only}");
    let all = sure(&[("cancelReason", "r"), ("cancelAmount", " ")], 50_000, Language::Korean);
    assert!(all.contains("50,000원을 돌려드릴까요?") && all.contains("다시 판매"), "{all}");
}

#[test]
fn the_form_is_as_its_sheets_show_it() {
    let entered = fields(&[("key", "a-key")]);
    let again = fields(&[
        ("cancelReason", "\"><b>x"),
        ("cancelAmount", "<b>"),
        ("quantity-1", "\"<b>"),
        ("discard-1", "on"),
        ("key", "<b>k"),
        ("bank", "88"),
        ("accountNumber", "110"),
        ("holderName", "<b>"),
    ]);
    sheet::draw("refund", |sheet, language| {
        let mut add = |name: &str, order: &OrderView, refundable, fields, trouble: Option<&str>| {
            let trouble = trouble.map(str::to_owned);
            let page = RefundPage::of(order, refundable, Operator::sample(), language, fields, trouble);
            sheet.add(name, &page.render().unwrap());
        };
        for status in OrderStatus::ALL {
            add(status.as_str(), &sample::order(status), refundable(status), &entered, None);
        }
        let done = sample::order(OrderStatus::Done);
        let to_account = refundable(OrderStatus::Done).map(|left| Refundable { needs_account: true, ..left });
        add("as it was filled in, and wrong", &done, to_account, &again, Some("<b>trouble"));
        let in_full = refundable(OrderStatus::WaitingForDeposit);
        for refund in [CancelStatus::InProgress, CancelStatus::Done, CancelStatus::Failed] {
            let name = format!("after a refund that is {refund:?}");
            add(&name, &sample::paid_twice(refund), in_full, &entered, None);
        }
        let mut put_off = sample::paid_twice(CancelStatus::InProgress);
        put_off.cancels[0].put_off_by = Some("NOT_AVAILABLE_BANK".to_owned());
        add("after a refund that waits for the bank", &put_off, None, &entered, None);
        let mut refused = sample::paid_twice(CancelStatus::Failed);
        refused.cancels[0].failure =
            Some(FailureView { code: "<b>INVALID_BANK".to_owned(), message: Some("<b>".to_owned()) });
        add("after a refund that Toss refused", &refused, in_full, &entered, None);
    });
}

#[test]
fn the_question_before_is_as_its_sheets_show_it() {
    let order = sample::order(OrderStatus::Done);
    sheet::draw("refund_sure", |sheet, language| {
        let mut add = |name: &str, pairs: &[(&str, &str)], amount: i64, closes_account: bool| {
            let fields = fields(pairs);
            let request = read(&order, &fields).unwrap();
            let preview = Preview { amount: krw(amount), balance: krw(50_000), closes_account };
            let page = SurePage::of(&order, Operator::sample(), language, &fields, &request, &preview);
            sheet.add(name, &page.render().unwrap());
        };
        let goods = [
            ("key", "k"),
            ("cancelReason", "<b>r"),
            ("cancelAmount", "20,000"),
            ("quantity-1", "1"),
            ("discard-1", "on"),
        ];
        add("goods that are not for sale again", &goods, 20_000, false);
        add("goods that are", &goods[..4], 20_000, false);
        add("money alone", &[("key", "k"), ("cancelReason", "r"), ("cancelAmount", "1")], 1, false);
        let account = [("bank", "88"), ("accountNumber", "110123"), ("holderName", "<b>김")];
        add("everything, to an account", &[&goods[..2], &account].concat(), 50_000, false);
        add("before a deposit", &goods[..2], 50_000, true);
    });
}
