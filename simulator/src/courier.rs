//! Carries webhooks to the shops: one POST for each try, with Toss's headers and Toss's patience.
//!
//! What counts as received is a switch and how long a shop may take is in the manner of sending: by default exactly 200
//! within ten seconds. Redirects are not followed. At most [`UNDER_WAY_MAX`] are under way at once; the rest wait their turn.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, redirect};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::deliveries::{Attempt, Due};
use crate::webhooks::Manner;
use crate::{Simulator, clock};

/// Enough for a shop that answers in a few milliseconds, and few enough for one that does not answer at all.
const UNDER_WAY_MAX: usize = 64;

pub(crate) fn client() -> Result<Client, reqwest::Error> {
    // ring is the one crypto provider of this build; a second install of the same is no news.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(redirect::Policy::none()).build()
}

/// Sends what is due until the simulator stops.
pub(crate) async fn carry(simulator: Arc<Simulator>, client: Client) {
    let under_way = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    while simulator.stop.run_until_cancelled(simulator.webhooks.changed.notified()).await.is_some() {
        while let Ok(permit) = Arc::clone(&under_way).try_acquire_owned() {
            let Some((due, manner)) =
                simulator.webhooks.next_due(simulator.switches().webhook_ids, simulator.clock.now())
            else {
                break;
            };
            let delivered = deliver(Arc::clone(&simulator), client.clone(), due, manner, permit);
            simulator.tasks.spawn(simulator.stop.clone().run_until_cancelled_owned(delivered));
        }
    }
}

async fn deliver(simulator: Arc<Simulator>, client: Client, due: Due, manner: Manner, permit: OwnedSemaphorePermit) {
    let at = clock::wire(simulator.clock.now());
    let started = Instant::now();
    let request = client
        .post(due.url)
        .timeout(Duration::from_millis(manner.limit_ms))
        .header(CONTENT_TYPE, "application/json")
        .header("tosspayments-webhook-transmission-time", &at)
        .header("tosspayments-webhook-transmission-retried-count", due.retried_count)
        .header("tosspayments-webhook-transmission-id", &due.transmission_id)
        .body(due.body.to_string());
    let (status, error) = match request.send().await {
        Ok(response) => (Some(response.status().as_u16()), None),
        Err(error) => (None, Some(chain(&error.without_url()))),
    };
    let attempt = Attempt {
        at,
        transmission_id: due.transmission_id,
        retried_count: due.retried_count,
        status,
        error,
        took_ms: started.elapsed().as_millis(),
    };
    let success = simulator.switches().webhook_success;
    let received = status.is_some_and(|status| success.holds(status));
    // The permit goes first, so that the turn taken on this report finds it free.
    drop(permit);
    simulator.webhooks.tried(due.id, attempt, received, simulator.clock.now());
}

/// The whole reason: the client's own message stops at "error sending request".
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
