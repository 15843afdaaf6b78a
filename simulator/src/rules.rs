//! Which requests and webhooks go wrong, how often, and by which fault.
//!
//! A rule names an endpoint and what else must be true of a request, and the fault it then meets (see `faults`). One
//! request meets at most one rule of each place, the oldest that matches. Every rule counts every request it covers,
//! whoever takes it, so `nth` and `probability` do not depend on other rules; and whether chance strikes the n-th of
//! them follows from the rule's seed and n alone, so a run can be repeated. Rules that are used up stay listed until
//! deleted; deleting a `hold` rule lets its held requests answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::faults::{Place, Then};
use crate::lock::Lock;

/// Every request looks at every rule, so there are few.
const RULES_MAX: usize = 1_000;
/// An odd number without pattern: keeps the draws of neighbouring seeds apart.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Endpoint {
    Confirm,
    Query,
    Create,
    Cancel,
    VirtualAccount,
    KeyIn,
    CashReceipt,
    Transactions,
    Settlements,
    /// What Toss sends to a shop.
    Webhook,
    /// A path or method Toss does not have; no rule can name it.
    #[serde(skip_deserializing)]
    Unknown,
}

/// What must be true of a request; what is not named does not matter.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Match {
    endpoint: Endpoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    /// Of the requests that fit so far only this one, counted from 1 since the rule was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nth: Option<u64>,
    /// How likely each of them is to meet the rule, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
}

/// What a rule can see of a request or webhook.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) order_id: Option<&'a str>,
    pub(crate) payment_key: Option<&'a str>,
    pub(crate) idempotency_key: Option<&'a str>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRule {
    r#match: Match,
    /// How many requests it takes; absent: all of them.
    #[serde(default)]
    times: Option<u64>,
    /// Where chance starts; absent: drawn, and shown in the list.
    #[serde(default)]
    seed: Option<u64>,
    then: Then,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    #[serde(rename = "ruleId")]
    id: u64,
    r#match: Match,
    times_left: Option<u64>,
    seed: u64,
    /// How many requests the rule has covered, struck by chance or not.
    seen: u64,
    taken: u64,
    then: Then,
    #[serde(skip)]
    released: CancellationToken,
}

impl Rule {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

/// A rule that has taken a request.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) then: Then,
    /// Ends a hold.
    pub(crate) released: CancellationToken,
    /// What the fault draws its own numbers from.
    pub(crate) chance: StdRng,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleRefused {
    #[error("delete some rules first")]
    TooMany,
    #[error("{0}")]
    Mistake(&'static str),
}

#[derive(Debug, Default)]
pub(crate) struct Rules {
    table: Lock<Table>,
    /// Lets a request pass without the lock while there are no rules, which is nearly always.
    count: AtomicUsize,
    at_start: Vec<NewRule>,
}

#[derive(Debug, Default)]
struct Table {
    rules: Vec<Rule>,
    last_id: u64,
}

impl Rules {
    /// Rules that are there from the start and again after every reset. The error names the rule, counted from 1.
    pub(crate) fn starting_with(at_start: Vec<NewRule>) -> Result<Self, (usize, RuleRefused)> {
        let rules = Self { at_start: at_start.clone(), ..Self::default() };
        for (at, rule) in at_start.into_iter().enumerate() {
            rules.add(rule).map_err(|refused| (at + 1, refused))?;
        }
        Ok(rules)
    }

    pub(crate) fn reset(&self) {
        self.delete_all();
        for rule in &self.at_start {
            // What was accepted at the start is accepted again.
            let _ = self.add(rule.clone());
        }
    }

    pub(crate) fn add(&self, new: NewRule) -> Result<u64, RuleRefused> {
        if let Some(mistake) = new.mistake() {
            return Err(RuleRefused::Mistake(mistake));
        }
        self.change(|table| {
            if table.rules.len() >= RULES_MAX {
                return Err(RuleRefused::TooMany);
            }
            table.last_id += 1;
            table.rules.push(Rule {
                id: table.last_id,
                r#match: new.r#match,
                times_left: new.times,
                seed: new.seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
                seen: 0,
                taken: 0,
                then: new.then,
                released: CancellationToken::new(),
            });
            Ok(table.last_id)
        })
    }

    pub(crate) fn list(&self) -> Vec<Rule> {
        self.table.with(|table| table.rules.clone())
    }

    pub(crate) fn delete(&self, id: u64) -> bool {
        self.change(|table| {
            let Some(at) = table.rules.iter().position(|rule| rule.id == id) else { return false };
            table.rules.remove(at).released.cancel();
            true
        })
    }

    pub(crate) fn delete_all(&self) {
        self.change(|table| table.rules.drain(..).for_each(|rule| rule.released.cancel()));
    }

    pub(crate) fn take(&self, place: Place, subject: Subject<'_>) -> Option<Taken> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.table.with(|table| {
            let here = table.rules.iter_mut().filter(|rule| rule.then.place() == place);
            // Every rule must count, so the search does not stop at the first that fires.
            let mut firing = here.filter_map(|rule| rule.meet(subject).map(|chance| (rule, chance)));
            let (rule, chance) = firing.next()?;
            firing.for_each(drop);
            rule.times_left = rule.times_left.map(|left| left - 1);
            rule.taken += 1;
            Some(Taken { then: rule.then.clone(), released: rule.released.clone(), chance })
        })
    }

    fn change<R>(&self, work: impl FnOnce(&mut Table) -> R) -> R {
        self.table.with(|table| {
            let result = work(table);
            self.count.store(table.rules.len(), Ordering::Release);
            result
        })
    }
}

