//! The tables against Toss's own lists, both ways.

use shared::outbox::Call;

use super::{Class, class, rows};

/// <https://docs.tosspayments.com/reference/error-codes>: the table of confirm, and of the overall list what can be
/// answered to a confirm. With each its class, in the words of the worker's action.
const CONFIRM: &[(&str, &[&str])] = &[
    ("same", &["IDEMPOTENT_REQUEST_PROCESSING"]),
    ("disguised", &["ALREADY_PROCESSED_PAYMENT", "DUPLICATED_ORDER_ID"]),
    (
        "lane",
        &[
            "INVALID_API_KEY",
            "NOT_FOUND_TERMINAL_ID",
            "INVALID_UNREGISTERED_SUBMALL",
            "NOT_REGISTERED_BUSINESS",
            "UNAUTHORIZED_KEY",
            "INCORRECT_BASIC_AUTH_FORMAT",
            "API_KEY_ACCESS_DENIED",
        ],
    ),
    ("ours", &["INVALID_REQUEST", "INVALID_AUTHORIZE_AUTH", "INVALID_IDEMPOTENCY_KEY", "INVALID_TEST_CODE"]),
    ("ask, then ours", &["FORBIDDEN_REQUEST"]),
    ("unknown payment", &["NOT_FOUND_PAYMENT"]),
    ("ask, then too late", &["NOT_FOUND_PAYMENT_SESSION"]),
    (
        "declined",
        &[
            "NOT_AVAILABLE_PAYMENT",
            "NOT_AVAILABLE_BANK",
            "BELOW_MINIMUM_AMOUNT",
            "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
            "INVALID_CARD_INSTALLMENT_PLAN",
            "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
            "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
            "NOT_ALLOWED_POINT_USE",
            "INVALID_REJECT_CARD",
            "INVALID_CARD_EXPIRATION",
            "INVALID_STOPPED_CARD",
            "INVALID_CARD_LOST_OR_STOLEN",
            "INVALID_CARD_NUMBER",
            "EXCEED_MAX_DAILY_PAYMENT_COUNT",
            "EXCEED_MAX_PAYMENT_AMOUNT",
            "EXCEED_MAX_AMOUNT",
            "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
            "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
            "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
            "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM",
            "RESTRICTED_TRANSFER_ACCOUNT",
            "INVALID_ACCOUNT_INFO_RE_REGISTER",
            "REJECT_CARD_PAYMENT",
            "REJECT_ACCOUNT_PAYMENT",
            "REJECT_CARD_COMPANY",
            "REJECT_TOSSPAY_INVALID_ACCOUNT",
            "EXCEED_MAX_AUTH_COUNT",
            "EXCEED_MAX_ONE_DAY_AMOUNT",
            "INVALID_PASSWORD",
            "FDS_ERROR",
        ],
    ),
    (
        "unclear",
        &[
            "PROVIDER_ERROR",
            "CARD_PROCESSING_ERROR",
            "UNAPPROVED_ORDER_ID",
            "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
            "FAILED_INTERNAL_SYSTEM_PROCESSING",
            "UNKNOWN_PAYMENT_ERROR",
            "COMMON_ERROR",
            "UNKNOWN_ERROR",
        ],
    ),
];

const QUERY: &[(&str, &[&str])] = &[
    ("absent", &["NOT_FOUND_PAYMENT", "NOT_FOUND"]),
    ("not now", &["FORBIDDEN_CONSECUTIVE_REQUEST"]),
    ("lane", &["UNAUTHORIZED_KEY", "INCORRECT_BASIC_AUTH_FORMAT", "API_KEY_ACCESS_DENIED", "INVALID_API_KEY"]),
    ("unclear", &["NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT", "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"]),
];

