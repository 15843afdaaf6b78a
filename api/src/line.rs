//! Places at the database that one kind of request may take, so that the others always find one.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

#[derive(Clone)]
pub(crate) struct Line {
    places: Arc<Semaphore>,
    longest_wait: Duration,
}

impl Line {
    /// At least one place. Who finds none for so long is told to come again.
    pub(crate) fn new(places: u32, longest_wait: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(usize::try_from(places.max(1)).unwrap_or(1))), longest_wait }
    }

    /// Waits for a place, which is free again when what is returned is dropped.
    ///
    /// # Errors
    /// [`Problem::Busy`] after the longest wait.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        match tokio::time::timeout(self.longest_wait, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(Problem::Busy),
        }
    }
}
