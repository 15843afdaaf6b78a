//! A whole shop: database, simulator, api and any number of workers, and the shopper's moves over HTTP.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Once,
    time::Duration,
};

use devstack::part::Part;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{
    catalogue, limits,
    money::Krw,
    order::{CustomerId, ProductId},
    settings::Env,
};
use tests::audit::Strength;
use tokio::sync::OnceCell;

pub(crate) use super::answered::{Answered, answered};
use super::{
    audit,
    database::Database,
    login::{self, Session},
    wait_for,
};

pub(crate) const OPERATOR: (&str, &str) = ("operator", "a password of the tests");
/// 32 bytes in base64.
pub(crate) const REFUND_ACCOUNT_KEY: &str = "YSByZWZ1bmQgYWNjb3VudCBrZXkgZm9yIHRlc3RzISE=";
pub(crate) const SERVER_KEY: &str = "a-server-key-of-the-tests-0123456789";

pub(crate) struct Shop {
    pub(crate) database: Database,
    pub(crate) simulator: Part,
    pub(crate) api: Part,
    pub(crate) workers: Vec<Part>,
    pub(crate) http: reqwest::Client,
    api_url: String,
    simulator_url: String,
    pub(crate) customer: CustomerId,
    /// What its workers are told on top of the rest.
    worker_env: Vec<(&'static str, String)>,
    /// Set by stories that kill workers: a call may then never have been written down.
    pub(crate) lost_attempts_allowed: bool,
    session: OnceCell<Session>,
    finished: bool,
}

/// All parts of all shops share this process.
const CONNECTIONS: u64 = 8_192;

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(crate) fn http() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        limits::allow_connections(CONNECTIONS);
        if let Some(filter) = Env::of_process().text("RUST_LOG") {
            let _ = shared::telemetry::start(Some(filter));
        }
    });
    reqwest::Client::builder()
        .timeout(Duration::from_secs(70))
        // The api closes a connection that idles for some seconds; a request that meets the close would go unanswered.
        .pool_idle_timeout(Duration::from_secs(2))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

impl Shop {
    /// Everything in this process, on ports of its own, with this many workers.
    pub(crate) async fn start(workers: usize) -> Self {
        Self::on(Database::new().await, workers).await
    }

    pub(crate) async fn on(database: Database, workers: usize) -> Self {
        let customer = catalogue::add_customer(&database.pool, "김한번").await.unwrap();
        let settings = simulator::Settings { addr: any_port(), ..simulator::Settings::default() };
        let simulator = Part::simulator(settings).await.unwrap();
        let api = Part::api(env(&database.url, &simulator.url(), &[])).await.unwrap();
        let (api_url, simulator_url) = (api.url(), simulator.url());
        let mut shop = Self {
            database,
            simulator,
            api,
            workers: Vec::new(),
            http: http(),
            api_url,
            simulator_url,
            customer,
            worker_env: Vec::new(),
            lost_attempts_allowed: false,
            session: OnceCell::new(),
            finished: false,
        };
        for _ in 0..workers {
            shop.add_worker().await;
        }
        shop
    }

    /// As [`Self::start`], with workers whose times pass fifteen times as fast: a lease takes a second and a third, the time
    /// to confirm 38 seconds.
    pub(crate) async fn hurried(workers: usize) -> Self {
        Self::hurried_by(15, workers).await
    }

    /// As [`Self::hurried`], with times that pass this many times as fast.
    pub(crate) async fn hurried_by(divisor: u32, workers: usize) -> Self {
        let mut shop = Self::start(0).await;
        shop.worker_env.push(("HANBEON_TIME_DIVISOR", divisor.to_string()));
        for _ in 0..workers {
            shop.add_worker().await;
        }
        shop
    }

    pub(crate) async fn add_worker(&mut self) {
        self.add_worker_with(&[]).await;
    }

    pub(crate) async fn add_worker_with(&mut self, more: &[(&str, &str)]) {
        let worker = self.new_worker(more).await;
        self.workers.push(worker);
    }

    /// A worker of this shop that the caller keeps.
    pub(crate) async fn new_worker(&self, more: &[(&str, &str)]) -> Part {
        let hurry = self.worker_env.iter().map(|(name, value)| (*name, value.as_str()));
        let more: Vec<_> = hurry.chain(more.iter().copied()).collect();
        Part::worker(self.env(&more)).await.unwrap()
    }

    /// Sends the shopper's moves to an api and a simulator elsewhere, and the audit to that simulator.
    pub(crate) fn point_at(&mut self, api_addr: &str, simulator_addr: &str) {
        self.api_url = format!("http://{api_addr}");
        self.simulator_url = format!("http://{simulator_addr}");
    }

