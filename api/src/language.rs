//! Korean, or English for whoever asks for it.
//!
//! Both texts of everything we say stand side by side where it is said, so that neither is forgotten.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderName,
        header::{ACCEPT_LANGUAGE, COOKIE},
        request::Parts,
    },
};
use shared::money::Krw;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    Korean,
    English,
}

/// Remembers what the shopper chose at the foot of a page.
const COOKIE_NAME: &str = "hanbeon_lang";

/// The cookie, for a year; it is nobody's secret and no script's business.
pub(crate) fn remembering(language: Language) -> String {
    format!("{COOKIE_NAME}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", language.tag())
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::Korean, Self::English];

    /// What was chosen; else what `Accept-Language` prefers of the two; Korean when it names neither.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let lines = |name: HeaderName| -> Vec<&str> {
            headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect()
        };
        Self::chosen(&lines(COOKIE).join(";")).unwrap_or_else(|| Self::preferred(&lines(ACCEPT_LANGUAGE).join(",")))
    }

    fn chosen(cookies: &str) -> Option<Self> {
        let mut cookies = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
        let (_, tag) = cookies.find(|(name, _)| *name == COOKIE_NAME)?;
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    fn preferred(accept: &str) -> Self {
        let mut korean = None;
        let mut english = None;
        let mut any = 0;
        for (position, item) in accept.split(',').enumerate() {
            let (range, parameters) = item.split_once(';').unwrap_or((item, ""));
            let Some(quality) = thousandths(parameters) else { continue };
            // Between equal qualities the one named first wins.
            let rank = (quality, usize::MAX - position);
            let primary = range.trim().split('-').next().unwrap_or_default();
            if primary.eq_ignore_ascii_case("ko") {
                korean = korean.max(Some(rank));
            } else if primary.eq_ignore_ascii_case("en") {
                english = english.max(Some(rank));
            } else if primary == "*" {
                any = any.max(quality);
            }
        }
        // `*` speaks for a language that is not named, and ranks behind one that is.
        let korean = korean.unwrap_or((any, 1));
        let english = english.unwrap_or((any, 0));
        if english.0 > 0 && english > korean { Self::English } else { Self::Korean }
    }

    pub(crate) fn pick<T>(self, korean: T, english: T) -> T {
        match self {
            Self::Korean => korean,
            Self::English => english,
        }
    }

    /// Its own name, for whoever reads no other.
    pub(crate) fn name(self) -> &'static str {
        self.pick("한국어", "English")
    }

    /// For `lang` and `Content-Language`.
    pub(crate) fn tag(self) -> &'static str {
        self.pick("ko", "en")
    }

    pub(crate) fn won(self, amount: Krw) -> String {
        self.pick(format!("{amount}원"), format!("{amount} KRW"))
    }
}

/// The `q` of an item in thousandths, 1000 where there is none. `None`: it is no quality, so the item is passed over.
fn thousandths(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1_000);
    }
    let value = parameters.strip_prefix("q=").or_else(|| parameters.strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "0" if digits => format!("{fraction:0<3}").parse().ok(),
        "1" if digits && fraction.bytes().all(|byte| byte == b'0') => Some(1_000),
        _ => None,
    }
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, English, Korean};

    #[test]
    fn what_was_chosen_is_read_from_its_cookie() {
        let check = |cookies: &str, expected| assert_eq!(Language::chosen(cookies), expected, "{cookies:?}");
        check("", None);
        check("hanbeon_lang=en", Some(English));
        check("hanbeon=a==; hanbeon_lang=ko", Some(Korean));
        check("x_hanbeon_lang=en", None);
        check("hanbeon_lang=fr;;", None);
    }

    #[test]
    fn the_preferred_of_the_two_languages_is_spoken() {
        let check = |accept: &str, expected: Language| assert_eq!(Language::preferred(accept), expected, "{accept:?}");
        check("", Korean);
        check("ko", Korean);
        check("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Korean);
        check("en", English);
        check("EN-gb", English);
        check("en-US,en;q=0.9,ko;q=0.8", English);
        check("ko;q=0.3, en;q=0.31", English);
        check("en;q=0.5, ko;q=0.5", English);
        check("ko;q=0.5, en;q=0.5", Korean);
        check("fr, de;q=0.9", Korean);
        check("fr, en;q=0.1", English);
        check("*", Korean);
        check("ko;q=0, *", English);
        check("en;q=0", Korean);
        check("en;q=0.5, *;q=0.9", Korean);
        check("en;q=1.000", English);
        check("en;q=2", Korean);
        check("en;q=0.1234", Korean);
        check("en;level=1", Korean);
        check(",,;;q=,\u{7f}", Korean);
    }
}
