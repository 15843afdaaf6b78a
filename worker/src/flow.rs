//! How many calls to Toss one worker may have in flight, and how many it may start now.
//!
//! It only counts: no clock, no sleep, no call of its own. It is told when a place is taken and what each call heard, and
//! answers how many more may start. Its parts are blind to each other:
//! - `breaker`: after silences in a row one probe at a time, until Toss answers one.
//! - `pace`, one for each endpoint of Toss: what it refuses says nothing about the others. When a second one refuses soon
//!   after, they have one allowance, and one pace. A pace has
//!   - a `limit`: the places in flight, more while Toss keeps up and fewer when it refuses or slows down (`latency`);
//!   - a `hold`: after a refusal nothing starts for a while, as long as Toss asks where it says so;
//!   - a `rate`: for some minutes after a refusal calls are spaced out over a round trip.
//! - `rate`: the configured calls a second.
//!
//! Promises: never more in flight than configured, never more a second than configured; after an outage or a hold a few
//! calls start and not everything that waits. Would it forget a place, the worker would stand still with work to do; so
//! a place is a [`Turn`] and comes back when that is dropped, also when a try panics. It knows one worker, not the
//! others: each finds its share by being refused. It judges no answer (`classify` does) and pauses nobody for a bad key.

mod breaker;
#[cfg(test)]
mod endpoints;
mod hold;
mod latency;
mod limit;
mod pace;
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
use shared::outbox;
use tokio::{sync::Notify, time::Instant};

use self::{
    breaker::{Breaker, Gate},
    pace::{Pace, SPACED_FOR},
    rate::Rate,
};

/// Two endpoints that refuse within this time share one allowance.
const SHARED_WITHIN: Duration = Duration::from_mins(1);
/// One pace for each endpoint, and one for all of them.
pub(crate) const PACES: usize = 4;
const OF_ALL: usize = 3;

/// The configured caps. What Toss bears may be less; that is found out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) concurrency: u16,
    pub(crate) per_second: Option<NonZeroU32>,
}

/// What a call heard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard {
    /// Any answer of Toss but a 429, an error too.
    Answered,
    /// An answer, and not in the form of Toss: a page of some proxy. Where Toss answers others it is one payment's fault.
    Garbled,
    /// 429, and its `Retry-After`.
    Slow { asked: Option<Duration> },
    /// No answer: not connected, timed out, broken off.
    Silent,
}

/// How many intents may be taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    For(NonZeroUsize),
    /// For one, that shows whether Toss is back.
    ForAProbe,
    /// None; there may be room at this time, or earlier when a call ends.
    NoneUntil(Instant),
    NoneUntilACallEnds,
}

/// The room of an endpoint, and the number of its pace: endpoints with the same number share their room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paced {
    pub(crate) pace: usize,
    pub(crate) room: Room,
}

