//! How many calls to Toss one worker may have in flight, and how many it may start now.
//!
//! It only counts: no clock, no sleep, no call of its own. It is told when a place is taken and what each call heard, and
//! answers how many more may start. Four parts, each blind to the others:
//! - `breaker`: after silences in a row one probe at a time, until Toss answers one.
//! - `limit`: the places in flight, more while Toss keeps up and fewer when it refuses or slows down (`latency`).
//! - `hold`: after a refusal nothing starts for a while, as long as Toss asks where it says so.
//! - `rate`: the configured calls a second; and, for some minutes after a refusal, calls spaced out over a round trip.
//!
//! Promises: never more in flight than configured, never more a second than configured; after an outage or a hold a few
//! calls start and not everything that waits. Would it forget a place, the worker would stand still with work to do; so
//! a place is a [`Turn`] and comes back when that is dropped, also when a try panics. It knows one worker, not the
//! others: each finds its share by being refused. It judges no answer (`classify` does) and pauses nobody for a bad key.

mod breaker;
mod hold;
mod latency;
mod limit;
mod rate;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::{sync::Notify, time::Instant};

use self::{
    breaker::{Breaker, Gate},
    hold::Hold,
    latency::Latency,
    limit::Limit,
    rate::Rate,
};

/// After a refusal calls are spaced out for so long. A shop that fills its allowance is refused more often than that and
/// stays spaced; any other may start what comes at once.
const SPACED_FOR: Duration = Duration::from_mins(5);

/// The configured caps. What Toss bears may be less; that is found out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) concurrency: u16,
    pub(crate) per_second: Option<NonZeroU32>,
}

/// What a call heard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard {
    /// Any answer but a 429, an error too.
    Answered,
    /// 429, and its `Retry-After`.
    Slow { asked: Option<Duration> },
    /// No answer: not connected, timed out, broken off.
    Silent,
}

/// How many intents may be taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    For(NonZeroUsize),
    /// None; there may be room at this time, or earlier when a call ends.
    NoneUntil(Instant),
    NoneUntilACallEnds,
}

/// For people: metrics and `/readyz`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    pub(crate) limit: usize,
    pub(crate) in_flight: usize,
    pub(crate) open_since: Option<Instant>,
    pub(crate) held_until: Option<Instant>,
}

#[derive(Clone)]
pub(crate) struct Flow(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ended: Notify,
}

