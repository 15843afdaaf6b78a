//! Why a request about an order that does not move on by itself was not accepted. None of these changed anything.

use axum::http::StatusCode;
use serde_json::json;
use shared::{
    cancel::Reason,
    order::{ActionRefusal, LOOKUP_SPACING_SECONDS},
};

use super::{Problem, members::Member, words::Row};

/// `UnknownOrder` is everybody's problem and stands in [`Problem`].
#[derive(Debug)]
pub(crate) enum ActionProblem {
    InvalidReason,
    Refused(ActionRefusal),
}

impl ActionProblem {
    pub(super) fn row(&self) -> Row {
        match self {
            Self::InvalidReason => Row::new(
                StatusCode::BAD_REQUEST,
                "INVALID_REASON",
                ["사유가 올바르지 않습니다", "The reason is not valid"],
                [
                    "{field}: 줄바꿈 없이 1자에서 {most}자까지여야 합니다.",
                    "{field}: 1 to {most} characters without line breaks.",
                ],
            ),
            Self::Refused(refusal) => refused(*refusal),
        }
    }

    /// What each says besides its words.
    pub(super) fn members(&self) -> Vec<Member> {
        match self {
            Self::InvalidReason => vec![
                Member::new("field", Some(json!("reason")), "reason".to_owned()),
                Member::new("most", None, Reason::LENGTH_MAX.to_string()),
            ],
            Self::Refused(ActionRefusal::LookupTooSoon) => {
                vec![Member::new("seconds", None, LOOKUP_SPACING_SECONDS.to_string())]
            }
            Self::Refused(_) => Vec::new(),
        }
    }

    pub(super) fn is_too_soon(&self) -> bool {
        matches!(self, Self::Refused(ActionRefusal::LookupTooSoon))
    }
}

impl From<ActionProblem> for Problem {
    fn from(problem: ActionProblem) -> Self {
        Self::Action(problem)
    }
}

impl From<ActionRefusal> for Problem {
    fn from(refusal: ActionRefusal) -> Self {
        match refusal {
            ActionRefusal::UnknownOrder => Self::OrderNotFound,
            ActionRefusal::UnknownRefund
            | ActionRefusal::ConfirmInProgress
            | ActionRefusal::NoPayment
            | ActionRefusal::LookupTooSoon
            | ActionRefusal::NotInReview
            | ActionRefusal::RefundEnded
            | ActionRefusal::RefundOfWorker
            | ActionRefusal::NoFailedTransfer => Self::Action(ActionProblem::Refused(refusal)),
        }
    }
}

fn refused(refusal: ActionRefusal) -> Row {
    match refusal {
        ActionRefusal::UnknownOrder => Problem::OrderNotFound.row(),
        ActionRefusal::UnknownRefund => Row::new(
            StatusCode::NOT_FOUND,
            "REFUND_NOT_FOUND",
            ["환불을 찾을 수 없습니다", "There is no such refund"],
            ["이 주문에 그 번호의 환불이 없습니다.", "This order has no refund of that number."],
        ),
        ActionRefusal::ConfirmInProgress => Row::new(
            StatusCode::CONFLICT,
            "CONFIRM_IN_PROGRESS",
            ["결제를 확인하고 있는 주문입니다", "The payment is being confirmed"],
            [
                "토스페이먼츠에 이미 확인하고 있습니다. 끝난 뒤에 다시 요청해 주세요.",
                "Toss Payments is being asked already. Please ask again when it is over.",
            ],
        ),
        ActionRefusal::NoPayment => Row::new(
            StatusCode::CONFLICT,
            "NO_PAYMENT",
            ["결제가 없는 주문입니다", "The order has no payment"],
            ["토스페이먼츠에 확인할 결제가 없습니다.", "There is no payment to look up at Toss Payments."],
        ),
        ActionRefusal::LookupTooSoon => Row::new(
            StatusCode::TOO_MANY_REQUESTS,
            "LOOKUP_TOO_SOON",
            ["방금 다시 확인하도록 했습니다", "A lookup was asked for a moment ago"],
            [
                "한 주문은 {seconds}초에 한 번 확인할 수 있습니다. 잠시 뒤에 다시 요청해 주세요.",
                "An order can be looked up once in {seconds} seconds. Please ask again in a moment.",
            ],
        ),
        ActionRefusal::NotInReview => Row::new(
            StatusCode::CONFLICT,
            "NOT_IN_REVIEW",
            ["담당자 확인 상태가 아닙니다", "The order is not in review"],
            ["이 주문에는 종결할 확인이 없습니다.", "This order has no review to close."],
        ),
        ActionRefusal::RefundEnded => Row::new(
            StatusCode::CONFLICT,
            "REFUND_ENDED",
            ["이미 끝난 환불입니다", "The refund has ended"],
            ["끝난 환불은 멈출 수 없습니다.", "A refund that has ended cannot be called off."],
        ),
        ActionRefusal::RefundOfWorker => Row::new(
            StatusCode::CONFLICT,
            "AUTOMATIC_REFUND",
            ["자동으로 시작된 환불입니다", "The refund was begun automatically"],
            [
                "늦게 승인된 결제나 이중 결제를 돌려드리는 환불은 멈출 수 없습니다.",
                "A refund of a late or a second approval cannot be called off.",
            ],
        ),
        ActionRefusal::NoFailedTransfer => Row::new(
            StatusCode::CONFLICT,
            "NO_FAILED_TRANSFER",
            ["실패한 입금이 없습니다", "No bank transfer has failed"],
            [
                "토스페이먼츠가 알려 준 환불 입금 가운데 실패한 것이 없습니다.",
                "Toss Payments shows no refund of this order that a bank did not pay out.",
            ],
        ),
    }
}
