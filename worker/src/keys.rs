//! The secrets at hand, and which of them Toss takes at the moment.
//!
//! Two may be configured at once: after a rotation the old one still answers for what was sent under it. The database
//! says which lanes are paused, for all workers; this is one worker's view of it, at most a second old.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use shared::{
    outbox::{Sends, SentWith},
    toss::ApiKey,
};

use crate::known::SentKey;

#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// The newest first.
    all: Arc<[ApiKey]>,
    paused: Arc<Mutex<HashSet<String>>>,
}

impl Keys {
    pub(crate) fn new(newest: ApiKey, previous: Option<ApiKey>) -> Self {
        Self { all: [newest].into_iter().chain(previous).collect(), paused: Arc::default() }
    }

    /// The one to sign new things with; none while all are paused.
    pub(crate) fn active(&self) -> Option<ApiKey> {
        let paused = self.lock();
        self.all.iter().find(|key| !paused.contains(key.id())).cloned()
    }

    /// The first of those that are paused.
    pub(crate) fn paused(&self) -> Option<ApiKey> {
        let paused = self.lock();
        self.all.iter().find(|key| paused.contains(key.id())).cloned()
    }

    /// Who can repeat what was sent.
    pub(crate) fn sent_key(&self, sends: &Sends) -> SentKey {
        let paused = self.lock();
        let mut usable = self.all.iter().filter(|key| !paused.contains(key.id()));
        let at_hand = match &sends.sent_with {
            None if sends.unanswered.is_none() => return SentKey::None,
            None => None,
            Some(SentWith::Known(id)) => usable.find(|key| key.id() == id),
            Some(SentWith::Tagged(tag)) => usable.find(|key| key.tag() == *tag),
        };
        at_hand.map_or(SentKey::Gone, |key| SentKey::AtHand(key.id().to_owned()))
    }

    /// The newest first.
    pub(crate) fn at_hand(&self) -> &[ApiKey] {
        &self.all
    }

    pub(crate) fn is_paused(&self, id: &str) -> bool {
        self.lock().contains(id)
    }

    pub(crate) fn find(&self, id: &str) -> Option<&ApiKey> {
        self.all.iter().find(|key| key.id() == id)
    }

    /// Says whether that is news.
    pub(crate) fn pause(&self, id: &str) -> bool {
        self.lock().insert(id.to_owned())
    }

    /// Says whether that is news.
    pub(crate) fn open(&self, id: &str) -> bool {
        self.lock().remove(id)
    }

    /// What the database says.
    pub(crate) fn set_paused(&self, ids: HashSet<String>) {
        *self.lock() = ids;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        // Every change is one call that cannot panic half way.
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::{
        outbox::{Sends, SentWith},
        toss::ApiKey,
    };

    use super::Keys;
    use crate::known::SentKey;

    fn secrets() -> (ApiKey, ApiKey) {
        let secret = |text: &str| ApiKey::parse(text.into()).unwrap();
        (secret("test_sk_newest"), secret("test_sk_previous"))
    }

    fn sent(sent_with: Option<SentWith>) -> Sends {
        let unanswered = Some(Duration::ZERO);
        Sends {
            epoch: 0,
            burnt: false,
            unanswered,
            sent_with,
            refused: false,
            server_error: None,
            absent: None,
            no_answer: None,
            error_code: None,
        }
    }

    #[test]
    fn a_secret_that_is_paused_signs_nothing_new() {
        let (newest, previous) = secrets();
        let keys = Keys::new(newest.clone(), Some(previous.clone()));
        let active = || keys.active().map(|key| key.id().to_owned());
        assert_eq!(active().as_deref(), Some(newest.id()));
        assert!(keys.pause(newest.id()));
        assert_eq!(active().as_deref(), Some(previous.id()));
        assert!(keys.pause(previous.id()));
        assert_eq!(active(), None);
        assert!(keys.open(newest.id()));
        assert_eq!(active().as_deref(), Some(newest.id()));
    }

    #[test]
    fn what_was_sent_is_repeated_under_its_own_secret_or_not_at_all() {
        let (newest, previous) = secrets();
        let both = Keys::new(newest.clone(), Some(previous.clone()));
        let one = Keys::new(newest, None);
        for sent_with in [SentWith::Known(previous.id().to_owned()), SentWith::Tagged(previous.tag())] {
            let sends = sent(Some(sent_with));
            assert_eq!(both.sent_key(&sends), SentKey::AtHand(previous.id().to_owned()));
            assert_eq!(one.sent_key(&sends), SentKey::Gone);
        }
        assert_eq!(both.sent_key(&sent(None)), SentKey::Gone, "nobody knows which it was");
        assert_eq!(both.sent_key(&Sends { unanswered: None, ..sent(None) }), SentKey::None);
        assert!(both.pause(previous.id()));
        assert_eq!(both.sent_key(&sent(Some(SentWith::Tagged(previous.tag())))), SentKey::Gone, "it is not taken");
    }
}
