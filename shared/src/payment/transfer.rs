//! How far the bank is with a refund that goes into an account. Toss books a cancel at once (`cancelStatus: DONE`), and the bank
//! pays afterwards, or does not.

use super::PaymentStatus;
use crate::money::Krw;

/// Read off `virtualAccount.refundStatus` of a payment that Toss shows as canceled, in whole or in part (Toss's API reference,
/// Payment object: `NONE`, `PENDING`, `FAILED`, `PARTIAL_FAILED`, `COMPLETED`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BankTransfer {
    /// `NONE`, `PENDING`, and words that Toss has added since: the cancel is booked, and the money has not arrived.
    UnderWay,
    Failed,
    /// Of several refunds, or of one that was split, a part did not arrive.
    PartlyFailed,
    Completed,
    /// It failed, and an operator has recorded that the shop settled it with the buyer outside of Toss.
    SettledOutside,
}

impl BankTransfer {
    /// `None`: Toss says nothing about a bank, or nothing was given back.
    pub(crate) fn of(
        status: PaymentStatus,
        amount: Krw,
        balance: Option<Krw>,
        refund_status: Option<&str>,
        is_closed: bool,
    ) -> Option<Self> {
        let is_canceled = match status {
            PaymentStatus::Canceled | PaymentStatus::PartialCanceled => true,
            PaymentStatus::InProgress
            | PaymentStatus::WaitingForDeposit
            | PaymentStatus::Done
            | PaymentStatus::Aborted
            | PaymentStatus::Expired
            | PaymentStatus::Review => false,
        };
        // `NONE` also stands beside every account that nobody has paid into.
        let gave_back = is_canceled && balance.is_some_and(|balance| balance.won() < amount.won());
        Some(match refund_status.filter(|_| gave_back)? {
            "COMPLETED" => Self::Completed,
            "FAILED" | "PARTIAL_FAILED" if is_closed => Self::SettledOutside,
            "FAILED" => Self::Failed,
            "PARTIAL_FAILED" => Self::PartlyFailed,
            _ => Self::UnderWay,
        })
    }

    /// The buyer does not have all of the money, and the bank will not try again by itself.
    pub fn is_broken(self) -> bool {
        match self {
            Self::Failed | Self::PartlyFailed => true,
            Self::UnderWay | Self::Completed | Self::SettledOutside => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BankTransfer;
    use crate::{money::Krw, payment::PaymentStatus};

    fn of(status: PaymentStatus, balance: Option<i64>, word: Option<&str>, is_closed: bool) -> Option<BankTransfer> {
        BankTransfer::of(status, Krw::new(10_000).unwrap(), balance.and_then(Krw::new), word, is_closed)
    }

    #[test]
    fn a_transfer_is_over_only_when_toss_says_so() {
        for (word, expected) in [
            ("NONE", BankTransfer::UnderWay),
            ("PENDING", BankTransfer::UnderWay),
            ("A_WORD_OF_TOMORROW", BankTransfer::UnderWay),
            ("FAILED", BankTransfer::Failed),
            ("PARTIAL_FAILED", BankTransfer::PartlyFailed),
            ("COMPLETED", BankTransfer::Completed),
        ] {
            for (status, balance) in [(PaymentStatus::Canceled, 0), (PaymentStatus::PartialCanceled, 4_000)] {
                assert_eq!(of(status, Some(balance), Some(word), false), Some(expected), "{word}");
                let closed = if expected.is_broken() { BankTransfer::SettledOutside } else { expected };
                assert_eq!(of(status, Some(balance), Some(word), true), Some(closed), "{word}");
            }
        }
    }

    #[test]
    fn without_money_on_its_way_back_there_is_no_transfer() {
        assert_eq!(of(PaymentStatus::Canceled, Some(0), None, false), None, "Toss says nothing: no account");
        assert_eq!(of(PaymentStatus::Done, Some(10_000), Some("NONE"), false), None, "nothing was given back");
        assert_eq!(of(PaymentStatus::WaitingForDeposit, None, Some("NONE"), false), None, "nothing was paid");
        assert_eq!(of(PaymentStatus::Canceled, None, Some("NONE"), false), None, "closed before a deposit");
    }
}
