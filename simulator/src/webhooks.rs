//! Webhooks: who wants to hear of what.
//!
//! A registration is for one merchant, one event and one address, as in Toss's console; a merchant registered for two
//! events hears of a change twice. What is on its way is in `deliveries`, and `courier` carries it. Until somebody
//! registers, a change of status costs one look at a counter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tokio::sync::Notify;
use url::Url;

use crate::deliveries::{Attempt, Deliveries, Delivery, Due};
use crate::events::Event;
use crate::faults::Then;
use crate::lock::Lock;
use crate::switches::WebhookIds;

const REGISTRATIONS_MAX: usize = 100;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registration {
    #[serde(rename = "webhookId")]
    pub(crate) id: u64,
    pub(crate) merchant_id: Arc<str>,
    pub(crate) event: Event,
    pub(crate) url: Url,
}

/// How webhooks are sent, beside what the switches say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Manner {
    /// How long the shop may take to answer, in real time.
    pub(crate) limit_ms: u64,
}

impl Default for Manner {
    fn default() -> Self {
        Self { limit_ms: 10_000 }
    }
}

/// What is to be sent where, and what it is about.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    /// None for a forged one.
    pub(crate) event: Option<Event>,
    pub(crate) url: Url,
    pub(crate) order_id: Option<Arc<str>>,
    pub(crate) payment_key: Option<Arc<str>>,
    /// The payment's status that it tells of.
    pub(crate) status: Option<&'static str>,
    pub(crate) body: Arc<str>,
}

#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    table: Lock<Table>,
    /// Spares a change of status the lock while nobody has registered.
    registered: AtomicUsize,
    /// Something may have become due.
    pub(crate) changed: Notify,
    /// Where the first merchant hears of payments and deposits from the start, and again after every reset.
    at_start: Option<(Arc<str>, Url)>,
}

#[derive(Debug, Default)]
struct Table {
    registrations: Vec<Registration>,
    last_id: u64,
    manner: Manner,
    deliveries: Deliveries,
}

impl Webhooks {
    pub(crate) fn starting_with(at_start: Option<(Arc<str>, Url)>) -> Self {
        let webhooks = Self { at_start, ..Self::default() };
        webhooks.register_those_of_the_start();
        webhooks
    }

    fn register_those_of_the_start(&self) {
        if let Some((merchant_id, url)) = &self.at_start {
            for event in [Event::PaymentStatusChanged, Event::DepositCallback] {
                // There is room for two.
                let _ = self.register(Arc::clone(merchant_id), event, url.clone());
            }
        }
    }

    /// None when there are too many.
    pub(crate) fn register(&self, merchant_id: Arc<str>, event: Event, url: Url) -> Option<u64> {
        self.change(|table| {
            (table.registrations.len() < REGISTRATIONS_MAX).then(|| {
                table.last_id += 1;
                table.registrations.push(Registration { id: table.last_id, merchant_id, event, url });
                table.last_id
            })
        })
    }

    /// Removes one registration, or all; whether there was one.
    pub(crate) fn unregister(&self, id: Option<u64>) -> bool {
        self.change(|table| {
            let before = table.registrations.len();
            table.registrations.retain(|registration| id.is_some_and(|id| id != registration.id));
            table.registrations.len() < before
        })
    }

    pub(crate) fn registrations(&self) -> (Vec<Registration>, Manner) {
        self.table.with(|table| (table.registrations.clone(), table.manner))
    }

    pub(crate) fn of_merchant(&self, merchant_id: &str) -> Vec<Registration> {
        if self.registered.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let (mut registrations, _) = self.registrations();
        registrations.retain(|registration| *registration.merchant_id == *merchant_id);
        registrations
    }

    pub(crate) fn set_manner(&self, manner: Manner) {
        self.table.with(|table| table.manner = manner);
    }

    /// Takes a message on its way, with the fault it meets there; None when too many are on theirs.
    pub(crate) fn send(&self, message: Message, fault: Option<&Then>, now: OffsetDateTime) -> Option<u64> {
        let id = self.table.with(|table| table.deliveries.add(message, fault, now));
        self.changed.notify_one();
        id
    }

    /// Starts a delivery anew, whatever became of it; false when there is none.
    pub(crate) fn resend(&self, id: u64, now: OffsetDateTime) -> bool {
        let found = self.table.with(|table| table.deliveries.restart(id, now));
        self.changed.notify_one();
        found
    }

    /// The deliveries about an order, or all of them page by page, and how many were not taken.
    pub(crate) fn page(&self, order_id: Option<&str>, after: Option<u64>, limit: usize) -> (Vec<Delivery>, u64) {
        self.table.with(|table| (table.deliveries.page(order_id, after, limit), table.deliveries.dropped()))
    }

    pub(crate) fn next_due(&self, ids: WebhookIds, now: OffsetDateTime) -> Option<(Due, Manner)> {
        self.table.with(|table| Some((table.deliveries.next_due(ids, now)?, table.manner)))
    }

    /// Writes down a try; if it failed, the next is in the retry table or there is none.
    pub(crate) fn tried(&self, id: u64, attempt: Attempt, received: bool, now: OffsetDateTime) {
        self.table.with(|table| table.deliveries.tried(id, attempt, received, now));
        self.changed.notify_one();
    }

    /// Waits until the early webhooks about a payment have been tried.
    pub(crate) async fn early_ones(&self, payment_key: &str) {
        if self.registered.load(Ordering::Acquire) == 0 {
            return;
        }
        for tried in self.table.with(|table| table.deliveries.early_ones(payment_key)) {
            tried.cancelled().await;
        }
    }

    pub(crate) fn reset(&self) {
        self.change(|table| {
            table.registrations.clear();
            table.manner = Manner::default();
            table.deliveries.reset();
        });
        self.register_those_of_the_start();
    }

    fn change<R>(&self, work: impl FnOnce(&mut Table) -> R) -> R {
        self.table.with(|table| {
            let result = work(table);
            self.registered.store(table.registrations.len(), Ordering::Release);
            result
        })
    }
}
