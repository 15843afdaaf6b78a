//! What the sends of one operation left behind: all that a later try knows of the earlier ones.
//!
//! It stands with the payment or the refund in the database, is read by a claim and written by a settle. What a send
//! means for the next one is decided in the worker, by pure functions over these values.

use std::time::Duration;

use serde_json::Value;

/// As of the claim. Ages are by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sends {
    /// Part of the Idempotency-Key. An answer that was received burns the key of its epoch.
    pub epoch: i16,
    /// The key of this epoch is burnt: ask before anything is posted again.
    pub burnt: bool,
    /// How long ago a send last got no answer: it may have acted, or may still act. A claim that was abandoned by a worker
    /// that died counts as a send without an answer.
    pub unanswered: Option<Duration>,
    /// The secret under which this epoch's key was sent, by its fingerprint; `None`: it was not sent.
    pub sent_with: Option<SentWith>,
    /// Toss refused, and it is not shown yet that no earlier send acted.
    pub refused: bool,
    /// How long ago Toss last answered a confirm with a server error: such a send may act as late as one without an answer.
    /// For a refund it counts as a send without an answer.
    pub server_error: Option<Duration>,
    /// How long ago a lookup first showed nothing, when that began to mean something.
    pub absent: Option<Duration>,
    /// For how long no lookup has been answered with anything that helps, while those of other payments were.
    pub no_answer: Option<Duration>,
    /// The last error that Toss gave to a refund.
    pub error_code: Option<String>,
}

impl Sends {
    /// As they are, after a try that added nothing to them.
    pub fn unchanged(&self, abandoned: bool) -> SendsAfter {
        let sent_with = match &self.sent_with {
            Some(SentWith::Known(id)) => Some(id.clone()),
            Some(SentWith::Tagged(_)) | None => None,
        };
        SendsAfter {
            epoch: self.epoch,
            burnt: self.burnt,
            // Settling takes away the name of who died over it: from here on the mark says it.
            unanswered: if abandoned { Mark::Now } else { Mark::Keep },
            server_error: Mark::Keep,
            absent: Mark::Keep,
            no_answer: Mark::Keep,
            sent_with,
            refusal: None,
        }
    }
}

/// A secret by what is left of it in our books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentWith {
    Known(String),
    /// A worker died that may have sent; only the number of its secret is known.
    Tagged(i32),
}

/// What becomes of a remembered time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    #[default]
    Keep,
    Now,
    Clear,
}

impl Mark {
    pub(super) fn as_number(self) -> i16 {
        match self {
            Self::Keep => 0,
            Self::Now => 1,
            Self::Clear => 2,
        }
    }
}

/// The sends after a try that left its intent alive.
#[derive(Clone, Debug, PartialEq)]
pub struct SendsAfter {
    pub epoch: i16,
    pub burnt: bool,
    pub unanswered: Mark,
    pub server_error: Mark,
    pub absent: Mark,
    pub no_answer: Mark,
    /// `None`: nothing was sent under this epoch's key.
    pub sent_with: Option<String>,
    /// A refusal to keep, on top of what is kept already.
    pub refusal: Option<Value>,
}
