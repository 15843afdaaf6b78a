//! The rules themselves. One function for each thing that Toss may show.

use super::{
    Because, Decision, Facts, NextIntent, NextLookup, OrderState, Payer, Paying, RefundEnd, Shown, is_undecided,
    order_like,
};
use crate::{order::OrderStatus, payment::PaymentStatus};

/// A lookup of a payment ends whose order has moved on, or is in review.
pub fn decide_lookup(facts: &Facts, shown: Shown) -> Decision {
    match shown {
        Shown::Approved(status) => approved(facts, status),
        Shown::Waiting => waiting(facts),
        Shown::Failed(status) => failed(facts, status),
        Shown::Unclear | Shown::NoAnswer => unclear(facts, shown),
    }
}

/// A refund of a payment ends.
pub fn decide_refund(facts: &Facts, end: RefundEnd) -> Decision {
    let told = Decision { because: Some(Because::Finding), ..Decision::nothing(facts) };
    match end {
        RefundEnd::NeedsReview => {
            Decision { order: facts.order.in_review(), next_lookup: NextLookup::AsReview, ..told }
        }
        // What Toss holds may be another amount than we believed.
        RefundEnd::NotMade => Decision { next_lookup: NextLookup::AtOnce, ..told },
        RefundEnd::AccountClosed => {
            let order = after_refund(facts, PaymentStatus::Canceled);
            Decision { order, payment: PaymentStatus::Canceled, keeps_answer: true, ..told }
        }
        RefundEnd::Made(status) => {
            let order = after_refund(facts, status);
            Decision { order, payment: status, keeps_answer: true, next_lookup: NextLookup::Unchanged, ..told }
        }
    }
}

/// The order after this payment was given back, in full or in part. It never ends while another payment holds money for it
/// or is waited for.
fn after_refund(facts: &Facts, status: PaymentStatus) -> OrderState {
    let gone = status == PaymentStatus::Canceled;
    if facts.payer == Payer::ThisPayment && !gone && facts.order.holds_stock() {
        return leave_review(facts, OrderState::new(order_like(status)));
    }
    if !gone {
        return facts.order;
    }
    match facts.order.status {
        OrderStatus::Done | OrderStatus::PartialCanceled if facts.payer == Payer::ThisPayment => without_this(facts),
        OrderStatus::WaitingForDeposit | OrderStatus::Aborted | OrderStatus::Expired => match facts.other_undecided {
            Some(_) => facts.order,
            None if facts.other_held => facts.order,
            None => OrderState::new(OrderStatus::Canceled),
        },
        OrderStatus::Review => without_this(facts),
        OrderStatus::Ready
        | OrderStatus::InProgress
        | OrderStatus::Done
        | OrderStatus::PartialCanceled
        | OrderStatus::Canceled => facts.order,
    }
}

/// The order once this payment neither holds money nor is waited for.
fn without_this(facts: &Facts) -> OrderState {
    let holds_stock = facts.order.holds_stock();
    match (facts.other_undecided, facts.payer) {
        (Some(PaymentStatus::Review), _) => facts.order.in_review(),
        _ if facts.other_held => facts.order.in_review(),
        (_, Payer::OtherPayment(payer)) if holds_stock || !order_holds(payer) => OrderState::new(order_like(payer)),
        (Some(other), Payer::None | Payer::ThisPayment) if holds_stock => OrderState::new(order_like(other)),
        // What pays or is waited for has no stock: only a person can say what the shopper gets.
        (_, Payer::OtherPayment(_)) | (Some(_), Payer::None | Payer::ThisPayment) => facts.order.in_review(),
        (None, Payer::None | Payer::ThisPayment) => OrderState::new(OrderStatus::Canceled),
    }
}

fn order_holds(payer: PaymentStatus) -> bool {
    OrderState::new(order_like(payer)).holds_stock()
}

/// The order in this state, unless something else still keeps it in review.
fn leave_review(facts: &Facts, to: OrderState) -> OrderState {
    let kept = facts.other_held || facts.other_undecided == Some(PaymentStatus::Review);
    if facts.order.status == OrderStatus::Review && kept {
        OrderState { status: OrderStatus::Review, review_holds_stock: to.holds_stock() }
    } else {
        to
    }
}

