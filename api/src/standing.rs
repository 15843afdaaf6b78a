//! Where an order stands, in words: one name for each state, and whether money has moved.

use shared::{
    order::{CancelStatus, OrderStatus, OrderView},
    payment::BankTransfer,
};

use crate::{
    causes::{self, REFUND_NEEDS_ACCOUNT, REFUND_NOT_MADE, REFUND_REFUSED},
    language::Language,
    transfer,
};

/// Where the shopper's money is, as far as Toss has shown us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Money {
    NotTaken,
    /// It may have moved. Nobody may pay again before this is known.
    Unknown,
    /// It pays the order.
    Taken,
    PartlyReturned,
    Returned,
    /// Toss has booked all of it as given back, and a bank has not paid all of it into the account.
    ReturnBooked,
    /// It came too late to pay the order, and is on its way back.
    BeingReturned,
    /// It should go back, and Toss refuses: a human must look.
    Stuck,
    /// Toss still holds it, and an operator has closed the order: the shop settled it with the buyer another way.
    SettledOutside,
}

impl Money {
    pub(crate) fn of(order: &OrderView) -> Self {
        let surplus = order.surplus().held.is_some();
        match order.status {
            OrderStatus::Review
                if causes::why(order)
                    .is_some_and(|why| matches!(why, REFUND_REFUSED | REFUND_NEEDS_ACCOUNT | REFUND_NOT_MADE)) =>
            {
                Self::Stuck
            }
            OrderStatus::InProgress | OrderStatus::Review => Self::Unknown,
            _ if causes::why(order) == Some(causes::CLOSED_SETTLED_OUTSIDE) => Self::SettledOutside,
            OrderStatus::Done => Self::Taken,
            OrderStatus::PartialCanceled => Self::PartlyReturned,
            OrderStatus::Ready
            | OrderStatus::WaitingForDeposit
            | OrderStatus::Aborted
            | OrderStatus::Expired
            | OrderStatus::Canceled
                if surplus =>
            {
                Self::BeingReturned
            }
            OrderStatus::Canceled if order.was_never_paid() => Self::NotTaken,
            OrderStatus::Canceled if transfer::open(order).is_some() => Self::ReturnBooked,
            OrderStatus::Canceled => Self::Returned,
            OrderStatus::Ready | OrderStatus::WaitingForDeposit | OrderStatus::Aborted | OrderStatus::Expired => {
                Self::NotTaken
            }
        }
    }

    /// Does the shop hold the shopper's money, or a part of it? None while that is being found out: neither answer would
    /// be true then.
    pub(crate) fn has_moved(self) -> Option<bool> {
        match self {
            Self::Taken | Self::PartlyReturned | Self::BeingReturned | Self::Stuck | Self::SettledOutside => Some(true),
            // By Toss's books: how far the bank is stands beside it, as the payment's `refundStatus`.
            Self::NotTaken | Self::Returned | Self::ReturnBooked => Some(false),
            Self::Unknown => None,
        }
    }
}

/// The state in two or three words.
pub(crate) fn name(status: OrderStatus, language: Language) -> &'static str {
    match status {
        OrderStatus::Ready => language.pick("결제 전", "Not paid yet"),
        OrderStatus::InProgress => language.pick("확인 중", "Confirming"),
        OrderStatus::WaitingForDeposit => language.pick("입금 대기", "Awaiting deposit"),
        OrderStatus::Done => language.pick("결제 완료", "Paid"),
        OrderStatus::PartialCanceled => language.pick("부분 환불", "Partly refunded"),
        // With money given back, or before any was paid.
        OrderStatus::Canceled => language.pick("주문 취소", "Canceled"),
        OrderStatus::Aborted => language.pick("결제 거절", "Declined"),
        OrderStatus::Expired => language.pick("기한 만료", "Expired"),
        OrderStatus::Review => language.pick("담당자 확인", "In review"),
    }
}

/// All that was charged was given back.
pub(crate) fn refunded(language: Language) -> &'static str {
    language.pick("환불 완료", "Refunded")
}

/// How a refund stands: its colour and its name. `into_account`: how far the bank is with what Toss has booked of its payment.
/// Toss tells that for a payment and not for each refund, so no refund of it is called done before all are.
pub(crate) fn of_refund(
    status: CancelStatus,
    into_account: Option<BankTransfer>,
    language: Language,
) -> (&'static str, &'static str) {
    match status {
        CancelStatus::InProgress => (tone(OrderStatus::InProgress), causes::returning(language)),
        CancelStatus::Done => transfer::chip(into_account.unwrap_or(BankTransfer::Completed), language),
        CancelStatus::Failed => (tone(OrderStatus::Review), causes::failed(language)),
    }
}

/// The style sheet's name for the state's colour. Colour never speaks alone: the name always stands beside it.
pub(crate) fn tone(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Ready | OrderStatus::Expired | OrderStatus::Canceled => "calm",
        OrderStatus::InProgress | OrderStatus::WaitingForDeposit => "wait",
        OrderStatus::Done | OrderStatus::PartialCanceled => "good",
        OrderStatus::Aborted => "bad",
        OrderStatus::Review => "care",
    }
}
