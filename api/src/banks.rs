//! The banks of Toss's list (<https://docs.tosspayments.com/codes/org-codes>), as people call them.

use crate::{language::Language, page::quotation};

const BANKS: &[(&str, &str, &str)] = &[
    ("02", "KDB산업은행", "Korea Development Bank (KDB)"),
    ("03", "IBK기업은행", "Industrial Bank of Korea (IBK)"),
    ("06", "KB국민은행", "KB Kookmin Bank"),
    ("07", "수협은행", "Suhyup Bank"),
    ("11", "NH농협은행", "NH NongHyup Bank"),
    ("12", "지역농축협", "Local NongHyup"),
    ("20", "우리은행", "Woori Bank"),
    ("23", "SC제일은행", "SC First Bank"),
    ("27", "씨티은행", "Citibank Korea"),
    ("31", "iM뱅크(대구은행)", "iM Bank (Daegu)"),
    ("32", "부산은행", "Busan Bank"),
    ("34", "광주은행", "Gwangju Bank"),
    ("35", "제주은행", "Jeju Bank"),
    ("37", "전북은행", "Jeonbuk Bank"),
    ("39", "경남은행", "Kyongnam Bank"),
    ("45", "새마을금고", "Saemaul (MG Community Credit)"),
    ("48", "신협", "Shinhyup (Credit Union)"),
    ("50", "저축은행", "Savings Bank"),
    ("54", "HSBC은행", "HSBC"),
    ("64", "산림조합", "National Forestry Cooperative"),
    ("71", "우체국", "Korea Post"),
    ("81", "하나은행", "Hana Bank"),
    ("88", "신한은행", "Shinhan Bank"),
    ("89", "케이뱅크", "K bank"),
    ("90", "카카오뱅크", "KakaoBank"),
    ("92", "토스뱅크", "Toss Bank"),
];

/// What the bank with this code is called. A code that is not known is shown as it came: old versions of Toss's API send
/// names, and new banks come.
pub(crate) fn name(code: &str, language: Language) -> String {
    match BANKS.iter().find(|(known, ..)| *known == code) {
        Some((_, korean, english)) => language.pick(*korean, *english).to_owned(),
        None => quotation(code),
    }
}

/// All of them, to choose from: their codes and names.
pub(crate) fn all(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    BANKS.iter().map(move |(code, korean, english)| (*code, language.pick(*korean, *english)))
}

#[cfg(test)]
mod tests {
    use super::{BANKS, name};
    use crate::language::Language::{English, Korean};

    #[test]
    fn a_bank_has_a_name_in_both_languages_and_keeps_the_zero_of_its_code() {
        assert_eq!((name("88", Korean), name("88", English)), ("신한은행".to_owned(), "Shinhan Bank".to_owned()));
        assert_eq!((name("03", Korean), name("3", Korean)), ("IBK기업은행".to_owned(), "3".to_owned()));
        assert_eq!(name("신한\u{202e}", English), "신한");
        assert!(BANKS.is_sorted_by(|(one, ..), (next, ..)| one < next), "a code stands twice, or out of order");
    }
}
