//! What the window and the control page do with a payment before money moves: choose its means, and look at it.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{AUTHENTICATE_WITHIN, Payment, Payments, Status, is_partial_cancelable};
use crate::means::Means;
use crate::method::Method;

impl Payment {
    /// When a shopper who has not authenticated is too late.
    pub(crate) fn ready_until(&self) -> OffsetDateTime {
        self.requested_at + AUTHENTICATE_WITHIN
    }
}

impl Payments {
    /// The shopper has chosen how to pay. Nothing changes once the payment is authenticated.
    pub(crate) fn choose(&mut self, key: &str, method: Method, means: Means, now: OffsetDateTime) {
        if let Some(payment) = self.by_key.get_mut(key)
            && matches!(payment.status(now), Status::Ready)
        {
            payment.method = Some(method);
            payment.partial_cancelable = is_partial_cancelable(&means, payment.untaxed, payment.escrow);
            payment.means = Arc::new(means);
        }
    }

    /// The payments opened last, newest first.
    pub(crate) fn newest(&self, count: usize) -> impl Iterator<Item = &Payment> {
        self.oldest.iter().rev().take(count).filter_map(|key| self.by_key.get(key))
    }
}
