//! The means of a payment: its method with all the details that one method has and another has not, and its limits.
//!
//! The shopper chooses in the window, the control API or the merchant's server may choose for the shopper. Whoever
//! does says so in a [`Choice`], which is checked here; what the means look like on the wire is in `wire`.

use serde::Deserialize;
use serde_json::Value;
use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::amount;
use crate::cash_receipts::Wanted;
use crate::errors::{
    BELOW_MINIMUM_AMOUNT, Code, EXCEED_MAX_DUE_DATE, EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT, EXCEED_MAX_VALID_HOURS,
    EXCEEDS_TRANSFER_AMOUNT_MAXIMUM, INVALID_BANK, INVALID_CARD_COMPANY, INVALID_CARD_INSTALLMENT_PLAN,
    INVALID_CURRENCY, INVALID_DATE, INVALID_REQUEST, INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE, Language,
    NOT_SUPPORTED_METHOD, NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT, NOT_SUPPORTED_USD,
};
use crate::institutions;
use crate::keys;
use crate::method::{FOREIGN_EASY_PAYS, GIFT_CERTIFICATES, Institution, choose};
use crate::payments::Currency;

const CARD_MINIMUM_KRW: i64 = 100;
const ACCOUNT_MINIMUM_KRW: i64 = 200;
const INSTALLMENT_MINIMUM_KRW: i64 = 50_000;
const TRANSFER_MAXIMUM_KRW: i64 = 10_000_000;
const MOBILE_MAXIMUM_KRW: i64 = 1_000_000;
const VALID_HOURS_DEFAULT: i64 = 168;
/// Ninety days.
const VALID_HOURS_MAX: i64 = 2_160;
const TRANSFER_REFUND_WITHIN: Duration = Duration::days(180);
const ACCOUNT_REFUND_WITHIN: Duration = Duration::days(365);

const LOCAL: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

#[derive(Debug, Clone)]
pub(crate) enum Means {
    Card(Card),
    EasyPay(EasyPay),
    VirtualAccount(Account),
    Transfer { bank: &'static str, cash_receipt: Option<Wanted> },
    MobilePhone { number: String },
    GiftCertificate { certificate: &'static Institution },
    ForeignEasyPay { provider: &'static Institution },
}

#[derive(Debug, Clone)]
pub(crate) struct Card {
    /// 0: paid at once.
    pub(crate) installment_plan_months: u8,
    /// Somebody else than the buyer pays for the installments.
    pub(crate) interest_free: bool,
    /// The number of the card company.
    pub(crate) issuer: &'static str,
    /// As it may be shown: the middle is masked.
    pub(crate) number: String,
}

/// What the easy-pay balance and the provider's discount do not pay, the card behind them does.
#[derive(Debug, Clone)]
pub(crate) struct EasyPay {
    pub(crate) provider: &'static str,
    pub(crate) amount: i64,
    pub(crate) discount: i64,
    pub(crate) card: Card,
}

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) number: String,
    /// Issued again and again under a key of the merchant's.
    pub(crate) is_fixed: bool,
    pub(crate) bank: &'static str,
    pub(crate) customer_name: String,
    pub(crate) valid: Validity,
    pub(crate) cash_receipt: Option<Wanted>,
}

/// Until when a virtual account takes a deposit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Validity {
    For(Duration),
    Until(OffsetDateTime),
}

impl Default for Card {
    /// The simulator's test card, paid at once.
    fn default() -> Self {
        Self { installment_plan_months: 0, interest_free: false, issuer: "61", number: "12345678****123*".to_owned() }
    }
}

impl Default for Means {
    fn default() -> Self {
        Self::Card(Card::default())
    }
}

impl Account {
    pub(crate) fn new(
        bank: &'static str,
        customer_name: String,
        valid: Validity,
        cash_receipt: Option<Wanted>,
    ) -> Self {
        Self { number: keys::account_number(), is_fixed: false, bank, customer_name, valid, cash_receipt }
    }

    /// The one that belongs to a merchant's key.
    pub(crate) fn fixed(
        bank: &'static str,
        key: &str,
        customer_name: String,
        valid: Validity,
        cash_receipt: Option<Wanted>,
    ) -> Self {
        let number = keys::fixed_account_number(bank, key);
        Self { number, is_fixed: true, bank, customer_name, valid, cash_receipt }
    }

    pub(crate) fn due_at(&self, issued_at: OffsetDateTime) -> OffsetDateTime {
        match self.valid {
            Validity::For(duration) => issued_at + duration,
            Validity::Until(due_at) => due_at,
        }
    }
}

