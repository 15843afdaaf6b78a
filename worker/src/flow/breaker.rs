//! Toss away: after silences in a row nothing is sent but probes, until one is answered.

use std::time::Duration;

use tokio::time::Instant;

use super::Jitter;

/// One silence is a lost packet. Ten with no answer between are no accident, and cost little where calls fail at once.
const SILENCES_MAX: u32 = 10;
/// From one silence to the next probe. A shopper waits, and one call every five seconds burdens nobody.
const PROBE_WAITS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(5)];
/// A call may hang for a minute, and a whole minute of a healthy Toss is too much to wait for one probe. Confirms take
/// 2 to 3.5 s; a probe out for several times that is given up as a probe, though its answer still counts.
const PROBE_PATIENCE: Duration = Duration::from_secs(15);
/// What may start when a probe was answered; from there the limit doubles each round trip.
pub(super) const RECOVERY_BURST: usize = 4;

pub(super) enum Gate {
    Closed,
    Probe,
    ProbeAt(Instant),
}

#[derive(Default)]
pub(super) struct Breaker {
    /// In a row, while closed.
    silences: u32,
    open: Option<Open>,
}

struct Open {
    since: Instant,
    probe_at: Instant,
    silent_probes: usize,
}

impl Breaker {
    pub(super) fn gate(&self, now: Instant) -> Gate {
        match &self.open {
            None => Gate::Closed,
            Some(open) if open.probe_at <= now => Gate::Probe,
            Some(open) => Gate::ProbeAt(open.probe_at),
        }
    }

    /// Is the call that begins now the probe?
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let Some(open) = self.open.as_mut().filter(|open| open.probe_at <= now) else { return false };
        open.probe_at = now + PROBE_PATIENCE;
        true
    }

    /// Says whether that opened it. Not to be told of calls from before it opened.
    pub(super) fn silent(&mut self, probe: bool, now: Instant, jitter: &mut Jitter) -> bool {
        if let Some(open) = &mut self.open {
            if probe {
                open.silent_probes += 1;
                let wait = PROBE_WAITS[open.silent_probes.min(PROBE_WAITS.len() - 1)];
                open.probe_at = open.probe_at.min(now + jitter.spread(wait));
            }
            return false;
        }
        self.silences += 1;
        if self.silences < SILENCES_MAX {
            return false;
        }
        self.silences = 0;
        self.open = Some(Open { since: now, probe_at: now + jitter.spread(PROBE_WAITS[0]), silent_probes: 0 });
        true
    }

    /// Says whether that closed it. What began before it opened proves nothing about now.
    pub(super) fn answered(&mut self, began_since_it_opened: bool) -> bool {
        self.silences = 0;
        began_since_it_opened && self.open.take().is_some()
    }

    pub(super) fn probe_not_sent(&mut self, began: Instant) {
        if let Some(open) = &mut self.open {
            open.probe_at = open.probe_at.min(began);
        }
    }

    pub(super) fn open_since(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.since)
    }
}