/// For people: metrics and `/readyz`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    /// The places of this endpoint, or of all where they share one allowance.
    pub(crate) limit: usize,
    /// Of all endpoints.
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

    /// How many calls to this endpoint may start.
    pub(crate) fn room(&self, endpoint: outbox::Call, now: Instant) -> Room {
        self.lock().room(endpoint, now)
    }

    pub(crate) fn paced(&self, endpoint: outbox::Call, now: Instant) -> Paced {
        let mut state = self.lock();
        Paced { pace: state.pace(endpoint, now), room: state.room(endpoint, now) }
    }

    /// Takes one place. A claim may have returned after the room it was sent for was gone; what it claimed is ours, so a
    /// place is never refused here.
    pub(crate) fn take(&self, endpoint: outbox::Call, now: Instant) -> Turn {
        let call = self.lock().take(endpoint, now);
        Turn { flow: self.clone(), call, told: None }
    }

    /// Returns when a call has ended since the last time, for the one loop that claims.
    pub(crate) async fn a_call_ended(&self) {
        self.0.ended.notified().await;
    }

    pub(crate) fn state(&self, endpoint: outbox::Call, now: Instant) -> Snapshot {
        self.lock().snapshot(endpoint, now)
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
    /// The call may have gone to another endpoint than the place was taken for.
    pub(crate) fn heard(mut self, endpoint: outbox::Call, heard: Heard, took: Duration, now: Instant) {
        self.told = Some(Told { endpoint, heard, took, now });
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
    /// Whose place it took.
    pace: usize,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    endpoint: outbox::Call,
    heard: Heard,
    took: Duration,
    now: Instant,
}

struct State {
    concurrency: usize,
    next_number: u64,
    in_flight: usize,
    /// In flight when the breaker last opened. They hang, perhaps for a minute: they count against the configured cap
    /// and not against a limit, or Toss would be back and nothing could start.
    written_off: usize,
    /// The first call after the breaker last opened.
    current_from: u64,
    breaker: Breaker,
    paces: [Pace; PACES],
    /// When each endpoint last refused.
    refused_at: [Option<Instant>; OF_ALL],
    /// Until then the endpoints are taken to share one allowance.
    shared_until: Option<Instant>,
    rate: Option<Rate>,
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
            breaker: Breaker::default(),
            paces: std::array::from_fn(|_| Pace::new(concurrency)),
            refused_at: [None; OF_ALL],
            shared_until: None,
            rate: limits.per_second.map(Rate::configured),
            jitter: Jitter(SmallRng::seed_from_u64(seed)),
        }
    }

    fn pace(&mut self, endpoint: outbox::Call, now: Instant) -> usize {
        match self.shared_until {
            Some(until) if until > now => OF_ALL,
            Some(_) => {
                // What each bore before they were one is long ago.
                self.shared_until = None;
                self.paces = std::array::from_fn(|_| Pace::new(self.concurrency));
                number(endpoint)
            }
            None => number(endpoint),
        }
    }

    fn room(&mut self, endpoint: outbox::Call, now: Instant) -> Room {
        let pace = self.pace(endpoint, now);
        let pace = &mut self.paces[pace];
        if let Some(until) = pace.hold.until(now) {
            return Room::NoneUntil(until);
        }
        pace.lift_hold();
        let (below_limit, probe) = match self.breaker.gate(now) {
            Gate::Closed => (pace.below_limit(), false),
            Gate::Probe => (1, true),
            Gate::ProbeAt(at) => return Room::NoneUntil(at),
        };
        let below_cap = self.concurrency.saturating_sub(self.in_flight).saturating_sub(self.written_off);
        let Some(places) = NonZeroUsize::new(below_limit.min(below_cap)) else { return Room::NoneUntilACallEnds };
        let rates = pace.spaced(now).into_iter().chain(&self.rate);
        match rates.into_iter().try_fold(places, |places, rate| Ok(rate.room(now)?.min(places))) {
            Ok(_) if probe => Room::ForAProbe,
            Ok(places) => Room::For(places),
            Err(at) => Room::NoneUntil(at),
        }
    }

    fn take(&mut self, endpoint: outbox::Call, now: Instant) -> Call {
        let number = self.next_number;
        self.next_number += 1;
        self.in_flight += 1;
        let pace = self.pace(endpoint, now);
        self.paces[pace].take(number, now);
        if let Some(rate) = &mut self.rate {
            rate.take(now);
        }
        Call { number, began: now, probe: self.breaker.take(now), pace }
    }

    fn end(&mut self, call: Call, told: Option<Told>) {
        let current = call.number >= self.current_from;
        if current {
            self.in_flight = self.in_flight.saturating_sub(1);
            let pace = &mut self.paces[call.pace];
            pace.in_flight = pace.in_flight.saturating_sub(1);
        } else {
            self.written_off = self.written_off.saturating_sub(1);
        }
        let Some(Told { endpoint, heard, took, now }) = told else {
            if call.probe {
                self.breaker.probe_not_sent(call.began);
            }
            return;
        };
        let pace = self.pace(endpoint, now);
        match heard {
            Heard::Silent => self.silent(call, current, now),
            Heard::Garbled => {
                // It does not show that Toss is there, and not that it is away.
                if call.probe {
                    self.silent(call, current, now);
                }
                self.paces[pace].garbled();
            }
            Heard::Answered => {
                self.reached(current);
                self.paces[pace].answered(&call, took, current, self.next_number, now);
            }
            Heard::Slow { asked } => {
                self.reached(current);
                self.refused(call, endpoint, asked, now);
            }
        }
    }

    fn silent(&mut self, call: Call, current: bool, now: Instant) {
        if current && self.breaker.silent(call.probe, now, &mut self.jitter) {
            self.written_off = self.written_off.saturating_add(self.in_flight);
            self.in_flight = 0;
            self.current_from = self.next_number;
            for pace in &mut self.paces {
                pace.write_off(self.next_number);
            }
        }
    }

    /// An answer, whatever it says, shows that Toss is there.
    fn reached(&mut self, current: bool) {
        if self.breaker.answered(current) {
            for pace in &mut self.paces {
                pace.restart(breaker::RECOVERY_BURST);
            }
        }
    }

    fn refused(&mut self, call: Call, endpoint: outbox::Call, asked: Option<Duration>, now: Instant) {
        let pace = self.pace(endpoint, now);
        if !self.paces[pace].refused(&call, asked, self.next_number, now, &mut self.jitter) {
            return;
        }
        let lately = |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) < SHARED_WITHIN);
        let others = (0..OF_ALL).filter(|other| *other != number(endpoint));
        if others.into_iter().any(|other| lately(self.refused_at[other])) {
            if pace != OF_ALL {
                self.paces[OF_ALL] = self.paces[pace].for_all();
            }
            self.shared_until = Some(now + SPACED_FOR);
        }
        self.refused_at[number(endpoint)] = Some(now);
    }

    fn snapshot(&mut self, endpoint: outbox::Call, now: Instant) -> Snapshot {
        let pace = self.pace(endpoint, now);
        Snapshot {
            limit: self.paces[pace].limit(),
            in_flight: self.in_flight.saturating_add(self.written_off),
            open_since: self.breaker.open_since(),
            held_until: self.paces[pace].hold.until(now),
        }
    }
}

/// The place of an endpoint's pace.
fn number(endpoint: outbox::Call) -> usize {
    match endpoint {
        outbox::Call::Confirm => 0,
        outbox::Call::Query => 1,
        outbox::Call::Cancel => 2,
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
