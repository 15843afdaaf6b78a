//! The one thing a shopper came for: where the order stands, whether money has moved, and what now. Every standing says
//! all three, and none says more than Toss has shown.

use shared::{
    money::Krw,
    order::{CancelStatus, OrderStatus, OrderView},
};
use time::OffsetDateTime;

use crate::{
    address::pay_address,
    causes,
    checkout::{again_address, is_payable},
    declines,
    deposit::{self, Account},
    language::Language,
    page::{kst, kst_in_words, quotation},
    standing::{self, Money},
    transfer,
};

#[derive(Default)]
pub(crate) struct Hero {
    /// The state, and the style sheet's name for its colour.
    pub(crate) name: &'static str,
    pub(crate) tone: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) said: Vec<String>,
    /// Toss's own words, in Korean.
    pub(crate) quote: Option<String>,
    /// Where to transfer the money.
    pub(crate) account: Option<Account>,
    /// What is said after that.
    pub(crate) notes: Vec<String>,
    pub(crate) pay_by: Option<PayBy>,
    pub(crate) look: Option<Look>,
    pub(crate) action: Option<Action>,
}

/// The order may be paid until then.
pub(crate) struct PayBy {
    pub(crate) said: &'static str,
    pub(crate) at: String,
}

/// A button.
pub(crate) struct Action {
    pub(crate) label: &'static str,
    pub(crate) address: String,
}

/// When we look at Toss again. A time that has passed means that we are looking this moment.
pub(crate) struct Look {
    pub(crate) at: Option<String>,
}

impl Look {
    pub(crate) fn of(order: &OrderView, due_at: Option<OffsetDateTime>) -> Self {
        Self { at: due_at.filter(|at| *at > order.read_at).map(kst) }
    }
}

impl Hero {
    pub(crate) fn of(order: &OrderView, contact: Option<&str>, language: Language) -> Self {
        if Money::of(order) == Money::SettledOutside {
            return settled_outside(order, contact, language);
        }
        if let Some(hero) = transfer::hero(order, contact, language) {
            return hero;
        }
        let hero = match order.status {
            OrderStatus::Ready => ready(order, language),
            OrderStatus::InProgress => confirming(order, language),
            OrderStatus::WaitingForDeposit => deposit::awaited(order, language),
            OrderStatus::Done => paid(order, language),
            OrderStatus::PartialCanceled => partly_returned(order, language),
            OrderStatus::Aborted | OrderStatus::Expired | OrderStatus::Canceled
                if Money::of(order) == Money::BeingReturned =>
            {
                return returning_late(order, language);
            }
            OrderStatus::Canceled if causes::why(order) == Some(causes::CLOSED_NOT_PAID) => {
                over(order, language.pick("결제되지 않았습니다", "Nothing was paid"), Vec::new(), language)
            }
            OrderStatus::Canceled if order.was_never_paid() => closed(order, language),
            OrderStatus::Canceled => {
                let name = standing::refunded(language);
                return Self { name, tone: standing::tone(OrderStatus::Canceled), ..returned(order, language) };
            }
            OrderStatus::Aborted => declined(order, language),
            OrderStatus::Expired => expired(order, language),
            OrderStatus::Review => in_review(order, contact, language),
        };
        Self { name: standing::name(order.status, language), tone: standing::tone(order.status), ..hero }
    }
}

fn ready(order: &OrderView, language: Language) -> Hero {
    if order.is_late() {
        return over(order, language.pick("결제 기한이 지났습니다", "The time to pay is over"), Vec::new(), language);
    }
    Hero {
        heading: language.pick("아직 결제하지 않았습니다", "Not paid yet"),
        said: vec![not_charged(language)],
        pay_by: Some(PayBy { said: "", at: kst_in_words(order.expires_at, language) }),
        action: Some(Action { label: language.pick("결제하기", "Pay"), address: pay_address(order.order_no) }),
        ..Hero::default()
    }
}

