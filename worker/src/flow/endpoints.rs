//! What one endpoint of Toss hears, and what the others are told of it.

use std::time::Duration;

use shared::outbox::Call;
use tokio::time::Instant;

use super::{Flow, Heard, Limits, Room, Turn};

impl Room {
    pub(super) fn places(self) -> usize {
        match self {
            Self::For(places) => places.get(),
            Self::ForAProbe => 1,
            Self::NoneUntil(_) | Self::NoneUntilACallEnds => 0,
        }
    }
}

const ALL: [Call; 3] = [Call::Confirm, Call::Query, Call::Cancel];
const SECOND: Duration = Duration::from_secs(1);
const SLOW: Heard = Heard::Slow { asked: Some(Duration::from_secs(30)) };

fn flow(concurrency: u16) -> Flow {
    Flow::seeded(Limits { concurrency, per_second: None }, 7)
}

fn room(flow: &Flow, endpoint: Call, now: Instant) -> usize {
    flow.room(endpoint, now).places()
}

/// One call, from its beginning to what it hears.
fn call(flow: &Flow, endpoint: Call, heard: Heard, now: Instant) {
    flow.take(endpoint, now).heard(endpoint, heard, SECOND, now);
}

/// Every endpoint, with each of the others.
fn pairs() -> impl Iterator<Item = (Call, Call)> {
    ALL.into_iter().flat_map(|one| ALL.into_iter().filter(move |other| *other != one).map(move |other| (one, other)))
}

#[test]
fn what_one_endpoint_refuses_stops_no_call_to_another() {
    for (refused, other) in pairs() {
        let (flow, now) = (flow(100), Instant::now());
        call(&flow, refused, SLOW, now);
        assert_eq!(room(&flow, refused, now), 0, "{refused:?}");
        assert_eq!(room(&flow, other, now), 32, "{other:?} after {refused:?}");
        assert_ne!(flow.paced(refused, now).pace, flow.paced(other, now).pace);
    }
}

#[test]
fn two_endpoints_that_refuse_within_a_minute_share_one_allowance_for_five_minutes() {
    for (first, second) in pairs() {
        let (flow, mut now) = (flow(100), Instant::now());
        call(&flow, first, SLOW, now);
        now += SECOND * 59;
        call(&flow, second, SLOW, now);
        for endpoint in ALL {
            assert_eq!(room(&flow, endpoint, now), 0, "{endpoint:?} after {first:?} and {second:?}");
            assert_eq!(flow.paced(endpoint, now).pace, flow.paced(first, now).pace);
        }
        now += SECOND * 200;
        call(&flow, first, SLOW, now);
        assert_eq!(room(&flow, second, now), 0, "{second:?} waits with {first:?}");
        now += SECOND * 99;
        assert_eq!(flow.paced(first, now).pace, flow.paced(second, now).pace);
        now += SECOND * 2;
        assert_ne!(flow.paced(first, now).pace, flow.paced(second, now).pace);
        assert_eq!(room(&flow, first, now), 32);
    }
}

#[test]
fn refusals_of_two_endpoints_that_are_more_than_a_minute_apart_are_two_allowances() {
    for (first, second) in pairs() {
        let (flow, mut now) = (flow(100), Instant::now());
        call(&flow, first, SLOW, now);
        now += SECOND * 61;
        call(&flow, second, SLOW, now);
        assert_eq!(room(&flow, second, now), 0, "{second:?}");
        assert!(room(&flow, first, now) > 0, "{first:?} after {second:?}");
    }
}

#[test]
fn a_confirm_that_became_a_lookup_teaches_the_pace_of_lookups() {
    let (flow, now) = (flow(100), Instant::now());
    flow.take(Call::Confirm, now).heard(Call::Query, SLOW, SECOND, now);
    assert_eq!(room(&flow, Call::Query, now), 0);
    assert_eq!(room(&flow, Call::Confirm, now), 32, "its place came back");
}

#[test]
fn places_that_were_taken_before_the_endpoints_became_one_come_back_and_the_cap_holds_over_all() {
    let (flow, mut now) = (flow(40), Instant::now());
    let held: Vec<Turn> = ALL.into_iter().flat_map(|endpoint| [endpoint; 10]).map(|e| flow.take(e, now)).collect();
    assert_eq!(room(&flow, Call::Confirm, now), 10, "the cap is of the worker, not of an endpoint");
    call(&flow, Call::Confirm, SLOW, now);
    call(&flow, Call::Query, SLOW, now);
    now += SECOND * 31;
    drop(held);
    assert_eq!(flow.state(Call::Cancel, now).in_flight, 0);
    now += SECOND * 400;
    for endpoint in ALL {
        assert_eq!(room(&flow, endpoint, now), 32, "{endpoint:?}");
    }
}

#[test]
fn answers_that_are_not_in_the_form_of_toss_open_no_breaker_and_leave_a_few_places() {
    let (flow, now) = (flow(100), Instant::now());
    for _ in 0..9 {
        call(&flow, Call::Confirm, Heard::Garbled, now);
    }
    assert_eq!(room(&flow, Call::Confirm, now), 32, "nine may be odd payments");
    for _ in 0..50 {
        call(&flow, Call::Confirm, Heard::Garbled, now);
        assert!(flow.state(Call::Confirm, now).open_since.is_none());
    }
    assert_eq!(room(&flow, Call::Confirm, now), 4);
    assert_eq!(room(&flow, Call::Query, now), 32, "another endpoint is not meant");
    let turns: Vec<Turn> = (0..4).map(|_| flow.take(Call::Confirm, now)).collect();
    for turn in turns {
        turn.heard(Call::Confirm, Heard::Answered, SECOND, now);
    }
    assert!(room(&flow, Call::Confirm, now) > 4, "an answer of Toss lets it grow again");
}

#[test]
fn such_an_answer_neither_ends_a_row_of_silences_nor_counts_as_one() {
    let (flow, now) = (flow(100), Instant::now());
    for _ in 0..9 {
        call(&flow, Call::Confirm, Heard::Silent, now);
        call(&flow, Call::Query, Heard::Garbled, now);
    }
    assert!(flow.state(Call::Confirm, now).open_since.is_none());
    call(&flow, Call::Confirm, Heard::Silent, now);
    assert!(flow.state(Call::Confirm, now).open_since.is_some());
}

#[test]
fn a_probe_that_hears_such_an_answer_leaves_the_breaker_open() {
    let (flow, mut now) = (flow(100), Instant::now());
    for _ in 0..10 {
        call(&flow, Call::Confirm, Heard::Silent, now);
    }
    now += SECOND * 120;
    assert_eq!(flow.room(Call::Confirm, now), Room::ForAProbe);
    call(&flow, Call::Confirm, Heard::Garbled, now);
    assert!(flow.state(Call::Confirm, now).open_since.is_some());
    assert_eq!(room(&flow, Call::Confirm, now), 0, "the next probe waits");
    now += SECOND * 120;
    call(&flow, Call::Query, Heard::Answered, now);
    assert!(flow.state(Call::Confirm, now).open_since.is_none());
}
