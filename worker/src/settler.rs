//! Writing findings back, in batches that clock themselves: while one batch is being written the next one gathers, and
//! is sent the moment the first returns. No timer, and no commit for a single payment under load.

use std::{collections::HashSet, sync::Arc, time::Duration};

use shared::{
    db::StoreError,
    outbox::{self, Fence, Finding, Lessee, Operation, Settled},
    stop::Stop,
    stop_point::{self, StopPoint},
    telemetry::chain,
};
use sqlx::PgPool;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::Instant,
};

use crate::{leases::Leases, retry};

/// The most findings one statement writes. Each carries Toss's answer, about 2 KiB.
const BATCH_MAX: usize = 200;
/// How often what was postponed is tried again.
const POSTPONED_EVERY: Duration = Duration::from_millis(500);

/// The right to be in flight: a permit, and a lease that is renewed as long as this lives. Dropping it gives both up,
/// also when a try panics; the intent is then due again when its lease ends.
pub(crate) struct Held {
    fence: Fence,
    claimed_until: Instant,
    leases: Arc<Leases>,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    pub(crate) fn new(fence: Fence, claimed_until: Instant, leases: Arc<Leases>, permit: OwnedSemaphorePermit) -> Self {
        leases.insert(fence, claimed_until);
        Self { fence, claimed_until, leases, _permit: permit }
    }

    /// Is enough of the first lease left to be sure of renewing it? No call starts without.
    pub(crate) fn may_start(&self, lease: Duration) -> bool {
        Instant::now() + lease / 2 < self.claimed_until
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leases.remove(self.fence);
    }
}

/// How a finding is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// With others, waiting for nobody.
    Together,
    /// With others that wait for the rows of products.
    WithStock,
    /// By itself.
    Alone,
}

impl Way {
    fn of(finding: &Finding) -> Self {
        match finding.claim().operation() {
            Operation::Cancel(_) => Self::Alone,
            Operation::Confirm { .. } | Operation::Check => match finding.outcome() {
                Some(outcome) if outcome.touches_stock() => Self::WithStock,
                Some(_) | None => Self::Together,
            },
        }
    }
}

/// By which call it was found, for the places where a test stops.
fn called(finding: &Finding) -> Option<&'static str> {
    match finding {
        Finding::Tried { attempt, .. } => Some(attempt.call.as_str()),
        Finding::NotStarted { .. } => None,
    }
}

/// A finding, and the right it pays for.
type InHand = (Finding, Held);

/// Where tries hand in what they found. The settler ends when every clone of this is gone.
#[derive(Clone)]
pub(crate) struct Findings {
    sender: mpsc::Sender<InHand>,
    stop: Stop,
}

impl Findings {
    pub(crate) async fn send(&self, finding: Finding, held: Held) {
        if self.sender.send((finding, held)).await.is_err() && !self.stop.is_requested() {
            // A worker that cannot write down what it finds must not go on calling.
            tracing::error!("the settler is gone; stopping");
            self.stop.request();
        }
    }
}

pub(crate) struct Settler {
    pool: PgPool,
    lessee: Lessee,
    /// What Toss shows is not believed against a change that is younger than this.
    doubted_for: Duration,
    stop: Stop,
    findings: mpsc::Receiver<InHand>,
    /// Handed in, not written yet.
    waiting: Vec<InHand>,
    /// Tried and to be tried again: the order was busy, or the database had no time for it.
    postponed: Vec<InHand>,
    failures: u16,
}

impl Settler {
    pub(crate) fn new(pool: PgPool, lessee: Lessee, doubted_for: Duration, stop: Stop) -> (Self, Findings) {
        let (sender, findings) = mpsc::channel(BATCH_MAX);
        let sender = Findings { sender, stop: stop.clone() };
        (
            Self { pool, lessee, doubted_for, stop, findings, waiting: Vec::new(), postponed: Vec::new(), failures: 0 },
            sender,
        )
    }

