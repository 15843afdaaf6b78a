//! Settings come from the environment, are read once, and are checked before anything starts.
//!
//! Each binary has its own struct made from an [`Env`]. Reading goes on after a mistake, so that one start tells all of
//! them. A secret `X` may also be given as a file named by `X_FILE`.

use std::{collections::HashMap, fmt, str::FromStr};

use secrecy::SecretString;

use crate::toss::ApiKey;

/// Everything that is wrong with the environment, one line each.
#[derive(Debug, thiserror::Error)]
pub struct SettingsError(Vec<String>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot start with these settings:")?;
        for line in &self.0 {
            write!(f, "\n  - {line}")?;
        }
        Ok(())
    }
}

/// A snapshot of the environment and the mistakes found in it so far.
#[derive(Default)]
pub struct Env {
    variables: HashMap<String, String>,
    mistakes: Vec<String>,
}

impl Env {
    /// The process' environment. Empty variables count as unset.
    pub fn of_process() -> Self {
        Self::from_pairs(std::env::vars())
    }

    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut variables: HashMap<String, String> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        variables.retain(|_, value| !value.is_empty());
        Self { variables, mistakes: Vec::new() }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The variable, or `default` where it is unset or does not parse; the latter is a mistake.
    pub fn parse<T: FromStr>(&mut self, name: &str, default: T, wanted: &str) -> T {
        match self.text(name).map(str::parse) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.mistake(format!("{name} is not {wanted}"));
                default
            }
        }
    }

    /// A secret by value or by file. Naming both is a mistake, because one of them is out of date.
    pub fn secret(&mut self, name: &str) -> Option<SecretString> {
        let file_name = format!("{name}_FILE");
        match (self.text(name).map(str::to_owned), self.text(&file_name).map(str::to_owned)) {
            (Some(value), None) => Some(value.into()),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(content) => Some(content.trim_end_matches(['\r', '\n']).to_owned().into()),
                Err(error) => {
                    self.mistake(format!("{file_name}: {error}"));
                    None
                }
            },
            (None, None) => None,
            (Some(_), Some(_)) => {
                self.mistake(format!("{name} and {file_name} are both set; give one"));
                None
            }
        }
    }

    pub fn required_secret(&mut self, name: &str) -> SecretString {
        let mistakes_before = self.mistakes.len();
        let secret = self.secret(name);
        if secret.is_none() && self.mistakes.len() == mistakes_before {
            self.mistake(format!("{name} (or {name}_FILE) is not set"));
        }
        secret.unwrap_or_default()
    }

    pub fn mistake(&mut self, mistake: impl Into<String>) {
        self.mistakes.push(mistake.into());
    }

    /// Fails if anything was wrong so far.
    pub fn check(&mut self) -> Result<(), SettingsError> {
        let mistakes = std::mem::take(&mut self.mistakes);
        if mistakes.is_empty() { Ok(()) } else { Err(SettingsError(mistakes)) }
    }

    /// `value` if nothing was wrong.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, SettingsError> {
        match value {
            Some(value) if self.mistakes.is_empty() => Ok(value),
            _ => Err(SettingsError(self.mistakes)),
        }
    }
}

/// Is this Toss itself, over TLS? Only there may a live key be used.
pub fn is_toss(url: &str, host: &str) -> bool {
    url.strip_prefix("https://")
        .and_then(|rest| rest.strip_prefix(host))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Do a client key and a secret key belong to one kind of integration? Widget keys (`gck`, `gsk`) and API keys (`ck`,
/// `sk`), live and test, must not be mixed: Toss answers `INVALID_API_KEY`, and only once somebody pays.
pub fn is_pair(client_key: &str, secret_key: &ApiKey) -> bool {
    let kind = secret_key.id().split(':').next().unwrap_or_default().replace("sk", "ck");
    client_key.strip_prefix(&kind).is_some_and(|rest| rest.starts_with('_') && rest.len() > 1)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::{Env, is_pair, is_toss};
    use crate::toss::ApiKey;

    #[test]
    fn every_mistake_is_told_at_once() {
        let mut env = Env::from_pairs([("PORT", "many"), ("A", "1"), ("A_FILE", "/nowhere"), ("B_FILE", "/nowhere/b")]);
        assert_eq!(env.parse("PORT", 80_u16, "a port"), 80);
        assert_eq!(env.parse("UNSET", 81_u16, "a port"), 81);
        env.required_secret("A");
        env.required_secret("B");
        env.required_secret("C");
        let told = env.finish(Some(())).unwrap_err().to_string();
        assert_eq!(told.lines().count(), 5, "{told}");
        for part in ["PORT is not a port", "A and A_FILE are both set", "B_FILE: ", "C (or C_FILE) is not set"] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_secret_file_loses_its_line_end_and_nothing_else() {
        let file = std::env::temp_dir().join(format!("hanbeon-secret-{}", std::process::id()));
        std::fs::write(&file, " with spaces \r\n").unwrap();
        let mut env = Env::from_pairs([("S_FILE", file.to_str().unwrap())]);
        assert_eq!(env.required_secret("S").expose_secret(), " with spaces ");
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn only_toss_over_tls_is_toss() {
        let host = "api.tosspayments.com";
        assert!(is_toss("https://api.tosspayments.com", host));
        assert!(is_toss("https://api.tosspayments.com/", host));
        for url in [
            "http://api.tosspayments.com",
            "https://api.tosspayments.com.evil.example",
            "https://evil.example/https://api.tosspayments.com",
            "https://api.tosspayments.com@evil.example",
            "http://127.0.0.1:8090",
        ] {
            assert!(!is_toss(url, host), "{url}");
        }
    }

    #[test]
    fn keys_of_different_kinds_are_no_pair() {
        let secret = |text: &str| ApiKey::parse(text.to_owned().into()).unwrap();
        assert!(is_pair("test_ck_a", &secret("test_sk_b")));
        assert!(is_pair("live_gck_a", &secret("live_gsk_b")));
        for client in ["test_gck_a", "live_ck_a", "test_sk_a", "test_ck_", "test_ck", ""] {
            assert!(!is_pair(client, &secret("test_sk_b")), "{client}");
        }
    }
}