impl Validity {
    /// `validHours` or `dueDate`, not both; a week without either.
    pub(crate) fn read(valid_hours: &Value, due_date: Option<&str>, now: OffsetDateTime) -> Result<Self, Code> {
        match (valid_hours, due_date) {
            (Value::Null, None) => Ok(Self::For(Duration::hours(VALID_HOURS_DEFAULT))),
            (Value::Null, Some(text)) => {
                let due_at = local_time(text).filter(|due_at| *due_at > now).ok_or(INVALID_DATE)?;
                let furthest = now + Duration::hours(VALID_HOURS_MAX);
                if due_at <= furthest { Ok(Self::Until(due_at)) } else { Err(EXCEED_MAX_DUE_DATE) }
            }
            (hours, None) => match amount::read(hours) {
                Some(hours) if hours > VALID_HOURS_MAX => Err(EXCEED_MAX_VALID_HOURS),
                Some(hours) if hours > 0 => Ok(Self::For(Duration::hours(hours))),
                Some(_) | None => Err(INVALID_REQUEST),
            },
            (_, Some(_)) => Err(INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE),
        }
    }
}

/// `2026-09-08T12:00:00`, Korean time; an offset behind it is allowed if it is Korea's.
fn local_time(text: &str) -> Option<OffsetDateTime> {
    let text = text.strip_suffix("+09:00").unwrap_or(text);
    PrimitiveDateTime::parse(text, LOCAL).ok().map(|local| local.assume_offset(offset!(+9)))
}