    /// Ends when all findings are written and none can come any more, or when the stop is forced.
    pub(crate) async fn run(mut self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.forced() => {}
            () = self.write_all() => {}
        }
    }

    async fn write_all(&mut self) {
        let mut open = true;
        let mut again_at = Instant::now();
        while open || !self.waiting.is_empty() || !self.postponed.is_empty() {
            if self.waiting.is_empty() {
                tokio::select! {
                    first = self.findings.recv(), if open => match first {
                        Some(first) => self.waiting.push(first),
                        None => open = false,
                    },
                    () = tokio::time::sleep_until(again_at), if !self.postponed.is_empty() => {}
                }
            }
            while self.waiting.len() < BATCH_MAX {
                let Ok(next) = self.findings.try_recv() else { break };
                self.waiting.push(next);
            }
            if Instant::now() >= again_at {
                self.waiting.append(&mut self.postponed);
            }
            let batch = self.next_batch();
            if !batch.is_empty() {
                self.write(batch).await;
            }
            if again_at <= Instant::now() {
                again_at = Instant::now() + POSTPONED_EVERY;
            }
        }
    }

    /// One finding for each order: after a lost lease the same order can be in here twice. And of one kind: who waits for
    /// products must not hold up the others.
    fn next_batch(&mut self) -> Vec<InHand> {
        let mut orders = HashSet::new();
        let Some(way) = self.waiting.first().map(|(finding, _)| Way::of(finding)) else { return Vec::new() };
        let (batch, later) = self
            .waiting
            .drain(..)
            .partition(|(finding, _)| Way::of(finding) == way && orders.insert(finding.fence().order_id));
        self.waiting = later;
        batch
    }

    /// Writes down findings that went one way.
    async fn settle(&self, findings: &[Finding]) -> Result<Vec<Settled>, StoreError> {
        let [finding] = findings else { return outbox::settle(&self.pool, self.lessee, findings).await };
        let settled = match Way::of(finding) {
            Way::Together | Way::WithStock => {
                outbox::settle(&self.pool, self.lessee, findings).await?.pop().unwrap_or(Settled::Busy)
            }
            Way::Alone => Settled::NeedsReconciliation,
        };
        match settled {
            Settled::NeedsReconciliation => {
                Ok(vec![outbox::reconcile(&self.pool, self.lessee, finding, self.doubted_for).await?])
            }
            Settled::Moved | Settled::LeaseLost | Settled::Busy => Ok(vec![settled]),
        }
    }

    /// Writes a batch and gives up what is written. A batch that is refused, or takes too long, is halved until one
    /// finding is alone, so that no finding stands in the way of another.
    async fn write(&mut self, batch: Vec<InHand>) {
        let alone = batch.first().is_some_and(|(finding, _)| Way::of(finding) == Way::Alone);
        let mut todo = if alone { batch.into_iter().map(|in_hand| vec![in_hand]).collect() } else { vec![batch] };
        while let Some(batch) = todo.pop() {
            let (findings, held): (Vec<Finding>, Vec<Held>) = batch.into_iter().unzip();
            let call = findings.first().and_then(called);
            stop_point::reach(StopPoint::BeforeSettle, call).await;
            let settled = self.settle(&findings).await;
            let mut batch: Vec<InHand> = findings.into_iter().zip(held).collect();
            match settled {
                Ok(settled) => {
                    self.failures = 0;
                    stop_point::reach(StopPoint::AfterSettle, call).await;
                    let apart = self.give_up(batch, &settled); // now, and not before
                    todo.extend(apart.into_iter().map(|in_hand| vec![in_hand]));
                }
                Err(error @ StoreError::Unavailable { .. }) => {
                    self.failures = self.failures.saturating_add(1);
                    let failures = self.failures;
                    tracing::warn!(error = chain(&error), failures, "cannot settle; trying again");
                    todo.push(batch);
                    tokio::time::sleep(retry::DATABASE_AWAY.wait(failures)).await;
                }
                Err(error) if batch.len() > 1 => {
                    tracing::warn!(error = chain(&error), findings = batch.len(), "halving a batch");
                    let rest = batch.split_off(batch.len() / 2);
                    todo.push(rest);
                    todo.push(batch);
                }
                Err(error) => {
                    let apart = batch.into_iter().filter_map(|in_hand| self.set_apart(in_hand, &error));
                    todo.extend(apart.map(|in_hand| vec![in_hand]));
                }
            }
        }
    }

    /// What is written is nobody's any more: dropping the right frees the permit and ends the renewals. Returns what is to
    /// be settled apart.
    fn give_up(&mut self, batch: Vec<InHand>, settled: &[Settled]) -> Vec<InHand> {
        let lost = settled.iter().filter(|settled| **settled == Settled::LeaseLost).count();
        if lost > 0 {
            tracing::warn!(lost, "findings came too late; somebody else has the intent");
        }
        let mut apart = Vec::new();
        for (in_hand, settled) in batch.into_iter().zip(settled) {
            match settled {
                Settled::Moved | Settled::LeaseLost => drop(in_hand),
                Settled::Busy => self.postponed.push(in_hand),
                Settled::NeedsReconciliation => apart.push(in_hand),
            }
        }
        apart
    }

    /// One finding alone that the database will not take now, or not as it is. Returns what to write instead.
    fn set_apart(&mut self, (finding, held): InHand, error: &StoreError) -> Option<InHand> {
        let order_id = finding.fence().order_id.get();
        if error.is_transient() {
            tracing::warn!(error = chain(error), order.id = order_id, "a finding is postponed");
            self.postponed.push((finding, held));
            return None;
        }
        tracing::error!(error = chain(error), order.id = order_id, "a finding cannot be written as it is");
        // Nothing left to write: it is dropped, and the intent comes back when its lease ends.
        Some((finding.stripped(retry::UNDECIDED.longest)?, held))
    }
}
