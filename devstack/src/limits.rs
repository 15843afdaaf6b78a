//! What the system allows one process: everything in one process needs more than the parts by themselves.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for the api's and the simulator's connections, both ends of each.
const OPEN_FILES: u64 = 8_192;

/// Raises the soft limit on open files as far as the hard one allows. An ordinary user starts with 1,024, on a Mac with
/// 256, and every connection between parts that share a process counts twice.
pub fn allow_many_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(OPEN_FILES, |hard| hard.min(OPEN_FILES));
    if limit.current.is_some_and(|soft| soft < wanted) {
        // Refused: then we go on with what there is, and a connection that cannot be opened says so itself.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    }
}
