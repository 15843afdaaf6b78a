//! Every documented code of confirm, queries and cancel: by Toss's test header, and by the real situation where one can
//! be brought about.
//!
//! The three tables below say of each code how it comes; `each_documented_code_has_a_row_and_each_row_a_code` holds them
//! against the documented ones in both directions, and a row that names a case against the cases there are.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::case::{Case, Needs, cases};
use crate::code_tables::{CANCEL, CONFIRM, Documented, ENGLISH, OVERALL, QUERY};
use crate::codes::Comes::{ByCase, ByDecline, ByHeader};
use crate::toss::{Answer, Toss, fresh, read, text};

#[derive(Debug, Clone, Copy)]
enum Comes {
    /// The case of that name brings the situation about.
    ByCase(&'static str),
    /// The card company, bank or provider says no: the shopper is played with this decline.
    ByDecline,
    /// Only the test header shows it: a fault inside Toss, a contract, or a situation nobody outside can make.
    ByHeader,
}

const CONFIRM_COMES: &[(&str, Comes)] = &[
    ("ALREADY_PROCESSED_PAYMENT", ByCase("tricky_confirm::a_second_confirm_of_a_finished_payment_is_refused")),
    ("PROVIDER_ERROR", ByHeader),
    ("CARD_PROCESSING_ERROR", ByHeader),
    ("UNAPPROVED_ORDER_ID", ByHeader),
    ("INVALID_REQUEST", ByCase("bad_input::a_confirm_without_a_field_is_an_invalid_request")),
    ("INVALID_API_KEY", ByCase("auth::a_payment_of_the_other_product_is_not_for_this_key")),
    ("NOT_FOUND_TERMINAL_ID", ByHeader),
    ("INVALID_AUTHORIZE_AUTH", ByHeader),
    ("INVALID_UNREGISTERED_SUBMALL", ByHeader),
    ("NOT_REGISTERED_BUSINESS", ByHeader),
    ("BELOW_MINIMUM_AMOUNT", ByCase("confirm::an_amount_below_the_minimum_is_refused")),
    ("EXCEED_MAX_CARD_INSTALLMENT_PLAN", ByDecline),
    ("INVALID_CARD_INSTALLMENT_PLAN", ByDecline),
    ("NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", ByDecline),
    ("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", ByDecline),
    ("NOT_ALLOWED_POINT_USE", ByDecline),
    ("INVALID_REJECT_CARD", ByDecline),
    ("INVALID_CARD_EXPIRATION", ByDecline),
    ("INVALID_STOPPED_CARD", ByDecline),
    ("INVALID_CARD_LOST_OR_STOLEN", ByDecline),
    ("INVALID_CARD_NUMBER", ByDecline),
    ("EXCEED_MAX_DAILY_PAYMENT_COUNT", ByDecline),
    ("EXCEED_MAX_PAYMENT_AMOUNT", ByDecline),
    ("EXCEED_MAX_AMOUNT", ByDecline),
    ("EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", ByDecline),
    ("EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT", ByDecline),
    ("EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", ByDecline),
    ("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM", ByCase("confirm::a_transfer_of_more_than_ten_million_is_refused")),
    ("RESTRICTED_TRANSFER_ACCOUNT", ByDecline),
    ("INVALID_ACCOUNT_INFO_RE_REGISTER", ByDecline),
    ("NOT_AVAILABLE_PAYMENT", ByHeader),
    ("DUPLICATED_ORDER_ID", ByCase("confirm::an_order_that_was_paid_cannot_be_paid_again")),
    ("INVALID_IDEMPOTENCY_KEY", ByCase("replay::a_key_has_three_hundred_characters_at_most")),
    ("INVALID_TEST_CODE", ByCase("codes::an_unknown_test_code_is_refused")),
    ("UNAUTHORIZED_KEY", ByCase("auth::a_key_nobody_knows_is_unauthorized")),
    ("REJECT_CARD_PAYMENT", ByDecline),
    ("REJECT_ACCOUNT_PAYMENT", ByDecline),
    ("REJECT_CARD_COMPANY", ByDecline),
    ("REJECT_TOSSPAY_INVALID_ACCOUNT", ByDecline),
    ("EXCEED_MAX_AUTH_COUNT", ByDecline),
    ("EXCEED_MAX_ONE_DAY_AMOUNT", ByDecline),
    ("INVALID_PASSWORD", ByDecline),
    ("FDS_ERROR", ByDecline),
    ("NOT_AVAILABLE_BANK", ByHeader),
    ("FORBIDDEN_REQUEST", ByHeader),
    ("INCORRECT_BASIC_AUTH_FORMAT", ByCase("auth::a_key_without_its_colon_is_a_wrong_format")),
    ("NOT_FOUND_PAYMENT", ByCase("tricky_confirm::a_payment_key_that_never_existed_is_not_found")),
    ("NOT_FOUND_PAYMENT_SESSION", ByCase("tricky_confirm::a_confirm_after_ten_minutes_finds_no_session")),
    ("IDEMPOTENT_REQUEST_PROCESSING", ByCase("tricky_confirm::a_repeat_while_the_first_still_runs_has_to_wait")),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", ByHeader),
    ("FAILED_INTERNAL_SYSTEM_PROCESSING", ByHeader),
    ("UNKNOWN_PAYMENT_ERROR", ByHeader),
    ("COMMON_ERROR", ByHeader),
    ("UNKNOWN_ERROR", ByHeader),
];

const QUERY_COMES: &[(&str, Comes)] = &[
    ("NOT_FOUND_PAYMENT", ByCase("tricky_confirm::an_order_without_a_window_is_not_found")),
    ("NOT_FOUND", ByHeader),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", ByHeader),
    ("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT", ByHeader),
    ("UNAUTHORIZED_KEY", ByCase("auth::a_key_nobody_knows_is_unauthorized")),
    ("INCORRECT_BASIC_AUTH_FORMAT", ByCase("auth::a_key_without_its_colon_is_a_wrong_format")),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", ByHeader),
];

const CANCEL_COMES: &[(&str, Comes)] = &[
    ("ALREADY_CANCELED_PAYMENT", ByCase("tricky_cancel::a_fully_cancelled_payment_is_already_cancelled")),
    ("ALREADY_REFUND_PAYMENT", ByHeader),
    ("NOT_CANCELABLE_AMOUNT", ByCase("tricky_cancel::more_than_the_balance_is_refused_and_changes_nothing")),
    ("NOT_MATCHES_REFUNDABLE_AMOUNT", ByCase("tricky_cancel::another_balance_than_expected_cancels_nothing")),
    ("PROVIDER_ERROR", ByHeader),
    ("INVALID_REQUEST", ByCase("tricky_confirm::a_corrected_body_under_a_burnt_key_gets_the_old_error")),
    ("REFUND_REJECTED", ByHeader),
    ("INVALID_REFUND_ACCOUNT_INFO", ByCase("tricky_cancel::a_refund_of_a_deposit_needs_an_account")),
    ("INVALID_REFUND_ACCOUNT_NUMBER", ByCase("cancel::a_refund_account_with_letters_is_refused")),
    ("INVALID_BANK", ByCase("cancel::a_refund_to_a_bank_that_is_none_is_refused")),
    ("EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", ByHeader),
    ("FORBIDDEN_BANK_REFUND_REQUEST", ByHeader),
    ("UNAUTHORIZED_KEY", ByCase("auth::a_key_nobody_knows_is_unauthorized")),
    ("NOT_CANCELABLE_PAYMENT", ByCase("tricky_cancel::what_was_never_approved_cannot_be_cancelled")),
    ("NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", ByHeader),
    ("EXCEED_MAX_REFUND_DUE", ByHeader),
    (
        "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
        ByCase("tricky_cancel::a_part_of_a_waiting_deposit_cannot_be_cancelled"),
    ),
    ("NOT_ALLOWED_PARTIAL_REFUND", ByCase("cancel::a_payment_without_partial_cancels_is_cancelled_as_a_whole")),
    ("EXCEED_CANCEL_LIMIT", ByHeader),
    ("NOT_AVAILABLE_BANK", ByHeader),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", ByCase("cancel::cancels_in_quick_succession_may_be_refused")),
    ("FORBIDDEN_REQUEST", ByHeader),
    ("INCORRECT_BASIC_AUTH_FORMAT", ByCase("auth::a_key_without_its_colon_is_a_wrong_format")),
    ("NOT_FOUND_PAYMENT", ByCase("cancel::a_payment_that_never_existed_cannot_be_cancelled")),
    ("IDEMPOTENT_REQUEST_PROCESSING", ByCase("replay::a_cancel_repeated_while_it_runs_has_to_wait")),
    ("FAILED_INTERNAL_SYSTEM_PROCESSING", ByHeader),
    ("FAILED_REFUND_PROCESS", ByHeader),
    ("FAILED_METHOD_HANDLING_CANCEL", ByHeader),
    ("FAILED_PARTIAL_REFUND", ByHeader),
    ("COMMON_ERROR", ByHeader),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", ByHeader),
    ("FAILED_CLOSED_ACCOUNT_REFUND", ByHeader),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        Key: each_documented_code_has_a_row_and_each_row_a_code,
        Key: an_unknown_test_code_is_refused,
        Key: the_test_code_is_looked_at_before_the_payment,
        Key: a_test_code_needs_a_valid_key_all_the_same,
        Key: english_is_answered_to_who_asks_for_it,
        Control: a_forced_error_moves_nothing,
    ];
    for (endpoint, table) in [("confirm", CONFIRM), ("query", QUERY), ("cancel", CANCEL), ("orders", OVERALL)] {
        cases.extend(table.iter().map(|documented| by_header(endpoint, *documented)));
    }
    let declined = CONFIRM.iter().zip(CONFIRM_COMES).filter(|(_, (_, comes))| matches!(comes, ByDecline));
    cases.extend(declined.map(|(documented, _)| by_decline(*documented)));
    cases
}

