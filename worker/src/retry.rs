//! When to try again: pure schedules, growing and jittered, so that an outage does not end in a herd.
//!
//! The only file that knows the crate `backoff`. It is unmaintained; we use its arithmetic and nothing else of it.

use std::time::{Duration, Instant};

use backoff::{SystemClock, backoff::Backoff, exponential::ExponentialBackoff};

/// The wait doubles with each try from `first` to at most `longest`, give or take a half.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

/// After silence or an answer that decided nothing. A shopper waits, and has ten minutes in all.
pub(crate) const UNDECIDED: Schedule = Schedule { first: Duration::from_millis(500), longest: Duration::from_secs(30) };
/// Where nobody stands and waits: after the time to confirm, for refunds that wait, for looks back.
pub(crate) const SPACED: Schedule = Schedule { first: Duration::from_secs(15), longest: Duration::from_mins(10) };
/// While Toss works on an earlier send of the same request.
pub(crate) const BUSY: Schedule = Schedule { first: Duration::from_millis(500), longest: Duration::from_secs(10) };
/// While our own database is away.
pub(crate) const DATABASE_AWAY: Schedule =
    Schedule { first: Duration::from_millis(100), longest: Duration::from_secs(2) };

impl Schedule {
    /// The wait after the `tries`th try, counted from 1.
    pub(crate) fn wait(self, tries: u16) -> Duration {
        let doublings = u32::from(tries.saturating_sub(1)).min(31);
        let current = self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest);
        jittered(current, 0.5)
    }
}

/// `wait`, give or take this share of it.
pub(crate) fn jittered(wait: Duration, share: f64) -> Duration {
    let mut schedule = ExponentialBackoff::<SystemClock> {
        current_interval: wait,
        initial_interval: wait,
        randomization_factor: share,
        multiplier: 1.0,
        max_interval: wait,
        start_time: Instant::now(),
        max_elapsed_time: None,
        clock: SystemClock::default(),
    };
    schedule.next_backoff().unwrap_or(wait)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Schedule;

    #[test]
    fn waits_double_from_the_first_to_the_longest_give_or_take_a_half() {
        let schedule = Schedule { first: Duration::from_millis(100), longest: Duration::from_secs(3) };
        let check = |tries, middle_ms: u64| {
            let (least, most) = (Duration::from_millis(middle_ms / 2), Duration::from_millis(middle_ms * 3 / 2 + 1));
            for _ in 0..200 {
                let wait = schedule.wait(tries);
                assert!((least..=most).contains(&wait), "try {tries}: {wait:?}");
            }
        };
        check(0, 100);
        check(1, 100);
        check(2, 200);
        check(5, 1_600);
        check(6, 3_000);
        check(u16::MAX, 3_000);
    }

    #[test]
    fn waits_are_spread() {
        let schedule = Schedule { first: Duration::from_secs(1), longest: Duration::from_secs(1) };
        let waits: std::collections::HashSet<_> = (0..50).map(|_| schedule.wait(1)).collect();
        assert!(waits.len() > 25, "{waits:?}");
    }
}
