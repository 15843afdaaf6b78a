//! What the system allows one process. Every connection is an open file, and the soft limit on those is often 1,024, on a Mac
//! 256, where the hard one is far above: each process raises its own, so that whoever starts it need not.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Beside the connections that a process counts: pages that are asked for, health, logs.
const OTHER_FILES: u64 = 4_096;

/// Raises the soft limit on open files for so many connections and what there is beside them, as far as the hard limit
/// allows. That it allows less is said and no reason not to start: a connection that cannot be opened says so itself.
pub fn allow_connections(connections: u64) {
    let wanted = connections.saturating_add(OTHER_FILES);
    let limit = getrlimit(Resource::Nofile);
    let reachable = limit.maximum.map_or(wanted, |hard| hard.min(wanted));
    let Some(soft) = limit.current.filter(|soft| *soft < wanted) else { return };
    let raised = Rlimit { current: Some(reachable), maximum: limit.maximum };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() { reachable } else { soft };
    if allowed < wanted {
        tracing::warn!(wanted, allowed, "the limit on open files is low; some connections may be turned away");
    }
}
