use std::collections::HashSet;

use askama::Template;
use shared::{
    cancel::{AccountFault, Refusal},
    db::StoreError,
    money::Krw,
    order::{ActionRefusal, ProductId},
};

use super::{ActionProblem, CancelProblem, NextStep, Problem, ProblemPage, StreamProblem, Wanted};
use crate::{language::Language, sample, sheet};

/// The problem after this one; the match is complete, so a new problem cannot be left out of the tests.
fn after(problem: &Problem) -> Option<Problem> {
    let field = || "orderProducts[0].quantity".to_owned();
    Some(match problem {
        Problem::MalformedJson => Problem::InvalidRequest { field: field(), wanted: Wanted::Integer },
        Problem::InvalidRequest { .. } => Problem::UnsupportedMediaType,
        Problem::UnsupportedMediaType => Problem::BodyTooLarge,
        Problem::BodyTooLarge => Problem::MethodNotAllowed,
        Problem::MethodNotAllowed => Problem::NotFound,
        Problem::NotFound => Problem::CrossSite,
        Problem::CrossSite => Problem::Unauthorized,
        Problem::Unauthorized => Problem::StaleForm,
        Problem::StaleForm => Problem::EmptyOrder,
        Problem::EmptyOrder => Problem::TooManyLines,
        Problem::TooManyLines => Problem::InvalidQuantity { field: field() },
        Problem::InvalidQuantity { .. } => Problem::UnknownProduct(ProductId(7)),
        Problem::UnknownProduct(_) => Problem::UnknownUser,
        Problem::UnknownUser => Problem::TotalTooLarge,
        Problem::TotalTooLarge => Problem::AmountMismatch { total: Krw::new(50_000) },
        Problem::AmountMismatch { .. } => Problem::InvalidAmount { field: field() },
        Problem::InvalidAmount { .. } => Problem::InvalidUserId,
        Problem::InvalidUserId => Problem::InvalidProductId { field: field() },
        Problem::InvalidProductId { .. } => Problem::InvalidOrderId,
        Problem::InvalidOrderId => Problem::InvalidPaymentKey,
        Problem::InvalidPaymentKey => Problem::InvalidCursor,
        Problem::InvalidCursor => Problem::InvalidPageSize,
        Problem::InvalidPageSize => Problem::InvalidStatus,
        Problem::InvalidStatus => Problem::OrderNotFound,
        Problem::OrderNotFound => Problem::PaymentKeyTaken,
        Problem::PaymentKeyTaken => Problem::PaymentInProgress,
        Problem::PaymentInProgress => Problem::AlreadyPaid,
        Problem::AlreadyPaid => Problem::OrderCanceled,
        Problem::OrderCanceled => Problem::OrderExpired,
        Problem::OrderExpired => Problem::OutOfStock { product: "<b>컵</b> {left}".to_owned(), left: 3 },
        Problem::OutOfStock { .. } => Problem::Busy,
        Problem::Busy => Problem::Unavailable(StoreError::Deadline { operation: "canary" }),
        Problem::Unavailable(_) => Problem::Internal("canary"),
        // The same code as the one above, by another cause; and lists of their own.
        Problem::TimedOut
        | Problem::Cancel(_)
        | Problem::Action(_)
        | Problem::Stream(_)
        | Problem::Broken(_)
        | Problem::Internal(_) => return None,
    })
}

fn after_cancel(problem: &CancelProblem) -> Option<CancelProblem> {
    let refused = |refusal| CancelProblem::Refused(refusal);
    Some(match problem {
        CancelProblem::KeyMissing => CancelProblem::InvalidKey,
        CancelProblem::InvalidKey => CancelProblem::KeyRunning,
        CancelProblem::KeyRunning => CancelProblem::KeyReused,
        CancelProblem::KeyReused => CancelProblem::InvalidReason,
        CancelProblem::InvalidReason => CancelProblem::InvalidAccount(AccountFault::Bank),
        CancelProblem::InvalidAccount(_) => refused(Refusal::NotPaid),
        CancelProblem::Refused(refusal) => match refusal {
            Refusal::NotPaid => refused(Refusal::AnotherRunning),
            Refusal::AnotherRunning => refused(Refusal::AlreadyCanceled),
            Refusal::AlreadyCanceled => refused(Refusal::InReview),
            Refusal::InReview => refused(Refusal::AmountTooLarge { refundable: Krw::new(50_000)? }),
            Refusal::AmountTooLarge { .. } => refused(Refusal::OnlyInFull),
            Refusal::OnlyInFull => refused(Refusal::AccountWanted),
            Refusal::AccountWanted => refused(Refusal::AccountNotWanted),
            Refusal::AccountNotWanted => refused(Refusal::NoAccountKey),
            Refusal::NoAccountKey => refused(Refusal::UnknownLine { index: 1 }),
            Refusal::UnknownLine { .. } => refused(Refusal::TooManyPieces { index: 1, left: 2 }),
            // The others have a code that is told for another reason too.
            Refusal::TooManyPieces { .. }
            | Refusal::UnknownOrder
            | Refusal::ZeroAmount
            | Refusal::TransferFailed
            | Refusal::Busy => return None,
        },
    })
}

