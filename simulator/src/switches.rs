//! How the simulator answers where it is not established how Toss does: one named switch for each such question.
//!
//! Every switch has the default that is most likely of Toss, a variable of the environment for the start (`SIMULATOR_`
//! and the name in capitals: `SIMULATOR_ORDER_QUERY`) and the same name in `POST /control/switches` for a running
//! simulator (`orderQuery`). What each one asks is said at the fields of [`Switches`] and in the readme.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::errors::{
    ALREADY_PROCESSED_PAYMENT, Code, FORBIDDEN_CONSECUTIVE_REQUEST, FORBIDDEN_REQUEST, INVALID_REFUND_ACCOUNT_INFO,
    INVALID_REQUEST, NOT_CANCELABLE_PAYMENT, NOT_FOUND_PAYMENT, NOT_FOUND_PAYMENT_SESSION, PROVIDER_ERROR,
    UNAPPROVED_ORDER_ID,
};
use crate::settings::SettingsError;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Switches {
    /// Confirm: amount or orderId are not those of the payment.
    pub mismatch: Mismatch,
    /// Confirm: there never was such a paymentKey.
    pub unknown_payment_key: UnknownPaymentKey,
    /// Confirm: the shopper has not authenticated yet.
    pub ready_confirm: ReadyConfirm,
    /// Confirm: the payment is decided, and by now its ten minutes would be over too.
    pub late_reconfirm: LateReconfirm,
    /// Confirm: another confirm of the same payment, under another key, is still running.
    pub concurrent_confirm: ConcurrentConfirm,
    /// Whether a declined payment is over or may be confirmed again.
    pub declined: Declined,
    /// Confirm: another payment of this orderId was approved before.
    pub repeated_order: RepeatedOrder,
    /// Query: the payment is `READY` or `IN_PROGRESS`.
    pub unfinished_query: UnfinishedQuery,
    /// Query by an orderId that several payments share.
    pub order_query: OrderQuery,
    /// Cancel: a deposited virtual account without an account to refund to.
    pub missing_refund_account: MissingRefundAccount,
    /// Cancel: how far the bank is with a refund into an account when Toss answers.
    pub bank_refund: BankRefund,
    /// Cancel: the second of a payment within one second.
    pub consecutive_cancel: ConsecutiveCancel,
    /// Cancel: nothing was paid, and nothing will be deposited.
    pub unpaid_cancel: UnpaidCancel,
    /// The status after a first cancel that names the whole amount.
    pub whole_cancel: WholeCancel,
    /// The VAT of what is left after a partial cancel.
    pub cancel_vat: CancelVat,
    /// Which errors an idempotency key keeps; a 409 never.
    pub replay_errors: ReplayErrors,
    /// Whether it also keeps what was refused before the key is looked at: an unknown secret key, too many requests.
    pub replay_refusals: ReplayRefusals,
    /// What a key does after fifteen days.
    pub old_keys: OldKeys,
    /// How many requests a secret key may send to one endpoint in a minute. None: as many as it likes.
    pub rate_limit: Option<NonZeroU32>,
    /// The answer to one more.
    pub too_many_requests: TooManyRequests,
    /// Which characters an orderId may have.
    pub order_ids: OrderIds,
    /// The `version` of every payment; nothing else depends on it.
    pub api_version: ApiVersion,
    /// The sign of `amount` in a cancel's row of the transactions.
    pub cancel_amounts: CancelAmounts,
    /// Whether there are settlements.
    pub settlements: Settlements,
    /// Which answers of a shop count as received.
    pub webhook_success: WebhookSuccess,
    /// Whether the retries of a webhook share its transmission id.
    pub webhook_ids: WebhookIds,
    /// When a webhook is sent, seen from the answer of the call that caused it.
    pub webhook_order: WebhookOrder,
    /// Whether `createdAt` of a `DEPOSIT_CALLBACK` ends in `+09:00`.
    pub deposit_offset: DepositOffset,
}

/// Switches whose values are error codes.
macro_rules! codes {
    ($($name:ident: $default:ident $default_code:ident $(, $value:ident $code:ident)*;)*) => {$(
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $name {
            #[default]
            $default,
            $($value),*
        }

        impl $name {
            pub(crate) fn code(self) -> Code {
                match self {
                    Self::$default => $default_code,
                    $(Self::$value => $code),*
                }
            }
        }
    )*};
}

