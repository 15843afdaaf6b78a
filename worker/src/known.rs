//! What is known before a try, as plain values: all that decides which call is made and what its answer means.

use std::time::Duration;

use shared::{
    cancel::RefundAccount,
    money::Krw,
    order::OrderStatus,
    outbox::{Call, Claim, How, Mark, Operation, Sends, SendsAfter},
    payment::PaymentStatus,
    toss,
};
use uuid::Uuid;

use crate::{refund, terms::Terms};

#[derive(Clone, Debug)]
pub struct Known {
    pub work: Work,
    pub order_status: OrderStatus,
    pub payment_status: PaymentStatus,
    /// Since the confirm was accepted, by the database's clock.
    pub since_accepted: Duration,
    pub sends: Sends,
    /// A worker died over it, and may have sent.
    pub abandoned: bool,
    /// What the secrets at hand can do about the key that was sent.
    pub key: SentKey,
    pub surroundings: Surroundings,
    /// Tries so far, this one included, snoozes not.
    pub attempts: u16,
    pub snoozes: u16,
}

/// What an intent wants, without its bytes.
#[derive(Clone, Debug)]
pub enum Work {
    Confirm,
    Check,
    Cancel(Refund),
}

#[derive(Clone, Debug)]
pub struct Refund {
    pub mark: Uuid,
    pub reason: String,
    pub amount: Krw,
    pub expected_balance: Krw,
    pub in_full: bool,
    pub requested_ago: Duration,
    /// Nothing is posted for it any more.
    pub called_off: bool,
    /// Where a deposit goes back to.
    pub account: Option<RefundAccount>,
    /// Its request can be read. One that names an account is sealed, maybe under a key that is not ours: then we can only
    /// ask.
    pub can_be_sent: bool,
}

/// The secret under which the key of this epoch was sent, seen from the secrets at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentKey {
    /// Nothing was sent.
    None,
    /// It is at hand: a repeat under it is a repeat to Toss too.
    AtHand(String),
    /// It is not, or nobody knows which it was: a repeat would be a new request to Toss.
    Gone,
}

/// What a worker knows beside the claim.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// The secret that asks has shown a payment of the merchant that our orders are paid to. Without that, "not found" may
    /// be the word of another merchant's secret.
    pub merchant_is_proven: bool,
    /// The secret that asks has lately shown a payment of ours.
    pub key_is_taken: bool,
    /// Toss has lately answered about other payments.
    pub others_answered: bool,
}

/// From this try on every other one asks: where posting keeps being met with silence, asking may be answered.
const ASK_FROM_TRY: u16 = 4;

impl Known {
    /// `elapsed` is what passed since the claim was sent, by a monotonic clock; `request` the bytes that its post would
    /// send.
    pub(crate) fn of(
        claim: &Claim,
        key: SentKey,
        elapsed: Duration,
        request: Option<&[u8]>,
        surroundings: Surroundings,
    ) -> Self {
        let work = match claim.operation() {
            Operation::Confirm { .. } => Work::Confirm,
            Operation::Check => Work::Check,
            Operation::Cancel(cancel) => Work::Cancel(Refund {
                mark: cancel.mark,
                reason: cancel.reason.clone(),
                amount: cancel.amount,
                expected_balance: cancel.expected_balance,
                in_full: cancel.in_full,
                requested_ago: cancel.requested_ago + elapsed,
                called_off: cancel.called_off,
                account: request.and_then(toss::refund_account),
                can_be_sent: request.is_some(),
            }),
        };
        Self {
            work,
            order_status: claim.order_status(),
            payment_status: claim.payment_status(),
            since_accepted: claim.accepted_ago() + elapsed,
            sends: claim.sends().clone(),
            abandoned: claim.was_abandoned(),
            key,
            surroundings,
            attempts: claim.attempts(),
            snoozes: claim.snoozes(),
        }
    }

