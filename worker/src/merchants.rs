//! Which merchants' payments the secrets at hand have shown. The database keeps it for all workers; this is one worker's view
//! of it, at most a second old.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::{merchant::ShownMerchant, telemetry::chain};
use sqlx::PgPool;
use tokio::time::Instant;

/// How often it is written down that a merchant is still shown.
const NOTE_EVERY: Duration = Duration::from_mins(1);

/// How long a start waits for them.
const READ_LIMIT: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, Default)]
pub(crate) struct Merchants(Arc<Mutex<View>>);

#[derive(Debug, Default)]
struct View {
    /// With the time at which this worker wrote it down last.
    shown: HashMap<ShownMerchant, Option<Instant>>,
    newest: Option<String>,
    /// The database was read: before that, nothing is known of any secret.
    is_read: bool,
}

impl Merchants {
    /// Would this secret show a payment of this merchant, or where that is not known, of the one that was shown last? As long
    /// as no payment of ours was ever shown, no other secret was ever used.
    pub(crate) fn is_proven(&self, api_key_id: &str, m_id: Option<&str>) -> bool {
        let view = self.lock();
        let Some(m_id) = m_id.or(view.newest.as_deref()) else { return view.is_read };
        let shown = ShownMerchant { api_key_id: api_key_id.to_owned(), m_id: m_id.to_owned() };
        view.shown.contains_key(&shown)
    }

    /// What the database says, the last one first.
    pub(crate) fn set(&self, shown: Vec<ShownMerchant>) {
        let mut view = self.lock();
        view.is_read = true;
        view.newest = shown.first().map(|shown| shown.m_id.clone());
        for shown in shown {
            view.shown.entry(shown).or_insert(None);
        }
    }

    /// Reads what the database says, before the first claim. Without an answer it is read later, and until then no secret is
    /// proven.
    pub(crate) async fn read(&self, pool: &PgPool) {
        match tokio::time::timeout(READ_LIMIT, shared::merchant::shown(pool)).await {
            Ok(Ok(shown)) => self.set(shown),
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "the merchants could not be read"),
            Err(_) => tracing::warn!("the merchants could not be read in time"),
        }
    }

    /// A payment of ours was shown.
    pub(crate) async fn note(&self, pool: &PgPool, shown: &ShownMerchant) {
        if !self.is_news(shown) {
            return;
        }
        if let Err(error) = shared::merchant::note(pool, shown).await {
            tracing::warn!(error = chain(&error), "a merchant could not be noted");
        }
    }

    fn is_news(&self, shown: &ShownMerchant) -> bool {
        let (mut view, now) = (self.lock(), Instant::now());
        view.newest = Some(shown.m_id.clone());
        let noted = view.shown.entry(shown.clone()).or_insert(None);
        let is_news = noted.is_none_or(|at| now - at >= NOTE_EVERY);
        if is_news {
            *noted = Some(now);
        }
        is_news
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, View> {
        // Every change leaves it as true as it was.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use shared::merchant::ShownMerchant;

    use super::Merchants;

    #[test]
    fn a_secret_proves_what_it_has_shown_and_nothing_else() {
        let shown = |api_key_id: &str, m_id: &str| ShownMerchant { api_key_id: api_key_id.into(), m_id: m_id.into() };
        let merchants = Merchants::default();
        assert!(!merchants.is_proven("ours", None), "nothing is known yet");
        merchants.set(Vec::new());
        assert!(merchants.is_proven("ours", None), "nothing was ever shown");
        merchants.set(vec![shown("ours", "shop"), shown("old", "shop"), shown("older", "former")]);
        for (key, m_id, proven) in [
            ("ours", None, true),
            ("old", None, true),
            ("older", None, false),
            ("older", Some("former"), true),
            ("ours", Some("former"), false),
            ("foreign", None, false),
            ("foreign", Some("shop"), false),
        ] {
            assert_eq!(merchants.is_proven(key, m_id), proven, "{key} {m_id:?}");
        }
        assert!(merchants.is_news(&shown("foreign", "shop")), "a new secret of our merchant");
        assert!(merchants.is_proven("foreign", None));
        assert!(!merchants.is_news(&shown("foreign", "shop")), "it was just written down");
    }
}
