//! The limit on requests that Toss puts on test keys: so many a minute for each endpoint, off unless asked for.
//!
//! A minute starts with the first request and is measured on the simulator's clock. What answers a refused request is
//! not documented beyond its status, so the answer is the one a `rateLimit` rule gives. Refused requests are no requests
//! to an idempotency key.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use time::{Duration, OffsetDateTime};

use crate::lock::Lock;
use crate::rules::Endpoint;

#[derive(Debug, Default)]
pub(crate) struct Flood {
    /// None is written as zero.
    per_minute: AtomicU32,
    /// One entry for each secret key and endpoint.
    minutes: Lock<HashMap<(Arc<str>, Endpoint), Minute>>,
}

#[derive(Debug)]
struct Minute {
    since: OffsetDateTime,
    requests: u32,
}

impl Flood {
    pub(crate) fn limited_to(per_minute: Option<u32>) -> Self {
        let flood = Self::default();
        flood.limit(per_minute);
        flood
    }

    /// Sets the limit, or none, and starts counting anew.
    pub(crate) fn limit(&self, per_minute: Option<u32>) {
        self.per_minute.store(per_minute.unwrap_or_default(), Ordering::Relaxed);
        self.minutes.with(HashMap::clear);
    }

    /// Counts a request; false when it is one too many.
    pub(crate) fn allows(&self, secret_key: &Arc<str>, endpoint: Endpoint, now: OffsetDateTime) -> bool {
        let per_minute = self.per_minute.load(Ordering::Relaxed);
        if per_minute == 0 {
            return true;
        }
        self.minutes.with(|minutes| {
            let fresh = Minute { since: now, requests: 0 };
            let minute = minutes.entry((Arc::clone(secret_key), endpoint)).or_insert(fresh);
            if now - minute.since >= Duration::MINUTE {
                *minute = Minute { since: now, requests: 0 };
            }
            minute.requests = minute.requests.saturating_add(1);
            minute.requests <= per_minute
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn each_key_and_endpoint_has_its_own_minute() {
        let start = datetime!(2026-09-01 12:00:40 +9);
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let flood = Flood::limited_to(Some(2));
        let ask = |key: &Arc<str>, endpoint, seconds| flood.allows(key, endpoint, start + Duration::seconds(seconds));
        assert!(ask(&one, Endpoint::Confirm, 0) && ask(&one, Endpoint::Confirm, 30));
        assert!(!ask(&one, Endpoint::Confirm, 59));
        assert!(ask(&one, Endpoint::Query, 59) && ask(&other, Endpoint::Confirm, 59));
        assert!(ask(&one, Endpoint::Confirm, 60));
        flood.limit(None);
        assert!((0..1_000).all(|_| ask(&one, Endpoint::Confirm, 61)));
    }
}
