//! Times as Toss writes them.

use std::ops::Range;

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// No payment is of another age. Within these years every time can be stored and moved to any zone, and a day can be added
/// to it; outside, the `time` crate panics where it converts `9999-12-31T23:59:59-23:59` to UTC, as storing it does.
const YEARS: Range<i32> = 2000..3000;

/// Reads a time with a zone, as the Payment object has it, or without one, which then is Korea's: due dates are documented
/// so (API reference, `virtualAccount.dueDate`), and `createdAt` of webhooks is sent so (guide "Webhooks"), with as many
/// digits of a second as it happens to need; more than nine are cut off. `None`: it is no time, or not within the years
/// 2000 to 2999 in UTC.
pub fn parse_timestamp(text: &str) -> Option<OffsetDateTime> {
    let zoned = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let moment = zoned(text).or_else(|| zoned(&format!("{text}+09:00")))?;
    let year = moment.checked_to_offset(UtcOffset::UTC)?.year();
    YEARS.contains(&year).then_some(moment)
}

#[cfg(test)]
mod tests {
    use time::{UtcOffset, macros::datetime};

    use super::parse_timestamp;

    #[test]
    fn times_are_read_however_toss_writes_them() {
        let at = datetime!(2026-01-02 05:46:59.65327 UTC);
        for text in [
            "2026-01-02T14:46:59.65327",
            "2026-01-02T14:46:59.653270",
            "2026-01-02T14:46:59.65327+09:00",
            "2026-01-02T14:46:59.653270000000",
            "2026-01-02T05:46:59.65327Z",
        ] {
            assert_eq!(parse_timestamp(text), Some(at), "{text}");
        }
        assert_eq!(parse_timestamp("2026-01-02T14:46:59"), Some(datetime!(2026-01-02 05:46:59 UTC)));
        assert_eq!(parse_timestamp("2026-01-02T05:46:59Z"), Some(datetime!(2026-01-02 05:46:59 UTC)));
        let nanosecond = Some(datetime!(2026-01-02 05:46:59.123456789 UTC));
        assert_eq!(parse_timestamp("2026-01-02T14:46:59.123456789"), nanosecond);
        assert_eq!(parse_timestamp("2026-01-02T14:46:59.123456789999"), nanosecond);
        // A leap second, at the one place in Korea's day where one can be.
        assert!(parse_timestamp("2026-07-01T08:59:60").is_some());
        for text in [
            "",
            "yesterday",
            "2026-01-02",
            "2026-13-02T14:46:59",
            "2026-02-29T14:46:59",
            "2026-01-02T24:00:00",
            "2026-01-02T14:46:60",
            "2026-01-02T14:46:59.",
            "2026-01-02T14:46:59+09:00+09:00",
            "2026-01-02T14:46:59+99:99",
            "+2026-01-02T14:46:59",
            "2026-01-02T14:46:59\0",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_of_another_age_is_none_and_all_others_can_be_moved_to_any_zone() {
        for text in [
            "9999-12-31T23:59:59-23:59",
            "9999-12-31T23:59:59+23:59",
            "9999-12-31T23:59:59.999999999999-23:59",
            "9999-12-31T23:59:60-23:59",
            "9999-12-31T23:59:59",
            "9999-12-31T23:59:59Z",
            "0000-01-01T00:00:00+23:59",
            "0000-01-01T00:00:00",
            "-9999-01-01T00:00:00+23:59",
            "-0001-01-01T00:00:00",
            "1999-12-31T23:59:59Z",
            "2000-01-01T08:59:59.999999999",
            "3000-01-01T09:00:00",
            "2999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        let most = UtcOffset::from_hms(23, 59, 59).unwrap();
        for text in
            ["2000-01-01T09:00:00", "3000-01-01T08:59:59", "3000-01-01T23:58:59+23:59", "1999-12-31T00:01:00-23:59"]
        {
            let moment = parse_timestamp(text).unwrap_or_else(|| panic!("{text}"));
            let _ = (moment.to_offset(most), moment.to_offset(-most));
        }
    }
}