fn by_header(endpoint: &'static str, (status, code, message): Documented) -> Case {
    Case {
        name: format!("codes::{endpoint}_told_to_answer_{code}_does"),
        needs: Needs::Key,
        run: Box::new(move |toss| {
            Box::pin(async move {
                let answer = told(&toss, endpoint, code, "ko-KR").await;
                assert_eq!(answer.is(status, code), json!({ "code": code, "message": message }));
            })
        }),
    }
}

fn by_decline((status, code, message): Documented) -> Case {
    Case {
        name: format!("codes::confirm_declined_with_{code}_aborts_the_payment"),
        needs: Needs::Control,
        run: Box::new(move |toss| {
            Box::pin(async move {
                let due = toss.authenticated_with(json!({ "amount": 60000, "decline": code })).await;
                let refusal = json!({ "code": code, "message": message });
                assert_eq!(toss.confirm(&due).await.is(status, code), refusal);
                let payment = toss.query(&due).await.is(200, "ABORTED");
                assert_eq!(payment["failure"], refusal);
            })
        }),
    }
}

/// A request about a payment there is none of, with the header that asks for an error.
async fn told(toss: &Toss, endpoint: &str, code: &str, language: &str) -> Answer {
    let key = fresh("payment");
    let request = match endpoint {
        "confirm" => toss.posting("/v1/payments/confirm", &made_up(&key)),
        "cancel" => toss.posting(&format!("/v1/payments/{key}/cancel"), &json!({ "cancelReason": "반품" })),
        "query" => toss.request(Method::GET, &format!("/v1/payments/{key}")),
        _ => toss.request(Method::GET, &format!("/v1/payments/orders/{key}")),
    };
    read(request.header("TossPayments-Test-Code", code).header("Accept-Language", language)).await
}

