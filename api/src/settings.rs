//! What the api is told by its environment, checked before anything starts.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;
use shared::{
    cancel::AccountKey,
    settings::{Env, is_toss},
};
use url::Url;

use crate::operator::{Account, SERVER_KEY_CHARACTERS_MIN, ServerKey};

const TOSS_SDK_HOST: &str = "js.tosspayments.com";
const TOSS_SDK_URL: &str = "https://js.tosspayments.com/v2/standard";
/// Statements of the api take about a millisecond, so few connections carry a lot of requests.
const DATABASE_CONNECTIONS: u32 = 16;
/// PostgreSQL itself takes 100 unless told otherwise; more than this from one process is a typing mistake.
const DATABASE_CONNECTIONS_MAX: u32 = 1_000;

/// A stream costs some kilobytes and a file descriptor, and its order a look into an index twice a second.
const EVENT_STREAMS: usize = 4_000;
const EVENT_STREAMS_MAX: usize = 100_000;

/// It is one line of a page.
const CONTACT_CHARACTERS_MAX: usize = 100;

#[derive(Debug)]
pub struct Settings {
    pub addr: SocketAddr,
    pub database_url: SecretString,
    pub database_connections: u32,
    /// How many pages and programs may be told live of their orders, at once.
    pub event_streams_max: usize,
    pub operator: Account,
    /// What the shop's own server shows. None: no program may see or change all orders.
    pub server_key: Option<ServerKey>,
    /// The address that browsers use, where it is not ours.
    pub public_url: Option<Url>,
    /// How many proxies of our own stand before us, each of which adds to `X-Forwarded-For`.
    pub proxies: u8,
    /// Encrypts the requests of refunds that go to an account; the same as the worker's.
    pub account_key: Option<AccountKey>,
    /// How shoppers reach a human, shown where one has to look.
    pub shop_contact: Option<String>,
    /// Not a secret: every shopper's browser gets it.
    pub toss_client_key: String,
    pub toss_sdk_url: Url,
}

impl Settings {
    /// Reads on after a mistake, so that `env` knows all of them; none is returned with one.
    pub fn read(env: &mut Env) -> Option<Self> {
        let addr = env.parse("API_ADDR", SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), "an address like 0.0.0.0:8080");
        let database_url = env.required_secret("DATABASE_URL");
        let database_connections = env.parse("API_DATABASE_CONNECTIONS", DATABASE_CONNECTIONS, "a number");
        if !(1..=DATABASE_CONNECTIONS_MAX).contains(&database_connections) {
            env.mistake(format!("API_DATABASE_CONNECTIONS is not 1 to {DATABASE_CONNECTIONS_MAX}"));
        }
        let event_streams_max = env.parse("API_EVENT_STREAMS_MAX", EVENT_STREAMS, "a number");
        if event_streams_max > EVENT_STREAMS_MAX {
            env.mistake(format!("API_EVENT_STREAMS_MAX is not 0 to {EVENT_STREAMS_MAX}"));
        }
        let operator = operator(env);
        let server_key = server_key(env);
        let public_url = public_url(env);
        let proxies = env.parse("API_PROXIES", 0, "a number from 0 to 255");
        let account_key = AccountKey::read(env);
        let shop_contact = env.text("SHOP_CONTACT").map(str::to_owned);
        if shop_contact.as_ref().is_some_and(|contact| contact.chars().count() > CONTACT_CHARACTERS_MAX) {
            env.mistake(format!("SHOP_CONTACT is longer than {CONTACT_CHARACTERS_MAX} characters"));
        }
        let toss_client_key = client_key(env);
        let toss_sdk_url = sdk_url(env, &toss_client_key);
        Some(Self {
            addr,
            database_url,
            database_connections,
            event_streams_max,
            operator: operator?,
            server_key,
            public_url,
            proxies,
            account_key,
            shop_contact,
            toss_client_key,
            toss_sdk_url: toss_sdk_url?,
        })
    }
}

impl Settings {
    /// What may be open for long: a live stream each, and what leads to the database.
    pub fn connections(&self) -> u64 {
        let streams = u64::try_from(self.event_streams_max).unwrap_or(u64::MAX);
        streams.saturating_add(self.database_connections.into())
    }

    /// Do browsers reach us over TLS? Never read off a request: anybody can write a header.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

/// Nobody's default: a list of all orders behind a password that everybody knows is no list behind a password.
fn operator(env: &mut Env) -> Option<Account> {
    let user = env.text("OPERATOR_USER").map(str::to_owned);
    if user.is_none() {
        env.mistake("OPERATOR_USER is not set");
    }
    let (password, hash) = (env.secret("OPERATOR_PASSWORD"), env.secret("OPERATOR_PASSWORD_HASH"));
    let account = match (user?, password, hash) {
        (user, Some(password), None) => Account::of_password(&user, &password),
        (user, None, Some(hash)) => Account::of_hash(&user, hash),
        (_, None, None) => Err("OPERATOR_PASSWORD or OPERATOR_PASSWORD_HASH (or its _FILE) is not set".to_owned()),
        (_, Some(_), Some(_)) => Err("OPERATOR_PASSWORD and OPERATOR_PASSWORD_HASH are both set; give one".to_owned()),
    };
    account.map_err(|mistake| env.mistake(mistake)).ok()
}

fn server_key(env: &mut Env) -> Option<ServerKey> {
    let key = ServerKey::new(env.secret("API_SERVER_KEY")?);
    if key.is_none() {
        let least = SERVER_KEY_CHARACTERS_MIN;
        env.mistake(format!("API_SERVER_KEY is not at least {least} letters, digits and signs, without spaces"));
    }
    key
}

fn public_url(env: &mut Env) -> Option<Url> {
    let url = env.text("API_PUBLIC_URL")?.parse::<Url>().ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if url.is_none() {
        env.mistake("API_PUBLIC_URL is not an http or https URL");
    }
    url
}

fn client_key(env: &mut Env) -> String {
    let key = env.text("TOSS_CLIENT_KEY").unwrap_or_default().to_owned();
    let known = ["test_ck_", "test_gck_", "live_ck_", "live_gck_"];
    let rest = known.iter().find_map(|prefix| key.strip_prefix(prefix));
    if !rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())) {
        // The value is not repeated: somebody may have put the secret key here.
        env.mistake("TOSS_CLIENT_KEY is not set to a key that starts with test_ck_, test_gck_, live_ck_ or live_gck_");
    }
    key
}

