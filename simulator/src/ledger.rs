//! Every movement of money, in the order it happened: what an auditor believes when everything else disagrees.
//!
//! The ledger is kept apart from the payment table and never corrected by it: balances are summed here, from the
//! entries alone. Entries are only ever appended. At most [`ENTRIES_MAX`] are kept; when older ones had to go,
//! `prunedBefore` in the control API says up to where, so that a short ledger cannot pass for a clean one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;

/// About 300 MB when full.
const ENTRIES_MAX: usize = 1_000_000;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) at: String,
    pub(crate) kind: Kind,
    pub(crate) order_id: Arc<str>,
    pub(crate) payment_key: Arc<str>,
    /// Positive: from the shopper to the merchant.
    pub(crate) amount: i64,
    /// What the payment holds after this entry.
    pub(crate) balance_after: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Kind {
    Approval,
    /// Negative: back to the shopper.
    Cancel,
    /// Negative: a bank has taken back the deposit it had reported.
    Reversal,
}

/// What the entries of one order add up to.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderSum {
    pub(crate) approvals: u64,
    /// The total held for the order, over all its payments.
    pub(crate) balance: i64,
    /// The payments that hold money; more than one is a double charge.
    pub(crate) positive_balances: Vec<PaymentBalance>,
    /// Payments approved more than once; always empty unless the simulator itself is wrong.
    pub(crate) approved_twice: Vec<Arc<str>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentBalance {
    pub(crate) payment_key: Arc<str>,
    pub(crate) balance: i64,
}

impl OrderSum {
    pub(crate) fn is_duplicate(&self) -> bool {
        self.positive_balances.len() > 1 || !self.approved_twice.is_empty()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: VecDeque<Entry>,
    /// The number of the first entry still kept.
    first: u64,
    by_order: HashMap<Arc<str>, Vec<u64>>,
}

impl Ledger {
    pub(crate) fn append(&mut self, kind: Kind, order_id: &Arc<str>, payment_key: &Arc<str>, amount: i64, at: String) {
        if self.entries.len() == ENTRIES_MAX {
            self.forget_oldest();
        }
        let before: i64 = self.of_order(order_id).filter(|e| e.payment_key == *payment_key).map(|e| e.amount).sum();
        let seq = self.next();
        self.entries.push_back(Entry {
            seq,
            at,
            kind,
            order_id: Arc::clone(order_id),
            payment_key: Arc::clone(payment_key),
            amount,
            balance_after: before + amount,
        });
        self.by_order.entry(Arc::clone(order_id)).or_default().push(seq);
    }

    pub(crate) fn pruned_before(&self) -> u64 {
        self.first
    }

    pub(crate) fn page(&self, after: Option<u64>, limit: usize) -> Vec<Entry> {
        let from = after.map_or(self.first, |after| after.saturating_add(1).max(self.first));
        self.entries.iter().skip(self.index(from)).take(limit).cloned().collect()
    }

    pub(crate) fn of_order(&self, order_id: &str) -> impl Iterator<Item = &Entry> {
        self.by_order.get(order_id).into_iter().flatten().filter_map(|seq| self.entries.get(self.index(*seq)))
    }

    pub(crate) fn sum(&self, order_id: &str) -> OrderSum {
        let mut sum = OrderSum::default();
        let mut payments: Vec<(&Arc<str>, i64, u64)> = Vec::new();
        for entry in self.of_order(order_id) {
            let count = |so_far: u64| match entry.kind {
                Kind::Approval => so_far + 1,
                Kind::Cancel => so_far,
                // What a bank takes back was no approval after all; the same deposit may come again.
                Kind::Reversal => so_far.saturating_sub(1),
            };
            sum.approvals = count(sum.approvals);
            sum.balance += entry.amount;
            match payments.iter_mut().find(|(key, ..)| **key == entry.payment_key) {
                Some((_, balance, approved)) => {
                    *balance += entry.amount;
                    *approved = count(*approved);
                }
                None => payments.push((&entry.payment_key, entry.amount, count(0))),
            }
        }
        for (payment_key, balance, approved) in payments {
            if balance > 0 {
                sum.positive_balances.push(PaymentBalance { payment_key: Arc::clone(payment_key), balance });
            }
            if approved > 1 {
                sum.approved_twice.push(Arc::clone(payment_key));
            }
        }
        sum
    }

    pub(crate) fn orders(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_order.keys()
    }

    fn next(&self) -> u64 {
        self.first + u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    fn index(&self, seq: u64) -> usize {
        usize::try_from(seq.saturating_sub(self.first)).unwrap_or(usize::MAX)
    }

    fn forget_oldest(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.first += 1;
        if let Some(seqs) = self.by_order.get_mut(&entry.order_id) {
            seqs.retain(|seq| *seq != entry.seq);
            if seqs.is_empty() {
                self.by_order.remove(&entry.order_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Arc<str> {
        text.into()
    }

    #[test]
    fn balances_are_summed_for_each_payment_and_two_charged_payments_are_a_duplicate() {
        let mut ledger = Ledger::default();
        ledger.append(Kind::Approval, &key("order-a"), &key("pay-1"), 5_000, String::new());
        ledger.append(Kind::Approval, &key("order-b"), &key("pay-2"), 7_000, String::new());
        assert!(!ledger.sum("order-a").is_duplicate());

        ledger.append(Kind::Approval, &key("order-a"), &key("pay-3"), 5_000, String::new());
        let sum = ledger.sum("order-a");
        assert!(sum.is_duplicate());
        assert_eq!((sum.approvals, sum.balance, sum.positive_balances.len()), (2, 10_000, 2));
        assert!(sum.approved_twice.is_empty());

        ledger.append(Kind::Approval, &key("order-b"), &key("pay-2"), 7_000, String::new());
        assert_eq!(ledger.sum("order-b").approved_twice, [key("pay-2")]);
        assert_eq!(ledger.of_order("order-b").last().map(|entry| entry.balance_after), Some(14_000));
    }

    #[test]
    fn pages_continue_after_a_number_and_pruning_keeps_the_numbers() {
        let mut ledger = Ledger::default();
        for n in 0..5 {
            ledger.append(Kind::Approval, &key(&format!("order-{n}")), &key("pay"), 100, String::new());
        }
        ledger.forget_oldest();
        ledger.forget_oldest();
        let numbers = |after, limit| ledger.page(after, limit).iter().map(|entry| entry.seq).collect::<Vec<_>>();
        assert_eq!(numbers(None, 10), [2, 3, 4]);
        assert_eq!(numbers(Some(2), 1), [3]);
        assert!(numbers(Some(4), 10).is_empty());
        assert_eq!((ledger.pruned_before(), ledger.sum("order-0").approvals), (2, 0));
        assert_eq!(ledger.sum("order-3").approvals, 1);
    }
}
