//! What a field should have been, and how that is said.

use crate::language::Language;

/// What a field should have been.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    Something,
    Object,
    Array,
    Integer,
    Text,
    /// A number, or the same as text.
    Amount,
    /// True or false.
    Flag,
    /// `orderProducts` and the older `orderProduct` say the same thing; only one may be sent.
    OnlyOne,
    Day,
    /// A parameter that was sent twice, or is no text.
    Parameters,
}

impl Wanted {
    pub(super) fn words(self, language: Language) -> &'static str {
        match self {
            Self::Something => language.pick("값이 없습니다", "it is missing"),
            Self::Object => language.pick("JSON 객체여야 합니다", "it must be a JSON object"),
            Self::Array => language.pick("JSON 배열이어야 합니다", "it must be a JSON array"),
            Self::Integer => language.pick("정수여야 합니다", "it must be an integer"),
            Self::Text => language.pick("문자열이어야 합니다", "it must be a string"),
            Self::Amount => {
                language.pick("정수나 숫자로 된 문자열이어야 합니다", "it must be an integer, or digits as a string")
            }
            Self::Flag => language.pick("true나 false여야 합니다", "it must be true or false"),
            Self::OnlyOne => language.pick(
                "orderProducts와 orderProduct 가운데 하나만 보내 주세요",
                "send either orderProducts or orderProduct, not both",
            ),
            Self::Day => language.pick("2026-11-26처럼 쓴 날짜여야 합니다", "it must be a day like 2026-11-26"),
            Self::Parameters => language.pick("읽을 수 없습니다", "it cannot be read"),
        }
    }
}
