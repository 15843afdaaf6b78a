//! What a worker needs to know, and the combinations it refuses.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use secrecy::{ExposeSecret, SecretString};
use shared::{
    cancel::AccountKey,
    settings::{Env, is_pair, is_toss},
    toss::{ApiKey, Toss},
};

use crate::terms::Terms;

/// Calls in flight at once. A call waits on Toss, not on us: it costs a few kilobytes and a lease.
const CONCURRENCY_DEFAULT: u16 = 500;
pub const CONCURRENCY_MAX: u16 = 10_000;
const TOSS_HOST: &str = "api.tosspayments.com";
/// As long as a card payment can usually be refunded or disputed, and a little more.
const ATTEMPTS_KEPT_DAYS_DEFAULT: i32 = 400;
const WEBHOOKS_KEPT_DAYS_DEFAULT: i32 = 90;
/// Toss repeats a webhook for almost four days, and what was kept can be replayed for a month.
const WEBHOOKS_KEPT_DAYS_MIN: i32 = 30;

#[derive(Debug)]
pub struct Settings {
    pub database_url: SecretString,
    /// Health is answered here.
    pub addr: SocketAddr,
    pub toss: Toss,
    pub key: ApiKey,
    /// The secret before the last rotation, while Toss still takes it: what was sent under it is repeated under it.
    pub previous_key: Option<ApiKey>,
    /// Opens the requests of refunds that go to an account; the same as the api's.
    pub account_key: Option<AccountKey>,
    pub terms: Terms,
    /// How long calls to Toss are remembered.
    pub attempts_kept_days: i32,
    /// How long webhooks are, at least 30: Toss repeats for nearly four.
    pub webhooks_kept_days: i32,
    /// The most calls to Toss a second, of this worker; `None`: as many as Toss bears.
    pub calls_per_second: Option<NonZeroU32>,
    /// The most calls to Toss in flight at once, 1 to [`CONCURRENCY_MAX`].
    pub concurrency: u16,
}

impl Settings {
    /// Reads what it can and leaves every mistake in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let database_url = env.required_secret("DATABASE_URL");
        let addr =
            env.parse("WORKER_ADDR", SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)), "an address like 127.0.0.1:8081");
        let concurrency = env.parse("WORKER_CONCURRENCY", CONCURRENCY_DEFAULT, "a number from 1 to 10000");
        if !(1..=CONCURRENCY_MAX).contains(&concurrency) {
            env.mistake(format!("WORKER_CONCURRENCY is not 1 to {CONCURRENCY_MAX}"));
        }
        let attempts_kept_days = env.parse("ATTEMPTS_KEPT_DAYS", ATTEMPTS_KEPT_DAYS_DEFAULT, "a number of days");
        if attempts_kept_days < 1 {
            env.mistake("ATTEMPTS_KEPT_DAYS is not 1 or more");
        }
        let webhooks_kept_days = env.parse("WEBHOOKS_KEPT_DAYS", WEBHOOKS_KEPT_DAYS_DEFAULT, "a number of days");
        if webhooks_kept_days < WEBHOOKS_KEPT_DAYS_MIN {
            env.mistake(format!("WEBHOOKS_KEPT_DAYS is not {WEBHOOKS_KEPT_DAYS_MIN} or more"));
        }
        let calls_per_second = NonZeroU32::new(env.parse("WORKER_CALLS_PER_SECOND", 0, "a number; 0 is no limit"));
        let terms = terms(env);
        let key = Self::key(env, "TOSS_SECRET_KEY", true);
        let previous_key = Self::key(env, "TOSS_SECRET_KEY_PREVIOUS", false);
        let account_key = AccountKey::read(env);
        let toss = Self::toss(env, terms, [key.as_ref(), previous_key.as_ref()]);
        let (toss, key) = (toss?, key?);
        Some(Self {
            database_url,
            addr,
            toss,
            key,
            previous_key,
            account_key,
            terms,
            attempts_kept_days,
            webhooks_kept_days,
            calls_per_second,
            concurrency,
        })
    }

    fn key(env: &mut Env, name: &str, required: bool) -> Option<ApiKey> {
        let secret = if required { Some(env.required_secret(name)) } else { env.secret(name) };
        let secret = secret.filter(|secret| !secret.expose_secret().is_empty())?; // that it is missing has been said
        ApiKey::parse(secret).map_err(|error| env.mistake(format!("{name}: {error}"))).ok()
    }

    fn toss(env: &mut Env, terms: Terms, keys: [Option<&ApiKey>; 2]) -> Option<Toss> {
        let base = env.text("TOSS_BASE_URL").unwrap_or("https://api.tosspayments.com").to_owned();
        let client_key = env.text("TOSS_CLIENT_KEY").map(str::to_owned);
        let [newest, previous] = keys;
        for (name, key) in [("TOSS_SECRET_KEY", newest), ("TOSS_SECRET_KEY_PREVIOUS", previous)] {
            let Some(key) = key else { continue };
            if key.is_live() && !is_toss(&base, TOSS_HOST) {
                env.mistake(format!("{name} is a live key, but TOSS_BASE_URL is not https://{TOSS_HOST}"));
            }
            if client_key.as_deref().is_some_and(|client_key| !is_pair(client_key, key)) {
                env.mistake(format!(
                    "TOSS_CLIENT_KEY and {name} are not a pair: test or live, widget or API, must agree"
                ));
            }
        }
        Toss::new(&base, terms.call_limit).map_err(|error| env.mistake(format!("TOSS_BASE_URL: {error}"))).ok()
    }
}

