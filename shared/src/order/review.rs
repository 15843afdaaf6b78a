//! What an operator, or the shop's own server, can do about an order that does not move on by itself: ask Toss now, close a
//! review, call a refund off, and record how a bank transfer that failed was ended.
//!
//! None of these moves a state or money. Each leaves an event with its actor and reason, and makes the worker look: what Toss
//! shows at that lookup decides how the order goes on.
//!
//! A request is one transaction: it locks the order, reads, decides, writes. Two at once therefore see each other.

use sqlx::{Connection, PgConnection, PgPool};

use super::{OrderNo, OrderStatus};
use crate::{
    cancel::{Actor, Reason},
    db::{StoreError, within},
};

/// The least time between two lookups that are asked for, for each order. A bound of ours: Toss names no limit for lookups of
/// one payment.
pub const LOOKUP_SPACING_SECONDS: i32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderAction {
    /// Look every payment of the order up at Toss, now.
    Lookup,
    /// End the review as soon as Toss has answered.
    CloseReview,
    /// Post nothing more for this refund, and end it as soon as it is shown whether it was made.
    CallOffRefund { cancel_no: i16 },
    /// The bank did not pay a refund into the account, and the shop has settled that with the buyer outside of Toss.
    CloseBankRefund,
}

impl OrderAction {
    /// Of the event that it leaves.
    fn cause(self) -> &'static str {
        match self {
            Self::Lookup => "lookup_requested",
            Self::CloseReview => "close_requested",
            Self::CallOffRefund { .. } => "refund_call_off_requested",
            Self::CloseBankRefund => "bank_refund_closed",
        }
    }

    fn cancel_no(self) -> Option<i16> {
        match self {
            Self::CallOffRefund { cancel_no } => Some(cancel_no),
            Self::Lookup | Self::CloseReview | Self::CloseBankRefund => None,
        }
    }
}

#[derive(Debug)]
pub struct ActionRequest {
    pub order_no: OrderNo,
    pub action: OrderAction,
    /// An operator or the shop's server. Workers request nothing.
    pub actor: Actor,
    pub reason: Option<Reason>,
}

/// Why a request was not accepted. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionRefusal {
    UnknownOrder,
    UnknownRefund,
    /// The confirm is under way: Toss is being asked anyway.
    ConfirmInProgress,
    /// There is nothing to ask Toss about.
    NoPayment,
    /// A lookup was asked for less than [`LOOKUP_SPACING_SECONDS`] ago.
    LookupTooSoon,
    NotInReview,
    RefundEnded,
    /// A worker began it, because Toss holds what must not be kept.
    RefundOfWorker,
    /// Toss shows no bank transfer of this order that failed.
    NoFailedTransfer,
}

/// An accepted request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionReceipt {
    pub status: OrderStatus,
    /// False: the same was requested before and is still pending, or is over, so nothing was written.
    pub is_new: bool,
}

/// The order as it was read under its lock.
#[derive(Debug)]
struct Facts {
    status: OrderStatus,
    close_is_pending: bool,
    has_payment: bool,
    looked_up_lately: bool,
    failed_transfer: FailedTransfer,
    refund: Option<RefundFacts>,
}

/// A refund into an account that Toss has booked and the bank did not pay out.
#[derive(Clone, Copy, Debug)]
enum FailedTransfer {
    Absent,
    Open,
    /// An operator recorded before how it was ended.
    Closed,
}

#[derive(Debug)]
struct RefundFacts {
    is_live: bool,
    actor: Actor,
    called_off: bool,
}

/// Is something new to be written?
fn decide(action: OrderAction, facts: &Facts) -> Result<bool, ActionRefusal> {
    match action {
        OrderAction::Lookup if facts.status == OrderStatus::InProgress => Err(ActionRefusal::ConfirmInProgress),
        OrderAction::Lookup if !facts.has_payment => Err(ActionRefusal::NoPayment),
        OrderAction::Lookup if facts.looked_up_lately => Err(ActionRefusal::LookupTooSoon),
        OrderAction::Lookup => Ok(true),
        OrderAction::CloseReview if facts.status != OrderStatus::Review => Err(ActionRefusal::NotInReview),
        OrderAction::CloseReview => Ok(!facts.close_is_pending),
        OrderAction::CallOffRefund { .. } => {
            let refund = facts.refund.as_ref().ok_or(ActionRefusal::UnknownRefund)?;
            match refund.actor {
                Actor::Worker => Err(ActionRefusal::RefundOfWorker),
                Actor::Operator | Actor::Server if !refund.is_live => Err(ActionRefusal::RefundEnded),
                Actor::Operator | Actor::Server => Ok(!refund.called_off),
            }
        }
        OrderAction::CloseBankRefund => match facts.failed_transfer {
            FailedTransfer::Absent => Err(ActionRefusal::NoFailedTransfer),
            FailedTransfer::Open => Ok(true),
            FailedTransfer::Closed => Ok(false),
        },
    }
}

/// Writes a request down, unless the order does not allow it.
pub async fn request_action(
    pool: &PgPool,
    request: &ActionRequest,
) -> Result<Result<ActionReceipt, ActionRefusal>, StoreError> {
    within(pool, "write down what an operator asks for", async |c| {
        let mut transaction = c.begin().await?;
        let result = locked_request(&mut transaction, request).await?;
        transaction.commit().await?;
        Ok(result)
    })
    .await?
}

/// What was decided; or the row holds what no code of ours wrote.
type Decision = Result<Result<ActionReceipt, ActionRefusal>, StoreError>;

