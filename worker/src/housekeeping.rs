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
    forget: Option<OrderId>,
    /// There are old webhooks left.
    old_hints: bool,
}

impl Walks {
    fn are_forgetting(&self) -> bool {
        self.forget.is_some() || self.old_hints
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
            let wait = match self.round(&mut walks, forget).await {
                Ok(more) => {
                    failures = 0;
                    if forget && !walks.are_forgetting() {
                        forget_at = started + FORGET_EVERY;
                    }
                    let every = retry::jittered(LOOK_EVERY / self.terms.divisor, 0.25);
                    if more { every.min(started.elapsed() * SHARE) } else { every }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(error = chain(&error), failures, "housekeeping waits for the database");
                    retry::DATABASE_AWAY.wait(failures)
                }
            };
            tokio::select! {
                () = stop.requested() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One step of everything. Says whether there is more of it.
    async fn round(&self, walks: &mut Walks, forget: bool) -> Result<bool, StoreError> {
        let ended = order::expire_unpaid(&self.pool, BATCH).await?;
        if ended > 0 {
            stop_point::reach(StopPoint::AfterExpire, None).await;
        }
        let swept = outbox::sweep(&self.pool, walks.sweep, BATCH).await?;
        walks.sweep = swept.next;
        if swept.lost > 0 || swept.woken > 0 {
            stop_point::reach(StopPoint::AfterSweep, None).await;
        }
        if swept.lost > 0 {
            tracing::error!(orders = swept.lost, "orders were being confirmed and had no intent; they have one again");
        }
        if ended > 0 || swept.woken > 0 {
            tracing::info!(ended, woken = swept.woken, "orders ended unpaid; payments to ask about again");
        }
        let hints = webhook::look_again(&self.pool, walks.hints, BATCH).await?;
        walks.hints = hints.next;
        if forget {
            let step = order::forget_attempts(&self.pool, walks.forget, self.attempts_kept_days, BATCH).await?;
            walks.forget = step.next;
            cancel::forget_requests(&self.pool, BATCH).await?;
            let forgotten = webhook::forget(&self.pool, self.webhooks_kept_days, BATCH).await?;
            walks.old_hints = forgotten >= u64::from(BATCH);
        }
        let full = i64::from(BATCH);
        let walking = swept.next.is_some() || hints.next.is_some() || forget && walks.are_forgetting();
        Ok(ended == full || swept.woken >= full || walking)
    }
}
