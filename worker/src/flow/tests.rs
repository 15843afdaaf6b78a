//! What each part does, call by call.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::time::Instant;

use shared::outbox::Call;

use super::{Flow, Heard, Limits, Room, Snapshot, Turn, latency::Latency, limit::Limit};

const ANSWERED: Heard = Heard::Answered;
const SLOW: Heard = Heard::Slow { asked: None };
const SECOND: Duration = Duration::from_secs(1);

/// A flow and the time.
struct Bench {
    flow: Flow,
    now: Instant,
}

impl Bench {
    fn new(concurrency: u16) -> Self {
        Self { flow: Flow::seeded(Limits { concurrency, per_second: None }, 7), now: Instant::now() }
    }

    fn room(&self) -> usize {
        self.flow.room(Call::Confirm, self.now).places()
    }

    fn wait(&self) -> Duration {
        match self.flow.room(Call::Confirm, self.now) {
            Room::NoneUntil(at) => at - self.now,
            other @ (Room::For(_) | Room::ForAProbe | Room::NoneUntilACallEnds) => {
                panic!("no time to wait for: {other:?}")
            }
        }
    }

    fn state(&self) -> Snapshot {
        self.flow.state(Call::Confirm, self.now)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn take(&self, turns: usize) -> Vec<Turn> {
        (0..turns).map(|_| self.flow.take(Call::Confirm, self.now)).collect()
    }

    /// Everything that may start now.
    fn take_all(&self) -> Vec<Turn> {
        self.take(self.room())
    }

    fn hear(&self, turns: Vec<Turn>, heard: Heard) {
        for turn in turns {
            turn.heard(Call::Confirm, heard, SECOND, self.now);
        }
    }

    fn round_trip(&mut self, heard: Heard) -> usize {
        let turns = self.take_all();
        let started = turns.len();
        self.pass(SECOND);
        self.hear(turns, heard);
        started
    }

    fn open(&self) {
        self.hear(self.take(10), Heard::Silent);
        assert!(self.state().open_since.is_some(), "the breaker is not open");
    }

    fn pass_until_there_is_room(&mut self) {
        self.pass(self.wait());
    }
}

/// Give or take a quarter.
fn check_about(wait: Duration, expected_ms: u64) {
    let expected = Duration::from_millis(expected_ms);
    assert!((expected * 3 / 4..=expected * 5 / 4).contains(&wait), "{wait:?} is not about {expected:?}");
}

#[test]
fn a_turn_that_is_dropped_gives_its_place_back_and_teaches_nothing() {
    let bench = Bench::new(500);
    let mut turns = bench.take_all();
    assert_eq!((turns.len(), bench.room()), (32, 0));
    assert_eq!(bench.flow.room(Call::Confirm, bench.now), Room::NoneUntilACallEnds);
    turns.pop();
    assert_eq!((bench.room(), bench.state().in_flight), (1, 31));
    drop(turns);
    assert_eq!((bench.room(), bench.state().limit), (32, 32));
}

#[test]
fn no_more_are_in_flight_than_configured() {
    let mut bench = Bench::new(50);
    for expected in [32, 50, 50, 50] {
        assert_eq!(bench.round_trip(ANSWERED), expected);
    }
    assert_eq!(Bench::new(5).room(), 5);
}

#[test]
fn the_limit_doubles_each_round_trip_until_the_first_trouble_and_then_grows_by_one() {
    let mut bench = Bench::new(1_000);
    assert_eq!([(); 4].map(|()| bench.round_trip(ANSWERED)), [32, 64, 128, 256]);
    let one = bench.take(1);
    bench.hear(one, SLOW);
    assert_eq!(bench.state().limit, 256);
    bench.pass_until_there_is_room();
    let mut round_trip = || {
        // In small bursts now, and all of them heard a round trip after the first.
        let mut turns = Vec::new();
        while bench.room() > 0 || matches!(bench.flow.room(Call::Confirm, bench.now), Room::NoneUntil(_)) {
            bench.now += Duration::from_millis(1);
            turns.extend(bench.take_all());
        }
        bench.hear(turns, ANSWERED);
        bench.state().limit
    };
    assert_eq!([(); 7].map(|()| round_trip()), [8, 16, 32, 64, 128, 256, 257]);
    assert_eq!([(); 3].map(|()| round_trip()), [258, 259, 260]);
    // Untroubled for long it takes longer steps, or thousands would take hours.
    let later = [(); 12].map(|()| round_trip());
    assert!(later[11] > 260 + 2 * 12, "{later:?}");
}

#[test]
fn a_lane_that_is_not_full_does_not_grow() {
    let mut bench = Bench::new(1_000);
    for _ in 0..200 {
        let turns = bench.take(20);
        bench.pass(SECOND);
        bench.hear(turns, ANSWERED);
    }
    assert_eq!(bench.state().limit, 32);
}

#[test]
fn refusals_halve_the_limit_once_in_a_round_trip_and_never_below_one() {
    let mut bench = Bench::new(1_000);
    bench.round_trip(SLOW);
    assert_eq!(bench.state().limit, 16);
    for _ in 0..20 {
        bench.pass_until_there_is_room();
        assert!(bench.room() > 0, "the flow is stuck");
        bench.round_trip(SLOW);
        assert!(bench.state().limit >= 1);
    }
}

#[test]
fn nothing_starts_before_retry_after_has_passed() {
    let check = |asked_s, held_s| {
        let mut bench = Bench::new(1_000);
        bench.round_trip(Heard::Slow { asked: Some(Duration::from_secs(asked_s)) });
        assert_eq!(bench.wait(), Duration::from_secs(held_s));
        assert_eq!(bench.state().held_until, Some(bench.now + bench.wait()));
        let ends_at = bench.now + bench.wait();
        bench.now = ends_at - Duration::from_millis(1);
        assert_eq!(bench.room(), 0);
        bench.now = ends_at;
        assert_eq!((bench.room(), bench.state().held_until), (4, None));
    };
    check(1, 1);
    check(37, 37);
    check(3_600, 60);
}

#[test]
fn a_call_from_before_the_hold_can_lengthen_it_only_when_toss_asks() {
    let mut bench = Bench::new(1_000);
    let mut turns = bench.take_all();
    let late = turns.split_off(30);
    bench.hear(turns, SLOW);
    check_about(bench.wait(), 100);
    let held_until = bench.state().held_until;
    bench.pass(Duration::from_millis(50));
    let mut late = late.into_iter();
    bench.hear(late.next().into_iter().collect(), SLOW);
    assert_eq!(bench.state().held_until, held_until);
    bench.hear(late.collect(), Heard::Slow { asked: Some(SECOND) });
    assert_eq!(bench.wait(), SECOND);
}

#[test]
fn without_retry_after_the_hold_doubles_while_nothing_but_refusals_is_heard() {
    let mut bench = Bench::new(1_000);
    for expected_ms in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000] {
        bench.round_trip(SLOW);
        check_about(bench.wait(), expected_ms);
        bench.pass_until_there_is_room();
        assert_eq!(bench.room(), if expected_ms == 100 { 4 } else { 1 });
    }
    bench.round_trip(ANSWERED);
    bench.round_trip(SLOW);
    check_about(bench.wait(), 100);
}

