//! The part of a payment that depends on its method: at most two of these objects, the others null.
//!
//! They appear with the approval, a virtual account with its issue, and stay when the payment is cancelled.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::amount::Sum;
use crate::clock;
use crate::errors::Language;
use crate::institutions;
use crate::means::{Account, Card, EasyPay, Means};
use crate::payments::Payment;
use crate::switches::BankRefund;

/// A card company is asked for its money on the day after the approval.
const ACQUIRED_AFTER: Duration = Duration::DAY;

/// Of every test payment.
const APPROVE_NO: &str = "00000000";

#[derive(Debug, Default)]
pub(super) struct Methods<'a> {
    pub(super) card: Option<CardBody<'a>>,
    pub(super) virtual_account: Option<AccountBody<'a>>,
    pub(super) transfer: Option<TransferBody>,
    pub(super) mobile_phone: Option<MobilePhoneBody<'a>>,
    pub(super) gift_certificate: Option<GiftCertificateBody>,
    pub(super) easy_pay: Option<EasyPayBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CardBody<'a> {
    issuer_code: &'static str,
    acquirer_code: &'static str,
    number: &'a str,
    installment_plan_months: u8,
    is_interest_free: bool,
    interest_payer: Option<&'static str>,
    approve_no: &'static str,
    use_card_point: bool,
    #[serde(rename = "cardType")]
    kind: &'static str,
    owner_type: &'static str,
    acquire_status: &'static str,
    amount: Sum,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountBody<'a> {
    account_number: &'a str,
    #[serde(rename = "accountType")]
    kind: &'static str,
    bank_code: &'static str,
    customer_name: &'a str,
    due_date: String,
    expired: bool,
    settlement_status: &'static str,
    refund_status: &'static str,
    refund_receive_account: super::Absent,
    depositor_name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TransferBody {
    bank_code: &'static str,
    settlement_status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MobilePhoneBody<'a> {
    customer_mobile_phone: &'a str,
    settlement_status: &'static str,
    receipt_url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GiftCertificateBody {
    approve_no: &'static str,
    settlement_status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EasyPayBody {
    provider: &'static str,
    amount: Sum,
    discount_amount: Sum,
}

impl<'a> Methods<'a> {
    pub(super) fn of(payment: &'a Payment, now: OffsetDateTime, language: Language) -> Self {
        let none = Self::default();
        if payment.approval().is_none() && payment.due_at.is_none() {
            return none;
        }
        match &*payment.means {
            Means::Card(used) => Self { card: Some(card(payment, used, payment.amount, now, language)), ..none },
            Means::EasyPay(easy_pay) => {
                let EasyPay { provider, amount, discount, card: used } = easy_pay;
                let by_card = payment.amount - amount - discount;
                Self {
                    card: (by_card > 0).then(|| card(payment, used, by_card, now, language)),
                    easy_pay: Some(EasyPayBody {
                        provider: institutions::easy_pay_word(provider, language),
                        amount: payment.sum(*amount),
                        discount_amount: payment.sum(*discount),
                    }),
                    ..none
                }
            }
            Means::VirtualAccount(used) => Self { virtual_account: account(payment, used, now, language), ..none },
            Means::Transfer { bank, .. } => {
                Self { transfer: Some(TransferBody { bank_code: bank, settlement_status: "INCOMPLETED" }), ..none }
            }
            Means::GiftCertificate { .. } => Self {
                gift_certificate: Some(GiftCertificateBody {
                    approve_no: APPROVE_NO,
                    settlement_status: "INCOMPLETED",
                }),
                ..none
            },
            Means::ForeignEasyPay { provider } => Self {
                easy_pay: Some(EasyPayBody {
                    provider: provider.code,
                    amount: payment.sum(payment.amount),
                    discount_amount: payment.sum(0),
                }),
                ..none
            },
            Means::MobilePhone { number } => Self { mobile_phone: Some(mobile_phone(payment, number)), ..none },
        }
    }
}

/// A personal credit card.
fn card<'a>(payment: &Payment, card: &'a Card, amount: i64, now: OffsetDateTime, language: Language) -> CardBody<'a> {
    CardBody {
        issuer_code: card.issuer,
        acquirer_code: card.issuer,
        number: &card.number,
        installment_plan_months: card.installment_plan_months,
        is_interest_free: card.interest_free,
        interest_payer: card.interest_free.then_some("CARD_COMPANY"),
        approve_no: APPROVE_NO,
        use_card_point: false,
        kind: language.choose("신용", "Credit"),
        owner_type: language.choose("개인", "Personal"),
        acquire_status: acquire_status(payment, now),
        amount: payment.sum(amount),
    }
}

/// A card that was not acquired yet has nothing to be undone at the card company, one that was is undone in a day.
fn acquire_status(payment: &Payment, now: OffsetDateTime) -> &'static str {
    let Some(approval) = payment.approval() else { return "READY" };
    let acquired_at = approval.at + ACQUIRED_AFTER;
    match payment.cancels.last().filter(|last| last.refundable == 0) {
        None if now < acquired_at => "READY",
        None => "COMPLETED",
        Some(last) if last.at < acquired_at || now >= last.at + ACQUIRED_AFTER => "CANCELED",
        Some(_) => "CANCEL_REQUESTED",
    }
}

/// None before the account is issued.
fn account<'a>(
    payment: &'a Payment,
    account: &'a Account,
    now: OffsetDateTime,
    language: Language,
) -> Option<AccountBody<'a>> {
    Some(AccountBody {
        account_number: &account.number,
        kind: if account.is_fixed { language.choose("고정", "Fixed") } else { language.choose("일반", "Normal") },
        bank_code: account.bank,
        customer_name: &account.customer_name,
        due_date: clock::wire(payment.due_at?),
        expired: payment.is_past_due(now),
        settlement_status: "INCOMPLETED",
        refund_status: payment.bank_refund.unwrap_or(BankRefund::NotBegun).name(),
        refund_receive_account: None,
        depositor_name: payment.approval().and_then(|approval| approval.depositor_name.as_deref()),
    })
}

fn mobile_phone<'a>(payment: &Payment, number: &'a str) -> MobilePhoneBody<'a> {
    MobilePhoneBody {
        customer_mobile_phone: number,
        settlement_status: "INCOMPLETED",
        receipt_url: format!(
            "{}/receipt/payment-detail/mobile-phone?transactionId={}&ref=PX",
            super::DASHBOARD,
            payment.key
        ),
    }
}

/// Where the receipt is, up to the paymentKey; None while there is none.
pub(super) fn receipt_path(payment: &Payment) -> Option<&'static str> {
    payment.approval()?;
    Some(match &*payment.means {
        Means::VirtualAccount(_) => "/receipt/payment-detail/bank-transfer?transactionId=",
        Means::Card(_)
        | Means::EasyPay(_)
        | Means::Transfer { .. }
        | Means::MobilePhone { .. }
        | Means::GiftCertificate { .. }
        | Means::ForeignEasyPay { .. } => "/receipt/redirection?transactionId=",
    })
}
