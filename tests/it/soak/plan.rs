//! All that chance decides about one run, drawn from its seed before anything starts.

use std::{collections::BTreeSet, time::Duration};

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
    /// None, one or two of them, all the time.
    pub(super) strains: Vec<Strain>,
}

/// What others do meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strain {
    /// A session keeps rows of every kind locked.
    LockedRows,
    /// Toss allows few calls a minute.
    FewCalls,
    /// Confirms of payments that do not exist, webhooks that Toss never sent, and reads.
    Strangers,
    /// The database is read-only for a moment.
    ReadOnly,
    /// A migration changes a column's type.
    NewTypes,
    /// Toss takes no call from our address.
    KeyPolicy,
}

impl Strain {
    const ALL: [Self; 6] =
        [Self::LockedRows, Self::FewCalls, Self::Strangers, Self::ReadOnly, Self::NewTypes, Self::KeyPolicy];
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shopper {
    pub(super) comes_after: Duration,
    pub(super) wants_the_scarce: bool,
    pub(super) quantity: i32,
    pub(super) habit: Habit,
    /// What all calls about the order to one endpoint meet, from its making on.
    pub(super) sameness: Option<Sameness>,
    /// What others do with the order afterwards, each so long after what came before.
    pub(super) afterwards: Vec<(Duration, Move)>,
}

/// The same answer to every call of an order to one endpoint, whatever else goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sameness {
    pub(super) endpoint: &'static str,
    pub(super) then: Value,
    pub(super) until: Until,
    /// A refund that meets it once ends without effect.
    pub(super) refuses: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Until {
    /// Toss is healthy again.
    TheEnd,
    /// The story is over, and longer.
    Never,
}

/// Amounts are a part of what the order costs, in tenths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Move {
    /// Somebody refunds in Toss's console.
    RefundInTheConsole(i64),
    /// An operator, or the shop's server.
    Refund(i64),
    CallOff,
    /// The payments of the order are looked up now.
    LookUp,
    /// An operator closes the order's review, where it is in one.
    Close,
    Deposit,
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
    /// The first card is approved and called declined; another one then pays.
    LiedToThenPays(&'static str),
    /// The first card is approved and called declined; an account is then opened for a deposit.
    LiedToThenWaits(&'static str),
    /// Opens an account for a deposit.
    Waits,
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
        let mut shoppers: Vec<_> = (0..shoppers).map(|_| shopper(chance)).collect();
        // Drawn apart, so that what else a seed stands for does not depend on them.
        let apart = &mut StdRng::seed_from_u64(!seed);
        let troubled = apart.random_range(4..=8);
        shoppers.extend((0..troubled).map(|_| troubled_shopper(apart)));
        let spells = chance.random_range(2..=3);
        let spells = (0..spells).map(|_| spell(chance)).collect();
        Self {
            divisor: *[30, 40, 60].choose(chance).unwrap(),
            workers: chance.random_range(2..=3),
            scarce: chance.random_range(2..=6),
            shoppers,
            spells,
            mischief: mischief(chance),
            strains: strains(&mut StdRng::seed_from_u64(seed.rotate_left(32))),
        }
    }
}

/// Every third run has none, the others one or two.
pub(super) fn strains(chance: &mut StdRng) -> Vec<Strain> {
    let count = chance.random_range(0..=2);
    let mut strains: Vec<Strain> = Strain::ALL.sample(chance, count).copied().collect();
    strains.sort_unstable();
    strains
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
        sameness: None,
        afterwards: Vec::new(),
    }
}

/// One whose order has two payments, an account, refunds, or a Toss that says the same to it for ever.
pub(super) fn troubled_shopper(chance: &mut StdRng) -> Shopper {
    let decline = DECLINES.choose(chance).unwrap();
    let habit = match chance.random_range(0..10) {
        0..3 => Habit::LiedToThenPays(decline),
        3..6 => Habit::LiedToThenWaits(decline),
        6 | 7 => Habit::Waits,
        _ => Habit::Pays,
    };
    let sameness = chance.random_bool(0.4).then(|| sameness(chance));
    let afterwards = (0..chance.random_range(1..=4)).map(|_| {
        let tenths = chance.random_range(1..=10);
        let next = match chance.random_range(0..12) {
            0..3 => Move::Deposit,
            3 | 4 => Move::RefundInTheConsole(tenths),
            5..8 => Move::Refund(tenths),
            8 => Move::Refund(10),
            9 => Move::LookUp,
            10 => Move::Close,
            _ => Move::CallOff,
        };
        (Duration::from_millis(chance.random_range(0..800)), next)
    });
    let afterwards = afterwards.collect();
    Shopper {
        comes_after: moment(chance) / 2,
        wants_the_scarce: chance.random_bool(0.6),
        quantity: 1,
        habit,
        sameness,
        afterwards,
    }
}

