//! What the simulator can be told at start: where it listens, who its merchants are, how long it takes, and the
//! [`Switches`].
//!
//! Everything is checked before the first connection is taken. Keys must be test keys in matching pairs: a live key
//! means that somebody is about to run a real shop against a stand-in, so the simulator refuses to start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::merchants::{KeyPair, Merchant};
use crate::switches::Switches;

pub const DEFAULT_ADDR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8090);

/// The keys of the default merchant. They are made up, public, and good for nothing but this simulator.
pub const DEFAULT_CLIENT_KEY: &str = "test_ck_hB7onQ2vXk9LrT4mZy6WdPc3";
pub const DEFAULT_SECRET_KEY: &str = "test_sk_hB5uEw8sJf1NgA7qRx0VtKb2";
/// The default merchant's pair for payment widgets.
pub const DEFAULT_WIDGET_CLIENT_KEY: &str = "test_gck_hB3yHp6cMz8SdU1jFo5QeLa9";
pub const DEFAULT_WIDGET_SECRET_KEY: &str = "test_gsk_hB9tGi4xCn2RwD7kYv6BsJm0";

#[derive(Debug, Clone)]
pub struct Settings {
    pub addr: SocketAddr,
    /// The address shoppers' browsers use, without a slash at the end. None: the one the listener is bound to.
    pub public_url: Option<String>,
    pub merchants: Vec<Merchant>,
    /// Where webhooks about payments and deposits go from the start. None: nowhere, until somebody registers.
    pub webhook_url: Option<String>,
    pub latency: Latency,
    pub switches: Switches,
    /// A JSON array of rules that are there from the start.
    pub rules_file: Option<PathBuf>,
}

/// How long a confirm takes, drawn evenly from the range, and on which side of the wait the money moves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    pub min: Duration,
    pub max: Duration,
    pub effect: Effect,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    Before,
    #[default]
    After,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    #[error("{name} is not valid: {why}")]
    Variable { name: String, why: String },
    #[error("SIMULATOR_CLIENT_KEY and SIMULATOR_SECRET_KEY belong together: set both or neither")]
    HalfAPair,
    #[error("the key of merchant {merchant} starts with `live_`: the simulator only takes test keys of its own")]
    LiveKey { merchant: String },
    #[error("merchant {merchant} needs key pairs test_ck_ with test_sk_, or test_gck_ with test_gsk_")]
    KeyPair { merchant: String },
    #[error("two merchants or pairs share a key")]
    SharedKey,
    #[error("there are at most {0} key pairs")]
    TooManyKeys(usize),
    #[error("a merchant id has 1 to 14 characters, and there is at least one merchant with a key pair")]
    Merchant,
    #[error("the shortest latency is longer than the longest, or the longest is over {0:?}")]
    Latency(Duration),
}

/// No answer takes longer than this: Toss's own longest documented call is 60 s.
pub(crate) const LATENCY_MAX: Duration = Duration::from_mins(10);

impl Default for Settings {
    fn default() -> Self {
        Self {
            addr: DEFAULT_ADDR,
            public_url: None,
            merchants: vec![Merchant::default()],
            webhook_url: None,
            latency: Latency::default(),
            switches: Switches::default(),
            rules_file: None,
        }
    }
}

