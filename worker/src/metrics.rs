//! `/metrics`: what the calls to Toss showed, and what waits, in the text format of Prometheus.
//!
//! Counters are this worker's own. Gauges about orders are read from the database when somebody asks, so every worker
//! tells the same. Alert on `hanbeon_review_orders`, `hanbeon_lane_paused_seconds`, `hanbeon_refunds_undecided`, on
//! `hanbeon_bank_refunds` whose status is `FAILED` or `PARTIAL_FAILED`, and on the ages.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use shared::{
    db::StoreError,
    lane,
    outbox::{Call, Finding},
    vitals,
};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::{flow::Flow, refund_alerts};

type Labels = Vec<(&'static str, String)>;

/// From a quick answer to one that takes the whole limit.
const SECONDS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// As many refunds are counted by their codes.
const UNDECIDED_MAX: u16 = 1_000;

#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Mutex<Registry>>,
    tries: Family<Labels, Counter>,
    took: Family<Labels, Histogram>,
    review_orders: Family<Labels, Gauge>,
    review_oldest: Family<Labels, Gauge>,
    lane_paused: Family<Labels, Gauge>,
    due: Gauge,
    undecided: Gauge,
    refund: Gauge,
    bank_refunds: Family<Labels, Gauge>,
    refunds_undecided: Family<Labels, Gauge>,
    hints_refused: Family<Labels, Gauge>,
    hint_waiting: Gauge,
    flow: Flow,
    in_flight: Gauge,
    limit: Family<Labels, Gauge>,
    breaker_open: Gauge,
    held: Family<Labels, Gauge>,
}

impl Metrics {
    pub(crate) fn new(flow: Flow) -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("hanbeon"))),
            tries: Family::default(),
            took: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            review_orders: Family::default(),
            review_oldest: Family::default(),
            lane_paused: Family::default(),
            due: Gauge::default(),
            undecided: Gauge::default(),
            refund: Gauge::default(),
            bank_refunds: Family::default(),
            refunds_undecided: Family::default(),
            hints_refused: Family::default(),
            hint_waiting: Gauge::default(),
            flow,
            in_flight: Gauge::default(),
            limit: Family::default(),
            breaker_open: Gauge::default(),
            held: Family::default(),
        };
        let mut registry = metrics.lock();
        registry.register("toss_calls", "Calls to Toss, by call and by what they showed", metrics.tries.clone());
        registry.register_with_unit("toss_call", "How long calls to Toss took", Unit::Seconds, metrics.took.clone());
        registry.register("review_orders", "Orders that wait for a human", metrics.review_orders.clone());
        let on_their_way = "Refunds into accounts that Toss has booked and the bank has not completed";
        registry.register("bank_refunds", on_their_way, metrics.bank_refunds.clone());
        let undecided = "Refunds not decided an hour after they were asked for, by Toss's last code, at most 1000";
        registry.register("refunds_undecided", undecided, metrics.refunds_undecided.clone());
        let refused = "Webhooks of the last hour that were ignored, at most 10000";
        registry.register("webhooks_refused", refused, metrics.hints_refused.clone());
        for (name, help, gauge) in [
            ("toss_in_flight", "Calls in flight", &metrics.in_flight),
            ("toss_breaker_open", "1 while Toss does not answer and is only probed", &metrics.breaker_open),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, family) in [
            ("toss_in_flight_limit", "Calls that may be in flight, as Toss bears them", &metrics.limit),
            ("toss_held", "1 while Toss has asked for patience and no such call starts", &metrics.held),
        ] {
            registry.register(name, help, family.clone());
        }
        for (name, help, gauge) in [
            ("intent_due", "How long the oldest intent has been due", &metrics.due),
            ("confirm_undecided", "Age of the oldest confirm that is not decided", &metrics.undecided),
            ("refund_undecided", "Age of the oldest refund that is not made", &metrics.refund),
            ("webhook_waiting", "Age of the oldest webhook that waits for its order", &metrics.hint_waiting),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, gauge.clone());
        }
        for (name, help, family) in [
            ("review_oldest", "Age of the oldest order that waits for a human", &metrics.review_oldest),
            ("lane_paused", "How long Toss has not taken a secret", &metrics.lane_paused),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        }
        drop(registry);
        metrics
    }

    pub(crate) fn note(&self, finding: &Finding, took: Duration) {
        let Finding::Tried { attempt, outcome, .. } = finding else { return };
        self.count(attempt.call, outcome.as_str(), took);
    }

    /// A lookup that was about a secret and not about a payment.
    pub(crate) fn note_key_check(&self, took: Duration) {
        self.count(Call::Query, "key_check", took);
    }

    fn count(&self, call: Call, outcome: &str, took: Duration) {
        let call = ("call", call.as_str().to_owned());
        self.tries.get_or_create(&vec![call.clone(), ("outcome", outcome.to_owned())]).inc();
        self.took.get_or_create(&vec![call]).observe(took.as_secs_f64());
    }

    /// Reads what stands in the database, and writes all of it down.
    pub(crate) async fn text(&self, pool: &PgPool) -> Result<String, StoreError> {
        let (reviews, backlog, paused) =
            (vitals::reviews(pool).await?, vitals::backlog(pool).await?, lane::paused(pool).await?);
        let (hints, bank_refunds) = (vitals::hints(pool).await?, vitals::bank_refunds(pool).await?);
        let undecided = vitals::undecided_refunds(pool, refund_alerts::OLDER_THAN, UNDECIDED_MAX).await?;
        let registry = self.lock(); // one reader at a time sees one state
        for call in [Call::Confirm, Call::Query, Call::Cancel] {
            let (flow, labels) = (self.flow.state(call, Instant::now()), vec![("call", call.as_str().to_owned())]);
            self.in_flight.set(i64::try_from(flow.in_flight).unwrap_or(i64::MAX));
            self.breaker_open.set(i64::from(flow.open_since.is_some()));
            self.limit.get_or_create(&labels).set(i64::try_from(flow.limit).unwrap_or(i64::MAX));
            self.held.get_or_create(&labels).set(i64::from(flow.held_until.is_some()));
        }
        self.due.set(backlog.due_seconds);
        self.undecided.set(backlog.undecided_seconds);
        self.refund.set(backlog.refund_seconds);
        self.hint_waiting.set(hints.waiting_seconds);
        for (why, count) in [("wrong_secret", hints.wrong_secret), ("unreadable", hints.unreadable)] {
            self.hints_refused.get_or_create(&vec![("reason", why.to_owned())]).set(count);
        }
        for family in
            [&self.review_orders, &self.review_oldest, &self.lane_paused, &self.bank_refunds, &self.refunds_undecided]
        {
            family.clear();
        }
        for review in reviews {
            let reason = vec![("reason", review.reason)];
            self.review_orders.get_or_create(&reason).set(review.orders);
            self.review_oldest.get_or_create(&reason).set(review.oldest_seconds);
        }
        for lane in paused {
            let labels = vec![("api_key", lane.api_key_id), ("code", lane.code)];
            self.lane_paused.get_or_create(&labels).set(lane.for_seconds);
        }
        for refunds in bank_refunds {
            self.bank_refunds.get_or_create(&vec![("status", refunds.status)]).set(refunds.payments);
        }
        for refund in undecided {
            let code = refund.last_code.unwrap_or_else(|| "none".to_owned());
            self.refunds_undecided.get_or_create(&vec![("code", code)]).inc();
        }
        let mut text = String::new();
        if encode(&mut text, &registry).is_err() {
            text.clear(); // writing into a string does not fail
        }
        Ok(text)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
