//! The loop that claims: as much as there are permits, as often as there is work, of the class whose turn it is. While there
//! is none it looks about four times a second.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use shared::{
    db::StoreError,
    lane,
    outbox::{self, CLAIM_MAX, Claim, Claimed, Class, Finding, Lessee},
    stop::Stop,
    stop_point::{self, StopPoint},
    toss::ApiKey,
};
use sqlx::PgPool;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    attempt::Asker,
    classes::{Choice, Classes, Next},
    flow::Turn,
    lanes,
    leases::Leases,
    retry,
    settler::{Findings, Held},
};

/// Between looks at an empty queue, when no poke comes: grows from the first to the second.
const IDLE_WAIT_FIRST: Duration = Duration::from_millis(10);
const IDLE_WAIT_LONGEST: Duration = Duration::from_millis(250);
/// Between looks at the classes that had no work while others have.
const OTHERS_WAIT: Duration = Duration::from_millis(250);
/// A sweep looks left of the watermarks. It costs a walk over what is in flight, so it may take a twentieth of the time.
const SWEEP_EVERY_MIN: Duration = Duration::from_secs(1);
const SWEEP_SHARE: u32 = 20;
/// Silence on a connection may mean that nobody pokes or that the connection is gone without a word; after this long it
/// is made anew.
const LISTEN_AT_MOST: Duration = Duration::from_mins(1);

/// Between looks at a paused lane whose next probe is not due, or is somebody else's.
const PAUSED_WAIT: Duration = Duration::from_millis(200);

pub(crate) struct Claiming {
    pool: PgPool,
    asker: Asker,
    lessee: Lessee,
    permits: Arc<Semaphore>,
    leases: Arc<Leases>,
    findings: Findings,
    tries: TaskTracker,
}

impl Claiming {
    pub(crate) fn new(
        pool: PgPool,
        asker: Asker,
        concurrency: u16,
        lessee: Lessee,
        leases: Arc<Leases>,
        findings: Findings,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(usize::from(concurrency)));
        Self { pool, asker, lessee, permits, leases, findings, tries: TaskTracker::new() }
    }

    /// Claims until `stop` is requested. Returns the tries that are still in flight.
    pub(crate) async fn run(self, poke: &Notify, stop: &Stop) -> TaskTracker {
        let mut classes = Classes::new();
        let mut looking = Looking::new(Instant::now());
        let mut probe_from = Instant::now();
        let mut failures = 0_u16;
        loop {
            let mut permits = tokio::select! {
                () = stop.requested() => break,
                permits = self.free_permits() => permits,
            };
            let now = Instant::now();
            let free = NonZeroUsize::new(permits.len()).unwrap_or(NonZeroUsize::MIN);
            let done = if looking.at <= now {
                self.look(&mut classes, &mut looking).await.map(|()| Progress::Made)
            } else {
                match classes.next(free, now, |call| self.asker.flow.paced(call, now)) {
                    Next::Claim(choice) => {
                        permits.truncate(choice.most.get());
                        self.claim(&mut classes, choice, permits, &mut probe_from, stop).await
                    }
                    Next::Wait { until, for_a_call } => Ok(Progress::None { until, for_a_call }),
                }
            };
            let (until, for_a_call) = match done {
                Ok(Progress::Made) => {
                    failures = 0;
                    continue;
                }
                Ok(Progress::None { until, for_a_call }) => {
                    (until.map_or(looking.at, |at| at.min(looking.at)), for_a_call)
                }
                Ok(Progress::Paused) => (now + retry::jittered(PAUSED_WAIT, 0.25), false),
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(error = shared::telemetry::chain(&error), failures, "cannot claim; trying again");
                    (Instant::now() + retry::DATABASE_AWAY.wait(failures), false)
                }
            };
            let can_go_on = failures == 0;
            tokio::select! {
                () = stop.requested() => break,
                () = poke.notified(), if can_go_on => {
                    let now = Instant::now();
                    classes.found(Class::Confirm, false, now);
                    looking.soon(now);
                }
                () = self.asker.flow.a_call_ended(), if for_a_call => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
        self.tries
    }

    /// Looks which classes have work, of those that seemed to have none; from time to time also left of the watermarks.
    async fn look(&self, classes: &mut Classes, looking: &mut Looking) -> Result<(), StoreError> {
        let started = Instant::now();
        let sweeping = started >= looking.sweep_at;
        let due = outbox::due(&self.pool, &classes.to_look_at(sweeping)).await;
        let now = Instant::now();
        if sweeping {
            looking.sweep_at = now + (started.elapsed() * SWEEP_SHARE).clamp(SWEEP_EVERY_MIN, self.sweep_every_max());
        }
        for class in due? {
            classes.found(class, sweeping, now);
        }
        looking.next(classes.have_work(), now);
        Ok(())
    }

    /// Waits for one free permit and takes what else is free, up to a claim's limit.
    async fn free_permits(&self) -> Vec<OwnedSemaphorePermit> {
        let mut permits = Vec::new();
        if let Ok(first) = Arc::clone(&self.permits).acquire_owned().await {
            permits.push(first);
        }
        while permits.len() < usize::from(CLAIM_MAX) {
            let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { break };
            permits.push(permit);
        }
        permits
    }

    /// Claims so many of a class as there are permits, under the secret that Toss takes, and starts a try for each. Before
    /// the first approved payment a paused lane gets one intent now and then, to see whether it opens; while all are paused
    /// nothing else is claimed. Until `probe_from` the database is not asked again whether it is time.
    async fn claim(
        &self,
        classes: &mut Classes,
        mut choice: Choice,
        mut permits: Vec<OwnedSemaphorePermit>,
        probe_from: &mut Instant,
        stop: &Stop,
    ) -> Result<Progress, StoreError> {
        let sent_at = Instant::now();
        let keys = &self.asker.keys;
        let merchants = &self.asker.merchants;
        let mut probe =
            keys.paused().filter(|key| *probe_from <= sent_at && merchants.last_approved(key.id()).is_none());
        if let Some(key) = &probe {
            let taken = lane::take_probe(&self.pool, key.id(), self.asker.terms.probe_every).await?;
            *probe_from = Instant::now() + PAUSED_WAIT;
            probe = probe.filter(|_| taken);
        }
        if probe.is_some() {
            choice.most = NonZeroUsize::MIN;
            permits.truncate(1);
        }
        let Some(key) = probe.or_else(|| keys.active()) else { return Ok(Progress::Paused) };
        let class = choice.class;
        let limit = u16::try_from(choice.most.get()).unwrap_or(CLAIM_MAX);
        let lease = outbox::Lease { lasts: self.asker.terms.lease, key_tag: key.tag() };
        let claimed = outbox::claim(&self.pool, self.lessee, lease, class, classes.low(class), limit).await?;
        classes.claimed(choice, claimed.len(), claimed.low, Instant::now());
        self.start_all(claimed, class, &key, permits, sent_at, stop);
        Ok(Progress::Made)
    }

    fn sweep_every_max(&self) -> Duration {
        (self.asker.terms.lease / 2).max(SWEEP_EVERY_MIN)
    }

    /// Starts a try for each claim. The leases count from before the claim was sent, which is never too late.
    fn start_all(
        &self,
        claimed: Claimed,
        class: Class,
        key: &ApiKey,
        permits: Vec<OwnedSemaphorePermit>,
        sent_at: Instant,
        stop: &Stop,
    ) {
        for error in &claimed.unreadable {
            tracing::error!(error = shared::telemetry::chain(error), "an intent cannot be acted on; it needs a human");
        }
        let lease = self.asker.terms.lease;
        for (claim, permit) in claimed.claims.into_iter().zip(permits) {
            let held = Held::new(claim.fence(), sent_at + lease, Arc::clone(&self.leases), permit);
            let turn = self.asker.flow.take(class.call(), Instant::now());
            self.start(claim, key.clone(), sent_at, held, turn, stop.clone());
        }
    }

    fn start(&self, claim: Claim, key: ApiKey, sent_at: Instant, held: Held, turn: Turn, stop: Stop) {
        let (asker, pool, findings) = (self.asker.clone(), self.pool.clone(), self.findings.clone());
        self.tries.spawn(async move {
            stop_point::reach(StopPoint::AfterClaim, None).await;
            // Frozen since the claim? Then somebody else may hold the intent by now.
            let may_start = held.may_start(asker.terms.lease) && !stop.is_requested();
            if !may_start {
                drop(turn);
                return findings.send(Finding::NotStarted { claim }, held);
            }
            let tried = asker.attempt(claim, &key, sent_at).await;
            turn.heard(tried.call, tried.heard, tried.took, Instant::now());
            lanes::note(&pool, &asker.keys, &tried).await;
            if let Some(shown) = &tried.shown {
                asker.merchants.note(&pool, shown).await;
            }
            findings.send(tried.finding, held);
            if let Some(code) = tried.key_fault {
                lanes::suspect(&pool, &asker, &tried.signed_with, &code).await;
            }
        });
    }
}

