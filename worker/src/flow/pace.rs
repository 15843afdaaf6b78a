//! The pace of the calls that Toss counts together: those of one endpoint, or of all.

use std::time::Duration;

use tokio::time::Instant;

use super::{Call, Jitter, hold::Hold, latency::Latency, limit::Limit, rate::Rate};

/// After a refusal calls are spaced out for so long. A shop that fills its allowance is refused more often than that and
/// stays spaced; any other may start what comes at once.
pub(super) const SPACED_FOR: Duration = Duration::from_mins(5);
/// So many garbled answers with no other between are more than some odd payments.
const GARBLED_MAX: u32 = 10;
/// The places that are left then: a proxy that answers for Toss is not to be buried in calls.
const GARBLED_PLACES: usize = 4;

#[derive(Clone)]
pub(super) struct Pace {
    pub(super) in_flight: usize,
    /// The first call after the last trouble. What began before has seen what is dealt with already: that is how nothing
    /// is cut twice in one round trip.
    news_from: u64,
    /// The last call that took (nearly) the last place.
    full_at: u64,
    /// In a row, with no answer of Toss between.
    garbled: u32,
    pub(super) hold: Hold,
    limit: Limit,
    latency: Latency,
    spaced: Rate,
    spaced_until: Option<Instant>,
}

impl Pace {
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            in_flight: 0,
            news_from: 0,
            full_at: 0,
            garbled: 0,
            hold: Hold::default(),
            limit: Limit::new(concurrency),
            latency: Latency::default(),
            spaced: Rate::spaced(),
            spaced_until: None,
        }
    }

    /// For the calls of all endpoints, from now on. What is in flight gives its places back to the pace it took them from.
    pub(super) fn for_all(&self) -> Self {
        Self { in_flight: 0, ..self.clone() }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.get()
    }

    pub(super) fn below_limit(&self) -> usize {
        self.limit.get().saturating_sub(self.in_flight)
    }

    /// Ends a hold whose time has come.
    pub(super) fn lift_hold(&mut self) {
        if let Some(burst) = self.hold.lift() {
            self.limit.restart(self.in_flight.saturating_add(burst));
        }
    }

    /// How calls are spaced out at the moment, if they are.
    pub(super) fn spaced(&mut self, now: Instant) -> Option<&Rate> {
        let is_spaced = self.spaced_until.is_some_and(|until| until > now);
        if is_spaced {
            self.spaced.space(self.limit.spacing(self.latency.recent()), now);
        }
        is_spaced.then_some(&self.spaced)
    }

    pub(super) fn take(&mut self, number: u64, now: Instant) {
        self.in_flight += 1;
        if self.limit.is_nearly(self.in_flight) {
            self.full_at = number;
        }
        self.spaced.take(now);
    }

    /// What is in flight hangs: it counts no more here, and teaches nothing.
    pub(super) fn write_off(&mut self, next_number: u64) {
        self.in_flight = 0;
        self.news_from = next_number;
    }

    /// Only so many may start besides what is in flight, and from there the limit doubles.
    pub(super) fn restart(&mut self, burst: usize) {
        self.limit.restart(self.in_flight.saturating_add(burst));
    }

    pub(super) fn answered(&mut self, call: &Call, took: Duration, current: bool, next_number: u64, now: Instant) {
        self.garbled = 0;
        if current {
            self.latency.note(took, now);
            self.limit.note_answer(now);
        }
        if call.number < self.news_from {
            return;
        }
        self.hold.answered();
        if self.latency.is_rising() {
            self.limit.ease();
            self.news_from = next_number;
        } else if self.full_at >= call.number {
            self.limit.grow();
        }
    }

    pub(super) fn garbled(&mut self) {
        self.garbled = self.garbled.saturating_add(1);
        if self.garbled >= GARBLED_MAX {
            self.limit.restart(GARBLED_PLACES);
        }
    }

    /// Says whether that is news.
    pub(super) fn refused(
        &mut self,
        call: &Call,
        asked: Option<Duration>,
        next_number: u64,
        now: Instant,
        jitter: &mut Jitter,
    ) -> bool {
        if let Some(asked) = asked {
            self.hold.asked(asked, now);
        }
        if call.number < self.news_from {
            return false;
        }
        // Refused again before anything was answered: the limit is not what is wrong, so only the waiting grows.
        if !self.hold.is_refused_again() {
            self.limit.halve(self.latency.recent(), now);
        }
        self.hold.refused(asked.is_some(), now, jitter);
        self.news_from = next_number;
        self.spaced_until = Some(now + SPACED_FOR);
        true
    }
}
