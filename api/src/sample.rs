//! An order as a page may meet it, for the tests that render pages.

use shared::{
    cancel::Actor,
    money::Krw,
    order::{
        AccountView, CancelStatus, CancelView, EventView, FailureView, LineView, OrderNo, OrderStatus, OrderView,
        PaymentView,
    },
    payment::{PaymentKey, PaymentStatus},
    web_url::WebUrl,
};
use time::{Duration, macros::datetime};

pub(crate) const PAYMENT_KEY: &str = "tgen_20260622173813Ab3dE";

/// The same whenever it is asked for, because pages show it.
pub(crate) fn order_no(number: u8) -> OrderNo {
    OrderNo::parse(&format!("019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d{number:02x}")).unwrap()
}

/// In this state, with every text that comes from outside trying to be markup.
pub(crate) fn order(status: OrderStatus) -> OrderView {
    let created_at = datetime!(2026-11-22 04:20:05 UTC);
    let has_payment = status != OrderStatus::Ready;
    OrderView {
        order_no: order_no(0),
        name: "<b>컵</b> 외 1건".to_owned(),
        amount: krw(50_000),
        status,
        created_at,
        expires_at: created_at + Duration::minutes(45),
        read_at: created_at + Duration::minutes(2),
        lines: vec![LineView {
            product_id: 1,
            name: "<b>컵</b>".to_owned(),
            unit_price: krw(25_000),
            quantity: 2,
            refunded: 0,
        }],
        paid_by: PaymentStatus::parse(status.as_str()).and_then(balance).map(|_| 1),
        payments: PaymentStatus::parse(status.as_str()).map(|status| payment(1, status)).into_iter().collect(),
        cancels: Vec::new(),
        events: has_payment.then(|| event(OrderStatus::Ready, status, "<b>cause</b>")).into_iter().collect(),
    }
}

fn event(from: OrderStatus, to_status: OrderStatus, cause: &str) -> EventView {
    EventView {
        id: 0,
        from_status: Some(from),
        to_status,
        cause: cause.to_owned(),
        at: datetime!(2026-11-22 04:21:05 UTC),
    }
}

/// What Toss holds of a payment that it approved.
fn balance(status: PaymentStatus) -> Option<Krw> {
    match status {
        PaymentStatus::Done => Some(krw(50_000)),
        PaymentStatus::PartialCanceled => Some(krw(30_000)),
        PaymentStatus::Canceled => Some(krw(0)),
        PaymentStatus::InProgress
        | PaymentStatus::WaitingForDeposit
        | PaymentStatus::Aborted
        | PaymentStatus::Expired
        | PaymentStatus::Review => None,
    }
}

/// An order that stands where it stands for this reason.
pub(crate) fn because(status: OrderStatus, cause: &str) -> OrderView {
    let events = vec![
        event(OrderStatus::Ready, OrderStatus::InProgress, "confirm_accepted"),
        event(OrderStatus::InProgress, status, cause),
    ];
    OrderView { events, ..order(status) }
}

/// Paid into a virtual account, and the bank took it back.
pub(crate) fn taken_back() -> OrderView {
    let mut order = because(OrderStatus::WaitingForDeposit, "account_issued");
    order.events.push(event(OrderStatus::WaitingForDeposit, OrderStatus::Done, "toss_approved"));
    order.events.push(event(OrderStatus::Done, OrderStatus::WaitingForDeposit, "deposit_reversed"));
    order
}

/// Declined, as Toss told it.
pub(crate) fn declined(code: &str, message: &str) -> OrderView {
    let mut order = because(OrderStatus::Aborted, "declined");
    order.payments[0].failure = Some(FailureView { code: code.to_owned(), message: Some(message.to_owned()) });
    order
}

/// Nobody paid in time.
pub(crate) fn never_paid() -> OrderView {
    let events = vec![event(OrderStatus::Ready, OrderStatus::Expired, "not_paid_in_time")];
    OrderView { payments: Vec::new(), events, ..order(OrderStatus::Expired) }
}

/// Approved after it had ended, and delivered.
pub(crate) fn delivered_late() -> OrderView {
    let mut order = because(OrderStatus::Aborted, "declined");
    order.status = OrderStatus::Done;
    order.paid_by = Some(1);
    order.payments = vec![payment(1, PaymentStatus::Done)];
    order.events.push(event(OrderStatus::Aborted, OrderStatus::Done, "late_approval"));
    order
}

/// Approved after it had ended so, and not deliverable.
pub(crate) fn late(ended: OrderStatus, refund: CancelStatus) -> OrderView {
    let mut order = because(ended, if ended == OrderStatus::Aborted { "declined" } else { "not_confirmed_in_time" });
    order.events.push(event(ended, ended, "late_approval_returning"));
    give_back(&mut order, refund);
    let (status, cause) = match refund {
        CancelStatus::InProgress => return order,
        CancelStatus::Done => (OrderStatus::Canceled, "late_approval_returned"),
        CancelStatus::Failed => (OrderStatus::Review, "refund_refused"),
    };
    order.events.push(event(ended, status, cause));
    order.status = status;
    order
}