fn sdk_url(env: &mut Env, client_key: &str) -> Option<Url> {
    let text = env.text("TOSS_SDK_URL").unwrap_or(TOSS_SDK_URL).to_owned();
    if client_key.starts_with("live_") && !is_toss(&text, TOSS_SDK_HOST) {
        env.mistake(format!("TOSS_CLIENT_KEY is a live key, so TOSS_SDK_URL must be on https://{TOSS_SDK_HOST}"));
    }
    let url = text.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_none() {
        env.mistake("TOSS_SDK_URL is not an http or https URL");
    }
    url
}

#[cfg(test)]
mod tests {
    use shared::settings::Env;

    use super::Settings;

    const GOOD: [(&str, &str); 4] = [
        ("DATABASE_URL", "postgres://shop:db-canary@localhost/shop"),
        ("OPERATOR_USER", "operator"),
        ("OPERATOR_PASSWORD", "password-canary"),
        ("TOSS_CLIENT_KEY", "test_ck_abc"),
    ];

    fn check(changes: &[(&str, &str)], mistake: Option<&str>) {
        let pairs = GOOD.iter().chain(changes).copied();
        let mut env = Env::from_pairs(pairs);
        let settings = Settings::read(&mut env);
        let told = env.finish(settings).map(drop).map_err(|error| error.to_string());
        match mistake {
            None => assert!(told.is_ok(), "{changes:?}: {told:?}"),
            Some(mistake) => assert!(told.as_ref().is_err_and(|told| told.contains(mistake)), "{changes:?}: {told:?}"),
        }
    }

    #[test]
    fn an_unsafe_or_incomplete_environment_is_refused() {
        check(&[], None);
        check(&[("TOSS_CLIENT_KEY", "live_gck_abc")], None);
        check(&[("TOSS_SDK_URL", "http://127.0.0.1:8090/v2/standard")], None);
        check(&[("DATABASE_URL", "")], Some("DATABASE_URL"));
        check(&[("OPERATOR_USER", "")], Some("OPERATOR_USER"));
        check(&[("OPERATOR_PASSWORD", "")], Some("OPERATOR_PASSWORD"));
        check(&[("OPERATOR_PASSWORD", "short")], Some("fewer than 8"));
        check(&[("OPERATOR_PASSWORD_HASH", "$argon2id$")], Some("both set"));
        check(&[("OPERATOR_PASSWORD", ""), ("OPERATOR_PASSWORD_HASH", "password")], Some("no argon2id hash"));
        check(&[("OPERATOR_USER", "a\nb")], Some("OPERATOR_USER"));
        check(&[("API_SERVER_KEY", "0123456789abcdef0123456789abcdef")], None);
        check(&[("API_SERVER_KEY", "0123456789abcdef0123456789abcde")], Some("API_SERVER_KEY"));
        check(&[("API_PUBLIC_URL", "https://shop.example"), ("API_PROXIES", "1")], None);
        check(&[("API_PUBLIC_URL", "shop.example")], Some("API_PUBLIC_URL"));
        check(&[("SHOP_CONTACT", &"전".repeat(100))], None);
        check(&[("SHOP_CONTACT", &"전".repeat(101))], Some("SHOP_CONTACT"));
        check(&[("API_PROXIES", "-1")], Some("API_PROXIES"));
        check(&[("TOSS_CLIENT_KEY", "")], Some("TOSS_CLIENT_KEY"));
        check(&[("TOSS_CLIENT_KEY", "test_sk_abc")], Some("TOSS_CLIENT_KEY"));
        check(&[("TOSS_CLIENT_KEY", "test_ck_")], Some("TOSS_CLIENT_KEY"));
        check(&[("TOSS_SDK_URL", "javascript:alert(1)")], Some("TOSS_SDK_URL"));
        check(&[("API_ADDR", "everywhere")], Some("API_ADDR"));
        check(&[("API_DATABASE_CONNECTIONS", "0")], Some("API_DATABASE_CONNECTIONS"));
        check(&[("API_EVENT_STREAMS_MAX", "0")], None);
        check(&[("API_EVENT_STREAMS_MAX", "100001")], Some("API_EVENT_STREAMS_MAX"));
        check(&[("API_EVENT_STREAMS_MAX", "-1")], Some("API_EVENT_STREAMS_MAX"));
        let live = ("TOSS_CLIENT_KEY", "live_ck_abc");
        check(&[live, ("TOSS_SDK_URL", "http://127.0.0.1:8090/v2/standard")], Some("live key"));
        check(&[live, ("TOSS_SDK_URL", "https://js.tosspayments.com.evil.example/v2")], Some("live key"));
    }

    #[test]
    fn printed_settings_hold_no_secret() {
        let pairs = GOOD.into_iter().chain([("API_SERVER_KEY", "canary-canary-canary-canary-canary")]);
        let printed = format!("{:?}", Settings::read(&mut Env::from_pairs(pairs)).unwrap());
        assert!(printed.contains("test_ck_abc"), "{printed}");
        assert!(!printed.contains("canary"), "{printed}");
    }
}
