//! Refused: for a while nothing starts.

use std::time::Duration;

use tokio::time::Instant;

use super::Jitter;

/// Without `Retry-After`: doubles from the first to the longest while nothing but refusals is heard. The first costs a
/// tenth of a second's worth of an allowance that refills; the longest a twelfth of one that starts anew each minute.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// A confirm has ten minutes; whoever asks us to wait longer than this is not asking about confirms.
const ASKED_MAX: Duration = Duration::from_mins(1);
/// What may start after a hold besides what is in flight: a few, and a single one when the last few were refused too.
const BURST: usize = 4;

#[derive(Clone, Default)]
pub(super) struct Hold {
    until: Option<Instant>,
    /// In a row, each begun after the one before was dealt with.
    refusals: u32,
}

impl Hold {
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// Ends a hold whose time has come and says how many may start.
    pub(super) fn lift(&mut self) -> Option<usize> {
        self.until.take()?;
        Some(if self.refusals > 1 { 1 } else { BURST })
    }

    pub(super) fn is_refused_again(&self) -> bool {
        self.refusals > 0
    }

    /// Whatever call heard it: Toss said it now.
    pub(super) fn asked(&mut self, wait: Duration, now: Instant) {
        self.at_least_until(now + wait.min(ASKED_MAX));
    }

    pub(super) fn refused(&mut self, told_how_long: bool, now: Instant, jitter: &mut Jitter) {
        let doublings = if told_how_long { 0 } else { self.refusals.min(16) };
        self.refusals = self.refusals.saturating_add(1);
        self.at_least_until(now + jitter.spread((FIRST * 2_u32.pow(doublings)).min(LONGEST)));
    }

    pub(super) fn answered(&mut self) {
        self.refusals = 0;
    }

    fn at_least_until(&mut self, until: Instant) {
        self.until = Some(self.until.map_or(until, |held| held.max(until)));
    }
}
