//! Faults on order: which requests go wrong, how often, and in which way.
//!
//! A rule is taken at one of two places. *At the edge*, where a proxy or the network would fail: on every matching
//! request, replays included. *Inside*, where Toss's own code would fail: only on a request that really executes, so a
//! replay uses none of its `times`. One request meets at most one rule of each place, the oldest that matches.
//! Rules that are used up stay listed until deleted; deleting a `hold` rule lets its held requests answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::lock::Lock;

/// Every request looks at every rule, so there are few.
const RULES_MAX: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Endpoint {
    Confirm,
    Query,
    Create,
    Cancel,
    VirtualAccount,
    KeyIn,
    CashReceipt,
    /// A path or method Toss does not have; no rule can name it.
    #[serde(skip_deserializing)]
    Unknown,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Match {
    endpoint: Endpoint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_key: Option<String>,
}

/// What happens to a request that matches. "Acts" means that Toss did its work: after a confirm the money has moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum Then {
    /// Inside: answers this error without acting. Kept under the idempotency key, as any answer of Toss's.
    Error(ChosenError),
    /// Inside: acts, then answers this error.
    ErrorAfter(ChosenError),
    /// Inside: takes this much longer.
    Delay { ms: u64 },
    /// At the edge: closes the connection without acting.
    DropBefore,
    /// At the edge: acts, then closes the connection without an answer.
    DropAfter,
    /// At the edge: acts, then keeps the client waiting until the rule is deleted or the client goes.
    Hold,
    /// At the edge: a proxy's HTML page instead of an answer, without acting.
    Html { status: u16 },
    /// At the edge: acts, then answers with the first half of the JSON.
    Truncate,
    /// At the edge: 429 without acting.
    RateLimit {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChosenError {
    pub(crate) status: u16,
    pub(crate) code: String,
    /// Toss's own text for the code when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Edge,
    Inside,
}

impl Then {
    fn place(&self) -> Place {
        match self {
            Self::Error(_) | Self::ErrorAfter(_) | Self::Delay { .. } => Place::Inside,
            Self::DropBefore
            | Self::DropAfter
            | Self::Hold
            | Self::Html { .. }
            | Self::Truncate
            | Self::RateLimit { .. } => Place::Edge,
        }
    }

    /// The name of the kind, as in JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::ErrorAfter(_) => "errorAfter",
            Self::Delay { .. } => "delay",
            Self::DropBefore => "dropBefore",
            Self::DropAfter => "dropAfter",
            Self::Hold => "hold",
            Self::Html { .. } => "html",
            Self::Truncate => "truncate",
            Self::RateLimit { .. } => "rateLimit",
        }
    }

    /// Whether the rule's numbers can be sent: an HTTP error status, a wait that ends.
    fn is_possible(&self) -> bool {
        match self {
            Self::Error(ChosenError { status, .. })
            | Self::ErrorAfter(ChosenError { status, .. })
            | Self::Html { status } => (400..600).contains(status),
            Self::Delay { ms } => u128::from(*ms) <= crate::settings::LATENCY_MAX.as_millis(),
            Self::DropBefore | Self::DropAfter | Self::Hold | Self::Truncate | Self::RateLimit { .. } => true,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRule {
    r#match: Match,
    /// How many requests it takes; absent: all of them.
    #[serde(default)]
    times: Option<u64>,
    then: Then,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    #[serde(rename = "ruleId")]
    id: u64,
    r#match: Match,
    times_left: Option<u64>,
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
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RuleRefused {
    TooMany,
    Impossible,
}

#[derive(Debug, Default)]
pub(crate) struct Rules {
    table: Lock<Table>,
    /// Lets a request pass without the lock while there are no rules, which is nearly always.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    rules: Vec<Rule>,
    last_id: u64,
}

impl Rules {
    pub(crate) fn add(&self, new: NewRule) -> Result<u64, RuleRefused> {
        if !new.then.is_possible() {
            return Err(RuleRefused::Impossible);
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

    pub(crate) fn take(
        &self,
        place: Place,
        endpoint: Endpoint,
        order_id: Option<&str>,
        payment_key: Option<&str>,
    ) -> Option<Taken> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.table.with(|table| {
            let rule = table.rules.iter_mut().find(|rule| {
                rule.then.place() == place
                    && rule.times_left != Some(0)
                    && rule.r#match.covers(endpoint, order_id, payment_key)
            })?;
            rule.times_left = rule.times_left.map(|left| left - 1);
            rule.taken += 1;
            Some(Taken { then: rule.then.clone(), released: rule.released.clone() })
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

impl Match {
    fn covers(&self, endpoint: Endpoint, order_id: Option<&str>, payment_key: Option<&str>) -> bool {
        let allows = |wanted: &Option<String>, seen: Option<&str>| wanted.is_none() || wanted.as_deref() == seen;
        self.endpoint == endpoint && allows(&self.order_id, order_id) && allows(&self.payment_key, payment_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> NewRule {
        serde_json::from_str(json).unwrap()
    }

    fn take(rules: &Rules, place: Place, order_id: &str) -> Option<&'static str> {
        rules.take(place, Endpoint::Confirm, Some(order_id), None).map(|taken| taken.then.name())
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
    fn every_kind_reads_and_writes_its_own_name_and_nonsense_is_refused() {
        for then in [
            r#"{"kind":"error","status":500,"code":"X"}"#,
            r#"{"kind":"errorAfter","status":400,"code":"X","message":"m"}"#,
            r#"{"kind":"delay","ms":5}"#,
            r#"{"kind":"dropBefore"}"#,
            r#"{"kind":"dropAfter"}"#,
            r#"{"kind":"hold"}"#,
            r#"{"kind":"html","status":502}"#,
            r#"{"kind":"truncate"}"#,
            r#"{"kind":"rateLimit","retryAfterSeconds":3}"#,
            r#"{"kind":"rateLimit"}"#,
        ] {
            let parsed: Then = serde_json::from_str(then).unwrap();
            assert_eq!(serde_json::to_string(&parsed).unwrap(), then);
            assert!(then.contains(&format!("\"{}\"", parsed.name())));
        }
        assert!(serde_json::from_str::<Then>(r#"{"kind":"explode"}"#).is_err());
        let fine = rule(r#"{"match":{"endpoint":"query"},"then":{"kind":"html","status":200}}"#);
        assert_eq!(Rules::default().add(fine), Err(RuleRefused::Impossible));
    }
}
