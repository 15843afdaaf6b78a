//! Pausing and opening the lanes of our secrets, as the calls and the database say.

use std::time::Duration;

use shared::{lane, merchant, stop::Stop, telemetry::chain};
use sqlx::PgPool;

use crate::{attempt::Tried, flow::Heard, keys::Keys, merchants::Merchants, retry, terms::Terms};

/// How old a worker's view of the lanes may be.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a secret is not taken for may be one payment's fault. The first probe, with another payment, comes at once.
const FIRST_PROBE_AFTER: Duration = Duration::from_millis(200);

/// Says what a call showed about the secret it was signed with.
pub(crate) async fn note(pool: &PgPool, keys: &Keys, tried: &Tried) {
    let api_key = tried.signed_with.as_str();
    let noted = match (&tried.key_fault, &tried.heard) {
        (Some(code), _) if keys.pause(api_key) => {
            tracing::error!(api_key, code, "Toss does not take this secret; its lane is paused and nobody fails");
            lane::pause(pool, api_key, code, FIRST_PROBE_AFTER).await
        }
        (None, Heard::Answered) if keys.open(api_key) => {
            tracing::warn!(api_key, "Toss takes this secret again; its lane is open");
            lane::open(pool, api_key).await
        }
        (Some(_), _) | (None, Heard::Answered | Heard::Garbled | Heard::Slow { .. } | Heard::Silent) => Ok(()),
    };
    if let Err(error) = noted {
        tracing::warn!(error = chain(&error), api_key, "the state of a lane could not be written");
    }
}

/// Keeps this worker's view of the lanes and the merchants up to date until `stop` is requested.
pub(crate) async fn watch(pool: PgPool, keys: Keys, merchants: Merchants, terms: Terms, stop: Stop) {
    let mut failures = 0_u16;
    loop {
        let read =
            async { Ok::<_, shared::db::StoreError>((lane::paused(&pool).await?, merchant::shown(&pool).await?)) };
        let wait = match read.await {
            Ok((paused, shown)) => {
                failures = 0;
                keys.set_paused(paused.into_iter().map(|lane| lane.api_key_id).collect());
                merchants.set(shown);
                retry::jittered(LOOK_EVERY / terms.divisor.min(10), 0.25)
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                tracing::debug!(error = chain(&error), failures, "cannot read the lanes");
                retry::DATABASE_AWAY.wait(failures)
            }
        };
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
