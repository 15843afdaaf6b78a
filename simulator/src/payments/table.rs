//! The payments by key and by order: opening them, finding them, and forgetting the oldest.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{OpenRefused, Opening, Payment, Payments, State, Status};
use crate::errors::Code;
use crate::switches::OrderQuery;
use crate::{clock, keys};

/// About 800 bytes each; fifty seconds of the highest rate the simulator is built for.
const PAYMENTS_MAX: usize = 500_000;
/// How many of the oldest are looked at to find a finished one: keeps opening a payment short even when none is.
const OLDEST_LOOKED_AT: usize = 16;

impl Payments {
    pub(crate) fn open(&mut self, opening: Opening, now: OffsetDateTime) -> Result<Payment, OpenRefused> {
        self.make_room(now)?;
        let partial_cancelable = opening.partial_cancelable.unwrap_or_else(|| opening.is_partial_cancelable());
        let key = self.free_key(opening.key, &opening.owner.merchant_id, now)?;
        let payment = Payment {
            key: Arc::clone(&key),
            owner: opening.owner,
            order_id: opening.order_id.into(),
            order_name: opening.order_name.into(),
            currency: opening.currency,
            amount: opening.amount,
            untaxed: opening.untaxed,
            escrow: opening.escrow,
            means: Arc::new(opening.means),
            partial_cancelable,
            secret: keys::secret().into(),
            metadata: opening.metadata.map(Arc::new),
            visit: opening.visit.map(Arc::new),
            method: None,
            requested_at: now,
            authenticated_at: None,
            due_at: None,
            last_transaction_key: None,
            cancels: Vec::new(),
            bank_refund: None,
            cash_receipts: Vec::new(),
            state: State::Ready,
            decline: None,
            confirming: false,
        };
        self.by_order.entry(Arc::clone(&payment.order_id)).or_default().push(Arc::clone(&key));
        self.oldest.push_back(Arc::clone(&key));
        self.wait_for_shopper(&payment);
        self.by_key.insert(key, payment.clone());
        Ok(payment)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Payment> {
        self.by_key.get(key)
    }

    pub(crate) fn of_order(&self, order_id: &str) -> impl DoubleEndedIterator<Item = &Payment> {
        self.by_order.get(order_id).into_iter().flatten().filter_map(|key| self.by_key.get(key))
    }

    /// The payment a query by orderId shows.
    pub(crate) fn by_order(&self, order_id: &str, which: OrderQuery) -> Option<&Payment> {
        let mut of_order = self.of_order(order_id);
        match which {
            OrderQuery::First => of_order.next(),
            OrderQuery::Newest => of_order.next_back(),
            OrderQuery::Approved => {
                let approved = of_order.rfind(|payment| payment.approval().is_some());
                approved.or_else(|| self.of_order(order_id).next_back())
            }
        }
    }

    /// The shopper has authenticated: the ten minutes start. A shopper who does so twice gets the same answer again,
    /// and the minutes do not start anew. None when the payment is unknown, expired or decided.
    pub(crate) fn authenticate(&mut self, key: &str, decline: Option<Code>, now: OffsetDateTime) -> Option<Payment> {
        let payment = self.by_key.get_mut(key)?;
        match payment.status(now) {
            Status::Ready => {
                payment.state = State::InProgress;
                payment.authenticated_at = Some(now);
                payment.decline = decline;
                let payment = payment.clone();
                self.wait_for_shop(&payment, now);
                Some(payment)
            }
            Status::InProgress => Some(payment.clone()),
            Status::WaitingForDeposit
            | Status::Done
            | Status::PartialCanceled
            | Status::Canceled
            | Status::Aborted(_)
            | Status::Expired => None,
        }
    }

    fn free_key(
        &self,
        chosen: Option<String>,
        merchant_id: &str,
        now: OffsetDateTime,
    ) -> Result<Arc<str>, OpenRefused> {
        if let Some(chosen) = chosen {
            let free = !self.by_key.contains_key(chosen.as_str());
            return if free { Ok(chosen.into()) } else { Err(OpenRefused::KeyTaken) };
        }
        // Five random characters meet again within a busy second now and then.
        let moment = clock::compact(now);
        loop {
            let key = keys::payment_key(merchant_id, &moment);
            if !self.by_key.contains_key(key.as_str()) {
                return Ok(key.into());
            }
        }
    }

    fn make_room(&mut self, now: OffsetDateTime) -> Result<(), OpenRefused> {
        if self.by_key.len() < PAYMENTS_MAX {
            return Ok(());
        }
        for _ in 0..OLDEST_LOOKED_AT {
            let Some(key) = self.oldest.pop_front() else { break };
            match self.by_key.get(&key) {
                Some(payment) if !payment.is_finished(now) => self.oldest.push_back(key),
                Some(_) | None => {
                    self.forget(&key);
                    return Ok(());
                }
            }
        }
        Err(OpenRefused::Full)
    }

    fn forget(&mut self, key: &Arc<str>) {
        let Some(payment) = self.by_key.remove(key) else { return };
        if let Some(keys) = self.by_order.get_mut(&payment.order_id) {
            keys.retain(|other| other != key);
            if keys.is_empty() {
                self.by_order.remove(&payment.order_id);
            }
        }
    }
}
