//! Who may call: merchants, their key pairs, and reading the `Authorization` header.
//!
//! A merchant has one pair for the payment window (`ck`/`sk`) and may have one for payment widgets (`gck`/`gsk`). A
//! payment belongs to the pair whose client key opened it; confirming it with another pair is `INVALID_API_KEY`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::errors::{Code, INCORRECT_BASIC_AUTH_FORMAT, INVALID_API_KEY, UNAUTHORIZED_KEY};
use crate::settings::{DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY};

#[derive(Debug, Clone)]
pub struct Merchant {
    /// Toss's `mId`, at most 14 characters; paymentKeys start with its first five.
    pub id: String,
    pub keys: Vec<KeyPair>,
}

#[derive(Debug, Clone)]
pub struct KeyPair {
    pub client: String,
    pub secret: String,
}

impl Default for Merchant {
    fn default() -> Self {
        let pair = |client: &str, secret: &str| KeyPair { client: client.to_owned(), secret: secret.to_owned() };
        Self {
            id: "tsim_hanbeon".to_owned(),
            keys: vec![
                pair(DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY),
                pair(DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY),
            ],
        }
    }
}

impl KeyPair {
    pub(crate) fn matches(&self) -> bool {
        [("test_ck_", "test_sk_"), ("test_gck_", "test_gsk_")]
            .iter()
            .any(|(client, secret)| self.client.starts_with(client) && self.secret.starts_with(secret))
    }
}

/// One key pair of one merchant, as a caller or as the owner of a payment.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) merchant_id: Arc<str>,
    pub(crate) secret_key: Arc<str>,
}

impl Owner {
    pub(crate) fn same_merchant(&self, other: &Self) -> bool {
        self.merchant_id == other.merchant_id
    }

    pub(crate) fn same_pair(&self, other: &Self) -> bool {
        self.secret_key == other.secret_key
    }
}

#[derive(Debug)]
pub(crate) struct Merchants {
    by_secret: HashMap<String, Owner>,
    by_client: HashMap<String, Owner>,
    first: Option<Owner>,
}

impl Merchants {
    pub(crate) fn new(merchants: &[Merchant]) -> Self {
        let mut known = Self { by_secret: HashMap::new(), by_client: HashMap::new(), first: None };
        for merchant in merchants {
            for pair in &merchant.keys {
                let owner = Owner { merchant_id: merchant.id.as_str().into(), secret_key: pair.secret.as_str().into() };
                known.by_secret.insert(pair.secret.clone(), owner.clone());
                known.by_client.insert(pair.client.clone(), owner.clone());
                known.first.get_or_insert(owner);
            }
        }
        known
    }

    /// The pair of this client key, or the first pair of all when none is named.
    pub(crate) fn client(&self, client_key: Option<&str>) -> Option<&Owner> {
        client_key.map_or(self.first.as_ref(), |key| self.by_client.get(key))
    }

    /// The merchant of this id, or the first when none is named.
    pub(crate) fn id(&self, merchant_id: Option<&str>) -> Option<Arc<str>> {
        let mut owners = self.first.iter().chain(self.by_secret.values());
        let owner = owners.find(|owner| merchant_id.is_none_or(|id| id == &*owner.merchant_id))?;
        Some(Arc::clone(&owner.merchant_id))
    }

    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Owner, Code> {
        let header = headers.get(AUTHORIZATION).ok_or(UNAUTHORIZED_KEY)?;
        let secret = secret_key(header.as_bytes()).ok_or(INCORRECT_BASIC_AUTH_FORMAT)?;
        match self.by_secret.get(&secret) {
            Some(owner) => Ok(owner.clone()),
            None if secret.starts_with("live_") => Err(INVALID_API_KEY),
            None => Err(UNAUTHORIZED_KEY),
        }
    }
}

/// The secret key of `Basic base64(secretKey + ":")`; nothing after the colon, no other scheme, padded base64.
fn secret_key(header: &[u8]) -> Option<String> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    credentials.strip_suffix(':').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorization_header_decides_format_first_and_key_second() {
        let merchants = Merchants::new(&[Merchant::default()]);
        let check = |header: Option<String>, expected: Option<Code>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = &header {
                headers.insert(AUTHORIZATION, header.parse().unwrap());
            }
            assert_eq!(merchants.authenticate(&headers).err(), expected, "{header:?}");
        };
        let basic = |text: &str| Some(format!("Basic {}", STANDARD.encode(text)));
        check(basic(&format!("{DEFAULT_SECRET_KEY}:")), None);
        check(basic(&format!("{DEFAULT_WIDGET_SECRET_KEY}:")), None);
        check(None, Some(UNAUTHORIZED_KEY));
        check(basic("test_sk_nobody:"), Some(UNAUTHORIZED_KEY));
        check(basic(&format!("{DEFAULT_CLIENT_KEY}:")), Some(UNAUTHORIZED_KEY));
        check(basic("live_sk_somebody:"), Some(INVALID_API_KEY));
        check(basic(DEFAULT_SECRET_KEY), Some(INCORRECT_BASIC_AUTH_FORMAT));
        check(basic(&format!("\u{feff}{DEFAULT_SECRET_KEY}")), Some(INCORRECT_BASIC_AUTH_FORMAT));
        check(Some(format!("Bearer {DEFAULT_SECRET_KEY}")), Some(INCORRECT_BASIC_AUTH_FORMAT));
        check(Some("Basic !!!".to_owned()), Some(INCORRECT_BASIC_AUTH_FORMAT));
        check(Some("Basic".to_owned()), Some(INCORRECT_BASIC_AUTH_FORMAT));
    }
}
