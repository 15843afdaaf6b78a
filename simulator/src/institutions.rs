//! Banks, card companies and easy-pay providers: the codes and names under which a request may name one, and what an answer says.
//!
//! A request may use the number, the Korean name or the English one; answers hold the number, and of a provider the
//! Korean name.

use crate::errors::Language;

/// Number, Korean, English. The leading zero belongs to the number.
const BANKS: &[(&str, &str, &str)] = &[
    ("02", "산업", "KDBBANK"),
    ("03", "기업", "IBK"),
    ("06", "국민", "KOOKMIN"),
    ("07", "수협", "SUHYEOP"),
    ("11", "농협", "NONGHYEOP"),
    ("12", "단위농협", "LOCALNONGHYEOP"),
    ("20", "우리", "WOORI"),
    ("23", "SC제일", "SC"),
    ("27", "씨티", "CITI"),
    ("31", "대구", "DAEGUBANK"),
    ("32", "부산", "BUSANBANK"),
    ("34", "광주", "GWANGJUBANK"),
    ("35", "제주", "JEJUBANK"),
    ("37", "전북", "JEONBUKBANK"),
    ("39", "경남", "KYONGNAMBANK"),
    ("45", "새마을", "SAEMAUL"),
    ("48", "신협", "SHINHYEOP"),
    ("50", "저축", "SAVINGBANK"),
    ("54", "HSBC", "HSBC"),
    ("64", "산림", "SANLIM"),
    ("71", "우체국", "POST"),
    ("81", "하나", "HANA"),
    ("88", "신한", "SHINHAN"),
    ("89", "케이", "KBANK"),
    ("90", "카카오", "KAKAOBANK"),
    ("92", "토스", "TOSSBANK"),
];

const CARD_COMPANIES: &[(&str, &str, &str)] = &[
    ("3K", "기업비씨", "IBK_BC"),
    ("46", "광주", "GWANGJUBANK"),
    ("71", "롯데", "LOTTE"),
    ("30", "산업", "KDBBANK"),
    ("31", "BC", "BC"),
    ("51", "삼성", "SAMSUNG"),
    ("38", "새마을", "SAEMAUL"),
    ("41", "신한", "SHINHAN"),
    ("62", "신협", "SHINHYEOP"),
    ("36", "씨티", "CITI"),
    ("W1", "우리", "WOORI"),
    ("37", "우체국", "POST"),
    ("39", "저축", "SAVINGBANK"),
    ("35", "전북", "JEONBUKBANK"),
    ("42", "제주", "JEJUBANK"),
    ("15", "카카오뱅크", "KAKAOBANK"),
    ("3A", "케이뱅크", "KBANK"),
    ("24", "토스뱅크", "TOSSBANK"),
    ("21", "하나", "HANA"),
    ("61", "현대", "HYUNDAI"),
    ("11", "국민", "KOOKMIN"),
    ("91", "농협", "NONGHYEOP"),
    ("34", "수협", "SUHYEOP"),
];

const EASY_PAYS: &[(&str, &str)] = &[
    ("토스페이", "TOSSPAY"),
    ("네이버페이", "NAVERPAY"),
    ("카카오페이", "KAKAOPAY"),
    ("삼성페이", "SAMSUNGPAY"),
    ("애플페이", "APPLEPAY"),
    ("엘페이", "LPAY"),
    ("페이코", "PAYCO"),
    ("SSG페이", "SSG"),
    ("핀페이", "PINPAY"),
];

/// The number of the bank that is named.
pub(crate) fn bank(named: &str) -> Option<&'static str> {
    BANKS.iter().find(|(code, ko, en)| [*code, *ko, *en].contains(&named)).map(|(code, ..)| *code)
}

/// The number of the card company that is named.
pub(crate) fn card_company(named: &str) -> Option<&'static str> {
    CARD_COMPANIES.iter().find(|(code, ko, en)| [*code, *ko, *en].contains(&named)).map(|(code, ..)| *code)
}

/// The Korean name of the provider that is named.
pub(crate) fn easy_pay(named: &str) -> Option<&'static str> {
    EASY_PAYS.iter().find(|(ko, en)| [*ko, *en].contains(&named)).map(|(ko, _)| *ko)
}

/// The name of a provider that is known by its Korean one.
pub(crate) fn easy_pay_word(korean: &'static str, language: Language) -> &'static str {
    let english = EASY_PAYS.iter().find(|(ko, _)| *ko == korean).map_or(korean, |(_, en)| *en);
    language.choose(korean, english)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_is_known_by_number_and_by_both_names() {
        for (named, code) in
            [("88", Some("88")), ("신한", Some("88")), ("SHINHAN", Some("88")), ("8", None), ("", None)]
        {
            assert_eq!(bank(named), code, "{named}");
        }
        assert_eq!(bank("03"), Some("03"), "with its zero");
        assert_eq!(easy_pay("KAKAOPAY"), Some("카카오페이"));
    }
}
