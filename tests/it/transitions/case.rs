//! One order before a finding about it is written back, and what becomes of it.

use shared::{
    order::OrderStatus,
    outbox::decision::{Decision, Facts, NextIntent, NextLookup, OrderState, Payer, Paying, Stock},
    payment::PaymentStatus,
};
use worker::transitions::{Intent, LookBack, Move};

/// One order as it stands before; its name in the database says all of this.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Case {
    pub(super) order: OrderStatus,
    pub(super) payment: PaymentStatus,
    /// What is found out about the payment, by name.
    pub(super) found: String,
    pub(super) pays: bool,
    pub(super) enough: bool,
    pub(super) refunding: bool,
    /// What a review holds.
    pub(super) holds: bool,
}

/// What became of it, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) order: OrderStatus,
    pub(super) payment: PaymentStatus,
    /// It pays the order now, and did not; it did, and does not.
    pub(super) pays: bool,
    pub(super) ceases: bool,
    /// Pieces that came back to the shelf.
    pub(super) stock: i64,
    /// What a review holds.
    pub(super) holds: Option<bool>,
    pub(super) intent: &'static str,
    pub(super) lookup: &'static str,
}

impl Case {
    pub(super) fn parse(name: &str) -> Self {
        let mut parts = name.split('|');
        let mut next = || parts.next().unwrap();
        Self {
            order: OrderStatus::parse(next()).unwrap(),
            payment: PaymentStatus::parse(next()).unwrap(),
            found: next().to_owned(),
            pays: next() == "true",
            enough: next() == "true",
            refunding: next() == "true",
            holds: next() == "true",
        }
    }

    pub(super) fn state(&self) -> OrderState {
        OrderState { status: self.order, review_holds_stock: self.order == OrderStatus::Review && self.holds }
    }

    /// The facts, as the case was staged.
    pub(super) fn facts(&self, about_refund: bool) -> Facts {
        Facts {
            order: self.state(),
            payment: self.payment,
            payment_is_whole: true,
            payer: if self.pays { Payer::ThisPayment } else { Payer::None },
            other_undecided: None,
            other_held: false,
            refund_running: self.refunding && !about_refund,
            worker_refund_failed: false,
            enough_stock: self.enough,
            changed_lately: false,
            close_requested: false,
        }
    }

    pub(super) fn as_moved(&self, moved: Move) -> Done {
        let in_review = moved.order == OrderStatus::Review;
        Done {
            order: moved.order,
            payment: moved.payment,
            pays: moved.pays && !self.pays,
            ceases: false,
            stock: i64::from(moved.stock_is_back),
            holds: in_review.then_some(self.order != OrderStatus::Review || self.holds),
            intent: match moved.intent {
                Intent::Ends => "none",
                Intent::LivesOn => "lives on",
            },
            lookup: match moved.look_back {
                LookBack::Stays => "stays",
                LookBack::Later => "later",
                LookBack::Never => "never",
            },
        }
    }

    pub(super) fn as_decided(&self, decision: Decision) -> Done {
        Done {
            order: decision.order.status,
            payment: decision.payment,
            pays: decision.paying == Paying::Begins && !self.pays,
            ceases: decision.paying == Paying::Ceases,
            stock: match decision.stock(self.state()) {
                Stock::Unchanged => 0,
                Stock::Back => 1,
                Stock::Taken => -1,
            },
            holds: (decision.order.status == OrderStatus::Review).then_some(decision.order.review_holds_stock),
            intent: match decision.next_intent {
                NextIntent::None => "none",
                NextIntent::Refund => "refund",
            },
            lookup: match decision.next_lookup {
                NextLookup::Unchanged => "stays",
                // No approval of these cases is a deposit.
                NextLookup::Never | NextLookup::AsYoungDeposit => "never",
                NextLookup::AtOnce => "at once",
                NextLookup::AfterDoubt | NextLookup::AsDeposit | NextLookup::AsReview | NextLookup::AfterFailure => {
                    "later"
                }
            },
        }
    }
}
