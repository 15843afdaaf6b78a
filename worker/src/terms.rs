//! The times that decide, in one place. Facts are from Toss's API reference and guides; the margins are ours.

use std::time::Duration;

use shared::{outbox, toss};

/// All of them are measured by the database's clock or a monotonic one, never by a wall clock of ours.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long a claim is ours.
    pub lease: Duration,
    /// From acceptance on, confirms are posted for this long. Toss allows ten minutes from the shopper's authentication,
    /// which came a little earlier; the last half minute is left alone.
    pub post_for: Duration,
    /// How long a call may take, and so how long an unanswered send may still act.
    pub call_limit: Duration,
    /// After this an unanswered send counts as over: it has acted or never will, and asking shows which. A send may act at
    /// the very end of `call_limit`, and what Toss is asked from may lag behind what it does; the half minute more is for
    /// both.
    pub settled_after: Duration,
    /// From acceptance on: after this, "nothing there" means something. The last post was sent before `post_for`, and
    /// `settled_after` has passed since.
    pub absence_counts_after: Duration,
    /// Between two looks that show nothing, before they are believed.
    pub absence_spacing: Duration,
    /// Between looks at an account that waits for its deposit.
    pub deposit_look_every: Duration,
    /// From its due time to the next look: Toss's clock is not ours.
    pub due_margin: Duration,
    /// Between looks at an account whose due time is over while Toss does not say so; then twice that, and so on.
    pub due_look_every: Duration,
    /// Without proof for this long, a human must look.
    pub review_after: Duration,
    /// A refund at which Toss keeps failing is given up when it is this old, and is free to be asked for again.
    pub refund_given_up_after: Duration,
    /// A refund that waits for a bank to open is given up when it is this old: banks close for some hours, not for a day.
    pub bank_closed_at_most: Duration,
    /// A refund that waits for a limit of the shop's contract is given up when it is this old: limits are daily or weekly.
    pub limit_used_up_at_most: Duration,
    /// How long ago Toss may have answered about another payment for its silence about this one to mean something.
    pub others_answered_within: Duration,
    /// Between probes of a paused lane.
    pub probe_every: Duration,
    /// The most that all waits are divided by: 1 but in tests.
    pub divisor: u32,
}

impl Terms {
    pub const REAL: Terms = Terms {
        lease: outbox::LEASE,
        post_for: Duration::from_secs(600 - 30),
        call_limit: toss::CALL_LIMIT,
        settled_after: Duration::from_secs(60 + 30),
        absence_counts_after: Duration::from_mins(11),
        absence_spacing: Duration::from_mins(1),
        deposit_look_every: Duration::from_mins(10),
        due_margin: Duration::from_secs(3),
        due_look_every: Duration::from_secs(15),
        review_after: Duration::from_hours(24),
        refund_given_up_after: Duration::from_hours(1),
        bank_closed_at_most: Duration::from_hours(24),
        limit_used_up_at_most: Duration::from_hours(24 * 7),
        others_answered_within: Duration::from_mins(15),
        probe_every: Duration::from_secs(3),
        divisor: 1,
    };

    /// A day in a few minutes, for tests: every time is divided, the length of a call included.
    #[cfg(feature = "stop-points")]
    #[must_use]
    pub fn divided_by(divisor: u32) -> Self {
        let divisor = divisor.max(1);
        let real = Self::REAL;
        Self {
            lease: real.lease / divisor,
            post_for: real.post_for / divisor,
            call_limit: real.call_limit / divisor,
            settled_after: real.settled_after / divisor,
            absence_counts_after: real.absence_counts_after / divisor,
            absence_spacing: real.absence_spacing / divisor,
            deposit_look_every: real.deposit_look_every / divisor,
            due_margin: real.due_margin / divisor,
            due_look_every: real.due_look_every / divisor,
            review_after: real.review_after / divisor,
            refund_given_up_after: real.refund_given_up_after / divisor,
            bank_closed_at_most: real.bank_closed_at_most / divisor,
            limit_used_up_at_most: real.limit_used_up_at_most / divisor,
            others_answered_within: real.others_answered_within / divisor,
            probe_every: real.probe_every / divisor,
            divisor,
        }
    }
}

// What has no margin left is no proof.
const _: () = {
    let Terms { post_for, call_limit, settled_after, absence_counts_after, .. } = Terms::REAL;
    assert!(settled_after.as_secs() >= call_limit.as_secs() + 30);
    assert!(absence_counts_after.as_secs() >= post_for.as_secs() + settled_after.as_secs());
};