#[test]
fn a_claim_that_was_under_way_when_toss_refused_does_not_stop_the_lane_for_long() {
    let mut bench = Bench::new(1_000);
    while bench.round_trip(ANSWERED) < 500 {}
    for _ in 0..10 {
        bench.round_trip(SLOW);
        bench.pass_until_there_is_room();
    }
    let late = bench.take(500);
    bench.pass(SECOND);
    bench.hear(late, ANSWERED);
    assert!(bench.wait() < SECOND * 2, "{:?}", bench.wait());
    bench.pass_until_there_is_room();
    assert!(bench.room() > 0);
}

#[test]
fn ten_silences_in_a_row_open_the_breaker_and_nine_do_not() {
    let mut bench = Bench::new(1_000);
    for _ in 0..5 {
        let mut turns = bench.take(10);
        let last = turns.split_off(9);
        bench.hear(turns, Heard::Silent);
        bench.hear(last, ANSWERED);
    }
    assert!(bench.state().open_since.is_none());
    bench.pass(SECOND);
    bench.open();
    assert_eq!((bench.state().open_since, bench.room()), (Some(bench.now), 0));
    check_about(bench.wait(), 1_000);
}

#[test]
fn an_open_breaker_lets_one_probe_through_at_a_time_and_waits_longer_after_each() {
    let mut bench = Bench::new(1_000);
    bench.open();
    for expected_ms in [1_000, 2_000, 4_000, 5_000, 5_000, 5_000] {
        check_about(bench.wait(), expected_ms);
        bench.pass_until_there_is_room();
        let probe = bench.take_all();
        assert_eq!((probe.len(), bench.room()), (1, 0));
        bench.pass(SECOND);
        assert_eq!(bench.room(), 0);
        bench.hear(probe, Heard::Silent);
    }
}

#[test]
fn a_probe_that_hangs_gives_way_to_another() {
    let mut bench = Bench::new(1_000);
    bench.open();
    bench.pass_until_there_is_room();
    let hanging = bench.take_all();
    assert_eq!(bench.wait(), SECOND * 15);
    bench.pass(SECOND * 15);
    assert_eq!(bench.room(), 1);
    bench.hear(hanging, ANSWERED); // and still counts
    assert!(bench.state().open_since.is_none());
}

#[test]
fn a_probe_that_was_not_sent_gives_way_to_another() {
    let mut bench = Bench::new(1_000);
    bench.open();
    bench.pass_until_there_is_room();
    drop(bench.take_all());
    assert_eq!(bench.room(), 1);
}