/// Paid, and an earlier payment turned out to be approved too.
pub(crate) fn paid_twice(refund: CancelStatus) -> OrderView {
    let mut order = because(OrderStatus::Done, "toss_approved");
    order.payments.push(payment(2, PaymentStatus::Done));
    order.paid_by = Some(2);
    order.events.push(event(OrderStatus::Done, OrderStatus::Done, "second_approval_returning"));
    give_back(&mut order, refund);
    let (status, cause) = match refund {
        CancelStatus::InProgress => return order,
        CancelStatus::Done => (OrderStatus::Done, "second_approval_returned"),
        CancelStatus::Failed => (OrderStatus::Review, "refund_refused"),
    };
    order.events.push(event(OrderStatus::Done, status, cause));
    order.status = status;
    order
}

/// Payment 1 was approved, and a refund of all of it stands so.
fn give_back(order: &mut OrderView, refund: CancelStatus) {
    let payment_no = 1;
    let is_done = refund == CancelStatus::Done;
    order.payments[0] = payment(payment_no, if is_done { PaymentStatus::Canceled } else { PaymentStatus::Done });
    let is_live = refund == CancelStatus::InProgress;
    order.cancels.push(CancelView {
        cancel_no: 1,
        payment_no,
        status: refund,
        amount: krw(50_000),
        reason: "<b>중복</b>".to_owned(),
        actor: Actor::Worker,
        failure: None,
        last_error: None,
        called_off: false,
        put_off_by: None,
        requested_at: datetime!(2026-11-22 04:21:10 UTC),
        finished_at: (!is_live).then_some(datetime!(2026-11-22 04:21:12 UTC)),
        next_look_at: is_live.then_some(datetime!(2026-11-22 04:23:07 UTC)),
    });
}

fn payment(payment_no: i16, status: PaymentStatus) -> PaymentView {
    PaymentView {
        payment_no,
        payment_key: PaymentKey::parse(PAYMENT_KEY).unwrap(),
        status,
        amount: krw(50_000),
        balance: balance(status),
        method: Some("<b>카드</b>".to_owned()),
        receipt_url: WebUrl::parse("https://toss.example/receipt?a=1&b=<b>"),
        accepted_at: datetime!(2026-11-22 04:21:05 UTC),
        approved_at: balance(status).map(|_| datetime!(2026-11-22 04:21:06 UTC)),
        failure: None,
        account: (status == PaymentStatus::WaitingForDeposit).then(|| AccountView {
            bank: Some("88".to_owned()),
            number: "X1234567890123<b>".to_owned(),
            due_at: Some(datetime!(2026-11-29 13:20 +9)),
        }),
        refund_status: None,
        refund_closed_at: None,
        next_look_at: Some(datetime!(2026-11-22 04:23:07 UTC)),
    }
}

/// Paid into a virtual account and given back, in whole or in part, as far as the bank is with it.
pub(crate) fn refunded_into_account(status: OrderStatus, refund_status: &str) -> OrderView {
    let mut order = because(OrderStatus::Done, "toss_approved");
    order.status = status;
    let payment_status = PaymentStatus::parse(status.as_str()).unwrap();
    order.paid_by = Some(1);
    give_back(&mut order, CancelStatus::Done);
    order.payments[0] = PaymentView { refund_status: Some(refund_status.to_owned()), ..payment(1, payment_status) };
    let is_all = status == OrderStatus::Canceled;
    order.cancels[0].amount = if is_all { krw(50_000) } else { krw(20_000) };
    order.events.push(event(OrderStatus::Done, status, if is_all { "refunded" } else { "refunded_in_part" }));
    order
}

/// An operator recorded that it was settled outside of Toss.
pub(crate) fn settled_by_the_shop(mut order: OrderView) -> OrderView {
    order.payments[0].refund_closed_at = Some(datetime!(2026-11-23 04:20:05 UTC));
    order
}

/// In review for this reason, and then an operator did what moves nothing.
pub(crate) fn looked_up_in_review(cause: &str) -> OrderView {
    let mut order = because(OrderStatus::Review, cause);
    for note in ["lookup_requested", "close_requested"] {
        order.events.push(event(OrderStatus::Review, OrderStatus::Review, note));
    }
    order
}

pub(crate) fn krw(won: i64) -> Krw {
    Krw::new(won).unwrap()
}

/// What must hold for every page: its language, a title, nobody else's markup, no whole paymentKey.
pub(crate) fn check_page(html: &str, language: &str) {
    assert!(html.contains(&format!("<html lang=\"{language}\">")), "{html}");
    assert!(!html.contains("<title> ·"), "{html}");
    assert!(!html.contains("<b>") && !html.contains("javascript:"), "{html}");
}
