use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    time::Duration,
};

use shared::outbox::{Call, Class};
use tokio::time::Instant;

use super::{Choice, Classes, Next, place, share};
use crate::flow::{Paced, Room};

/// Every set of classes that may have work.
fn mixes() -> impl Iterator<Item = Vec<Class>> {
    (1..1_u32 << Class::ALL.len()).map(|bits| {
        let has_work = |class: &Class| bits >> place(*class) & 1 == 1;
        Class::ALL.into_iter().filter(has_work).collect()
    })
}

fn own(call: Call) -> usize {
    match call {
        Call::Confirm => 0,
        Call::Query => 1,
        Call::Cancel => 2,
    }
}

/// One worker whose classes never run dry.
struct Bench {
    classes: Classes,
    have_work: Vec<Class>,
    now: Instant,
    went: BTreeMap<usize, usize>,
}

impl Bench {
    fn new(have_work: &[Class]) -> Self {
        let mut bench =
            Self { classes: Classes::new(), have_work: have_work.to_vec(), now: Instant::now(), went: BTreeMap::new() };
        for class in have_work {
            bench.classes.found(*class, false, bench.now);
        }
        bench
    }

    /// Calls until so many went, where this many places are free each time, and endpoints have these rooms.
    fn run(&mut self, calls: usize, free: usize, paced: impl Fn(Call) -> Paced) {
        let mut left = calls;
        while left > 0 {
            self.now += Duration::from_millis(10);
            let next = self.classes.next(NonZeroUsize::new(free.min(left)).unwrap(), self.now, &paced);
            let Next::Claim(choice @ Choice { class, most, .. }) = next else { panic!("nobody goes: {next:?}") };
            assert!(self.have_work.contains(&class), "{class:?} has no work");
            assert!(most.get() <= free);
            self.classes.claimed(choice, most.get(), None, self.now);
            *self.went.entry(place(class)).or_default() += most.get();
            left -= most.get();
        }
    }

    fn of(&self, class: Class) -> usize {
        self.went.get(&place(class)).copied().unwrap_or_default()
    }
}

fn places(places: usize) -> Room {
    Room::For(NonZeroUsize::new(places).unwrap())
}

fn share_of(calls: usize, class: Class) -> usize {
    calls * usize::try_from(share(class)).unwrap() / 100
}

/// Of so many calls, give or take two: who goes before it may be owed one too.
fn check_shares(bench: &Bench, have_work: &[Class], calls: usize, what: &str) {
    let Some((first, others)) = have_work.split_first() else { return };
    for class in others {
        let (went, own) = (bench.of(*class), share_of(calls, *class));
        assert!(went + 2 >= own, "{what}: {class:?} got {went} of {calls}, and {own} are its own");
    }
    let own = calls - others.iter().map(|class| share_of(calls, *class)).sum::<usize>();
    let went = bench.of(*first);
    assert!(went + others.len() >= own, "{what}: {first:?} goes first and got {went}, not {own}");
}

/// The calls are what is short, of one allowance.
#[test]
fn whatever_has_work_has_its_share_of_the_calls_and_the_first_has_what_is_over() {
    for have_work in mixes() {
        for calls in [10, 20, 100, 1_000] {
            let mut bench = Bench::new(&have_work);
            bench.run(calls, 1, |_| Paced { pace: 3, room: places(1) });
            check_shares(&bench, &have_work, calls, &format!("{have_work:?}"));
        }
    }
}

/// The worker's places are what is short. Classes that call the same endpoint divide what that endpoint gets.
#[test]
fn where_places_are_short_no_endpoint_is_without_them_and_each_divides_its_own() {
    for have_work in mixes() {
        let calls = 1_000;
        let mut bench = Bench::new(&have_work);
        bench.run(calls, 1, |call| Paced { pace: own(call), room: places(50) });
        for pace in [Call::Confirm, Call::Query, Call::Cancel].map(own) {
            let of_pace: Vec<Class> = have_work.iter().copied().filter(|class| own(class.call()) == pace).collect();
            let went: usize = of_pace.iter().map(|class| bench.of(*class)).sum();
            check_shares(&bench, &of_pace, went, &format!("{have_work:?}"));
        }
        if have_work.contains(&Class::Refund) {
            assert!(bench.of(Class::Refund) >= share_of(calls, Class::Refund) - 1, "{have_work:?}");
        }
    }
}

