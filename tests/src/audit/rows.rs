//! An order as our tables have it, with everything that hangs on it.

#![expect(clippy::struct_field_names, reason = "a field has its column's name")]

use time::OffsetDateTime;

/// The cause by which an operator says that what Toss still holds was settled with the buyer elsewhere.
pub(super) const CLOSED_OUTSIDE: &str = "closed_settled_outside";

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) order_no: String,
    pub(super) status: String,
    pub(super) amount: i64,
    pub(super) payment_count: i16,
    pub(super) paid_by: Option<i16>,
    /// Null outside of a review.
    pub(super) review_holds_stock: Option<bool>,
    pub(super) known_to_simulator: bool,
    /// Changes whenever the order does.
    pub(super) mark: String,
    #[sqlx(skip)]
    pub(super) lines: Vec<Line>,
    #[sqlx(skip)]
    pub(super) payments: Vec<Payment>,
    #[sqlx(skip)]
    pub(super) cancels: Vec<Cancel>,
    #[sqlx(skip)]
    pub(super) intent: Option<Intent>,
    #[sqlx(skip)]
    pub(super) attempts: Vec<Attempt>,
    #[sqlx(skip)]
    pub(super) events: Vec<Event>,
}

impl Order {
    pub(super) fn payment(&self, payment_no: i16) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.payment_no == payment_no)
    }

    /// The number of the payment that pays the order. Before orders said so it was the newest; and a canceled order may have
    /// been paid by none, when what came too late was given back.
    pub(super) fn payer(&self) -> Option<i16> {
        let is_paid = matches!(self.status.as_str(), "DONE" | "PARTIAL_CANCELED" | "CANCELED");
        let given_back = || self.payments.iter().rev().find(|payment| payment.status == self.status);
        self.paid_by.or_else(|| is_paid.then(|| given_back().map_or(self.payment_count, |payment| payment.payment_no)))
    }

    /// The payment whose state is the order's state. Nearly always an unpaid order waits for its newest, but for a deposit
    /// that was found late and then taken back.
    pub(super) fn deciding(&self) -> Option<&Payment> {
        let is_paid = matches!(self.status.as_str(), "DONE" | "PARTIAL_CANCELED" | "CANCELED");
        if is_paid {
            return self.payment(self.payer()?);
        }
        let waits =
            |payment: &&Payment| self.status == "WAITING_FOR_DEPOSIT" && payment.status == "WAITING_FOR_DEPOSIT";
        self.payments.iter().find(waits).or(self.payment(self.payment_count))
    }

    /// Does a line of its history have this cause?
    pub(super) fn has_cause(&self, cause: &str) -> bool {
        self.events.iter().any(|event| event.cause == cause)
    }

    pub(super) fn has_live_cancel(&self) -> bool {
        self.cancels.iter().any(|cancel| cancel.status == "IN_PROGRESS")
    }
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Line {
    pub(super) order_id: i64,
    pub(super) product_id: i64,
    pub(super) quantity: i32,
    pub(super) returned: i32,
    pub(super) discarded: i32,
}

#[derive(Debug, sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is one question about the row")]
pub(super) struct Payment {
    pub(super) order_id: i64,
    pub(super) payment_no: i16,
    pub(super) payment_key: String,
    pub(super) status: String,
    pub(super) balance: Option<i64>,
    pub(super) is_to_check: bool,
    pub(super) is_check_late: bool,
    pub(super) has_answer: bool,
    pub(super) answer_key: Option<String>,
    pub(super) answer_order: Option<String>,
    pub(super) answer_status: Option<String>,
    /// Did Toss say that the time of its virtual account was over?
    pub(super) answer_expired: Option<String>,
    /// Toss's word for how far the bank is with what was given back.
    pub(super) bank_refund: Option<String>,
    pub(super) is_bank_refund_closed: bool,
    pub(super) answer_code: Option<String>,
    pub(super) answer_message: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Cancel {
    pub(super) order_id: i64,
    pub(super) cancel_no: i16,
    pub(super) payment_no: i16,
    pub(super) status: String,
    pub(super) amount: i64,
    pub(super) expected_balance: i64,
    pub(super) keeps_an_account: bool,
    /// What Toss held by the answer that is stored as its proof, where that is a Payment.
    pub(super) answer_balance: Option<i64>,
    pub(super) answer_code: Option<String>,
    /// It was to close an account, and Toss shows one that a deposit has reached, or whose time is over.
    pub(super) came_too_late: bool,
    /// As it ends the reason that Toss keeps with the refund.
    pub(super) mark: String,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Intent {
    pub(super) order_id: i64,
    pub(super) is_due: bool,
    pub(super) is_leased: bool,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Attempt {
    pub(super) order_id: i64,
    pub(super) id: String,
    pub(super) payment_no: i16,
    pub(super) call: String,
    pub(super) key_epoch: i16,
    pub(super) cancel_no: Option<i16>,
    pub(super) http_status: Option<i16>,
    pub(super) trace_id: Option<String>,
    pub(super) stale: bool,
    /// When it was written down, by the database's clock.
    pub(super) finished_at: OffsetDateTime,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Event {
    pub(super) order_id: i64,
    pub(super) id: i64,
    pub(super) from_status: Option<String>,
    pub(super) to_status: String,
    pub(super) cause: String,
    pub(super) actor: String,
    pub(super) payment_no: Option<i16>,
    pub(super) attempt_id: Option<String>,
    pub(super) at: OffsetDateTime,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Product {
    pub(super) id: i64,
    pub(super) received: i64,
    pub(super) stock: i64,
}
