//! Does Toss take a secret? Asked by a lookup of a payment that Toss approved for us lately. What Toss says about any other
//! payment may be that payment's fault: a stranger confirmed what is not ours.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::{
    lane,
    merchant::ShownPayment,
    outbox::Call,
    payment::PaymentKey,
    telemetry::chain,
    toss::{Answer, ApiKey, Body, Reply},
};
use sqlx::PgPool;
use tokio::time::Instant;

use crate::{
    attempt::{self, Asker},
    classify::key_fault,
};

/// How long a check waits for Toss.
const LIMIT: Duration = Duration::from_secs(5);
/// Between two checks of a secret: strangers cause no more calls than that.
const EVERY: Duration = Duration::from_secs(5);

/// When each secret was checked last.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyChecks(Arc<Mutex<HashMap<String, Instant>>>);

impl KeyChecks {
    /// May it be checked now? If so, nobody else may for a while.
    pub(crate) fn begin(&self, api_key_id: &str, now: Instant) -> bool {
        // Every change leaves it as true as it was.
        let mut checked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = checked.get(api_key_id).is_none_or(|at| now.saturating_duration_since(*at) >= EVERY);
        if may {
            checked.insert(api_key_id.to_owned(), now);
        }
        may
    }
}

/// What a check showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Taken,
    Refused,
    /// Toss did not answer, or said something about itself.
    Unknown,
}

impl Asker {
    /// Looks the payment up under the secret.
    pub(crate) async fn check_key(&self, pool: &PgPool, key: &ApiKey, payment: &PaymentKey) -> KeyState {
        if let Err(error) = lane::count_check(pool, key.id()).await {
            tracing::warn!(error = chain(&error), "a secret is not checked: the check cannot be written down");
            return KeyState::Unknown;
        }
        let started = Instant::now();
        let turn = self.flow.take(Call::Query, started);
        let Ok(reply) = tokio::time::timeout(LIMIT, self.toss.payment(key, payment)).await else {
            return KeyState::Unknown;
        };
        let took = started.elapsed();
        turn.heard(Call::Query, attempt::heard(&reply), took, Instant::now());
        let state = key_state(&reply);
        self.metrics.note_key_check(took);
        tracing::info!(api_key = key.id(), payment.key = %payment, ?state, "checked a secret");
        if let Some(shown) = shown(&reply, payment, key) {
            self.merchants.note(pool, &shown).await;
        }
        state
    }
}

fn key_state(reply: &Reply) -> KeyState {
    match reply {
        reply if key_fault(Call::Query, reply).is_some() => KeyState::Refused,
        Reply::Answer(answer) if answer.http_status == 429 || answer.is_server_error() => KeyState::Unknown,
        // "Not found" too is said to whom Toss knows.
        Reply::Answer(_) => KeyState::Taken,
        Reply::NoAnswer(_) => KeyState::Unknown,
    }
}

fn shown(reply: &Reply, payment_key: &PaymentKey, key: &ApiKey) -> Option<ShownPayment> {
    let Reply::Answer(Answer { body: Body::Payment(payment), .. }) = reply else { return None };
    let is_it = payment.payment_key == payment_key.expose();
    is_it.then(|| attempt::shown_payment(payment, key)).flatten()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{EVERY, KeyChecks};

    #[test]
    fn each_secret_is_checked_once_in_a_while() {
        let (checks, now) = (KeyChecks::default(), Instant::now());
        assert!(checks.begin("ours", now));
        assert!(!checks.begin("ours", now + EVERY - Duration::from_millis(1)));
        assert!(checks.begin("other", now));
        assert!(checks.begin("ours", now + EVERY));
    }
}