async fn locked_request(c: &mut PgConnection, request: &ActionRequest) -> Result<Decision, sqlx::Error> {
    let lock = sqlx::query_file_scalar!("src/order/review_lock.sql", request.order_no.uuid());
    let Some(order_id) = lock.fetch_optional(&mut *c).await? else {
        return Ok(Ok(Err(ActionRefusal::UnknownOrder)));
    };
    let (action, cancel_no) = (request.action, request.action.cancel_no());
    let read = sqlx::query_file!("src/order/review_facts.sql", order_id, cancel_no, LOOKUP_SPACING_SECONDS);
    let row = read.fetch_one(&mut *c).await?;
    let corrupt = |table, column| StoreError::Corrupt { table, column, id: order_id };
    let Some(status) = OrderStatus::parse(&row.status) else { return Ok(Err(corrupt("orders", "status"))) };
    let refund = match (row.refund_status.as_deref(), row.refund_actor.as_deref()) {
        (Some(refund_status), Some(actor)) => {
            let Some(actor) = Actor::parse(actor) else { return Ok(Err(corrupt("cancels", "actor"))) };
            Some(RefundFacts { is_live: refund_status == "IN_PROGRESS", actor, called_off: row.called_off })
        }
        _ => None,
    };
    let facts = Facts {
        status,
        close_is_pending: row.close_is_pending,
        has_payment: row.has_payment,
        looked_up_lately: row.looked_up_lately,
        failed_transfer: match (row.transfer_failed, row.transfer_is_closed) {
            (true, _) => FailedTransfer::Open,
            (false, true) => FailedTransfer::Closed,
            (false, false) => FailedTransfer::Absent,
        },
        refund,
    };
    let is_new = match decide(action, &facts) {
        Ok(is_new) => is_new,
        Err(refusal) => return Ok(Ok(Err(refusal))),
    };
    if is_new {
        let reason = request.reason.as_ref().map(Reason::as_str);
        let write = sqlx::query_file_scalar!(
            "src/order/review_write.sql",
            order_id,
            action.cause(),
            request.actor.as_str(),
            reason,
            cancel_no,
        );
        write.fetch_one(&mut *c).await?;
    }
    Ok(Ok(Ok(ActionReceipt { status, is_new })))
}

#[cfg(test)]
mod tests {
    use super::{ActionRefusal, Facts, FailedTransfer, OrderAction, RefundFacts, decide};
    use crate::{cancel::Actor, order::OrderStatus};

    fn facts(status: OrderStatus) -> Facts {
        Facts {
            status,
            close_is_pending: false,
            has_payment: true,
            looked_up_lately: false,
            failed_transfer: FailedTransfer::Absent,
            refund: None,
        }
    }

    #[test]
    fn toss_is_asked_about_every_payment_that_is_not_being_confirmed() {
        for status in OrderStatus::ALL {
            let expected =
                if status == OrderStatus::InProgress { Err(ActionRefusal::ConfirmInProgress) } else { Ok(true) };
            assert_eq!(decide(OrderAction::Lookup, &facts(status)), expected, "{status}");
        }
        let nothing = Facts { has_payment: false, ..facts(OrderStatus::Ready) };
        assert_eq!(decide(OrderAction::Lookup, &nothing), Err(ActionRefusal::NoPayment));
        let lately = Facts { looked_up_lately: true, ..facts(OrderStatus::Review) };
        assert_eq!(decide(OrderAction::Lookup, &lately), Err(ActionRefusal::LookupTooSoon));
    }

    #[test]
    fn only_a_review_is_closed_and_once() {
        for status in OrderStatus::ALL {
            let expected = if status == OrderStatus::Review { Ok(true) } else { Err(ActionRefusal::NotInReview) };
            assert_eq!(decide(OrderAction::CloseReview, &facts(status)), expected, "{status}");
        }
        let pending = Facts { close_is_pending: true, ..facts(OrderStatus::Review) };
        assert_eq!(decide(OrderAction::CloseReview, &pending), Ok(false));
    }

    #[test]
    fn only_a_live_refund_that_people_asked_for_is_called_off() {
        let check = |refund, expected| {
            let facts = Facts { refund, ..facts(OrderStatus::Done) };
            assert_eq!(decide(OrderAction::CallOffRefund { cancel_no: 1 }, &facts), expected, "{facts:?}");
        };
        check(None, Err(ActionRefusal::UnknownRefund));
        for actor in Actor::ALL {
            let is_workers = actor == Actor::Worker;
            let expected = |otherwise| if is_workers { Err(ActionRefusal::RefundOfWorker) } else { otherwise };
            check(Some(RefundFacts { is_live: true, actor, called_off: false }), expected(Ok(true)));
            check(Some(RefundFacts { is_live: true, actor, called_off: true }), expected(Ok(false)));
            let ended = Some(RefundFacts { is_live: false, actor, called_off: true });
            check(ended, expected(Err(ActionRefusal::RefundEnded)));
        }
    }

    #[test]
    fn only_a_transfer_that_failed_is_recorded_as_ended_outside() {
        for (failed_transfer, expected) in [
            (FailedTransfer::Absent, Err(ActionRefusal::NoFailedTransfer)),
            (FailedTransfer::Open, Ok(true)),
            (FailedTransfer::Closed, Ok(false)),
        ] {
            let facts = Facts { failed_transfer, ..facts(OrderStatus::Canceled) };
            assert_eq!(decide(OrderAction::CloseBankRefund, &facts), expected, "{facts:?}");
        }
    }
}