#[test]
fn of_ten_calls_a_minute_two_are_refunds_and_one_is_a_lookup() {
    let mut bench = Bench::new(&Class::ALL);
    let one_allowance = |_| Paced { pace: 3, room: places(1) };
    for minute in 1..=10 {
        bench.went.clear();
        bench.run(10, 1, one_allowance);
        assert!(bench.of(Class::Refund) >= 2, "minute {minute}: {:?}", bench.went);
        let lookups = bench.of(Class::RefundLookup) + bench.of(Class::Lookup) + bench.of(Class::DepositLookup);
        assert!(lookups >= 1, "minute {minute}: {:?}", bench.went);
    }
}

#[test]
fn large_claims_owe_what_many_small_ones_would() {
    for have_work in mixes() {
        let mut bench = Bench::new(&have_work);
        let one_allowance = |_| Paced { pace: 3, room: places(500) };
        bench.run(50_000, 500, one_allowance);
        for class in have_work.iter().skip(1) {
            let (went, own) = (bench.of(*class), share_of(50_000, *class));
            assert!(went + 500 >= own, "{have_work:?}: {class:?} got {went} of its {own}");
        }
    }
}

#[test]
fn who_had_no_work_saved_nothing_up() {
    let mut bench = Bench::new(&[Class::Confirm]);
    let one_allowance = |_| Paced { pace: 3, room: places(1) };
    bench.run(10_000, 1, one_allowance);
    bench.have_work.push(Class::Refund);
    bench.classes.found(Class::Refund, false, bench.now);
    bench.went.clear();
    bench.run(100, 1, one_allowance);
    assert!((20..=22).contains(&bench.of(Class::Refund)), "{:?}", bench.went);
}

#[test]
fn an_endpoint_that_may_not_be_called_holds_no_other_up() {
    for blocked in [Call::Confirm, Call::Query, Call::Cancel] {
        let others: BTreeSet<usize> =
            Class::ALL.into_iter().filter(|class| class.call() != blocked).map(place).collect();
        for room in [Room::NoneUntilACallEnds, Room::NoneUntil(Instant::now() + Duration::from_mins(1))] {
            let mut bench = Bench::new(&Class::ALL);
            bench
                .run(1_000, 10, |call| Paced { pace: own(call), room: if call == blocked { room } else { places(5) } });
            let went: BTreeSet<usize> = bench.went.keys().copied().collect();
            assert_eq!(went, others, "{blocked:?} is blocked");
        }
    }
}

#[test]
fn a_probe_is_for_who_goes_first_whatever_the_others_are_owed() {
    let first = |have_work: &[Class], pace: fn(Call) -> usize| {
        let mut bench = Bench::new(have_work);
        bench.run(57, 3, |call| Paced { pace: pace(call), room: places(3) });
        let free = NonZeroUsize::new(100).unwrap();
        bench
            .classes
            .next(free, bench.now + Duration::from_secs(1), |call| Paced { pace: pace(call), room: Room::ForAProbe })
    };
    for have_work in mixes() {
        for pace in [own, |_| 3] {
            let goes = Choice { class: have_work[0], most: NonZeroUsize::MIN, pace: pace(have_work[0].call()) };
            let expected = Next::Claim(goes);
            assert_eq!(first(&have_work, pace), expected, "{have_work:?}");
        }
    }
}

#[test]
fn a_class_that_gave_less_than_was_asked_for_is_asked_again_a_moment_later_and_an_empty_one_when_it_is_found_again() {
    let mut bench = Bench::new(&[Class::Lookup]);
    let free = NonZeroUsize::new(10).unwrap();
    let all = |call| Paced { pace: own(call), room: places(10) };
    let now = bench.now;
    let choice = Choice { class: Class::Lookup, most: free, pace: own(Call::Query) };
    bench.classes.claimed(choice, 4, None, now);
    let Next::Wait { until: Some(until), for_a_call: false } = bench.classes.next(free, now, all) else {
        panic!("it is asked at once");
    };
    assert!(until > now && until <= now + Duration::from_millis(10));
    assert_eq!(bench.classes.next(free, until, all), Next::Claim(choice));
    bench.classes.claimed(choice, 0, None, until);
    assert!(!bench.classes.have_work());
    assert_eq!(bench.classes.next(free, until, all), Next::Wait { until: None, for_a_call: false });
    let looked_at: Vec<Class> = bench.classes.to_look_at(false).into_iter().map(|(class, _)| class).collect();
    assert_eq!(looked_at, Class::ALL, "it is looked for again, like all others that have none");
}
