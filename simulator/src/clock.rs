//! The simulator's clock: the machine's, in Korean time, plus what a test has added to it.
//!
//! Payment deadlines and the life of idempotency keys are measured on it, so a test can let ten minutes or fifteen days
//! pass at once, or freeze it so that none does. It only goes forward. Waits (latency, delays) are real time and do not notice it.

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{Duration, OffsetDateTime};

use crate::lock::Lock;

const WIRE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory]:[offset_minute]");
const LOOSE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:1+]");
const HOUR_AND_MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute]");
const COMPACT: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");

/// Ten years: far beyond every deadline, and far below what a date can hold.
const ADVANCE_SECONDS_MAX: i64 = 10 * 365 * 24 * 3600;

#[derive(Debug, Default)]
pub(crate) struct Clock(Lock<Hands>);

#[derive(Debug, Default)]
struct Hands {
    /// From the machine's time to this clock's; negative after a clock has stood still.
    ahead: Duration,
    advanced_seconds: i64,
    /// Where it stands, while it does.
    frozen: Option<OffsetDateTime>,
}

impl Clock {
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.0.with(|hands| hands.now())
    }

    pub(crate) fn advanced_seconds(&self) -> i64 {
        self.0.with(|hands| hands.advanced_seconds)
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.0.with(|hands| hands.frozen.is_some())
    }

    /// Moves the clock forward, or says no: backwards, or by more than ten years in all. A frozen one stands still there.
    pub(crate) fn advance(&self, seconds: i64) -> bool {
        self.0.with(|hands| {
            let advanced = hands.advanced_seconds.checked_add(seconds);
            let Some(advanced) = advanced.filter(|all| seconds >= 0 && *all <= ADVANCE_SECONDS_MAX) else {
                return false;
            };
            hands.advanced_seconds = advanced;
            hands.ahead += Duration::seconds(seconds);
            hands.frozen = hands.frozen.map(|at| at + Duration::seconds(seconds));
            true
        })
    }

    pub(crate) fn freeze(&self) {
        self.0.with(|hands| hands.frozen = Some(hands.now()));
    }

    /// Goes on from where it stood.
    pub(crate) fn thaw(&self) {
        self.0.with(|hands| {
            if let Some(at) = hands.frozen.take() {
                hands.ahead = at - machine();
            }
        });
    }

    pub(crate) fn reset(&self) {
        self.0.with(|hands| *hands = Hands::default());
    }
}

impl Hands {
    fn now(&self) -> OffsetDateTime {
        self.frozen.unwrap_or_else(|| machine() + self.ahead)
    }
}

#[expect(clippy::disallowed_methods, reason = "the simulator has no database; this is its only clock")]
fn machine() -> OffsetDateTime {
    OffsetDateTime::now_utc().to_offset(offset!(+9))
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

    #[test]
    fn a_frozen_clock_stands_still_moves_when_told_and_goes_on_from_there() {
        let clock = Clock::default();
        clock.freeze();
        let stood = clock.now();
        assert_eq!(clock.now(), stood);
        assert!(clock.advance(3_600));
        assert_eq!(clock.now(), stood + Duration::HOUR);
        clock.thaw();
        let now = clock.now();
        assert!(now >= stood + Duration::HOUR && now < stood + Duration::HOUR + Duration::MINUTE, "{now}");
    }
}
