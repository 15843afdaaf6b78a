//! The confirmation worker: claims due intents, asks Toss, writes back what Toss showed.
//!
//! - [`run`] owns the loop: wake, claim, start, until it is told to stop.
//! - `attempt` is one call to Toss, `classify` what its answer means: no tables, no loops.
//! - `settler` writes findings back in batches, and only then gives their permits free: a slow database stops the
//!   worker from calling Toss.
//! - `leases` keeps the leases of what is in flight.
//!
//! Nothing that matters lives in memory between these steps: a worker may be killed at any moment, and what it held is
//! due again when its leases end. Run as many as you like against one database.

mod attempt;
mod claiming;
mod classify;
mod health;
mod lane;
mod leases;
mod retry;
mod settings;
mod settler;
mod stop_point;

pub use settings::{CONCURRENCY_MAX, Settings};

use std::{sync::Arc, time::Duration};

use shared::{
    db::{self, Role},
    outbox::Lessee,
    stop::Stop,
    toss,
};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{claiming::Claiming, leases::Leases, settler::Settler};

/// Claim, settle, renew, listen, health: one connection each and one to spare.
const DATABASE_CONNECTIONS: u32 = 6;
/// A call may take [`toss::CALL_LIMIT`], and its finding must still be written.
const STOP_GRACE: Duration = toss::CALL_LIMIT.saturating_add(Duration::from_secs(10));

/// Works until `stop` is requested; then claims nothing more, finishes what is in flight and returns. When that takes
/// longer than a call may take, or the stop is forced, it lets go: the leases end and another worker goes on.
pub async fn run(settings: Settings, listener: TcpListener, stop: Stop) -> anyhow::Result<()> {
    tracing::info!(?settings, "worker starts");
    let pool = db::pool(&settings.database_url, Role::Worker, DATABASE_CONNECTIONS)?;
    let lessee = Lessee::new(rand::random());
    let leases = Arc::new(Leases::default());
    let poke = Arc::new(Notify::new());
    // Everything but the tries themselves ends by this token, after the last finding is written.
    let idle = CancellationToken::new();
    let background = TaskTracker::new();

    let (settler, findings) = Settler::new(pool.clone(), lessee, stop.clone());
    background.spawn(settler.run());
    background.spawn(leases::keep(pool.clone(), lessee, Arc::clone(&leases), idle.clone()));
    background.spawn(claiming::hear_pokes(pool.clone(), Arc::clone(&poke), idle.clone()));
    background.spawn(health::serve(listener, pool.clone(), idle.clone()));
    background.close();

    let claiming = Claiming::new(pool.clone(), settings.toss, settings.concurrency, lessee, leases, findings);
    let tries = claiming.run(&poke, &stop).await;

    let in_flight = tries.len();
    tracing::info!(in_flight, "worker claims nothing more");
    tries.close();
    let finish = async {
        tries.wait().await;
        idle.cancel();
        background.wait().await;
    };
    let finished = tokio::select! {
        result = tokio::time::timeout(STOP_GRACE, finish) => result.is_ok(),
        () = stop.forced() => false,
    };
    idle.cancel();
    if !finished {
        stop.force(); // whatever is left of it must not go on in a process that lives on
        tracing::warn!(in_flight = tries.len(), "worker lets go; what is in flight is due again when its leases end");
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), pool.close()).await;
    Ok(())
}
