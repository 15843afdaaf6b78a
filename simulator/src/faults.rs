//! The ways in which a request or a webhook can go wrong, and what each needs to be told.
//!
//! A fault happens at one of three places. *At the edge*, where a proxy or the network would fail: on every matching
//! request, replays included. *Inside*, where Toss's own code would fail: only on a request that really executes.
//! *On the way to the shop*: to a webhook. Which request meets which fault is the business of `rules`.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use crate::settings::LATENCY_MAX;

/// Larger than any client should swallow, small enough to be made in memory.
const OVERSIZED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A day on the simulator's clock: longer than any copy of Toss's data would lag, or a webhook be late.
const SECONDS_MAX: u64 = 24 * 3600;

/// What happens to a request that matches. "Acts" means that Toss did its work: after a confirm the money has moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Then {
    /// Inside: answers this error without acting. Kept under the idempotency key, as any answer of Toss's.
    Error(ChosenError),
    /// Inside: acts, then answers this error.
    ErrorAfter(ChosenError),
    /// Inside: takes this much longer.
    Delay(Delay),
    /// Inside, queries only: does not see an approval, or the cancels, of the last `seconds` on the simulator's clock.
    Stale {
        seconds: u64,
        #[serde(default)]
        shows: Shows,
    },
    /// At the edge: closes the connection without acting.
    DropBefore,
    /// At the edge: acts, then closes the connection without an answer.
    DropAfter,
    /// At the edge: acts, then keeps the client waiting until the rule is deleted or the client goes.
    Hold,
    /// At the edge: a proxy's HTML page instead of an answer, without acting.
    Html { status: u16 },
    /// At the edge: acts, then answers with the first half of the JSON.
    Truncate,
    /// At the edge: acts, then answers with JSON blown up to at least this size.
    Oversized { bytes: usize },
    /// At the edge: acts, then lets the answer's body trickle.
    SlowBody { bytes_per_second: u64 },
    /// At the edge: 429 without acting.
    RateLimit {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    /// A webhook that arrives before the answer of the call that caused it.
    Early,
    /// A webhook sent this much later on the simulator's clock.
    Late { seconds: u64 },
    /// A webhook sent twice under one transmission id.
    Twice,
    /// A webhook kept back until the next one to the same address has been sent.
    Reordered,
    /// A webhook that is never sent.
    Lost,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChosenError {
    pub(crate) status: u16,
    pub(crate) code: String,
    /// Toss's own text for the code when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// What a stale query answers in place of the payment as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Shows {
    /// 404, as if the payment were not known yet.
    #[default]
    NotFound,
    /// The payment as it was before the approval.
    Before,
    /// The payment as it was before its cancels of the last seconds. The approval is shown.
    BeforeCancels,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(
    untagged,
    rename_all_fields = "camelCase",
    deny_unknown_fields,
    expecting = "a delay has ms, or minMs and maxMs, or medianMs and longestMs"
)]
pub(crate) enum Delay {
    Fixed {
        ms: u64,
    },
    /// Drawn evenly.
    Range {
        min_ms: u64,
        max_ms: u64,
    },
    /// A heavy tail: half of the calls take longer than the median, a quarter longer than twice that, an eighth
    /// longer than four times that, and so on up to the longest.
    Tail {
        median_ms: u64,
        longest_ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Edge,
    Inside,
    Webhook,
}

impl Then {
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Error(_) | Self::ErrorAfter(_) | Self::Delay(_) | Self::Stale { .. } => Place::Inside,
            Self::DropBefore
            | Self::DropAfter
            | Self::Hold
            | Self::Html { .. }
            | Self::Truncate
            | Self::Oversized { .. }
            | Self::SlowBody { .. }
            | Self::RateLimit { .. } => Place::Edge,
            Self::Early | Self::Late { .. } | Self::Twice | Self::Reordered | Self::Lost => Place::Webhook,
        }
    }

    /// The name of the kind, as in JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::ErrorAfter(_) => "errorAfter",
            Self::Delay(_) => "delay",
            Self::Stale { .. } => "stale",
            Self::DropBefore => "dropBefore",
            Self::DropAfter => "dropAfter",
            Self::Hold => "hold",
            Self::Html { .. } => "html",
            Self::Truncate => "truncate",
            Self::Oversized { .. } => "oversized",
            Self::SlowBody { .. } => "slowBody",
            Self::RateLimit { .. } => "rateLimit",
            Self::Early => "early",
            Self::Late { .. } => "late",
            Self::Twice => "twice",
            Self::Reordered => "reordered",
            Self::Lost => "lost",
        }
    }

    /// What is wrong with the numbers, if they cannot be sent or waited for.
    pub(crate) fn mistake(&self) -> Option<&'static str> {
        let wrong = |right: bool, mistake| (!right).then_some(mistake);
        match self {
            Self::Error(ChosenError { status, .. })
            | Self::ErrorAfter(ChosenError { status, .. })
            | Self::Html { status } => wrong((400..600).contains(status), "status: 400 to 599"),
            Self::Delay(delay) => wrong(delay.is_possible(), "delay: from short to long, ten minutes at most"),
            Self::Stale { seconds, .. } | Self::Late { seconds } => {
                wrong((1..=SECONDS_MAX).contains(seconds), "seconds: 1 to 86400")
            }
            Self::Oversized { bytes } => wrong(*bytes <= OVERSIZED_BYTES_MAX, "bytes: 67108864 at most"),
            Self::SlowBody { bytes_per_second } => {
                wrong((1..=1_000_000).contains(bytes_per_second), "bytesPerSecond: 1 to 1000000")
            }
            Self::DropBefore
            | Self::DropAfter
            | Self::Hold
            | Self::Truncate
            | Self::RateLimit { .. }
            | Self::Early
            | Self::Twice
            | Self::Reordered
            | Self::Lost => None,
        }
    }
}

