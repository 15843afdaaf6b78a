//! The places in flight: a few at first, doubling each round trip until the first trouble; then slowly more while all is
//! used and answered, and at once fewer when Toss refuses or slows down.

use std::time::Duration;

use tokio::time::Instant;

/// The first places. 32 calls at 3 s are ten payments a second, which no shop's Toss contract should mind, and 6,000
/// are eight doublings away.
const START: usize = 32;
/// After trouble a round trip adds one place. While no trouble comes back the step doubles after each so many round
/// trips, up to a sixteenth of the limit: at 3 s a round trip, thousands one by one would take hours.
const ROUNDS_PER_STEP: u32 = 4;
const STEP_SHARE_MAX: usize = 16;
/// What Toss answers a second is measured over at most about this long.
const MEASURE_OVER: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub(super) struct Limit {
    places: usize,
    cap: usize,
    /// Below it the limit doubles each round trip: this much was borne before.
    doubles_to: usize,
    /// Answers that count towards the next place, and towards the end of this round.
    earned: usize,
    round: usize,
    /// Round trips since the last trouble.
    rounds: u32,
    /// Answers since then or since the last refusal.
    answers: u128,
    since: Option<Instant>,
}

impl Limit {
    pub(super) fn new(cap: usize) -> Self {
        Self { places: START.min(cap), cap, doubles_to: cap, earned: 0, round: 0, rounds: 0, answers: 0, since: None }
    }

    pub(super) fn get(&self) -> usize {
        self.places
    }

    /// Within an eighth: the rest is on its way through a claim.
    pub(super) fn is_nearly(&self, in_flight: usize) -> bool {
        in_flight * 8 >= self.places * 7
    }

    /// Between two calls, when a round trip's worth is spread over a round trip. A little less, so that the limit is what
    /// decides; and half of it while the limit doubles.
    pub(super) fn spacing(&self, latency: Duration) -> Duration {
        let parts = u32::try_from(self.places).unwrap_or(u32::MAX);
        if self.places < self.doubles_to { latency / parts / 2 } else { latency / parts * 16 / 17 }
    }

    pub(super) fn note_answer(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        self.answers += 1;
        if now.saturating_duration_since(since) > MEASURE_OVER {
            self.answers /= 2;
            self.since = Some(since + MEASURE_OVER / 2);
        }
    }

    /// One more call was answered while the limit was what kept others waiting.
    pub(super) fn grow(&mut self) {
        if self.places < self.doubles_to {
            self.places += 1;
            return;
        }
        self.round += 1;
        if self.round >= self.places {
            self.round = 0;
            self.rounds = self.rounds.saturating_add(1);
        }
        let step = 2_usize.saturating_pow(self.rounds / ROUNDS_PER_STEP);
        self.earned += step.min((self.places / STEP_SHARE_MAX).max(1));
        if self.earned >= self.places {
            self.earned -= self.places;
            self.places = (self.places + 1).min(self.cap);
        }
    }

    /// Toss refused: half of it, or what Toss was seen to answer where that is more. An allowance that refills steadily
    /// is known by then, and growing back to it from a half, one a round trip, would leave a quarter of it unused.
    pub(super) fn halve(&mut self, latency: Duration, now: Instant) {
        // Over a round trip at least: a bunch of answers at once is no rate.
        let measured = now.saturating_duration_since(self.since.unwrap_or(now)).max(latency).as_nanos().max(1);
        let borne = usize::try_from(self.answers * latency.as_nanos() / measured).unwrap_or(usize::MAX);
        let half = (self.places / 2).max(1);
        let before = self.places.max(self.doubles_to);
        self.doubles_to = borne.clamp(half, (before - before.div_ceil(8)).max(half));
        self.places = self.places.min(self.doubles_to);
        self.answers = 0;
        self.since = Some(now);
        self.settle();
    }

    /// Toss got slower: an eighth less. That is a guess, so it goes no lower than where we would start today.
    pub(super) fn ease(&mut self) {
        self.places = (self.places - self.places.div_ceil(8)).max(START.min(self.places));
        self.doubles_to = self.places;
        self.settle();
    }

    /// After a pause: at most so many places, doubling back to what was borne before it.
    pub(super) fn restart(&mut self, most: usize) {
        self.doubles_to = self.doubles_to.max(self.places);
        self.places = self.places.min(most).max(1);
        self.settle();
    }

    fn settle(&mut self) {
        self.earned = 0;
        self.round = 0;
        self.rounds = 0;
    }
}
