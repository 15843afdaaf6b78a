//! What is on its way to the shops, when it is tried, and what came of every try.
//!
//! A delivery is tried at once and, until the shop has received it, again after 1, 4, 16 … 4096 minutes on the
//! simulator's clock, then given up. At most [`DELIVERIES_MAX`] are kept: the oldest finished ones make room, and when
//! all are unfinished a new one is not taken, which `dropped` counts. Nothing is sent from here, see `courier`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::faults::Then;
use crate::switches::WebhookIds;
use crate::webhooks::Message;
use crate::{clock, keys};

/// About 60 MB when full.
const DELIVERIES_MAX: usize = 20_000;
/// Toss's retry table: how long after a failed try the next one comes.
const RETRY_MINUTES: [i64; 7] = [1, 4, 16, 64, 256, 1024, 4096];
/// Eight rounds of tries; after more resends than that the oldest tries are forgotten.
const ATTEMPTS_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum State {
    /// `nextAt` says when it is tried next.
    Waiting,
    /// Kept back until the next one to the same address has been tried.
    Held,
    Sending,
    Delivered,
    GivenUp,
    Lost,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    #[serde(rename = "deliveryId")]
    id: u64,
    transmission_id: String,
    #[serde(flatten)]
    message: Message,
    fault: Option<&'static str>,
    state: State,
    next_at: Option<String>,
    /// How many retries there have been since the start or the last resend.
    retried_count: usize,
    attempts: Vec<Attempt>,
    #[serde(skip)]
    due_at: OffsetDateTime,
    /// Cancelled when the first try has ended.
    #[serde(skip)]
    tried: CancellationToken,
}

/// One try and what came of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    pub(crate) at: String,
    pub(crate) transmission_id: String,
    pub(crate) retried_count: usize,
    /// The shop's answer; null when there was none.
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) took_ms: u128,
}

/// A delivery to be tried now.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) id: u64,
    pub(crate) url: Url,
    pub(crate) body: Arc<str>,
    pub(crate) transmission_id: String,
    pub(crate) retried_count: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    by_id: BTreeMap<u64, Delivery>,
    due: BTreeSet<(OffsetDateTime, u64)>,
    held: BTreeSet<u64>,
    /// Not tried yet, and somebody's answer waits for it.
    early: BTreeSet<u64>,
    finished: BTreeSet<u64>,
    dropped: u64,
    last_id: u64,
}

impl Deliveries {
    pub(crate) fn add(&mut self, message: Message, fault: Option<&Then>, now: OffsetDateTime) -> Option<u64> {
        let transmission_id = keys::transmission_id();
        if matches!(fault, Some(Then::Twice)) {
            self.add_one(message.clone(), transmission_id.clone(), fault, now);
        }
        self.add_one(message, transmission_id, fault, now)
    }

    fn add_one(
        &mut self,
        message: Message,
        transmission_id: String,
        fault: Option<&Then>,
        now: OffsetDateTime,
    ) -> Option<u64> {
        if self.by_id.len() >= DELIVERIES_MAX {
            let Some(oldest) = self.finished.pop_first() else {
                self.dropped += 1;
                return None;
            };
            self.by_id.remove(&oldest);
        }
        self.last_id += 1;
        let id = self.last_id;
        let late = match fault {
            Some(Then::Late { seconds }) => Duration::seconds(i64::try_from(*seconds).unwrap_or_default()),
            _ => Duration::ZERO,
        };
        self.by_id.insert(
            id,
            Delivery {
                id,
                transmission_id,
                message,
                fault: fault.map(Then::name),
                state: State::Waiting,
                next_at: None,
                retried_count: 0,
                attempts: Vec::new(),
                due_at: now,
                tried: CancellationToken::new(),
            },
        );
        match fault {
            Some(Then::Lost) => self.set(id, State::Lost),
            Some(Then::Reordered) => self.set(id, State::Held),
            _ => self.wait_until(id, now + late),
        }
        if matches!(fault, Some(Then::Early)) {
            self.early.insert(id);
        }
        Some(id)
    }

