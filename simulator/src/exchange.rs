//! One request and its answer, from the network to Toss's work and back.
//!
//! ```text
//! edge rule -> authentication -> rate limit -> idempotency key -> test code -> inside rule -> operation -> keep
//!           -> edge rule -> client
//! ```
//!
//! The order of the checks is Toss's and lives here alone. Everything from authentication to keeping the answer runs in
//! a task of its own: a client that gives up does not stop Toss, so the money still moves and the same key finds the
//! answer later. When the simulator stops, what is still waiting is hung up on.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::Simulator;
use crate::answer::{Answer, broken};
use crate::call::Call;
use crate::errors::{
    Code, FORBIDDEN_CONSECUTIVE_REQUEST, IDEMPOTENT_REQUEST_PROCESSING, INVALID_IDEMPOTENCY_KEY, INVALID_TEST_CODE,
};
use crate::faults::{Place, Then};
use crate::idempotency::{KEY_LENGTH_MAX, Lookup};
use crate::keys;
use crate::merchants::Owner;
use crate::rules::Taken;
use crate::server::hang_up;
use crate::switches::{ReplayErrors, ReplayRefusals, Switches, TooManyRequests};
use crate::{merchants, operations, spoil, stale};

const TRACE_ID: HeaderName = HeaderName::from_static("x-tosspayments-trace-id");
const TEST_CODE: HeaderName = HeaderName::from_static("tosspayments-test-code");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An answer on its way out.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    /// This request's own trace id; on a replay the answer still carries the first one's.
    pub(crate) trace_id: String,
    /// The kind of the inside rule that this request met.
    pub(crate) fault: Option<&'static str>,
    idempotency_key: Option<String>,
}

pub(crate) async fn exchange(simulator: Arc<Simulator>, call: Call) -> Response {
    let edge = take(&simulator, Place::Edge, &call);
    let fault = edge.as_ref().map(|taken| taken.then.name());
    let seq = simulator.requests.with(|log| log.received(&call, fault));
    let Some(Taken { then, released, .. }) = edge else { return send(ask_toss(&simulator, call, seq).await) };
    match then {
        Then::DropBefore => hang_up(),
        Then::Html { status } => {
            simulator.requests.with(|log| log.refused(seq, status));
            proxy_page(status)
        }
        Then::RateLimit { retry_after_seconds } => {
            simulator.requests.with(|log| log.refused(seq, StatusCode::TOO_MANY_REQUESTS.as_u16()));
            too_many_requests(retry_after_seconds)
        }
        Then::DropAfter => {
            ask_toss(&simulator, call, seq).await;
            hang_up()
        }
        Then::Hold => {
            let reply = ask_toss(&simulator, call, seq).await;
            tokio::select! {
                () = released.cancelled() => send(reply),
                () = simulator.stop.cancelled() => hang_up(),
            }
        }
        Then::Truncate => send(ask_toss(&simulator, call, seq).await.map(|reply| reply.with_body(spoil::cut_in_half))),
        Then::Oversized { bytes } => send(
            ask_toss(&simulator, call, seq).await.map(|reply| reply.with_body(|body| spoil::blow_up(&body, bytes))),
        ),
        Then::SlowBody { bytes_per_second } => {
            let response = send(ask_toss(&simulator, call, seq).await);
            response.map(|body| spoil::trickle(body, bytes_per_second, simulator.stop.clone()))
        }
        Then::Error(_)
        | Then::ErrorAfter(_)
        | Then::Delay(_)
        | Then::Stale { .. }
        | Then::Early
        | Then::Late { .. }
        | Then::Twice
        | Then::Reordered
        | Then::Lost => send(ask_toss(&simulator, call, seq).await),
    }
}

/// None when the simulator is stopping.
async fn ask_toss(simulator: &Arc<Simulator>, call: Call, seq: u64) -> Option<Reply> {
    let toss = Arc::clone(simulator);
    let work = async move {
        let reply = answer(&toss, call).await;
        toss.requests.with(|log| log.answered(seq, &reply));
        reply
    };
    let finished = simulator.tasks.spawn(simulator.stop.clone().run_until_cancelled_owned(work)).await;
    finished.unwrap_or_else(|panicked| {
        tracing::error!(error = %panicked, "the simulator broke while answering");
        let answer = broken();
        Some(Reply { trace_id: answer.trace_id.clone(), answer, fault: None, idempotency_key: None })
    })
}

async fn answer(simulator: &Arc<Simulator>, call: Call) -> Reply {
    let switches = simulator.switches();
    let idempotency_key = call.idempotency_key.clone();
    let first = |answer: Answer, fault| Reply {
        trace_id: answer.trace_id.clone(),
        answer,
        fault,
        idempotency_key: idempotency_key.clone(),
    };
    let refuse = |code: Code| first(Answer::error(code, call.language), None);
    let admitted = admit(simulator, &call, &switches);
    let scoped_by = match &admitted {
        Ok(caller) => Some(Arc::clone(&caller.secret_key)),
        Err(_) if switches.replay_refusals == ReplayRefusals::All => merchants::shown(&call.headers).map(Arc::from),
        Err(_) => None,
    };
    let claim = match (&idempotency_key, scoped_by) {
        (None, _) | (_, None) => None,
        (Some(key), Some(_)) if key.chars().count() > KEY_LENGTH_MAX => return refuse(INVALID_IDEMPOTENCY_KEY),
        (Some(key), Some(secret_key)) => {
            let scope = format!("{key}\n{secret_key}\n{} {}", call.method, call.path);
            match simulator.idempotency.look_up(scope.into(), switches.old_keys, call.received_at) {
                Lookup::First(claim) => Some(claim),
                Lookup::Running => return refuse(IDEMPOTENT_REQUEST_PROCESSING),
                Lookup::Answered(answer) => {
                    return Reply { answer, trace_id: keys::trace_id(), fault: None, idempotency_key };
                }
            }
        }
    };
    let (answer, fault) = match admitted {
        Ok(caller) => execute(simulator, &call, caller).await,
        Err(refusal) => (refusal, None),
    };
    if let Some(payment_key) = &call.payment_key {
        simulator.webhooks.early_ones(payment_key).await;
    }
    if let Some(claim) = claim.filter(|_| is_kept(switches.replay_errors, answer.status)) {
        claim.keep(answer.clone());
    }
    first(answer, fault)
}