fn approved(facts: &Facts, status: PaymentStatus) -> Decision {
    let seen = Decision { payment: status, keeps_answer: true, ..Decision::nothing(facts) };
    let held = status != PaymentStatus::Canceled;
    let in_review = facts.order.status == OrderStatus::Review;
    if !held {
        return nothing_held(facts, seen);
    }
    if facts.payer == Payer::ThisPayment {
        return match facts.order.status {
            OrderStatus::Done | OrderStatus::PartialCanceled => {
                let order = OrderState::new(order_like(status));
                let because = (order != facts.order).then_some(Because::Rule("canceled_at_toss"));
                Decision { order, because, next_lookup: NextLookup::AsYoungDeposit, ..seen }
            }
            OrderStatus::Review if facts.order.holds_stock() || facts.enough_stock => {
                let order = leave_review(facts, OrderState::new(order_like(status)));
                let because = (order.status != OrderStatus::Review).then_some(Because::Rule("toss_agrees_again"));
                let next_lookup =
                    if order.status == OrderStatus::Review { NextLookup::AsReview } else { NextLookup::AsYoungDeposit };
                Decision { order, next_lookup, because, ..seen }
            }
            OrderStatus::Review => surplus(facts, seen),
            OrderStatus::Ready
            | OrderStatus::InProgress
            | OrderStatus::WaitingForDeposit
            | OrderStatus::Canceled
            | OrderStatus::Aborted
            | OrderStatus::Expired => contradiction(facts),
        };
    }
    let late = matches!(facts.order.status, OrderStatus::Aborted | OrderStatus::Expired) || in_review;
    let whole = status == PaymentStatus::Done || in_review && is_undecided(facts.payment);
    // What the worker could not give back is in a person's hands, who may have settled it outside.
    let free = facts.payer == Payer::None
        && facts.other_undecided.is_none()
        && !facts.refund_running
        && !facts.worker_refund_failed;
    if late && whole && free && (facts.order.holds_stock() || facts.enough_stock) {
        let order = leave_review(facts, OrderState::new(order_like(status)));
        let because = if is_undecided(facts.payment) { Because::Finding } else { Because::Rule("late_approval") };
        let next_lookup =
            if order.status == OrderStatus::Review { NextLookup::AsReview } else { NextLookup::AsYoungDeposit };
        return Decision { order, paying: Paying::Begins, because: Some(because), next_lookup, ..seen };
    }
    surplus(facts, seen)
}

/// Toss holds money that does not pay the order: it goes back, once.
fn surplus(facts: &Facts, seen: Decision) -> Decision {
    if facts.refund_running {
        return Decision { next_lookup: NextLookup::AfterDoubt, ..seen };
    }
    if facts.worker_refund_failed {
        let in_review = facts.order.status == OrderStatus::Review;
        if in_review && facts.close_requested {
            return Decision {
                order: without_this(facts),
                because: Some(Because::Rule("closed_settled_outside")),
                ..seen
            };
        }
        // Toss would not give it back, and a person looks: another refund is theirs to begin.
        return Decision { next_lookup: if in_review { NextLookup::AsReview } else { NextLookup::Never }, ..seen };
    }
    let late = matches!(facts.order.status, OrderStatus::Aborted | OrderStatus::Expired);
    let cause =
        if late { Because::Rule("late_approval_returning") } else { Because::Rule("second_approval_returning") };
    Decision { next_intent: NextIntent::Refund, because: Some(cause), ..seen }
}