    pub(crate) fn simulator_url(&self) -> &str {
        &self.simulator_url
    }

    pub(crate) async fn stop_workers(&mut self) {
        for worker in self.workers.drain(..) {
            worker.stop().await.unwrap();
        }
    }

    /// The environment of another part of this shop.
    pub(crate) fn env(&self, more: &[(&str, &str)]) -> Env {
        env(&self.database.url, &self.simulator.url(), more)
    }

    pub(crate) fn env_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = pairs(&self.database.url, &self.simulator.url());
        pairs.extend(self.worker_env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        pairs
    }

    pub(crate) async fn product(&self, name: &str, price: i64, stock: i64) -> ProductId {
        catalogue::add_product(&self.database.pool, name, Krw::new(price).unwrap(), stock).await.unwrap()
    }

    pub(crate) async fn stock(&self, product: ProductId) -> i64 {
        self.database.number(&format!("select stock from products where id = {}", product.0)).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut request = self.http.request(method, format!("{}{path}", self.api_url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        answered(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.send(Method::GET, path, None, &[]).await
    }

    /// Pages by the session of an operator, who logs in at the first; JSON by the server's key.
    pub(crate) async fn get_as_operator(&self, path: &str) -> Answered {
        let request = self.http.get(format!("{}{path}", self.api_url));
        if path.starts_with("/api/") {
            return answered(request.bearer_auth(SERVER_KEY)).await;
        }
        let session = self.session.get_or_init(|| login::log_in(&self.http, &self.api_url)).await;
        answered(request.header("cookie", &session.cookie)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answered {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    /// As a well-behaved client posts: told that we are not available just now, it comes back a moment later. On a machine
    /// that is busy with other things, many logins to the database at once can take longer than we let anybody wait.
    async fn post_patiently(&self, path: &str, body: Value) -> Answered {
        wait_for("an answer other than 503", Duration::from_mins(1), async || {
            let answered = self.post(path, body.clone()).await;
            (answered.status != StatusCode::SERVICE_UNAVAILABLE).then_some(answered)
        })
        .await
    }

    /// Creates an order and returns its number.
    pub(crate) async fn order(&self, amount: i64, lines: &[(ProductId, i32)]) -> String {
        let lines: Vec<_> =
            lines.iter().map(|(id, quantity)| json!({"productId": id.0, "quantity": quantity})).collect();
        let body = json!({"userId": self.customer.0, "amount": amount, "orderProducts": lines});
        let created = self.post_patiently("/api/v1/orders/create", body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        created.json()["orderId"].as_str().unwrap().to_owned()
    }

    /// Plays the shopper in Toss's window and returns the paymentKey.
    pub(crate) async fn authenticate(&self, order: &str, amount: i64) -> String {
        let answered = self.control("authenticate", json!({"orderId": order, "amount": amount})).await;
        answered["paymentKey"].as_str().unwrap().to_owned()
    }

    /// The same for a shopper whose card will be declined with this code.
    pub(crate) async fn authenticate_declined(&self, order: &str, amount: i64, code: &str) -> String {
        let body = json!({"orderId": order, "amount": amount, "decline": code});
        self.control("authenticate", body).await["paymentKey"].as_str().unwrap().to_owned()
    }

    /// What the first worker tells a monitor.
    pub(crate) async fn metrics(&self) -> String {
        answered(self.http.get(format!("{}/metrics", self.workers[0].url()))).await.text
    }

    /// The causes of the order's events, oldest first.
    pub(crate) async fn causes(&self, order: &str) -> Vec<String> {
        let view = self.get(&format!("/api/v1/orders/{order}")).await.json();
        let timeline = view["timeline"].as_array().unwrap();
        timeline.iter().map(|event| event["cause"].as_str().unwrap().to_owned()).collect()
    }

    /// Has Toss asked about every payment that is to be asked about again, now.
    pub(crate) async fn look_back(&self) {
        self.database.execute("update payments set check_at = now() where check_at is not null").await;
        self.until_no_look_is_due().await;
    }

    /// A payment that is to be asked about has an intent only once the next sweep has come by.
    async fn until_no_look_is_due(&self) {
        wait_for("the looks back", Duration::from_mins(1), async || {
            (self.database.number("select count(*) from payments where check_at <= now()").await == 0).then_some(())
        })
        .await;
        self.until_outbox_is_empty().await;
    }

    pub(crate) fn confirmation(&self, order: &str, key: &str, amount: i64) -> Value {
        json!({"userId": self.customer.0, "orderId": order, "paymentKey": key, "amount": amount})
    }

    pub(crate) async fn confirm_patiently(&self, order: &str, key: &str, amount: i64) -> Answered {
        self.post_patiently("/api/v1/orders/confirm", self.confirmation(order, key, amount)).await
    }

    pub(crate) async fn confirm(&self, order: &str, key: &str, amount: i64) -> Answered {
        self.post("/api/v1/orders/confirm", self.confirmation(order, key, amount)).await
    }

    /// Order, authentication and an accepted confirm, in one go.
    pub(crate) async fn accepted(&self, amount: i64, lines: &[(ProductId, i32)]) -> String {
        let order = self.order(amount, lines).await;
        let key = self.authenticate(&order, amount).await;
        let confirmed = self.confirm_patiently(&order, &key, amount).await;
        assert_eq!(confirmed.status, StatusCode::ACCEPTED, "{}", confirmed.text);
        order
    }

    pub(crate) async fn status(&self, order: &str) -> String {
        let view = self.view(order).await;
        view["status"].as_str().unwrap_or_else(|| panic!("{view}")).to_owned()
    }

    /// What the api shows of the order, by a client that comes back when it is not available just now.
    pub(crate) async fn view(&self, order: &str) -> Value {
        wait_for("an answer other than 503", Duration::from_mins(1), async || {
            let answered = self.get(&format!("/api/v1/orders/{order}")).await;
            (answered.status != StatusCode::SERVICE_UNAVAILABLE).then(|| answered.json())
        })
        .await
    }

    pub(crate) async fn until(&self, order: &str, status: &str) {
        let what = format!("order {order} to be {status}");
        wait_for(&what, Duration::from_mins(1), async || (self.status(order).await == status).then_some(())).await;
    }

    pub(crate) async fn until_outbox_is_empty(&self) {
        wait_for("the outbox to be empty", Duration::from_mins(2), async || {
            (self.database.number("select count(*) from outbox").await == 0).then_some(())
        })
        .await;
    }

    /// A call to the simulator's control API.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}/control/{path}", self.simulator_url)).json(&body);
        let answered = answered(request).await;
        assert!(answered.status.is_success(), "{}", answered.text);
        if answered.text.is_empty() { Value::Null } else { answered.json() }
    }

    pub(crate) async fn control_get(&self, path: &str) -> Value {
        let answered = answered(self.http.get(format!("{}/control/{path}", self.simulator_url))).await;
        assert!(answered.status.is_success(), "{}", answered.text);
        answered.json()
    }

    /// The story is over: workers stop, and our books are compared with the simulator's. Every shop must end here.
    pub(crate) async fn finish(mut self) {
        self.until_outbox_is_empty().await;
        if !self.workers.is_empty() {
            self.until_no_look_is_due().await;
        }
        self.stop_workers().await;
        audit::audit(&self, Strength::Settled).await;
        self.finished = true;
    }

    /// As [`Self::finish`], for stories that leave intents alive on purpose.
    pub(crate) async fn finish_with_live_intents(mut self) {
        self.stop_workers().await;
        let leased = self.database.number("select count(*) from outbox where lease_until > now()").await;
        assert_eq!(leased, 0, "a worker that stops gives its leases back");
        audit::audit(&self, Strength::Running).await;
        self.finished = true;
    }
}

impl Shop {
    /// For stories that wrote into the books by hand, so that an audit could only find that.
    pub(crate) fn end_without_audit(mut self) {
        self.finished = true;
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.handle().force();
        }
        assert!(self.finished || std::thread::panicking(), "a story ended without its audit: call finish()");
    }
}

fn env(database_url: &str, simulator_url: &str, more: &[(&str, &str)]) -> Env {
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Env::from_pairs(pairs(database_url, simulator_url).into_iter().chain(more))
}

fn pairs(database_url: &str, simulator_url: &str) -> Vec<(String, String)> {
    let sdk_url = format!("{simulator_url}/v2/standard");
    [
        ("DATABASE_URL", database_url),
        ("API_ADDR", "127.0.0.1:0"),
        ("WORKER_ADDR", "127.0.0.1:0"),
        ("TOSS_BASE_URL", simulator_url),
        ("TOSS_SECRET_KEY", simulator::DEFAULT_SECRET_KEY),
        ("TOSS_CLIENT_KEY", simulator::DEFAULT_CLIENT_KEY),
        ("TOSS_SDK_URL", sdk_url.as_str()),
        ("OPERATOR_USER", OPERATOR.0),
        ("OPERATOR_PASSWORD", OPERATOR.1),
        ("API_SERVER_KEY", SERVER_KEY),
        ("REFUND_ACCOUNT_KEY", REFUND_ACCOUNT_KEY),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
