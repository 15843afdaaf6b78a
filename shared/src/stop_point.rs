//! Named places at which a test stops the process for good, to kill it there. Compiled in only with the feature
//! `stop-points`; without it, reaching one is nothing.
//!
//! `HANBEON_STOP_AT` names the place, and where it helps also the call: `AfterCall/cancel` stops after a refund's call and
//! not at the question before it. The process says so on standard output and then never goes on, or not before the file
//! `HANBEON_GO_ON` exists, if that is set: a test can freeze it there meanwhile. `HANBEON_PANIC_AT` names a place in the same
//! way, and the task that reaches it panics.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopPoint {
    /// A confirm arrived, nothing is written.
    BeforeAccept,
    /// The confirm is committed, the client has no answer.
    AfterAccept,
    /// A webhook is kept, nothing is asked and Toss has no answer.
    AfterKeep,
    /// The claim is committed. Whether the lease is still good for a call is not looked at yet.
    AfterClaim,
    /// It was good. Which call it will be is not decided.
    BeforeAttempt,
    /// It is decided, nothing was sent.
    BeforeCall,
    /// Toss answered, nothing is written.
    AfterCall,
    /// What Toss said is known, and not on its way to the database.
    BeforeSettle,
    /// Inside the transaction that reconciles a finding, after the step that is named: locks are held.
    InReconcile,
    /// The settle is committed, nobody was told.
    AfterSettle,
    /// Orders that nobody paid have ended; what waits for an intent has none yet.
    AfterExpire,
    /// Lost intents are made again, and checks that are due.
    AfterSweep,
}

/// Stops here for good if this is the place that was named, with or without the call.
///
/// # Panics
///
/// Where a test asks for it.
#[cfg(feature = "stop-points")]
pub async fn reach(place: StopPoint, call: Option<&str>) {
    let here = format!("{place:?}");
    let with_call = call.map(|call| format!("{here}/{call}"));
    let is_named = |name: &str| name == here || Some(name) == with_call.as_deref();
    if let Some(place) = place_in("HANBEON_PANIC_AT").filter(|name| is_named(name)) {
        panic!("told to panic at {place}");
    }
    if let Some(place) = place_in("HANBEON_STOP_AT").filter(|name| is_named(name)) {
        #[expect(clippy::print_stdout, reason = "how the test hears of it")]
        {
            println!("stopped at {place}");
        }
        until_told().await;
    }
}

#[cfg(feature = "stop-points")]
#[expect(clippy::disallowed_methods, reason = "not a setting: only tests know it")]
fn place_in(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

#[cfg(feature = "stop-points")]
async fn until_told() {
    #[expect(clippy::disallowed_methods, reason = "not a setting: only tests know it")]
    let Ok(file) = std::env::var("HANBEON_GO_ON") else { return std::future::pending().await };
    while !std::path::Path::new(&file).exists() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[cfg(not(feature = "stop-points"))]
#[expect(clippy::unused_async, reason = "the same shape as the one that stops")]
pub async fn reach(_place: StopPoint, _call: Option<&str>) {}
