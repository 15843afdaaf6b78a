//! Whom the suite asks.

use simulator::{DEFAULT_SECRET_KEY, DEFAULT_WIDGET_SECRET_KEY};

#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// None: a simulator of our own for each case.
    pub(crate) base: Option<String>,
    pub(crate) secret_key: String,
    pub(crate) widget_secret_key: Option<String>,
}

impl Target {
    #[expect(clippy::disallowed_methods, reason = "the settings of the suite are read here and nowhere else")]
    pub(crate) fn from_env() -> Self {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match read("CONTRACT_BASE_URL") {
            Some(base) => Self {
                base: Some(base.trim_end_matches('/').to_owned()),
                secret_key: read("CONTRACT_SECRET_KEY").expect("CONTRACT_BASE_URL needs CONTRACT_SECRET_KEY beside it"),
                widget_secret_key: read("CONTRACT_WIDGET_SECRET_KEY"),
            },
            None => Self {
                base: None,
                secret_key: DEFAULT_SECRET_KEY.into(),
                widget_secret_key: Some(DEFAULT_WIDGET_SECRET_KEY.into()),
            },
        }
    }

    /// A suite that asks an address with a live key would move money.
    pub(crate) fn refuse_live_keys(&self) {
        for key in [Some(&self.secret_key), self.widget_secret_key.as_ref()].into_iter().flatten() {
            assert!(key.starts_with("test_"), "the contract suite takes only test keys");
        }
    }
}