/// Who calls, or the refusal that comes before anything of the request is looked at.
fn admit(simulator: &Simulator, call: &Call, switches: &Switches) -> Result<Owner, Answer> {
    let caller = simulator
        .merchants
        .authenticate(&call.headers, call.received_at)
        .map_err(|code| Answer::error(code, call.language))?;
    let limit = switches.rate_limit;
    if simulator.flood.allows(limit, &caller.secret_key, call.endpoint(), call.received_at) {
        return Ok(caller);
    }
    Err(match switches.too_many_requests {
        TooManyRequests::Code => Answer::too_many_requests(),
        TooManyRequests::Consecutive => Answer::error(FORBIDDEN_CONSECUTIVE_REQUEST, call.language),
        TooManyRequests::Empty => Answer { body: Bytes::new(), code: None, ..Answer::too_many_requests() },
    })
}

/// Does the work, unless a rule gets in the way.
async fn execute(simulator: &Simulator, call: &Call, caller: Owner) -> (Answer, Option<&'static str>) {
    if let Some(answer) = forced(call) {
        return (answer, None);
    }
    let Some(Taken { then, mut chance, .. }) = take(simulator, Place::Inside, call) else {
        return (operations::operate(simulator, call, caller, Duration::ZERO).await, None);
    };
    let fault = then.name();
    let answer = match then {
        Then::Error(error) => Answer::chosen(error, call.language),
        Then::ErrorAfter(error) => {
            operations::operate(simulator, call, caller, Duration::ZERO).await;
            Answer::chosen(error, call.language)
        }
        Then::Delay(delay) => operations::operate(simulator, call, caller, delay.draw(&mut chance)).await,
        Then::Stale { seconds, shows } => stale::query(simulator, call, caller, seconds, shows).await,
        Then::DropBefore
        | Then::DropAfter
        | Then::Hold
        | Then::Html { .. }
        | Then::Truncate
        | Then::Oversized { .. }
        | Then::SlowBody { .. }
        | Then::RateLimit { .. }
        | Then::Early
        | Then::Late { .. }
        | Then::Twice
        | Then::Reordered
        | Then::Lost => operations::operate(simulator, call, caller, Duration::ZERO).await,
    };
    (answer, Some(fault))
}

/// The error that a client asks for by header, before anything of its request is looked at.
fn forced(call: &Call) -> Option<Answer> {
    let named = call.headers.get(TEST_CODE)?;
    let code = named.to_str().ok().and_then(Code::find).unwrap_or(INVALID_TEST_CODE);
    Some(Answer::error(code, call.language))
}

fn take(simulator: &Simulator, place: Place, call: &Call) -> Option<Taken> {
    simulator.rules.take(place, call.subject())
}

fn is_kept(replay_errors: ReplayErrors, status: StatusCode) -> bool {
    match replay_errors {
        // "Ask again with the same key" would never end if it were kept.
        _ if status == StatusCode::CONFLICT => false,
        ReplayErrors::All => true,
        ReplayErrors::ClientErrors => !status.is_server_error(),
        ReplayErrors::None => status.is_success(),
    }
}

fn send(reply: Option<Reply>) -> Response {
    reply.map_or_else(hang_up, IntoResponse::into_response)
}

fn proxy_page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<h1>{status}</h1>\r\n</body>\r\n</html>\r\n"
    );
    (status, [(CONTENT_TYPE, "text/html")], page).into_response()
}

fn too_many_requests(retry_after_seconds: Option<u64>) -> Response {
    let answer = Answer::too_many_requests();
    let mut response = (answer.status, [(CONTENT_TYPE, "application/json")], answer.body).into_response();
    if let Some(seconds) = retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

impl Reply {
    pub(crate) fn is_replay(&self) -> bool {
        self.trace_id != self.answer.trace_id
    }

    fn with_body(mut self, change: impl FnOnce(Bytes) -> Bytes) -> Self {
        self.answer.body = change(self.answer.body);
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let trace_id =
            if self.is_replay() { format!("{}, {}", self.trace_id, self.answer.trace_id) } else { self.trace_id };
        let mut response = (self.answer.status, [(CONTENT_TYPE, "application/json")], self.answer.body).into_response();
        let headers = response.headers_mut();
        for (name, value) in [(TRACE_ID, Some(trace_id)), (IDEMPOTENCY_KEY, self.idempotency_key)] {
            if let Some(value) = value.and_then(|value| value.parse().ok()) {
                headers.insert(name, value);
            }
        }
        response
    }
}
