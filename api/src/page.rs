//! Pages: rendering an askama template into an answer, and how times are written on them.

use askama::Template;
use axum::{
    http::{HeaderName, header},
    response::{Html, IntoResponse, Response},
};
use time::{OffsetDateTime, UtcOffset, macros::format_description};

use crate::problem::Problem;

/// For pages with forms. Under `no-referrer` a browser hides the origin of a form too, and we could not see that it is
/// ours; this tells the origin and still keeps the address, with its paymentKey, to itself.
pub(crate) const FORM_REFERRER: [(HeaderName, &str); 1] = [(header::REFERRER_POLICY, "strict-origin")];

pub(crate) struct Page<T>(pub(crate) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(html) => Html(html).into_response(),
            Err(_) => Problem::Internal("a template could not be rendered").into_response(),
        }
    }
}

/// A moment as people in Korea read it. The zone is always named, because readers may be elsewhere.
pub(crate) fn kst(moment: OffsetDateTime) -> String {
    let zone = UtcOffset::from_hms(9, 0, 0).unwrap_or(UtcOffset::UTC);
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] (KST)");
    moment.to_offset(zone).format(format).unwrap_or_default()
}

/// Toss's messages are short. Longer ones, and characters that turn the text around them, are somebody's joke.
const QUOTATION_CHARACTERS_MAX: usize = 200;

/// Words of somebody else, made fit to be quoted.
pub(crate) fn quotation(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !turns(*c)).take(QUOTATION_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::quotation;

    #[test]
    fn words_of_others_are_short_and_keep_their_place() {
        assert_eq!(quotation("결제가 취소되었습니다"), "결제가 취소되었습니다");
        assert_eq!(quotation("a\u{202e}b\0c\nd"), "abcd");
        assert_eq!(quotation(&"가".repeat(1_000)).chars().count(), 200);
    }

    #[test]
    fn times_are_shown_in_korea() {
        assert_eq!(super::kst(datetime!(2026-11-22 15:20:05.9 UTC)), "2026-11-23 00:20:05 (KST)");
    }
}