fn confirming(order: &OrderView, language: Language) -> Hero {
    let said = language.pick(
        "결제되었는지 토스페이먼츠에 확인하고 있습니다. 결과는 이 화면에 바로 나타나며, 닫아도 확인은 계속됩니다.",
        "We are finding out from Toss Payments whether money has moved. The result will appear on this page; you may close \
         it and the confirmation goes on.",
    );
    Hero {
        heading: language.pick("확인 중입니다. 다시 결제하지 마세요.", "Confirming. Please do not pay again."),
        said: vec![said.to_owned()],
        look: Some(Look::of(order, order.payments.last().and_then(|payment| payment.next_look_at))),
        ..Hero::default()
    }
}

fn paid(order: &OrderView, language: Language) -> Hero {
    let amount = language.won(order.amount);
    let once = order.surplus().held.is_none() && order.surplus().returned.is_none();
    let english = if once { format!("{amount} was charged, once.") } else { format!("{amount} pays this order.") };
    let mut said = vec![language.pick(format!("{amount}이 결제되었습니다."), english)];
    if causes::why(order) == Some(causes::LATE_APPROVAL) {
        said.push(
            language
                .pick(
                    "처음에는 결제가 되지 않은 것으로 보였으나, 뒤늦게 승인이 확인되어 주문을 그대로 진행합니다.",
                    "At first the payment seemed to have failed. Its approval showed up late, and your order goes ahead.",
                )
                .to_owned(),
        );
    }
    Hero { heading: language.pick("결제되었습니다", "Paid"), said, ..Hero::default() }
}

fn partly_returned(order: &OrderView, language: Language) -> Hero {
    // Known once Toss has told the balance.
    let parts = order.payment().and_then(|payment| payment.balance).and_then(|kept| {
        let returned = order.amount.won().checked_sub(kept.won()).and_then(Krw::new)?;
        Some((language.won(returned), language.won(kept)))
    });
    let said = match parts {
        Some((returned, kept)) => language.pick(
            format!("{returned}을 돌려드렸고, {kept}은 결제된 그대로입니다. {}", days(language)),
            format!("{returned} was given back, {kept} stays charged. {}", days(language)),
        ),
        None => language.pick(
            format!("결제한 금액의 일부를 돌려드렸습니다. {}", days(language)),
            format!("A part of what you paid was given back. {}", days(language)),
        ),
    };
    Hero {
        heading: language.pick("일부를 돌려드렸습니다", "Partly refunded"), said: vec![said], ..Hero::default()
    }
}

fn returned(order: &OrderView, language: Language) -> Hero {
    if let Some(amount) = order.surplus().returned.filter(|_| order.paid_by.is_none()) {
        let amount = language.won(amount);
        let said = language.pick(
            format!("주문이 끝난 뒤에 결제가 승인되어, {amount}을 모두 돌려드렸습니다. {}", days(language)),
            format!(
                "The payment was approved after the order had ended. {amount} was charged and all of it was given back. {}",
                days(language)
            ),
        );
        return Hero {
            heading: language.pick("늦게 승인된 결제를 돌려드렸습니다", "A late payment was given back"),
            said: vec![said],
            action: Some(order_again(order, language)),
            ..Hero::default()
        };
    }
    let amount = language.won(order.amount);
    let said = language.pick(
        format!("결제했던 {amount}을 모두 돌려드렸습니다. {}", days(language)),
        format!("All that was charged was given back: {amount}. {}", days(language)),
    );
    Hero {
        heading: language.pick("전액 돌려드렸습니다", "Fully refunded"), said: vec![said], ..Hero::default()
    }
}

/// What we gave back is on its way through a bank or a card's company, whose time is not ours.
fn days(language: Language) -> &'static str {
    language.pick(
        "카드나 계좌에 보이기까지 며칠 걸릴 수 있습니다.",
        "It can take some days to show on your card or account.",
    )
}

