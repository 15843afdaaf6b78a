//! What an operator can do about an order in review, for each reason that brings an order there. Nothing here decides: the
//! page tells a person where to look and what each of the buttons leads to.

use shared::{
    order::{CancelRecord, CancelStatus, OrderRecord, OrderStatus, PaymentRecord},
    payment::BankTransfer,
};

use crate::{
    causes,
    language::Language,
    page::{kst, quotation},
    transfer,
};

/// About an order in review.
pub(crate) struct ReviewGuide {
    pub(crate) cause: &'static str,
    pub(crate) advice: &'static str,
    /// When an operator asked to close it, while that waits for Toss's answer.
    pub(crate) close_requested_at: Option<String>,
}

impl ReviewGuide {
    /// `None`: it is not in review.
    pub(crate) fn of(order: &OrderRecord, language: Language) -> Option<Self> {
        match order.status {
            OrderStatus::Review => {}
            OrderStatus::Ready
            | OrderStatus::InProgress
            | OrderStatus::WaitingForDeposit
            | OrderStatus::Done
            | OrderStatus::PartialCanceled
            | OrderStatus::Canceled
            | OrderStatus::Aborted
            | OrderStatus::Expired => return None,
        }
        let cause = causes::why_recorded(order).unwrap_or_default();
        Some(Self {
            cause: causes::words(cause, language).unwrap_or_default(),
            advice: advice(cause, language),
            close_requested_at: order.close_requested_at.map(kst),
        })
    }
}

/// May this refund be called off?
pub(crate) enum CallOff {
    /// It has ended, or a worker began it.
    No,
    Yes,
    /// It was, and waits for proof.
    Pending {
        requested_at: String,
    },
}

impl CallOff {
    pub(crate) fn of(cancel: &CancelRecord) -> Self {
        match (cancel.status, cancel.called_off_at) {
            (CancelStatus::Done | CancelStatus::Failed, _) => Self::No,
            (CancelStatus::InProgress, Some(at)) => Self::Pending { requested_at: kst(at) },
            (CancelStatus::InProgress, None) if cancel.actor == "worker" => Self::No,
            (CancelStatus::InProgress, None) => Self::Yes,
        }
    }
}

/// How far the bank is with what was given back of a payment into an account.
pub(crate) struct BankRefund {
    pub(crate) tone: &'static str,
    pub(crate) name: &'static str,
    /// Toss's own word.
    pub(crate) word: String,
    /// An operator can record how it was ended.
    pub(crate) is_broken: bool,
    pub(crate) closed_at: Option<String>,
}

impl BankRefund {
    pub(crate) fn of(payment: &PaymentRecord, language: Language) -> Option<Self> {
        let found: BankTransfer = payment.transfer()?;
        let (tone, name) = transfer::chip(found, language);
        Some(Self {
            tone,
            name,
            word: payment.refund_status.as_deref().map(quotation).unwrap_or_default(),
            is_broken: found.is_broken(),
            closed_at: payment.refund_closed_at.map(kst),
        })
    }
}

