//! All that chance decides about one run, drawn from its seed before anything starts.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

/// For so long shoppers come.
const RUSH_MS: u64 = 2_500;
const DECLINES: [&str; 4] =
    ["REJECT_CARD_PAYMENT", "INVALID_STOPPED_CARD", "EXCEED_MAX_AMOUNT", "REJECT_ACCOUNT_PAYMENT"];

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) divisor: u32,
    pub(super) workers: usize,
    /// Pieces of the product that everybody wants.
    pub(super) scarce: i64,
    pub(super) shoppers: Vec<Shopper>,
    pub(super) spells: Vec<Spell>,
    pub(super) mischief: Vec<(Duration, Mischief)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shopper {
    pub(super) comes_after: Duration,
    pub(super) wants_the_scarce: bool,
    pub(super) quantity: i32,
    pub(super) habit: Habit,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Habit {
    Pays,
    /// Two clicks.
    PaysTwiceAtOnce,
    Declined(&'static str),
    /// And then another card, as soon as the order takes one.
    DeclinedThenPays(&'static str),
    /// Two windows, two cards, at the same moment.
    TwoCards,
    /// Says another amount first.
    NamesAWrongAmount,
    /// Authenticated less than the order costs.
    Tampers,
    NeverPays,
    PaysAsItExpires,
}

/// Some faults of Toss at a time, for a while.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spell {
    pub(super) lasts: Duration,
    pub(super) rules: Vec<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mischief {
    /// One of those that run, forced down. What it was calling goes on: it is a zombie then.
    ForceDown(usize),
    StartAnother,
    /// Any row of the outbox.
    DeleteAnIntent(u32),
    /// Whatever is to be asked about again some day is asked about now: lies are found while Toss is still in trouble.
    LookBack,
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let chance = &mut StdRng::seed_from_u64(seed);
        let shoppers = chance.random_range(10..=20);
        let shoppers = (0..shoppers).map(|_| shopper(chance)).collect();
        let spells = chance.random_range(2..=3);
        let spells = (0..spells).map(|_| spell(chance)).collect();
        Self {
            divisor: *[30, 40, 60].choose(chance).unwrap(),
            workers: chance.random_range(2..=3),
            scarce: chance.random_range(2..=6),
            shoppers,
            spells,
            mischief: mischief(chance),
        }
    }
}

fn moment(chance: &mut StdRng) -> Duration {
    Duration::from_millis(chance.random_range(0..RUSH_MS))
}

pub(super) fn shopper(chance: &mut StdRng) -> Shopper {
    let decline = DECLINES.choose(chance).unwrap();
    let habit = match chance.random_range(0..20) {
        0..6 => Habit::Pays,
        6..8 => Habit::PaysTwiceAtOnce,
        8..10 => Habit::Declined(decline),
        10..13 => Habit::DeclinedThenPays(decline),
        13..15 => Habit::TwoCards,
        15 => Habit::NamesAWrongAmount,
        16 => Habit::Tampers,
        17 => Habit::NeverPays,
        _ => Habit::PaysAsItExpires,
    };
    Shopper {
        comes_after: moment(chance),
        wants_the_scarce: chance.random_bool(0.4),
        quantity: chance.random_range(1..=2),
        habit,
    }
}

pub(super) fn spell(chance: &mut StdRng) -> Spell {
    // The first one meets confirms, or there would be nothing to ask about and nothing to give back.
    let mut first = fault(chance);
    while !first.0.contains(&"confirm") {
        first = fault(chance);
    }
    let mut rules = Vec::new();
    for (endpoints, then) in [first, fault(chance)] {
        let probability = *[0.3, 0.5, 0.7, 0.9].choose(chance).unwrap();
        for endpoint in endpoints {
            let seed = chance.random_range(0..1_000_000);
            let matches = json!({"endpoint": endpoint, "probability": probability});
            rules.push(json!({"match": matches, "seed": seed, "then": then}));
        }
    }
    Spell { lasts: Duration::from_millis(chance.random_range(600..1_600)), rules }
}

/// A fault, and the calls that meet it.
fn fault(chance: &mut StdRng) -> (Vec<&'static str>, Value) {
    const POSTS: [&str; 2] = ["confirm", "cancel"];
    let code = *["PROVIDER_ERROR", "COMMON_ERROR", "FAILED_INTERNAL_SYSTEM_PROCESSING", "A_CODE_OF_TOMORROW"]
        .choose(chance)
        .unwrap();
    let decline = DECLINES.choose(chance).unwrap();
    let then = match chance.random_range(0..17) {
        0 => json!({"kind": "dropAfter"}),
        1 => json!({"kind": "dropBefore"}),
        2 => json!({"kind": "html", "status": 502}),
        3 => json!({"kind": "truncate"}),
        4 => json!({"kind": "rateLimit"}),
        5 => json!({"kind": "rateLimit", "retryAfterSeconds": 1}),
        6 => json!({"kind": "error", "status": 500, "code": code}),
        7 => json!({"kind": "errorAfter", "status": 500, "code": code}),
        8 => json!({"kind": "error", "status": 409, "code": "IDEMPOTENT_REQUEST_PROCESSING"}),
        9 => json!({"kind": "errorAfter", "status": 409, "code": "IDEMPOTENT_REQUEST_PROCESSING"}),
        // Shorter than a call may take at the fastest clock: what is sent is over when we say that it must be.
        10 => json!({"kind": "delay", "medianMs": 40, "longestMs": 800}),
        11 => json!({"kind": "hold"}),
        // Toss's lie: it took the money and says that it did not.
        12..15 => return (vec!["confirm"], json!({"kind": "errorAfter", "status": 403, "code": decline})),
        15 => return (vec!["query"], json!({"kind": "stale", "seconds": 2})),
        _ => return (vec!["query"], json!({"kind": "stale", "seconds": 2, "shows": "before"})),
    };
    let endpoints = match chance.random_range(0..5) {
        0 | 1 => vec!["confirm"],
        2 => vec!["query"],
        3 => POSTS.to_vec(),
        _ => vec!["confirm", "query", "cancel"],
    };
    (endpoints, then)
}

fn mischief(chance: &mut StdRng) -> Vec<(Duration, Mischief)> {
    let mut mischief = Vec::new();
    for _ in 0..chance.random_range(1..=4) {
        let at = moment(chance);
        mischief.push((at, Mischief::ForceDown(chance.random_range(0..3))));
        let pause = Duration::from_millis(chance.random_range(0..600));
        mischief.push((at + pause, Mischief::StartAnother));
    }
    for _ in 0..chance.random_range(1..=4) {
        mischief.push((moment(chance), Mischief::LookBack));
    }
    for _ in 0..chance.random_range(0..=3) {
        mischief.push((moment(chance), Mischief::DeleteAnIntent(chance.random())));
    }
    mischief.sort_by_key(|(at, _)| *at);
    mischief
}

#[test]
fn a_plan_follows_from_its_seed_alone() {
    assert_eq!(Plan::of(7), Plan::of(7));
    assert_ne!(Plan::of(7), Plan::of(8));
}
