//! The simulator's clock: the machine's, in Korean time, plus what a test has added to it.
//!
//! Payment deadlines and the life of idempotency keys are measured on it, so a test can let ten minutes or fifteen days
//! pass at once. It only goes forward. Waits (latency, delays) are real time and do not notice it.

use std::sync::atomic::{AtomicI64, Ordering};

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{Duration, OffsetDateTime};

const WIRE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]");
const LOOSE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:1+]");
const HOUR_AND_MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]");
const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");

/// Ten years: far beyond every deadline, and far below what a date can hold.
const ADVANCE_SECONDS_MAX: i64 = 10 * 365 * 24 * 3600;

#[derive(Debug, Default)]
pub(crate) struct Clock {
    advanced_seconds: AtomicI64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the simulator has no database; this is its only clock")]
    pub(crate) fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc().to_offset(offset!(+9)) + Duration::seconds(self.advanced_seconds())
    }

    pub(crate) fn advanced_seconds(&self) -> i64 {
        self.advanced_seconds.load(Ordering::Relaxed)
    }

    /// Moves the clock forward, or says no: backwards, or by more than ten years in all.
    pub(crate) fn advance(&self, seconds: i64) -> bool {
        let forward = |now: i64| {
            let then = now.checked_add(seconds)?;
            (seconds >= 0 && then <= ADVANCE_SECONDS_MAX).then_some(then)
        };
        self.advanced_seconds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, forward).is_ok()
    }

    pub(crate) fn reset(&self) {
        self.advanced_seconds.store(0, Ordering::Relaxed);
    }
}

/// `2026-09-01T12:00:31+09:00`, as on the wire.
pub(crate) fn wire(at: OffsetDateTime) -> String {
    at.format(WIRE).unwrap_or_default()
}

/// `2026-09-01T12:00:31.65327`, as in a webhook: no zone, and up to six digits of a second, as many as there happen to
/// be.
pub(crate) fn loose(at: OffsetDateTime) -> String {
    at.truncate_to_microsecond().format(LOOSE).unwrap_or_default()
}

/// Whether this is a day that exists, written `2026-09-01`.
pub(crate) fn is_date(text: &str) -> bool {
    time::Date::parse(text, format_description!("[year]-[month]-[day]")).is_ok()
}

/// `20260901120031`, as inside a paymentKey.
pub(crate) fn compact(at: OffsetDateTime) -> String {
    at.format(COMPACT).unwrap_or_default()
}

/// `14:05`, for people.
pub(crate) fn hour_and_minute(at: OffsetDateTime) -> String {
    at.format(HOUR_AND_MINUTE).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_are_written_in_korean_time_with_their_offset() {
        let noon = datetime!(2026-09-01 12:00:31.987 +9);
        assert_eq!(wire(noon), "2026-09-01T12:00:31+09:00");
        assert_eq!(compact(noon), "20260901120031");
        assert_eq!(loose(noon), "2026-09-01T12:00:31.987");
        assert_eq!(loose(datetime!(2026-09-01 12:00:31.653_270_999 +9)), "2026-09-01T12:00:31.65327");
    }

    #[test]
    fn the_clock_never_goes_back() {
        let clock = Clock::default();
        assert!(clock.advance(60));
        assert!(!clock.advance(-1));
        assert!(!clock.advance(i64::MAX));
        assert_eq!(clock.advanced_seconds(), 60);
    }
}
