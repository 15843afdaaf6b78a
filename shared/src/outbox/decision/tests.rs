//! The rules, said as stories of one order and its payments.

use super::{
    Because, Decision, Facts, NextIntent, NextLookup, OrderState, Payer, Paying, RefundEnd, Shown, Stock,
    decide_lookup, decide_refund,
};
use crate::{
    order::OrderStatus::{
        self, Aborted, Canceled, Done, Expired, InProgress, PartialCanceled, Ready, Review, WaitingForDeposit,
    },
    payment::PaymentStatus as Payment,
};

/// An order in this state, with one payment that does not pay it.
fn facts(order: OrderStatus, payment: Payment) -> Facts {
    Facts {
        order: OrderState::new(order),
        payment,
        payment_is_whole: true,
        payer: Payer::None,
        other_undecided: None,
        other_held: false,
        refund_running: false,
        worker_refund_failed: false,
        enough_stock: true,
        changed_lately: false,
        close_requested: false,
    }
}

fn paid() -> Facts {
    Facts { payer: Payer::ThisPayment, ..facts(Done, Payment::Done) }
}

fn review(holds_stock: bool, payment: Payment) -> Facts {
    Facts { order: OrderState { status: Review, review_holds_stock: holds_stock }, ..facts(Review, payment) }
}

const APPROVED: Shown = Shown::Approved(Payment::Done);
const RETURNED: Shown = Shown::Approved(Payment::Canceled);

/// What becomes of the order, its stock and its intent.
fn becomes(facts: &Facts, decision: Decision) -> (OrderStatus, Stock, NextIntent) {
    (decision.order.status, decision.stock(facts.order), decision.next_intent)
}

#[test]
fn giving_a_payment_back_never_ends_an_order_that_another_payment_holds_or_awaits() {
    let undecided = [Payment::InProgress, Payment::WaitingForDeposit, Payment::Review];
    for order in [WaitingForDeposit, Aborted, Expired, Done, PartialCanceled, Review] {
        for holds_stock in [true, false] {
            for payer in [Payer::None, Payer::ThisPayment, Payer::OtherPayment(Payment::Done)] {
                for (other_undecided, other_held) in
                    undecided.map(|other| (Some(other), false)).into_iter().chain([(None, true)])
                {
                    for end in [RefundEnd::Made(Payment::Canceled), RefundEnd::AccountClosed] {
                        let order = OrderState { status: order, review_holds_stock: holds_stock };
                        let facts = Facts { order, payer, other_undecided, other_held, ..paid() };
                        let decision = decide_refund(&facts, end);
                        let ended =
                            matches!(decision.order.status, Canceled | Aborted | Expired) && !ended_before(order);
                        assert!(!ended, "{facts:?} {end:?} {decision:?}");
                        assert_ne!(decision.stock(facts.order), Stock::Back, "{facts:?} {end:?} {decision:?}");
                    }
                }
            }
        }
    }
    let waits = Facts { other_undecided: Some(Payment::WaitingForDeposit), ..facts(WaitingForDeposit, Payment::Done) };
    let decision = decide_refund(&waits, RefundEnd::Made(Payment::Canceled));
    assert_eq!(becomes(&waits, decision), (WaitingForDeposit, Stock::Unchanged, NextIntent::None));
    let reviewed = Facts { other_undecided: Some(Payment::WaitingForDeposit), ..review(true, Payment::Done) };
    let decision = decide_refund(&reviewed, RefundEnd::Made(Payment::Canceled));
    assert_eq!(becomes(&reviewed, decision), (WaitingForDeposit, Stock::Unchanged, NextIntent::None));
    // What is waited for has no stock: no deposit may pay for it unseen.
    let empty = Facts { order: OrderState::new(Review), ..reviewed };
    assert_eq!(decide_refund(&empty, RefundEnd::Made(Payment::Canceled)).order, OrderState::new(Review));
}

fn ended_before(order: OrderState) -> bool {
    matches!(order.status, Aborted | Expired)
}

#[test]
fn stock_moves_where_the_order_ceases_or_begins_to_hold_it() {
    for order in OrderStatus::ALL {
        for review_holds_stock in [true, false] {
            let before = OrderState { status: order, review_holds_stock };
            for after in OrderStatus::ALL {
                let decision = Decision {
                    order: OrderState { status: after, review_holds_stock: before.holds_stock() },
                    ..Decision::nothing(&facts(order, Payment::Done))
                };
                let expected = match (before.holds_stock(), decision.order.holds_stock()) {
                    (true, false) => Stock::Back,
                    (false, true) => Stock::Taken,
                    _ => Stock::Unchanged,
                };
                assert_eq!(decision.stock(before), expected);
                assert!(after != Review || expected == Stock::Unchanged, "a review moves nothing");
            }
        }
    }
    for status in [Ready, Canceled, Aborted, Expired] {
        assert!(!OrderState::new(status).holds_stock(), "{status}");
    }
    for status in [InProgress, WaitingForDeposit, Done, PartialCanceled] {
        assert!(OrderState::new(status).holds_stock(), "{status}");
    }
}

