//! The limit on requests that Toss puts on test keys: so many a minute for each endpoint, off unless asked for.
//!
//! A minute starts with the first request and is measured on the simulator's clock. The limit, and what answers a
//! refused request, are switches.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::lock::Lock;
use crate::rules::Endpoint;

/// One entry for each secret key and endpoint.
#[derive(Debug, Default)]
pub(crate) struct Flood(Lock<HashMap<(Arc<str>, Endpoint), Minute>>);

#[derive(Debug)]
struct Minute {
    since: OffsetDateTime,
    requests: u32,
}

impl Flood {
    /// Starts counting anew.
    pub(crate) fn forget(&self) {
        self.0.with(HashMap::clear);
    }

    /// Counts a request; false when it is one too many.
    pub(crate) fn allows(
        &self,
        per_minute: Option<NonZeroU32>,
        secret_key: &Arc<str>,
        endpoint: Endpoint,
        now: OffsetDateTime,
    ) -> bool {
        let Some(per_minute) = per_minute else { return true };
        self.0.with(|minutes| {
            let fresh = Minute { since: now, requests: 0 };
            let minute = minutes.entry((Arc::clone(secret_key), endpoint)).or_insert(fresh);
            if now - minute.since >= Duration::MINUTE {
                *minute = Minute { since: now, requests: 0 };
            }
            minute.requests = minute.requests.saturating_add(1);
            minute.requests <= per_minute.get()
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
        let (flood, limit) = (Flood::default(), NonZeroU32::new(2));
        let ask =
            |key: &Arc<str>, endpoint, seconds| flood.allows(limit, key, endpoint, start + Duration::seconds(seconds));
        assert!(ask(&one, Endpoint::Confirm, 0) && ask(&one, Endpoint::Confirm, 30));
        assert!(!ask(&one, Endpoint::Confirm, 59));
        assert!(ask(&one, Endpoint::Query, 59) && ask(&other, Endpoint::Confirm, 59));
        assert!(ask(&one, Endpoint::Confirm, 60));
        assert!((0..1_000).all(|_| flood.allows(None, &one, Endpoint::Confirm, start)));
    }
}
