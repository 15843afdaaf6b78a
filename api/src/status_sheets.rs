//! The status page in every standing that an order may have.

use askama::Template;
use shared::order::{CancelStatus, OrderStatus, OrderView};
use time::Duration;

use super::StatusPage;
use crate::{causes, sample, sheet};

/// As it is looked at when nothing is known to come.
fn looked_at_later(mut order: OrderView) -> OrderView {
    order.read_at += Duration::HOUR;
    order
}

fn past_due(mut order: OrderView) -> OrderView {
    order.read_at = order.payments[0].account.as_ref().unwrap().due_at.unwrap();
    order
}

fn being_refunded(status: OrderStatus) -> OrderView {
    OrderView { cancels: sample::paid_twice(CancelStatus::InProgress).cancels, ..sample::order(status) }
}

fn standings() -> Vec<(String, OrderView)> {
    let mut all: Vec<(String, OrderView)> = Vec::new();
    let mut add = |name: &str, order| all.push((name.to_owned(), order));
    for status in OrderStatus::ALL {
        add(status.as_str(), sample::order(status));
        add(&format!("{status}, an hour later"), looked_at_later(sample::order(status)));
    }
    add("nobody paid in time", sample::never_paid());
    for cause in causes::all() {
        for status in [OrderStatus::Aborted, OrderStatus::Expired, OrderStatus::Review] {
            if explains(cause, status) {
                add(&format!("{status} because of {cause}"), sample::because(status, cause));
            }
        }
    }
    for code in [
        "REJECT_CARD_PAYMENT",
        "INVALID_STOPPED_CARD",
        "INVALID_PASSWORD",
        "EXCEED_MAX_AUTH_COUNT",
        "NOT_AVAILABLE_BANK",
        "REJECT_TOSSPAY_INVALID_ACCOUNT",
        "INVALID_CARD_INSTALLMENT_PLAN",
        "NOT_ALLOWED_POINT_USE",
        "BELOW_MINIMUM_AMOUNT",
        "FDS_ERROR",
        "BRAND_NEW_CODE",
    ] {
        add(&format!("declined: {code}"), sample::declined(code, "<b>한도초과</b>\u{202e} 혹은 잔액부족"));
    }
    add("approved late and delivered", sample::delivered_late());
    for refund in [CancelStatus::InProgress, CancelStatus::Done, CancelStatus::Failed] {
        for ended in [OrderStatus::Aborted, OrderStatus::Expired] {
            add(&format!("{ended}, approved late, and the refund is {refund:?}"), sample::late(ended, refund));
        }
        add(&format!("paid twice, and the refund is {refund:?}"), sample::paid_twice(refund));
    }
    for status in [OrderStatus::Done, OrderStatus::PartialCanceled, OrderStatus::WaitingForDeposit] {
        add(&format!("{status}, being refunded"), being_refunded(status));
    }
    add("WAITING_FOR_DEPOSIT, past due", past_due(sample::order(OrderStatus::WaitingForDeposit)));
    let mut nowhere = sample::order(OrderStatus::WaitingForDeposit);
    nowhere.payments[0].account = None;
    add("WAITING_FOR_DEPOSIT, without an account", nowhere);
    add("a deposit was taken back", sample::taken_back());
    add("a deposit was taken back, past due", past_due(sample::taken_back()));
    let mut closed = sample::because(OrderStatus::Canceled, causes::ACCOUNT_CLOSED);
    closed.payments[0].balance = None;
    add("canceled before the deposit", closed);
    let mut plain = sample::order(OrderStatus::Done);
    (plain.payments[0].method, plain.payments[0].receipt_url) = (None, None);
    add("DONE, without method and receipt", plain);
    let closing = |mut order: OrderView| {
        order.cancels = sample::paid_twice(CancelStatus::Done).cancels;
        order.payments[0].balance = None;
        order
    };
    add("canceled before the deposit, as a refund was asked for", closing(sample::order(OrderStatus::Canceled)));
    let mut taken_back = sample::taken_back();
    taken_back.status = OrderStatus::Canceled;
    taken_back.payments = sample::order(OrderStatus::Canceled).payments;
    add("canceled after the bank took the deposit back", closing(taken_back));
    let mut refused = sample::order(OrderStatus::Done);
    refused.cancels = sample::paid_twice(CancelStatus::Failed).cancels;
    add("DONE, and a refund was refused", refused);
    all
}

/// What a bank or an operator ended, or has not ended yet.
fn ended_outside() -> Vec<(String, OrderView)> {
    let mut all: Vec<(String, OrderView)> = Vec::new();
    let mut add = |name: &str, order| all.push((name.to_owned(), order));
    for status in [OrderStatus::Canceled, OrderStatus::PartialCanceled] {
        for word in ["NONE", "PENDING", "A_WORD_OF_TOMORROW", "FAILED", "PARTIAL_FAILED", "COMPLETED"] {
            let order = sample::refunded_into_account(status, word);
            add(&format!("{status}, into an account: {word}"), order);
        }
        let settled = sample::settled_by_the_shop(sample::refunded_into_account(status, "FAILED"));
        add(&format!("{status}, into an account, settled by the shop"), settled);
    }
    let mut second = sample::paid_twice(CancelStatus::Done);
    second.payments[0].refund_status = Some("FAILED".to_owned());
    add("paid twice, and the refund into an account has not arrived", second);
    add("REVIEW, looked up again and to be closed", sample::looked_up_in_review("review_no_proof"));
    add("CANCELED because of closed_not_paid", {
        let mut order = sample::because(OrderStatus::Canceled, causes::CLOSED_NOT_PAID);
        order.payments[0].balance = None;
        order
    });
    for status in [OrderStatus::Canceled, OrderStatus::Done] {
        let order = sample::because(status, causes::CLOSED_SETTLED_OUTSIDE);
        add(&format!("{status} because of closed_settled_outside"), order);
    }
    all
}

/// Causes that end an order so; the others happen on the way.
fn explains(cause: &str, status: OrderStatus) -> bool {
    match cause {
        "declined" | "request_refused" | "request_forbidden" | "payment_unknown" | "toss_aborted"
        | "payment_not_ours" => status == OrderStatus::Aborted,
        "confirm_too_late" | "toss_expired" | "not_confirmed_in_time" | "deposit_too_late" => {
            status == OrderStatus::Expired
        }
        "closed_not_paid" => status == OrderStatus::Expired,
        "refund_refused" => false, // needs a refund: shown below
        _ => causes::leads_to_review(cause) && status == OrderStatus::Review,
    }
}

#[test]
fn the_page_is_as_its_sheets_show_it() {
    sheet::draw("status", |sheet, language| {
        for (name, order) in standings().into_iter().chain(ended_outside()) {
            sheet.add(&name, &StatusPage::of(&order, Some("02-123-4567"), language).render().unwrap());
        }
    });
}
