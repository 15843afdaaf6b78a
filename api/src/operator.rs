//! Who may see the list of orders: one operator, by HTTP Basic, over the shop's own TLS.
//!
//! The comparison takes the same time whatever was sent. There is no session and no cookie, so nothing of the
//! operator's can be used by another site: the routes behind this login only read.

use std::fmt;

use axum::{extract::FromRequestParts, http::header::AUTHORIZATION, http::request::Parts};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{AppState, problem::Problem};

/// Longer names and passwords are refused at the start, so every comparison is of this many bytes.
const PADDED_BYTES: usize = 512;

/// `user:password`, padded to one length.
#[derive(Clone)]
pub struct Credentials(SecretString);

impl Credentials {
    pub fn new(user: &str, password: &SecretString) -> Option<Self> {
        let password = password.expose_secret();
        let fits = !user.is_empty() && !password.is_empty() && user.len().max(password.len()) <= 250;
        (fits && !user.contains(':')).then(|| Self(format!("{user}:{password}").into()))
    }

    fn admit(&self, sent: &[u8]) -> bool {
        let expected = self.0.expose_secret().as_bytes();
        let same_length = expected.len().to_le_bytes().ct_eq(&sent.len().to_le_bytes());
        bool::from(padded(expected).ct_eq(&padded(sent)) & same_length)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

fn padded(bytes: &[u8]) -> [u8; PADDED_BYTES] {
    let mut padded = [0; PADDED_BYTES];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    padded
}

/// Proof that the caller is the operator.
pub(crate) struct Operator;

impl FromRequestParts<AppState> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let sent = parts.headers.get(AUTHORIZATION).and_then(|value| basic(value.to_str().ok()?));
        match sent {
            Some(sent) if state.operator.admit(&sent) => Ok(Self),
            Some(_) | None => Err(Problem::Unauthorized),
        }
    }
}

fn basic(header: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(rest.trim()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Credentials, basic};

    #[test]
    fn only_the_exact_name_and_password_are_admitted() {
        let operator = Credentials::new("operator", &"pass:word".to_owned().into()).unwrap();
        assert!(operator.admit(b"operator:pass:word"));
        let long = [b"operator:pass:word".as_slice(), &[0; 600]].concat();
        for sent in [b"".as_slice(), b"operator:", b"operator:pass:word\0", b"operator:pass:wore", b"x", &long] {
            assert!(!operator.admit(sent));
        }
    }

    #[test]
    fn only_the_basic_scheme_is_read() {
        assert_eq!(basic("Basic b3A6cHc=").as_deref(), Some(b"op:pw".as_slice()));
        assert_eq!(basic("basic b3A6cHc=").as_deref(), Some(b"op:pw".as_slice()));
        for header in ["", "Basic", "Basic ???", "Bearer b3A6cHc="] {
            assert_eq!(basic(header), None, "{header}");
        }
    }
}