    pub(crate) fn restart(&mut self, id: u64, now: OffsetDateTime) -> bool {
        let Some(delivery) = self.by_id.get_mut(&id) else { return false };
        delivery.retried_count = 0;
        // One that is being sent goes on; its next try then counts as the first.
        if delivery.state != State::Sending {
            self.wait_until(id, now);
        }
        true
    }

    pub(crate) fn next_due(&mut self, ids: WebhookIds, now: OffsetDateTime) -> Option<Due> {
        let (_, id) = *self.due.first().filter(|(at, _)| *at <= now)?;
        self.set(id, State::Sending);
        let delivery = self.by_id.get(&id)?;
        let is_retry = delivery.retried_count > 0;
        Some(Due {
            id,
            url: delivery.message.url.clone(),
            body: Arc::clone(&delivery.message.body),
            transmission_id: if ids == WebhookIds::New && is_retry {
                keys::transmission_id()
            } else {
                delivery.transmission_id.clone()
            },
            retried_count: delivery.retried_count,
        })
    }

    pub(crate) fn tried(&mut self, id: u64, attempt: Attempt, received: bool, now: OffsetDateTime) {
        let Some(delivery) = self.by_id.get_mut(&id) else { return };
        delivery.tried.cancel();
        self.early.remove(&id);
        if delivery.attempts.len() == ATTEMPTS_MAX {
            delivery.attempts.remove(0);
        }
        delivery.attempts.push(attempt);
        let retry = RETRY_MINUTES.get(delivery.retried_count);
        match retry {
            _ if received => self.set(id, State::Delivered),
            None => self.set(id, State::GivenUp),
            Some(minutes) => {
                delivery.retried_count += 1;
                self.wait_until(id, now + Duration::minutes(*minutes));
            }
        }
        self.let_go_before(id, now);
    }

    /// What was held back until a later one had been tried may now follow it.
    fn let_go_before(&mut self, id: u64, now: OffsetDateTime) {
        let Some(address) = self.by_id.get(&id).map(|delivery| delivery.message.url.clone()) else { return };
        let earlier: Vec<u64> = self.held.range(..id).copied().collect();
        for held in earlier {
            if self.by_id.get(&held).is_some_and(|delivery| delivery.message.url == address) {
                self.wait_until(held, now);
            }
        }
    }

    pub(crate) fn page(&self, order_id: Option<&str>, after: Option<u64>, limit: usize) -> Vec<Delivery> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        let wanted = |delivery: &&Delivery| order_id.is_none() || delivery.message.order_id.as_deref() == order_id;
        self.by_id.range(from..).map(|(_, delivery)| delivery).filter(wanted).take(limit).cloned().collect()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What ends when the early deliveries about a payment have been tried.
    pub(crate) fn early_ones(&self, payment_key: &str) -> Vec<CancellationToken> {
        let early = self.early.iter().filter_map(|id| self.by_id.get(id));
        let about = early.filter(|delivery| delivery.message.payment_key.as_deref() == Some(payment_key));
        about.map(|delivery| delivery.tried.clone()).collect()
    }

    /// Forgets everything but goes on counting, so that a try still running reports to nobody.
    pub(crate) fn reset(&mut self) {
        self.by_id.values().for_each(|delivery| delivery.tried.cancel());
        *self = Self { last_id: self.last_id, ..Self::default() };
    }

    fn wait_until(&mut self, id: u64, at: OffsetDateTime) {
        self.set(id, State::Waiting);
        let Some(delivery) = self.by_id.get_mut(&id) else { return };
        delivery.due_at = at;
        delivery.next_at = Some(clock::wire(at));
        self.due.insert((at, id));
    }

