//! Ways to pay, as Toss names them in its answers (<https://docs.tosspayments.com/reference#payment-객체>), for whoever reads
//! no Korean.

use crate::language::Language;

const METHODS: &[(&str, &str)] = &[
    ("카드", "Card"),
    ("가상계좌", "Virtual account"),
    ("간편결제", "Easy pay"),
    ("휴대폰", "Mobile phone"),
    ("계좌이체", "Bank transfer"),
    ("문화상품권", "Culture gift certificate"),
    ("도서문화상품권", "Book gift certificate"),
    ("게임문화상품권", "Game gift certificate"),
];

/// A way that is not known is called as it came.
pub(crate) fn name(method: &str, language: Language) -> &str {
    match METHODS.iter().find(|(korean, _)| *korean == method) {
        Some((_, english)) => language.pick(method, english),
        None => method,
    }
}

#[cfg(test)]
mod tests {
    use super::name;
    use crate::language::Language::{English, Korean};

    #[test]
    fn a_way_to_pay_is_named_in_both_languages() {
        assert_eq!((name("간편결제", Korean), name("간편결제", English)), ("간편결제", "Easy pay"));
        assert_eq!(name("조개껍데기", English), "조개껍데기");
    }
}
