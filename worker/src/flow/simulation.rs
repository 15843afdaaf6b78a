//! A Toss and a claiming loop in virtual time: a queue of events, no clock and no task, so minutes take milliseconds and
//! every run is the same.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    num::NonZeroUsize,
    ops::Range,
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::time::Instant;

use shared::outbox::Call;

use super::{Flow, Heard, Limits, Room, Turn};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_mins(1);

/// A second: far above what any run here may send. A flow without brakes must fail, not run for ever.
const SENT_MAX: usize = 50_000;

/// What Toss does with a call that reaches it: how long until what is heard.
pub(super) trait Toss {
    fn ask(&mut self, at: Duration, rng: &mut SmallRng) -> (Heard, Duration);
}

impl<F: FnMut(Duration, &mut SmallRng) -> (Heard, Duration)> Toss for F {
    fn ask(&mut self, at: Duration, rng: &mut SmallRng) -> (Heard, Duration) {
        self(at, rng)
    }
}

/// One second of a run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: usize,
    pub(super) answered: usize,
    pub(super) refused: usize,
    /// In flight at most, and the limit at the end.
    pub(super) peak: usize,
    pub(super) limit: usize,
}

pub(super) struct Run {
    pub(super) seconds: BTreeMap<u64, Tally>,
}

impl Run {
    /// The whole seconds of this range.
    pub(super) fn over(&self, range: Range<Duration>) -> Tally {
        let mut sum = Tally::default();
        for tally in self.seconds.range(range.start.as_secs()..range.end.as_secs()).map(|(_, tally)| tally) {
            sum.sent += tally.sent;
            sum.answered += tally.answered;
            sum.refused += tally.refused;
            sum.peak = sum.peak.max(tally.peak);
            sum.limit = tally.limit;
        }
        sum
    }
}

enum Event {
    Look,
    Ended { turn: Turn, heard: Heard, took: Duration },
}

pub(super) struct Simulation<T> {
    pub(super) flow: Flow,
    toss: T,
    /// How many intents are due at this time.
    waiting: fn(Duration) -> usize,
    rng: SmallRng,
    start: Instant,
    now: Duration,
    events: BinaryHeap<Reverse<(Duration, usize)>>,
    what: BTreeMap<usize, Event>,
    next_event: usize,
    next_look: Option<Duration>,
    /// Toss asked for silence until then.
    asked_until: Duration,
    concurrency: usize,
    run: Run,
}

impl<T: Toss> Simulation<T> {
    pub(super) fn new(limits: Limits, seed: u64, toss: T) -> Self {
        Self {
            flow: Flow::seeded(limits, seed),
            toss,
            waiting: |_| usize::MAX,
            rng: SmallRng::seed_from_u64(seed),
            start: Instant::now(),
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            what: BTreeMap::new(),
            next_event: 0,
            next_look: None,
            asked_until: Duration::ZERO,
            concurrency: usize::from(limits.concurrency),
            run: Run { seconds: BTreeMap::new() },
        }
    }

    /// At most so many in flight for want of work.
    pub(super) fn with_work(mut self, waiting: fn(Duration) -> usize) -> Self {
        self.waiting = waiting;
        self
    }

    pub(super) fn run(mut self, until: Duration) -> Run {
        self.at(Duration::ZERO, Event::Look);
        while let Some(Reverse((at, event))) = self.events.pop() {
            if at >= until {
                break;
            }
            self.now = at;
            match self.what.remove(&event).unwrap() {
                Event::Look => self.next_look = None,
                Event::Ended { turn, heard, took } => self.ended(turn, heard, took),
            }
            self.start_what_may_start();
        }
        self.run
    }

    fn ended(&mut self, turn: Turn, heard: Heard, took: Duration) {
        let now = self.instant();
        turn.heard(Call::Confirm, heard, took, now);
        match heard {
            Heard::Answered => self.tally().answered += 1,
            Heard::Slow { asked } => {
                self.asked_until = self.asked_until.max(self.now + asked.unwrap_or_default());
                self.tally().refused += 1;
            }
            Heard::Silent | Heard::Garbled => {}
        }
    }

