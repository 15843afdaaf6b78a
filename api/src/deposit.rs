//! Waiting for a deposit: what the shopper needs to make it, and what is said while nobody knows yet whether they did.
//!
//! The account is shown only while a deposit is wanted. Once its due time is over by our clock, nobody is led to transfer
//! money any more, though only Toss says whether it was too late.

use serde::Serialize;
use shared::order::{AccountView, OrderStatus, OrderView};
use time::OffsetDateTime;

use crate::{
    address::status_address,
    banks, causes,
    hero::{Action, Hero, Look, because},
    language::Language,
    page::{kst_in_words, quotation},
};

/// Where to transfer how much, and until when.
pub(crate) struct Account {
    pub(crate) bank: String,
    pub(crate) number: String,
    pub(crate) amount: String,
    pub(crate) due: Option<String>,
}

/// The same in the order's JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountJson {
    bank_code: Option<String>,
    bank: Option<String>,
    account_number: String,
    #[serde(with = "time::serde::rfc3339::option")]
    due_at: Option<OffsetDateTime>,
}

impl From<&AccountView> for AccountJson {
    fn from(account: &AccountView) -> Self {
        Self {
            bank: account.bank.as_deref().map(|code| banks::name(code, Language::Korean)),
            bank_code: account.bank.clone(),
            account_number: account.number.clone(),
            due_at: account.due_at,
        }
    }
}

/// Is the time to deposit over, as far as our clock tells?
pub(crate) fn is_past_due(order: &OrderView) -> bool {
    let due_at = order.payment().and_then(|payment| payment.account.as_ref()?.due_at);
    order.status == OrderStatus::WaitingForDeposit && due_at.is_some_and(|due_at| due_at <= order.read_at)
}

pub(crate) fn awaited(order: &OrderView, language: Language) -> Hero {
    let reversed = causes::why(order) == Some(causes::DEPOSIT_REVERSED);
    if is_past_due(order) {
        return past_due(order, reversed, language);
    }
    let account = order.payment().and_then(|payment| payment.account.as_ref());
    let amount = language.won(order.amount);
    let said = match (account.is_some(), reversed) {
        (true, false) => language.pick(
            format!("아직 입금되지 않았습니다. 아래 계좌로 {amount}을 입금하시면 결제가 끝납니다."),
            format!("No money has arrived yet. The order is paid once you transfer {amount} to this account."),
        ),
        (true, true) => language.pick(
            format!("지금은 결제된 금액이 없습니다. 계속 구매하시려면 같은 계좌로 {amount}을 다시 입금해 주세요."),
            format!("Nothing is paid now. To keep your order, transfer {amount} to the same account again."),
        ),
        (false, _) => language
            .pick(
                "아직 입금되지 않았습니다. 안내받은 가상계좌로 입금하시면 결제가 끝납니다.",
                "No money has arrived yet. The order is paid once you transfer it to the account you were given.",
            )
            .to_owned(),
    };
    let again = language.pick(
        "입금이 확인되면 이 화면이 바뀝니다. 대개 몇 초면 되지만 10분쯤 걸릴 수도 있습니다.",
        "This page changes once the deposit is found. That takes seconds as a rule, and ten minutes at times.",
    );
    let otherwise = language.pick(
        "다른 방법으로 결제하시려면 이 계좌에는 입금하지 말고 새로 주문해 주세요. 이 주문은 입금 기한이 지나면 결제 없이 \
         끝납니다.",
        "If you would rather pay another way, do not transfer anything and order anew: this order ends unpaid when the time \
         to deposit is over.",
    );
    let label = language.pick("입금 확인하기", "Check again");
    Hero {
        heading: if reversed {
            language.pick("은행이 입금을 되돌렸습니다", "The bank took your deposit back")
        } else {
            language.pick("입금을 기다리고 있습니다", "Waiting for your deposit")
        },
        said: vec![said],
        account: account.map(|account| Account {
            bank: account.bank.as_deref().map(|code| banks::name(code, language)).unwrap_or_default(),
            number: quotation(&account.number),
            due: account.due_at.map(|due_at| kst_in_words(due_at, language)),
            amount,
        }),
        notes: vec![again.to_owned(), otherwise.to_owned()],
        action: Some(Action { label, address: status_address(order.order_no) }),
        ..Hero::default()
    }
}

fn past_due(order: &OrderView, reversed: bool, language: Language) -> Hero {
    let mut said = Vec::new();
    if reversed {
        said.push(language.pick("은행이 입금을 되돌렸습니다.", "The bank took your deposit back.").to_owned());
    }
    said.push(
        language
            .pick(
                "아직 입금되지 않았습니다. 기한 안에 입금하셨는지 토스페이먼츠에 확인하고 있으니, 지금은 입금하지 마세요.",
                "No money has arrived yet. We are asking Toss Payments whether it came in time; please do not transfer \
                 anything now.",
            )
            .to_owned(),
    );
    Hero {
        heading: language.pick("입금 기한이 지났습니다", "The time to deposit is over"),
        said,
        look: Some(Look::of(order, order.payment().and_then(|payment| payment.next_look_at))),
        ..Hero::default()
    }
}

/// Why an order ended without a deposit, and what becomes of one that was made after all.
pub(crate) fn too_late(order: &OrderView, language: Language) -> Vec<String> {
    let taken_back = order.events.iter().any(|event| event.cause == causes::DEPOSIT_REVERSED);
    let taken_back = because(causes::DEPOSIT_REVERSED, language).filter(|_| taken_back);
    let known_late = language.pick(
        "기한 안에 입금하셨다면, 확인되는 대로 이 화면에 나옵니다.",
        "If you did transfer it in time, this page will say so as soon as it is known.",
    );
    taken_back.into_iter().chain([known_late.to_owned()]).collect()
}
