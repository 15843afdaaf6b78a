//! Whose turn it is: from which class of intents the next claim takes, and how many.
//!
//! Confirms go before refunds, refunds before lookups, and lookups of money in doubt before those of deposits. Nobody is
//! starved: each class but the first has a share of the calls, counted where it competes for them: for the calls of its
//! pace (see `flow`), and for the places of the worker. A share that is not used is lost, and the others have it.
//!
//! Pure but for the time, which it is told.

use std::{num::NonZeroUsize, time::Duration};

use shared::outbox::{CLAIM_MAX, Call, Class, Watermark};
use tokio::time::Instant;

use crate::flow::{PACES, Paced, Room};

const COUNT: usize = Class::ALL.len();

/// After a claim that took some but not all it could: a moment for more to gather.
const SOME_WAIT: Duration = Duration::from_millis(7);

/// The calls out of a hundred that a class gets when it has work, whatever the others have. What is over is for who goes
/// first. Of a hundred calls refunds and their lookups get 30 then, and all lookups that nobody waits for 15.
fn share(class: Class) -> u32 {
    match class {
        Class::Confirm => 0,
        Class::ConfirmAgain | Class::ConfirmLookup => 15,
        Class::Refund => 20,
        Class::RefundLookup | Class::Lookup => 10,
        Class::DepositLookup => 5,
    }
}

/// Counted in hundredths of a call.
const CALL: u32 = 100;

/// What a class may be owed at most: its share of four of the largest claims.
const CLAIMS_OWED_MAX: u32 = 4;

/// What the classes are owed of the calls that they compete for.
#[derive(Clone, Copy, Debug)]
struct Debts([u32; COUNT]);

/// Each has one call to begin with.
impl Default for Debts {
    fn default() -> Self {
        Self([CALL; COUNT])
    }
}

impl Debts {
    fn calls(&self, class: Class) -> usize {
        usize::try_from(self.0[place(class)] / CALL).unwrap_or(usize::MAX)
    }

    /// Who goes of these, in order: the first, and with all there is, unless another one is owed calls.
    fn turn(&self, candidates: &[Choice]) -> Option<Choice> {
        let owed = |choice: &Choice| {
            NonZeroUsize::new(self.calls(choice.class)).map(|owed| Choice { most: owed.min(choice.most), ..*choice })
        };
        let first = candidates.first()?;
        let another_is_owed = candidates.iter().skip(1).any(|candidate| owed(candidate).is_some());
        // Then the first may be owed some itself, and takes no more than that.
        candidates.iter().find_map(owed).filter(|_| another_is_owed).or(Some(*first))
    }

    /// So many calls went to this class, while these had work.
    fn note(&mut self, class: Class, calls: usize, have_work: impl Fn(Class) -> bool) {
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        for other in Class::ALL {
            let owed = &mut self.0[place(other)];
            // Who has no work saves nothing up, but for that one call.
            let most = if have_work(other) { share(other) * u32::from(CLAIM_MAX) * CLAIMS_OWED_MAX } else { CALL };
            *owed = owed.saturating_add(share(other).saturating_mul(calls)).min(most.max(CALL));
        }
        let owed = &mut self.0[place(class)];
        *owed = owed.saturating_sub(calls.saturating_mul(CALL));
    }
}

/// What is known of the intents of one class.
#[derive(Clone, Copy, Debug)]
struct Supply {
    low: Watermark,
    /// There are some, as far as is known, and they may be claimed from then on.
    from: Option<Instant>,
}

pub(crate) struct Classes {
    supplies: [Supply; COUNT],
    of_paces: [Debts; PACES],
    of_all: Debts,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Claim(Choice),
    /// Nothing, until this time if there is one, or until a call ends where that gives room.
    Wait {
        until: Option<Instant>,
        for_a_call: bool,
    },
}

/// Who goes, how many, and at whose pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) class: Class,
    pub(crate) most: NonZeroUsize,
    pub(crate) pace: usize,
}

impl Classes {
    pub(crate) fn new() -> Self {
        Self {
            supplies: [Supply { low: Watermark::LOWEST, from: None }; COUNT],
            of_paces: [Debts::default(); PACES],
            of_all: Debts::default(),
        }
    }

