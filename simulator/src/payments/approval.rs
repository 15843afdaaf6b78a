//! How money comes in: an approval at once, or a virtual account that is issued first and paid into later.
//!
//! A deposit may be taken back by the bank: the payment then waits again, as in every version of Toss's API since
//! 2022-06-08. An account past its due date keeps waiting, with its `expired` flag set; it takes no deposit any more,
//! unless one is said to have been made in time and to be known only now.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{OpenRefused, Opening, Payment, Payments, State, Status};
use crate::cash_receipts::CashReceipt;
use crate::keys;
use crate::means::Means;

#[derive(Debug)]
pub(crate) struct Approval {
    pub(crate) at: OffsetDateTime,
    /// Who paid into a virtual account.
    pub(crate) depositor_name: Option<String>,
}

/// A deposit as a test makes it.
pub(crate) struct Deposit {
    /// The account's own customer when not said.
    pub(crate) depositor_name: Option<String>,
    /// Made before the due date, known after it.
    pub(crate) late: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DepositRefused {
    Unknown,
    /// Not in the state a deposit or its return needs.
    WrongStatus(&'static str),
    Expired,
}

impl Payment {
    /// What a confirm does once nothing speaks against it.
    pub(super) fn approve_or_issue(&mut self, now: OffsetDateTime) {
        if let Means::VirtualAccount(account) = &*self.means {
            self.due_at = Some(account.due_at(now));
            self.last_transaction_key = Some(keys::transaction_key(&self.means));
            self.state = State::WaitingForDeposit;
        } else {
            self.approve(None, now);
        }
    }

    fn approve(&mut self, depositor_name: Option<String>, now: OffsetDateTime) {
        self.state = State::Paid { approval: Arc::new(Approval { at: now, depositor_name }) };
        self.last_transaction_key = Some(keys::transaction_key(&self.means));
        if let Some(wanted) = self.means.cash_receipt() {
            let receipt = CashReceipt::of_approval(self, wanted, now);
            self.cash_receipts.push(Arc::new(receipt));
        }
    }
}

impl Payment {
    /// What a copy of the data that has not heard of the approval still holds.
    pub(crate) fn before_approval(&self) -> Self {
        let mut before = Self {
            cancels: Vec::new(),
            bank_refund: None,
            cash_receipts: Vec::new(),
            confirming: true,
            ..self.clone()
        };
        before.state = if let Means::VirtualAccount(_) = &*self.means {
            State::WaitingForDeposit
        } else {
            before.last_transaction_key = None;
            State::InProgress
        };
        before
    }
}

impl Payments {
    /// A payment without a window: opened and approved, or its account issued, in one step.
    pub(crate) fn charge(&mut self, opening: Opening, now: OffsetDateTime) -> Result<Payment, OpenRefused> {
        let mut payment = self.open(opening, now)?;
        payment.approve_or_issue(now);
        self.by_key.insert(Arc::clone(&payment.key), payment.clone());
        Ok(payment)
    }

    pub(crate) fn deposit(
        &mut self,
        key: &str,
        deposit: Deposit,
        now: OffsetDateTime,
    ) -> Result<Payment, DepositRefused> {
        let payment = self.by_key.get_mut(key).ok_or(DepositRefused::Unknown)?;
        let (Status::WaitingForDeposit, Means::VirtualAccount(account)) = (payment.status(now), &*payment.means) else {
            return Err(DepositRefused::WrongStatus(payment.status(now).name()));
        };
        if payment.is_past_due(now) && !deposit.late {
            return Err(DepositRefused::Expired);
        }
        let depositor_name = deposit.depositor_name.unwrap_or_else(|| account.customer_name.clone());
        payment.approve(Some(depositor_name), now);
        Ok(payment.clone())
    }

    /// The bank takes a deposit back. Only while nothing was refunded from it.
    pub(crate) fn revert_deposit(&mut self, key: &str, now: OffsetDateTime) -> Result<Payment, DepositRefused> {
        let payment = self.by_key.get_mut(key).ok_or(DepositRefused::Unknown)?;
        let (Status::Done, Means::VirtualAccount(_)) = (payment.status(now), &*payment.means) else {
            return Err(DepositRefused::WrongStatus(payment.status(now).name()));
        };
        payment.state = State::WaitingForDeposit;
        payment.last_transaction_key = Some(keys::transaction_key(&payment.means));
        payment.cash_receipts.clear();
        Ok(payment.clone())
    }
}

impl Payment {
    /// Whether the account was given up by its due date.
    pub(crate) fn is_past_due(&self, now: OffsetDateTime) -> bool {
        self.due_at.is_some_and(|due_at| now > due_at) && matches!(self.state, State::WaitingForDeposit)
    }
}