codes! {
    Mismatch: InvalidRequest INVALID_REQUEST, ForbiddenRequest FORBIDDEN_REQUEST,
        UnapprovedOrderId UNAPPROVED_ORDER_ID;
    UnknownPaymentKey: NotFoundPayment NOT_FOUND_PAYMENT, NotFoundPaymentSession NOT_FOUND_PAYMENT_SESSION;
    ReadyConfirm: NotFoundPaymentSession NOT_FOUND_PAYMENT_SESSION, NotFoundPayment NOT_FOUND_PAYMENT,
        InvalidRequest INVALID_REQUEST;
    LateReconfirm: AlreadyProcessedPayment ALREADY_PROCESSED_PAYMENT,
        NotFoundPaymentSession NOT_FOUND_PAYMENT_SESSION;
    ConcurrentConfirm: AlreadyProcessedPayment ALREADY_PROCESSED_PAYMENT,
        ForbiddenConsecutiveRequest FORBIDDEN_CONSECUTIVE_REQUEST, ProviderError PROVIDER_ERROR;
    MissingRefundAccount: InvalidRefundAccountInfo INVALID_REFUND_ACCOUNT_INFO, InvalidRequest INVALID_REQUEST;
    UnpaidCancel: NotCancelablePayment NOT_CANCELABLE_PAYMENT, InvalidRequest INVALID_REQUEST,
        NotFoundPayment NOT_FOUND_PAYMENT;
}

/// Switches whose values are words.
macro_rules! words {
    ($($(#[$about:meta])* $name:ident: $default:ident $default_word:tt $(, $value:ident $word:tt)*;)*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            #[default]
            #[serde(rename = $default_word)]
            $default,
            $(#[serde(rename = $word)] $value),*
        }
    )*};
}

words! {
    Declined: Aborted "ABORTED", InProgress "IN_PROGRESS";
    RepeatedOrder: Allow "allow", Refuse "refuse";
    UnfinishedQuery: Show "show", Hide "hide";
    OrderQuery: Newest "newest", Approved "approved", First "first";
    /// Toss documents the code and neither the interval nor what counts. Allowed by default, because partial cancels in
    /// quick succession have been seen to work.
    ConsecutiveCancel: Allow "allow", Refuse "refuse";
    /// Toss documents the words and not how long the bank takes: the cancel is booked whatever the bank does.
    BankRefund: Completed "COMPLETED", Pending "PENDING", NotBegun "NONE", Failed "FAILED",
        PartialFailed "PARTIAL_FAILED";
    WholeCancel: Canceled "CANCELED", PartialCanceled "PARTIAL_CANCELED";
    /// Worked out anew on what is left, or each cancel takes the VAT of its own amount away; they differ by rounding.
    CancelVat: Anew "anew", Subtract "subtract";
    /// `4xx` only: after a 5xx the same key executes again.
    ReplayErrors: All "all", ClientErrors "4xx", None "none";
    ReplayRefusals: None "none", All "all";
    OldKeys: Execute "execute", Replay "replay";
    /// The status is documented, the code is not; `empty` is a 429 without a body.
    TooManyRequests: Code "TOO_MANY_REQUESTS", Consecutive "FORBIDDEN_CONSECUTIVE_REQUEST", Empty "empty";
    /// Toss's own pages differ; the reference names the strict set, other pages and the field show the loose one, which
    /// adds `=` and `.`.
    OrderIds: Loose "loose", Strict "strict";
    ApiVersion: V20221116 "2022-11-16", V20240601 "2024-06-01";
    CancelAmounts: Positive "positive", Negative "negative";
    /// From the day after the movement, as for a live shop, or never, as in Toss's test environment.
    Settlements: NextDay "nextDay", Never "never";
    WebhookSuccess: Only200 "200", Any2xx "2xx";
    WebhookIds: Same "same", New "new";
    /// `free`: nobody waits for the other.
    WebhookOrder: Free "free", Before "before";
    DepositOffset: Absent "absent", Present "present";
}

impl OrderIds {
    pub(crate) fn extra(self) -> &'static [u8] {
        match self {
            Self::Loose => b"=.",
            Self::Strict => b"",
        }
    }
}

impl BankRefund {
    /// As `virtualAccount.refundStatus` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Completed => "COMPLETED",
            Self::Pending => "PENDING",
            Self::NotBegun => "NONE",
            Self::Failed => "FAILED",
            Self::PartialFailed => "PARTIAL_FAILED",
        }
    }
}

impl ApiVersion {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V20221116 => "2022-11-16",
            Self::V20240601 => "2024-06-01",
        }
    }
}

impl WebhookSuccess {
    pub(crate) fn holds(self, status: u16) -> bool {
        match self {
            Self::Only200 => status == 200,
            Self::Any2xx => (200..300).contains(&status),
        }
    }
}