#[test]
fn any_answer_to_a_probe_closes_the_breaker_and_only_a_few_start() {
    for answer in [ANSWERED, SLOW] {
        let mut bench = Bench::new(1_000);
        bench.round_trip(ANSWERED);
        bench.open();
        bench.pass_until_there_is_room();
        bench.round_trip(answer);
        assert!(bench.state().open_since.is_none());
        if matches!(answer, Heard::Slow { .. }) {
            check_about(bench.wait(), 100);
            bench.pass_until_there_is_room();
        }
        assert_eq!(bench.room(), 4);
    }
}

#[test]
fn calls_from_before_the_breaker_opened_neither_close_it_nor_lengthen_its_waits() {
    let mut bench = Bench::new(1_000);
    let mut hanging = bench.take(20);
    bench.open();
    let wait = bench.wait();
    bench.hear(hanging.split_off(5), Heard::Silent);
    bench.hear(hanging, ANSWERED);
    assert_eq!((bench.wait(), bench.state().open_since), (wait, Some(bench.now)));
    bench.pass(wait);
    bench.round_trip(Heard::Silent);
    check_about(bench.wait(), 2_000);
}

#[test]
fn calls_that_hang_do_not_keep_a_recovered_lane_from_starting_but_count_against_the_cap() {
    let mut bench = Bench::new(40);
    let hanging = bench.take(28);
    bench.open();
    bench.pass_until_there_is_room();
    bench.round_trip(ANSWERED);
    let started = [(); 4].map(|()| bench.round_trip(ANSWERED));
    assert_eq!((started, bench.state().in_flight), ([4, 8, 12, 12], 28));
    // When they time out at last, that says nothing about now and frees no herd.
    bench.hear(hanging, Heard::Silent);
    assert!(bench.state().open_since.is_none());
    assert!(bench.room() <= 32, "{}", bench.room());
}

#[test]
fn a_confirm_that_takes_two_to_three_and_a_half_seconds_is_not_rising_latency() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let (mut latency, mut now) = (Latency::default(), Instant::now());
    for answer in 0..20_000 {
        now += Duration::from_millis(rng.random_range(0..100));
        let hung = answer > 100 && answer % 500 == 0;
        let took = if hung { 60_000 } else { rng.random_range(2_000..=3_500) };
        latency.note(Duration::from_millis(took), now);
        assert!(!latency.is_rising(), "answer {answer} took {took} ms");
    }
}

#[test]
fn a_lasting_change_of_level_is_rising_at_first_and_normal_within_a_minute() {
    for (before, after) in [(5, 3_000), (50, 1_000), (2_700, 9_000), (2_700, 30_000)] {
        for answers_per_second in [20, 1_000] {
            let (mut latency, mut now) = (Latency::default(), Instant::now());
            let mut rising = Vec::new();
            for took in [before, after, after] {
                let answers = 60 * answers_per_second;
                let rose = (0..answers).filter(|_| {
                    now += SECOND / answers_per_second;
                    latency.note(Duration::from_millis(took), now);
                    latency.is_rising()
                });
                rising.push(rose.count() / usize::try_from(answers_per_second).unwrap());
            }
            let seconds = rising[1];
            assert!((5..60).contains(&seconds) && rising[0] + rising[2] == 0, "{before} to {after} ms: {rising:?} s");
        }
    }
}

#[test]
fn rising_latency_takes_an_eighth_once_in_a_round_trip_and_stops_at_the_first_limit() {
    let mut bench = Bench::new(1_000);
    let round_trip = |bench: &mut Bench, took_ms| {
        let turns = bench.take_all();
        let took = Duration::from_millis(took_ms);
        bench.pass(took);
        for turn in turns {
            turn.heard(Call::Confirm, ANSWERED, took, bench.now);
        }
        bench.state().limit
    };
    assert_eq!([(); 5].map(|()| round_trip(&mut bench, 50)), [64, 128, 256, 512, 1_000]);
    assert_eq!([(); 3].map(|()| round_trip(&mut bench, 900)), [875, 765, 669]);

    let mut limit = Limit::new(1_000);
    assert_eq!([(); 3].map(|()| (limit.ease(), limit.get()).1), [32, 32, 32]);
    (0..10).for_each(|_| limit.grow());
    assert_eq!(limit.get(), 32);
}

#[tokio::test]
async fn the_claiming_loop_hears_of_each_call_that_ends() {
    let bench = Bench::new(10);
    let heard = async || tokio::time::timeout(SECOND * 10, bench.flow.a_call_ended()).await;
    let mut turns = bench.take(2);
    bench.hear(turns.split_off(1), ANSWERED);
    heard().await.expect("an end before the wait is not lost");
    let (waited, ()) = tokio::join!(heard(), async { drop(turns) });
    waited.expect("a dropped turn ends too");
}

#[test]
fn two_workers_do_not_wait_alike() {
    let waits = (0..20).map(|_| {
        let bench = Bench { flow: Flow::new(Limits { concurrency: 10, per_second: None }), now: Instant::now() };
        bench.open();
        bench.wait()
    });
    assert!(waits.collect::<std::collections::HashSet<_>>().len() > 10);
}
