//! How the shopper pays: the kinds of method, and for each the institution chosen in the window or the widget.
//!
//! A form field that is missing takes the first choice, so that the window's plain "pay" always works; a field that
//! names something unknown is refused. Codes are those of Toss's answers, names those that requests and the browser
//! script use.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::errors::{
    Code, INVALID_CARD_INSTALLMENT_PLAN, INVALID_REQUEST, NOT_SUPPORTED_METHOD,
    NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT,
};

use crate::means::{Choice, Means, NamedEasyPay};

/// The smallest amount that may be paid in instalments, in KRW.
pub(crate) const INSTALLMENT_MINIMUM_KRW: i64 = 50_000;
pub(crate) const INSTALLMENT_MONTHS_MAX: u8 = 12;

/// What the shopper has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Card {
        company: &'static Institution,
        /// 0 is a lump sum.
        installment_months: u8,
    },
    EasyPay {
        provider: &'static Institution,
    },
    VirtualAccount {
        bank: &'static Institution,
    },
    Transfer {
        bank: &'static Institution,
    },
    MobilePhone {
        carrier: &'static Institution,
    },
    GiftCertificate {
        certificate: &'static Institution,
    },
    ForeignEasyPay {
        provider: &'static Institution,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Kind {
    Card,
    EasyPay,
    VirtualAccount,
    Transfer,
    MobilePhone,
    GiftCertificate,
    ForeignEasyPay,
}

/// A card company, bank, easy pay provider or carrier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Institution {
    /// As in Toss's answers.
    pub(crate) code: &'static str,
    /// As in requests.
    pub(crate) name: &'static str,
    pub(crate) ko: &'static str,
    pub(crate) en: &'static str,
}

/// The method's fields of the window's form, as they arrive.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fields {
    method: Option<Kind>,
    card_company: Option<String>,
    installment_months: Option<String>,
    easy_pay: Option<String>,
    account_bank: Option<String>,
    transfer_bank: Option<String>,
    carrier: Option<String>,
    gift_certificate: Option<String>,
    foreign_easy_pay: Option<String>,
}

impl Fields {
    /// Whether the form chooses nothing, as a script's does that only presses a button.
    pub(crate) fn is_silent(&self) -> bool {
        self.method.is_none()
    }
}

impl Kind {
    /// What a widget offers; the other kinds only when a shop asks for them by name.
    pub(crate) const ALL: &'static [Self] =
        &[Self::Card, Self::EasyPay, Self::VirtualAccount, Self::Transfer, Self::MobilePhone];

    /// The kinds a window offers for the method a shop asks for: a card window pays by easy pay too.
    pub(crate) fn offered(asked: &str) -> Option<&'static [Self]> {
        match asked {
            "CARD" | "카드" => Some(&[Self::Card, Self::EasyPay]),
            "VIRTUAL_ACCOUNT" | "가상계좌" => Some(&[Self::VirtualAccount]),
            "TRANSFER" | "계좌이체" => Some(&[Self::Transfer]),
            "MOBILE_PHONE" | "휴대폰" => Some(&[Self::MobilePhone]),
            "FOREIGN_EASY_PAY" | "해외간편결제" => Some(&[Self::ForeignEasyPay]),
            _ if choose(GIFT_CERTIFICATES, Some(asked)).is_ok() => Some(&[Self::GiftCertificate]),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Card => "CARD",
            Self::EasyPay => "EASY_PAY",
            Self::VirtualAccount => "VIRTUAL_ACCOUNT",
            Self::Transfer => "TRANSFER",
            Self::MobilePhone => "MOBILE_PHONE",
            Self::GiftCertificate => "GIFT_CERTIFICATE",
            Self::ForeignEasyPay => "FOREIGN_EASY_PAY",
        }
    }
}

