//! What one try showed: the legal moves of an intent.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Claim, Fence, SendsAfter};
use crate::{money::Krw, payment::PaymentStatus};

/// Which call was made to Toss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Confirm,
    Query,
    Cancel,
}

impl Call {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Query => "query",
            Self::Cancel => "cancel",
        }
    }
}

/// One call to Toss, as it is remembered.
#[derive(Debug)]
pub struct Attempt {
    /// Made before the call, so that the same attempt is never recorded twice.
    pub id: Uuid,
    pub call: Call,
    /// Which secret signed it, as a fingerprint.
    pub api_key_id: String,
    pub duration: Duration,
    /// `None`: no answer came.
    pub http_status: Option<u16>,
    /// The error's code, the payment's status, or the kind of silence.
    pub code: Option<String>,
    pub trace_id: Option<String>,
}

/// What Toss said when it said that the money is, or was, ours. The balance tells what is left of it: a status may stay
/// `PARTIAL_CANCELED` when everything was given back.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    pub amount: Krw,
    pub balance: Krw,
    pub approved_at: OffsetDateTime,
    pub method: Option<String>,
    pub receipt_url: Option<String>,
    /// Paid into a virtual account: for some time the bank may still take it back.
    pub deposited: bool,
    /// Toss repeated an answer it gave before: true then, and maybe not any more.
    pub replayed: bool,
    /// The whole answer: the proof.
    pub answer: Value,
}

impl Approval {
    pub fn status(&self) -> PaymentStatus {
        match self.balance.won() {
            0 => PaymentStatus::Canceled,
            balance if balance == self.amount.won() => PaymentStatus::Done,
            _ => PaymentStatus::PartialCanceled,
        }
    }
}

/// The money did not move and will not. Nothing is called failed without one of these.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub status: FailedStatus,
    pub proof: Proof,
    /// Why, in one word, for the order's history.
    pub cause: &'static str,
    /// Until when its virtual account took deposits. One that was made in time may be known later.
    pub due_at: Option<OffsetDateTime>,
}

/// When a virtual account is asked about again. By the database's clock, because ours may be wrong; whether its time is
/// over only Toss says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// From look to look.
    pub every: Duration,
    /// Its due time and a little more: not later than then.
    pub by: Option<OffsetDateTime>,
    /// And after that so soon at first, and longer as time goes by.
    pub soon: Duration,
    /// What was called paid less than this ago is not called unpaid by one look: it may be older than the deposit.
    pub doubted_for: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedStatus {
    Aborted,
    Expired,
}