/// It was approved, and nothing is left of it at Toss: somebody gave it back in Toss's console, or a refund of ours did.
fn nothing_held(facts: &Facts, seen: Decision) -> Decision {
    let ends = match facts.order.status {
        OrderStatus::Done | OrderStatus::PartialCanceled => facts.payer == Payer::ThisPayment,
        OrderStatus::Review => true,
        // It was called unpaid, and was charged after all; all of that is back.
        OrderStatus::Aborted | OrderStatus::Expired => facts.other_undecided.is_none() && !facts.other_held,
        OrderStatus::Ready | OrderStatus::InProgress | OrderStatus::WaitingForDeposit | OrderStatus::Canceled => false,
    };
    if !ends {
        return seen;
    }
    let order = without_this(facts);
    let in_review = order.status == OrderStatus::Review;
    // Something else that pays the order, or is waited for, is left.
    let goes_on = facts.order.status == OrderStatus::Review && order.status != OrderStatus::Canceled;
    let cause = if goes_on { Because::Rule("review_ended") } else { Because::Rule("canceled_at_toss") };
    let because = (order.status != facts.order.status).then_some(cause);
    let next_lookup = if in_review { NextLookup::AsReview } else { NextLookup::Never };
    Decision { order, next_lookup, because, ..seen }
}

fn waiting(facts: &Facts) -> Decision {
    let seen = Decision {
        payment: PaymentStatus::WaitingForDeposit,
        keeps_answer: true,
        next_lookup: NextLookup::AsDeposit,
        ..Decision::nothing(facts)
    };
    let alone = facts.other_undecided.is_none() && !facts.other_held && !facts.refund_running;
    let in_review = facts.order.status == OrderStatus::Review;
    if is_undecided(facts.payment) {
        if !in_review {
            return seen;
        }
        let waits = alone && facts.payer == Payer::None && facts.order.holds_stock();
        let order = if waits { OrderState::new(OrderStatus::WaitingForDeposit) } else { facts.order };
        return Decision { order, because: waits.then_some(Because::Rule("toss_agrees_again")), ..seen };
    }
    // A bank took the deposit back: the one way in which what was paid is not paid any more. Only all of it, and only where
    // nothing else of ours depends on it.
    let paid = facts.order.status == OrderStatus::Done || in_review && facts.order.holds_stock();
    let whole = facts.payment == PaymentStatus::Done && facts.payment_is_whole;
    if paid && whole && facts.payer == Payer::ThisPayment && alone {
        if facts.changed_lately {
            return doubt(facts);
        }
        return Decision {
            order: OrderState::new(OrderStatus::WaitingForDeposit),
            paying: Paying::Ceases,
            because: Some(Because::Rule("deposit_reversed")),
            ..seen
        };
    }
    contradiction(facts)
}

fn failed(facts: &Facts, status: PaymentStatus) -> Decision {
    // Canceled before anything was paid: Toss calls that a failure too.
    if facts.payment == PaymentStatus::Canceled {
        return Decision::nothing(facts);
    }
    if !is_undecided(facts.payment) {
        return contradiction(facts);
    }
    let seen = Decision {
        payment: status,
        keeps_answer: true,
        next_lookup: NextLookup::AfterFailure,
        ..Decision::nothing(facts)
    };
    if facts.order.status != OrderStatus::Review {
        return seen;
    }
    let order = match without_this(facts) {
        OrderState { status: OrderStatus::Canceled, .. } if facts.payer == Payer::None => {
            OrderState::new(order_like(status))
        }
        other => other,
    };
    let cause = if facts.close_requested { Because::Rule("closed_not_paid") } else { Because::Finding };
    let because = (order.status != OrderStatus::Review).then_some(cause);
    Decision { order, because, ..seen }
}

fn unclear(facts: &Facts, shown: Shown) -> Decision {
    if facts.order.status != OrderStatus::Review {
        return contradiction(facts);
    }
    if facts.close_requested && shown == Shown::Unclear {
        let order = without_this(facts);
        return Decision { order, because: Some(Because::Rule("closed_settled_outside")), ..Decision::nothing(facts) };
    }
    Decision { next_lookup: NextLookup::AsReview, ..Decision::nothing(facts) }
}

/// What Toss shows does not go with what it showed before. One answer that may be older than that is not believed.
fn contradiction(facts: &Facts) -> Decision {
    if facts.changed_lately {
        return doubt(facts);
    }
    let because = (facts.order.status != OrderStatus::Review).then_some(Because::Rule("toss_contradicts"));
    Decision { order: facts.order.in_review(), because, next_lookup: NextLookup::AsReview, ..Decision::nothing(facts) }
}

fn doubt(facts: &Facts) -> Decision {
    Decision { next_lookup: NextLookup::AfterDoubt, ..Decision::nothing(facts) }
}