impl Flow {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::seeded(limits, rand::random())
    }

    /// The same seed waits the same.
    fn seeded(limits: Limits, seed: u64) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(State::new(limits, seed)), ended: Notify::new() }))
    }

    pub(crate) fn room(&self, now: Instant) -> Room {
        self.lock().room(now)
    }

    /// Takes one place. A claim may have returned after the room it was sent for was gone; what it claimed is ours, so a
    /// place is never refused here.
    pub(crate) fn take(&self, now: Instant) -> Turn {
        let call = self.lock().take(now);
        Turn { flow: self.clone(), call, told: None }
    }

    /// Returns when a call has ended since the last time, for the one loop that claims.
    pub(crate) async fn a_call_ended(&self) {
        self.0.ended.notified().await;
    }

    pub(crate) fn state(&self, now: Instant) -> Snapshot {
        self.lock().snapshot(now)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counters: whatever a panic left half done is at worst one place off.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One place in flight. Dropped without a word it gives the place back and teaches nothing: nothing was sent.
pub(crate) struct Turn {
    flow: Flow,
    call: Call,
    told: Option<Told>,
}

impl Turn {
    pub(crate) fn heard(mut self, heard: Heard, took: Duration, now: Instant) {
        self.told = Some(Told { heard, took, now });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.flow.lock().end(self.call, self.told);
        self.flow.0.ended.notify_one();
    }
}

/// Calls are numbered in the order they began, so "began after" needs no clock.
#[derive(Clone, Copy, Debug)]
struct Call {
    number: u64,
    began: Instant,
    probe: bool,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    heard: Heard,
    took: Duration,
    now: Instant,
}

struct State {
    concurrency: usize,
    next_number: u64,
    in_flight: usize,
    /// In flight when the breaker last opened. They hang, perhaps for a minute: they count against the configured cap
    /// and not against the limit, or Toss would be back and nothing could start.
    written_off: usize,
    /// The first call after the breaker last opened.
    current_from: u64,
    /// The first call after the last trouble. What began before has seen what is dealt with already: that is how nothing
    /// is cut twice in one round trip.
    news_from: u64,
    /// The last call that took (nearly) the last place.
    full_at: u64,
    breaker: Breaker,
    hold: Hold,
    limit: Limit,
    latency: Latency,
    rate: Option<Rate>,
    spaced: Rate,
    spaced_until: Option<Instant>,
    jitter: Jitter,
}

impl State {
    fn new(limits: Limits, seed: u64) -> Self {
        let concurrency = usize::from(limits.concurrency.max(1));
        Self {
            concurrency,
            next_number: 1,
            in_flight: 0,
            written_off: 0,
            current_from: 0,
            news_from: 0,
            full_at: 0,
            breaker: Breaker::default(),
            hold: Hold::default(),
            limit: Limit::new(concurrency),
            latency: Latency::default(),
            rate: limits.per_second.map(Rate::configured),
            spaced: Rate::spaced(),
            spaced_until: None,
            jitter: Jitter(SmallRng::seed_from_u64(seed)),
        }
    }

    fn room(&mut self, now: Instant) -> Room {
        if let Some(until) = self.hold.until(now) {
            return Room::NoneUntil(until);
        }
        if let Some(burst) = self.hold.lift() {
            self.limit.restart(self.in_flight.saturating_add(burst));
        }
        let below_limit = match self.breaker.gate(now) {
            Gate::Closed => self.limit.get().saturating_sub(self.in_flight),
            Gate::Probe => 1,
            Gate::ProbeAt(at) => return Room::NoneUntil(at),
        };
        let below_cap = self.concurrency.saturating_sub(self.in_flight).saturating_sub(self.written_off);
        let Some(places) = NonZeroUsize::new(below_limit.min(below_cap)) else { return Room::NoneUntilACallEnds };
        if self.is_spaced(now) {
            self.spaced.space(self.limit.spacing(self.latency.recent()), now);
        }
        let spaced = self.is_spaced(now).then_some(&self.spaced);
        match spaced.into_iter().chain(&self.rate).try_fold(places, |places, rate| Ok(rate.room(now)?.min(places))) {
            Ok(places) => Room::For(places),
            Err(at) => Room::NoneUntil(at),
        }
    }

    fn take(&mut self, now: Instant) -> Call {
        let number = self.next_number;
        self.next_number += 1;
        self.in_flight += 1;
        if self.limit.is_nearly(self.in_flight) {
            self.full_at = number;
        }
        self.spaced.take(now);
        if let Some(rate) = &mut self.rate {
            rate.take(now);
        }
        Call { number, began: now, probe: self.breaker.take(now) }
    }

    fn end(&mut self, call: Call, told: Option<Told>) {
        let current = call.number >= self.current_from;
        let places = if current { &mut self.in_flight } else { &mut self.written_off };
        *places = places.saturating_sub(1);
        let Some(Told { heard, took, now }) = told else {
            if call.probe {
                self.breaker.probe_not_sent(call.began);
            }
            return;
        };
        match heard {
            Heard::Silent => self.silent(call, current, now),
            Heard::Answered => {
                self.reached(current);
                self.answered(call, took, now);
            }
            Heard::Slow { asked } => {
                self.reached(current);
                self.refused(call, asked, now);
            }
        }
    }

    fn silent(&mut self, call: Call, current: bool, now: Instant) {
        if current && self.breaker.silent(call.probe, now, &mut self.jitter) {
            self.written_off = self.written_off.saturating_add(self.in_flight);
            self.in_flight = 0;
            self.current_from = self.next_number;
            self.news_from = self.next_number;
        }
    }

    /// An answer, whatever it says, shows that Toss is there.
    fn reached(&mut self, current: bool) {
        if self.breaker.answered(current) {
            self.limit.restart(self.in_flight.saturating_add(breaker::RECOVERY_BURST));
        }
    }

    fn answered(&mut self, call: Call, took: Duration, now: Instant) {
        if call.number >= self.current_from {
            self.latency.note(took, now);
            self.limit.note_answer(now);
        }
        if call.number < self.news_from {
            return;
        }
        self.hold.answered();
        if self.latency.is_rising() {
            self.limit.ease();
            self.news_from = self.next_number;
        } else if self.full_at >= call.number {
            self.limit.grow();
        }
    }

    fn refused(&mut self, call: Call, asked: Option<Duration>, now: Instant) {
        if let Some(asked) = asked {
            self.hold.asked(asked, now);
        }
        if call.number < self.news_from {
            return;
        }
        // Refused again before anything was answered: the limit is not what is wrong, so only the waiting grows.
        if !self.hold.is_refused_again() {
            self.limit.halve(self.latency.recent(), now);
        }
        self.hold.refused(asked.is_some(), now, &mut self.jitter);
        self.news_from = self.next_number;
        self.spaced_until = Some(now + SPACED_FOR);
    }

    fn is_spaced(&self, now: Instant) -> bool {
        self.spaced_until.is_some_and(|until| until > now)
    }

    fn snapshot(&self, now: Instant) -> Snapshot {
        Snapshot {
            limit: self.limit.get(),
            in_flight: self.in_flight.saturating_add(self.written_off),
            open_since: self.breaker.open_since(),
            held_until: self.hold.until(now),
        }
    }
}

/// Many workers that met the same trouble must not come back together.
struct Jitter(SmallRng);

impl Jitter {
    /// `wait`, give or take a quarter.
    fn spread(&mut self, wait: Duration) -> Duration {
        wait * self.0.random_range(750..=1_250) / 1_000
    }
}
