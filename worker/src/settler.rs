//! Writing findings back, in batches that clock themselves: while one batch is being written the next one gathers, and
//! is sent the moment the first returns. No timer, and no commit for a single payment under load. What may have to wait
//! for a lock goes a way of its own, so that a row which another session keeps delays the findings about it only.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use shared::{
    catalogue,
    db::StoreError,
    order::ProductId,
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
/// So many findings of each way wait for locks without the permit that they paid with. Each is a few KiB.
const POSTPONED_WITHOUT_PERMIT: usize = 10_000;

/// The right to be in flight: a permit, and a lease that is renewed as long as this lives. Dropping it gives both up,
/// also when a try panics; the intent is then due again when its lease ends.
pub(crate) struct Held {
    fence: Fence,
    claimed_until: Instant,
    leases: Arc<Leases>,
    /// None while the finding is postponed.
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub(crate) fn new(fence: Fence, claimed_until: Instant, leases: Arc<Leases>, permit: OwnedSemaphorePermit) -> Self {
        leases.insert(fence, claimed_until);
        Self { fence, claimed_until, leases, permit: Some(permit) }
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

/// How a finding is written down. Each way has a settler and a connection of its own, so that none holds up another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In batches that wait for no lock.
    Together,
    /// In batches that give stock back and wait for the rows of products.
    WithStock,
    /// One at a time, in a transaction that decides.
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

    pub(crate) fn task(self) -> &'static str {
        match self {
            Self::Together => "settler",
            Self::WithStock => "settler of returned stock",
            Self::Alone => "settler of single findings",
        }
    }

