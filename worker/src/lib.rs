//! The confirmation worker: claims due intents, asks Toss, writes back what Toss showed.
//!
//! - [`run`] owns the loop: wake, claim, start, until it is told to stop.
//! - `attempt` is one call to Toss. What is `known` before it decides which; `codes`, `reading` and `classify` (`refund`
//!   for refunds) are what its answer means: pure, no tables, no loops.
//! - `classes` decides whose turn it is, `flow` how many calls may be in flight; `lanes` pauses a secret that Toss does not take, and probes it.
//! - `settler` writes findings back in batches, and only then gives their permits free: a slow database stops the
//!   worker from calling Toss, a row that another session keeps locked does not.
//! - `leases` keeps the leases of what is in flight, `housekeeping` does what nobody asks for, `refund_alerts` names refunds
//!   that do not end; `replay` is a command.
//! - `background` watches these tasks: the worker ends with an error when one of them does not last as long as it.
//!
//! Nothing that matters lives in memory between these steps: a worker may be killed at any moment, and what it held is
//! due again when its leases end. Run as many as you like against one database.

mod attempt;
mod background;
mod claiming;
mod classes;
pub mod classify;
pub mod codes;
mod flow;
mod health;
mod housekeeping;
mod key_check;
mod keys;
pub mod known;
mod lanes;
mod leases;
mod merchants;
mod metrics;
pub mod reading;
mod recent_answers;
mod refund;
mod refund_alerts;
mod replay;
mod retry;
mod settings;
mod settler;
mod terms;
pub mod transitions;

pub use replay::{ReplayError, read_replay, replay};
pub use settings::{CONCURRENCY_MAX, Settings};
pub use terms::Terms;

use std::{sync::Arc, time::Duration};

use shared::{
    db::{self, Role},
    outbox::Lessee,
    stop::Stop,
    toss,
};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::CancellationToken;

use crate::{
    attempt::Asker,
    background::{BackgroundTasks, OnFailure},
    claiming::Claiming,
    flow::Flow,
    housekeeping::Housekeeping,
    key_check::KeyChecks,
    keys::Keys,
    leases::Leases,
    merchants::Merchants,
    metrics::Metrics,
    recent_answers::RecentAnswers,
};

/// Claim, renew, housekeeping, lanes, refund alerts, health: one connection each; the settlers three; and one to spare.
const DATABASE_CONNECTIONS: u32 = 10;
/// A call may take [`toss::CALL_LIMIT`], and its finding must still be written.
const STOP_GRACE: Duration = toss::CALL_LIMIT.saturating_add(Duration::from_secs(10));

/// Works until `stop` is requested; then claims nothing more, finishes what is in flight and returns. When that takes
/// longer than a call may take, or the stop is forced, it lets go: the leases end and another worker goes on. A background
/// task that ends before that stops the worker too, and is the error.
pub async fn run(settings: Settings, listener: TcpListener, stop: Stop) -> anyhow::Result<()> {
    tracing::info!(?settings, "worker starts");
    let pool = db::pool(&settings.database_url, Role::Worker, DATABASE_CONNECTIONS)?;
    let lessee = Lessee::new(rand::random());
    let leases = Arc::new(Leases::default());
    let poke = Arc::new(Notify::new());
    // Everything but the tries themselves ends by this token, after the last finding is written.
    let idle = CancellationToken::new();
    let background = BackgroundTasks::new(stop.clone());

    let (settlers, findings) = settler::settlers(&pool, lessee, settings.terms.absence_spacing, &stop);
    for settler in settlers {
        background.spawn(settler.task(), OnFailure::LetGo, settler.run());
    }
    let keeping = leases::keep(pool.clone(), lessee, settings.terms.lease, Arc::clone(&leases), idle.clone());
    background.spawn("leases", OnFailure::Finish, keeping);
    let hearing = claiming::hear_pokes(pool.clone(), Arc::clone(&poke), idle.clone());
    background.spawn("pokes", OnFailure::Finish, hearing);
    let flow = Flow::new(flow::Limits { concurrency: settings.concurrency, per_second: settings.calls_per_second });
    let metrics = Metrics::new(flow.clone());
    background.spawn("health", OnFailure::Finish, health::serve(listener, pool.clone(), metrics.clone(), idle.clone()));
    let keys = Keys::new(settings.key, settings.previous_key);
    let merchants = Merchants::default();
    merchants.read(&pool).await;
    let watching = lanes::watch(pool.clone(), keys.clone(), merchants.clone(), settings.terms, stop.clone());
    background.spawn("lanes", OnFailure::Finish, watching);
    let housekeeping = Housekeeping {
        pool: pool.clone(),
        terms: settings.terms,
        attempts_kept_days: settings.attempts_kept_days,
        webhooks_kept_days: settings.webhooks_kept_days,
    };
    background.spawn("housekeeping", OnFailure::Finish, housekeeping.run(stop.clone()));
    background.spawn("refund alerts", OnFailure::Finish, refund_alerts::run(pool.clone(), stop.clone()));

    let asker = Asker {
        toss: settings.toss,
        keys,
        merchants,
        key_checks: KeyChecks::default(),
        answers: RecentAnswers::default(),
        account_key: settings.account_key,
        terms: settings.terms,
        metrics,
        flow,
    };
    background.spawn("key checks", OnFailure::Finish, lanes::check(pool.clone(), asker.clone(), stop.clone()));
    let claiming = Claiming::new(pool.clone(), asker, settings.concurrency, lessee, leases, findings);
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
    background.failure().map_or(Ok(()), |failure| Err(failure.into()))
}