#[test]
fn late_success_wins_where_the_stock_allows_and_else_goes_back() {
    for order in [Aborted, Expired] {
        let late = facts(order, Payment::Aborted);
        let decision = decide_lookup(&late, APPROVED);
        assert_eq!(becomes(&late, decision), (Done, Stock::Taken, NextIntent::None));
        assert_eq!((decision.paying, decision.because), (Paying::Begins, Some(Because::Rule("late_approval"))));
        let gone = Facts { enough_stock: false, ..late };
        assert_eq!(becomes(&gone, decide_lookup(&gone, APPROVED)), (order, Stock::Unchanged, NextIntent::Refund));
        // One that a worker could not give back is in a person's hands.
        let tried = Facts { worker_refund_failed: true, ..late };
        assert_eq!(becomes(&tried, decide_lookup(&tried, APPROVED)), (order, Stock::Unchanged, NextIntent::None));
    }
    let second = Facts { payer: Payer::OtherPayment(Payment::Done), ..facts(Done, Payment::Aborted) };
    assert_eq!(becomes(&second, decide_lookup(&second, APPROVED)), (Done, Stock::Unchanged, NextIntent::Refund));
    let beside =
        Facts { other_undecided: Some(Payment::WaitingForDeposit), ..facts(WaitingForDeposit, Payment::Aborted) };
    let decision = decide_lookup(&beside, APPROVED);
    assert_eq!(becomes(&beside, decision), (WaitingForDeposit, Stock::Unchanged, NextIntent::Refund));
    let running = Facts { refund_running: true, ..second };
    let decision = decide_lookup(&running, APPROVED);
    assert_eq!((decision.next_intent, decision.next_lookup), (NextIntent::None, NextLookup::AfterDoubt));
}

#[test]
fn what_was_called_unpaid_and_is_found_charged_and_given_back_is_canceled() {
    for order in [Aborted, Expired] {
        let late = facts(order, Payment::Aborted);
        assert_eq!(becomes(&late, decide_lookup(&late, RETURNED)), (Canceled, Stock::Unchanged, NextIntent::None));
        let held = Facts { other_held: true, ..late };
        assert_eq!(becomes(&held, decide_lookup(&held, RETURNED)), (order, Stock::Unchanged, NextIntent::None));
    }
}

#[test]
fn a_deposit_is_taken_back_only_where_all_of_it_pays_and_nothing_else_depends_on_it() {
    let decision = decide_lookup(&paid(), Shown::Waiting);
    assert_eq!(becomes(&paid(), decision), (WaitingForDeposit, Stock::Unchanged, NextIntent::None));
    assert_eq!(decision.paying, Paying::Ceases);
    for facts in [
        Facts { payment_is_whole: false, ..paid() },
        Facts { payer: Payer::OtherPayment(Payment::Done), ..paid() },
        Facts { refund_running: true, ..paid() },
        Facts { other_undecided: Some(Payment::Review), ..paid() },
        Facts { payment: Payment::PartialCanceled, ..paid() },
    ] {
        let decision = decide_lookup(&facts, Shown::Waiting);
        assert_eq!(becomes(&facts, decision), (Review, Stock::Unchanged, NextIntent::None), "{facts:?}");
        assert!(decision.order.review_holds_stock, "{facts:?}");
    }
}

#[test]
fn one_answer_that_may_be_older_than_what_we_wrote_is_not_believed_against_it() {
    for shown in [Shown::Waiting, Shown::Failed(Payment::Aborted), Shown::Unclear] {
        let young = Facts { changed_lately: true, ..paid() };
        let decision = decide_lookup(&young, shown);
        assert_eq!((decision.order, decision.payment), (young.order, young.payment), "{shown:?}");
        assert_eq!((decision.next_lookup, decision.because), (NextLookup::AfterDoubt, None), "{shown:?}");
    }
    let canceled = Facts { changed_lately: true, payer: Payer::ThisPayment, ..facts(Canceled, Payment::Canceled) };
    let decision = decide_lookup(&canceled, APPROVED);
    assert_eq!((decision.order.status, decision.payment), (Canceled, Payment::Canceled));
}