impl Delay {
    fn is_possible(self) -> bool {
        let (short, long) = match self {
            Self::Fixed { ms } => (ms, ms),
            Self::Range { min_ms, max_ms } => (min_ms, max_ms),
            Self::Tail { median_ms, longest_ms } => (median_ms, longest_ms),
        };
        short <= long && u128::from(long) <= LATENCY_MAX.as_millis()
    }

    pub(crate) fn draw(self, chance: &mut StdRng) -> Duration {
        Duration::from_millis(match self {
            Self::Fixed { ms } => ms,
            Self::Range { min_ms, max_ms } => chance.random_range(min_ms..=max_ms),
            // From half the median, every toss of a coin that falls right doubles the time; the rest is drawn evenly.
            Self::Tail { median_ms, longest_ms } => {
                let mut from = (median_ms / 2).max(1);
                while from < longest_ms && chance.random() {
                    from *= 2;
                }
                chance.random_range(from..=from * 2).min(longest_ms)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn every_kind_reads_and_writes_its_own_name_and_nonsense_is_refused() {
        for then in [
            r#"{"kind":"error","status":500,"code":"X"}"#,
            r#"{"kind":"errorAfter","status":400,"code":"X","message":"m"}"#,
            r#"{"kind":"delay","ms":5}"#,
            r#"{"kind":"delay","minMs":5,"maxMs":9}"#,
            r#"{"kind":"delay","medianMs":5,"longestMs":900}"#,
            r#"{"kind":"stale","seconds":5,"shows":"notFound"}"#,
            r#"{"kind":"dropBefore"}"#,
            r#"{"kind":"dropAfter"}"#,
            r#"{"kind":"hold"}"#,
            r#"{"kind":"html","status":502}"#,
            r#"{"kind":"truncate"}"#,
            r#"{"kind":"oversized","bytes":1000}"#,
            r#"{"kind":"slowBody","bytesPerSecond":10}"#,
            r#"{"kind":"rateLimit","retryAfterSeconds":3}"#,
            r#"{"kind":"rateLimit"}"#,
            r#"{"kind":"early"}"#,
            r#"{"kind":"late","seconds":3}"#,
            r#"{"kind":"twice"}"#,
            r#"{"kind":"reordered"}"#,
            r#"{"kind":"lost"}"#,
        ] {
            let parsed: Then = serde_json::from_str(then).unwrap();
            assert_eq!(serde_json::to_string(&parsed).unwrap(), then);
            assert!(then.contains(&format!("\"{}\"", parsed.name())));
            assert_eq!(parsed.mistake(), None, "{then}");
        }
        for nonsense in [
            r#"{"kind":"explode"}"#,
            r#"{"kind":"delay"}"#,
            r#"{"kind":"delay","ms":1,"minMs":1}"#,
            r#"{"kind":"stale","seconds":1,"minutes":1}"#,
        ] {
            assert!(serde_json::from_str::<Then>(nonsense).is_err(), "{nonsense}");
        }
        for impossible in [
            r#"{"kind":"html","status":200}"#,
            r#"{"kind":"delay","minMs":2,"maxMs":1}"#,
            r#"{"kind":"slowBody","bytesPerSecond":0}"#,
        ] {
            assert!(serde_json::from_str::<Then>(impossible).unwrap().mistake().is_some(), "{impossible}");
        }
    }

    #[test]
    fn a_heavy_tail_halves_with_every_doubling_and_ends_at_the_longest() {
        let mut chance = StdRng::seed_from_u64(1);
        let delay = Delay::Tail { median_ms: 100, longest_ms: 5_000 };
        let drawn: Vec<u128> = (0..10_000).map(|_| delay.draw(&mut chance).as_millis()).collect();
        for (over, few, many) in [(100, 4_800, 5_200), (200, 2_300, 2_700), (400, 1_100, 1_400), (1_600, 250, 375)] {
            let count = drawn.iter().filter(|ms| **ms > over).count();
            assert!((few..=many).contains(&count), "{count} over {over}");
        }
        assert_eq!(drawn.iter().max(), Some(&5_000));
        assert!(drawn.iter().all(|ms| *ms >= 50));
    }
}
