//! Who may call: merchants, their key pairs, and reading the `Authorization` header.
//!
//! A merchant has one pair for the payment window (`ck`/`sk`) and may have one for payment widgets (`gck`/`gsk`). A
//! payment belongs to the pair whose client key opened it; confirming it with another pair is `INVALID_API_KEY`.
//! A pair's secret key can be replaced while the simulator runs, with both valid for a time, or revoked at once.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use time::{Duration, OffsetDateTime};

use crate::errors::{Code, INCORRECT_BASIC_AUTH_FORMAT, INVALID_API_KEY, UNAUTHORIZED_KEY};
use crate::keys;
use crate::lock::Lock;
use crate::settings::{
    DEFAULT_CLIENT_KEY, DEFAULT_SECRET_KEY, DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY, SettingsError,
};

/// Opening a payment looks through all of them, so there are few.
const PAIRS_MAX: usize = 1_000;
const OLD_SECRET_LASTS: Duration = Duration::days(7);

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

impl Merchant {
    /// Whether its id and keys are of Toss's form, and for tests.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if !(1..=14).contains(&self.id.len()) || self.keys.is_empty() {
            return Err(SettingsError::Merchant);
        }
        for pair in &self.keys {
            if pair.client.starts_with("live_") || pair.secret.starts_with("live_") {
                return Err(SettingsError::LiveKey { merchant: self.id.clone() });
            }
            if !pair.matches() {
                return Err(SettingsError::KeyPair { merchant: self.id.clone() });
            }
        }
        Ok(())
    }
}

impl KeyPair {
    fn matches(&self) -> bool {
        [("test_ck_", "test_sk_"), ("test_gck_", "test_gsk_")]
            .iter()
            .any(|(client, secret)| self.client.starts_with(client) && self.secret.starts_with(secret))
    }
}

/// One key pair of one merchant, as a caller or as the owner of a payment. The client key names the pair, because the
/// secret one changes.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) merchant_id: Arc<str>,
    pub(crate) client_key: Arc<str>,
    /// The one that was shown, or the first of the pair.
    pub(crate) secret_key: Arc<str>,
}

impl Owner {
    pub(crate) fn same_merchant(&self, other: &Self) -> bool {
        self.merchant_id == other.merchant_id
    }

    pub(crate) fn same_pair(&self, other: &Self) -> bool {
        self.client_key == other.client_key
    }
}

#[derive(Debug)]
pub(crate) struct Merchants {
    at_start: Vec<Merchant>,
    table: Lock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// In the order they came; the first is the default.
    owners: Vec<Owner>,
    by_secret: HashMap<Arc<str>, Secret>,
}

#[derive(Debug)]
struct Secret {
    owner: Owner,
    /// None: for ever.
    until: Option<OffsetDateTime>,
}

/// One pair as the control API shows it.
pub(crate) struct Pair {
    pub(crate) merchant_id: Arc<str>,
    pub(crate) client_key: Arc<str>,
    pub(crate) secrets: Vec<(Arc<str>, Option<OffsetDateTime>)>,
}

impl Merchants {
    pub(crate) fn new(merchants: &[Merchant]) -> Self {
        let known = Self { at_start: merchants.to_vec(), table: Lock::default() };
        known.reset();
        known
    }

    pub(crate) fn reset(&self) {
        self.table.with(|table| {
            *table = Table::default();
            self.at_start.iter().for_each(|merchant| table.add(merchant));
        });
    }

    /// The merchant of this id, or the first when none is named.
    pub(crate) fn id(&self, merchant_id: Option<&str>) -> Option<Arc<str>> {
        self.table.with(|table| {
            let mut owners = table.owners.iter();
            let owner = owners.find(|owner| merchant_id.is_none_or(|id| id == &*owner.merchant_id))?;
            Some(Arc::clone(&owner.merchant_id))
        })
    }

    /// A new merchant, or more keys for one that is known. All of them or none.
    pub(crate) fn add(&self, merchant: &Merchant) -> Result<(), SettingsError> {
        merchant.check()?;
        self.table.with(|table| {
            let pairs = &merchant.keys;
            let taken = pairs.iter().enumerate().any(|(at, pair)| {
                let earlier =
                    pairs.iter().take(at).any(|other| other.client == pair.client || other.secret == pair.secret);
                earlier || table.owner(&pair.client).is_some() || table.by_secret.contains_key(pair.secret.as_str())
            });
            if taken {
                return Err(SettingsError::SharedKey);
            }
            if table.owners.len() + pairs.len() > PAIRS_MAX {
                return Err(SettingsError::TooManyKeys(PAIRS_MAX));
            }
            table.add(merchant);
            Ok(())
        })
    }

    /// The pair of this client key, or the first pair of all when none is named.
    pub(crate) fn client(&self, client_key: Option<&str>) -> Option<Owner> {
        self.table.with(|table| client_key.map_or(table.owners.first(), |key| table.owner(key)).cloned())
    }

