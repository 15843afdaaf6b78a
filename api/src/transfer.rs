//! A refund that goes into an account, between Toss's booking and the bank's payment. Nothing here calls it done before Toss
//! says that the bank has paid.

use shared::{
    money::Krw,
    order::{OrderStatus, OrderView},
    payment::BankTransfer,
};

use crate::{
    causes,
    hero::{Hero, whom_to_ask},
    language::Language,
    notice::Notice,
    standing,
};

/// The transfer of an order that is furthest from its end, and how much was booked. `None`: the bank has paid everything, or
/// no bank is concerned.
pub(crate) fn open(order: &OrderView) -> Option<(BankTransfer, Krw)> {
    let transfers = order.payments.iter().filter_map(|payment| Some((payment.transfer()?, payment.given_back()?)));
    transfers
        .filter_map(|(transfer, amount)| Some((rank(transfer)?, transfer, amount)))
        .min_by_key(|(rank, ..)| *rank)
        .map(|(_, transfer, amount)| (transfer, amount))
}

fn rank(transfer: BankTransfer) -> Option<u8> {
    match transfer {
        BankTransfer::Failed => Some(0),
        BankTransfer::PartlyFailed => Some(1),
        BankTransfer::UnderWay => Some(2),
        BankTransfer::SettledOutside => Some(3),
        BankTransfer::Completed => None,
    }
}

/// Its colour and its name, beside a refund.
pub(crate) fn chip(transfer: BankTransfer, language: Language) -> (&'static str, &'static str) {
    match transfer {
        BankTransfer::UnderWay => ("wait", language.pick("입금 진행 중", "On its way")),
        BankTransfer::Failed => ("care", language.pick("입금 실패", "Not arrived")),
        BankTransfer::PartlyFailed => ("care", language.pick("일부 입금 실패", "Partly not arrived")),
        BankTransfer::SettledOutside => ("calm", language.pick("상점이 따로 처리", "Settled by the shop")),
        BankTransfer::Completed => (standing::tone(OrderStatus::Done), standing::refunded(language)),
    }
}

fn heading(transfer: BankTransfer, language: Language) -> &'static str {
    match transfer {
        BankTransfer::UnderWay => language.pick("환불금을 보내는 중입니다", "Your refund is on its way"),
        BankTransfer::Failed => language.pick("환불금이 입금되지 않았습니다", "Your refund has not arrived"),
        BankTransfer::PartlyFailed => {
            language.pick("환불금의 일부가 입금되지 않았습니다", "A part of your refund has not arrived")
        }
        BankTransfer::SettledOutside => {
            language.pick("환불을 상점이 따로 처리했습니다", "The shop settled your refund another way")
        }
        BankTransfer::Completed => standing::refunded(language),
    }
}

fn sentence(transfer: BankTransfer, amount: Krw, language: Language) -> String {
    let amount = language.won(amount);
    match transfer {
        BankTransfer::UnderWay => language.pick(
            format!("{amount}의 환불이 접수되었고, 은행이 환불 계좌로 입금하고 있습니다. 끝나면 이 화면에 나타납니다."),
            format!(
                "The refund of {amount} is booked, and the bank is paying it into the account. This page will tell when it has \
                 arrived."
            ),
        ),
        BankTransfer::Failed => language.pick(
            format!("은행이 환불금 {amount}을 입금하지 못했습니다. 상점에서 다시 처리합니다."),
            format!("The bank could not pay the refund of {amount} into the account. The shop will see to it."),
        ),
        BankTransfer::PartlyFailed => language.pick(
            format!("은행이 환불금 {amount} 가운데 일부를 입금하지 못했습니다. 상점에서 다시 처리합니다."),
            format!("The bank could not pay a part of the refund of {amount} into the account. The shop will see to it."),
        ),
        BankTransfer::SettledOutside => language.pick(
            format!("은행 입금이 되지 않아, 상점이 {amount}의 환불을 다른 방법으로 처리했습니다."),
            format!("The bank could not pay the refund of {amount} out, so the shop settled it another way."),
        ),
        BankTransfer::Completed => String::new(),
    }
}

/// What a canceled order, in whole or in part, shows while a transfer of it is open.
pub(crate) fn hero(order: &OrderView, contact: Option<&str>, language: Language) -> Option<Hero> {
    match order.status {
        OrderStatus::Canceled | OrderStatus::PartialCanceled => {}
        OrderStatus::Ready
        | OrderStatus::InProgress
        | OrderStatus::WaitingForDeposit
        | OrderStatus::Done
        | OrderStatus::Aborted
        | OrderStatus::Expired
        | OrderStatus::Review => return None,
    }
    let (transfer, amount) = open(order)?;
    let (tone, name) = match transfer {
        BankTransfer::UnderWay => (standing::tone(OrderStatus::InProgress), causes::returning(language)),
        BankTransfer::Failed | BankTransfer::PartlyFailed => {
            (standing::tone(OrderStatus::Review), language.pick("환불 입금 실패", "Refund not arrived"))
        }
        BankTransfer::SettledOutside | BankTransfer::Completed => {
            (standing::tone(order.status), standing::name(order.status, language))
        }
    };
    let mut said = vec![sentence(transfer, amount, language)];
    let kept = order.payment().and_then(|payment| payment.balance).filter(|kept| kept.won() > 0);
    if let Some(kept) = kept.map(|kept| language.won(kept)) {
        said.push(language.pick(format!("{kept}은 결제된 그대로입니다."), format!("{kept} stays charged.")));
    }
    let notes = if transfer == BankTransfer::UnderWay { Vec::new() } else { vec![whom_to_ask(contact, language)] };
    Some(Hero { name, tone, heading: heading(transfer, language), said, notes, ..Hero::default() })
}

/// The same for an order whose state is about something else: another payment of it was given back.
pub(crate) fn notice(order: &OrderView, contact: Option<&str>, language: Language) -> Option<Notice> {
    let (transfer, amount) = open(order)?;
    let mut text = sentence(transfer, amount, language);
    if transfer != BankTransfer::UnderWay {
        text = format!("{text} {}", whom_to_ask(contact, language));
    }
    Some(Notice { tone: chip(transfer, language).0, text, look: None })
}
