//! Toss's reasons for not making a refund, as what an operator can do. What is not in the table gets advice that is always
//! right.

use shared::order::{CancelStatus, CancelView};

use crate::language::Language;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Advice {
    /// The account does not take the money: name another.
    Account,
    /// Only everything at once.
    Whole,
    /// A discount of the card's company is more than this part.
    Discount,
    /// By this way it is too late.
    TooLate,
    /// The bank sleeps: it goes on by itself.
    BankCloses,
    /// The shop's own limit at Toss is used up: it goes on by itself when there is room.
    Limit,
    /// We asked too quickly: it goes on by itself.
    Soon,
    AskToss,
}

/// Every code with which Toss refuses a refund or puts it off (<https://docs.tosspayments.com/reference/error-codes>).
static ADVICE: &[(&str, Advice)] = &[
    ("INVALID_REFUND_ACCOUNT_INFO", Advice::Account),
    ("INVALID_REFUND_ACCOUNT_NUMBER", Advice::Account),
    ("INVALID_BANK", Advice::Account),
    ("FORBIDDEN_BANK_REFUND_REQUEST", Advice::Account),
    ("FAILED_CLOSED_ACCOUNT_REFUND", Advice::Account),
    ("NOT_ALLOWED_REFUND_BANK", Advice::Account),
    ("NOT_ALLOWED_PARTIAL_REFUND", Advice::Whole),
    ("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT", Advice::Whole),
    ("EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT", Advice::Discount),
    ("EXCEED_MAX_REFUND_DUE", Advice::TooLate),
    ("NOT_AVAILABLE_BANK", Advice::BankCloses),
    ("EXCEED_CANCEL_LIMIT", Advice::Limit),
    ("EXCEED_MAX_REFUND_AMOUNT", Advice::Limit),
    ("FORBIDDEN_CONSECUTIVE_REQUEST", Advice::Soon),
    ("FORBIDDEN_REQUEST", Advice::AskToss),
    ("INVALID_REQUEST", Advice::AskToss),
    ("INVALID_IDEMPOTENCY_KEY", Advice::AskToss),
    ("INVALID_TEST_CODE", Advice::AskToss),
    ("INVALID_REFUND_AMOUNT", Advice::AskToss),
    ("NOT_CANCELABLE_PAYMENT", Advice::AskToss),
    ("NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER", Advice::AskToss),
    ("NOT_FOUND_PAYMENT", Advice::AskToss),
    ("NOT_SUPPORTED_REFUND", Advice::AskToss),
    ("REFUND_REJECTED", Advice::AskToss),
];

/// About a refund that was not made, or is put off; nothing about any other.
pub(crate) fn about(cancel: &CancelView, language: Language) -> Option<&'static str> {
    match cancel.status {
        CancelStatus::Done => None,
        CancelStatus::InProgress if cancel.called_off => Some(language.pick(
            "더 요청하지 않습니다. 이미 보낸 요청이 처리되었는지 확인되면 끝납니다.",
            "Nothing more is sent for it. It ends as soon as it is certain whether an earlier request was carried out.",
        )),
        CancelStatus::InProgress => match (&cancel.put_off_by, &cancel.last_error) {
            (Some(code), _) => Some(sentence(code, language)),
            (None, Some(_)) => Some(language.pick(
                "토스페이먼츠가 오류로 답해 자동으로 다시 시도합니다. 같은 답이 계속되면 주문 상세에서 환불을 멈추고, 코드와 함께 \
                 토스페이먼츠 고객센터에 문의하세요.",
                "Toss Payments answered with an error, and the refund is retried automatically. If the answer stays the same, \
                 call the refund off on the order's detail page and ask Toss Payments' support, naming the code.",
            )),
            (None, None) => None,
        },
        CancelStatus::Failed => Some(match &cancel.failure {
            Some(failure) => after_the_end(&failure.code, language),
            None => language.pick(
                "환불되지 않았습니다. 지금 남은 금액을 보고 다시 신청하세요.",
                "It was not made. Look at the amount that is left now, and ask again.",
            ),
        }),
    }
}

