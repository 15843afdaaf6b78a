//! What the stories stand on: a database each, the parts of the system, real processes, and the audit.

pub(crate) mod answered;
pub(crate) mod audit;
#[cfg(feature = "browser")]
pub(crate) mod browser;
pub(crate) mod database;
pub(crate) mod events;
pub(crate) mod html;
pub(crate) mod login;
#[cfg(feature = "browser")]
pub(crate) mod looks;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod scripted_toss;
pub(crate) mod shop;
pub(crate) mod toss;

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Waits until `look` finds something, and fails with what was waited for after `limit`, or sooner where the environment's
/// `WAIT_AT_MOST` says so in seconds: a test whose guard was taken away waits in vain every time.
#[expect(clippy::disallowed_methods, reason = "tests have no settings.rs")]
pub(crate) async fn wait_for<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    let most = std::env::var("WAIT_AT_MOST").ok().and_then(|seconds| seconds.parse().ok());
    let limit = most.map_or(limit, |seconds| limit.min(Duration::from_secs(seconds)));
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