impl Switches {
    /// The same with what is named here; the error says what would have been right.
    pub(crate) fn with(self, named: Map<String, Value>) -> Result<Self, String> {
        let mut all = self.names();
        all.extend(named);
        serde_json::from_value(Value::Object(all)).map_err(|error| error.to_string())
    }

    pub(crate) fn from_variables(read: &impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut switches = Self::default();
        for (name, default) in switches.names() {
            let variable = variable(&name);
            let Some(text) = read(&variable) else { continue };
            // The one that is not a word is a number.
            let value = if default.is_string() { None } else { text.parse::<u64>().ok().map(Value::from) };
            let named = Map::from_iter([(name, value.unwrap_or_else(|| Value::String(text.clone())))]);
            switches = switches.with(named).map_err(|why| SettingsError::Variable { name: variable, why })?;
        }
        Ok(switches)
    }

    /// Writing this cannot fail: it holds names and a number.
    fn names(self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(all)) => all,
            Ok(_) | Err(_) => Map::new(),
        }
    }
}

/// `SIMULATOR_ORDER_QUERY` for `orderQuery`.
fn variable(name: &str) -> String {
    let mut variable = "SIMULATOR_".to_owned();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            variable.push('_');
        }
        variable.push(letter.to_ascii_uppercase());
    }
    variable
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn named(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_not_named_keeps_its_value() {
        let once = Switches::default().with(named(&json!({ "orderIds": "strict", "rateLimit": 100 }))).unwrap();
        let twice = once.with(named(&json!({ "mismatch": "FORBIDDEN_REQUEST", "rateLimit": null }))).unwrap();
        let expected =
            Switches { order_ids: OrderIds::Strict, mismatch: Mismatch::ForbiddenRequest, ..Switches::default() };
        assert_eq!(twice, expected);
    }

    #[test]
    fn a_mistake_is_answered_with_what_would_be_right() {
        let check = |mistake: Value, hint: &str| {
            let why = Switches::default().with(named(&mistake)).unwrap_err();
            assert!(why.contains(hint), "{why}");
        };
        check(json!({ "mismatch": "TEAPOT" }), "UNAPPROVED_ORDER_ID");
        check(json!({ "oderQuery": "first" }), "orderQuery");
        check(json!({ "rateLimit": 0 }), "nonzero");
    }

    #[test]
    fn every_code_is_written_as_toss_names_it() {
        let check = |value: Value, code: Code| assert_eq!(value, code.name());
        check(json!(Mismatch::UnapprovedOrderId), Mismatch::UnapprovedOrderId.code());
        check(json!(UnknownPaymentKey::NotFoundPaymentSession), UnknownPaymentKey::NotFoundPaymentSession.code());
        check(json!(ReadyConfirm::default()), ReadyConfirm::default().code());
        check(json!(LateReconfirm::default()), LateReconfirm::default().code());
        check(json!(ConcurrentConfirm::ForbiddenConsecutiveRequest), FORBIDDEN_CONSECUTIVE_REQUEST);
        check(json!(MissingRefundAccount::default()), MissingRefundAccount::default().code());
        check(json!(UnpaidCancel::default()), UnpaidCancel::default().code());
    }

    #[test]
    fn every_switch_is_in_the_readme_with_its_default_and_in_the_example_of_settings() {
        let (readme, example) = (include_str!("../README.md"), include_str!("../../.env.example"));
        for (name, default) in Switches::default().names() {
            let default = default.as_str().unwrap_or("none").to_owned();
            let row = format!("| `{name}` | `{default}`");
            assert!(readme.contains(&row), "the readme has no row {row}");
            assert!(example.contains(&format!("\n{}=", variable(&name))), "{name} is not in .env.example");
        }
    }

    #[test]
    fn the_environment_names_them_in_capitals() {
        let read = |variables: &[(&str, &str)]| {
            Switches::from_variables(&|name: &str| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let switches = read(&[("SIMULATOR_WEBHOOK_SUCCESS", "2xx"), ("SIMULATOR_RATE_LIMIT", "100")]).unwrap();
        assert_eq!((switches.webhook_success, switches.rate_limit), (WebhookSuccess::Any2xx, NonZeroU32::new(100)));
        for (variable, value) in [("SIMULATOR_RATE_LIMIT", "0"), ("SIMULATOR_MISMATCH", "TEAPOT")] {
            assert!(read(&[(variable, value)]).unwrap_err().to_string().contains(variable), "{variable}");
        }
    }
}
