//! What else happened to the shopper's money: a refund that the order's state does not tell of.

use shared::{
    money::Krw,
    order::{CancelStatus, OrderStatus, OrderView},
};

use crate::{
    hero::{Look, whom_to_ask},
    language::Language,
    transfer,
};

pub(crate) struct Notice {
    pub(crate) tone: &'static str,
    pub(crate) text: String,
    pub(crate) look: Option<Look>,
}

impl Notice {
    /// A refund that the order's state does not tell of: of a second approval, or of a part of what is paid.
    pub(crate) fn of(order: &OrderView, contact: Option<&str>, language: Language) -> Option<Self> {
        let told = match order.status {
            // The page is about nothing else.
            OrderStatus::Aborted | OrderStatus::Expired => true,
            OrderStatus::Canceled => order.paid_by.is_none(),
            OrderStatus::Ready
            | OrderStatus::InProgress
            | OrderStatus::WaitingForDeposit
            | OrderStatus::Done
            | OrderStatus::PartialCanceled
            | OrderStatus::Review => false,
        };
        if told {
            return None;
        }
        if let Some(refund) = order.returning() {
            let amount = language.won(refund.amount);
            let text = if order.status == OrderStatus::WaitingForDeposit {
                let text = "주문을 취소하고 있습니다. 입금하지 마세요.";
                language.pick(text, "The order is being canceled. Please do not pay into the account.").to_owned()
            } else if order.pays(refund.payment_no) {
                language.pick(format!("{amount}을 돌려드리는 중입니다."), format!("{amount} is being given back."))
            } else {
                language.pick(
                    format!("이중 결제가 확인되어 {amount}을 돌려드리는 중입니다."),
                    format!("A second payment was found: {amount} is being given back."),
                )
            };
            let look = Some(Look::of(order, refund.next_look_at));
            return Some(Self { tone: "wait", text, look });
        }
        if let Some(amount) = refused(order) {
            let amount = language.won(amount);
            let text = language.pick(
                format!("{amount}의 환불이 아직 되지 않았고, 결제는 그대로입니다. 상점에서 다시 처리합니다."),
                format!("{amount} could not be given back yet and stays charged. The shop will see to it."),
            );
            let text = format!("{text} {}", whom_to_ask(contact, language));
            return Some(Self { tone: "care", text, look: None });
        }
        let is_told_above = matches!(order.status, OrderStatus::Canceled | OrderStatus::PartialCanceled);
        if let Some(notice) = transfer::notice(order, contact, language).filter(|_| !is_told_above) {
            return Some(notice);
        }
        let amount = language.won(order.surplus().returned?);
        let text = language.pick(
            format!("이중 결제가 확인되어 {amount}을 돌려드렸습니다."),
            format!("A second payment was found: {amount} was given back."),
        );
        Some(Self { tone: "calm", text, look: None })
    }
}

/// The last thing asked for was to give back a part of what pays the order, and Toss did not.
fn refused(order: &OrderView) -> Option<Krw> {
    let is_paid = matches!(order.status, OrderStatus::Done | OrderStatus::PartialCanceled);
    let last = order.cancels.last().filter(|cancel| is_paid && order.pays(cancel.payment_no))?;
    (last.status == CancelStatus::Failed).then_some(last.amount)
}