    /// Posts only what may be posted: an order being confirmed, in time, under a key that is not burnt. Asking is always
    /// safe.
    pub fn next_call(&self, terms: &Terms) -> Call {
        if self.must_ask() || self.asks_anyway() {
            return Call::Query;
        }
        match self.work {
            Work::Confirm if self.order_status == OrderStatus::InProgress && self.may_post(terms) => Call::Confirm,
            Work::Confirm | Work::Check => Call::Query,
            // What is given up is only asked about, or its sends would never be over.
            Work::Cancel(ref refund) if refund::ends(self, refund, terms).is_some() => Call::Query,
            Work::Cancel(_) => Call::Cancel,
        }
    }

    /// The key of this epoch is burnt, or is not ours to repeat; or what there is to send cannot be read, or must not be sent
    /// any more.
    pub(crate) fn must_ask(&self) -> bool {
        self.sends.burnt || self.key == SentKey::Gone || !self.can_be_sent()
    }

    fn can_be_sent(&self) -> bool {
        match &self.work {
            Work::Confirm | Work::Check => true,
            Work::Cancel(refund) => refund.can_be_sent && !refund.called_off,
        }
    }

    /// How it goes on after a question that led nowhere.
    pub(crate) fn again(&self) -> How {
        if self.must_ask() { How::Ask } else { How::Repeat }
    }

    /// Is it open what became of the money? A payment that ended is only looked up once more.
    pub(crate) fn waits_for_proof(&self) -> bool {
        match (&self.work, self.payment_status) {
            (Work::Cancel(_), _)
            | (_, PaymentStatus::InProgress | PaymentStatus::WaitingForDeposit | PaymentStatus::Review) => true,
            (
                Work::Confirm | Work::Check,
                PaymentStatus::Done
                | PaymentStatus::PartialCanceled
                | PaymentStatus::Canceled
                | PaymentStatus::Aborted
                | PaymentStatus::Expired,
            ) => false,
        }
    }

    fn asks_anyway(&self) -> bool {
        let tries = self.attempts.saturating_add(self.snoozes);
        tries >= ASK_FROM_TRY && tries.is_multiple_of(2)
    }

    pub(crate) fn may_post(&self, terms: &Terms) -> bool {
        self.since_accepted < terms.post_for
    }

    /// Can no send without an answer act any more, and is what it did shown by now?
    pub(crate) fn is_settled(&self, terms: &Terms) -> bool {
        self.sends.unanswered.is_none_or(|age| age >= terms.settled_after)
    }

    /// And neither can one that Toss answered with a server error? Until then no refusal of a later one is proof.
    pub(crate) fn no_send_is_open(&self, terms: &Terms) -> bool {
        self.is_settled(terms) && self.sends.server_error.is_none_or(|age| age >= terms.settled_after)
    }

    /// The sends as they are, after a call that added nothing to them.
    pub(crate) fn unchanged(&self) -> SendsAfter {
        let unchanged = self.sends.unchanged(self.abandoned);
        match &self.key {
            SentKey::AtHand(id) => SendsAfter { sent_with: Some(id.clone()), ..unchanged },
            SentKey::Gone | SentKey::None => unchanged,
        }
    }

    /// The sends after a post under this secret.
    pub(crate) fn posted(&self, signed_with: &str) -> SendsAfter {
        SendsAfter { sent_with: Some(signed_with.to_owned()), ..self.unchanged() }
    }

    /// The sends once a lookup shows that none of them moved anything. One that was answered with a server error stays open:
    /// a payment is approved once, so the next confirm is safe, but its refusal proves nothing yet.
    pub(crate) fn next_epoch(&self) -> SendsAfter {
        SendsAfter {
            epoch: self.sends.epoch.saturating_add(1),
            burnt: false,
            unanswered: Mark::Clear,
            server_error: Mark::Keep,
            absent: Mark::Clear,
            no_answer: Mark::Keep,
            sent_with: None,
            refusal: None,
        }
    }
}