impl NewRule {
    fn mistake(&self) -> Option<&'static str> {
        let Match { endpoint, nth, probability, .. } = &self.r#match;
        if (*endpoint == Endpoint::Webhook) != (self.then.place() == Place::Webhook) {
            return Some("kind: a request cannot meet a webhook's fault, nor a webhook a request's");
        }
        if matches!(self.then, Then::Stale { .. }) && *endpoint != Endpoint::Query {
            return Some("kind: only a query can be stale");
        }
        if *nth == Some(0) {
            return Some("nth: counted from 1");
        }
        if probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Some("probability: 0 to 1");
        }
        self.then.mistake()
    }
}

impl Rule {
    /// Counts a request the rule covers; the rule's chance, if it fires.
    fn meet(&mut self, subject: Subject<'_>) -> Option<StdRng> {
        if !self.r#match.covers(subject) {
            return None;
        }
        self.seen += 1;
        let mut chance = StdRng::seed_from_u64(self.seed ^ self.seen.wrapping_mul(SPREAD));
        let struck = self.r#match.probability.is_none_or(|probability| chance.random_bool(probability));
        let fires = struck && self.times_left != Some(0) && self.r#match.nth.is_none_or(|nth| nth == self.seen);
        fires.then_some(chance)
    }
}

impl Match {
    fn covers(&self, subject: Subject<'_>) -> bool {
        let allows = |wanted: &Option<String>, seen: Option<&str>| wanted.is_none() || wanted.as_deref() == seen;
        self.endpoint == subject.endpoint
            && allows(&self.order_id, subject.order_id)
            && allows(&self.payment_key, subject.payment_key)
            && allows(&self.idempotency_key, subject.idempotency_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> NewRule {
        serde_json::from_str(json).unwrap()
    }

    fn take(rules: &Rules, place: Place, order_id: &str) -> Option<&'static str> {
        let subject =
            Subject { endpoint: Endpoint::Confirm, order_id: Some(order_id), payment_key: None, idempotency_key: None };
        rules.take(place, subject).map(|taken| taken.then.name())
    }

    #[test]
    fn a_rule_takes_only_what_it_names_and_only_so_often() {
        let rules = Rules::default();
        let id = rules
            .add(rule(r#"{"match":{"endpoint":"confirm","orderId":"a"},"times":2,"then":{"kind":"dropAfter"}}"#))
            .unwrap();
        assert_eq!(take(&rules, Place::Edge, "b"), None);
        assert_eq!(take(&rules, Place::Inside, "a"), None);
        assert_eq!(take(&rules, Place::Edge, "a"), Some("dropAfter"));
        assert_eq!(take(&rules, Place::Edge, "a"), Some("dropAfter"));
        assert_eq!(take(&rules, Place::Edge, "a"), None);
        assert!(rules.delete(id) && !rules.delete(id));
    }

    #[test]
    fn the_oldest_rule_goes_first_and_the_next_follows_when_it_is_used_up() {
        let rules = Rules::default();
        rules.add(rule(r#"{"match":{"endpoint":"confirm"},"times":1,"then":{"kind":"hold"}}"#)).unwrap();
        rules.add(rule(r#"{"match":{"endpoint":"confirm"},"then":{"kind":"truncate"}}"#)).unwrap();
        assert_eq!(take(&rules, Place::Edge, "a"), Some("hold"));
        assert_eq!(take(&rules, Place::Edge, "a"), Some("truncate"));
    }

    #[test]
    fn the_nth_request_is_counted_whether_or_not_another_rule_takes_it() {
        let rules = Rules::default();
        rules.add(rule(r#"{"match":{"endpoint":"confirm","nth":1},"then":{"kind":"hold"}}"#)).unwrap();
        rules.add(rule(r#"{"match":{"endpoint":"confirm","nth":3},"then":{"kind":"truncate"}}"#)).unwrap();
        let met: Vec<_> = (0..4).map(|_| take(&rules, Place::Edge, "a")).collect();
        assert_eq!(met, [Some("hold"), None, Some("truncate"), None]);
    }

    #[test]
    fn chance_strikes_as_often_as_it_should_and_the_same_under_the_same_seed() {
        let strikes = |seed: u64| {
            let rules = Rules::default();
            let json = r#"{"match":{"endpoint":"confirm","probability":0.3},"seed":SEED,"then":{"kind":"dropAfter"}}"#;
            rules.add(rule(&json.replace("SEED", &seed.to_string()))).unwrap();
            (0..1_000).map(|_| take(&rules, Place::Edge, "a").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(strikes(7), strikes(7));
        assert_ne!(strikes(7), strikes(8_000));
        let count = strikes(7).into_iter().filter(|struck| *struck).count();
        assert!((250..350).contains(&count), "{count}");
    }

    #[test]
    fn what_cannot_happen_is_refused_with_a_reason() {
        for impossible in [
            r#"{"match":{"endpoint":"query"},"then":{"kind":"html","status":200}}"#,
            r#"{"match":{"endpoint":"query","nth":0},"then":{"kind":"hold"}}"#,
            r#"{"match":{"endpoint":"query","probability":1.5},"then":{"kind":"hold"}}"#,
            r#"{"match":{"endpoint":"confirm"},"then":{"kind":"stale","seconds":3}}"#,
            r#"{"match":{"endpoint":"confirm"},"then":{"kind":"lost"}}"#,
            r#"{"match":{"endpoint":"webhook"},"then":{"kind":"hold"}}"#,
        ] {
            assert!(matches!(Rules::default().add(rule(impossible)), Err(RuleRefused::Mistake(_))), "{impossible}");
        }
    }
}