    fn set(&mut self, id: u64, state: State) {
        let Some(delivery) = self.by_id.get_mut(&id) else { return };
        self.due.remove(&(delivery.due_at, id));
        self.held.remove(&id);
        self.finished.remove(&id);
        delivery.next_at = None;
        delivery.state = state;
        match state {
            State::Waiting | State::Sending => {}
            State::Held => {
                self.held.insert(id);
            }
            State::Delivered | State::GivenUp | State::Lost => {
                self.finished.insert(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const START: OffsetDateTime = datetime!(2026-09-01 12:00 +9);

    fn message(url: &str) -> Message {
        Message {
            event: None,
            url: Url::parse(url).unwrap(),
            order_id: None,
            payment_key: Some("pay".into()),
            status: None,
            body: "{}".into(),
        }
    }

    fn attempt(deliveries: &mut Deliveries, received: bool, now: OffsetDateTime) -> Option<(u64, usize)> {
        let due = deliveries.next_due(WebhookIds::Same, now)?;
        let attempt = Attempt {
            at: String::new(),
            transmission_id: due.transmission_id,
            retried_count: due.retried_count,
            status: None,
            error: None,
            took_ms: 0,
        };
        deliveries.tried(due.id, attempt, received, now);
        Some((due.id, due.retried_count))
    }

    #[test]
    fn a_delivery_is_retried_by_the_table_and_then_given_up_until_it_is_resent() {
        let mut deliveries = Deliveries::default();
        let id = deliveries.add(message("http://shop.example"), None, START).unwrap();
        let mut now = START;
        assert_eq!(attempt(&mut deliveries, false, now), Some((id, 0)));
        for (n, minutes) in RETRY_MINUTES.into_iter().enumerate() {
            assert_eq!(attempt(&mut deliveries, false, now + Duration::minutes(minutes) - Duration::SECOND), None);
            now += Duration::minutes(minutes);
            assert_eq!(attempt(&mut deliveries, false, now), Some((id, n + 1)));
        }
        assert_eq!(now - START, Duration::minutes(5_461));
        assert_eq!(attempt(&mut deliveries, false, now + Duration::days(30)), None);
        assert_eq!(deliveries.page(None, None, 9)[0].state, State::GivenUp);
        assert!(deliveries.restart(id, now) && !deliveries.restart(99, now));
        assert_eq!(attempt(&mut deliveries, true, now), Some((id, 0)));
        let delivery = &deliveries.page(None, None, 9)[0];
        assert_eq!((delivery.state, delivery.attempts.len()), (State::Delivered, 9));
    }

    #[test]
    fn a_reordered_delivery_follows_the_next_one_to_its_address() {
        let mut deliveries = Deliveries::default();
        let held = deliveries.add(message("http://a.example"), Some(&Then::Reordered), START).unwrap();
        let other = deliveries.add(message("http://b.example"), None, START).unwrap();
        let next = deliveries.add(message("http://a.example"), None, START).unwrap();
        let order: Vec<u64> = std::iter::from_fn(|| attempt(&mut deliveries, true, START)).map(|(id, _)| id).collect();
        assert_eq!(order, [other, next, held]);
    }

    #[test]
    fn when_the_table_is_full_the_oldest_finished_one_goes_and_no_other() {
        let mut deliveries = Deliveries::default();
        let shop = message("http://shop.example");
        for _ in 0..DELIVERIES_MAX {
            deliveries.add(shop.clone(), None, START).unwrap();
        }
        assert_eq!(deliveries.add(shop.clone(), None, START), None);
        assert_eq!(deliveries.dropped(), 1);
        let (first, _) = attempt(&mut deliveries, false, START).unwrap();
        let (second, _) = attempt(&mut deliveries, true, START).unwrap();
        assert!(deliveries.add(shop, None, START).is_some());
        assert!(deliveries.by_id.contains_key(&first) && !deliveries.by_id.contains_key(&second));
        assert_eq!(deliveries.by_id.len(), DELIVERIES_MAX);
    }
}
