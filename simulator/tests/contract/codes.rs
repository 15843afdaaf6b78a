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
use crate::codes::Comes::{AsCase, Declined, OnlyTold};
use crate::toss::{Answer, Toss, fresh, read, text};

#[derive(Debug, Clone, Copy)]
enum Comes {
    /// The case of that name brings the situation about.
    AsCase(&'static str),
    /// The card company, bank or provider says no: the shopper is played with this decline.
    Declined,
    /// Only the test header shows it: a fault inside Toss, a contract, or a situation nobody outside can make.
    OnlyTold,
}

const CONFIRM_COMES: &[(&str, Comes)] = &[
    ("ALREADY_PROCESSED_PAYMENT", AsCase("tricky_confirm::a_second_confirm_of_a_finished_payment_is_refused")),
    ("PROVIDER_ERROR", OnlyTold),
    ("CARD_PROCESSING_ERROR", OnlyTold),
    ("UNAPPROVED_ORDER_ID", OnlyTold),
    ("INVALID_REQUEST", AsCase("bad_input::a_confirm_without_a_field_is_an_invalid_request")),
    ("INVALID_API_KEY", AsCase("auth::a_payment_of_the_other_product_is_not_for_this_key")),
    ("NOT_FOUND_TERMINAL_ID", OnlyTold),
    ("INVALID_AUTHORIZE_AUTH", OnlyTold),
    ("INVALID_UNREGISTERED_SUBMALL", OnlyTold),
    ("NOT_REGISTERED_BUSINESS", OnlyTold),
    ("BELOW_MINIMUM_AMOUNT", AsCase("confirm::an_amount_below_the_minimum_is_refused")),
    ("EXCEED_MAX_CARD_INSTALLMENT_PLAN", Declined),
    ("INVALID_CARD_INSTALLMENT_PLAN", Declined),
    ("NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", Declined),
    ("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", Declined),
    ("NOT_ALLOWED_POINT_USE", Declined),
    ("INVALID_REJECT_CARD", Declined),
    ("INVALID_CARD_EXPIRATION", Declined),
    ("INVALID_STOPPED_CARD", Declined),
    ("INVALID_CARD_LOST_OR_STOLEN", Declined),
    ("INVALID_CARD_NUMBER", Declined),
    ("EXCEED_MAX_DAILY_PAYMENT_COUNT", Declined),
    ("EXCEED_MAX_PAYMENT_AMOUNT", Declined),
    ("EXCEED_MAX_AMOUNT", Declined),
    ("EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", Declined),
    ("EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT", Declined),
    ("EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", Declined),
    ("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM", AsCase("confirm::a_transfer_of_more_than_ten_million_is_refused")),
    ("RESTRICTED_TRANSFER_ACCOUNT", Declined),
    ("INVALID_ACCOUNT_INFO_RE_REGISTER", Declined),
    ("NOT_AVAILABLE_PAYMENT", OnlyTold),
    ("DUPLICATED_ORDER_ID", AsCase("confirm::an_order_that_was_paid_cannot_be_paid_again")),
    ("INVALID_IDEMPOTENCY_KEY", AsCase("replay::a_key_has_three_hundred_characters_at_most")),
    ("INVALID_TEST_CODE", AsCase("codes::an_unknown_test_code_is_refused")),
    ("UNAUTHORIZED_KEY", AsCase("auth::a_key_nobody_knows_is_unauthorized")),
    ("REJECT_CARD_PAYMENT", Declined),
    ("REJECT_ACCOUNT_PAYMENT", Declined),
    ("REJECT_CARD_COMPANY", Declined),
    ("REJECT_TOSSPAY_INVALID_ACCOUNT", Declined),
    ("EXCEED_MAX_AUTH_COUNT", Declined),
    ("EXCEED_MAX_ONE_DAY_AMOUNT", Declined),
    ("INVALID_PASSWORD", Declined),
    ("FDS_ERROR", Declined),
    ("NOT_AVAILABLE_BANK", OnlyTold),
    ("FORBIDDEN_REQUEST", OnlyTold),
    ("INCORRECT_BASIC_AUTH_FORMAT", AsCase("auth::a_key_without_its_colon_is_a_wrong_format")),
    ("NOT_FOUND_PAYMENT", AsCase("tricky_confirm::a_payment_key_that_never_existed_is_not_found")),
    ("NOT_FOUND_PAYMENT_SESSION", AsCase("tricky_confirm::a_confirm_after_ten_minutes_finds_no_session")),
    ("IDEMPOTENT_REQUEST_PROCESSING", AsCase("tricky_confirm::a_repeat_while_the_first_still_runs_has_to_wait")),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", OnlyTold),
    ("FAILED_INTERNAL_SYSTEM_PROCESSING", OnlyTold),
    ("UNKNOWN_PAYMENT_ERROR", OnlyTold),
    ("COMMON_ERROR", OnlyTold),
    ("UNKNOWN_ERROR", OnlyTold),
];

const QUERY_COMES: &[(&str, Comes)] = &[
    ("NOT_FOUND_PAYMENT", AsCase("tricky_confirm::an_order_without_a_window_is_not_found")),
    ("NOT_FOUND", OnlyTold),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", OnlyTold),
    ("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT", OnlyTold),
    ("UNAUTHORIZED_KEY", AsCase("auth::a_key_nobody_knows_is_unauthorized")),
    ("INCORRECT_BASIC_AUTH_FORMAT", AsCase("auth::a_key_without_its_colon_is_a_wrong_format")),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", OnlyTold),
];

const CANCEL_COMES: &[(&str, Comes)] = &[
    ("ALREADY_CANCELED_PAYMENT", AsCase("tricky_cancel::a_fully_cancelled_payment_is_already_cancelled")),
    ("ALREADY_REFUND_PAYMENT", OnlyTold),
    ("NOT_CANCELABLE_AMOUNT", AsCase("tricky_cancel::more_than_the_balance_is_refused_and_changes_nothing")),
    ("NOT_MATCHES_REFUNDABLE_AMOUNT", AsCase("tricky_cancel::another_balance_than_expected_cancels_nothing")),
    ("PROVIDER_ERROR", OnlyTold),
    ("INVALID_REQUEST", AsCase("tricky_confirm::a_corrected_body_under_a_burnt_key_gets_the_old_error")),
    ("REFUND_REJECTED", OnlyTold),
    ("INVALID_REFUND_ACCOUNT_INFO", AsCase("tricky_cancel::a_refund_of_a_deposit_needs_an_account")),
    ("INVALID_REFUND_ACCOUNT_NUMBER", AsCase("cancel::a_refund_account_with_letters_is_refused")),
    ("INVALID_BANK", AsCase("cancel::a_refund_to_a_bank_that_is_none_is_refused")),
    ("EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", OnlyTold),
    ("FORBIDDEN_BANK_REFUND_REQUEST", OnlyTold),
    ("UNAUTHORIZED_KEY", AsCase("auth::a_key_nobody_knows_is_unauthorized")),
    ("NOT_CANCELABLE_PAYMENT", AsCase("tricky_cancel::what_was_never_approved_cannot_be_cancelled")),
    ("NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", OnlyTold),
    ("EXCEED_MAX_REFUND_DUE", OnlyTold),
    (
        "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
        AsCase("tricky_cancel::a_part_of_a_waiting_deposit_cannot_be_cancelled"),
    ),
    ("NOT_ALLOWED_PARTIAL_REFUND", AsCase("cancel::a_payment_without_partial_cancels_is_cancelled_as_a_whole")),
    ("EXCEED_CANCEL_LIMIT", OnlyTold),
    ("NOT_AVAILABLE_BANK", OnlyTold),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", AsCase("cancel::cancels_in_quick_succession_may_be_refused")),
    ("FORBIDDEN_REQUEST", OnlyTold),
    ("INCORRECT_BASIC_AUTH_FORMAT", AsCase("auth::a_key_without_its_colon_is_a_wrong_format")),
    ("NOT_FOUND_PAYMENT", AsCase("cancel::a_payment_that_never_existed_cannot_be_cancelled")),
    ("IDEMPOTENT_REQUEST_PROCESSING", AsCase("replay::a_cancel_repeated_while_it_runs_has_to_wait")),
    ("FAILED_INTERNAL_SYSTEM_PROCESSING", OnlyTold),
    ("FAILED_REFUND_PROCESS", OnlyTold),
    ("FAILED_METHOD_HANDLING_CANCEL", OnlyTold),
    ("FAILED_PARTIAL_REFUND", OnlyTold),
    ("COMMON_ERROR", OnlyTold),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", OnlyTold),
    ("FAILED_CLOSED_ACCOUNT_REFUND", OnlyTold),
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
    let declined = CONFIRM.iter().zip(CONFIRM_COMES).filter(|(_, (_, comes))| matches!(comes, Declined));
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
            if let AsCase(name) = how {
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
