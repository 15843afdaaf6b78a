//! What is in flight, and until when it is ours. A call may take three times as long as a lease, so leases are renewed,
//! all that are close to their end in one statement.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::outbox::{self, Fence, Lessee};
use sqlx::PgPool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often we look, as a share of a lease; several looks fit between "close to its end" and the end.
const LOOKS_A_LEASE: u32 = 10;

/// When each lease in flight ends, by our monotonic clock, counted from before the claim or renewal was sent: never
/// later than the database thinks.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<Fence, Instant>>);

impl Leases {
    pub(crate) fn insert(&self, fence: Fence, ends_at: Instant) {
        self.lock().insert(fence, ends_at);
    }

    pub(crate) fn remove(&self, fence: Fence) {
        self.lock().remove(&fence);
    }

    fn ending_before(&self, time: Instant) -> Vec<Fence> {
        self.lock().iter().filter(|(_, ends_at)| **ends_at < time).map(|(fence, _)| *fence).collect()
    }

    /// A lease that was settled meanwhile stays gone.
    fn extend(&self, renewed: &[Fence], ends_at: Instant) {
        let mut leases = self.lock();
        for fence in renewed {
            if let Some(lease) = leases.get_mut(fence) {
                *lease = ends_at;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Fence, Instant>> {
        // Every change is one call that cannot panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renews until `idle`. A lease that cannot be renewed is not an error here: its finding will be settled as stale.
pub(crate) async fn keep(pool: PgPool, lessee: Lessee, lease: Duration, leases: Arc<Leases>, idle: CancellationToken) {
    loop {
        tokio::select! {
            () = idle.cancelled() => return,
            () = tokio::time::sleep(lease / LOOKS_A_LEASE) => {}
        }
        let sent_at = Instant::now();
        let ending = leases.ending_before(sent_at + lease / 2); // half gone: time to renew
        if ending.is_empty() {
            continue;
        }
        match outbox::renew(&pool, lessee, lease, &ending).await {
            Ok(renewed) => {
                leases.extend(&renewed, sent_at + lease);
                let missed = ending.len() - renewed.len();
                if missed > 0 {
                    tracing::debug!(missed, "leases that are lost or being settled");
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = shared::telemetry::chain(&error),
                    leases = ending.len(),
                    "cannot renew leases; trying again"
                );
            }
        }
    }
}
