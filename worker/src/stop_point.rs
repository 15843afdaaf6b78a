//! Named places at which a test stops the process for good, to kill it there. Compiled in only with the feature
//! `stop-points`; without it, reaching one is nothing.
//!
//! `HANBEON_STOP_AT` names the place. The process says so on standard output and then never goes on.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopPoint {
    /// The claim is committed, nothing was sent.
    BeforeCall,
    /// Toss answered, nothing is written.
    AfterCall,
    /// What Toss said is known, and not on its way to the database.
    BeforeSettle,
    /// The settle is committed, nobody was told.
    AfterSettle,
}

#[cfg(feature = "stop-points")]
pub(crate) async fn reach(place: StopPoint) {
    #[expect(clippy::disallowed_methods, reason = "not a setting: only tests know it")]
    let wanted = std::env::var("HANBEON_STOP_AT").is_ok_and(|name| name == format!("{place:?}"));
    if wanted {
        #[expect(clippy::print_stdout, reason = "how the test hears of it")]
        {
            println!("stopped at {place:?}");
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(not(feature = "stop-points"))]
#[expect(clippy::unused_async, reason = "the same shape as the one that stops")]
pub(crate) async fn reach(_place: StopPoint) {}