impl Settings {
    /// Reads `SIMULATOR_ADDR`, `SIMULATOR_PUBLIC_URL`, `SIMULATOR_CLIENT_KEY`, `SIMULATOR_SECRET_KEY`,
    /// `SIMULATOR_WEBHOOK_URL`, `SIMULATOR_RULES_FILE` and the switches; what is not set has its default.
    pub fn from_env() -> Result<Self, SettingsError> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
        Self::from_variables(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        if let Some(addr) = read("SIMULATOR_ADDR") {
            settings.addr = addr.parse().map_err(|_| SettingsError::Variable {
                name: "SIMULATOR_ADDR".to_owned(),
                why: format!("`{addr}` is not an address like 127.0.0.1:8090"),
            })?;
        }
        settings.public_url = read("SIMULATOR_PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned());
        match (read("SIMULATOR_CLIENT_KEY"), read("SIMULATOR_SECRET_KEY")) {
            (Some(client), Some(secret)) => {
                settings.merchants = vec![Merchant { keys: vec![KeyPair { client, secret }], ..Merchant::default() }];
            }
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => return Err(SettingsError::HalfAPair),
        }
        settings.switches = Switches::from_variables(&read)?;
        settings.webhook_url = read("SIMULATOR_WEBHOOK_URL");
        settings.rules_file = read("SIMULATOR_RULES_FILE").map(PathBuf::from);
        settings.check()?;
        Ok(settings)
    }

    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        for (name, url) in [("SIMULATOR_PUBLIC_URL", &self.public_url), ("SIMULATOR_WEBHOOK_URL", &self.webhook_url)] {
            if let Some(url) = url
                && !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
            {
                let why = format!("`{url}` is not an address like https://pay.example");
                return Err(SettingsError::Variable { name: name.to_owned(), why });
            }
        }
        let mut keys = Vec::new();
        for merchant in &self.merchants {
            merchant.check()?;
            keys.extend(merchant.keys.iter().flat_map(|pair| [&pair.client, &pair.secret]));
        }
        let count = keys.len();
        keys.sort();
        keys.dedup();
        if keys.len() < count {
            return Err(SettingsError::SharedKey);
        }
        if keys.is_empty() {
            return Err(SettingsError::Merchant);
        }
        self.latency.check()
    }
}

impl Latency {
    pub(crate) fn check(self) -> Result<(), SettingsError> {
        if self.min <= self.max && self.max <= LATENCY_MAX { Ok(()) } else { Err(SettingsError::Latency(LATENCY_MAX)) }
    }

    pub(crate) fn draw(self) -> Duration {
        if self.min == self.max { self.min } else { rand::random_range(self.min..=self.max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_variables(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn an_empty_environment_gives_the_default_merchant_on_the_default_address() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.addr.to_string(), "127.0.0.1:8090");
        assert_eq!(settings.merchants[0].keys[0].secret, DEFAULT_SECRET_KEY);
    }

    #[test]
    fn live_keys_are_refused_and_halves_and_mixed_pairs_too() {
        let check = |client, secret, expected| {
            let refused = read(&[("SIMULATOR_CLIENT_KEY", client), ("SIMULATOR_SECRET_KEY", secret)]).unwrap_err();
            assert_eq!(refused, expected, "{client} {secret}");
        };
        let merchant = Merchant::default().id;
        check("test_ck_a", "live_sk_a", SettingsError::LiveKey { merchant: merchant.clone() });
        check("live_gck_a", "test_gsk_a", SettingsError::LiveKey { merchant: merchant.clone() });
        check("test_ck_a", "test_gsk_a", SettingsError::KeyPair { merchant: merchant.clone() });
        check("test_sk_a", "test_ck_a", SettingsError::KeyPair { merchant });
        assert_eq!(read(&[("SIMULATOR_CLIENT_KEY", "test_ck_a")]).unwrap_err(), SettingsError::HalfAPair);
    }

    #[test]
    fn a_wrong_variable_is_named_with_what_would_be_right() {
        let why = read(&[("SIMULATOR_ADDR", "localhost")]).unwrap_err().to_string();
        assert!(why.contains("SIMULATOR_ADDR") && why.contains("127.0.0.1:8090"), "{why}");
        let why = read(&[("SIMULATOR_PUBLIC_URL", "pay.example")]).unwrap_err().to_string();
        assert!(why.contains("SIMULATOR_PUBLIC_URL") && why.contains("https://"), "{why}");
        let why = read(&[("SIMULATOR_WEBHOOK_URL", "shop.example")]).unwrap_err().to_string();
        assert!(why.contains("SIMULATOR_WEBHOOK_URL") && why.contains("https://"), "{why}");
        let why = read(&[("SIMULATOR_MISMATCH", "TEAPOT")]).unwrap_err().to_string();
        assert!(why.contains("SIMULATOR_MISMATCH") && why.contains("FORBIDDEN_REQUEST"), "{why}");
    }
}
