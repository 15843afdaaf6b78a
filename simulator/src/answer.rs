//! One answer of Toss's: status, code and the exact bytes. What is stored under an idempotency key and replayed.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::http::StatusCode;
use serde::Serialize;

use crate::errors::{Code, FAILED_INTERNAL_SYSTEM_PROCESSING, Language};
use crate::faults::ChosenError;
use crate::keys;

const TOO_MANY_REQUESTS: &str = "TOO_MANY_REQUESTS";

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The error's code; None for a success.
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) body: Bytes,
    pub(crate) trace_id: String,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
}

impl Answer {
    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::new(StatusCode::OK, None, body)
    }

    pub(crate) fn error(code: Code, language: Language) -> Self {
        let body = ErrorBody { code: code.name(), message: code.text(language) };
        Self::new(status(code.status()), Some(Cow::Borrowed(code.name())), &body)
    }

    /// An error that a rule has chosen, perhaps with a code nobody has heard of.
    pub(crate) fn chosen(error: ChosenError, language: Language) -> Self {
        let known = Code::find(&error.code).map(|code| code.text(language));
        let message = error.message.as_deref().or(known).unwrap_or(&error.code);
        let body = ErrorBody { code: &error.code, message };
        let status = status(error.status);
        let answer = Self::new(status, None, &body);
        Self { code: Some(Cow::Owned(error.code)), ..answer }
    }

    /// Toss documents the status of a refused flood but no code, so the body says no more than a gateway would.
    pub(crate) fn too_many_requests() -> Self {
        let body = ErrorBody { code: TOO_MANY_REQUESTS, message: "Too many requests." };
        Self::new(StatusCode::TOO_MANY_REQUESTS, Some(Cow::Borrowed(TOO_MANY_REQUESTS)), &body)
    }

    fn new(status: StatusCode, code: Option<Cow<'static, str>>, body: &impl Serialize) -> Self {
        // Writing these bodies cannot fail: they hold strings, numbers and nothing that could refuse.
        let body = serde_json::to_vec(body).unwrap_or_default();
        // Kept for a long time, so without the spare room of a growing vector.
        Self { status, code, body: body.into_boxed_slice().into(), trace_id: keys::trace_id() }
    }
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The answer of a Toss that has broken down inside.
pub(crate) fn broken() -> Answer {
    Answer::error(FAILED_INTERNAL_SYSTEM_PROCESSING, Language::Korean)
}
