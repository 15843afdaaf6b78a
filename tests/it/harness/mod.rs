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

/// Waits until `look` finds something, and fails with what was waited for after `limit`.
pub(crate) async fn wait_for<T, F>(what: &str, limit: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < limit, "waited {limit:?} in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