    fn start_what_may_start(&mut self) {
        let now = self.instant();
        loop {
            let work = (self.waiting)(self.now).saturating_sub(self.flow.state(Call::Confirm, now).in_flight);
            let Some(work) = NonZeroUsize::new(work) else { break };
            match self.flow.room(Call::Confirm, now) {
                Room::For(places) => (0..places.min(work).get()).for_each(|_| self.send()),
                Room::ForAProbe => self.send(),
                Room::NoneUntil(at) => {
                    self.look_at(at - self.start);
                    break;
                }
                Room::NoneUntilACallEnds => break,
            }
        }
        let limit = self.flow.state(Call::Confirm, now).limit;
        self.tally().limit = limit;
    }

    fn send(&mut self) {
        let now = self.instant();
        let turn = self.flow.take(Call::Confirm, now);
        let (heard, took) = self.toss.ask(self.now, &mut self.rng);
        let in_flight = self.flow.state(Call::Confirm, now).in_flight;
        assert!(in_flight <= self.concurrency, "{in_flight} in flight at {:?}", self.now);
        assert!(self.now >= self.asked_until, "sent at {:?}, asked to wait until {:?}", self.now, self.asked_until);
        let tally = self.tally();
        tally.sent += 1;
        assert!(tally.sent < SENT_MAX, "calls without end");
        tally.peak = tally.peak.max(in_flight);
        self.at(self.now + took, Event::Ended { turn, heard, took });
    }

    fn look_at(&mut self, at: Duration) {
        assert!(at > self.now, "the flow says to look again at a time that has come");
        if self.next_look.is_none_or(|planned| planned > at) {
            self.next_look = Some(at);
            self.at(at, Event::Look);
        }
    }

    fn at(&mut self, at: Duration, event: Event) {
        self.next_event += 1;
        self.what.insert(self.next_event, event);
        self.events.push(Reverse((at, self.next_event)));
    }

    fn instant(&self) -> Instant {
        self.start + self.now
    }

    fn tally(&mut self) -> &mut Tally {
        self.run.seconds.entry(self.now.as_secs()).or_default()
    }
}

/// What Toss allows and how long it takes. The harder case is the default: a refusal takes as long as an answer, and
/// nobody says how long to wait.
#[derive(Clone, Copy)]
pub(super) struct Manners {
    pub(super) latency: Duration,
    pub(super) refusal: Duration,
    pub(super) says_when: bool,
}

impl Manners {
    pub(super) fn taking(millis: u64) -> Self {
        let latency = Duration::from_millis(millis);
        Self { latency, refusal: latency, says_when: false }
    }
}

/// An allowance that refills steadily and holds `size` at most.
pub(super) fn bucket(per_second: u32, size: u32, manners: Manners) -> impl Toss {
    let interval = SECOND / per_second;
    let mut used_until = Duration::ZERO;
    move |at: Duration, _: &mut SmallRng| {
        let used = used_until.max(at) + interval;
        if used > at + interval * size {
            return (Heard::Slow { asked: manners.says_when.then_some(SECOND) }, manners.refusal);
        }
        used_until = used;
        (Heard::Answered, manners.latency)
    }
}

/// An allowance that starts anew with each minute.
pub(super) fn window(per_minute: usize, manners: Manners) -> impl Toss {
    let mut used = (0, 0);
    move |at: Duration, _: &mut SmallRng| {
        let minute = at.as_secs() / 60;
        used = if used.0 == minute { (minute, used.1 + 1) } else { (minute, 1) };
        if used.1 <= per_minute {
            return (Heard::Answered, manners.latency);
        }
        let left = Duration::from_secs(60 - at.as_secs() % 60);
        (Heard::Slow { asked: manners.says_when.then_some(left) }, manners.refusal)
    }
}

/// A healthy Toss: a confirm takes 2 to 3.5 s, by chance.
pub(super) fn confirm_takes(rng: &mut SmallRng) -> Duration {
    Duration::from_millis(rng.random_range(2_000..=3_500))
}