fn after_action(problem: &ActionProblem) -> Option<ActionProblem> {
    Some(ActionProblem::Refused(match problem {
        ActionProblem::InvalidReason => ActionRefusal::UnknownRefund,
        ActionProblem::Refused(refusal) => match refusal {
            ActionRefusal::UnknownRefund => ActionRefusal::ConfirmInProgress,
            ActionRefusal::ConfirmInProgress => ActionRefusal::NoPayment,
            ActionRefusal::NoPayment => ActionRefusal::LookupTooSoon,
            ActionRefusal::LookupTooSoon => ActionRefusal::NotInReview,
            ActionRefusal::NotInReview => ActionRefusal::RefundEnded,
            ActionRefusal::RefundEnded => ActionRefusal::RefundOfWorker,
            ActionRefusal::RefundOfWorker => ActionRefusal::NoFailedTransfer,
            ActionRefusal::NoFailedTransfer | ActionRefusal::UnknownOrder => return None,
        },
    }))
}

fn all() -> impl Iterator<Item = Problem> {
    let actions = std::iter::successors(Some(ActionProblem::InvalidReason), after_action).map(Problem::Action);
    let cancels = std::iter::successors(Some(CancelProblem::KeyMissing), after_cancel).map(Problem::Cancel);
    let streams = [StreamProblem::TooMany, StreamProblem::TooManyOfYours].map(Problem::Stream);
    std::iter::successors(Some(Problem::MalformedJson), after).chain(cancels).chain(actions).chain(streams)
}

#[test]
fn every_problem_has_a_code_of_its_own_and_words_in_both_languages() {
    let mut codes = HashSet::new();
    for problem in all() {
        assert!(codes.insert(problem.row().code), "{problem:?}");
        let [korean, english] = [Language::Korean, Language::English].map(|language| problem.json(language));
        assert_ne!(korean["title"], english["title"], "{problem:?}");
        assert_ne!(korean["detail"], english["detail"], "{problem:?}");
        for body in [&korean, &english] {
            for member in ["title", "detail"] {
                assert!(!body[member].as_str().unwrap().is_empty(), "{body}");
            }
            assert!(!body.to_string().contains("canary"), "the inside got out: {body}");
            assert!(!body["detail"].as_str().unwrap().contains("{field}"), "{body}");
            assert_eq!(body["status"], problem.row().status.as_u16());
        }
    }
}

#[test]
fn a_detail_names_what_was_wrong_and_members_tell_it_to_programs() {
    let stock = Problem::OutOfStock { product: "한번 컵 {left}".to_owned(), left: 3 };
    let body = stock.json(Language::English);
    assert_eq!(body["product"], "한번 컵 {left}");
    assert_eq!(body["left"], 3);
    assert!(body["detail"].as_str().unwrap().contains("한번 컵 {left}"), "{body}");

    let mismatch = Problem::AmountMismatch { total: Krw::new(50_000) }.json(Language::Korean);
    assert_eq!(mismatch["total"], 50_000);
    assert!(mismatch["detail"].as_str().unwrap().contains("50,000원"), "{mismatch}");
    assert_eq!(Problem::AmountMismatch { total: None }.json(Language::Korean).get("total"), None);
}

#[test]
fn a_second_cancel_of_what_the_bank_did_not_pay_says_so_under_the_code_of_any_other() {
    let [failed, made] = [Refusal::TransferFailed, Refusal::AlreadyCanceled]
        .map(|refusal| Problem::Cancel(CancelProblem::Refused(refusal)).json(Language::English));
    assert_eq!((&failed["code"], &failed["status"]), (&made["code"], &made["status"]));
    assert!(failed["detail"].as_str().unwrap().contains("support"), "{failed}");
    assert_ne!(failed["detail"], made["detail"]);
}

fn page(problem: &Problem, next: NextStep, language: Language) -> String {
    ProblemPage::of(problem, next, language).render().unwrap()
}

#[test]
fn the_page_is_as_its_sheets_show_it() {
    sheet::draw("problem", |sheet, language| {
        for problem in all() {
            sheet.add(problem.row().code, &page(&problem, NextStep::Shop, language));
        }
        let order = sample::order_no(0);
        let again = "/checkout/success?orderId=\"<b>&paymentKey=a".to_owned();
        for (name, next) in
            [("the order", NextStep::Order(order)), ("again", NextStep::Again(again)), ("the login", NextStep::LogIn)]
        {
            sheet.add(&format!("which leads to {name}"), &page(&Problem::TimedOut, next, language));
        }
    });
}

#[test]
fn every_problem_is_a_page_with_a_next_step_and_without_markup_of_others() {
    for problem in all() {
        for language in [Language::Korean, Language::English] {
            let html = page(&problem, NextStep::default(), language);
            assert!(html.contains(problem.row().code) && html.contains("href=\"/checkout\""), "{html}");
            assert!(!html.contains("<b>"), "{html}");
        }
    }
}
