//! Whose turn it is: the classes of intents.

use super::{Call, How, Operation};

/// What an intent will most likely call next, and for whom. Each class is claimed by itself, so none waits behind another.
/// It decides who goes first and nothing else: an intent of the wrong class does the right thing, at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A confirm that was never tried.
    Confirm,
    /// A confirm that was tried, and is to be posted again.
    ConfirmAgain,
    /// A confirm whose payment is to be looked up first.
    ConfirmLookup,
    Refund,
    /// A refund whose payment is to be looked up first.
    RefundLookup,
    /// The lookup of a payment in doubt: in review, just hinted at, or lately ended.
    Lookup,
    /// The lookup of an account that waits for its deposit, or whose time is over.
    DepositLookup,
}

impl Class {
    /// Who goes first.
    pub const ALL: [Class; 7] = [
        Self::Confirm,
        Self::ConfirmAgain,
        Self::ConfirmLookup,
        Self::Refund,
        Self::RefundLookup,
        Self::Lookup,
        Self::DepositLookup,
    ];

    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Confirm => 1,
            Self::ConfirmAgain => 2,
            Self::ConfirmLookup => 3,
            Self::Refund => 4,
            Self::RefundLookup => 5,
            Self::Lookup => 6,
            Self::DepositLookup => 7,
        }
    }

    pub(super) fn parse(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.number() == number)
    }

    /// The call that it makes, unless what is known at the claim says otherwise.
    pub fn call(self) -> Call {
        match self {
            Self::Confirm | Self::ConfirmAgain => Call::Confirm,
            Self::Refund => Call::Cancel,
            Self::ConfirmLookup | Self::RefundLookup | Self::Lookup | Self::DepositLookup => Call::Query,
        }
    }

    /// The class of an intent that lives on after `call`; none: it keeps the one that it has.
    pub(super) fn after(operation: &Operation, call: Call, how: How) -> Option<Self> {
        let asks = match how {
            How::Ask => true,
            How::Repeat | How::NextEpoch => false,
            How::Snooze => call == Call::Query,
        };
        match (operation, asks) {
            (Operation::Confirm { .. }, true) => Some(Self::ConfirmLookup),
            (Operation::Confirm { .. }, false) => Some(Self::ConfirmAgain),
            (Operation::Cancel(_), true) => Some(Self::RefundLookup),
            (Operation::Cancel(_), false) => Some(Self::Refund),
            (Operation::Check, _) => None,
        }
    }
}