    fn batch_max(self) -> usize {
        match self {
            Self::Together | Self::WithStock => BATCH_MAX,
            Self::Alone => 1,
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

/// Where tries hand in what they found. The settlers end when every clone of this is gone. Nothing bounds the lines but the
/// permits: each finding pays with one, until it is postponed.
#[derive(Clone)]
pub(crate) struct Findings {
    together: mpsc::UnboundedSender<InHand>,
    with_stock: mpsc::UnboundedSender<InHand>,
    alone: mpsc::UnboundedSender<InHand>,
    stop: Stop,
}

impl Findings {
    pub(crate) fn send(&self, finding: Finding, held: Held) {
        let way = match Way::of(&finding) {
            Way::Together => &self.together,
            Way::WithStock => &self.with_stock,
            Way::Alone => &self.alone,
        };
        if way.send((finding, held)).is_err() && !self.stop.is_requested() {
            // A worker that cannot write down what it finds must not go on calling.
            tracing::error!("a settler is gone; stopping");
            self.stop.request();
        }
    }
}

/// The settlers of a worker, one for each way.
pub(crate) fn settlers(pool: &PgPool, lessee: Lessee, doubted_for: Duration, stop: &Stop) -> ([Settler; 3], Findings) {
    let (alone, alone_line) = mpsc::unbounded_channel();
    let settler = |way, findings| Settler {
        way,
        pool: pool.clone(),
        lessee,
        doubted_for,
        stop: stop.clone(),
        findings,
        alone: (way != Way::Alone).then(|| alone.clone()),
        waiting: VecDeque::new(),
        postponed: VecDeque::new(),
        failures: 0,
    };
    let (together, together_line) = mpsc::unbounded_channel();
    let (with_stock, with_stock_line) = mpsc::unbounded_channel();
    let settlers = [
        settler(Way::Together, together_line),
        settler(Way::WithStock, with_stock_line),
        settler(Way::Alone, alone_line),
    ];
    (settlers, Findings { together, with_stock, alone, stop: stop.clone() })
}

pub(crate) struct Settler {
    way: Way,
    pool: PgPool,
    lessee: Lessee,
    /// What Toss shows is not believed against a change that is younger than this.
    doubted_for: Duration,
    stop: Stop,
    findings: mpsc::UnboundedReceiver<InHand>,
    /// Where findings go that turn out to need a decision of their own.
    alone: Option<mpsc::UnboundedSender<InHand>>,
    /// Handed in, not written yet.
    waiting: VecDeque<InHand>,
    /// Tried and to be tried again: a row was locked, or the database had no time.
    postponed: VecDeque<InHand>,
    failures: u16,
}

impl Settler {
    pub(crate) fn task(&self) -> &'static str {
        self.way.task()
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
                        Some(first) => self.waiting.push_back(first),
                        None => open = false,
                    },
                    () = tokio::time::sleep_until(again_at), if !self.postponed.is_empty() => {}
                }
            }
            while self.waiting.len() < BATCH_MAX {
                let Ok(next) = self.findings.try_recv() else { break };
                self.waiting.push_back(next);
            }
            // New ones go first: what is postponed may have to wait for a lock once more.
            if !self.postponed.is_empty()
                && Instant::now() >= again_at
                && (self.waiting.is_empty() || self.way != Way::Alone)
            {
                let round = if self.way == Way::Alone { 1 } else { self.postponed.len() };
                self.waiting.extend(self.postponed.drain(..round));
                again_at =
                    Instant::now() + POSTPONED_EVERY / u32::try_from(1 + self.postponed.len()).unwrap_or(u32::MAX);
            }
            let batch = self.next_batch();
            if !batch.is_empty() {
                self.write(batch).await;
            }
        }
    }

    /// One finding for each order: after a lost lease the same order can be in here twice.
    fn next_batch(&mut self) -> Vec<InHand> {
        let mut orders = HashSet::new();
        let most = self.way.batch_max();
        let (batch, later): (Vec<InHand>, Vec<InHand>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(finding, _)| orders.len() < most && orders.insert(finding.fence().order_id));
        self.waiting = later.into();
        batch
    }

    async fn settle(&self, findings: &[Finding], in_line: bool) -> Result<Vec<Settled>, StoreError> {
        match (self.way, findings) {
            (Way::Alone, [finding]) => {
                Ok(vec![outbox::reconcile(&self.pool, self.lessee, finding, self.doubted_for).await?])
            }
            (Way::WithStock, _) if in_line => outbox::settle_in_line(&self.pool, self.lessee, findings).await,
            (Way::Together | Way::WithStock | Way::Alone, _) => outbox::settle(&self.pool, self.lessee, findings).await,
        }
    }

    /// Writes a batch and gives up what is written. Findings of one locked product are tried once more when that product
    /// was had; other orders do not wait for it.
    async fn write(&mut self, batch: Vec<InHand>) {
        let mut locked: BTreeMap<ProductId, Vec<InHand>> = BTreeMap::new();
        for (product, in_hand) in self.write_in_parts(batch, false).await {
            locked.entry(product).or_default().push(in_hand);
        }
        for (product, batch) in locked {
            match catalogue::wait_for(&self.pool, product).await {
                Ok(()) => {
                    for (_, in_hand) in self.write_in_parts(batch, true).await {
                        self.postpone(in_hand);
                    }
                }
                Err(error) => {
                    let findings = batch.len();
                    tracing::warn!(error = chain(&error), product.id = product.0, findings, "a product is locked");
                    self.postpone_all(batch);
                }
            }
        }
    }

    /// A batch that is refused, or takes too long, is halved until one finding is alone, so that no finding stands in the way
    /// of another; one that waited too long for a lock is postponed as it is, for each half would wait as long. Returns what
    /// waits for products.
    async fn write_in_parts(&mut self, batch: Vec<InHand>, in_line: bool) -> Vec<(ProductId, InHand)> {
        let mut todo = vec![batch];
        let mut locked = Vec::new();
        while let Some(batch) = todo.pop() {
            let (findings, held): (Vec<Finding>, Vec<Held>) = batch.into_iter().unzip();
            let call = findings.first().and_then(called);
            stop_point::reach(StopPoint::BeforeSettle, call).await;
            let settled = self.settle(&findings, in_line).await;
            let mut batch: Vec<InHand> = findings.into_iter().zip(held).collect();
            match settled {
                Ok(settled) => {
                    self.failures = 0;
                    stop_point::reach(StopPoint::AfterSettle, call).await;
                    locked.extend(self.give_up(batch, &settled)); // now, and not before
                }
                Err(error @ StoreError::Unavailable { .. }) => {
                    self.failures = self.failures.saturating_add(1);
                    let failures = self.failures;
                    tracing::warn!(error = chain(&error), failures, "cannot settle; trying again");
                    todo.push(batch);
                    tokio::time::sleep(retry::DATABASE_AWAY.wait(failures)).await;
                }
                Err(error) if error.is_locked_out() => {
                    tracing::warn!(error = chain(&error), findings = batch.len(), "findings wait for a lock");
                    self.postpone_all(batch);
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
        locked
    }

    /// What is written is nobody's any more: dropping the right frees the permit and ends the renewals. Returns what waits
    /// for products.
    fn give_up(&mut self, batch: Vec<InHand>, settled: &[Settled]) -> Vec<(ProductId, InHand)> {
        let lost = settled.iter().filter(|settled| **settled == Settled::LeaseLost).count();
        if lost > 0 {
            tracing::warn!(lost, "findings came too late; another worker has the intent");
        }
        let mut locked = Vec::new();
        for (in_hand, settled) in batch.into_iter().zip(settled) {
            match settled {
                Settled::Moved | Settled::LeaseLost => drop(in_hand),
                Settled::Busy => self.postpone(in_hand),
                Settled::ProductLocked(product) => locked.push((*product, in_hand)),
                Settled::NeedsReconciliation => match &self.alone {
                    // Gone only when the worker lets go of everything: the lease ends then.
                    Some(alone) => drop(alone.send(in_hand)),
                    None => self.postpone(in_hand),
                },
            }
        }
        locked
    }

    /// Keeps a finding for a later round. The calls of others need not wait for that: its permit is free, as long as memory
    /// is not at stake.
    fn postpone(&mut self, (finding, mut held): InHand) {
        if self.postponed.len() < POSTPONED_WITHOUT_PERMIT {
            held.permit = None;
        }
        self.postponed.push_back((finding, held));
    }

    fn postpone_all(&mut self, batch: Vec<InHand>) {
        for in_hand in batch {
            self.postpone(in_hand);
        }
    }

    /// One finding alone that the database will not take now, or not as it is. Returns what to write instead.
    fn set_apart(&mut self, (finding, held): InHand, error: &StoreError) -> Option<InHand> {
        let order_id = finding.fence().order_id.get();
        if error.is_transient() {
            tracing::warn!(error = chain(error), order.id = order_id, "a finding is postponed");
            self.postpone((finding, held));
            return None;
        }
        tracing::error!(error = chain(error), order.id = order_id, "a finding cannot be written as it is");
        // Nothing left to write: it is dropped, and the intent comes back when its lease ends.
        Some((finding.stripped(retry::UNDECIDED.longest)?, held))
    }
}