impl Method {
    /// Reads the shopper's choice among the kinds that are `offered`.
    pub(crate) fn read(fields: &Fields, offered: &[Kind], amount_krw: Option<i64>) -> Result<Self, Code> {
        let first = *offered.first().ok_or(NOT_SUPPORTED_METHOD)?;
        let kind = fields.method.unwrap_or(first);
        if !offered.contains(&kind) {
            return Err(NOT_SUPPORTED_METHOD);
        }
        Ok(match kind {
            Kind::Card => Self::Card {
                company: choose(CARD_COMPANIES, fields.card_company.as_deref())?,
                installment_months: installment(fields.installment_months.as_deref(), amount_krw)?,
            },
            Kind::EasyPay => Self::EasyPay { provider: choose(EASY_PAYS, fields.easy_pay.as_deref())? },
            Kind::VirtualAccount => Self::VirtualAccount { bank: choose(BANKS, fields.account_bank.as_deref())? },
            Kind::Transfer => Self::Transfer { bank: choose(BANKS, fields.transfer_bank.as_deref())? },
            Kind::MobilePhone => Self::MobilePhone { carrier: choose(CARRIERS, fields.carrier.as_deref())? },
            Kind::GiftCertificate => {
                Self::GiftCertificate { certificate: choose(GIFT_CERTIFICATES, fields.gift_certificate.as_deref())? }
            }
            Kind::ForeignEasyPay => {
                Self::ForeignEasyPay { provider: choose(FOREIGN_EASY_PAYS, fields.foreign_easy_pay.as_deref())? }
            }
        })
    }

    /// What is chosen when the window opens: what the shop asked for, or the first choice where the window's short lists
    /// do not have it.
    pub(crate) fn asked(asked: &Choice, offered: &[Kind], amount_krw: Option<i64>) -> Result<Self, Code> {
        let fields = Fields {
            method: asked.easy_pay.as_ref().map(|_| Kind::EasyPay),
            card_company: asked.card_company.clone(),
            installment_months: asked.installment_plan_months.map(|months| months.to_string()),
            easy_pay: asked.easy_pay.as_ref().map(|named| named.provider().to_owned()),
            account_bank: asked.bank.clone(),
            transfer_bank: asked.bank.clone(),
            carrier: None,
            gift_certificate: asked.method.clone(),
            foreign_easy_pay: asked.foreign_easy_pay.clone(),
        };
        Self::read(&fields, offered, amount_krw).or_else(|_| Self::read(&Fields::default(), offered, amount_krw))
    }

    /// The method with everything else as the shop has asked for it.
    pub(crate) fn means(self, asked: &Choice, amount: i64, now: OffsetDateTime) -> Result<Means, Code> {
        let chosen = self.institution().code.to_owned();
        let rest = Choice {
            method: Some(self.kind().name().to_owned()),
            easy_pay: None,
            card_company: None,
            installment_plan_months: None,
            bank: None,
            ..asked.clone()
        };
        let choice = match self {
            Self::Card { installment_months, .. } => {
                Choice { card_company: Some(chosen), installment_plan_months: Some(installment_months), ..rest }
            }
            Self::EasyPay { .. } => Choice { easy_pay: Some(NamedEasyPay::Provider(chosen)), ..rest },
            Self::VirtualAccount { .. } | Self::Transfer { .. } => Choice { bank: Some(chosen), ..rest },
            Self::MobilePhone { .. } => rest,
            Self::GiftCertificate { .. } => Choice { method: Some(chosen), ..rest },
            Self::ForeignEasyPay { .. } => Choice { foreign_easy_pay: Some(chosen), ..rest },
        };
        choice.means(amount, now)
    }

    /// Whether the shop's own words leave the shopper nothing to choose.
    pub(crate) fn is_exact(self) -> bool {
        matches!(self, Self::GiftCertificate { .. } | Self::ForeignEasyPay { .. })
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Card { .. } => Kind::Card,
            Self::EasyPay { .. } => Kind::EasyPay,
            Self::VirtualAccount { .. } => Kind::VirtualAccount,
            Self::Transfer { .. } => Kind::Transfer,
            Self::MobilePhone { .. } => Kind::MobilePhone,
            Self::GiftCertificate { .. } => Kind::GiftCertificate,
            Self::ForeignEasyPay { .. } => Kind::ForeignEasyPay,
        }
    }

    pub(crate) fn institution(self) -> &'static Institution {
        match self {
            Self::Card { company: institution, .. }
            | Self::EasyPay { provider: institution }
            | Self::VirtualAccount { bank: institution }
            | Self::Transfer { bank: institution }
            | Self::MobilePhone { carrier: institution }
            | Self::GiftCertificate { certificate: institution }
            | Self::ForeignEasyPay { provider: institution } => institution,
        }
    }

    pub(crate) fn installment_months(self) -> u8 {
        match self {
            Self::Card { installment_months, .. } => installment_months,
            Self::EasyPay { .. }
            | Self::VirtualAccount { .. }
            | Self::Transfer { .. }
            | Self::MobilePhone { .. }
            | Self::GiftCertificate { .. }
            | Self::ForeignEasyPay { .. } => 0,
        }
    }
}