const CANCEL: &[(&str, &[&str])] = &[
    ("same", &["IDEMPOTENT_REQUEST_PROCESSING"]),
    ("disguised", &["ALREADY_CANCELED_PAYMENT", "ALREADY_REFUND_PAYMENT", "ALREADY_REFUNDING_PAYMENT"]),
    ("lane", &["UNAUTHORIZED_KEY", "INCORRECT_BASIC_AUTH_FORMAT", "API_KEY_ACCESS_DENIED", "INVALID_API_KEY"]),
    (
        "not now",
        &["EXCEED_CANCEL_LIMIT", "EXCEED_MAX_REFUND_AMOUNT", "NOT_AVAILABLE_BANK", "FORBIDDEN_CONSECUTIVE_REQUEST"],
    ),
    ("ask, then ours", &["FORBIDDEN_REQUEST"]),
    (
        "ours",
        &[
            "INVALID_REQUEST",
            "INVALID_IDEMPOTENCY_KEY",
            "INVALID_TEST_CODE",
            "REFUND_REJECTED",
            "INVALID_REFUND_ACCOUNT_INFO",
            "INVALID_REFUND_ACCOUNT_NUMBER",
            "INVALID_BANK",
            "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
            "FORBIDDEN_BANK_REFUND_REQUEST",
            "NOT_CANCELABLE_PAYMENT",
            "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
            "EXCEED_MAX_REFUND_DUE",
            "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
            "NOT_ALLOWED_PARTIAL_REFUND",
            "NOT_FOUND_PAYMENT",
            "FAILED_CLOSED_ACCOUNT_REFUND",
            "NOT_CANCELABLE_AMOUNT",
            "INVALID_REFUND_AMOUNT",
            "NOT_SUPPORTED_REFUND",
            "NOT_ALLOWED_REFUND_BANK",
        ],
    ),
    (
        "unclear",
        &[
            "NOT_MATCHES_REFUNDABLE_AMOUNT",
            "PROVIDER_ERROR",
            "FAILED_INTERNAL_SYSTEM_PROCESSING",
            "FAILED_REFUND_PROCESS",
            "FAILED_METHOD_HANDLING_CANCEL",
            "FAILED_PARTIAL_REFUND",
            "COMMON_ERROR",
            "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
        ],
    ),
];

fn word(class: Class) -> &'static str {
    match class {
        Class::Refused(refused) => match (refused.cause, refused.ask_always) {
            ("declined", false) => "declined",
            ("request_refused", false) => "ours",
            ("request_forbidden", true) => "ask, then ours",
            ("payment_unknown", false) => "unknown payment",
            ("confirm_too_late", true) => "ask, then too late",
            other => panic!("{other:?} has no word here"),
        },
        Class::Same => "same",
        Class::Absent => "absent",
        Class::Unclear => "unclear",
        Class::Disguised => "disguised",
        Class::NotNow(_) => "not now",
        Class::Lane => "lane",
    }
}

#[test]
fn every_documented_code_has_a_row_and_every_row_is_a_documented_code() {
    for (call, documented) in [(Call::Confirm, CONFIRM), (Call::Query, QUERY), (Call::Cancel, CANCEL)] {
        let known: Vec<&str> = rows(call).iter().map(|(code, _)| *code).collect();
        let mut expected = 0;
        for (meaning, codes) in documented {
            for code in *codes {
                assert!(known.contains(code), "{call:?} {code} has no row");
                assert_eq!(word(class(call, code)), *meaning, "{call:?} {code}");
                expected += 1;
            }
        }
        assert_eq!(known.len(), expected, "{call:?} has a row that no list names, or one twice: {known:?}");
    }
}

#[test]
fn a_code_that_nobody_documented_tells_nothing() {
    for call in [Call::Confirm, Call::Query, Call::Cancel] {
        for code in ["", "SOMETHING_NEW", "reject_card_payment", "REJECT_CARD_PAYMENT "] {
            assert_eq!(class(call, code), Class::Unclear, "{call:?} {code:?}");
        }
    }
    assert_eq!(class(Call::Query, "REJECT_CARD_PAYMENT"), Class::Unclear, "a code of another call");
}
