//! The common moves of orders and payments, as tables: what the single statements of `shared::outbox` and `shared::payment`
//! do to an order, said again as pure functions over statuses. The rare moves are decided in Rust, by
//! `shared::outbox::decision`, and need no table.
//!
//! Nothing in a running worker calls them: PostgreSQL makes the moves, in one statement each, under locks. They are here
//! for two readers. The model check explores every interleaving of two workers over them, and a test on a real database
//! walks every pair and finds that the statements say the same. Each function names the statement it repeats.

use shared::{order::OrderStatus, outbox::decision::order_like, payment::PaymentStatus};

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
}

/// What becomes of the time at which the payment is asked about again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookBack {
    Stays,
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
    /// What the order held is on the shelf again.
    pub stock_is_back: bool,
    pub intent: Intent,
    pub look_back: LookBack,
}

/// An order whose payment is not decided.
fn is_unresolved(order: OrderStatus) -> bool {
    matches!(order, OrderStatus::InProgress | OrderStatus::WaitingForDeposit)
}

fn is_undecided(payment: PaymentStatus) -> bool {
    matches!(payment, PaymentStatus::InProgress | PaymentStatus::WaitingForDeposit | PaymentStatus::Review)
}

fn is_failed(payment: PaymentStatus) -> bool {
    matches!(payment, PaymentStatus::Aborted | PaymentStatus::Expired)
}

/// May another paymentKey be tried, in time? `live` is the order's intent. Repeats `payment/accept.sql`.
pub fn accepts(order: OrderStatus, live: Option<Kind>, enough: bool) -> bool {
    let open = matches!(order, OrderStatus::Ready | OrderStatus::Aborted);
    open && matches!(live, None | Some(Kind::Check)) && enough
}

/// A finding about a payment, under a lease that is still held: `shown` is where it takes the payment, and nothing if the
/// intent lives on. `None`: the order has moved on or is in review, and the finding is reconciled. Repeats
/// `outbox/settle.sql`, for looks back later than eleven minutes after the confirm: an earlier one is always followed by another.
pub fn settle(order: OrderStatus, payment: PaymentStatus, shown: Option<PaymentStatus>) -> Option<Move> {
    let still =
        Move { order, payment, pays: false, stock_is_back: false, intent: Intent::Ends, look_back: LookBack::Stays };
    let Some(shown) = shown else { return Some(Move { intent: Intent::LivesOn, ..still }) };
    if is_unresolved(order) && is_undecided(payment) {
        let (stock_is_back, look_back) = match shown {
            PaymentStatus::Aborted | PaymentStatus::Expired => (true, LookBack::Later),
            PaymentStatus::Canceled => (true, LookBack::Never),
            PaymentStatus::WaitingForDeposit | PaymentStatus::Review => (false, LookBack::Later),
            PaymentStatus::InProgress | PaymentStatus::Done | PaymentStatus::PartialCanceled => {
                (false, LookBack::Never)
            }
        };
        let pays = matches!(shown, PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled);
        return Some(Move { order: order_like(shown), payment: shown, pays, stock_is_back, look_back, ..still });
    }
    let stays = is_failed(shown) && is_failed(payment);
    stays.then_some(Move { look_back: LookBack::Never, ..still })
}

/// Does a finding that came too late to count have its payment asked about again? Repeats `suspected` in
/// `outbox/settle.sql`.
pub fn suspects(payment: PaymentStatus, approved: bool) -> bool {
    approved && (is_failed(payment) || payment == PaymentStatus::Review)
}

/// Does an order without an intent get one for a payment whose time to be asked about has come? Repeats
/// `outbox/sweep_rest.sql`.
pub fn looks_back(order: OrderStatus) -> bool {
    order != OrderStatus::InProgress
}
