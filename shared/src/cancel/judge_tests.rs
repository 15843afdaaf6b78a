use super::{Paid, Refusal, Seen, judge};
use crate::{
    cancel::{LineLeft, Reason, RefundAccount, Request, ReturnLine},
    money::Krw,
    order::{OrderId, OrderNo, OrderStatus, ProductId},
    payment::PaymentStatus,
};

fn krw(won: i64) -> Krw {
    Krw::new(won).unwrap()
}

/// An order of two cups at 10,000 and one tray at 30,000, paid by card.
fn paid() -> Seen {
    Seen {
        order_id: OrderId(1),
        status: OrderStatus::Done,
        last_fence: 3,
        payment: Some(Paid { no: 1, status: PaymentStatus::Done, balance: krw(50_000), into_account: false }),
        at_work: false,
        transfer_failed: false,
        cancels: 0,
        lines: vec![
            LineLeft { product_id: 1, unit_price: 10_000, left: 2 },
            LineLeft { product_id: 2, unit_price: 30_000, left: 1 },
        ],
    }
}

fn of(status: OrderStatus, payment_status: PaymentStatus) -> Seen {
    let seen = paid();
    let payment = seen.payment.map(|payment| Paid { status: payment_status, ..payment });
    Seen { status, payment, ..seen }
}

fn waiting() -> Seen {
    let seen = of(OrderStatus::WaitingForDeposit, PaymentStatus::WaitingForDeposit);
    Seen { payment: seen.payment.map(|payment| Paid { into_account: true, ..payment }), ..seen }
}

fn deposited() -> Seen {
    let seen = paid();
    Seen { payment: seen.payment.map(|payment| Paid { into_account: true, ..payment }), ..seen }
}

fn everything() -> Request {
    let reason = Reason::parse("단순 변심").unwrap();
    Request { order_no: OrderNo::generate(), reason, amount: None, lines: Vec::new(), account: None }
}

fn amount(won: i64) -> Request {
    Request { amount: Some(krw(won)), ..everything() }
}

fn lines(lines: &[(i64, i32)]) -> Request {
    let line =
        |(id, quantity): &(i64, i32)| ReturnLine { product_id: ProductId(*id), quantity: *quantity, restock: true };
    Request { lines: lines.iter().map(line).collect(), ..everything() }
}

fn to_account(request: Request) -> Request {
    Request { account: RefundAccount::parse("88", "110123456789", "김한번").ok(), ..request }
}

#[test]
fn what_is_planned_is_the_amount_the_lines_or_everything_that_is_left() {
    let check = |request: Request, won: i64, in_full: bool| {
        let plan = judge(&request, Some(&paid()), false).unwrap();
        assert_eq!((plan.amount, plan.in_full, plan.balance, plan.cancel_no()), (krw(won), in_full, krw(50_000), 1));
    };
    check(everything(), 50_000, true);
    check(amount(1), 1, false);
    // Whoever names an amount wants that, and not what may be left by then.
    check(amount(50_000), 50_000, false);
    check(lines(&[(1, 2)]), 20_000, false);
    check(lines(&[(2, 1), (1, 1)]), 40_000, false);
    // Less than the lines cost: the shop keeps a fee.
    check(Request { amount: Some(krw(17_000)), ..lines(&[(1, 2)]) }, 17_000, false);
}

#[test]
fn only_what_was_paid_is_given_back_and_only_one_at_a_time() {
    let check = |seen: Option<&Seen>, refusal: Refusal| {
        assert_eq!(judge(&everything(), seen, true).err(), Some(refusal), "{seen:?}");
    };
    check(None, Refusal::UnknownOrder);
    for status in OrderStatus::ALL {
        let seen = of(status, PaymentStatus::Done);
        let refusal = match status {
            OrderStatus::Ready | OrderStatus::Aborted | OrderStatus::Expired => Refusal::NotPaid,
            OrderStatus::InProgress => Refusal::AnotherRunning,
            OrderStatus::Canceled => Refusal::AlreadyCanceled,
            OrderStatus::WaitingForDeposit | OrderStatus::Done | OrderStatus::PartialCanceled | OrderStatus::Review => {
                assert!(judge(&everything(), Some(&seen), true).is_ok(), "{status}");
                check(Some(&Seen { at_work: true, ..seen }), Refusal::AnotherRunning);
                check(Some(&Seen { payment: None, ..of(status, PaymentStatus::Done) }), Refusal::InReview);
                continue;
            }
        };
        check(Some(&seen), refusal);
    }
    let empty = Paid { balance: krw(0), ..paid().payment.unwrap() };
    check(Some(&Seen { payment: Some(empty), ..paid() }), Refusal::AlreadyCanceled);
}

