//! Writing back what calls to Toss showed: one statement for a whole batch.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Claim, Fence, Lessee};
use crate::{
    db::{StoreError, within},
    money::Krw,
};

/// Which call was made to Toss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Confirm,
    Query,
}

impl Call {
    fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Query => "query",
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

/// The code of an attempt whose answer could not be stored.
const UNWRITABLE: &str = "unwritable";

/// What Toss said when it said that the money is ours.
#[derive(Debug)]
pub struct Approval {
    pub approved_at: OffsetDateTime,
    pub balance: Krw,
    pub method: Option<String>,
    pub receipt_url: Option<String>,
    /// The whole answer: the proof.
    pub answer: Value,
}

/// What one try showed. Each variant is one legal move of the intent.
#[derive(Debug)]
pub enum Outcome {
    /// Toss holds the money for this payment: paid.
    Approved(Box<Approval>),
    /// No answer. The same request under the same key, later.
    Repeat { after: Duration },
    /// Not our turn, and nobody's failure: as `Repeat`, but it does not count.
    Snooze { after: Duration },
    /// An answer that burnt the key, or one that does not tell: ask, before anything is posted again.
    Ask { after: Duration },
    /// Toss showed that the money did not move: post again under a new key.
    NextEpoch { after: Duration },
}

impl Outcome {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Approved(_) => "approved",
            Self::Repeat { .. } => "repeat",
            Self::Snooze { .. } => "snooze",
            Self::Ask { .. } => "ask",
            Self::NextEpoch { .. } => "next_epoch",
        }
    }

    fn wait(&self) -> Duration {
        match self {
            Self::Approved(_) => Duration::ZERO,
            Self::Repeat { after } | Self::Snooze { after } | Self::Ask { after } | Self::NextEpoch { after } => *after,
        }
    }
}

/// A claim together with what became of it.
#[derive(Debug)]
pub enum Finding {
    /// Toss was called.
    Tried { claim: Claim, attempt: Attempt, outcome: Outcome },
    /// Nothing was sent: the intent goes back as it was, its attempt uncounted.
    NotStarted { claim: Claim },
}

impl Finding {
    /// The same call with nothing in it that Toss wrote freely, for a finding that the database refuses: the attempt is
    /// then on record, and Toss will be asked again. `None` when that was done before, or nothing was called.
    pub fn stripped(self, ask_after: Duration) -> Option<Self> {
        match self {
            Self::Tried { claim, attempt, .. } if attempt.code.as_deref() != Some(UNWRITABLE) => {
                let attempt = Attempt { code: Some(UNWRITABLE.to_owned()), trace_id: None, ..attempt };
                Some(Self::Tried { claim, attempt, outcome: Outcome::Ask { after: ask_after } })
            }
            Self::Tried { .. } | Self::NotStarted { .. } => None,
        }
    }

    pub fn fence(&self) -> Fence {
        match self {
            Self::Tried { claim, .. } | Self::NotStarted { claim } => claim.fence,
        }
    }
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It moved its order.
    Moved,
    /// The lease was lost: somebody else holds the intent or has settled it, or this very finding was settled before
    /// and the answer to that was lost. Only the attempt is recorded, as stale, if it was not yet.
    LeaseLost,
    /// Somebody keeps the order locked. Nothing was written; settle it again later.
    Busy,
}