    /// Where to look for work of the classes that seem to have none; `sweeping`: of all, and everywhere.
    pub(crate) fn to_look_at(&self, sweeping: bool) -> Vec<(Class, Watermark)> {
        let low = |class| if sweeping { Watermark::LOWEST } else { self.supply(class).low };
        Class::ALL
            .into_iter()
            .filter(|class| sweeping || self.supply(*class).from.is_none())
            .map(|class| (class, low(class)))
            .collect()
    }

    /// There is work. What was found by a sweep may lie left of the watermark.
    pub(crate) fn found(&mut self, class: Class, sweeping: bool, now: Instant) {
        let supply = &mut self.supplies[place(class)];
        supply.from.get_or_insert(now);
        if sweeping {
            supply.low = Watermark::LOWEST;
        }
    }

    pub(crate) fn low(&self, class: Class) -> Watermark {
        self.supply(class).low
    }

    pub(crate) fn have_work(&self) -> bool {
        self.supplies.iter().any(|supply| supply.from.is_some())
    }

    /// A claim asked for so many, and took so many.
    pub(crate) fn claimed(&mut self, choice: Choice, took: usize, low: Option<Watermark>, now: Instant) {
        let Choice { class, most: wanted, pace } = choice;
        let supplies = self.supplies;
        let have_work = |other: Class| supplies[place(other)].from.is_some();
        self.of_paces[pace].note(class, took, have_work);
        self.of_all.note(class, took, have_work);
        let supply = &mut self.supplies[place(class)];
        supply.low = low.unwrap_or(supply.low);
        supply.from = match took {
            0 => None,
            _ if took < wanted.get() => Some(now + SOME_WAIT),
            _ => Some(now),
        };
    }

    /// Of the places that are free: each pace names whom it would let go, and of those one goes.
    pub(crate) fn next(&self, free: NonZeroUsize, now: Instant, paced: impl Fn(Call) -> Paced) -> Next {
        let mut of_paces: [Vec<Choice>; PACES] = Default::default();
        let mut waits = Next::Wait { until: None, for_a_call: false };
        for class in Class::ALL {
            let Some(from) = self.supply(class).from else { continue };
            if from > now {
                waits = waits.or_at(from);
                continue;
            }
            let Paced { pace, room } = paced(class.call());
            match room {
                Room::For(places) => of_paces[pace].push(Choice { class, most: places.min(free), pace }),
                // It is for whom Toss did not meet with silence yet: that is who goes first.
                Room::ForAProbe => return Next::Claim(Choice { class, most: NonZeroUsize::MIN, pace }),
                Room::NoneUntil(at) => waits = waits.or_at(at).or_when_a_call_ends(),
                Room::NoneUntilACallEnds => waits = waits.or_when_a_call_ends(),
            }
        }
        let named = of_paces.iter().zip(&self.of_paces);
        let mut named: Vec<Choice> = named.filter_map(|(candidates, debts)| debts.turn(candidates)).collect();
        named.sort_by_key(|candidate| place(candidate.class));
        self.of_all.turn(&named).map_or(waits, Next::Claim)
    }

    fn supply(&self, class: Class) -> &Supply {
        &self.supplies[place(class)]
    }
}

impl Next {
    fn or_at(self, at: Instant) -> Self {
        match self {
            Self::Wait { until, for_a_call } => {
                Self::Wait { until: Some(until.map_or(at, |until| until.min(at))), for_a_call }
            }
            Self::Claim(_) => self,
        }
    }

    fn or_when_a_call_ends(self) -> Self {
        match self {
            Self::Wait { until, .. } => Self::Wait { until, for_a_call: true },
            Self::Claim(_) => self,
        }
    }
}

/// Who goes first has the first place.
fn place(class: Class) -> usize {
    match class {
        Class::Confirm => 0,
        Class::ConfirmAgain => 1,
        Class::ConfirmLookup => 2,
        Class::Refund => 3,
        Class::RefundLookup => 4,
        Class::Lookup => 5,
        Class::DepositLookup => 6,
    }
}

#[cfg(test)]
#[path = "classes_tests.rs"]
mod tests;
