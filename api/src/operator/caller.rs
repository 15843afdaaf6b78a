//! Who calls the operator's JSON API: the shop's own server, by its key, or an operator, by the session of the pages.

use std::fmt;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Method, header, request::Parts},
};
use secrecy::{ExposeSecret, SecretString};
use shared::cancel::Actor;
use subtle::ConstantTimeEq;

use super::{Operator, account::sha256};
use crate::{AppState, every_request::note_caller, problem::Problem};

/// Shorter keys can be guessed.
pub(crate) const SERVER_KEY_CHARACTERS_MIN: usize = 32;
/// A session may only change something together with this header, which no form of another site can set.
const CSRF_HEADER: &str = "x-csrf-token";

#[derive(Clone)]
pub struct ServerKey(SecretString);

impl ServerKey {
    pub(crate) fn new(key: SecretString) -> Option<Self> {
        let text = key.expose_secret();
        let fits = text.len() >= SERVER_KEY_CHARACTERS_MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then_some(Self(key))
    }

    /// Over hashes, so the time tells neither the key nor its length.
    fn is(&self, sent: &str) -> bool {
        sha256(&[self.0.expose_secret().as_bytes()]).ct_eq(&sha256(&[sent.as_bytes()])).into()
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Proof that the caller may see and change all orders.
pub(crate) enum Caller {
    Operator(Operator),
    Server,
}

impl Caller {
    /// For the order's history.
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::Operator(_) => Actor::Operator,
            Self::Server => Actor::Server,
        }
    }

    /// For logs and records.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Operator(operator) => operator.name(),
            Self::Server => "server",
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let caller = match (parts.headers.get(header::AUTHORIZATION), &state.access.server_key) {
            (Some(sent), Some(key)) if bearer(sent.to_str().unwrap_or_default()).is_some_and(|sent| key.is(sent)) => {
                Self::Server
            }
            // Whoever shows a key means it: a wrong one is not made up for by a cookie.
            (Some(_), _) => return Err(Problem::Unauthorized),
            (None, _) => {
                let operator = state.access.operator(&state.pool, &parts.headers).await?;
                let operator = operator.ok_or(Problem::Unauthorized)?;
                let is_safe = matches!(parts.method, Method::GET | Method::HEAD);
                if !is_safe && !operator.token.is_csrf(csrf_header(&parts.headers)) {
                    return Err(Problem::StaleForm);
                }
                Self::Operator(operator)
            }
        };
        note_caller(caller.name());
        Ok(caller)
    }
}

fn csrf_header(headers: &HeaderMap) -> &str {
    headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, rest) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::{ServerKey, bearer};

    #[test]
    fn only_the_exact_key_is_the_servers() {
        let key = ServerKey::new("k".repeat(32).into()).unwrap();
        assert!(key.is(&"k".repeat(32)));
        for sent in ["", &"k".repeat(31), &"k".repeat(33), &"K".repeat(32)] {
            assert!(!key.is(sent), "{sent}");
        }
        for weak in ["", &"k".repeat(31), &format!("{} ", "k".repeat(32)), &"키".repeat(32)] {
            assert!(ServerKey::new(weak.to_owned().into()).is_none(), "{weak}");
        }
    }

    #[test]
    fn only_the_bearer_scheme_is_read() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for header in ["", "Bearer", "Basic abc", "abc"] {
            assert_eq!(bearer(header), None, "{header}");
        }
    }
}