#[test]
fn a_review_ends_when_tosss_answer_ends_it() {
    for holds_stock in [true, false] {
        let back = if holds_stock { Stock::Back } else { Stock::Unchanged };
        for payment in [Payment::WaitingForDeposit, Payment::Review] {
            let facts = review(holds_stock, payment);
            let taken = if holds_stock { Stock::Unchanged } else { Stock::Taken };
            assert_eq!(becomes(&facts, decide_lookup(&facts, APPROVED)), (Done, taken, NextIntent::None));
            assert_eq!(becomes(&facts, decide_lookup(&facts, RETURNED)), (Canceled, back, NextIntent::None));
            let failed = decide_lookup(&facts, Shown::Failed(Payment::Expired));
            assert_eq!(becomes(&facts, failed), (Expired, back, NextIntent::None));
        }
        // Refunded in Toss's console, whatever the review was about.
        for payer in [Payer::None, Payer::ThisPayment] {
            for worker_refund_failed in [true, false] {
                let facts = Facts { payer, worker_refund_failed, ..review(holds_stock, Payment::Done) };
                assert_eq!(becomes(&facts, decide_lookup(&facts, RETURNED)), (Canceled, back, NextIntent::None));
            }
        }
    }
    let again = Facts { payer: Payer::ThisPayment, ..review(true, Payment::Done) };
    assert_eq!(becomes(&again, decide_lookup(&again, APPROVED)), (Done, Stock::Unchanged, NextIntent::None));
    let beside = Facts { payer: Payer::OtherPayment(Payment::Done), ..review(true, Payment::Done) };
    assert_eq!(becomes(&beside, decide_lookup(&beside, RETURNED)), (Done, Stock::Unchanged, NextIntent::None));
    let gone = Facts { enough_stock: false, ..review(false, Payment::Review) };
    assert_eq!(becomes(&gone, decide_lookup(&gone, APPROVED)), (Review, Stock::Unchanged, NextIntent::Refund));
}

#[test]
fn a_review_goes_on_while_money_of_another_payment_is_held() {
    let facts = Facts { other_held: true, ..review(true, Payment::WaitingForDeposit) };
    let decision = decide_lookup(&facts, APPROVED);
    assert_eq!((decision.order.status, decision.paying), (Review, Paying::Begins), "it is paid, and still in review");
    for shown in [RETURNED, Shown::Waiting, Shown::Failed(Payment::Expired)] {
        assert_eq!(decide_lookup(&facts, shown).order, facts.order, "{shown:?}");
    }
}

#[test]
fn what_decides_nothing_leaves_a_review_as_it_is_and_looks_again() {
    for shown in [Shown::Unclear, Shown::NoAnswer] {
        let facts = review(true, Payment::Review);
        let decision = decide_lookup(&facts, shown);
        assert_eq!((decision.order, decision.because), (facts.order, None), "{shown:?}");
        assert_eq!(decision.next_lookup, NextLookup::AsReview, "{shown:?}");
    }
}

#[test]
fn closing_a_review_does_what_toss_shows_and_waits_for_its_answer() {
    let closing = |facts: Facts| Facts { close_requested: true, ..facts };
    let outside = Some(Because::Rule("closed_settled_outside"));
    let stuck = closing(Facts { worker_refund_failed: true, enough_stock: false, ..review(false, Payment::Done) });
    let decision = decide_lookup(&stuck, APPROVED);
    assert_eq!((decision.order.status, decision.because), (Canceled, outside), "the money was settled outside");
    let odd = closing(review(true, Payment::Review));
    let decision = decide_lookup(&odd, Shown::Unclear);
    assert_eq!((becomes(&odd, decision).1, decision.because), (Stock::Back, outside));
    assert_eq!(decide_lookup(&odd, Shown::NoAnswer).order, odd.order, "nothing is shown");
    assert_eq!(decide_lookup(&odd, APPROVED).order.status, Done, "it is paid after all");
}

#[test]
fn a_refund_that_is_not_made_leaves_the_order_or_takes_it_to_a_person() {
    let decision = decide_refund(&paid(), RefundEnd::NotMade);
    assert_eq!((decision.order, decision.next_lookup), (paid().order, NextLookup::AtOnce));
    let decision = decide_refund(&paid(), RefundEnd::NeedsReview);
    assert_eq!((decision.order.status, decision.order.review_holds_stock), (Review, true));
    let late = facts(Aborted, Payment::Done);
    let decision = decide_refund(&late, RefundEnd::NeedsReview);
    assert_eq!((decision.order.status, decision.order.review_holds_stock), (Review, false));
}
