//! What becomes of an order when something is found out about one of its payments: the rules, as pure functions over what
//! was read under locks.
//!
//! [`super::reconcile`] reads the facts, decides here, and writes. The model check explores the same functions. The common
//! findings, about the one payment that an unresolved order waits for, are decided by the batch statement `settle.sql`.
//!
//! Stock is never moved by a rule of its own: it comes back or is taken exactly where the order ceases or begins to hold it.

mod rules;
#[cfg(test)]
mod tests;

pub use rules::{decide_lookup, decide_refund};

use crate::{order::OrderStatus, payment::PaymentStatus};

/// The state of an order, as far as stock depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderState {
    pub status: OrderStatus,
    /// What a review holds. Without meaning in any other state.
    pub review_holds_stock: bool,
}

impl OrderState {
    pub fn new(status: OrderStatus) -> Self {
        Self { status, review_holds_stock: false }
    }

    /// Are the order's pieces off the shelf for it, held or sold?
    pub fn holds_stock(self) -> bool {
        match self.status {
            OrderStatus::InProgress
            | OrderStatus::WaitingForDeposit
            | OrderStatus::Done
            | OrderStatus::PartialCanceled => true,
            OrderStatus::Ready | OrderStatus::Canceled | OrderStatus::Aborted | OrderStatus::Expired => false,
            OrderStatus::Review => self.review_holds_stock,
        }
    }

    /// A review holds what the order held when it came to it.
    fn in_review(self) -> Self {
        Self { status: OrderStatus::Review, review_holds_stock: self.holds_stock() }
    }
}

/// Which payment pays the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    None,
    ThisPayment,
    OtherPayment(PaymentStatus),
}

/// What was read about the order, under its lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    pub order: OrderState,
    /// Of the payment that the finding is about.
    pub payment: PaymentStatus,
    /// Toss holds all of it, as far as we know.
    pub payment_is_whole: bool,
    pub payer: Payer,
    /// Another payment of the order that is confirmed, waits for its deposit, or is in review.
    pub other_undecided: Option<PaymentStatus>,
    /// Toss holds money of another payment that does not pay the order.
    pub other_held: bool,
    /// Another refund of the order is not finished.
    pub refund_running: bool,
    /// The worker tried to give this payment back, and that ended without effect.
    pub worker_refund_failed: bool,
    /// The shelves have all that the order would take.
    pub enough_stock: bool,
    /// The order's state changed so lately that an answer may be older than the change.
    pub changed_lately: bool,
    /// An operator wants the review closed.
    pub close_requested: bool,
}

/// What Toss shows of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// It was approved. `DONE`, `PARTIAL_CANCELED` or `CANCELED`, by what is left of it.
    Approved(PaymentStatus),
    /// Its virtual account waits for the deposit.
    Waiting,
    /// It failed, with proof: ABORTED or EXPIRED.
    Failed(PaymentStatus),
    /// Something that only a person can judge. Not silence.
    Unclear,
    /// Toss says nothing about it.
    NoAnswer,
}

/// How a refund ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundEnd {
    /// Toss booked it; how the payment stands after it.
    Made(PaymentStatus),
    /// The account that waited for a deposit is closed.
    AccountClosed,
    /// It was not made, with proof, and a person or the shop's server had asked for it: they are told.
    NotMade,
    /// It was not made, and the worker must not keep the money; or its payment is not there. A person must look.
    NeedsReview,
}

/// Does the order get another payer?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Paying {
    Unchanged,
    /// This payment pays from now on.
    Begins,
    /// It paid, and does not any more.
    Ceases,
}

/// What becomes of the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextIntent {
    None,
    /// The intent becomes the one that refunds this payment in full.
    Refund,
}

/// When the payment is looked up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextLookup {
    Unchanged,
    Never,
    /// As soon as an intent can be made of it.
    AtOnce,
    /// When no answer can be older than what we wrote last.
    AfterDoubt,
    /// As an account that waits for its deposit.
    AsDeposit,
    /// While a young deposit may be taken back.
    AsYoungDeposit,
    /// At growing intervals, while the review lasts.
    AsReview,
    /// Once more after a failure: what Toss said then is compared with what it says later.
    AfterFailure,
}

/// Why, for the order's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// What the finding itself says.
    Finding,
    Rule(&'static str),
}

/// All that becomes of an order at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decision {
    pub order: OrderState,
    pub payment: PaymentStatus,
    /// Toss's answer becomes the payment's proof.
    pub keeps_answer: bool,
    pub paying: Paying,
    pub next_intent: NextIntent,
    pub next_lookup: NextLookup,
    /// A line of the order's history; `None`: nothing happened that belongs there.
    pub because: Option<Because>,
}

impl Decision {
    fn nothing(facts: &Facts) -> Self {
        Self {
            order: facts.order,
            payment: facts.payment,
            keeps_answer: false,
            paying: Paying::Unchanged,
            next_intent: NextIntent::None,
            next_lookup: NextLookup::Never,
            because: None,
        }
    }

    /// What moves between the shelves and the order.
    pub fn stock(&self, before: OrderState) -> Stock {
        match (before.holds_stock(), self.order.holds_stock()) {
            (true, false) => Stock::Back,
            (false, true) => Stock::Taken,
            (true, true) | (false, false) => Stock::Unchanged,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stock {
    Unchanged,
    /// What the order held goes back to the shelves.
    Back,
    /// What the order needs is taken from them.
    Taken,
}

/// Where a payment takes its order along, the names are the same.
pub fn order_like(payment: PaymentStatus) -> OrderStatus {
    match payment {
        PaymentStatus::InProgress => OrderStatus::InProgress,
        PaymentStatus::WaitingForDeposit => OrderStatus::WaitingForDeposit,
        PaymentStatus::Done => OrderStatus::Done,
        PaymentStatus::PartialCanceled => OrderStatus::PartialCanceled,
        PaymentStatus::Canceled => OrderStatus::Canceled,
        PaymentStatus::Aborted => OrderStatus::Aborted,
        PaymentStatus::Expired => OrderStatus::Expired,
        PaymentStatus::Review => OrderStatus::Review,
    }
}

fn is_undecided(payment: PaymentStatus) -> bool {
    matches!(payment, PaymentStatus::InProgress | PaymentStatus::WaitingForDeposit | PaymentStatus::Review)
}