/// A refund may meet the same for ever: it ends all the same. A lookup may not, since only it can show how a confirm ended.
fn sameness(chance: &mut StdRng) -> Sameness {
    const REFUSALS: [&str; 4] =
        ["NOT_CANCELABLE_AMOUNT", "NOT_CANCELABLE_PAYMENT", "EXCEED_MAX_REFUND_DUE", "FORBIDDEN_REQUEST"];
    const UNDECIDED: [(u16, &str); 6] = [
        (500, "FAILED_INTERNAL_SYSTEM_PROCESSING"),
        (500, "PROVIDER_ERROR"),
        (400, "A_CODE_OF_TOMORROW"),
        (403, "NOT_AVAILABLE_BANK"),
        (403, "EXCEED_CANCEL_LIMIT"),
        (409, "IDEMPOTENT_REQUEST_PROCESSING"),
    ];
    let error = |(status, code): (u16, &str)| json!({"kind": "error", "status": status, "code": code});
    let until = *[Until::TheEnd, Until::Never].choose(chance).unwrap();
    let refusal = *REFUSALS.choose(chance).unwrap();
    let undecided = *UNDECIDED.choose(chance).unwrap();
    let silence = [json!({"kind": "dropBefore"}), json!({"kind": "html", "status": 502})];
    match chance.random_range(0..8) {
        0..3 => Sameness { endpoint: "cancel", then: error((403, refusal)), until, refuses: true },
        3..6 => Sameness { endpoint: "cancel", then: error(undecided), until, refuses: false },
        6 => {
            let then = silence.choose(chance).unwrap().clone();
            Sameness { endpoint: "cancel", then, until, refuses: false }
        }
        _ => {
            let then = silence.choose(chance).unwrap().clone();
            Sameness { endpoint: "query", then, until: Until::TheEnd, refuses: false }
        }
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

#[test]
fn plans_draw_each_strain_by_itself_and_with_each_other_one() {
    let drawn: BTreeSet<Vec<Strain>> = (1..=400).map(|seed| Plan::of(seed).strains).collect();
    assert_eq!(drawn.len(), 1 + 6 + 15, "none, each, and each pair: {drawn:?}");
}

/// What the plans of some seeds have between them: a soak that never draws a thing proves nothing about it.
#[test]
fn plans_draw_two_payments_of_an_order_the_same_answer_for_ever_and_every_move() {
    let shoppers: Vec<Shopper> = (1..=60).flat_map(|seed| Plan::of(seed).shoppers).collect();
    let some = |is_so: &dyn Fn(&Shopper) -> bool| shoppers.iter().any(is_so);
    assert!(some(&|shopper| matches!(shopper.habit, Habit::LiedToThenPays(_))));
    assert!(some(&|shopper| matches!(shopper.habit, Habit::LiedToThenWaits(_))));
    for is_move in [
        |one: &Move| matches!(one, Move::RefundInTheConsole(_)),
        |one: &Move| matches!(one, Move::Refund(_)),
        |one: &Move| matches!(one, Move::CallOff),
        |one: &Move| matches!(one, Move::LookUp),
        |one: &Move| matches!(one, Move::Close),
        |one: &Move| matches!(one, Move::Deposit),
    ] {
        assert!(some(&|shopper| shopper.afterwards.iter().any(|(_, one)| is_move(one))));
    }
    let samenesses = || shoppers.iter().filter_map(|shopper| shopper.sameness.as_ref());
    for (endpoint, until) in [("cancel", Until::TheEnd), ("cancel", Until::Never), ("query", Until::TheEnd)] {
        assert!(samenesses().any(|same| same.endpoint == endpoint && same.until == until), "{endpoint} {until:?}");
    }
    // A story must settle: where lookups never tell anything, it would take a day of the clock.
    assert!(samenesses().all(|same| same.endpoint == "cancel" || same.until == Until::TheEnd));
}
