//! The moves of orders and payments, as tables: what the statements of `shared::outbox` and `shared::payment` do to an
//! order, said again as pure functions over statuses.
//!
//! Nothing in a running worker calls them: PostgreSQL makes the moves, in one statement each, under locks. They are here
//! for two readers. The model check explores every interleaving of two workers over them, and a test on a real database
//! walks every pair and finds that the statements say the same. Each function names the statement it repeats.

use shared::{order::OrderStatus, payment::PaymentStatus};

/// What an intent is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Confirm,
    Refund,
    Check,
}

/// What becomes of the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Its row is gone.
    Ends,
    /// Its row is due again, and nobody's.
    LivesOn,
    /// Its row is now the intent to give the payment back, with a fresh refund.
    GivesBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stock {
    Stays,
    /// What the order held is on the shelf again.
    Back,
    /// Taken from the shelf for the order.
    Taken,
}

/// What becomes of the time at which the payment is asked about again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookBack {
    Stays,
    AtOnce,
    /// Some time from now.
    Later,
    /// None any more.
    Never,
}

/// One move, of everything at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    pub order: OrderStatus,
    pub payment: PaymentStatus,
    /// This payment becomes the one that pays the order.
    pub pays: bool,
    /// It was, and is not any more.
    pub ceases: bool,
    pub stock: Stock,
    pub intent: Intent,
    pub look_back: LookBack,
}

/// An order whose payment is not decided.
fn is_unresolved(order: OrderStatus) -> bool {
    matches!(order, OrderStatus::InProgress | OrderStatus::WaitingForDeposit | OrderStatus::Review)
}

fn is_undecided(payment: PaymentStatus) -> bool {
    matches!(payment, PaymentStatus::InProgress | PaymentStatus::WaitingForDeposit | PaymentStatus::Review)
}

fn is_failed(payment: PaymentStatus) -> bool {
    matches!(payment, PaymentStatus::Aborted | PaymentStatus::Expired)
}

/// Where a payment takes its order along, the names are the same.
fn order_like(payment: PaymentStatus) -> OrderStatus {
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

/// May another paymentKey be tried, in time? `live` is the order's intent. Repeats `payment/accept.sql`.
pub fn accepts(order: OrderStatus, live: Option<Kind>, enough: bool) -> bool {
    let open = matches!(order, OrderStatus::Ready | OrderStatus::Aborted);
    open && matches!(live, None | Some(Kind::Check)) && enough
}

/// A finding about a payment, under a lease that is still held: `shown` is where it takes the payment, and nothing if the
/// intent lives on. `None`: the order has moved on, see [`apart`]. Repeats `outbox/settle.sql`, for looks back later than eleven
/// minutes after the confirm: an earlier one is always followed by another.
pub fn settle(order: OrderStatus, payment: PaymentStatus, shown: Option<PaymentStatus>) -> Option<Move> {
    let still = Move {
        order,
        payment,
        pays: false,
        ceases: false,
        stock: Stock::Stays,
        intent: Intent::Ends,
        look_back: LookBack::Stays,
    };
    let Some(shown) = shown else { return Some(Move { intent: Intent::LivesOn, ..still }) };
    if is_unresolved(order) && is_undecided(payment) {
        let (stock, look_back) = match shown {
            PaymentStatus::Aborted | PaymentStatus::Expired => (Stock::Back, LookBack::Later),
            PaymentStatus::Canceled => (Stock::Back, LookBack::Never),
            PaymentStatus::WaitingForDeposit => (Stock::Stays, LookBack::Later),
            PaymentStatus::InProgress
            | PaymentStatus::Done
            | PaymentStatus::PartialCanceled
            | PaymentStatus::Review => (Stock::Stays, LookBack::Never),
        };
        let pays = matches!(shown, PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled);
        return Some(Move { order: order_like(shown), payment: shown, pays, stock, look_back, ..still });
    }
    let stays = is_failed(shown) && is_failed(payment);
    stays.then_some(Move { look_back: LookBack::Never, ..still })
}

/// Does a finding that came too late to count have its payment asked about again? Repeats `suspected` in
/// `outbox/settle.sql`.
pub fn suspects(payment: PaymentStatus, approved: bool) -> bool {
    approved && is_failed(payment)
}

/// What stands around a finding whose order has moved on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Around {
    pub order: OrderStatus,
    pub payment: PaymentStatus,
    /// It is this payment that pays the order.
    pub pays: bool,
    /// A refund of this order is not finished.
    pub refunding: bool,
    /// Toss would not give this payment back when we tried.
    pub refused: bool,
    /// The shelf has what the order needs.
    pub enough: bool,
}