    pub(crate) fn authenticate(&self, headers: &HeaderMap, now: OffsetDateTime) -> Result<Owner, Code> {
        headers.get(AUTHORIZATION).ok_or(UNAUTHORIZED_KEY)?;
        let secret = shown(headers).ok_or(INCORRECT_BASIC_AUTH_FORMAT)?;
        let found = self.table.with(|table| {
            table.by_secret.get(secret.as_str()).filter(|found| found.is_valid(now)).map(|found| found.owner.clone())
        });
        match found {
            Some(owner) => Ok(owner),
            None if secret.starts_with("live_") => Err(INVALID_API_KEY),
            None => Err(UNAUTHORIZED_KEY),
        }
    }

    /// A new secret key for this pair. The old ones work for seven more days, as at Toss. Gives the new key and the end
    /// of the old ones.
    pub(crate) fn rotate(&self, client_key: &str, now: OffsetDateTime) -> Option<(Arc<str>, OffsetDateTime)> {
        self.table.with(|table| {
            let owner = table.owner(client_key)?.clone();
            let prefix = if client_key.starts_with("test_gck_") { "test_gsk_" } else { "test_sk_" };
            let secret: Arc<str> = keys::merchant_key(prefix).into();
            let until = now + OLD_SECRET_LASTS;
            table.by_secret.retain(|_, old| old.is_valid(now));
            for old in table.by_secret.values_mut().filter(|old| old.owner.same_pair(&owner)) {
                old.until.get_or_insert(until);
            }
            let owner = Owner { secret_key: Arc::clone(&secret), ..owner };
            table.by_secret.insert(Arc::clone(&secret), Secret { owner, until: None });
            Some((secret, until))
        })
    }

    /// Ends a secret key at once; false when it is unknown.
    pub(crate) fn revoke(&self, secret_key: &str) -> bool {
        self.table.with(|table| table.by_secret.remove(secret_key).is_some())
    }

    pub(crate) fn pairs(&self, now: OffsetDateTime) -> Vec<Pair> {
        self.table.with(|table| {
            let pair = |owner: &Owner| {
                let mut secrets: Vec<_> = table
                    .by_secret
                    .iter()
                    .filter(|(_, secret)| secret.owner.same_pair(owner) && secret.is_valid(now))
                    .map(|(key, secret)| (Arc::clone(key), secret.until))
                    .collect();
                secrets.sort();
                Pair { merchant_id: Arc::clone(&owner.merchant_id), client_key: Arc::clone(&owner.client_key), secrets }
            };
            table.owners.iter().map(pair).collect()
        })
    }
}

impl Secret {
    fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Table {
    fn add(&mut self, merchant: &Merchant) {
        for pair in &merchant.keys {
            let owner = Owner {
                merchant_id: merchant.id.as_str().into(),
                client_key: pair.client.as_str().into(),
                secret_key: pair.secret.as_str().into(),
            };
            self.by_secret.insert(Arc::clone(&owner.secret_key), Secret { owner: owner.clone(), until: None });
            self.owners.push(owner);
        }
    }

    fn owner(&self, client_key: &str) -> Option<&Owner> {
        self.owners.iter().find(|owner| *owner.client_key == *client_key)
    }
}

/// The secret key that a request shows, known or not.
pub(crate) fn shown(headers: &HeaderMap) -> Option<String> {
    secret_key(headers.get(AUTHORIZATION)?.as_bytes())
}

/// Padded or not: a published client library (tosspayments-rs) leaves the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The secret key of `Basic base64(secretKey + ":")`; nothing after the colon, no other scheme.
fn secret_key(header: &[u8]) -> Option<String> {
    let (scheme, encoded) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let credentials = String::from_utf8(LENIENT.decode(encoded.trim()).ok()?).ok()?;
    credentials.strip_suffix(':').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_authorization_header_decides_format_first_and_key_second() {
        let merchants = Merchants::new(&[Merchant::default()]);
        let check = |header: Option<String>, expected: Option<Code>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = &header {
                headers.insert(AUTHORIZATION, header.parse().unwrap());
            }
            assert_eq!(merchants.authenticate(&headers, datetime!(2026-09-01 12:00 +9)).err(), expected, "{header:?}");
        };
        let basic = |text: &str| Some(format!("Basic {}", LENIENT.encode(text)));
        check(basic(&format!("{DEFAULT_SECRET_KEY}:")), None);
        check(basic(&format!("{DEFAULT_WIDGET_SECRET_KEY}:")), None);
        check(None, Some(UNAUTHORIZED_KEY));
        check(basic("test_sk_nobody:"), Some(UNAUTHORIZED_KEY));
        check(basic("test_sk_pads:").map(|header| header.trim_end_matches('=').to_owned()), Some(UNAUTHORIZED_KEY));
        check(basic(&format!("{DEFAULT_CLIENT_KEY}:")), Some(UNAUTHORIZED_KEY));
        check(basic("live_sk_somebody:"), Some(INVALID_API_KEY));
        check(basic(DEFAULT_SECRET_KEY), Some(INCORRECT_BASIC_AUTH_FORMAT));
        check(basic(&format!("\u{feff}{DEFAULT_SECRET_KEY}")), Some(INCORRECT_BASIC_AUTH_FORMAT));
        check(Some(format!("Bearer {DEFAULT_SECRET_KEY}")), Some(INCORRECT_BASIC_AUTH_FORMAT));
        check(Some("Basic !!!".to_owned()), Some(INCORRECT_BASIC_AUTH_FORMAT));
        check(Some("Basic".to_owned()), Some(INCORRECT_BASIC_AUTH_FORMAT));
    }
}