/// By the cause of the event that brought the order into review.
static ADVICE: &[(&str, &str, &str)] = &[
    (
        "review_no_proof",
        "토스페이먼츠 상점관리자에서 주문번호로 결제를 찾아보세요. 결제가 있으면 받을지 취소할지 그곳에서 정하고, 없으면 그대로 두세요. \
         그다음 ‘지금 확인’을 누르면 토스페이먼츠의 답에 따라 주문이 정리됩니다.",
        "Search for the order number in the Toss Payments console. If the payment is there, keep it or cancel it there; if it \
         is not, do nothing. Then press “Look up now”: the answer decides how the order goes on.",
    ),
    (
        "review_not_as_agreed",
        "토스페이먼츠 상점관리자에서 승인된 금액과 통화를 이 주문과 비교하세요. 받지 말아야 할 결제라면 그곳에서 취소한 뒤 ‘지금 확인’을 \
         누르세요. 구매자와 다르게 정리했다면 확인을 종결하세요.",
        "Compare the approved amount and currency with this order in the Toss Payments console. If the payment must not be \
         kept, cancel it there and press “Look up now”. If you agreed on something else with the buyer, close the review.",
    ),
    (
        "toss_contradicts",
        "먼저 ‘지금 확인’을 누르세요. 답이 그대로라면 토스페이먼츠 상점관리자에서 이 결제의 입금과 취소 내역을 확인하세요. 그래도 \
         설명되지 않으면 주문번호를 알려 토스페이먼츠 고객센터에 문의하세요.",
        "Press “Look up now” first. If the answer stays the same, check this payment's deposits and cancels in the Toss \
         Payments console. If that explains nothing, ask Toss Payments' support, naming the order number.",
    ),
    (
        "refund_refused",
        "돈은 아직 토스페이먼츠에 있습니다. 아래 환불에 적힌 토스페이먼츠의 코드와 설명을 보고, 상점관리자에서 취소하거나 환불을 다시 \
         신청하세요. 다른 방법으로 돌려주었다면 확인을 종결하세요.",
        "Toss Payments still holds the money. Read its code and words at the refund below, then cancel the payment in the \
         console or ask for the refund again. If the buyer got the money another way, close the review.",
    ),
    (
        "refund_needs_account",
        "구매자에게 은행, 계좌번호, 예금주를 물어 위의 ‘환불’에서 그 계좌로 신청하세요. 다른 방법으로 돌려주었다면 확인을 종결하세요.",
        "Ask the buyer for bank, account number and holder, and refund to that account by “Refund” above. If the buyer got \
         the money another way, close the review.",
    ),
    (
        "refund_not_made",
        "자동으로 시작한 환불이 이루어지지 않았고, 돈은 아직 토스페이먼츠에 있습니다. 아래 환불에 적힌 코드와 설명을 보고, 상점관리자에서 \
         취소하거나 환불을 다시 신청하세요. 다른 방법으로 돌려주었다면 확인을 종결하세요.",
        "The refund that began automatically was not made, and Toss Payments still holds the money. Read the code and words \
         at the refund below, then cancel the payment in the console or ask for the refund again. If the buyer got the money \
         another way, close the review.",
    ),
    (
        "review_nothing_to_refund",
        "토스페이먼츠 상점관리자에서 주문번호로 이 결제를 찾아보세요. 결제가 보이면 TOSS_SECRET_KEY가 그 상점의 키인지 확인하고 ‘지금 확인’을 \
         누르세요. 보이지 않으면 토스페이먼츠 고객센터에 문의하고, 돌려줄 돈이 없다는 것이 확인되면 확인을 종결하세요.",
        "Search for the order number in the Toss Payments console. If it is there, check that TOSS_SECRET_KEY belongs to that shop \
         and press “Look up now”. If it is not, ask Toss Payments' support, and close the review once it is certain that \
         there is nothing to give back.",
    ),
    (
        "no_answer_about_this_payment",
        "토스페이먼츠가 다른 결제에는 답하고 있습니다. 상점관리자에서 이 결제를 찾아보고, 주문번호를 알려 토스페이먼츠 고객센터에 \
         문의하세요. 답이 오면 ‘지금 확인’을 누르세요.",
        "Toss Payments answers about other payments. Look for this one in the console, and ask Toss Payments' support, naming \
         the order number. When they have replied, press “Look up now”.",
    ),
];

/// What is right whatever the cause.
const ALWAYS: (&str, &str) = (
    "‘지금 확인’을 누르고, 답이 그대로라면 토스페이먼츠 상점관리자에서 이 주문의 결제를 확인하세요.",
    "Press “Look up now”. If the answer stays the same, look for the order's payments in the Toss Payments console.",
);

fn advice(cause: &str, language: Language) -> &'static str {
    let (korean, english) =
        ADVICE.iter().find(|(known, ..)| *known == cause).map_or(ALWAYS, |(_, korean, english)| (*korean, *english));
    language.pick(korean, english)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ADVICE, ALWAYS, advice};
    use crate::{causes, language::Language};

    #[test]
    fn every_cause_of_a_review_has_advice_of_its_own() {
        let advised: BTreeSet<&str> = ADVICE.iter().map(|(cause, ..)| *cause).collect();
        assert_eq!(advised.len(), ADVICE.len(), "a cause stands twice");
        let causes: BTreeSet<&str> = causes::all().filter(|cause| causes::leads_to_review(cause)).collect();
        assert_eq!(advised, causes);
        let texts: BTreeSet<&str> = ADVICE.iter().flat_map(|(_, korean, english)| [*korean, *english]).collect();
        assert_eq!(texts.len(), 2 * ADVICE.len(), "two causes have the same advice");
    }

    #[test]
    fn a_cause_of_tomorrow_has_advice_too() {
        for language in [Language::Korean, Language::English] {
            let (korean, english) = ALWAYS;
            assert_eq!(advice("a_cause_of_tomorrow", language), language.pick(korean, english));
        }
    }
}