/// Canceled while it waited for a deposit, or for one that the bank had taken back.
fn closed(order: &OrderView, language: Language) -> Hero {
    let account = language.pick(
        "가상계좌가 닫혀 더는 입금할 수 없습니다.",
        "The virtual account is closed; nothing can be paid into it any more.",
    );
    if order.events.iter().any(|event| event.cause == causes::DEPOSIT_REVERSED) {
        let taken = language.pick("입금하셨던 금액은 은행이 되돌렸습니다.", "The bank took your deposit back.");
        let heading = language.pick("주문이 취소되었습니다", "The order was canceled");
        return over(order, heading, vec![taken.to_owned(), account.to_owned()], language);
    }
    let heading = language.pick("입금 전에 취소되었습니다", "Canceled before anything was paid");
    over(order, heading, vec![account.to_owned()], language)
}

fn returning_late(order: &OrderView, language: Language) -> Hero {
    let amount = order.surplus().held.map(|amount| language.won(amount)).unwrap_or_default();
    let said = language.pick(
        format!(
            "주문이 끝난 뒤에 {amount}의 결제가 승인된 것을 확인했습니다. 전액 결제 수단으로 돌려드리는 중이니 다시 \
             결제하지 마세요."
        ),
        format!(
            "{amount} was approved after the order had ended. All of it is being given back; please do not pay again."
        ),
    );
    Hero {
        name: causes::returning(language),
        tone: standing::tone(OrderStatus::InProgress),
        heading: language.pick("늦게 승인된 결제를 돌려드리는 중입니다", "A late payment is being given back"),
        said: vec![said],
        look: order.returning().map(|refund| Look::of(order, refund.next_look_at)),
        ..Hero::default()
    }
}

fn declined(order: &OrderView, language: Language) -> Hero {
    let cause = causes::why(order).unwrap_or(causes::DECLINED);
    let mut hero = Hero {
        heading: language.pick("결제가 거절되었습니다", "The payment was declined"),
        said: vec![not_charged(language)],
        action: Some(order_again(order, language)),
        ..Hero::default()
    };
    if matches!(cause, causes::DECLINED | causes::TOSS_ABORTED) {
        let failure = order.payment().and_then(|payment| payment.failure.as_ref());
        let message = failure.and_then(|failure| failure.message.as_deref()).map(quotation);
        hero.quote = message.filter(|message| !message.is_empty());
        let code = failure.map_or("", |failure| &failure.code);
        let meaning = declines::meaning(code, language);
        // The sentence that is always true says no more than Toss's own words.
        let always = hero.quote.is_none().then(|| declines::sentence(code, language));
        hero.said.extend(meaning.or(always).map(str::to_owned));
    } else {
        hero.heading = language.pick("결제하지 못했습니다", "The payment did not go through");
        hero.said.extend(because(cause, language));
    }
    if is_payable(order) {
        let said = language.pick(
            "다시 시도하시거나 다른 결제 수단으로 결제하실 수 있습니다.",
            "You may try again, or pay another way.",
        );
        hero.pay_by = Some(PayBy { said, at: kst_in_words(order.expires_at, language) });
        let label = language.pick("다시 결제하기", "Pay again");
        hero.action = Some(Action { label, address: pay_address(order.order_no) });
    }
    hero
}

fn expired(order: &OrderView, language: Language) -> Hero {
    if order.payments.is_empty() {
        let heading = language.pick("결제되지 않은 채 기한이 지났습니다", "Expired without being paid");
        return over(order, heading, Vec::new(), language);
    }
    let cause = causes::why(order).unwrap_or_default();
    let heading = match cause {
        causes::DEPOSIT_TOO_LATE => language.pick("입금되지 않은 채 기한이 지났습니다", "Expired without a deposit"),
        causes::CLOSED_NOT_PAID => language.pick("결제되지 않았습니다", "Nothing was paid"),
        _ => language.pick("제시간에 결제가 확인되지 않았습니다", "The payment was not confirmed in time"),
    };
    if cause == causes::DEPOSIT_TOO_LATE {
        return over(order, heading, deposit::too_late(order, language), language);
    }
    // What the heading says already is not said again.
    let why = because(cause, language).filter(|why| !why.starts_with(heading));
    over(order, heading, why.into_iter().collect(), language)
}

