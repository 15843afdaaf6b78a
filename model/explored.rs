//! One walk over everything that may happen under some rules.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::{Hanbeon, books::Seen, toss::Rules};

/// The promises that are broken under these rules, and the way there, and what was not reached.
pub(crate) struct Explored {
    pub(crate) broken: Vec<(&'static str, String)>,
    missed: Vec<&'static str>,
    seen: Arc<Seen>,
}

impl Explored {
    pub(crate) fn of(name: &str, rules: Rules) -> Self {
        let started = Instant::now();
        let model = Hanbeon { rules, seen: Arc::default() };
        let seen = Arc::clone(&model.seen);
        let checker = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let (states, steps, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
        let took = started.elapsed().as_secs_f32();
        let told = format!("model: {name}: {states} states, {steps} steps, {depth} deep, {took:.1} s\n");
        // Around the harness's capture: figures that are always told.
        std::io::stderr().write_all(told.as_bytes()).unwrap();
        let mut explored = Self { broken: Vec::new(), missed: Vec::new(), seen };
        for property in checker.model().properties() {
            match (property.expectation, checker.discovery(property.name)) {
                (Expectation::Sometimes, None) => explored.missed.push(property.name),
                (Expectation::Always | Expectation::Eventually, Some(path)) => {
                    let last = format!("{:?}", path.last_state());
                    let steps: Vec<String> = path.into_actions().iter().map(|step| format!("{step:?}")).collect();
                    explored.broken.push((property.name, format!("{}\n{last}", steps.join("\n"))));
                }
                (Expectation::Sometimes, Some(_)) | (Expectation::Always | Expectation::Eventually, None) => {}
            }
        }
        explored
    }

    /// Nothing is broken, and these things happened on the way.
    pub(crate) fn is_whole(&self, happened: &[fn(&Seen) -> &AtomicBool]) {
        if let Some((name, path)) = self.broken.first() {
            panic!("broken: {name}\n{path}");
        }
        assert!(self.missed.is_empty(), "never reached: {:?}", self.missed);
        let all = happened.iter().all(|what| what(&self.seen).load(Ordering::Relaxed));
        assert!(all, "something that has to happen in this model never did: {:?}", self.seen);
    }
}