fn made_up(key: &str) -> Value {
    json!({ "paymentKey": key, "orderId": "order-000001", "amount": 1000 })
}

async fn each_documented_code_has_a_row_and_each_row_a_code(_toss: Toss) {
    let names: BTreeSet<String> = crate::cases().into_iter().map(|case| case.name).collect();
    for (documented, comes) in [(CONFIRM, CONFIRM_COMES), (QUERY, QUERY_COMES), (CANCEL, CANCEL_COMES)] {
        let codes: Vec<&str> = documented.iter().map(|(_, code, _)| *code).collect();
        let rows: Vec<&str> = comes.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, rows);
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "a code stands twice: {codes:?}");
        for (code, how) in comes {
            if let ByCase(name) = how {
                assert!(names.contains(*name), "{code} comes by a case there is none of: {name}");
            }
        }
    }
    let headed = names.iter().filter(|name| name.contains("_told_to_answer_")).count();
    assert_eq!(headed, CONFIRM.len() + QUERY.len() + CANCEL.len() + OVERALL.len(), "two cases have one name");
}

async fn an_unknown_test_code_is_refused(toss: Toss) {
    let answer = told(&toss, "confirm", "NO_SUCH_CODE", "ko-KR").await;
    assert_eq!(answer.is(400, "INVALID_TEST_CODE")["message"], "유효하지 않은 테스트 코드입니다.");
}

async fn the_test_code_is_looked_at_before_the_payment(toss: Toss) {
    told(&toss, "confirm", "COMMON_ERROR", "ko-KR").await.is(500, "COMMON_ERROR");
    toss.confirm(&made_up(&fresh("payment"))).await.is(404, "NOT_FOUND_PAYMENT");
}

async fn a_test_code_needs_a_valid_key_all_the_same(toss: Toss) {
    let request = toss.anonymous(Method::POST, "/v1/payments/confirm").basic_auth("test_sk_nobodys", Some(""));
    let request = request.json(&made_up(&fresh("payment"))).header("TossPayments-Test-Code", "COMMON_ERROR");
    toss.supposed_answer("a test code under a wrong key", &read(request).await, 401, "UNAUTHORIZED_KEY");
}

async fn english_is_answered_to_who_asks_for_it(toss: Toss) {
    let mut wrong = Vec::new();
    for (code, english) in ENGLISH {
        let answer = told(&toss, "query", code, "en-US").await.json();
        assert_eq!(text(&answer["code"]), *code);
        if answer["message"] != *english {
            wrong.push(answer.to_string());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

async fn a_forced_error_moves_nothing(toss: Toss) {
    let due = toss.authenticated(1000).await;
    let request = toss.posting("/v1/payments/confirm", &due).header("TossPayments-Test-Code", "REJECT_CARD_COMPANY");
    read(request).await.is(403, "REJECT_CARD_COMPANY");
    toss.query(&due).await.is(200, "IN_PROGRESS");
    toss.confirm(&due).await.is(200, "DONE");
}