/// Toss still holds a payment, and the shop has ended the order with the buyer by itself.
fn settled_outside(order: &OrderView, contact: Option<&str>, language: Language) -> Hero {
    Hero {
        name: standing::name(order.status, language),
        tone: standing::tone(order.status),
        heading: language.pick("상점이 따로 정리한 주문입니다", "The shop settled this order another way"),
        said: because(causes::CLOSED_SETTLED_OUTSIDE, language).into_iter().collect(),
        notes: vec![whom_to_ask(contact, language)],
        ..Hero::default()
    }
}

fn in_review(order: &OrderView, contact: Option<&str>, language: Language) -> Hero {
    let mut said: Vec<String> = causes::why(order).and_then(|cause| because(cause, language)).into_iter().collect();
    if Money::of(order) == Money::Stuck {
        let refused = order.cancels.iter().rev().find(|cancel| cancel.status == CancelStatus::Failed);
        if let Some(amount) = refused.map(|cancel| language.won(cancel.amount)) {
            said.push(language.pick(
                format!("결제된 {amount}을 아직 돌려드리지 못했습니다."),
                format!("{amount} was charged and could not be given back yet."),
            ));
        }
        if order.paid_by.is_some_and(|paid_by| refused.is_some_and(|cancel| cancel.payment_no != paid_by)) {
            let also =
                language.pick("주문 금액은 따로 결제되어 있습니다.", "The order itself is paid, by another payment.");
            said.push(also.to_owned());
        }
        let next = "담당자가 토스페이먼츠와 확인해 돌려드립니다. 다시 결제하지 마세요.";
        let next_english = "We are clearing it up with Toss Payments and will give it back. Please do not pay again.";
        said.push(language.pick(next, next_english).to_owned());
    } else {
        let unknown = "결제되었는지 아직 알 수 없습니다. 다시 결제하지 말고 기다려 주세요. 담당자가 토스페이먼츠와 확인하며, \
                       결과는 이 화면에 나옵니다.";
        let unknown_english = "We cannot tell yet whether money has moved. Please do not pay again; we are clearing it up \
                               with Toss Payments, and this page will tell the result.";
        said.push(language.pick(unknown, unknown_english).to_owned());
    }
    Hero {
        heading: language.pick("담당자가 확인하고 있습니다", "One of us is looking into it"),
        said,
        notes: vec![whom_to_ask(contact, language)],
        ..Hero::default()
    }
}

pub(crate) fn whom_to_ask(contact: Option<&str>, language: Language) -> String {
    let Some(contact) = contact else {
        let korean = "궁금하신 점은 구매하신 상점에 아래의 주문번호를 알려 물어봐 주세요.";
        return language.pick(korean, "If you have questions, please tell the shop the order number below.").to_owned();
    };
    language.pick(
        format!("문의: {contact}. 아래의 주문번호를 알려 주시면 바로 찾을 수 있습니다."),
        format!("Questions? {contact}. The order number below lets us find it at once."),
    )
}

/// An order that ended without money.
fn over(order: &OrderView, heading: &'static str, why: Vec<String>, language: Language) -> Hero {
    let mut said = vec![not_charged(language)];
    said.extend(why);
    let again = language.pick("필요하시면 새로 주문해 주세요.", "If you still want it, please order again.");
    said.push(again.to_owned());
    Hero { heading, said, action: Some(order_again(order, language)), ..Hero::default() }
}

fn not_charged(language: Language) -> String {
    language.pick("결제된 금액이 없습니다.", "No money has moved.").to_owned()
}

pub(crate) fn because(cause: &str, language: Language) -> Option<String> {
    causes::words(cause, language).map(|words| format!("{words}."))
}

/// The same goods, in a new order.
fn order_again(order: &OrderView, language: Language) -> Action {
    Action { label: language.pick("새로 주문하기", "Order again"), address: again_address(order.order_no) }
}
