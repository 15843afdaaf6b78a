//! `TossPayments-Test-Code`: any documented error on request.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::DEFAULT_SECRET_KEY;

use crate::harness::{Answer, Sim};

/// Every code of Toss's published lists under its status.
const DOCUMENTED: &[(u16, &str)] = &[
    (
        400,
        "ACCOUNT_OWNER_CHECK_FAILED ALREADY_CANCELED_PAYMENT ALREADY_CLOSE_ACCOUNT ALREADY_COMPLETED_PAYMENT \
         ALREADY_PROCESSED_PAYMENT ALREADY_REFUNDING_PAYMENT ALREADY_REFUND_PAYMENT API_VERSION_UPDATE_NEEDED \
         BELOW_MINIMUM_AMOUNT BELOW_ZERO_AMOUNT CARD_PROCESSING_ERROR DUPLICATED_CASH_RECEIPT \
         DUPLICATED_ORDER_ID DUPLICATED_REQUEST EXCEEDS_TRANSFER_AMOUNT_MAXIMUM \
         EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT EXCEED_MAX_AMOUNT EXCEED_MAX_CARD_INSTALLMENT_PLAN \
         EXCEED_MAX_DAILY_PAYMENT_COUNT EXCEED_MAX_DUE_DATE EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT \
         EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT EXCEED_MAX_PAYMENT_AMOUNT \
         EXCEED_MAX_QUERY_LIMIT EXCEED_MAX_VALID_HOURS EXCEED_UNKNOWN_CASE FORBIDDEN_BANK_REFUND_REQUEST \
         INCORRECT_FAIL_URL_FORMAT INCORRECT_SUCCESS_URL_FORMAT INVALID_ACCOUNT_INFO_RE_REGISTER \
         INVALID_ACCOUNT_NUMBER INVALID_API_KEY INVALID_AUTHORIZE_AUTH INVALID_BANK INVALID_BILL_KEY_REQUEST \
         INVALID_BIRTH_DAY_FORMAT INVALID_CARD_COMPANY INVALID_CARD_EXPIRATION INVALID_CARD_IDENTITY \
         INVALID_CARD_INSTALLMENT_PLAN INVALID_CARD_LOST_OR_STOLEN INVALID_CARD_NUMBER INVALID_CARD_PASSWORD \
         INVALID_CLIENT_KEY INVALID_CURRENCY INVALID_CUSTOMER_KEY INVALID_DATE INVALID_EMAIL \
         INVALID_FLOW_MODE_PARAMETERS INVALID_IDEMPOTENCY_KEY INVALID_ISO_DATE_FORMAT INVALID_ORDER_ID \
         INVALID_ORDER_NAME INVALID_PAGING_KEY INVALID_PAYMENT_KEY INVALID_REFUND_ACCOUNT_INFO \
         INVALID_REFUND_ACCOUNT_NUMBER INVALID_REFUND_AMOUNT INVALID_REJECT_CARD INVALID_REQUEST \
         INVALID_REQUIRED_PARAM INVALID_STOPPED_CARD INVALID_TEST_CODE INVALID_UNREGISTERED_SUBMALL \
         INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE INVALID_VIRTUAL_ACCOUNT_TYPE MAINTAINED_METHOD \
         NOT_ALLOWED_INSTALLMENT_BELOW_AMOUNT NOT_ALLOWED_POINT_USE NOT_AVAILABLE_PAYMENT \
         NOT_FOUND_TERMINAL_ID NOT_MATCHES_CUSTOMER_KEY NOT_MATCHES_REFUNDABLE_AMOUNT NOT_REGISTERED_BUSINESS \
         NOT_SUPPORTED_CARD_TYPE NOT_SUPPORTED_CARRIER NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT \
         NOT_SUPPORTED_METHOD NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN \
         NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT NOT_SUPPORTED_PROCESS NOT_SUPPORTED_USD \
         PAY_PROCESS_ABORTED PAY_PROCESS_CANCELED PROVIDER_ERROR REFUND_REJECTED REQUIRED_ACCOUNT_KEY \
         REQUIRED_AMOUNT RESTRICTED_TRANSFER_ACCOUNT UNAPPROVED_ORDER_ID USER_ACCOUNT_ON_HOLD",
    ),
    (401, "UNAUTHORIZED_KEY"),
    (
        403,
        "EXCEED_CANCEL_LIMIT EXCEED_MAX_AUTH_COUNT EXCEED_MAX_ONE_DAY_AMOUNT EXCEED_MAX_REFUND_AMOUNT \
         EXCEED_MAX_REFUND_DUE FDS_ERROR FORBIDDEN_CONSECUTIVE_REQUEST FORBIDDEN_REQUEST \
         INCORRECT_BASIC_AUTH_FORMAT INVALID_PASSWORD NOT_ALLOWED_CHANGING_ACCOUNT NOT_ALLOWED_PARTIAL_REFUND \
         NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT NOT_ALLOWED_REFUND_BANK NOT_AVAILABLE_BANK \
         NOT_CANCELABLE_AMOUNT NOT_CANCELABLE_PAYMENT NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER \
         NOT_SUPPORTED_REFUND REJECT_ACCOUNT_PAYMENT REJECT_CARD_COMPANY REJECT_CARD_PAYMENT \
         REJECT_TOSSPAY_INVALID_ACCOUNT",
    ),
    (
        404,
        "NOT_FOUND NOT_FOUND_BILLING NOT_FOUND_HTTP_METHOD NOT_FOUND_MERCHANT NOT_FOUND_MERCHANT_INTEGRATION \
         NOT_FOUND_METHOD NOT_FOUND_PAYMENT NOT_FOUND_PAYMENT_SESSION",
    ),
    (409, "IDEMPOTENT_REQUEST_PROCESSING"),
    (
        500,
        "COMMON_ERROR FAILED_BILLING_AUTO_CANCEL FAILED_BILL_KEY_AUTH_CREATION FAILED_CLOSED_ACCOUNT_REFUND \
         FAILED_DB_PROCESSING FAILED_HASH_DATA_CREATION FAILED_INTERNAL_SYSTEM_PROCESSING \
         FAILED_METHOD_HANDLING FAILED_METHOD_HANDLING_CANCEL FAILED_PARTIAL_REFUND \
         FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING FAILED_REFUND_PROCESS UNKNOWN_ERROR UNKNOWN_PAYMENT_ERROR",
    ),
];

