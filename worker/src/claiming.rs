//! The loop that claims: as much as there are permits, as often as there is work, and about four times a second when
//! there is none.

use std::{sync::Arc, time::Duration};

use shared::{
    db::StoreError,
    lane,
    outbox::{self, CLAIM_MAX, Claim, Claimed, Finding, Lessee, Watermark},
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
    flow::{Room, Turn},
    lanes,
    leases::Leases,
    retry,
    settler::{Findings, Held},
};

/// After a claim that took some but not all it could: a moment for more to gather.
const SOME_WAIT: Duration = Duration::from_millis(7);
/// Between looks at an empty queue, when no poke comes: grows from the first to the second.
const IDLE_WAIT_FIRST: Duration = Duration::from_millis(10);
const IDLE_WAIT_LONGEST: Duration = Duration::from_millis(250);
/// A sweep looks left of the watermark. It costs a walk over what is in flight, so it may take a twentieth of the time.
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
        let mut low = Watermark::LOWEST;
        let mut sweep_at = Instant::now();
        let mut idle_wait = IDLE_WAIT_FIRST;
        let mut probe_from = sweep_at;
        let mut failures = 0_u16;
        loop {
            let mut permits = tokio::select! {
                () = stop.requested() => break,
                permits = self.free_permits() => permits,
            };
            match self.asker.flow.room(Instant::now()) {
                Room::For(places) => permits.truncate(places.get()),
                Room::NoneUntil(at) => {
                    tokio::select! {
                        () = stop.requested() => break,
                        () = self.asker.flow.a_call_ended() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                    continue;
                }
                Room::NoneUntilACallEnds => {
                    tokio::select! {
                        () = stop.requested() => break,
                        () = self.asker.flow.a_call_ended() => {}
                    }
                    continue;
                }
            }
            let started = Instant::now();
            let sweeping = started >= sweep_at;
            let from = if sweeping { Watermark::LOWEST } else { low };
            let claimed = self.claim(from, permits.len(), &mut probe_from).await;
            if sweeping {
                sweep_at =
                    Instant::now() + (started.elapsed() * SWEEP_SHARE).clamp(SWEEP_EVERY_MIN, self.sweep_every_max());
            }
            let wait = match claimed {
                Ok(Some(taken)) => {
                    failures = 0;
                    low = taken.claimed.low.unwrap_or(low);
                    let (count, wanted) = (taken.claimed.len(), taken.wanted);
                    self.start_all(taken, permits, started, stop);
                    if count == wanted {
                        continue;
                    }
                    idle_wait = if count > 0 { IDLE_WAIT_FIRST } else { (idle_wait * 2).min(IDLE_WAIT_LONGEST) };
                    if count > 0 { SOME_WAIT } else { retry::jittered(idle_wait, 0.25) }
                }
                Ok(None) => retry::jittered(PAUSED_WAIT, 0.25),
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(error = shared::telemetry::chain(&error), failures, "cannot claim; trying again");
                    retry::DATABASE_AWAY.wait(failures)
                }
            };
            // A poke matters only to an idle worker: a busy one is about to look anyway.
            let idle = failures == 0 && wait > SOME_WAIT;
            tokio::select! {
                () = stop.requested() => break,
                () = poke.notified(), if idle => idle_wait = IDLE_WAIT_FIRST,
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.tries
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

    /// Claims under the secret that Toss takes. A paused lane gets one intent now and then, to see whether it opens; while
    /// all are paused nothing else is claimed. Until `probe_from` the database is not asked again whether it is time.
    async fn claim(&self, low: Watermark, free: usize, probe_from: &mut Instant) -> Result<Option<Taken>, StoreError> {
        let keys = &self.asker.keys;
        let mut probe = keys.paused().filter(|_| *probe_from <= Instant::now());
        if let Some(key) = &probe {
            let taken = lane::take_probe(&self.pool, key.id(), self.asker.terms.probe_every).await?;
            *probe_from = Instant::now() + PAUSED_WAIT;
            probe = probe.filter(|_| taken);
        }
        let (key, wanted) = match (probe, keys.active()) {
            (Some(key), _) => (key, 1),
            (None, Some(key)) => (key, free),
            (None, None) => return Ok(None),
        };
        let limit = u16::try_from(wanted).unwrap_or(CLAIM_MAX);
        let lease = outbox::Lease { lasts: self.asker.terms.lease, key_tag: key.tag() };
        let claimed = outbox::claim(&self.pool, self.lessee, lease, low, limit).await?;
        Ok(Some(Taken { claimed, wanted, key }))
    }

    fn sweep_every_max(&self) -> Duration {
        (self.asker.terms.lease / 2).max(SWEEP_EVERY_MIN)
    }

    /// Starts a try for each claim. The leases count from before the claim was sent, which is never too late.
    fn start_all(&self, taken: Taken, permits: Vec<OwnedSemaphorePermit>, sent_at: Instant, stop: &Stop) {
        for error in &taken.claimed.unreadable {
            tracing::error!(error = shared::telemetry::chain(error), "an intent cannot be acted on; it needs a human");
        }
        let lease = self.asker.terms.lease;
        for (claim, permit) in taken.claimed.claims.into_iter().zip(permits) {
            let held = Held::new(claim.fence(), sent_at + lease, Arc::clone(&self.leases), permit);
            let turn = self.asker.flow.take(Instant::now());
            self.start(claim, taken.key.clone(), sent_at, held, turn, stop.clone());
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
            turn.heard(tried.heard, tried.took, Instant::now());
            lanes::note(&pool, &asker.keys, &tried).await;
            if let Some(shown) = &tried.shown {
                asker.merchants.note(&pool, shown).await;
            }
            findings.send(tried.finding, held);
        });
    }
}

/// What a claim took, and for whom.
struct Taken {
    claimed: Claimed,
    wanted: usize,
    key: ApiKey,
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