/// Time runs faster in a build for tests that is told so, and in no other.
fn terms(env: &mut Env) -> Terms {
    #[cfg(feature = "stop-points")]
    {
        Terms::divided_by(env.parse("HANBEON_TIME_DIVISOR", 1, "a number"))
    }
    #[cfg(not(feature = "stop-points"))]
    {
        let _ = env;
        Terms::REAL
    }
}

#[cfg(test)]
mod tests {
    use shared::settings::Env;

    use super::Settings;

    fn check(changes: &[(&str, &str)], expected: Result<(), &str>) {
        let mut pairs = vec![("DATABASE_URL", "postgres://localhost/x"), ("TOSS_SECRET_KEY", "test_sk_canary")];
        pairs.extend(changes);
        let mut env = Env::from_pairs(pairs);
        let settings = Settings::read(&mut env);
        let told = env.finish(settings).map(|settings| assert!(!format!("{settings:?}").contains("canary")));
        match (told, expected) {
            (Ok(()), Ok(())) => {}
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{changes:?}: {error}"),
            (told, _) => panic!("{changes:?}: {told:?}"),
        }
    }

    #[test]
    fn a_worker_refuses_to_start_on_what_cannot_keep_the_promises() {
        check(&[], Ok(()));
        check(&[("TOSS_SECRET_KEY", "live_sk_canary")], Ok(()));
        check(&[("TOSS_BASE_URL", "http://127.0.0.1:8090")], Ok(()));
        check(&[("TOSS_CLIENT_KEY", "test_ck_a")], Ok(()));
        check(&[("WORKER_CONCURRENCY", "10000")], Ok(()));
        check(&[("DATABASE_URL", "")], Err("DATABASE_URL (or DATABASE_URL_FILE) is not set"));
        check(&[("TOSS_SECRET_KEY", "canary")], Err("TOSS_SECRET_KEY: a Toss secret key starts with"));
        check(
            &[("TOSS_SECRET_KEY", "live_sk_canary"), ("TOSS_BASE_URL", "http://127.0.0.1:8090")],
            Err("is a live key"),
        );
        check(&[("TOSS_SECRET_KEY", "live_sk_canary"), ("TOSS_CLIENT_KEY", "test_ck_a")], Err("not a pair"));
        check(&[("TOSS_BASE_URL", "api.tosspayments.com")], Err("TOSS_BASE_URL: it is not an absolute"));
        check(&[("TOSS_SECRET_KEY_PREVIOUS", "test_sk_canary2"), ("TOSS_CLIENT_KEY", "test_ck_a")], Ok(()));
        check(
            &[("TOSS_SECRET_KEY_PREVIOUS", "canary")],
            Err("TOSS_SECRET_KEY_PREVIOUS: a Toss secret key starts with"),
        );
        check(
            &[("TOSS_SECRET_KEY_PREVIOUS", "test_gsk_canary"), ("TOSS_CLIENT_KEY", "test_ck_a")],
            Err("TOSS_CLIENT_KEY and TOSS_SECRET_KEY_PREVIOUS are not a pair"),
        );
        check(&[("WORKER_CALLS_PER_SECOND", "many")], Err("WORKER_CALLS_PER_SECOND is not a number"));
        check(&[("REFUND_ACCOUNT_KEY", "Y2FuYXJ5")], Err("REFUND_ACCOUNT_KEY is not 32 bytes in base64"));
        check(&[("WEBHOOKS_KEPT_DAYS", "29")], Err("WEBHOOKS_KEPT_DAYS is not 30 or more"));
        check(&[("ATTEMPTS_KEPT_DAYS", "0")], Err("ATTEMPTS_KEPT_DAYS is not 1 or more"));
        check(&[("WORKER_CONCURRENCY", "0")], Err("WORKER_CONCURRENCY is not 1 to 10000"));
        check(&[("WORKER_CONCURRENCY", "10001")], Err("WORKER_CONCURRENCY is not 1 to 10000"));
        check(&[("WORKER_ADDR", "8081")], Err("WORKER_ADDR is not an address"));
    }
}