/// Writes a batch back, at most one finding for each order, and says of each what became of it, in the batch's order.
/// After an error nothing is known to be written, and the batch may simply be settled again: the fence makes that safe.
///
/// # Errors
/// As every statement. A batch with two findings for one order is a defect of the caller and is refused by the
/// database.
#[expect(clippy::as_conversions, reason = "how the query macros are told that an array holds nulls")]
pub async fn settle(pool: &PgPool, lessee: Lessee, batch: &[Finding]) -> Result<Vec<Settled>, StoreError> {
    let columns = Columns::of(batch);
    let statement = sqlx::query_file!(
        "src/outbox/settle.sql",
        lessee.0,
        &columns.order_id,
        &columns.lease_seq,
        &columns.payment_no,
        &columns.key_epoch,
        &columns.outcome as &[Option<&'static str>],
        &columns.wait_ms,
        &columns.call as &[Option<&'static str>],
        &columns.api_key_id as &[Option<&str>],
        &columns.duration_ms,
        &columns.http_status as &[Option<i16>],
        &columns.code as &[Option<&str>],
        &columns.trace_id as &[Option<&str>],
        &columns.approved_at as &[Option<OffsetDateTime>],
        &columns.balance as &[Option<i64>],
        &columns.method as &[Option<&str>],
        &columns.receipt_url as &[Option<&str>],
        &columns.answer as &[Option<&Value>],
        &columns.attempt_id as &[Option<Uuid>],
    );
    let rows = within(pool, "settle", async |c| statement.fetch_all(c).await).await?;
    let verdicts: HashMap<i64, Settled> = rows
        .into_iter()
        .map(|row| match row.verdict.as_str() {
            "moved" => Ok((row.order_id, Settled::Moved)),
            "lost" => Ok((row.order_id, Settled::LeaseLost)),
            "busy" => Ok((row.order_id, Settled::Busy)),
            _ => Err(StoreError::Corrupt { table: "settle", column: "verdict", id: row.order_id }),
        })
        .collect::<Result<_, _>>()?;
    let verdict = |finding: &Finding| verdicts.get(&finding.fence().order_id.0).copied().unwrap_or(Settled::Busy);
    Ok(batch.iter().map(verdict).collect())
}

/// The batch as the statement takes it: one array for each column.
#[derive(Default)]
struct Columns<'a> {
    order_id: Vec<i64>,
    lease_seq: Vec<i32>,
    payment_no: Vec<i16>,
    key_epoch: Vec<i16>,
    outcome: Vec<Option<&'static str>>,
    wait_ms: Vec<i64>,
    call: Vec<Option<&'static str>>,
    api_key_id: Vec<Option<&'a str>>,
    duration_ms: Vec<i32>,
    http_status: Vec<Option<i16>>,
    code: Vec<Option<&'a str>>,
    trace_id: Vec<Option<&'a str>>,
    approved_at: Vec<Option<OffsetDateTime>>,
    balance: Vec<Option<i64>>,
    method: Vec<Option<&'a str>>,
    receipt_url: Vec<Option<&'a str>>,
    answer: Vec<Option<&'a Value>>,
    attempt_id: Vec<Option<Uuid>>,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a [Finding]) -> Self {
        let mut columns = Self::default();
        for finding in batch {
            let (claim, tried) = match finding {
                Finding::Tried { claim, attempt, outcome } => (claim, Some((attempt, outcome))),
                Finding::NotStarted { claim } => (claim, None),
            };
            columns.push(claim, tried);
        }
        columns
    }

    fn push(&mut self, claim: &Claim, tried: Option<(&'a Attempt, &'a Outcome)>) {
        let attempt = tried.map(|(attempt, _)| attempt);
        let outcome = tried.map(|(_, outcome)| outcome);
        let approval = match outcome {
            Some(Outcome::Approved(approval)) => Some(approval),
            Some(Outcome::Repeat { .. } | Outcome::Snooze { .. } | Outcome::Ask { .. } | Outcome::NextEpoch { .. })
            | None => None,
        };
        self.order_id.push(claim.fence.order_id.0);
        self.lease_seq.push(claim.fence.lease_seq);
        self.payment_no.push(claim.payment_no);
        self.key_epoch.push(claim.key_epoch);
        self.outcome.push(outcome.map(Outcome::as_str));
        self.wait_ms.push(outcome.map_or(0, |outcome| millis(outcome.wait())));
        self.call.push(attempt.map(|attempt| attempt.call.as_str()));
        self.api_key_id.push(attempt.map(|attempt| attempt.api_key_id.as_str()));
        self.duration_ms.push(attempt.map_or(0, |attempt| i32::try_from(millis(attempt.duration)).unwrap_or(i32::MAX)));
        self.http_status.push(attempt.and_then(|attempt| i16::try_from(attempt.http_status?).ok()));
        self.code.push(attempt.and_then(|attempt| attempt.code.as_deref()));
        self.trace_id.push(attempt.and_then(|attempt| attempt.trace_id.as_deref()));
        self.approved_at.push(approval.map(|approval| approval.approved_at));
        self.balance.push(approval.map(|approval| approval.balance.won()));
        self.method.push(approval.and_then(|approval| approval.method.as_deref()));
        self.receipt_url.push(approval.and_then(|approval| approval.receipt_url.as_deref()));
        self.attempt_id.push(attempt.map(|attempt| attempt.id));
        self.answer.push(approval.map(|approval| &approval.answer));
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
