//! What Toss's error codes mean, for each call. Codes decide, never the HTTP status and never the text.
//!
//! Every code of Toss's tables for confirm, cancel and query (<https://docs.tosspayments.com/reference/error-codes>) has a
//! row here. A code without one is one that Toss has added since: it means that we do not know.

use shared::outbox::{Call, FailedStatus};

use crate::known::Known;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Refused: by this answer the call did nothing, and it would be refused again.
    Refused(Refused),
    /// Toss works on an earlier send of the same request.
    Same,
    /// There is no such payment.
    Absent,
    /// The answer does not tell whether anything moved: ask.
    Unclear,
    /// Toss says that it was done before: ask, and do not believe at once that it was not.
    Disguised,
    /// Not now: later, it may be taken.
    NotNow(Deferral),
    /// The key or the contract, not this payment: the lane pauses.
    Lane,
}

/// What a call that is put off waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferral {
    /// We were too quick.
    Pace,
    /// The bank is closed.
    Bank,
    /// A limit of the shop's contract is used up.
    Limit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What becomes of a payment whose confirm is refused so.
    pub status: FailedStatus,
    /// Why, in one word, for the order's history.
    pub cause: &'static str,
    /// Whose business it is.
    pub whose: Whose,
    /// Known to be said of payments that were approved: not believed before asking.
    pub ask_always: bool,
}

impl Refused {
    /// A bank's decline shows that Toss found the payment. Anything else may be said because it did not find it, and then it
    /// depends on whose secret was used.
    pub(crate) fn proves(self, known: &Known) -> bool {
        known.surroundings.merchant_is_proven || self.whose == Whose::Shopper && self.status == FailedStatus::Aborted
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The shopper's: another card, more money, a new try.
    Shopper,
    /// Ours or the operator's: the request is wrong, or Toss objects to us. An alert.
    Operator,
}

const DECLINED: Class = refused(FailedStatus::Aborted, "declined", Whose::Shopper, false);
const OUR_FAULT: Class = refused(FailedStatus::Aborted, "request_refused", Whose::Operator, false);
const FORBIDDEN: Class = refused(FailedStatus::Aborted, "request_forbidden", Whose::Operator, true);
const TOO_LATE: Class = refused(FailedStatus::Expired, "confirm_too_late", Whose::Shopper, true);
const UNKNOWN: Class = refused(FailedStatus::Aborted, "payment_unknown", Whose::Operator, false);

const fn refused(status: FailedStatus, cause: &'static str, whose: Whose, ask_always: bool) -> Class {
    Class::Refused(Refused { status, cause, whose, ask_always })
}

/// The meaning of a code in the answer to a call.
pub fn class(call: Call, code: &str) -> Class {
    rows(call).iter().find(|(known, _)| *known == code).map_or(Class::Unclear, |(_, class)| *class)
}

/// Does any call's table know the code?
pub fn is_documented(code: &str) -> bool {
    [Call::Confirm, Call::Query, Call::Cancel].into_iter().flat_map(rows).any(|(known, _)| *known == code)
}

/// The documented codes of a call.
pub fn rows(call: Call) -> &'static [(&'static str, Class)] {
    match call {
        Call::Confirm => CONFIRM,
        Call::Query => QUERY,
        Call::Cancel => CANCEL,
    }
}

/// `POST /v1/payments/confirm`
static CONFIRM: &[(&str, Class)] = &[
    ("IDEMPOTENT_REQUEST_PROCESSING", Class::Same),
    ("ALREADY_PROCESSED_PAYMENT", Class::Disguised),
    ("DUPLICATED_ORDER_ID", Class::Disguised),
    ("INVALID_API_KEY", Class::Lane),
    ("NOT_FOUND_TERMINAL_ID", Class::Lane),
    ("INVALID_UNREGISTERED_SUBMALL", Class::Lane),
    ("NOT_REGISTERED_BUSINESS", Class::Lane),
    ("UNAUTHORIZED_KEY", Class::Lane),
    ("INCORRECT_BASIC_AUTH_FORMAT", Class::Lane),
    ("API_KEY_ACCESS_DENIED", Class::Lane),
    ("INVALID_REQUEST", OUR_FAULT),
    ("INVALID_AUTHORIZE_AUTH", OUR_FAULT),
    ("INVALID_IDEMPOTENCY_KEY", OUR_FAULT),
    ("INVALID_TEST_CODE", OUR_FAULT),
    ("FORBIDDEN_REQUEST", FORBIDDEN),
    ("NOT_FOUND_PAYMENT", UNKNOWN),
    ("NOT_FOUND_PAYMENT_SESSION", TOO_LATE),
    // Refused now and maybe not later, but a confirm has no later: the shopper pays anew.
    ("NOT_AVAILABLE_PAYMENT", DECLINED),
    ("NOT_AVAILABLE_BANK", DECLINED),
    ("BELOW_MINIMUM_AMOUNT", DECLINED),
    ("EXCEED_MAX_CARD_INSTALLMENT_PLAN", DECLINED),
    ("INVALID_CARD_INSTALLMENT_PLAN", DECLINED),
    ("NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", DECLINED),
    ("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", DECLINED),
    ("NOT_ALLOWED_POINT_USE", DECLINED),
    ("INVALID_REJECT_CARD", DECLINED),
    ("INVALID_CARD_EXPIRATION", DECLINED),
    ("INVALID_STOPPED_CARD", DECLINED),
    ("INVALID_CARD_LOST_OR_STOLEN", DECLINED),
    ("INVALID_CARD_NUMBER", DECLINED),
    ("EXCEED_MAX_DAILY_PAYMENT_COUNT", DECLINED),
    ("EXCEED_MAX_PAYMENT_AMOUNT", DECLINED),
    ("EXCEED_MAX_AMOUNT", DECLINED),
    ("EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", DECLINED),
    ("EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT", DECLINED),
    ("EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", DECLINED),
    ("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM", DECLINED),
    ("RESTRICTED_TRANSFER_ACCOUNT", DECLINED),
    ("INVALID_ACCOUNT_INFO_RE_REGISTER", DECLINED),
    ("REJECT_CARD_PAYMENT", DECLINED),
    ("REJECT_ACCOUNT_PAYMENT", DECLINED),
    ("REJECT_CARD_COMPANY", DECLINED),
    ("REJECT_TOSSPAY_INVALID_ACCOUNT", DECLINED),
    ("EXCEED_MAX_AUTH_COUNT", DECLINED),
    ("EXCEED_MAX_ONE_DAY_AMOUNT", DECLINED),
    ("INVALID_PASSWORD", DECLINED),
    ("FDS_ERROR", DECLINED),
    ("PROVIDER_ERROR", Class::Unclear),
    ("CARD_PROCESSING_ERROR", Class::Unclear),
    ("UNAPPROVED_ORDER_ID", Class::Unclear),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", Class::Unclear),
    ("FAILED_INTERNAL_SYSTEM_PROCESSING", Class::Unclear),
    ("UNKNOWN_PAYMENT_ERROR", Class::Unclear),
    ("COMMON_ERROR", Class::Unclear),
    ("UNKNOWN_ERROR", Class::Unclear),
];

