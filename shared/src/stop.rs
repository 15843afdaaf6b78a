//! How a process stops: softly first, then for good.
//!
//! The soft token means "start nothing new, finish what is in hand"; the hard one means "let go". Letting go is always
//! safe: whatever was in hand has a lease that ends, and is due again.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The two tokens and the tracker that every task of a process is started through.
#[derive(Clone, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

impl Stop {
    pub fn new() -> Self {
        Self::default()
    }

    /// A stop that follows `self`, with a tracker of its own: one part can be stopped without the others.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { soft: self.soft.child_token(), hard: self.hard.child_token(), tasks: TaskTracker::new() }
    }

    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task);
    }

    /// Start nothing new, finish what is in hand.
    pub fn request(&self) {
        self.soft.cancel();
    }

    pub fn is_requested(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Has any task not ended?
    pub fn is_running(&self) -> bool {
        !self.tasks.is_empty()
    }

    pub async fn requested(&self) {
        self.soft.cancelled().await;
    }

    /// For libraries that take a token to stop by.
    pub fn token(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Let go of everything.
    pub async fn forced(&self) {
        self.hard.cancelled().await;
    }

    pub fn force(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Waits until every task has ended; after `grace` lets go. Says whether all ended by themselves.
    pub async fn finish(&self, grace: Duration) -> bool {
        self.request();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return true;
        }
        self.hard.cancel();
        // Tasks that ignore the hard token are a defect; do not hang on them.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.tasks.wait()).await;
        false
    }

    /// Requests the stop at the first SIGTERM or Ctrl-C and forces it at the second.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = self.clone();
        // Not through the tracker: it waits for signals as long as the process lives.
        #[expect(clippy::disallowed_methods, reason = "a signal listener ends with the process, not before it")]
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if stop.is_requested() {
                    tracing::warn!("second signal: letting go");
                    stop.force();
                } else {
                    tracing::info!("stopping: finishing what is in hand");
                    stop.request();
                }
            }
        });
        Ok(())
    }
}
