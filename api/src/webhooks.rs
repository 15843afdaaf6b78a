//! `POST /webhooks/toss`: takes what Toss tells us by itself, or somebody in its name.
//!
//! Whatever can be kept is answered with 200 and nothing else, also what is about no order of ours, has a wrong secret or is
//! no JSON: an answer that told them apart would tell it to strangers, and Toss would repeat for four days what will never be
//! otherwise. Only while it cannot be kept the answer is 503, and Toss comes again.
//!
//! Nothing in a body is believed: see `shared/src/webhook/`. Webhooks share the database with confirms and get a part of its
//! connections only, so a flood of them waits in a line of its own.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode},
};
use shared::webhook;

use crate::{AppState, every_request::note_order, problem::Problem};

/// A payment with a hundred refunds is about 60 KiB.
pub(crate) const BODY_BYTES_MAX: usize = 256 * 1024;
/// Toss hangs up after ten seconds and comes again later.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);
const TRANSMISSION_ID: &str = "tosspayments-webhook-transmission-id";

pub(crate) async fn toss(State(state): State<AppState>, request: Request) -> Result<StatusCode, Problem> {
    let transmission_id = transmission_id(request.headers()).map(str::to_owned);
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => return Err(Problem::BodyTooLarge),
        Err(_) => return Err(Problem::MalformedJson), // the connection ended in the middle of it
    };
    let _place = state.webhooks.place().await?;
    let taken = webhook::take(&state.pool, transmission_id.as_deref(), &body).await?;
    if let Some(order_no) = taken.order_no {
        note_order(order_no);
    }
    match taken.state {
        webhook::State::WrongSecret | webhook::State::Unreadable => {
            tracing::warn!(webhook.id = taken.id, state = taken.state.as_str(), "a webhook is ignored");
        }
        webhook::State::Checked => {
            state.poke.workers();
            tracing::info!(webhook.id = taken.id, "a webhook makes us ask Toss");
        }
        webhook::State::Waiting | webhook::State::Known | webhook::State::Unknown | webhook::State::Other => {
            tracing::debug!(webhook.id = taken.id, state = taken.state.as_str(), "a webhook");
        }
    }
    Ok(StatusCode::OK)
}

fn transmission_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(TRANSMISSION_ID)?.to_str().ok()
}