/// `GET /v1/payments/{paymentKey}`
static QUERY: &[(&str, Class)] = &[
    ("NOT_FOUND_PAYMENT", Class::Absent),
    ("NOT_FOUND", Class::Absent),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", Class::NotNow(Deferral::Pace)),
    ("UNAUTHORIZED_KEY", Class::Lane),
    ("INCORRECT_BASIC_AUTH_FORMAT", Class::Lane),
    ("API_KEY_ACCESS_DENIED", Class::Lane),
    ("INVALID_API_KEY", Class::Lane),
    // These say nothing about the payment, whatever their names say.
    ("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT", Class::Unclear),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", Class::Unclear),
];

/// `POST /v1/payments/{paymentKey}/cancel`
static CANCEL: &[(&str, Class)] = &[
    ("IDEMPOTENT_REQUEST_PROCESSING", Class::Same),
    ("ALREADY_CANCELED_PAYMENT", Class::Disguised),
    ("ALREADY_REFUND_PAYMENT", Class::Disguised),
    ("ALREADY_REFUNDING_PAYMENT", Class::Disguised),
    ("UNAUTHORIZED_KEY", Class::Lane),
    ("INCORRECT_BASIC_AUTH_FORMAT", Class::Lane),
    ("API_KEY_ACCESS_DENIED", Class::Lane),
    ("INVALID_API_KEY", Class::Lane),
    // The shop's own limit is used up, the bank sleeps, or we were too quick.
    ("EXCEED_CANCEL_LIMIT", Class::NotNow(Deferral::Limit)),
    ("EXCEED_MAX_REFUND_AMOUNT", Class::NotNow(Deferral::Limit)),
    ("NOT_AVAILABLE_BANK", Class::NotNow(Deferral::Bank)),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", Class::NotNow(Deferral::Pace)),
    ("FORBIDDEN_REQUEST", FORBIDDEN),
    ("INVALID_REQUEST", OUR_FAULT),
    ("INVALID_IDEMPOTENCY_KEY", OUR_FAULT),
    ("INVALID_TEST_CODE", OUR_FAULT),
    ("REFUND_REJECTED", OUR_FAULT),
    ("INVALID_REFUND_ACCOUNT_INFO", OUR_FAULT),
    ("INVALID_REFUND_ACCOUNT_NUMBER", OUR_FAULT),
    ("INVALID_BANK", OUR_FAULT),
    ("EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", OUR_FAULT),
    ("FORBIDDEN_BANK_REFUND_REQUEST", OUR_FAULT),
    ("NOT_CANCELABLE_PAYMENT", OUR_FAULT),
    ("NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", OUR_FAULT),
    ("EXCEED_MAX_REFUND_DUE", OUR_FAULT),
    ("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", OUR_FAULT),
    ("NOT_ALLOWED_PARTIAL_REFUND", OUR_FAULT),
    ("NOT_FOUND_PAYMENT", OUR_FAULT),
    ("FAILED_CLOSED_ACCOUNT_REFUND", OUR_FAULT),
    ("INVALID_REFUND_AMOUNT", OUR_FAULT),
    ("NOT_SUPPORTED_REFUND", OUR_FAULT),
    ("NOT_ALLOWED_REFUND_BANK", OUR_FAULT),
    // Said of the amount and of its tax-free part: the same again would be refused again.
    ("NOT_CANCELABLE_AMOUNT", OUR_FAULT),
    ("NOT_MATCHES_REFUNDABLE_AMOUNT", Class::Unclear),
    ("PROVIDER_ERROR", Class::Unclear),
    ("FAILED_INTERNAL_SYSTEM_PROCESSING", Class::Unclear),
    ("FAILED_REFUND_PROCESS", Class::Unclear),
    ("FAILED_METHOD_HANDLING_CANCEL", Class::Unclear),
    ("FAILED_PARTIAL_REFUND", Class::Unclear),
    ("COMMON_ERROR", Class::Unclear),
    ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", Class::Unclear),
];

#[cfg(test)]
#[path = "codes_tests.rs"]
mod tests;
