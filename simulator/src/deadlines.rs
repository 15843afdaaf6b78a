//! Which payments are waiting for the shopper or the shop, in the order in which they will have waited too long.
//!
//! A payment's expiry follows from the clock and needs nobody to notice it; the webhook about it does. Entries are only
//! hints: a payment that has moved on, or was forgotten, is passed over when its time comes.

use std::collections::VecDeque;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

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
