//! Pausing and opening the lanes of our secrets, as the calls and the database say.
//!
//! A lane pauses when Toss does not take its secret for a payment that it has approved, and opens when it does again. What it
//! says about any other payment may be that payment's fault. Only before the first approved payment it has to do.

use std::{collections::HashMap, time::Duration};

use shared::{lane, merchant, outbox::Call, stop::Stop, telemetry::chain};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::{
    attempt::{Asker, Tried},
    flow::{Heard, Room},
    key_check::KeyState,
    keys::Keys,
    merchants::Merchants,
    retry,
    terms::Terms,
};

/// How old a worker's view of the lanes may be.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a secret is not taken for may be one payment's fault. The first probe, with another payment, comes at once.
const FIRST_PROBE_AFTER: Duration = Duration::from_millis(200);

/// Between lookups under a secret that has shown no payment of our merchant yet.
const PROVE_EVERY: Duration = Duration::from_secs(30);

/// Any other answer shows that Toss takes the secret.
pub(crate) async fn note(pool: &PgPool, keys: &Keys, tried: &Tried) {
    match (&tried.key_fault, &tried.heard) {
        (None, Heard::Answered) if keys.open(&tried.signed_with) => open(pool, &tried.signed_with).await,
        (Some(_), _) | (None, Heard::Answered | Heard::Garbled | Heard::Slow { .. } | Heard::Silent) => {}
    }
}

/// An answer with this code may be about the secret. Pauses the lane, if it is the secret's fault.
pub(crate) async fn suspect(pool: &PgPool, asker: &Asker, api_key_id: &str, code: &str) {
    let is_paused = asker.keys.is_paused(api_key_id);
    let Some(key) = asker.keys.find(api_key_id).filter(|_| !is_paused) else { return };
    if let Some(payment) = asker.merchants.last_approved(api_key_id) {
        if !asker.key_checks.begin(api_key_id, Instant::now()) {
            return;
        }
        match asker.check_key(pool, key, &payment).await {
            KeyState::Refused => {}
            KeyState::Taken | KeyState::Unknown => return,
        }
    }
    if !asker.keys.pause(api_key_id) {
        return;
    }
    tracing::error!(api_key_id, code, "Toss does not take this secret; its lane is paused and nobody fails");
    if let Err(error) = lane::pause(pool, api_key_id, code, FIRST_PROBE_AFTER).await {
        tracing::warn!(error = chain(&error), api_key_id, "a lane could not be paused for all workers");
    }
}

async fn open(pool: &PgPool, api_key_id: &str) {
    tracing::warn!(api_key_id, "Toss takes this secret again; its lane is open");
    if let Err(error) = lane::open(pool, api_key_id).await {
        tracing::warn!(error = chain(&error), api_key_id, "a lane could not be opened for all workers");
    }
}

/// Until the next look of this worker at its lanes.
fn look_wait(terms: &Terms) -> Duration {
    retry::jittered(LOOK_EVERY / terms.divisor.min(10), 0.25)
}

/// Checks the secrets that are paused, and those that have shown no payment of our merchant yet, until `stop` is requested.
pub(crate) async fn check(pool: PgPool, asker: Asker, stop: Stop) {
    let mut proved_at: HashMap<String, Instant> = HashMap::new();
    loop {
        for key in asker.keys.at_hand() {
            let Some(payment) = asker.merchants.last_approved(key.id()) else { continue };
            let now = Instant::now();
            if !matches!(asker.flow.room(Call::Query, now), Room::For(_)) {
                continue;
            }
            if asker.keys.is_paused(key.id()) {
                let may = lane::take_probe(&pool, key.id(), asker.terms.probe_every).await.unwrap_or(false);
                let is_taken = may && asker.check_key(&pool, key, &payment).await == KeyState::Taken;
                if is_taken && asker.keys.open(key.id()) {
                    open(&pool, key.id()).await;
                }
            } else if !asker.merchants.is_proven(key.id(), None)
                && proved_at.get(key.id()).is_none_or(|at| now - *at >= PROVE_EVERY / asker.terms.divisor)
            {
                proved_at.insert(key.id().to_owned(), now);
                asker.check_key(&pool, key, &payment).await;
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(look_wait(&asker.terms)) => {}
        }
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
                look_wait(&terms)
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
