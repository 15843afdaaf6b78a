//! The tasks that run beside the calls to Toss. None may end before the worker is asked to stop: whatever it did is then
//! done by nobody, and an exit status of 0 would tell a supervisor that all is well.

use std::sync::{Arc, OnceLock};

use shared::stop::Stop;
use tokio_util::task::TaskTracker;

/// A task that ended although nobody had asked the worker to stop, or that panicked at any time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker's task {task} {how}")]
pub(crate) struct TaskFailure {
    task: &'static str,
    how: String,
}

/// How the worker stops because of a failed task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// It claims nothing more, and finishes what is in flight.
    Finish,
    /// It lets go at once: without that task nothing can be finished. What is in flight is due again when its leases end.
    LetGo,
}

/// Starts the background tasks of a worker, waits for them, and remembers the first that failed. Clones share all of it.
#[derive(Clone)]
pub(crate) struct BackgroundTasks {
    tasks: TaskTracker,
    stop: Stop,
    failure: Arc<OnceLock<TaskFailure>>,
}

impl BackgroundTasks {
    /// `stop` is how the worker is asked to stop, and how a failed task stops it.
    pub(crate) fn new(stop: Stop) -> Self {
        Self { tasks: TaskTracker::new(), stop, failure: Arc::default() }
    }

    pub(crate) fn spawn<F>(&self, task: &'static str, on_failure: OnFailure, run: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let running = self.tasks.spawn(run);
        let (stop, failure) = (self.stop.clone(), Arc::clone(&self.failure));
        self.tasks.spawn(async move {
            let how = match running.await {
                Ok(()) if stop.is_requested() => return,
                Ok(()) => "ended before it was asked to".to_owned(),
                Err(error) if error.is_panic() => format!("panicked: {error}"),
                Err(_) => return, // canceled with the whole runtime
            };
            tracing::error!(task, how, "the worker cannot go on without this task; stopping");
            let _ = failure.set(TaskFailure { task, how }); // a later one is a consequence, and logged
            match on_failure {
                OnFailure::Finish => stop.request(),
                OnFailure::LetGo => stop.force(),
            }
        });
    }

    /// Waits until all have ended, those that are started from now on included.
    pub(crate) async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) fn failure(&self) -> Option<TaskFailure> {
        self.failure.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use shared::stop::Stop;

    use super::{BackgroundTasks, OnFailure};

    #[tokio::test]
    async fn a_task_that_ends_when_it_is_asked_to_is_no_failure() {
        let stop = Stop::new();
        let tasks = BackgroundTasks::new(stop.clone());
        let asked = stop.clone();
        tasks.spawn("patient", OnFailure::LetGo, async move { asked.requested().await });
        stop.request();
        tasks.wait().await;
        assert_eq!(tasks.failure(), None);
    }

    #[tokio::test]
    async fn a_task_that_ends_too_early_or_panics_stops_the_worker() {
        for (on_failure, forced) in [(OnFailure::Finish, false), (OnFailure::LetGo, true)] {
            let stop = Stop::new();
            let tasks = BackgroundTasks::new(stop.clone());
            tasks.spawn("hasty", on_failure, async {});
            tasks.wait().await;
            assert_eq!(tasks.failure().unwrap().to_string(), "the worker's task hasty ended before it was asked to");
            stop.requested().await;
            let is_forced = tokio::select! { biased; () = stop.forced() => true, () = std::future::ready(()) => false };
            assert_eq!(is_forced, forced);
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_also_when_the_worker_is_stopping() {
        let stop = Stop::new();
        let tasks = BackgroundTasks::new(stop.clone());
        stop.request();
        tasks.spawn("frightened", OnFailure::Finish, async { panic!("boo") });
        tasks.wait().await;
        let failure = tasks.failure().unwrap().to_string();
        assert!(failure.contains("frightened panicked") && failure.contains("boo"), "{failure}");
    }
}
