//! The query of a list: its dates, its page, and what is wrong with them.
//!
//! Toss's lists speak Korean time and take no zone at all: a `Z` at the end, which most libraries write by themselves,
//! is refused. Fractions of a second are taken. Which code answers a missing date, an unknown place to continue or too
//! long a page is not established; the codes here are the ones whose texts say so.

use std::collections::HashMap;

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset, time};
use time::{Date, OffsetDateTime, PrimitiveDateTime};
use url::form_urlencoded;

use crate::errors::{Code, EXCEED_MAX_QUERY_LIMIT, INVALID_DATE, INVALID_REQUEST, INVALID_REQUIRED_PARAM};

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][optional [.[subsecond]]]");

const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 5_000;

/// The parameters of one request.
pub(crate) struct Listing(HashMap<String, String>);

impl Listing {
    pub(crate) fn read(query: Option<&str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn required(&self, name: &str) -> Result<&str, Code> {
        self.get(name).filter(|value| !value.is_empty()).ok_or(INVALID_REQUIRED_PARAM)
    }

    /// A moment in Korean time; a date alone is its first second.
    pub(crate) fn moment(&self, name: &str) -> Result<OffsetDateTime, Code> {
        let text = self.required(name)?;
        let moment = PrimitiveDateTime::parse(text, MOMENT)
            .or_else(|_| Date::parse(text, DATE).map(|date| date.with_time(time!(0:00))));
        moment.map(|moment| moment.assume_offset(offset!(+9))).map_err(|_| INVALID_DATE)
    }

    pub(crate) fn date(&self, name: &str) -> Result<Date, Code> {
        Date::parse(self.required(name)?, DATE).map_err(|_| INVALID_DATE)
    }

    /// How long a page is: `limit` or `size`, 100 when not said, 5000 at most.
    pub(crate) fn length(&self, name: &str) -> Result<usize, Code> {
        match self.number(name, PAGE_DEFAULT)? {
            length if length > PAGE_MAX => Err(EXCEED_MAX_QUERY_LIMIT),
            length => Ok(length),
        }
    }

    /// A number from 1.
    pub(crate) fn number(&self, name: &str, default: usize) -> Result<usize, Code> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().ok().filter(|number| *number > 0).ok_or(INVALID_REQUEST)
    }
}

pub(crate) fn date(date: Date) -> String {
    date.format(DATE).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn dates_are_korean_and_have_no_zone() {
        let check = |text: &str, expected: Result<OffsetDateTime, Code>| {
            let encoded: String = form_urlencoded::Serializer::new(String::new()).append_pair("at", text).finish();
            assert_eq!(Listing::read(Some(&encoded)).moment("at"), expected, "{text}");
        };
        check("2026-09-01T12:00:31", Ok(datetime!(2026-09-01 12:00:31 +9)));
        check("2026-09-01T12:00:31.999", Ok(datetime!(2026-09-01 12:00:31.999 +9)));
        check("2026-09-01", Ok(datetime!(2026-09-01 0:00 +9)));
        for wrong in ["2026-09-01T12:00:31Z", "2026-09-01T12:00:31+09:00", "2026-9-1", "today", "2026-02-30"] {
            check(wrong, Err(INVALID_DATE));
        }
        check("", Err(INVALID_REQUIRED_PARAM));
    }
}
