//! Idempotency keys: the first answer under a key is the answer for ever, errors included.
//!
//! A key is scoped by secret key, method and full path and by nothing else: the same key with another body gets the
//! first body's answer, as at Toss. While the first request runs, others under its key are told so (409), and that
//! answer is never kept. After fifteen days on the simulator's clock a key executes again, by default. At most [`FINISHED_MAX`]
//! answers are kept; beyond that the oldest key is forgotten early.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::answer::Answer;
use crate::lock::Lock;
use crate::switches::OldKeys;

pub(crate) const KEY_LENGTH_MAX: usize = 300;
/// About 300 MB when full. A client that retries comes back within seconds, not after two hundred thousand others.
const FINISHED_MAX: usize = 200_000;
const KEPT_FOR: Duration = Duration::days(15);

/// Key, secret key, method and path in one string; no part can hold a line feed.
pub(crate) type Scope = Arc<str>;

#[derive(Debug, Default)]
pub(crate) struct Idempotency(Lock<Table>);

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<Scope, Entry>,
    finished: VecDeque<(Scope, u64)>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Entry {
    /// Tells a request's own entry from a later one under the same scope.
    ticket: u64,
    first_used_at: OffsetDateTime,
    /// None while the first request runs.
    answer: Option<Answer>,
}

pub(crate) enum Lookup {
    First(Claim),
    Running,
    Answered(Answer),
}

/// The right and duty to give the first answer. Dropped without one, it frees the key.
pub(crate) struct Claim {
    idempotency: Arc<Idempotency>,
    scope: Scope,
    ticket: u64,
}

impl Idempotency {
    pub(crate) fn look_up(self: &Arc<Self>, scope: Scope, old_keys: OldKeys, now: OffsetDateTime) -> Lookup {
        self.0.with(|table| {
            if let Some(entry) = table.entries.get(&scope) {
                match &entry.answer {
                    None => return Lookup::Running,
                    Some(answer) if old_keys == OldKeys::Replay || now - entry.first_used_at < KEPT_FOR => {
                        return Lookup::Answered(answer.clone());
                    }
                    Some(_) => {}
                }
            }
            let ticket = table.next_ticket;
            table.next_ticket += 1;
            table.entries.insert(Arc::clone(&scope), Entry { ticket, first_used_at: now, answer: None });
            Lookup::First(Claim { idempotency: Arc::clone(self), scope, ticket })
        })
    }

    pub(crate) fn reset(&self) {
        self.0.with(|table| {
            table.entries.clear();
            table.finished.clear();
        });
    }
}

impl Claim {
    pub(crate) fn keep(self, answer: Answer) {
        self.idempotency.0.with(|table| {
            let Some(entry) = table.entries.get_mut(&self.scope).filter(|entry| entry.ticket == self.ticket) else {
                return;
            };
            entry.answer = Some(answer);
            table.finished.push_back((Arc::clone(&self.scope), self.ticket));
            if table.finished.len() > FINISHED_MAX
                && let Some((scope, ticket)) = table.finished.pop_front()
            {
                table.remove(&scope, ticket);
            }
        });
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.idempotency.0.with(|table| {
            if table.entries.get(&self.scope).is_some_and(|entry| entry.answer.is_none()) {
                table.remove(&self.scope, self.ticket);
            }
        });
    }
}

impl Table {
    fn remove(&mut self, scope: &Scope, ticket: u64) {
        if self.entries.get(scope).is_some_and(|entry| entry.ticket == ticket) {
            self.entries.remove(scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::{INVALID_REQUEST, Language};
    use time::macros::datetime;

    const START: OffsetDateTime = datetime!(2026-09-01 12:00 +9);

    fn outcome(idempotency: &Arc<Idempotency>, scope: &str, now: OffsetDateTime) -> (&'static str, Option<Claim>) {
        match idempotency.look_up(scope.into(), OldKeys::Execute, now) {
            Lookup::First(claim) => ("first", Some(claim)),
            Lookup::Running => ("running", None),
            Lookup::Answered(_) => ("answered", None),
        }
    }

    #[test]
    fn a_key_runs_once_is_answered_for_fifteen_days_and_then_runs_again() {
        let idempotency = Arc::new(Idempotency::default());
        let (first, claim) = outcome(&idempotency, "a", START);
        assert_eq!(first, "first");
        assert_eq!(outcome(&idempotency, "a", START).0, "running");
        assert_eq!(outcome(&idempotency, "b", START).0, "first");

        claim.unwrap().keep(Answer::error(INVALID_REQUEST, Language::Korean));
        assert_eq!(outcome(&idempotency, "a", START + Duration::days(15) - Duration::SECOND).0, "answered");
        assert_eq!(outcome(&idempotency, "a", START + Duration::days(15)).0, "first");
    }

    #[test]
    fn a_claim_that_gives_no_answer_frees_its_key() {
        let idempotency = Arc::new(Idempotency::default());
        drop(outcome(&idempotency, "a", START).1);
        assert_eq!(outcome(&idempotency, "a", START).0, "first");
    }

    #[test]
    fn a_claim_from_before_a_reset_does_not_touch_the_key_of_today() {
        let idempotency = Arc::new(Idempotency::default());
        let old = outcome(&idempotency, "a", START).1.unwrap();
        idempotency.reset();
        let today = outcome(&idempotency, "a", START).1;
        old.keep(Answer::error(INVALID_REQUEST, Language::Korean));
        assert_eq!(outcome(&idempotency, "a", START).0, "running");
        drop(today);
    }
}
