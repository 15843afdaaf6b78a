//! When a payment is looked up again, by the database's clock.

use std::time::Duration;

use time::OffsetDateTime;

use super::{
    super::{
        Outcome,
        decision::{Decision, NextLookup},
        settle::{
            CHECK_DEPOSIT_AFTER, CHECK_FAILED_AFTER, LOOKUP_OF_REVIEW_FIRST, LOOKUP_OF_REVIEW_LAST, look_by, look_soon,
        },
    },
    EndedRefund, Seen,
};
use crate::payment::PaymentStatus;

/// A refund that was called failed is looked for this long after its end. A mark of ours found then makes it a refund that
/// was made.
const FAILED_REFUND_AFTER: [Duration; 3] = [Duration::from_mins(15), Duration::from_hours(1), Duration::from_hours(24)];

/// For how long a young deposit may be taken back by its bank.
const DEPOSIT_IS_YOUNG: Duration = Duration::from_hours(1);

/// A refund into an account is over when the bank's transfer is. Until then it is looked up after as long as it is old, within
/// these bounds; a transfer that failed, less often: it is in a person's hands.
const TRANSFER_FIRST: Duration = Duration::from_mins(10);
const FAILED_TRANSFER_FIRST: Duration = Duration::from_hours(6);
const TRANSFER_LAST: Duration = Duration::from_hours(24);
const TRANSFER_ENDS: Duration = Duration::from_hours(24 * 30);

/// What becomes of the time of the next lookup.
pub(super) enum Lookups {
    Unchanged,
    At(Option<OffsetDateTime>),
}

impl Lookups {
    pub(super) fn of(
        seen: &Seen,
        outcome: &Outcome,
        decision: &Decision,
        fails_now: bool,
        doubted_for: Duration,
    ) -> Self {
        let now = seen.now;
        let planned = match decision.next_lookup {
            NextLookup::Unchanged => None,
            NextLookup::Never => Some(None),
            NextLookup::AtOnce => Some(Some(now)),
            NextLookup::AfterDoubt => Some(Some(now + doubted_for)),
            NextLookup::AsDeposit => Some(Some(deposit(now, outcome))),
            NextLookup::AsYoungDeposit => Some(young_deposit(now, outcome)),
            NextLookup::AsReview => {
                let age = seen.review_since.map_or(Duration::ZERO, |since| age(now, since));
                Some(Some(now + age.clamp(LOOKUP_OF_REVIEW_FIRST, LOOKUP_OF_REVIEW_LAST)))
            }
            NextLookup::AfterFailure => Some(Some(now + CHECK_FAILED_AFTER)),
        };
        let also = [failed_refund(seen, fails_now), transfer(seen, outcome)];
        let soonest = also.into_iter().flatten().min();
        match (planned, soonest) {
            (None, None) => Self::Unchanged,
            (None, Some(soonest)) => Self::At(Some(soonest)),
            (Some(planned), soonest) => Self::At(planned.into_iter().chain(soonest).min()),
        }
    }
}

fn age(now: OffsetDateTime, since: OffsetDateTime) -> Duration {
    Duration::try_from(now - since).unwrap_or_default()
}

/// Not later than its due time, and after that at growing intervals from a short one on.
fn deposit(now: OffsetDateTime, outcome: &Outcome) -> OffsetDateTime {
    let every = outcome.looks().map_or(CHECK_DEPOSIT_AFTER, |looks| looks.every);
    let by = look_by(outcome).map(|by| {
        let distance = Duration::try_from((by - now).abs()).unwrap_or_default();
        distance.max(look_soon(outcome).unwrap_or_default())
    });
    now + by.map_or(every, |by| by.min(every))
}

fn young_deposit(now: OffsetDateTime, outcome: &Outcome) -> Option<OffsetDateTime> {
    let approval = outcome.approval()?;
    let old = age(now, approval.approved_at);
    let every = if approval.replayed { Duration::ZERO } else { CHECK_DEPOSIT_AFTER };
    let is_young = approval.deposited && approval.status() == PaymentStatus::Done && old < DEPOSIT_IS_YOUNG;
    is_young.then(|| now + every.max(old))
}

fn failed_refund(seen: &Seen, fails_now: bool) -> Option<OffsetDateTime> {
    let ended = seen.ended_refunds.iter().filter(|refund| refund.failed());
    let ended = ended.filter_map(|refund: &EndedRefund| refund.finished_at);
    let times = ended.chain(fails_now.then_some(seen.now));
    times.flat_map(|ended| FAILED_REFUND_AFTER.map(|after| ended + after)).filter(|time| *time > seen.now).min()
}

fn transfer(seen: &Seen, outcome: &Outcome) -> Option<OffsetDateTime> {
    let approval = outcome.approval().filter(|approval| approval.balance.won() < approval.amount.won())?;
    let first = match approval.answer.pointer("/virtualAccount/refundStatus")?.as_str()? {
        "NONE" | "PENDING" => TRANSFER_FIRST,
        "FAILED" | "PARTIAL_FAILED" => FAILED_TRANSFER_FIRST,
        _ => return None,
    };
    let made = seen.ended_refunds.iter().filter(|refund| !refund.failed()).filter_map(|refund| refund.finished_at);
    let old = age(seen.now, made.max().unwrap_or(seen.now));
    (old < TRANSFER_ENDS).then(|| seen.now + old.clamp(first, TRANSFER_LAST))
}