impl FailedStatus {
    pub(super) fn status(self) -> PaymentStatus {
        match self {
            Self::Aborted => PaymentStatus::Aborted,
            Self::Expired => PaymentStatus::Expired,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    Answer(Value),
    /// The refusal that an earlier try kept; asking has shown since that nothing moved.
    KeptRefusal,
}

/// What one try showed. Each variant is one legal move of the intent.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Toss holds, or held, the money for this payment.
    Approved(Box<Approval>),
    /// A virtual account was issued: nothing is paid.
    Waiting { answer: Box<Value>, looks: Looks },
    /// The money did not move, with proof.
    Failed(Box<Failure>),
    /// A human must look.
    Review { cause: &'static str, answer: Box<Value> },
    /// Our refund is in Toss's books. What Toss holds after it.
    Returned(Box<Approval>),
    /// The virtual account that was to be closed is closed, before anything was paid into it.
    Closed { answer: Box<Value> },
    /// The refund was not made and will not be, with proof.
    Refused { answer: Box<Value>, why: NotMade },
    /// The intent lives on.
    Again(Again),
}

/// Why a refund ends without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// Toss refuses it for good.
    Refused,
    /// It wants to know an account to give the money to.
    NeedsAccount,
    /// Toss put it off or failed at it for as long as we wait.
    GivenUp,
    /// It was called off.
    CalledOff,
    /// The payment is not as it was when the refund was asked for.
    Overtaken,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Again {
    pub how: How,
    pub after: Duration,
    pub sends: SendsAfter,
    /// A refund whose next epoch meets another balance than the last one.
    pub replanned: Option<Replanned>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// No answer. The same request under the same key.
    Repeat,
    /// Not our turn, and nobody's failure: it does not count.
    Snooze,
    /// Ask, before anything is posted again.
    Ask,
    /// Toss showed that nothing moved: post again under a new key.
    NextEpoch,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Replanned {
    pub balance: Krw,
    pub request: Vec<u8>,
}

impl Outcome {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Approved(_) => "approved",
            Self::Waiting { .. } => "waiting",
            Self::Failed(_) => "failed",
            Self::Review { .. } => "review",
            Self::Returned(_) => "returned",
            Self::Closed { .. } => "closed",
            Self::Refused { .. } => "refused",
            Self::Again(again) => match again.how {
                How::Repeat => "repeat",
                How::Snooze => "snooze",
                How::Ask => "ask",
                How::NextEpoch => "next_epoch",
            },
        }
    }

    /// Where it takes its payment; `None`: the intent lives on, or the move is about a refund.
    pub fn payment_status(&self) -> Option<PaymentStatus> {
        match self {
            Self::Approved(approval) | Self::Returned(approval) => Some(approval.status()),
            Self::Waiting { .. } => Some(PaymentStatus::WaitingForDeposit),
            Self::Closed { .. } => Some(PaymentStatus::Canceled),
            Self::Failed(failure) => Some(failure.status.status()),
            Self::Review { .. } => Some(PaymentStatus::Review),
            Self::Refused { .. } | Self::Again(_) => None,
        }
    }

    /// Why, for the order's history.
    pub(super) fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Approved(approval) => Some(match approval.status() {
                PaymentStatus::Canceled | PaymentStatus::PartialCanceled => "canceled_at_toss",
                PaymentStatus::Done
                | PaymentStatus::InProgress
                | PaymentStatus::WaitingForDeposit
                | PaymentStatus::Aborted
                | PaymentStatus::Expired
                | PaymentStatus::Review => "toss_approved",
            }),
            Self::Waiting { .. } => Some("account_issued"),
            Self::Failed(failure) => Some(failure.cause),
            Self::Review { cause, .. } => Some(cause),
            Self::Returned(_) | Self::Closed { .. } | Self::Refused { .. } | Self::Again(_) => None,
        }
    }

    pub(super) fn answer(&self) -> Option<&Value> {
        match self {
            Self::Approved(approval) | Self::Returned(approval) => Some(&approval.answer),
            Self::Waiting { answer, .. }
            | Self::Review { answer, .. }
            | Self::Closed { answer }
            | Self::Refused { answer, .. } => Some(answer),
            Self::Failed(failure) => match &failure.proof {
                Proof::Answer(answer) => Some(answer),
                Proof::KeptRefusal => None,
            },
            Self::Again(_) => None,
        }
    }

    /// Of an account that waits for its deposit.
    pub(super) fn looks(&self) -> Option<&Looks> {
        match self {
            Self::Waiting { looks, .. } => Some(looks),
            Self::Approved(_)
            | Self::Failed(_)
            | Self::Review { .. }
            | Self::Returned(_)
            | Self::Closed { .. }
            | Self::Refused { .. }
            | Self::Again(_) => None,
        }
    }

    pub(super) fn approval(&self) -> Option<&Approval> {
        match self {
            Self::Approved(approval) | Self::Returned(approval) => Some(approval),
            Self::Waiting { .. }
            | Self::Failed(_)
            | Self::Review { .. }
            | Self::Closed { .. }
            | Self::Refused { .. }
            | Self::Again(_) => None,
        }
    }

    pub(super) fn again(&self) -> Option<&Again> {
        match self {
            Self::Again(again) => Some(again),
            Self::Approved(_)
            | Self::Waiting { .. }
            | Self::Failed(_)
            | Self::Review { .. }
            | Self::Returned(_)
            | Self::Closed { .. }
            | Self::Refused { .. } => None,
        }
    }

    /// A move that gives stock back, and so waits for the rows of products.
    pub fn touches_stock(&self) -> bool {
        match self.payment_status() {
            Some(PaymentStatus::Aborted | PaymentStatus::Expired | PaymentStatus::Canceled) => true,
            Some(
                PaymentStatus::InProgress
                | PaymentStatus::WaitingForDeposit
                | PaymentStatus::Done
                | PaymentStatus::PartialCanceled
                | PaymentStatus::Review,
            )
            | None => false,
        }
    }
}

/// A claim together with what became of it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the larger kind")]
pub enum Finding {
    /// Toss was called.
    Tried { claim: Claim, attempt: Attempt, outcome: Outcome },
    /// Nothing was sent: the intent goes back as it was, its attempt uncounted.
    NotStarted { claim: Claim },
}

/// The code of an attempt whose answer could not be stored.
const UNWRITABLE: &str = "unwritable";

impl Finding {
    /// The same call with nothing in it that Toss wrote freely, for a finding that the database refuses: the attempt is
    /// then on record, and Toss will be asked again. `None` when that was done before, or nothing was called.
    pub fn stripped(self, ask_after: Duration) -> Option<Self> {
        match self {
            Self::Tried { claim, attempt, .. } if attempt.code.as_deref() != Some(UNWRITABLE) => {
                let sends = claim.sends_asking(attempt.call, &attempt.api_key_id);
                let attempt = Attempt { code: Some(UNWRITABLE.to_owned()), trace_id: None, ..attempt };
                let again = Again { how: How::Ask, after: ask_after, sends, replanned: None };
                Some(Self::Tried { claim, attempt, outcome: Outcome::Again(again) })
            }
            Self::Tried { .. } | Self::NotStarted { .. } => None,
        }
    }

    pub fn claim(&self) -> &Claim {
        match self {
            Self::Tried { claim, .. } | Self::NotStarted { claim } => claim,
        }
    }

    pub fn fence(&self) -> Fence {
        self.claim().fence
    }

    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Tried { outcome, .. } => Some(outcome),
            Self::NotStarted { .. } => None,
        }
    }
}