#[test]
fn an_amount_is_more_than_nothing_and_no_more_than_what_is_left() {
    let check = |request: Request, refusal: Option<Refusal>| {
        assert_eq!(judge(&request, Some(&paid()), true).err(), refusal, "{request:?}");
    };
    check(amount(0), Some(Refusal::ZeroAmount));
    check(amount(50_000), None);
    check(amount(50_001), Some(Refusal::AmountTooLarge { refundable: krw(50_000) }));
    check(lines(&[(1, 3)]), Some(Refusal::TooManyPieces { index: 0, left: 2 }));
    check(lines(&[(1, 1), (3, 1)]), Some(Refusal::UnknownLine { index: 1 }));
    check(lines(&[(1, 1), (1, 1)]), Some(Refusal::UnknownLine { index: 1 }));
    let partly = Paid { balance: krw(15_000), status: PaymentStatus::PartialCanceled, ..paid().payment.unwrap() };
    let seen = Seen { status: OrderStatus::PartialCanceled, payment: Some(partly), cancels: 1, ..paid() };
    let refusal = judge(&lines(&[(1, 2)]), Some(&seen), true).err();
    assert_eq!(refusal, Some(Refusal::AmountTooLarge { refundable: krw(15_000) }));
    assert_eq!(judge(&everything(), Some(&seen), true).unwrap().amount, krw(15_000));
}

#[test]
fn before_the_deposit_and_in_a_review_only_everything_goes_back() {
    for seen in [waiting(), of(OrderStatus::Review, PaymentStatus::Done)] {
        assert!(judge(&everything(), Some(&seen), false).unwrap().in_full);
        assert!(judge(&amount(50_000), Some(&seen), false).unwrap().in_full);
        assert_eq!(judge(&amount(49_999), Some(&seen), false).err(), Some(Refusal::OnlyInFull));
        assert_eq!(judge(&lines(&[(1, 1)]), Some(&seen), false).err(), Some(Refusal::OnlyInFull));
    }
}

#[test]
fn an_account_is_wanted_for_a_deposit_and_for_nothing_else() {
    let check = |request: Request, seen: Seen, has_key: bool, refusal: Option<Refusal>| {
        assert_eq!(judge(&request, Some(&seen), has_key).err(), refusal, "{seen:?}");
    };
    check(everything(), deposited(), true, Some(Refusal::AccountWanted));
    check(to_account(everything()), deposited(), true, None);
    check(to_account(amount(1)), deposited(), true, None);
    check(to_account(everything()), deposited(), false, Some(Refusal::NoAccountKey));
    check(to_account(everything()), paid(), true, Some(Refusal::AccountNotWanted));
    check(to_account(everything()), waiting(), true, Some(Refusal::AccountNotWanted));
    check(everything(), waiting(), true, None);
}

#[test]
fn what_can_be_given_back_follows_from_the_state_and_the_payment() {
    let check = |seen: &Seen, expected: Option<(i64, bool, bool)>| {
        let told = seen.refundable().map(|r| (r.amount.won(), r.only_in_full, r.needs_account));
        assert_eq!(told, expected, "{seen:?}");
    };
    for status in OrderStatus::ALL {
        let expected = match status {
            OrderStatus::Done | OrderStatus::PartialCanceled => Some((50_000, false, false)),
            OrderStatus::Review | OrderStatus::WaitingForDeposit => Some((50_000, true, false)),
            OrderStatus::Ready
            | OrderStatus::InProgress
            | OrderStatus::Canceled
            | OrderStatus::Aborted
            | OrderStatus::Expired => None,
        };
        check(&of(status, PaymentStatus::Done), expected);
    }
    check(&waiting(), Some((50_000, true, false)));
    check(&deposited(), Some((50_000, false, true)));
    check(&Seen { payment: None, ..paid() }, None);
    check(&Seen { payment: Some(Paid { balance: krw(0), ..paid().payment.unwrap() }), ..paid() }, None);
}
