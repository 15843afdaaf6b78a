//! Which merchants' payments the secrets at hand have shown, and the last one that was approved. The database keeps it for all
//! workers; this is one worker's view of it, at most a second old.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use shared::{
    merchant::{ShownMerchant, ShownPayment},
    payment::PaymentKey,
    telemetry::chain,
};
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
    /// The last approved payment that each secret has shown, and the last of all.
    approved: HashMap<String, PaymentKey>,
    last_approved: Option<PaymentKey>,
    /// When each secret last showed this worker one.
    shown_at: HashMap<String, Instant>,
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

    /// The last approved payment that this secret has shown, or where it has shown none, any secret.
    pub(crate) fn last_approved(&self, api_key_id: &str) -> Option<PaymentKey> {
        let view = self.lock();
        view.approved.get(api_key_id).or(view.last_approved.as_ref()).cloned()
    }

    /// Has this secret shown a payment of ours so lately? Then Toss takes it.
    pub(crate) fn has_shown(&self, api_key_id: &str, within: Duration, now: Instant) -> bool {
        self.lock().shown_at.get(api_key_id).is_some_and(|at| now.saturating_duration_since(*at) < within)
    }

    /// What the database says, the last one first.
    pub(crate) fn set(&self, shown: Vec<ShownPayment>) {
        let mut view = self.lock();
        view.is_read = true;
        view.newest = shown.first().map(|shown| shown.merchant.m_id.clone());
        for ShownPayment { merchant, approved } in shown.into_iter().rev() {
            if let Some(payment) = approved {
                view.approved.insert(merchant.api_key_id.clone(), payment.clone());
                view.last_approved = Some(payment);
            }
            view.shown.entry(merchant).or_insert(None);
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
    pub(crate) async fn note(&self, pool: &PgPool, shown: &ShownPayment) {
        if !self.is_news(shown, Instant::now()) {
            return;
        }
        if let Err(error) = shared::merchant::note(pool, shown).await {
            tracing::warn!(error = chain(&error), "a merchant could not be noted");
        }
    }

    /// The first merchant and the first approved payment of a secret are news, and any once a minute.
    fn is_news(&self, ShownPayment { merchant, approved }: &ShownPayment, now: Instant) -> bool {
        let mut view = self.lock();
        view.newest = Some(merchant.m_id.clone());
        view.shown_at.insert(merchant.api_key_id.clone(), now);
        let is_first = approved.as_ref().is_some_and(|payment| {
            view.last_approved = Some(payment.clone());
            view.approved.insert(merchant.api_key_id.clone(), payment.clone()).is_none()
        });
        let noted = view.shown.entry(merchant.clone()).or_insert(None);
        let is_news = is_first || noted.is_none_or(|at| now - at >= NOTE_EVERY);
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
    use std::time::Duration;

    use shared::{
        merchant::{ShownMerchant, ShownPayment},
        payment::PaymentKey,
    };
    use tokio::time::Instant;

    use super::Merchants;

    fn shown(api_key_id: &str, m_id: &str, approved: Option<&str>) -> ShownPayment {
        ShownPayment {
            merchant: ShownMerchant { api_key_id: api_key_id.into(), m_id: m_id.into() },
            approved: approved.map(|key| PaymentKey::parse(key).unwrap()),
        }
    }

    #[test]
    fn a_secret_proves_what_it_has_shown_and_nothing_else() {
        let merchants = Merchants::default();
        assert!(!merchants.is_proven("ours", None), "nothing is known yet");
        merchants.set(Vec::new());
        assert!(merchants.is_proven("ours", None), "nothing was ever shown");
        merchants.set(vec![shown("ours", "shop", None), shown("old", "shop", None), shown("older", "former", None)]);
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
        assert!(merchants.is_news(&shown("foreign", "shop", None), Instant::now()), "a new secret of our merchant");
        assert!(merchants.is_proven("foreign", None));
        assert!(!merchants.is_news(&shown("foreign", "shop", None), Instant::now()), "it was just written down");
    }

    #[test]
    fn a_secret_is_checked_with_its_own_last_approved_payment_and_a_new_one_with_the_last_of_all() {
        let merchants = Merchants::default();
        let last = |api_key_id: &str| merchants.last_approved(api_key_id).map(|payment| payment.expose().to_owned());
        merchants.set(vec![shown("ours", "shop", None)]);
        assert_eq!(last("ours"), None, "it has shown an account that waits, and that may never be approved");
        assert!(!merchants.is_news(&shown("ours", "shop", None), Instant::now()) || last("ours").is_none());
        assert!(merchants.is_news(&shown("ours", "shop", Some("first")), Instant::now()), "there was none before");
        assert!(!merchants.is_news(&shown("ours", "shop", Some("second")), Instant::now()), "that is for later");
        assert_eq!((last("ours").as_deref(), last("new").as_deref()), (Some("second"), Some("second")));
        let read = Merchants::default();
        read.set(vec![shown("b", "shop", None), shown("a", "shop", Some("newer")), shown("b", "old", Some("older"))]);
        let last = |api_key_id: &str| read.last_approved(api_key_id).map(|payment| payment.expose().to_owned());
        assert_eq!((last("a").as_deref(), last("b").as_deref()), (Some("newer"), Some("older")));
        assert_eq!(last("new").as_deref(), Some("newer"));
    }

    #[test]
    fn what_a_secret_has_shown_counts_for_a_while() {
        let (merchants, now, minute) = (Merchants::default(), Instant::now(), Duration::from_mins(1));
        assert!(!merchants.has_shown("ours", minute, now));
        merchants.is_news(&shown("ours", "shop", None), now);
        assert!(merchants.has_shown("ours", minute, now + minute / 2));
        assert!(!merchants.has_shown("ours", minute, now + minute));
        assert!(!merchants.has_shown("other", minute, now));
    }
}