impl Means {
    pub(crate) fn name(&self, language: Language) -> &'static str {
        match self {
            Self::Card(_) => language.choose("카드", "Card"),
            Self::EasyPay(_) => language.choose("간편결제", "Easy Pay"),
            Self::VirtualAccount(_) => language.choose("가상계좌", "Virtual Account"),
            Self::Transfer { .. } => language.choose("계좌이체", "Transfer"),
            Self::MobilePhone { .. } => language.choose("휴대폰", "Mobile Phone"),
            Self::GiftCertificate { certificate } => language.choose(certificate.ko, certificate.en),
            Self::ForeignEasyPay { .. } => language.choose("해외간편결제", "Foreign Easy Pay"),
        }
    }

    /// The limits of the method, in won only: for other currencies none are documented.
    pub(crate) fn check_amount(&self, amount: i64) -> Result<(), Code> {
        let installments = |card: &Card| card.installment_plan_months > 0 && amount < INSTALLMENT_MINIMUM_KRW;
        match self {
            Self::Card(_) | Self::EasyPay(_) if amount < CARD_MINIMUM_KRW => Err(BELOW_MINIMUM_AMOUNT),
            Self::Card(card) | Self::EasyPay(EasyPay { card, .. }) if installments(card) => {
                Err(NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT)
            }
            Self::VirtualAccount(_) | Self::Transfer { .. } if amount < ACCOUNT_MINIMUM_KRW => {
                Err(BELOW_MINIMUM_AMOUNT)
            }
            Self::Transfer { .. } if amount > TRANSFER_MAXIMUM_KRW => Err(EXCEEDS_TRANSFER_AMOUNT_MAXIMUM),
            Self::MobilePhone { .. } if amount > MOBILE_MAXIMUM_KRW => Err(EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT),
            Self::Card(_)
            | Self::EasyPay(_)
            | Self::VirtualAccount(_)
            | Self::Transfer { .. }
            | Self::MobilePhone { .. }
            | Self::GiftCertificate { .. }
            | Self::ForeignEasyPay { .. } => Ok(()),
        }
    }

    /// Whether what was approved then can still be given back now.
    pub(crate) fn is_refundable(&self, approved_at: OffsetDateTime, now: OffsetDateTime) -> bool {
        match self {
            Self::Card(_) | Self::EasyPay(_) | Self::GiftCertificate { .. } => true,
            Self::VirtualAccount(_) => now - approved_at <= ACCOUNT_REFUND_WITHIN,
            Self::Transfer { .. } | Self::ForeignEasyPay { .. } => now - approved_at <= TRANSFER_REFUND_WITHIN,
            Self::MobilePhone { .. } => (approved_at.year(), approved_at.month()) == (now.year(), now.month()),
        }
    }

    /// A phone bill can only be taken back whole.
    pub(crate) fn is_partial_cancelable(&self) -> bool {
        !matches!(self, Self::MobilePhone { .. })
    }

    /// Foreign wallets take dollars only; of the domestic methods only cards, and the easy pays they stand behind, take
    /// anything but won.
    pub(crate) fn check_currency(&self, currency: Currency) -> Result<(), Code> {
        let is_foreign = matches!(self, Self::ForeignEasyPay { .. });
        let is_card = matches!(self, Self::Card(_) | Self::EasyPay(_));
        match currency {
            _ if is_card => Ok(()),
            Currency::Usd if is_foreign => Ok(()),
            Currency::Krw if !is_foreign => Ok(()),
            Currency::Usd => Err(NOT_SUPPORTED_USD),
            Currency::Krw | Currency::Jpy => Err(INVALID_CURRENCY),
        }
    }

    /// `PAYPAL` gives money back at once; the other foreign wallets say later whether they did.
    pub(crate) fn is_cancelled_later(&self) -> bool {
        matches!(self, Self::ForeignEasyPay { provider } if provider.code != "PAYPAL")
    }

    pub(crate) fn easy_pay_discount(&self) -> i64 {
        if let Self::EasyPay(easy_pay) = self { easy_pay.discount } else { 0 }
    }

    /// Cash receipts are for what is paid with money, and only when the buyer asked for one.
    pub(crate) fn cash_receipt(&self) -> Option<&Wanted> {
        match self {
            Self::VirtualAccount(Account { cash_receipt, .. }) | Self::Transfer { cash_receipt, .. } => {
                cash_receipt.as_ref()
            }
            Self::Card(_)
            | Self::EasyPay(_)
            | Self::MobilePhone { .. }
            | Self::GiftCertificate { .. }
            | Self::ForeignEasyPay { .. } => None,
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    const NOON: OffsetDateTime = datetime!(2026-09-30 12:00 +9);

    #[test]
    fn an_account_is_valid_for_hours_or_until_a_date_and_at_most_ninety_days() {
        let due = |hours: Value, date: Option<&str>| {
            let valid = Validity::read(&hours, date, NOON)?;
            Ok::<_, Code>(Account::new("88", String::new(), valid, None).due_at(NOON))
        };
        assert_eq!(due(Value::Null, None), Ok(NOON + Duration::days(7)));
        assert_eq!(due(json!("1"), None), Ok(NOON + Duration::HOUR));
        assert_eq!(due(json!(2_160), None), Ok(NOON + Duration::days(90)));
        assert_eq!(due(json!(2_161), None), Err(EXCEED_MAX_VALID_HOURS));
        assert_eq!(due(json!(0), None), Err(INVALID_REQUEST));
        assert_eq!(due(Value::Null, Some("2026-10-01T00:00:00")), Ok(datetime!(2026-10-01 0:00 +9)));
        assert_eq!(due(Value::Null, Some("2026-09-30T11:59:59")), Err(INVALID_DATE));
        assert_eq!(due(Value::Null, Some("2027-10-01T00:00:00")), Err(EXCEED_MAX_DUE_DATE));
        assert_eq!(due(Value::Null, Some("tomorrow")), Err(INVALID_DATE));
        let both = due(json!(1), Some("2026-10-01T00:00:00"));
        assert_eq!(both, Err(INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE));
    }

    #[test]
    fn a_phone_bill_is_refundable_within_its_month_and_a_transfer_for_half_a_year() {
        let phone = Means::MobilePhone { number: String::new() };
        assert!(phone.is_refundable(NOON, NOON + Duration::hours(11)));
        assert!(!phone.is_refundable(NOON, NOON + Duration::hours(13)));
        let transfer = Means::Transfer { bank: "88", cash_receipt: None };
        assert!(transfer.is_refundable(NOON, NOON + Duration::days(180)));
        assert!(!transfer.is_refundable(NOON, NOON + Duration::days(181)));
    }

    #[test]
    fn each_method_has_its_own_limits() {
        let check = |choice: Choice, amount, expected| {
            let means = choice.means(amount, NOON).unwrap();
            assert_eq!(means.check_amount(amount).err(), expected, "{means:?} {amount}");
        };
        let named = |name: &str| Choice { method: Some(name.to_owned()), ..Choice::default() };
        let months = || Choice { installment_plan_months: Some(3), ..Choice::default() };
        check(Choice::default(), 99, Some(BELOW_MINIMUM_AMOUNT));
        check(Choice::default(), 100, None);
        check(months(), 49_999, Some(NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT));
        check(months(), 50_000, None);
        check(named("가상계좌"), 199, Some(BELOW_MINIMUM_AMOUNT));
        check(named("TRANSFER"), 10_000_001, Some(EXCEEDS_TRANSFER_AMOUNT_MAXIMUM));
        check(named("휴대폰"), 1_000_001, Some(EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT));
    }
}
