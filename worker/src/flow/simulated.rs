//! What comes of it: minutes of one worker against a Toss that allows so much, goes away, or slows down.

use std::{cell::RefCell, num::NonZeroU32, time::Duration};

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{
    Heard, Limits,
    simulation::{MINUTE, Manners, Run, SECOND, Simulation, Tally, Toss, bucket, confirm_takes, window},
};

fn at_most(concurrency: u16) -> Limits {
    Limits { concurrency, per_second: None }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// At least 80 % of `allowed` a second, over five minutes; and of what was sent so many percent were refused at most.
fn check_goodput(what: &str, allowed: usize, refused_max: usize, warm_up: Duration, toss: impl Toss) {
    let run = Simulation::new(at_most(6_000), 7, toss).run(warm_up + MINUTE * 5);
    let tally = run.over(warm_up..warm_up + MINUTE * 5);
    let goodput = tally.answered * 100 / (allowed * 300);
    let refused = tally.refused * 100 / tally.sent;
    println!("{what}: {goodput} % of what Toss allows, {refused} % refused, {} in flight at most", tally.peak);
    assert!(goodput >= 80, "{what}: {goodput} % of what Toss allows");
    assert!(refused < refused_max, "{what}: {refused} % of the calls were refused");
}

#[test]
fn an_allowance_that_refills_steadily_is_used() {
    for (per_second, millis) in [(100, 5), (100, 50), (100, 500), (100, 2_000), (1_000, 200)] {
        // At 5 ms a single call in flight is more than is allowed: what is left is to be refused now and then.
        let refused_max = if millis < 50 { 35 } else { 25 };
        let allowed = usize::try_from(per_second).unwrap();
        let slow = Manners::taking(millis);
        for (how, manners) in [("slow", slow), ("quick", Manners { refusal: ms(5), ..slow })] {
            let what = format!("{per_second}/s at {millis} ms, refusals {how}");
            check_goodput(&what, allowed, refused_max, MINUTE, bucket(per_second, per_second, manners));
        }
    }
}

#[test]
fn an_allowance_that_holds_a_tenth_of_a_second_is_used() {
    for millis in [5, 50, 500] {
        let refused_max = if millis < 50 { 35 } else { 25 };
        let what = format!("100/s, 10 at once, at {millis} ms");
        check_goodput(&what, 100, refused_max, MINUTE, bucket(100, 10, Manners::taking(millis)));
    }
}

#[test]
fn an_allowance_that_starts_anew_each_minute_is_used() {
    for millis in [5, 50, 500, 2_000] {
        for says_when in [true, false] {
            let what = format!("600 a minute at {millis} ms, says when: {says_when}");
            // The first minutes halve what the first one overshot.
            check_goodput(&what, 10, 25, MINUTE * 3, window(600, Manners { says_when, ..Manners::taking(millis) }));
        }
    }
}

#[test]
fn an_allowance_is_used_where_confirms_take_two_to_three_and_a_half_seconds() {
    let mut allowance = bucket(100, 100, Manners::taking(5));
    let toss = move |at: Duration, rng: &mut SmallRng| match allowance.ask(at, rng) {
        (Heard::Answered, _) => (Heard::Answered, confirm_takes(rng)),
        refused => refused,
    };
    check_goodput("100/s at 2 to 3.5 s", 100, 25, MINUTE, toss);
}

#[test]
fn a_healthy_toss_gets_all_that_is_configured_and_keeps_it() {
    let healthy = |_: Duration, rng: &mut SmallRng| (Heard::Answered, confirm_takes(rng));
    let run = Simulation::new(at_most(6_000), 7, healthy).run(MINUTE * 2);
    let full = run.seconds.iter().find(|(_, tally)| tally.limit == 6_000).map(|(second, _)| *second).unwrap();
    println!("6,000 in flight after {full} s");
    assert!(full < 10 * 3, "6,000 in flight only after {full} s");
    assert!(run.seconds.range(full..).all(|(_, tally)| tally.limit == 6_000), "it shrank again");
}

/// A minute healthy, five away, two healthy; more waits than can be sent.
fn outage(concurrency: u16, silence: Duration, latency: fn(&mut SmallRng) -> Duration) -> Run {
    let toss = move |at: Duration, rng: &mut SmallRng| {
        let away = (MINUTE..MINUTE * 6).contains(&at);
        if away { (Heard::Silent, silence) } else { (Heard::Answered, latency(rng)) }
    };
    Simulation::new(at_most(concurrency), 7, toss).run(MINUTE * 8)
}

#[test]
fn an_outage_gets_a_few_calls_and_no_herd_when_it_ends() {
    let (begins, ends) = (MINUTE, MINUTE * 6);
    let confirm: fn(&mut SmallRng) -> Duration = confirm_takes;
    for (what, concurrency, silence, latency) in [
        ("not connected, 2 to 3.5 s", 2_000, ms(1), confirm),
        ("hanging for a minute, 2 to 3.5 s", 2_000, MINUTE, confirm),
        ("not connected, 200 ms", 400, ms(1), |_| ms(200)),
        ("hanging for a minute, 200 ms", 400, MINUTE, |_| ms(200)),
    ] {
        let full = usize::from(concurrency);
        let run = outage(concurrency, silence, latency);
        // What is in flight as it begins is answered, and replaced once at most; then nobody answers.
        let at_first = run.over(begins..begins + SECOND * 4).sent;
        let later = run.over(begins + SECOND * 4..ends).sent;
        let second = |is: &dyn Fn(&Tally) -> bool| {
            let mut seconds = run.seconds.range(ends.as_secs()..);
            seconds.find(|(_, tally)| is(tally)).map(|(second, _)| *second).unwrap()
        };
        let back_at = second(&|tally| tally.answered > 0);
        let peak = run.over(ends..Duration::from_secs(back_at + 1)).peak;
        let (back, again) = (back_at - ends.as_secs(), second(&|tally| tally.peak == full) - ends.as_secs());
        println!(
            "{what}: {at_first} sent as it begins, {later} later; answered {back} s after its end, {peak} in flight by \
             the end of that second, {full} after {again} s"
        );
        assert!(at_first <= full + 20, "{what}: {at_first} calls as it began");
        assert!(later <= 100, "{what}: {later} calls while it lasted");
        assert!(back <= 25, "{what}: it took {back} s to see that Toss is back");
        assert!(peak <= 150, "{what}: {peak} in flight in the first second");
        assert!(again <= 60, "{what}: {again} s until all was as before");
    }
}

#[test]
fn a_toss_that_slows_down_under_load_is_not_buried() {
    // Works on 100 at a time, 200 ms each; the others queue, and nobody is refused.
    let mut free_at = [Duration::ZERO; 100];
    let toss = move |at: Duration, _: &mut SmallRng| {
        let place = free_at.iter_mut().min().unwrap();
        *place = at.max(*place) + ms(200);
        (Heard::Answered, place.saturating_sub(at))
    };
    let run = Simulation::new(at_most(6_000), 7, toss).run(SECOND * 30);
    let tally = run.over(SECOND * 5..SECOND * 30);
    println!("{} in flight at most, {} a second", tally.peak, tally.answered / 25);
    assert!(tally.peak < 1_500, "{} in flight where 100 are worked on", tally.peak);
    assert!(tally.answered >= 25 * 500 * 8 / 10, "{} answered in 25 s", tally.answered);
}

#[test]
fn a_toss_that_stays_slower_gets_all_that_is_configured_again() {
    let toss = |at: Duration, _: &mut SmallRng| (Heard::Answered, if at < MINUTE { ms(200) } else { ms(3_000) });
    let run = Simulation::new(at_most(500), 7, toss).run(MINUTE * 5);
    let lowest = run.seconds.range(60..).map(|(_, tally)| tally.limit).min().unwrap();
    assert!((32..450).contains(&lowest), "the limit went to {lowest}");
    let tally = run.over(MINUTE * 4..MINUTE * 5);
    assert!(tally.answered > 60 * 100, "{} answered in the last minute, limit {}", tally.answered, tally.limit);
}

#[test]
fn an_idle_hour_does_not_make_a_herd() {
    let run =
        Simulation::new(at_most(6_000), 7, |_: Duration, rng: &mut SmallRng| (Heard::Answered, confirm_takes(rng)))
            .with_work(|at| if at < MINUTE * 60 { 3 } else { usize::MAX })
            .run(MINUTE * 60 + SECOND * 2);
    assert_eq!(run.over(MINUTE * 60..MINUTE * 60 + SECOND).peak, 32);
}

#[test]
fn no_more_start_in_a_second_than_configured() {
    for (per_second, burst) in [(1, 1), (7, 1), (100, 10), (900, 90)] {
        let sent = RefCell::new(Vec::new());
        let toss = |at: Duration, _: &mut SmallRng| {
            sent.borrow_mut().push(at);
            (Heard::Answered, ms(50))
        };
        let limits = Limits { concurrency: 500, per_second: NonZeroU32::new(per_second) };
        Simulation::new(limits, 7, toss).run(MINUTE);
        let sent = sent.into_inner();
        let allowed = usize::try_from(per_second).unwrap();
        assert!(sent.len() >= allowed * 59, "{per_second}/s: {} in a minute", sent.len());
        assert!(
            sent.iter().filter(|at| **at == Duration::ZERO).count() <= burst,
            "{per_second}/s: a herd at the start"
        );
        for (first, next) in sent.iter().zip(sent.iter().skip(allowed + burst)) {
            assert!(*next >= *first + SECOND, "{per_second}/s: too many between {first:?} and {next:?}");
        }
    }
}

#[test]
fn whatever_toss_does_the_lane_keeps_its_caps_and_comes_back() {
    for _ in 0..10 {
        let seed = rand::random();
        println!("seed {seed}");
        let mut rng = SmallRng::seed_from_u64(seed);
        let moods: Vec<(u32, u64, u64)> =
            (0..12).map(|_| (rng.random_range(0..4), rng.random_range(1..60_000), rng.random_range(0..90))).collect();
        // Ten seconds of each mood, then healthy. The simulation itself asserts the cap and each Retry-After.
        let toss = move |at: Duration, rng: &mut SmallRng| {
            let mood = usize::try_from(at.as_secs() / 10).ok().and_then(|mood| moods.get(mood));
            match mood {
                Some((0, took, _)) => (Heard::Silent, ms(rng.random_range(1..=*took))),
                Some((1, took, asked)) => {
                    let asked = rng.random_bool(0.5).then_some(Duration::from_secs((*asked).min(60)));
                    (Heard::Slow { asked }, ms(rng.random_range(1..=*took)))
                }
                Some((2, took, _)) if rng.random_bool(0.5) => (Heard::Silent, ms(*took)),
                _ => (Heard::Answered, ms(200)),
            }
        };
        let run = Simulation::new(at_most(40), seed, toss).run(MINUTE * 5);
        let tally = run.over(MINUTE * 4..MINUTE * 5);
        assert!(tally.answered >= 60 * 200 * 8 / 10, "{} answered in the last minute", tally.answered);
    }
}
