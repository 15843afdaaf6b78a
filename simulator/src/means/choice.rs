//! The means as somebody names them: read, compared with what Toss knows, and made into the ones a payment has.

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::{Account, Card, EasyPay, Means, Validity};
use crate::cash_receipts::Wanted;
use crate::errors::{
    Code, INVALID_BANK, INVALID_CARD_COMPANY, INVALID_CARD_INSTALLMENT_PLAN, INVALID_REQUEST, NOT_SUPPORTED_METHOD,
};
use crate::institutions;
use crate::method::{FOREIGN_EASY_PAYS, GIFT_CERTIFICATES, choose};

/// A method as somebody names it; everything but the name may be left out.
#[derive(Debug, Default, Clone)]
pub(crate) struct Choice {
    /// `CARD` or `카드` and so on; absent: card, or easy pay when a provider is named.
    pub(crate) method: Option<String>,
    pub(crate) easy_pay: Option<NamedEasyPay>,
    /// A foreign wallet; `PAYPAL` when it is not said which.
    pub(crate) foreign_easy_pay: Option<String>,
    pub(crate) card_company: Option<String>,
    pub(crate) installment_plan_months: Option<u8>,
    pub(crate) interest_free: bool,
    pub(crate) bank: Option<String>,
    pub(crate) customer_name: Option<String>,
    pub(crate) customer_mobile_phone: Option<String>,
    pub(crate) valid_hours: Value,
    pub(crate) due_date: Option<String>,
    pub(crate) cash_receipt: Option<Wanted>,
}

/// A provider alone, or with how much its balance and its discount pay.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum NamedEasyPay {
    Provider(String),
    #[serde(rename_all = "camelCase")]
    Split {
        provider: String,
        #[serde(default)]
        amount: i64,
        #[serde(default)]
        discount_amount: i64,
    },
}

impl NamedEasyPay {
    pub(crate) fn provider(&self) -> &str {
        match self {
            Self::Provider(provider) | Self::Split { provider, .. } => provider,
        }
    }
}

impl Choice {
    /// The means for a payment of this amount. Limits of amounts are not looked at: Toss does so at confirm.
    pub(crate) fn means(self, total: i64, now: OffsetDateTime) -> Result<Means, Code> {
        let bank = match self.bank.as_deref() {
            None => "88",
            Some(named) => institutions::bank(named).ok_or(INVALID_BANK)?,
        };
        let issuer = match self.card_company.as_deref() {
            None => Card::default().issuer,
            Some(named) => institutions::card_company(named).ok_or(INVALID_CARD_COMPANY)?,
        };
        let card = || card(issuer, self.installment_plan_months.unwrap_or(0), self.interest_free);
        match (self.method.as_deref(), self.easy_pay) {
            (None | Some("CARD" | "카드" | "EASY_PAY" | "간편결제"), Some(named)) => {
                easy_pay(named, total, card()?)
            }
            (None | Some("CARD" | "카드"), None) => Ok(Means::Card(card()?)),
            (Some("VIRTUAL_ACCOUNT" | "가상계좌"), None) => {
                let valid = Validity::read(&self.valid_hours, self.due_date.as_deref(), now)?;
                let customer_name = self.customer_name.unwrap_or_else(|| "김토스".to_owned());
                Ok(Means::VirtualAccount(Account::new(bank, customer_name, valid, self.cash_receipt)))
            }
            (Some("TRANSFER" | "계좌이체"), None) => Ok(Means::Transfer { bank, cash_receipt: self.cash_receipt }),
            (Some("MOBILE_PHONE" | "휴대폰"), None) => {
                let number = self.customer_mobile_phone.unwrap_or_else(|| "01012341234".to_owned());
                Ok(Means::MobilePhone { number })
            }
            (Some("FOREIGN_EASY_PAY" | "해외간편결제"), None) => {
                let provider = choose(FOREIGN_EASY_PAYS, self.foreign_easy_pay.as_deref());
                Ok(Means::ForeignEasyPay { provider: provider.map_err(|_| NOT_SUPPORTED_METHOD)? })
            }
            (Some(named), None) => {
                let certificate = choose(GIFT_CERTIFICATES, Some(named).filter(|named| !named.is_empty()));
                Ok(Means::GiftCertificate { certificate: certificate.map_err(|_| NOT_SUPPORTED_METHOD)? })
            }
            (Some(_), Some(_)) => Err(NOT_SUPPORTED_METHOD),
        }
    }
}

fn card(issuer: &'static str, installment_plan_months: u8, interest_free: bool) -> Result<Card, Code> {
    if !is_installment_plan(installment_plan_months) {
        return Err(INVALID_CARD_INSTALLMENT_PLAN);
    }
    Ok(Card { installment_plan_months, interest_free, issuer, ..Card::default() })
}

pub(crate) fn is_installment_plan(months: u8) -> bool {
    matches!(months, 0 | 2..=12)
}

fn easy_pay(named: NamedEasyPay, total: i64, card: Card) -> Result<Means, Code> {
    let (provider, amount, discount) = match named {
        NamedEasyPay::Provider(provider) => (provider, 0, 0),
        NamedEasyPay::Split { provider, amount, discount_amount } => (provider, amount, discount_amount),
    };
    let provider = institutions::easy_pay(&provider).ok_or(NOT_SUPPORTED_METHOD)?;
    let fits = amount >= 0 && discount >= 0 && amount.checked_add(discount).is_some_and(|paid| paid <= total);
    if fits { Ok(Means::EasyPay(EasyPay { provider, amount, discount, card })) } else { Err(INVALID_REQUEST) }
}
