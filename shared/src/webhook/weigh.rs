//! What a hint is worth: pure, no table and no clock. It decides whether we ask Toss, and nothing else.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::hint::Said;
use crate::payment::{PaymentKey, PaymentStatus};

/// What we hold of a payment that a hint may be about.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) order_id: i64,
    pub(super) payment_no: i16,
    pub(super) status: PaymentStatus,
    pub(super) balance: Option<i64>,
    /// The newest transaction in Toss's answer.
    pub(super) transaction_key: Option<String>,
    /// Which only Toss and we know. `None`: we have no answer of Toss's that tells it.
    pub(super) secret: Option<SecretString>,
    /// Its order has no live intent.
    pub(super) is_free: bool,
}

#[derive(Debug)]
pub(super) enum Worth<'a> {
    /// It says something new, as far as it can be believed.
    Ask(&'a Held),
    /// It says something that our own work may be about to find: only after that it can be told.
    Wait(&'a Held),
    Known(&'a Held),
    /// No payment of ours.
    Unknown,
    WrongSecret(Option<&'a Held>),
}

/// `payments` are those of the order it names, newest first; only the one it names, if it names one.
pub(super) fn weigh<'a>(said: &Said, payments: &'a [Held]) -> Worth<'a> {
    if payments.is_empty() {
        return Worth::Unknown;
    }
    let found = if said.payment_key.is_some() { payments.first() } else { proven(said, payments) };
    match found {
        None => Worth::WrongSecret(None),
        Some(payment) if is_refuted(said, payment) => Worth::WrongSecret(Some(payment)),
        Some(payment) => {
            let held = Knowledge {
                status: payment.status,
                balance: payment.balance,
                transaction_key: payment.transaction_key.as_deref(),
            };
            match is_news(Claimed::of(said), held) {
                false => Worth::Known(payment),
                true if payment.is_free => Worth::Ask(payment),
                true => Worth::Wait(payment),
            }
        }
    }
}

/// A deposit names the order alone, and proves by its secret which payment it means. Where we know no secret yet, asking is
/// safe.
fn proven<'a>(said: &Said, payments: &'a [Held]) -> Option<&'a Held> {
    let by_secret = payments.iter().find(|payment| same_secret(said, payment) == Some(true));
    by_secret.or_else(|| payments.iter().find(|payment| payment.secret.is_none()))
}

/// Does it carry another secret than ours?
fn is_refuted(said: &Said, payment: &Held) -> bool {
    same_secret(said, payment) == Some(false)
}

/// `None`: there are no two to compare. Takes the same time wherever two of one length differ.
fn same_secret(said: &Said, payment: &Held) -> Option<bool> {
    let (theirs, ours) = (said.secret.as_ref()?, payment.secret.as_ref()?);
    Some(theirs.expose_secret().as_bytes().ct_eq(ours.expose_secret().as_bytes()).into())
}

/// What a hint says about a payment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claimed<'a> {
    pub(super) status: &'a str,
    pub(super) balance: Option<i64>,
    pub(super) transaction_key: Option<&'a str>,
}

impl<'a> Claimed<'a> {
    fn of(said: &'a Said) -> Self {
        Self { status: &said.status, balance: said.balance, transaction_key: said.transaction_key.as_deref() }
    }
}

/// What we know about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knowledge<'a> {
    pub(super) status: PaymentStatus,
    pub(super) balance: Option<i64>,
    pub(super) transaction_key: Option<&'a str>,
}

/// Most hints tell what we know already: that a confirm or a refund of our own was done. Those cost Toss no question.
pub(super) fn is_news(claimed: Claimed<'_>, known: Knowledge<'_>) -> bool {
    use PaymentStatus::{Aborted, Canceled, Done, Expired, PartialCanceled, WaitingForDeposit};
    match claimed.status {
        // That nothing moved is one thing, whatever it is called.
        "ABORTED" | "EXPIRED" => !matches!(known.status, Aborted | Expired),
        "WAITING_FOR_DEPOSIT" => known.status != WaitingForDeposit,
        "DONE" | "PARTIAL_CANCELED" | "CANCELED" => match (known.status, claimed.balance, known.balance) {
            // The balance says more than the status: a payment that partial refunds emptied is still PARTIAL_CANCELED.
            (Done | PartialCanceled | Canceled, Some(claimed), Some(known)) => claimed != known,
            // One partial refund looks like the next.
            (PartialCanceled, _, _) if claimed.status == "PARTIAL_CANCELED" => {
                claimed.transaction_key.is_none() || claimed.transaction_key != known.transaction_key
            }
            (status, _, _) => claimed.status != status.as_str(),
        },
        _ => true,
    }
}

/// Does the stored paymentKey answer to the one that is named?
pub(super) fn key_of(said: &Said) -> Option<&str> {
    said.payment_key.as_ref().map(PaymentKey::expose)
}

#[cfg(test)]
mod tests {
    use super::{Claimed, Held, Knowledge, Worth, is_news, weigh};
    use crate::{
        payment::{PaymentKey, PaymentStatus},
        webhook::hint::Said,
    };

