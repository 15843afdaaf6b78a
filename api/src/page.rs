//! Pages: rendering an askama template into an answer, and how times are written on them.

use askama::Template;
use axum::{
    http::{HeaderName, header},
    response::{Html, IntoResponse, Response},
};
use time::{
    OffsetDateTime, PrimitiveDateTime, UtcOffset,
    macros::{format_description, offset},
};

use crate::{language::Language, problem::Problem};

/// The policy of pages that have a script of ours and a form of ours, and nobody else's.
pub(crate) const SCRIPT_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The same for pages that show by themselves what happens to an order.
pub(crate) const LIVE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

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
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] (KST)");
    in_korea(moment).format(format).unwrap_or_default()
}

/// At the ends of the calendar, where a time has no place in Korea's zone, the nearest that has one: a page never fails over
/// a time.
fn in_korea(moment: OffsetDateTime) -> OffsetDateTime {
    const KOREA: UtcOffset = offset!(+9);
    moment.checked_to_offset(KOREA).unwrap_or_else(|| {
        let end = if moment.year() > 0 { PrimitiveDateTime::MAX } else { PrimitiveDateTime::MIN };
        end.assume_offset(KOREA)
    })
}

/// The same for somebody who plans by it: with the day of the week, and to the minute that has begun.
pub(crate) fn kst_in_words(moment: OffsetDateTime, language: Language) -> String {
    let moment = in_korea(moment);
    let weekday = usize::from(moment.weekday().number_days_from_monday());
    let korean = format_description!("[year]년 [month padding:none]월 [day padding:none]일");
    let english = format_description!("[weekday repr:short] [day padding:none] [month repr:long] [year]");
    let (half, hour) = (moment.hour() >= 12, (moment.hour() + 11) % 12 + 1);
    let minute = moment.minute();
    match language {
        Language::Korean => {
            let day = ["월", "화", "수", "목", "금", "토", "일"].get(weekday).copied().unwrap_or_default();
            let half = if half { "오후" } else { "오전" };
            let minute = if minute == 0 { String::new() } else { format!(" {minute}분") };
            format!("{}({day}) {half} {hour}시{minute} (한국 시간)", moment.format(korean).unwrap_or_default())
        }
        Language::English => {
            let half = if half { "pm" } else { "am" };
            format!("{}, {hour}:{minute:02} {half} (KST)", moment.format(english).unwrap_or_default())
        }
    }
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

    use super::{kst_in_words, quotation};
    use crate::language::Language::{English, Korean};

    #[test]
    fn words_of_others_are_short_and_keep_their_place() {
        assert_eq!(quotation("결제가 취소되었습니다"), "결제가 취소되었습니다");
        assert_eq!(quotation("a\u{202e}b\0c\nd"), "abcd");
        assert_eq!(quotation(&"가".repeat(1_000)).chars().count(), 200);
    }

    #[test]
    fn a_time_to_plan_by_is_said_as_people_say_it() {
        let check = |moment, korean: &str, english: &str| {
            assert_eq!(
                (kst_in_words(moment, Korean).as_str(), kst_in_words(moment, English).as_str()),
                (korean, english)
            );
        };
        check(
            datetime!(2026-11-22 15:20:05.9 UTC),
            "2026년 11월 23일(월) 오전 12시 20분 (한국 시간)",
            "Mon 23 November 2026, 12:20 am (KST)",
        );
        check(
            datetime!(2026-12-06 12:00:59 +9),
            "2026년 12월 6일(일) 오후 12시 (한국 시간)",
            "Sun 6 December 2026, 12:00 pm (KST)",
        );
        check(
            datetime!(2026-12-06 23:59:59 +9),
            "2026년 12월 6일(일) 오후 11시 59분 (한국 시간)",
            "Sun 6 December 2026, 11:59 pm (KST)",
        );
    }

    #[test]
    fn times_are_shown_in_korea() {
        assert_eq!(super::kst(datetime!(2026-11-22 15:20:05.9 UTC)), "2026-11-23 00:20:05 (KST)");
    }

    #[test]
    fn a_time_at_an_end_of_the_calendar_is_no_panic() {
        for (moment, shown) in [
            (datetime!(9999-12-31 23:59:59 -23:59), "9999-12-31 23:59:59 (KST)"),
            (datetime!(-9999-01-01 00:00:00 +23:59), "-9999-01-01 00:00:00 (KST)"),
        ] {
            assert_eq!(super::kst(moment), shown);
            assert!(!kst_in_words(moment, Korean).is_empty());
        }
    }
}
