//! The demo's addresses and login, and what it tells the person who started it.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
};

use rand::distr::{Alphanumeric, SampleString};
use shared::settings::Env;

const OPERATOR: &str = "operator";
const PASSWORD_LENGTH: usize = 16;
const SERVER_KEY_LENGTH: usize = 40;

pub struct Welcome {
    api: SocketAddr,
    worker: SocketAddr,
    simulator: SocketAddr,
    /// The private server's port; without one, the port of the last run or a free one.
    pub database_port: Option<u16>,
    operator: String,
    operator_password: String,
    server_key: String,
    worker_concurrency: Option<String>,
    /// Pay in Toss's payment widget, and not in its window.
    widget: bool,
}

/// The same in every run, because a refund that was under way when the demo stopped goes on in the next. It guards nothing:
/// no account of a demo is anybody's.
const REFUND_ACCOUNT_KEY: &str = "YSBkZW1vIGhhcyBubyBhY2NvdW50IG9mIGFueWJvZHk=";

impl Welcome {
    pub fn read(env: &mut Env, widget: bool) -> anyhow::Result<Self> {
        let mut addr = |name, port| {
            let default = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            env.parse(name, default, "an address like 127.0.0.1:8080")
        };
        let (api, worker, simulator) =
            (addr("API_ADDR", 8080), addr("WORKER_ADDR", 8081), addr("SIMULATOR_ADDR", 8090));
        let database_port = env.text("DATABASE_PORT").is_some().then(|| env.parse("DATABASE_PORT", 0, "a port"));
        let operator = env.text("OPERATOR_USER").unwrap_or(OPERATOR).to_owned();
        let given_or_made = |name, length| {
            env.text(name).map_or_else(|| Alphanumeric.sample_string(&mut rand::rng(), length), str::to_owned)
        };
        let operator_password = given_or_made("OPERATOR_PASSWORD", PASSWORD_LENGTH);
        let server_key = given_or_made("API_SERVER_KEY", SERVER_KEY_LENGTH);
        let worker_concurrency = env.text("WORKER_CONCURRENCY").map(str::to_owned);
        let welcome = Self {
            api,
            worker,
            simulator,
            database_port,
            operator,
            operator_password,
            server_key,
            worker_concurrency,
            widget,
        };
        env.check()?;
        Ok(welcome)
    }

    pub fn simulator_settings(&self) -> simulator::Settings {
        let webhook_url = self.webhook_url();
        simulator::Settings { addr: self.simulator, webhook_url, ..simulator::Settings::default() }
    }

    /// The simulator is started first: of an api that takes any free port it cannot know the address.
    fn webhook_url(&self) -> Option<String> {
        let ip = if self.api.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { self.api.ip() };
        (self.api.port() != 0).then(|| format!("http://{}/webhooks/toss", SocketAddr::from((ip, self.api.port()))))
    }

    /// The environment of api and worker.
    pub fn env(&self, database_url: &str, simulator_url: &str) -> Env {
        let sdk_url = format!("{simulator_url}/v2/standard");
        let (api, worker) = (self.api.to_string(), self.worker.to_string());
        let (client_key, secret_key) = if self.widget {
            (simulator::DEFAULT_WIDGET_CLIENT_KEY, simulator::DEFAULT_WIDGET_SECRET_KEY)
        } else {
            (simulator::DEFAULT_CLIENT_KEY, simulator::DEFAULT_SECRET_KEY)
        };
        Env::from_pairs([
            ("DATABASE_URL", database_url),
            ("API_ADDR", &api),
            ("WORKER_ADDR", &worker),
            ("WORKER_CONCURRENCY", self.worker_concurrency.as_deref().unwrap_or_default()),
            ("TOSS_BASE_URL", simulator_url),
            ("TOSS_SECRET_KEY", secret_key),
            ("TOSS_CLIENT_KEY", client_key),
            ("TOSS_SDK_URL", &sdk_url),
            ("OPERATOR_USER", &self.operator),
            ("OPERATOR_PASSWORD", &self.operator_password),
            ("API_SERVER_KEY", &self.server_key),
            ("SHOP_CONTACT", "help@shop.example"),
            ("REFUND_ACCOUNT_KEY", REFUND_ACCOUNT_KEY),
        ])
    }
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, simulator, operator, operator_password, server_key, .. } = self;
        // The simulator's shopper, who pays by curl, has to be told of keys that are not the usual ones.
        let client_key = simulator::DEFAULT_WIDGET_CLIENT_KEY;
        let client = if self.widget { format!(r#","clientKey":"{client_key}""#) } else { String::new() };
        write!(
            f,
            r#"
Hanbeon is ready.

  shop      http://{api}/checkout
  orders    http://{api}/order      login: {operator} / {operator_password}
  toss      http://{simulator}      a stand-in; no money moves

One payment, from order to DONE. Paste it as it is:

API=http://{api} TOSS=http://{simulator} JSON='content-type: application/json'
ORDER=$(curl -s $API/api/v1/orders/create -H "$JSON" -d '{{"userId":1,"amount":50000,"orderProducts":[{{"productId":1,"quantity":1}}]}}' | sed -E 's/.*"orderId":"([^"]+)".*/\1/')
KEY=$(curl -s $TOSS/control/authenticate -H "$JSON" -d '{{"orderId":"'$ORDER'","amount":50000{client}}}' | sed -E 's/.*"paymentKey":"([^"]+)".*/\1/')
curl -s $API/api/v1/orders/confirm -H "$JSON" -H 'prefer: wait=10' -d '{{"userId":1,"orderId":"'$ORDER'","paymentKey":"'$KEY'","amount":50000}}'; echo
curl -s $API/api/v1/orders/$ORDER; echo

All orders as JSON, as your shop's server may ask for them:

curl -s $API/api/v1/orders?size=5 -H 'authorization: Bearer {server_key}'; echo

The payment given back, as your shop's server may ask for it (operators do it from the order's page):

curl -s $API/api/v1/orders/$ORDER/cancel -H "$JSON" -H 'authorization: Bearer {server_key}' -H "idempotency-key: back-$ORDER" -d '{{"cancelReason":"단순 변심"}}'; echo

Ctrl-C stops everything. The orders are kept; cargo run -- --fresh starts over.
"#
        )
    }
}
