//! Why a refund was not accepted. None of these changed anything.

use axum::http::StatusCode;
use serde_json::json;
use shared::cancel::{AccountFault, IdempotencyKey, Reason, Refusal};

use super::{members::Member, words::Row};
use crate::language::Language;

/// `UnknownOrder` and `Busy` are everybody's problems and stand in [`super::Problem`].
#[derive(Debug)]
pub(crate) enum CancelProblem {
    KeyMissing,
    InvalidKey,
    /// The same request is being worked on this moment.
    KeyRunning,
    KeyReused,
    InvalidReason,
    InvalidAccount(AccountFault),
    Refused(Refusal),
}

impl CancelProblem {
    pub(super) fn row(&self) -> Row {
        match self {
            Self::KeyMissing => Row::new(
                StatusCode::BAD_REQUEST,
                "IDEMPOTENCY_KEY_REQUIRED",
                ["Idempotency-Key가 없습니다", "The Idempotency-Key is missing"],
                [
                    "환불 요청마다 새로 만든 값을 Idempotency-Key 헤더로 보내 주세요. 같은 값을 다시 보내도 두 번 환불되지 않습니다.",
                    "Send a fresh value in the Idempotency-Key header with each refund. The same value never refunds twice.",
                ],
            ),
            Self::InvalidKey => Row::new(
                StatusCode::BAD_REQUEST,
                "INVALID_IDEMPOTENCY_KEY",
                ["Idempotency-Key가 올바르지 않습니다", "The Idempotency-Key is not valid"],
                [
                    "보이는 ASCII 문자로 {most}자까지 쓸 수 있습니다.",
                    "It may have up to {most} visible ASCII characters.",
                ],
            ),
            Self::KeyRunning => Row::new(
                StatusCode::CONFLICT,
                "REQUEST_IN_PROGRESS",
                ["같은 요청을 처리하고 있습니다", "The same request is being worked on"],
                [
                    "같은 Idempotency-Key의 요청을 지금 처리하고 있습니다. 잠시 뒤에 그대로 다시 보내 주세요.",
                    "A request with this Idempotency-Key is being worked on. Send it unchanged in a moment.",
                ],
            ),
            Self::KeyReused => Row::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "IDEMPOTENCY_KEY_REUSED",
                ["Idempotency-Key가 이미 쓰였습니다", "The Idempotency-Key was used before"],
                [
                    "다른 내용의 요청에 쓰인 값입니다. 새로운 환불이라면 새 값을 보내 주세요.",
                    "It came with another request. If this is another refund, send another value.",
                ],
            ),
            Self::InvalidReason => Row::new(
                StatusCode::BAD_REQUEST,
                "INVALID_CANCEL_REASON",
                ["환불 사유가 올바르지 않습니다", "The reason is not valid"],
                ["{field}: 1자에서 {most}자까지여야 합니다.", "{field}: 1 to {most} characters."],
            ),
            Self::InvalidAccount(fault) => Row::new(
                StatusCode::BAD_REQUEST,
                "INVALID_REFUND_ACCOUNT",
                ["환불 계좌가 올바르지 않습니다", "The refund account is not valid"],
                match fault {
                    AccountFault::Bank => [
                        "{field}: 토스페이먼츠의 은행 코드(두세 자리 숫자)여야 합니다.",
                        "{field}: Toss Payments' code of the bank, two or three digits.",
                    ],
                    AccountFault::Number => {
                        ["{field}: 숫자만 20자까지여야 합니다.", "{field}: up to 20 digits and nothing else."]
                    }
                    AccountFault::Holder => ["{field}: 1자에서 60자까지여야 합니다.", "{field}: 1 to 60 characters."],
                },
            ),
            Self::Refused(refusal) => refused(refusal),
        }
    }

    pub(super) fn members(&self, language: Language) -> Vec<Member> {
        let field = |name: &str| Member::new("field", Some(json!(name)), name.to_owned());
        let most = |length: usize| Member::new("most", None, length.to_string());
        match self {
            Self::InvalidKey => vec![most(IdempotencyKey::LENGTH_MAX)],
            Self::InvalidReason => vec![field("cancelReason"), most(Reason::LENGTH_MAX)],
            Self::InvalidAccount(fault) => vec![field(match fault {
                AccountFault::Bank => "refundReceiveAccount.bank",
                AccountFault::Number => "refundReceiveAccount.accountNumber",
                AccountFault::Holder => "refundReceiveAccount.holderName",
            })],
            Self::Refused(Refusal::ZeroAmount) => vec![field("cancelAmount")],
            Self::Refused(Refusal::AmountTooLarge { refundable }) => {
                vec![
                    field("cancelAmount"),
                    Member::new("refundable", Some(json!(refundable)), language.won(*refundable)),
                ]
            }
            Self::Refused(Refusal::UnknownLine { index }) => vec![field(&format!("lines[{index}].productId"))],
            Self::Refused(Refusal::TooManyPieces { index, left }) => vec![
                field(&format!("lines[{index}].quantity")),
                Member::new("left", Some(json!(left)), left.to_string()),
            ],
            Self::KeyMissing | Self::KeyRunning | Self::KeyReused | Self::Refused(_) => Vec::new(),
        }
    }
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn refused(refusal: &Refusal) -> Row {
    match refusal {
        Refusal::UnknownOrder => super::Problem::OrderNotFound.row(),
        Refusal::Busy => super::Problem::Busy.row(),
        Refusal::NotPaid => Row::new(
            StatusCode::CONFLICT,
            "NOT_PAID",
            ["결제되지 않은 주문입니다", "This order is not paid"],
            ["돌려드릴 금액이 없습니다.", "There is nothing to give back."],
        ),
        Refusal::AnotherRunning => Row::new(
            StatusCode::CONFLICT,
            "OPERATION_IN_PROGRESS",
            ["이 주문의 다른 처리가 끝나지 않았습니다", "Something else about this order is under way"],
            [
                "결제 확인이나 환불은 한 주문에 하나씩 진행합니다. 끝난 뒤에 다시 신청해 주세요.",
                "Confirming and refunding an order go one at a time. Please ask again when it is over.",
            ],
        ),
        Refusal::AlreadyCanceled => Row::new(
            StatusCode::CONFLICT,
            "ALREADY_CANCELED",
            ["모두 환불된 주문입니다", "Everything was given back before"],
            ["남은 결제 금액이 없습니다.", "Nothing is left of the payment."],
        ),
        Refusal::TransferFailed => Row::new(
            StatusCode::CONFLICT,
            "ALREADY_CANCELED",
            ["은행이 환불금을 입금하지 못했습니다", "The bank did not pay the refund out"],
            [
                "토스페이먼츠에서는 모두 취소되어 다시 취소할 수 없습니다. 토스페이먼츠 고객센터에서 입금을 처리하고, 끝나면 주문 상세 화면에 기록해 주세요.",
                "Toss Payments has booked it all as canceled and cancels nothing twice. Have its support settle the transfer, then record that on the order's detail page.",
            ],
        ),
        Refusal::InReview => Row::new(
            StatusCode::CONFLICT,
            "ORDER_IN_REVIEW",
            ["담당자가 확인하고 있는 주문입니다", "This order is in review"],
            [
                "토스페이먼츠가 이 주문의 금액을 가지고 있는지 확인되지 않아 환불할 수 없습니다.",
                "It is not known whether Toss Payments holds money for it, so none can be given back.",
            ],
        ),
        Refusal::ZeroAmount => Row::new(
            StatusCode::BAD_REQUEST,
            "INVALID_AMOUNT",
            ["금액이 올바르지 않습니다", "The amount is not valid"],
            ["{field}: 1원 이상이어야 합니다.", "{field}: at least 1 won."],
        ),
        Refusal::AmountTooLarge { .. } => Row::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "CANCEL_AMOUNT_TOO_LARGE",
            ["환불 금액이 너무 큽니다", "The amount is too large"],
            ["{refundable}까지 환불할 수 있습니다.", "Up to {refundable} can be given back."],
        ),
        Refusal::OnlyInFull => Row::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "ONLY_IN_FULL",
            ["전액만 환불할 수 있습니다", "Only everything can be given back"],
            [
                "입금 전이거나 담당자가 확인하는 주문은 일부만 환불할 수 없습니다.",
                "Before the deposit, and in a review, a part cannot be given back.",
            ],
        ),
        Refusal::AccountWanted => Row::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "REFUND_ACCOUNT_REQUIRED",
            ["환불 계좌가 필요합니다", "A refund account is needed"],
            [
                "가상계좌로 입금한 금액은 구매자의 계좌를 알려 주셔야 돌려드릴 수 있습니다.",
                "What was paid into a virtual account can only go back to an account of the buyer's.",
            ],
        ),
        Refusal::AccountNotWanted => Row::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "REFUND_ACCOUNT_NOT_ALLOWED",
            ["환불 계좌를 쓰지 않는 결제입니다", "This payment needs no refund account"],
            ["금액은 결제한 수단으로 돌아갑니다.", "The money goes back where it came from."],
        ),
        Refusal::NoAccountKey => Row::new(
            StatusCode::NOT_IMPLEMENTED,
            "REFUND_ACCOUNTS_NOT_SET_UP",
            ["환불 계좌를 받을 수 없습니다", "Refund accounts are not set up"],
            [
                "이 서버에는 환불 계좌를 암호화할 REFUND_ACCOUNT_KEY가 없습니다.",
                "This server has no REFUND_ACCOUNT_KEY to encrypt the account with.",
            ],
        ),
        Refusal::UnknownLine { .. } => Row::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "UNKNOWN_LINE",
            ["주문에 없는 상품입니다", "The order has no such line"],
            [
                "{field}: 주문한 상품을 한 번씩만 적어 주세요.",
                "{field}: name products of this order, each of them once.",
            ],
        ),
        Refusal::TooManyPieces { .. } => Row::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "TOO_MANY_PIECES",
            ["수량이 너무 많습니다", "Too many pieces"],
            ["{field}: {left}개까지 환불할 수 있습니다.", "{field}: up to {left} can be given back."],
        ),
    }
}
