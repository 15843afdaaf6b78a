//! A mutex that can only be held for the length of a closure.
//!
//! Everything the simulator knows is in memory behind a few of these. Because the guard never leaves the closure, no
//! lock can be held across an `.await`, and a slow answer or a held request never stops another one.
//!
//! Where two are held at once, the payments are locked first and the ledger second, so that the ledger can never be
//! seen to lag behind a status.

use std::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self(Mutex::new(inner))
    }

    /// Runs `work` alone. A panic in an earlier closure does not spread: each closure leaves its data usable, and a
    /// stand-in that goes on is worth more than one that refuses everything.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
