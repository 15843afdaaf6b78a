//! The HTTP client. One call is one request: it never repeats by itself and never follows a redirect, because a POST
//! that is sent twice by a library would be sent twice unrecorded.

use std::{error::Error as _, fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, Response, Url, header, redirect};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Answer,
    wire::{NoAnswer, Reply, read_answer},
};
use crate::payment::PaymentKey;

/// No official number exists for connecting; Toss's glossary blames firewalls when it takes longer.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Toss names 60 s for its slowest approvals and queries. A shorter limit would turn slow approvals into unknown ones.
pub const CALL_LIMIT: Duration = Duration::from_mins(1);
/// A Payment is about 2 KiB. More than this is not one.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long a pooled connection may idle. Shorter than servers usually keep theirs, so that we rarely write into a
/// connection that is being closed.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// A Toss secret key, with its kind read off its prefix. Shows itself only as a fingerprint.
#[derive(Clone)]
pub struct ApiKey {
    secret: SecretString,
    fingerprint: String,
    tag: i32,
    live: bool,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a Toss secret key starts with test_sk_, test_gsk_, live_sk_ or live_gsk_ and holds visible ASCII only")]
pub struct ApiKeyError;

impl ApiKey {
    pub fn parse(secret: SecretString) -> Result<Self, ApiKeyError> {
        let text = secret.expose_secret();
        let known = ["test_sk_", "test_gsk_", "live_sk_", "live_gsk_"];
        let rest = known.iter().find_map(|prefix| text.strip_prefix(prefix)).ok_or(ApiKeyError)?;
        if rest.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(ApiKeyError);
        }
        let live = text.starts_with("live_");
        let prefix = text.split('_').take(2).collect::<Vec<_>>().join("_");
        // A hash, so that attempts can be told apart by key while the key cannot be read back from them.
        let hash = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes()).as_fields().0;
        let fingerprint = format!("{prefix}:{hash:08x}");
        Ok(Self { secret, fingerprint, tag: hash.cast_signed(), live })
    }

    /// For logs and the attempts table.
    pub fn id(&self) -> &str {
        &self.fingerprint
    }

    /// The same as a number, for where a name is too long.
    pub fn tag(&self) -> i32 {
        self.tag
    }

    pub fn is_live(&self) -> bool {
        self.live
    }

    /// `Basic base64(secret + ":")`: the colon is required, the password is empty.
    fn authorization(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:", self.secret.expose_secret())))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BaseUrlError {
    #[error("it is not an absolute http or https URL without query and user")]
    NotABase,
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
}

/// Toss. Every call names the key it is signed with. Cloning shares the connections.
#[derive(Clone, Debug)]
pub struct Toss {
    http: reqwest::Client,
    base: Url,
}

impl Toss {
    /// A call is given up after `call_limit`: [`CALL_LIMIT`] but in tests.
    pub fn new(base: &str, call_limit: Duration) -> Result<Self, BaseUrlError> {
        let base: Url = base.parse().map_err(|_| BaseUrlError::NotABase)?;
        let plain = base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() || !plain {
            return Err(BaseUrlError::NotABase);
        }
        // ring is the one crypto provider of this build; a second install of the same is no news.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(call_limit)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(IDLE_LIMIT)
            .tcp_nodelay(true)
            .no_proxy()
            .user_agent(concat!("hanbeon/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(BaseUrlError::Client)?;
        Ok(Self { http, base })
    }

    /// `POST /v1/payments/confirm` with a stored body. The same key must always come with the same bytes.
    pub async fn confirm(&self, key: &ApiKey, request: Vec<u8>, idempotency_key: &str) -> Reply {
        self.post(key, &["v1", "payments", "confirm"], request, idempotency_key).await
    }

    /// `POST /v1/payments/{paymentKey}/cancel` with a stored body; the same holds for it.
    pub async fn cancel(
        &self,
        key: &ApiKey,
        payment_key: &PaymentKey,
        request: Vec<u8>,
        idempotency_key: &str,
    ) -> Reply {
        self.post(key, &["v1", "payments", payment_key.expose(), "cancel"], request, idempotency_key).await
    }

    /// `GET /v1/payments/{paymentKey}`
    pub async fn payment(&self, key: &ApiKey, payment_key: &PaymentKey) -> Reply {
        send(self.request(key, Method::GET, &["v1", "payments", payment_key.expose()])).await
    }

    async fn post(&self, key: &ApiKey, path: &[&str], request: Vec<u8>, idempotency_key: &str) -> Reply {
        let call = self
            .request(key, Method::POST, path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", idempotency_key)
            .body(request);
        send(call).await
    }

    fn request(&self, key: &ApiKey, method: Method, path: &[&str]) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path); // escapes every segment; a paymentKey cannot leave its place
        }
        let mut authorization = header::HeaderValue::from_str(&key.authorization())
            .unwrap_or_else(|_| header::HeaderValue::from_static("")); // base64 is always a header value
        authorization.set_sensitive(true);
        self.http.request(method, url).header(header::AUTHORIZATION, authorization)
    }
}

async fn send(request: reqwest::RequestBuilder) -> Reply {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Reply::NoAnswer(no_answer(&error)),
    };
    let http_status = response.status().as_u16();
    let trace_id = header_text(&response, "x-tosspayments-trace-id");
    // Only the form in seconds; the form with a date would need a clock we trust.
    let retry_after = header_text(&response, "retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let bytes = match read_body(response).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Reply::NoAnswer(NoAnswer::Unreadable { http_status }),
        Err(error) => return Reply::NoAnswer(no_answer(&error)),
    };
    match read_answer(http_status, &bytes) {
        Some(body) => Reply::Answer(Answer { http_status, trace_id, retry_after, body }),
        None => Reply::NoAnswer(NoAnswer::Unreadable { http_status }),
    }
}

async fn read_body(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > BODY_BYTES_MAX {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

fn header_text(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn no_answer(error: &reqwest::Error) -> NoAnswer {
    let no_answer = if error.is_connect() {
        NoAnswer::NotConnected
    } else if error.is_timeout() {
        NoAnswer::TimedOut
    } else {
        NoAnswer::Broken
    };
    // The chain without the URL: it holds a whole paymentKey.
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(source) = cause {
        causes.push(source.to_string());
        cause = source.source();
    }
    tracing::debug!(kind = no_answer.as_str(), causes = causes.join(": "), "Toss did not answer");
    no_answer
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