    fn held(payment_no: i16, secret: Option<&str>) -> Held {
        Held {
            order_id: 1,
            payment_no,
            status: PaymentStatus::WaitingForDeposit,
            balance: None,
            transaction_key: None,
            secret: secret.map(Into::into),
            is_free: true,
        }
    }

    fn said(key: bool, secret: Option<&str>) -> Said {
        Said {
            order_no: None,
            payment_key: key.then(|| PaymentKey::parse("tgen_1").unwrap()),
            status: "DONE".to_owned(),
            balance: None,
            transaction_key: None,
            secret: secret.map(Into::into),
        }
    }

    fn check(said: &Said, payments: &[Held], expected: &str) {
        let worth = match weigh(said, payments) {
            Worth::Ask(payment) => format!("ask {}", payment.payment_no),
            Worth::Wait(payment) => format!("wait {}", payment.payment_no),
            Worth::Known(payment) => format!("known {}", payment.payment_no),
            Worth::Unknown => "unknown".to_owned(),
            Worth::WrongSecret(payment) => format!("wrong {}", payment.map_or(0, |payment| payment.payment_no)),
        };
        assert_eq!(worth, expected, "{said:?} {payments:?}");
    }

    #[test]
    fn a_secret_is_compared_wherever_there_are_two() {
        check(&said(true, None), &[], "unknown");
        check(&said(true, None), &[held(1, Some("ps_a"))], "ask 1");
        check(&said(true, Some("ps_a")), &[held(1, Some("ps_a"))], "ask 1");
        check(&said(true, Some("ps_b")), &[held(1, Some("ps_a"))], "wrong 1");
        check(&said(true, Some("ps_a ")), &[held(1, Some("ps_a"))], "wrong 1");
        check(&said(true, Some("ps_b")), &[held(1, None)], "ask 1");
        check(&said(true, None), &[Held { is_free: false, ..held(1, None) }], "wait 1");
    }

    #[test]
    fn a_deposit_is_about_the_payment_whose_secret_it_knows() {
        let two = [held(2, Some("ps_b")), held(1, Some("ps_a"))];
        check(&said(false, Some("ps_a")), &two, "ask 1");
        check(&said(false, Some("ps_b")), &two, "ask 2");
        check(&said(false, Some("ps_c")), &two, "wrong 0");
        check(&said(false, None), &two, "wrong 0");
        check(&said(false, Some("")), &two, "wrong 0");
        // The confirm of the newest is not settled: its secret is not known to us yet.
        let unsettled = [held(3, None), held(2, Some("ps_b"))];
        check(&said(false, Some("ps_b")), &unsettled, "ask 2");
        check(&said(false, Some("ps_c")), &unsettled, "ask 3");
    }

    #[test]
    fn only_what_differs_from_what_we_hold_is_news() {
        use PaymentStatus::{Aborted, Canceled, Done, Expired, InProgress, PartialCanceled, Review, WaitingForDeposit};
        let check = |status, balance, key, known: (PaymentStatus, Option<i64>, Option<&str>), expected: bool| {
            let claimed = Claimed { status, balance, transaction_key: key };
            let knowledge = Knowledge { status: known.0, balance: known.1, transaction_key: known.2 };
            assert_eq!(is_news(claimed, knowledge), expected, "{claimed:?} {knowledge:?}");
        };
        check("DONE", Some(500), None, (Done, Some(500), None), false);
        check("DONE", None, None, (Done, Some(500), None), false);
        check("DONE", Some(400), None, (Done, Some(500), None), true);
        check("CANCELED", Some(0), None, (Done, Some(500), None), true);
        check("CANCELED", Some(0), None, (Canceled, Some(0), None), false);
        check("PARTIAL_CANCELED", Some(0), None, (Canceled, Some(0), None), false);
        check("PARTIAL_CANCELED", Some(300), None, (PartialCanceled, Some(300), None), false);
        check("PARTIAL_CANCELED", None, Some("b"), (PartialCanceled, Some(300), Some("a")), true);
        check("PARTIAL_CANCELED", None, Some("a"), (PartialCanceled, Some(300), Some("a")), false);
        check("PARTIAL_CANCELED", None, None, (PartialCanceled, Some(300), None), true);
        check("EXPIRED", None, None, (Aborted, None, None), false);
        check("ABORTED", None, None, (Expired, None, None), false);
        check("WAITING_FOR_DEPOSIT", None, None, (WaitingForDeposit, None, None), false);
        check("WAITING_FOR_DEPOSIT", None, None, (Done, Some(500), None), true);
        check("A_STATE_OF_TOMORROW", None, None, (Done, Some(500), None), true);
        for status in PaymentStatus::ALL {
            check("ABORTED", None, None, (status, None, None), !matches!(status, Aborted | Expired));
            let undecided = matches!(status, InProgress | WaitingForDeposit | Aborted | Expired | Review);
            check("DONE", Some(1), None, (status, Some(2), None), true);
            check("DONE", None, None, (status, None, None), undecided || status != Done);
        }
    }
}