async fn forced(sim: &Sim, code: &str, language: &str) -> Answer {
    let request = sim.confirm_request(&json!({})).header("TossPayments-Test-Code", code);
    Answer::read(request.header("Accept-Language", language).send().await.unwrap()).await
}

#[tokio::test]
async fn a_forced_code_comes_with_its_own_status_and_text_before_anything_is_checked() {
    let sim = Sim::start().await;
    for (code, status, korean, english) in [
        (
            "REJECT_CARD_PAYMENT",
            403,
            "한도초과 혹은 잔액부족으로 결제에 실패했습니다.",
            "Payment failed because the limit was exceeded or the balance is not sufficient.",
        ),
        (
            "ALREADY_PROCESSED_PAYMENT",
            400,
            "이미 처리된 결제 입니다.",
            "This is a payment that has already been processed.",
        ),
        ("NOT_CANCELABLE_PAYMENT", 403, "취소 할 수 없는 결제 입니다.", "This is a non-cancelable payment."),
        ("ALREADY_CANCELED_PAYMENT", 400, "이미 취소된 결제 입니다.", "The payment has already been canceled."),
        (
            "IDEMPOTENT_REQUEST_PROCESSING",
            409,
            "이전 멱등 요청이 처리중입니다.",
            "The previous request with this idempotency key is still being processed.",
        ),
        (
            "FAILED_REFUND_PROCESS",
            500,
            "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다.",
            "The refund has failed because the bank was slow or had a temporary error.",
        ),
        (
            "COMMON_ERROR",
            500,
            "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.",
            "A temporary error has occurred. Please try again in a few minutes.",
        ),
    ] {
        for (language, text) in [("ko-KR", korean), ("en-US", english)] {
            let answer = forced(&sim, code, language).await;
            assert_eq!((answer.status, answer.json()), (status, json!({ "code": code, "message": text })));
        }
    }
    for unknown in ["NO_SUCH_CODE", "", "reject_card_payment"] {
        assert_eq!(forced(&sim, unknown, "ko").await.says(), (400, "INVALID_TEST_CODE".into()), "{unknown}");
    }
}

#[tokio::test]
async fn every_documented_code_can_be_forced_and_has_its_status() {
    let sim = Sim::start().await;
    for (status, codes) in DOCUMENTED {
        for code in codes.split_whitespace() {
            assert_eq!(forced(&sim, code, "ko").await.says(), (*status, code.to_owned()));
        }
    }
}

#[tokio::test]
async fn a_forced_code_needs_a_key_moves_nothing_and_works_everywhere() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-forced", 1_000).await;
    let request = sim.confirm_request(&payment).header("TossPayments-Test-Code", "PROVIDER_ERROR");
    assert_eq!(Answer::read(request.send().await.unwrap()).await.says(), (400, "PROVIDER_ERROR".into()));
    assert_eq!(sim.status(&payment).await, "IN_PROGRESS");

    let unsigned = sim.request(Method::POST, "/v1/payments/confirm").header("TossPayments-Test-Code", "PROVIDER_ERROR");
    assert_eq!(Answer::read(unsigned.json(&payment).send().await.unwrap()).await.says().0, 401);
    for (method, path) in [
        (Method::GET, "/v1/payments/made-up"),
        (Method::POST, "/v1/payments/made-up/cancel"),
        (Method::POST, "/v1/virtual-accounts"),
    ] {
        let request = sim.request(method, path).basic_auth(DEFAULT_SECRET_KEY, Some(""));
        let answer = Answer::read(request.header("TossPayments-Test-Code", "NOT_FOUND").send().await.unwrap()).await;
        assert_eq!(answer.says(), (404, "NOT_FOUND".into()), "{path}");
    }
}

#[tokio::test]
async fn a_stored_answer_wins_over_a_forced_one_and_a_forced_conflict_is_never_stored() {
    let sim = Sim::start().await;
    let payment = sim.authenticated("order-stored", 1_000).await;
    let with = |key: &str, code: Option<&str>| {
        let request = sim.confirm_request(&payment).header("Idempotency-Key", key.to_owned());
        match code {
            Some(code) => request.header("TossPayments-Test-Code", code),
            None => request,
        }
    };
    let conflict = Some("IDEMPOTENT_REQUEST_PROCESSING");
    for _ in 0..2 {
        let answer = Answer::read(with("key-1", conflict).send().await.unwrap()).await;
        assert_eq!(answer.says(), (409, "IDEMPOTENT_REQUEST_PROCESSING".into()));
    }
    let first = Answer::read(with("key-1", None).send().await.unwrap()).await;
    assert_eq!(first.says(), (200, "DONE".into()));
    let replay = Answer::read(with("key-1", conflict).send().await.unwrap()).await;
    assert_eq!(replay.text, first.text);
    let seen: Vec<Value> = sim.requests("order-stored", |seen| seen.len() == 4).await;
    assert_eq!(seen[3]["replayed"], true);
}
