//! So many calls a second, in small bursts: how far ahead of the rate the calls are, counted in time.
//!
//! Used twice: for the configured rate, and to space calls out where Toss refuses. There a whole round trip's calls that
//! start at once come back at once and start at once again, and a small allowance refuses most of them each time.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use tokio::time::Instant;

/// The most that starts at once under a configured rate: a tenth of a second's worth.
const BURSTS_PER_SECOND: u32 = 10;
/// The most that starts at once where calls are spaced out: a few, and at high rates what gathers during a claim or two.
const SPACED_BURST_MIN: u32 = 4;
const SPACED_BURST: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub(super) struct Rate {
    interval: Duration,
    burst: u32,
    /// All calls up to here are used.
    used_until: Option<Instant>,
}

impl Rate {
    pub(super) fn configured(per_second: NonZeroU32) -> Self {
        let interval = Duration::from_nanos(1_000_000_000_u64.div_ceil(u64::from(per_second.get())));
        Self { interval, burst: (per_second.get() / BURSTS_PER_SECOND).max(1), used_until: None }
    }

    pub(super) fn spaced() -> Self {
        Self { interval: Duration::from_nanos(1), burst: SPACED_BURST_MIN, used_until: None }
    }

    /// What was started faster, before or by a claim that was under way, is forgiven but for one burst.
    pub(super) fn space(&mut self, interval: Duration, now: Instant) {
        self.interval = interval.max(Duration::from_nanos(1));
        let gathered = SPACED_BURST.as_nanos() / self.interval.as_nanos();
        self.burst = u32::try_from(gathered).unwrap_or(u32::MAX).max(SPACED_BURST_MIN);
        let latest = now + self.interval * self.burst;
        self.used_until = self.used_until.map(|until| until.min(latest));
    }

    /// How many may start now, or when to look again. Half a burst gathers first: a claim for each call would cost the
    /// database more than the twentieth of a second costs a shopper.
    pub(super) fn room(&self, now: Instant) -> Result<NonZeroUsize, Instant> {
        let used = self.used_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let full = self.interval * self.burst;
        let enough = self.interval * self.burst.div_ceil(2);
        let lacking = (used + enough).saturating_sub(full);
        if !lacking.is_zero() {
            return Err(now + lacking);
        }
        let calls =
            usize::try_from(full.saturating_sub(used).as_nanos() / self.interval.as_nanos()).unwrap_or(usize::MAX);
        Ok(NonZeroUsize::new(calls).unwrap_or(NonZeroUsize::MIN))
    }

    /// A call that is taken and not sent is used up too: giving it back later would allow two bursts at once.
    pub(super) fn take(&mut self, now: Instant) {
        self.used_until = Some(self.used_until.map_or(now, |until| until.max(now)) + self.interval);
    }
}
