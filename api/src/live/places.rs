//! How many streams there may be: in this process, and from one source.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    operator::Source,
    problem::{Problem, StreamProblem},
};

/// One shopper has a few pages open; behind one address may be a household, or an office.
const OF_ONE_SOURCE_MAX: usize = 20;

#[derive(Clone)]
pub(super) struct Places {
    max: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_source: HashMap<Source, usize>,
}

/// Given back when it is dropped.
pub(super) struct Place {
    places: Places,
    source: Source,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self { max, taken: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self, source: Source) -> Result<Place, Problem> {
        let mut taken = self.lock();
        let of_source = taken.by_source.get(&source).copied().unwrap_or_default();
        if of_source >= OF_ONE_SOURCE_MAX {
            return Err(Problem::Stream(StreamProblem::TooManyOfYours));
        }
        if taken.all >= self.max {
            return Err(Problem::Stream(StreamProblem::TooMany));
        }
        taken.all += 1;
        taken.by_source.insert(source, of_source + 1);
        Ok(Place { places: self.clone(), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(of_source) = taken.by_source.get_mut(&self.source) {
            *of_source -= 1;
            if *of_source == 0 {
                taken.by_source.remove(&self.source);
            }
        }
    }
}