/// When to look for work next.
struct Looking {
    at: Instant,
    /// When to look left of the watermarks too.
    sweep_at: Instant,
    idle_wait: Duration,
}

impl Looking {
    fn new(now: Instant) -> Self {
        Self { at: now, sweep_at: now, idle_wait: IDLE_WAIT_FIRST }
    }

    fn next(&mut self, have_work: bool, now: Instant) {
        let wait = if have_work { OTHERS_WAIT } else { self.idle_wait };
        self.idle_wait = if have_work { IDLE_WAIT_FIRST } else { (self.idle_wait * 2).min(IDLE_WAIT_LONGEST) };
        self.at = now + retry::jittered(wait, 0.25);
    }

    /// Somebody said that there is work.
    fn soon(&mut self, now: Instant) {
        self.idle_wait = IDLE_WAIT_FIRST;
        self.at = self.at.min(now + IDLE_WAIT_FIRST);
    }
}

/// What one round of the loop did.
enum Progress {
    Made,
    /// There was nothing to do.
    None {
        until: Option<Instant>,
        for_a_call: bool,
    },
    /// No secret may be used.
    Paused,
}

/// Turns pokes into wake-ups. While it cannot listen, polling alone does.
pub(crate) async fn hear_pokes(pool: PgPool, poke: Arc<Notify>, idle: CancellationToken) {
    let mut failures = 0_u16;
    while !idle.is_cancelled() {
        let heard = tokio::select! {
            () = idle.cancelled() => return,
            heard = hear(&pool, &poke, &mut failures) => heard,
        };
        failures = failures.saturating_add(1);
        tracing::debug!(error = heard, failures, "cannot hear pokes; polling goes on");
        tokio::select! {
            () = idle.cancelled() => return,
            () = tokio::time::sleep(retry::DATABASE_AWAY.wait(failures)) => {}
        }
    }
}

/// Listens until the connection breaks, and says how.
async fn hear(pool: &PgPool, poke: &Notify, failures: &mut u16) -> String {
    let mut listener = match outbox::listen(pool).await {
        Ok(listener) => listener,
        Err(error) => return shared::telemetry::chain(&error),
    };
    *failures = 0;
    loop {
        match tokio::time::timeout(LISTEN_AT_MOST, listener.try_recv()).await {
            Ok(Ok(Some(_))) => poke.notify_one(),
            Ok(Ok(None)) => return "the connection was closed".to_owned(),
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "nothing was heard for long".to_owned(),
        }
    }
}
