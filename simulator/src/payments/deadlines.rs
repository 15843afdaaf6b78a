//! Which payments are waiting for the shopper or the shop, in the order in which they will have waited too long.
//!
//! A payment's expiry follows from the clock and needs nobody to notice it; the webhook about it does. Entries are only
//! hints: a payment that has moved on, or was forgotten, is passed over when its time comes.

use std::collections::VecDeque;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use super::{AUTHENTICATE_WITHIN, CONFIRM_WITHIN, Payment, Payments, State};

#[derive(Debug, Default)]
pub(crate) struct Deadlines(VecDeque<(OffsetDateTime, Arc<str>)>);

impl Deadlines {
    pub(crate) fn add(&mut self, since: OffsetDateTime, key: &Arc<str>) {
        self.0.push_back((since, Arc::clone(key)));
    }

    /// The next payment that has waited for longer than `within`.
    pub(crate) fn overdue(&mut self, within: Duration, now: OffsetDateTime) -> Option<Arc<str>> {
        self.0.pop_front_if(|(since, _)| now - *since > within).map(|(_, key)| key)
    }

    /// Passes over the ones that do not wait any more, as soon as they may be more than half of all.
    pub(crate) fn prune(&mut self, waiting_max: usize, waits: impl Fn(&str) -> bool) {
        if self.0.len() > 2 * waiting_max + 1_000 {
            self.0.retain(|(_, key)| waits(key));
        }
    }
}

impl Payments {
    /// The payments that have expired since this was asked last.
    pub(crate) fn expire(&mut self, now: OffsetDateTime) -> Vec<Payment> {
        let mut expired = Vec::new();
        while let Some(key) = self.unauthenticated.overdue(AUTHENTICATE_WITHIN, now) {
            expired.extend(self.by_key.get(&key).filter(|payment| payment.is_ready()).cloned());
        }
        while let Some(key) = self.unconfirmed.overdue(CONFIRM_WITHIN, now) {
            // One whose confirm is being worked on is about to be decided and will not expire.
            let unconfirmed = |payment: &&Payment| payment.is_in_progress() && !payment.confirming;
            expired.extend(self.by_key.get(&key).filter(unconfirmed).cloned());
        }
        expired
    }

    pub(super) fn wait_for_shopper(&mut self, payment: &Payment) {
        self.unauthenticated.prune(self.by_key.len(), |key| self.by_key.get(key).is_some_and(Payment::is_ready));
        self.unauthenticated.add(payment.requested_at, &payment.key);
    }

    pub(super) fn wait_for_shop(&mut self, payment: &Payment, since: OffsetDateTime) {
        self.unconfirmed.prune(self.by_key.len(), |key| self.by_key.get(key).is_some_and(Payment::is_in_progress));
        self.unconfirmed.add(since, &payment.key);
    }
}

impl Payment {
    fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    fn is_in_progress(&self) -> bool {
        matches!(self.state, State::InProgress)
    }
}
