//! Telling idle workers that there is work, without anybody waiting for it.
//!
//! The first poke goes out at once, then at most one every 10 ms: a thousand confirms a second need no thousand
//! notifications. A poke that is lost costs one poll interval of the worker, so nothing is repeated.

use std::{sync::Arc, time::Duration};

use shared::{outbox, stop::Stop};
use sqlx::PgPool;
use tokio::sync::Notify;

const AT_MOST_EVERY: Duration = Duration::from_millis(10);

#[derive(Clone)]
pub(crate) struct Poke(Arc<Notify>);

impl Poke {
    pub(crate) fn start(pool: PgPool, stop: &Stop) -> Self {
        let wanted = Arc::new(Notify::new());
        let poke = Self(wanted.clone());
        let stopping = stop.clone();
        stop.spawn(async move {
            tokio::select! {
                () = stopping.requested() => {}
                () = pass_on(&pool, &wanted) => {}
            }
        });
        poke
    }

    /// Never waits. Several calls before the task wakes are one.
    pub(crate) fn workers(&self) {
        self.0.notify_one();
    }
}

async fn pass_on(pool: &PgPool, wanted: &Notify) {
    loop {
        wanted.notified().await;
        if let Err(error) = outbox::poke(pool).await {
            tracing::debug!(error = %error, "the workers were not poked");
        }
        tokio::time::sleep(AT_MOST_EVERY).await;
    }
}