/// A finding about a payment whose order has moved on, under a lease that is still held. `balance` is what Toss holds of
/// it. Repeats `outbox/apart.sql`, for cards, and for deposits of more than an hour ago: a younger one is looked at again,
/// and one of this minute is not called taken back.
pub fn apart(around: Around, shown: PaymentStatus, balance: Option<i64>) -> Move {
    let Around { order, payment, pays, refunding, refused, enough } = around;
    let still = Move {
        order,
        payment: shown,
        pays: false,
        ceases: false,
        stock: Stock::Stays,
        intent: Intent::Ends,
        look_back: LookBack::Never,
    };
    let paid_in_full = order == OrderStatus::Done && payment == PaymentStatus::Done && pays;
    if shown == PaymentStatus::WaitingForDeposit && paid_in_full && !refunding {
        return Move { order: OrderStatus::WaitingForDeposit, ceases: true, look_back: LookBack::Later, ..still };
    }
    let approved = matches!(shown, PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled);
    if !approved {
        return Move { order: OrderStatus::Review, payment, ..still };
    }
    if pays {
        let follows = matches!(order, OrderStatus::Done | OrderStatus::PartialCanceled);
        let gone = follows && shown == PaymentStatus::Canceled;
        return Move {
            order: if follows { order_like(shown) } else { order },
            stock: if gone { Stock::Back } else { Stock::Stays },
            ..still
        };
    }
    if balance == Some(0) {
        return still;
    }
    if refunding {
        return Move { look_back: LookBack::Later, ..still };
    }
    if matches!(order, OrderStatus::Aborted | OrderStatus::Expired) && shown == PaymentStatus::Done && enough {
        return Move { order: OrderStatus::Done, pays: true, stock: Stock::Taken, ..still };
    }
    if refused { still } else { Move { intent: Intent::GivesBack, ..still } }
}

/// How a refund ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefundEnd {
    /// Toss gave it back; this is how the payment stands then.
    Returned(PaymentStatus),
    /// The account that waited for a deposit is closed.
    Closed,
    /// Toss will not make a refund that somebody asked for: they are told.
    Refused,
    /// What must not be kept cannot be given back, or is not there: a human must look.
    Review,
}

/// What stands around a refund that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refunded {
    pub order: OrderStatus,
    pub payment: PaymentStatus,
    /// It is this payment that pays the order.
    pub pays: bool,
    /// How the other payment stands that pays it.
    pub payer: Option<PaymentStatus>,
    /// Toss holds something of another payment.
    pub others_hold: bool,
}

/// A refund of a payment ends, under a lease that is still held. Repeats `outbox/refund.sql`, for refunds of no chosen
/// lines and reviews of orders that had no stock.
pub fn refund(around: Refunded, end: RefundEnd) -> Move {
    let still = Move {
        order: around.order,
        payment: around.payment,
        pays: false,
        ceases: false,
        stock: Stock::Stays,
        intent: Intent::Ends,
        look_back: LookBack::Stays,
    };
    match end {
        RefundEnd::Review => Move { order: OrderStatus::Review, ..still },
        RefundEnd::Refused => Move { look_back: LookBack::AtOnce, ..still },
        RefundEnd::Closed => Move { look_back: LookBack::Never, ..given_back(around, PaymentStatus::Canceled, still) },
        RefundEnd::Returned(shown) => given_back(around, shown, still),
    }
}

fn given_back(around: Refunded, shown: PaymentStatus, still: Move) -> Move {
    let Refunded { order, pays, payer, others_hold, .. } = around;
    let gone = shown == PaymentStatus::Canceled;
    let to = match order {
        _ if pays => order_like(shown),
        OrderStatus::WaitingForDeposit | OrderStatus::Aborted | OrderStatus::Expired if gone => OrderStatus::Canceled,
        OrderStatus::Review if gone && !others_hold => OrderStatus::Canceled,
        OrderStatus::Review if gone => payer.map_or(order, order_like),
        OrderStatus::Ready
        | OrderStatus::InProgress
        | OrderStatus::WaitingForDeposit
        | OrderStatus::Done
        | OrderStatus::PartialCanceled
        | OrderStatus::Canceled
        | OrderStatus::Aborted
        | OrderStatus::Expired
        | OrderStatus::Review => order,
    };
    let held = matches!(
        order,
        OrderStatus::InProgress | OrderStatus::WaitingForDeposit | OrderStatus::Done | OrderStatus::PartialCanceled
    );
    let back = held && to == OrderStatus::Canceled;
    Move { order: to, payment: shown, stock: if back { Stock::Back } else { Stock::Stays }, ..still }
}

/// Does an order without an intent get one for a payment whose time to be asked about has come? Repeats
/// `outbox/sweep_rest.sql`.
pub fn looks_back(order: OrderStatus) -> bool {
    order != OrderStatus::InProgress
}
