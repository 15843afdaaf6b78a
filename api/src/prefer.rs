//! `Prefer: wait=N` (RFC 7240): how long a caller would wait for the decision.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

/// A connection held for longer is likely to be cut by something in between.
const WAIT_SECONDS_MAX: u64 = 30;

/// A wait that was asked for, already capped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wait {
    seconds: u64,
}

impl Wait {
    /// What the headers prefer; none if they do not, or if it cannot be read. A preference is never an error.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let lines: Vec<&str> = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok()).collect();
        let lines = lines.join(",");
        // Of a preference that is given twice only the first counts, even where it makes no sense.
        let value = split_outside_quotes(&lines, ',').into_iter().find_map(|preference| {
            let preference = split_outside_quotes(preference, ';').into_iter().next()?;
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            name.trim().eq_ignore_ascii_case("wait").then(|| value.trim())
        })?;
        let digits = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // More digits than fit are more seconds than anybody waits.
        let seconds = digits.parse().unwrap_or(u64::MAX).min(WAIT_SECONDS_MAX);
        Some(Self { seconds })
    }

    pub(crate) fn limit(self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// For `Preference-Applied`: the wait that was honoured, which may be shorter than the one asked for.
    pub(crate) fn applied(self) -> HeaderValue {
        HeaderValue::try_from(format!("wait={}", self.seconds)).unwrap_or(HeaderValue::from_static("wait"))
    }
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |character| {
        let inside = quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        character == separator && !inside
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{Wait, split_outside_quotes};

    #[test]
    fn a_wait_is_read_among_other_preferences() {
        let check = |lines: &[&'static str], expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("prefer", HeaderValue::from_static(line));
            }
            assert_eq!(Wait::of(&headers).map(|wait| wait.seconds), expected, "{lines:?}");
        };
        check(&[], None);
        check(&["wait=10"], Some(10));
        check(&["wait=\"10\""], Some(10));
        check(&["respond-async, Wait = 10 ; strict; foo=\"bar\""], Some(10));
        check(&["respond-async", "wait=10"], Some(10));
        check(&["foo=\"a, wait=20\", wait=5"], Some(5));
        check(&["foo=\"a\\\", wait=20\", wait=5"], Some(5));
        check(&["foo; wait=20"], None);
        check(&["wait=0"], Some(0));
        check(&["wait=31"], Some(30));
        check(&["wait=99999999999999999999999"], Some(30));
        check(&["wait=10, wait=20"], Some(10));
        check(&["wait=soon, wait=20"], None);
        check(&["wait"], None);
        check(&["wait=-1"], None);
        check(&["wait=1.5"], None);
        check(&["waiting=5"], None);
        check(&["\"\"\",,;;=="], None);
    }

    #[test]
    fn a_quoted_separator_separates_nothing() {
        assert_eq!(split_outside_quotes("a=\"1,2\",b", ','), ["a=\"1,2\"", "b"]);
        assert_eq!(split_outside_quotes("a=\"1,2", ','), ["a=\"1,2"]);
    }
}
