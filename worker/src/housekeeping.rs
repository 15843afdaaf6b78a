//! What nobody asks for: orders that nobody pays end, what waits to be asked about again becomes an intent, webhooks that
//! waited for their orders are taken up, lost intents are made anew, old calls and webhooks are forgotten. Every worker does
//! it; rows that another one holds are skipped.

use std::time::Duration;

use shared::{
    cancel,
    db::StoreError,
    order::{self, OrderId},
    outbox,
    stop::Stop,
    stop_point::{self, StopPoint},
    telemetry::chain,
    webhook,
};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::{retry, terms::Terms};

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Orders of one statement. A few milliseconds of work.
const BATCH: u16 = 1_000;
/// The share of the time that may go into it when there is much to do.
const SHARE: u32 = 20;
const FORGET_EVERY: Duration = Duration::from_mins(10);

pub(crate) struct Housekeeping {
    pub(crate) pool: PgPool,
    pub(crate) terms: Terms,
    /// How long calls to Toss are remembered.
    pub(crate) attempts_kept_days: i32,
    /// How long webhooks are.
    pub(crate) webhooks_kept_days: i32,
}

/// Where the walks over all orders stand.
#[derive(Default)]
struct Walks {
    sweep: Option<OrderId>,
    hints: Option<OrderId>,
    /// There are old calls left.
    old_attempts: bool,
    /// There are old webhooks left.
    old_hints: bool,
}

impl Walks {
    fn are_forgetting(&self) -> bool {
        self.old_attempts || self.old_hints
    }
}

/// What became of one step of everything.
#[derive(Default)]
struct Round {
    /// There is more to do.
    more: bool,
    failed: bool,
}

impl Round {
    /// What a step did. When it failed the others are taken all the same: none needs another.
    fn take<T>(&mut self, step: Result<T, StoreError>) -> Option<T> {
        step.inspect_err(|error| {
            self.failed = true;
            tracing::warn!(error = chain(error), "a step of housekeeping failed");
        })
        .ok()
    }
}

impl Housekeeping {
    pub(crate) async fn run(self, stop: Stop) {
        let mut walks = Walks::default();
        let mut forget_at = Instant::now() + FORGET_EVERY;
        let mut failures = 0_u16;
        loop {
            let started = Instant::now();
            let forget = started >= forget_at;
            let round = self.round(&mut walks, forget).await;
            if forget && !walks.are_forgetting() {
                forget_at = started + FORGET_EVERY;
            }
            let wait = if round.failed {
                failures = failures.saturating_add(1);
                retry::DATABASE_AWAY.wait(failures)
            } else {
                failures = 0;
                let every = retry::jittered(LOOK_EVERY / self.terms.divisor, 0.25);
                if round.more { every.min(started.elapsed() * SHARE) } else { every }
            };
            tokio::select! {
                () = stop.requested() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One step of everything.
    async fn round(&self, walks: &mut Walks, forget: bool) -> Round {
        let full = i64::from(BATCH);
        let mut round = Round::default();
        let ended = round.take(order::expire_unpaid(&self.pool, BATCH).await).unwrap_or(0);
        if ended > 0 {
            stop_point::reach(StopPoint::AfterExpire, None).await;
            tracing::info!(ended, "orders ended unpaid");
        }
        round.more |= ended == full;
        if let Some(swept) = round.take(outbox::sweep(&self.pool, walks.sweep, BATCH).await) {
            walks.sweep = swept.next;
            round.more |= swept.next.is_some() || swept.woken >= full;
            if swept.lost > 0 || swept.woken > 0 {
                stop_point::reach(StopPoint::AfterSweep, None).await;
                tracing::info!(woken = swept.woken, "payments and refunds to ask about again");
            }
            if swept.lost > 0 {
                tracing::error!(
                    orders = swept.lost,
                    "orders were being confirmed and had no intent; they have one again"
                );
            }
        }
        if let Some(hints) = round.take(webhook::look_again(&self.pool, walks.hints, BATCH).await) {
            walks.hints = hints.next;
            round.more |= hints.next.is_some();
        }
        if forget {
            let attempts = round.take(order::forget_attempts(&self.pool, self.attempts_kept_days, BATCH).await);
            walks.old_attempts = attempts.is_some_and(|step| step.more);
            round.take(cancel::forget_requests(&self.pool, BATCH).await);
            let hints = round.take(webhook::forget(&self.pool, self.webhooks_kept_days, BATCH).await);
            walks.old_hints = hints.is_some_and(|forgotten| forgotten >= u64::from(BATCH));
            round.more |= walks.are_forgetting();
        }
        round
    }
}