/// Codes with which Toss only puts a refund off say another thing once nothing is tried any more.
fn after_the_end(code: &str, language: Language) -> &'static str {
    match advice(code) {
        Advice::BankCloses | Advice::Limit | Advice::Soon => language.pick(
            "여러 번 시도했지만 환불되지 않았습니다. 시간을 두고 다시 신청하고, 계속되면 코드와 함께 토스페이먼츠 고객센터에 문의하세요.",
            "It was tried several times and not made. Ask again later; if it goes on, ask Toss Payments' support, naming the \
             code.",
        ),
        Advice::Account | Advice::Whole | Advice::Discount | Advice::TooLate | Advice::AskToss => {
            sentence(code, language)
        }
    }
}

fn advice(code: &str) -> Advice {
    ADVICE.iter().find(|(known, _)| *known == code).map_or(Advice::AskToss, |(_, advice)| *advice)
}

fn sentence(code: &str, language: Language) -> &'static str {
    match advice(code) {
        Advice::Account => language.pick(
            "환불 계좌로 입금할 수 없습니다. 구매자에게 은행, 계좌번호, 예금주를 확인해 다시 신청하세요.",
            "The account does not take the money. Ask the buyer for bank, number and holder, and ask again.",
        ),
        Advice::Whole => language.pick(
            "이 결제는 일부만 환불할 수 없습니다. 남은 금액 전부로 다시 신청하세요.",
            "A part of this payment cannot be given back. Ask again for everything that is left.",
        ),
        Advice::Discount => language.pick(
            "즉시 할인된 금액보다 적게는 환불할 수 없습니다. 더 큰 금액으로 다시 신청하세요.",
            "Less than the instant discount cannot be given back. Ask again for more.",
        ),
        Advice::TooLate => language.pick(
            "결제 수단으로 환불할 수 있는 기간이 지났습니다. 구매자와 다른 방법을 정하세요.",
            "The time to give it back to the card or account is over. Agree on another way with the buyer.",
        ),
        Advice::BankCloses => language.pick(
            "은행 점검 시간입니다. 자동으로 다시 시도하니 기다리세요.",
            "The bank is closed at this hour. It is tried again by itself.",
        ),
        Advice::Limit => language.pick(
            "상점의 취소 한도를 넘었습니다. 자동으로 다시 시도하며, 급하면 토스페이먼츠에 한도를 올려 달라고 하세요.",
            "The shop's limit for refunds is used up. It is tried again by itself; Toss Payments can raise the limit.",
        ),
        Advice::Soon => language.pick(
            "토스페이먼츠가 잠시 뒤에 다시 요청하라고 했습니다. 자동으로 다시 시도합니다.",
            "Toss Payments asked us to come back a little later. It is tried again by itself.",
        ),
        Advice::AskToss => language.pick(
            "토스페이먼츠가 환불하지 않았습니다. 코드와 함께 토스페이먼츠 고객센터에 문의하세요.",
            "Toss Payments did not make the refund. Ask its support, and name the code.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{ADVICE, after_the_end, sentence};
    use crate::language::Language;

    #[test]
    fn every_code_stands_once_and_an_unknown_one_has_advice_too() {
        let codes: HashSet<_> = ADVICE.iter().map(|(code, _)| code).collect();
        assert_eq!(codes.len(), ADVICE.len());
        for language in [Language::Korean, Language::English] {
            assert_eq!(sentence("A_CODE_OF_TOMORROW", language), sentence("REFUND_REJECTED", language));
            assert_ne!(sentence("NOT_AVAILABLE_BANK", language), sentence("EXCEED_MAX_REFUND_DUE", language));
            for (code, _) in ADVICE {
                let [again, later] =
                    [language.pick("자동으로", "by itself"), language.pick("기다리세요", "tried again")];
                let said = after_the_end(code, language);
                assert!(!said.contains(again) && !said.contains(later), "{code} is over: {said}");
            }
        }
    }
}
