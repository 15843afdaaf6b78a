//! Toss's reasons for declining a payment, as a shopper's next step. Toss has many codes and few meanings; what is not in
//! the table gets a sentence that is always true.

use crate::language::Language;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reason {
    /// Over a limit, or not enough on the account.
    Limit,
    /// The card is stopped, lost, or blocked by its company.
    Card,
    /// Number, expiry or password.
    Details,
    /// Wrong too often.
    Tries,
    /// The bank sleeps.
    Closed,
    Account,
    Instalments,
    Points,
    TooLittle,
    /// Somebody must prove who they are.
    Suspicion,
    General,
}

/// Every code with which Toss declines a confirm (<https://docs.tosspayments.com/reference/error-codes>).
static REASONS: &[(&str, Reason)] = &[
    ("REJECT_CARD_PAYMENT", Reason::Limit),
    ("REJECT_ACCOUNT_PAYMENT", Reason::Limit),
    ("EXCEED_MAX_AMOUNT", Reason::Limit),
    ("EXCEED_MAX_PAYMENT_AMOUNT", Reason::Limit),
    ("EXCEED_MAX_DAILY_PAYMENT_COUNT", Reason::Limit),
    ("EXCEED_MAX_ONE_DAY_AMOUNT", Reason::Limit),
    ("EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT", Reason::Limit),
    ("EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT", Reason::Limit),
    ("EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT", Reason::Limit),
    ("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM", Reason::Limit),
    ("INVALID_STOPPED_CARD", Reason::Card),
    ("INVALID_CARD_LOST_OR_STOLEN", Reason::Card),
    ("INVALID_REJECT_CARD", Reason::Card),
    ("INVALID_CARD_NUMBER", Reason::Details),
    ("INVALID_CARD_EXPIRATION", Reason::Details),
    ("INVALID_PASSWORD", Reason::Details),
    ("EXCEED_MAX_AUTH_COUNT", Reason::Tries),
    ("NOT_AVAILABLE_BANK", Reason::Closed),
    ("NOT_AVAILABLE_PAYMENT", Reason::Closed),
    ("RESTRICTED_TRANSFER_ACCOUNT", Reason::Account),
    ("INVALID_ACCOUNT_INFO_RE_REGISTER", Reason::Account),
    ("REJECT_TOSSPAY_INVALID_ACCOUNT", Reason::Account),
    ("EXCEED_MAX_CARD_INSTALLMENT_PLAN", Reason::Instalments),
    ("INVALID_CARD_INSTALLMENT_PLAN", Reason::Instalments),
    ("NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT", Reason::Instalments),
    ("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN", Reason::Instalments),
    ("NOT_ALLOWED_POINT_USE", Reason::Points),
    ("BELOW_MINIMUM_AMOUNT", Reason::TooLittle),
    ("FDS_ERROR", Reason::Suspicion),
    ("REJECT_CARD_COMPANY", Reason::General),
];

pub(crate) fn sentence(code: &str, language: Language) -> &'static str {
    known(code).unwrap_or(Reason::General).sentence(language)
}

/// What a code says to a shopper, where it says anything.
pub(crate) fn meaning(code: &str, language: Language) -> Option<&'static str> {
    Some(known(code)?.sentence(language))
}

fn known(code: &str) -> Option<Reason> {
    REASONS.iter().find(|(known, _)| *known == code).map(|(_, reason)| *reason)
}

impl Reason {
    fn sentence(self, language: Language) -> &'static str {
        match self {
        Reason::Limit => language.pick(
            "한도를 넘었거나 잔액이 부족합니다.",
            "A limit was exceeded, or there is not enough money on the account.",
        ),
        Reason::Card => language.pick(
            "정지되었거나 분실 신고된 카드, 또는 카드사가 사용을 제한한 카드입니다.",
            "The card is stopped, reported lost, or restricted by its company.",
        ),
        Reason::Details => language.pick(
            "카드 번호, 유효기간 또는 비밀번호가 맞지 않습니다.",
            "The card's number, its expiry date or the password is wrong.",
        ),
        Reason::Tries => language.pick(
            "인증을 너무 여러 번 시도했습니다. 카드사에 문의해 주세요.",
            "There were too many attempts to authenticate. Please ask the card's company.",
        ),
        Reason::Closed => language.pick(
            "지금은 은행이나 카드사의 서비스 시간이 아닙니다.",
            "The bank or card company is closed at this hour.",
        ),
        Reason::Account => language.pick(
            "이 계좌로는 아직 결제할 수 없거나, 계좌를 다시 등록해야 합니다.",
            "The account cannot be used yet, or has to be registered again.",
        ),
        Reason::Instalments => language.pick(
            "이 카드로는 선택한 할부를 이용할 수 없습니다.",
            "The card does not allow the instalments that were chosen.",
        ),
        Reason::Points => language.pick("이 카드로는 포인트를 쓸 수 없습니다.", "The card does not allow paying with points."),
        Reason::TooLittle => language.pick(
            "이 결제 수단으로 결제할 수 있는 최소 금액보다 적습니다.",
            "The amount is below the least that can be paid this way.",
        ),
        Reason::Suspicion => language.pick(
            "위험 거래로 의심되어 제한되었습니다. 문자로 받은 링크에서 본인인증을 하면 다시 결제할 수 있습니다.",
            "The payment looked risky and was stopped. After proving who you are, through the link you got by text message, you can pay again.",
        ),
        Reason::General => language.pick("결제가 승인되지 않았습니다.", "The payment was not approved."),
    }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{REASONS, meaning, sentence};
    use crate::language::Language;

    #[test]
    fn every_code_that_means_declined_has_its_sentence() {
        let source = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../worker/src/codes.rs")).unwrap();
        let declining: BTreeSet<&str> = source
            .lines()
            .filter(|line| line.contains("\", DECLINED)"))
            .filter_map(|line| line.split('"').nth(1))
            .collect();
        assert!(declining.contains("FDS_ERROR"), "the scan sees nothing: {declining:?}");
        assert_eq!(REASONS.iter().map(|(code, _)| *code).collect::<BTreeSet<_>>(), declining);
        assert_eq!(REASONS.len(), declining.len(), "a code stands twice");
    }

    #[test]
    fn a_code_that_nobody_knows_gets_the_sentence_that_is_always_true() {
        assert_eq!(
            sentence("INVALID_PASSWORD", Language::English),
            "The card's number, its expiry date or the password is wrong."
        );
        for language in [Language::Korean, Language::English] {
            assert_eq!(sentence("BRAND_NEW", language), sentence("REJECT_CARD_COMPANY", language));
            assert_eq!(meaning("BRAND_NEW", language), None);
            assert_eq!(meaning("FDS_ERROR", language), Some(sentence("FDS_ERROR", language)));
            assert_ne!(sentence("BRAND_NEW", language), sentence("REJECT_CARD_PAYMENT", language));
        }
    }
}