/// By code, by name or by Korean name, as requests may say it; the first of the list when nothing is said.
pub(crate) fn choose(list: &'static [Institution], said: Option<&str>) -> Result<&'static Institution, Code> {
    let said = said.filter(|said| !said.is_empty());
    let is_meant = |one: &&Institution| said.is_none_or(|said| [one.code, one.name, one.ko].contains(&said));
    list.iter().find(is_meant).ok_or(INVALID_REQUEST)
}

fn installment(said: Option<&str>, amount_krw: Option<i64>) -> Result<u8, Code> {
    let months = said.filter(|said| !said.is_empty()).map_or(Ok(0), str::parse);
    match months.map_err(|_| INVALID_CARD_INSTALLMENT_PLAN)? {
        0 => Ok(0),
        2..=INSTALLMENT_MONTHS_MAX if amount_krw.is_none_or(|amount| amount < INSTALLMENT_MINIMUM_KRW) => {
            Err(NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT)
        }
        months @ 2..=INSTALLMENT_MONTHS_MAX => Ok(months),
        _ => Err(INVALID_CARD_INSTALLMENT_PLAN),
    }
}

macro_rules! institutions {
    ($($list:ident { $($code:literal $name:literal $ko:literal $en:literal;)* })*) => {
        $(pub(crate) static $list: &[Institution] =
            &[$(Institution { code: $code, name: $name, ko: $ko, en: $en }),*];)*
    };
}

institutions! {
    CARD_COMPANIES {
        "61" "HYUNDAI" "현대" "Hyundai";
        "41" "SHINHAN" "신한" "Shinhan";
        "51" "SAMSUNG" "삼성" "Samsung";
        "11" "KOOKMIN" "국민" "KB";
        "71" "LOTTE" "롯데" "Lotte";
        "21" "HANA" "하나" "Hana";
        "31" "BC" "비씨" "BC";
        "91" "NONGHYEOP" "농협" "NH";
        "W1" "WOORI" "우리" "Woori";
        "24" "TOSSBANK" "토스뱅크" "Toss Bank";
        "15" "KAKAOBANK" "카카오뱅크" "Kakao Bank";
        "3A" "KBANK" "케이뱅크" "K bank";
    }
    EASY_PAYS {
        "토스페이" "TOSSPAY" "토스페이" "Toss Pay";
        "네이버페이" "NAVERPAY" "네이버페이" "Naver Pay";
        "카카오페이" "KAKAOPAY" "카카오페이" "Kakao Pay";
        "삼성페이" "SAMSUNGPAY" "삼성페이" "Samsung Pay";
        "애플페이" "APPLEPAY" "애플페이" "Apple Pay";
        "페이코" "PAYCO" "페이코" "PAYCO";
        "엘페이" "LPAY" "엘페이" "L.PAY";
        "SSG페이" "SSG" "SSG페이" "SSG PAY";
        "핀페이" "PINPAY" "핀페이" "PIN PAY";
    }
    BANKS {
        "92" "TOSSBANK" "토스뱅크" "Toss Bank";
        "06" "KOOKMIN" "국민" "KB";
        "88" "SHINHAN" "신한" "Shinhan";
        "20" "WOORI" "우리" "Woori";
        "81" "HANA" "하나" "Hana";
        "11" "NONGHYEOP" "농협" "NH";
        "03" "IBK" "기업" "IBK";
        "90" "KAKAOBANK" "카카오뱅크" "Kakao Bank";
        "89" "KBANK" "케이뱅크" "K bank";
        "45" "SAEMAUL" "새마을" "Saemaul";
        "71" "POST" "우체국" "Post";
        "32" "BUSANBANK" "부산" "Busan";
    }
    CARRIERS {
        "SKT" "SKT" "SKT" "SKT";
        "KT" "KT" "KT" "KT";
        "LGU" "LGU" "LG U+" "LG U+";
        "HELLO" "HELLO" "헬로모바일" "Hello Mobile";
        "KCT" "KCT" "KCT" "KCT";
        "SK7" "SK7" "SK 7모바일" "SK 7mobile";
    }
    GIFT_CERTIFICATES {
        "CULTURE_GIFT_CERTIFICATE" "CULTURE_GIFT_CERTIFICATE" "문화상품권" "Culture Gift Certificate";
        "BOOK_GIFT_CERTIFICATE" "BOOK_GIFT_CERTIFICATE" "도서문화상품권" "Book Gift Certificate";
        "GAME_GIFT_CERTIFICATE" "GAME_GIFT_CERTIFICATE" "게임문화상품권" "Game Gift Certificate";
    }
    FOREIGN_EASY_PAYS {
        "PAYPAL" "PAYPAL" "페이팔" "PayPal";
        "ALIPAY" "ALIPAY" "알리페이" "Alipay";
        "ALIPAY_HK" "ALIPAYHK" "알리페이HK" "AlipayHK";
        "BILLEASE" "BILLEASE" "빌이즈" "BillEase";
        "BOOST" "BOOST" "부스트" "Boost";
        "BPI" "BPI" "BPI" "BPI";
        "DANA" "DANA" "다나" "DANA";
        "GCASH" "GCASH" "지캐시" "GCash";
        "RABBIT_LINE_PAY" "RABBITLINEPAY" "래빗라인페이" "Rabbit LINE Pay";
        "TOUCHNGO" "TOUCHNGO" "터치앤고" "Touch 'n Go";
        "TRUEMONEY" "TRUEMONEY" "트루머니" "TrueMoney";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(company: &str, months: &str) -> Fields {
        Fields {
            method: Some(Kind::Card),
            card_company: Some(company.to_owned()),
            installment_months: Some(months.to_owned()),
            ..Fields::default()
        }
    }

    #[test]
    fn a_form_that_says_nothing_takes_the_first_choice_of_what_is_offered() {
        let check = |asked, code| {
            let method = Method::read(&Fields::default(), Kind::offered(asked).unwrap(), Some(10_000)).unwrap();
            assert_eq!(method.institution().code, code, "{asked}");
        };
        check("CARD", "61");
        check("가상계좌", "92");
        check("TRANSFER", "92");
        check("휴대폰", "SKT");
        assert_eq!(Kind::offered("SEASHELLS"), None);
    }

    #[test]
    fn installments_need_an_amount_and_a_number_of_months_that_cards_take() {
        let check = |months: &str, amount, expected| {
            let read = Method::read(&card("", months), Kind::ALL, amount).map(Method::installment_months);
            assert_eq!(read, expected, "{months} {amount:?}");
        };
        check("", Some(100), Ok(0));
        check("0", Some(100), Ok(0));
        check("2", Some(50_000), Ok(2));
        check("12", Some(50_000), Ok(12));
        check("2", Some(49_999), Err(NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT));
        check("3", None, Err(NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT));
        check("1", Some(50_000), Err(INVALID_CARD_INSTALLMENT_PLAN));
        check("13", Some(50_000), Err(INVALID_CARD_INSTALLMENT_PLAN));
        check("two", Some(50_000), Err(INVALID_CARD_INSTALLMENT_PLAN));
    }

    #[test]
    fn a_choice_that_is_unknown_or_not_offered_is_refused() {
        assert_eq!(Method::read(&card("99", ""), Kind::ALL, None), Err(INVALID_REQUEST));
        assert_eq!(Method::read(&card("61", ""), &[Kind::Transfer], None), Err(NOT_SUPPORTED_METHOD));
        for said in ["41", "SHINHAN", "신한"] {
            assert_eq!(choose(CARD_COMPANIES, Some(said)).unwrap().code, "41");
        }
    }
}
