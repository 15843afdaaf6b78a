//! Writing findings back, in batches that clock themselves: while one batch is being written the next one gathers, and
//! is sent the moment the first returns. No timer, and no commit for a single payment under load.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use shared::{
    outbox::{self, Fence, Finding, LEASE, Lessee, Settled},
    stop::Stop,
};
use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::{
    leases::Leases,
    retry,
    stop_point::{self, StopPoint},
};

/// The most findings one statement writes. Each carries Toss's answer, about 2 KiB.
const BATCH_MAX: usize = 200;

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
    pub(crate) fn may_start(&self) -> bool {
        Instant::now() + LEASE / 2 < self.claimed_until
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leases.remove(self.fence);
    }
}

/// Where tries hand in what they found. The settler ends when every clone of this is gone.
#[derive(Clone)]
pub(crate) struct Findings(mpsc::Sender<(Finding, Held)>);

impl Findings {
    pub(crate) async fn send(&self, finding: Finding, held: Held) {
        // Nobody receives only after the settler let go; then the lease ends and the intent is due again.
        let _ = self.0.send((finding, held)).await;
    }
}

pub(crate) struct Settler {
    pool: PgPool,
    lessee: Lessee,
    stop: Stop,
    findings: mpsc::Receiver<(Finding, Held)>,
    waiting: VecDeque<(Finding, Held)>,
}

impl Settler {
    pub(crate) fn new(pool: PgPool, lessee: Lessee, stop: Stop) -> (Self, Findings) {
        let (sender, findings) = mpsc::channel(BATCH_MAX);
        (Self { pool, lessee, stop, findings, waiting: VecDeque::new() }, Findings(sender))
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
        loop {
            if self.waiting.is_empty() {
                let Some(first) = self.findings.recv().await else { return };
                self.waiting.push_back(first);
            }
            while self.waiting.len() < BATCH_MAX {
                let Ok(next) = self.findings.try_recv() else { break };
                self.waiting.push_back(next);
            }
            let (batch, held) = self.next_batch();
            self.write(batch).await;
            drop(held); // Now, and not before, the permits are free and the leases are nobody's.
        }
    }

    /// One finding for each order: after a lost lease the same order can be in here twice.
    fn next_batch(&mut self) -> (Vec<Finding>, Vec<Held>) {
        let mut orders = HashSet::new();
        let (mut batch, mut held, mut later) = (Vec::new(), Vec::new(), VecDeque::new());
        for (finding, hold) in self.waiting.drain(..) {
            if orders.insert(finding.fence().order_id) {
                batch.push(finding);
                held.push(hold);
            } else {
                later.push_back((finding, hold));
            }
        }
        self.waiting = later;
        (batch, held)
    }

    /// Repeats while the database is away. A batch that is refused is halved until the one poisonous finding is alone;
    /// that one is dropped and said, and comes back when its lease ends.
    async fn write(&self, batch: Vec<Finding>) {
        let mut todo = vec![batch];
        let mut failures = 0_u16;
        while let Some(mut batch) = todo.pop() {
            match outbox::settle(&self.pool, self.lessee, &batch).await {
                Ok(settled) => {
                    failures = 0;
                    stop_point::reach(StopPoint::AfterSettle).await;
                    let lost = settled.iter().filter(|settled| matches!(settled, Settled::LeaseLost(_))).count();
                    if lost > 0 {
                        tracing::warn!(lost, "findings came too late; somebody else has the intent");
                    }
                }
                Err(error) if error.is_transient() => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(error = shared::telemetry::chain(&error), failures, "cannot settle; trying again");
                    todo.push(batch);
                    tokio::time::sleep(retry::DATABASE_AWAY.wait(failures)).await;
                }
                Err(error) if batch.len() > 1 => {
                    tracing::error!(
                        error = shared::telemetry::chain(&error),
                        findings = batch.len(),
                        "halving a batch"
                    );
                    let rest = batch.split_off(batch.len() / 2);
                    todo.push(rest);
                    todo.push(batch);
                }
                Err(error) => {
                    let order_id = batch.first().map(|finding| finding.fence().order_id.get());
                    tracing::error!(
                        error = shared::telemetry::chain(&error),
                        order.id = order_id,
                        "a finding cannot be written; its intent comes back when its lease ends"
                    );
                }
            }
        }
    }
}
