//! How long Toss waits for the answer to a webhook while confirms run: at most 100 ms for 99 of 100, at 200 a second.
//!
//! ```text
//! cargo bench -p tests --bench webhooks [-- SECONDS [PER_SECOND]]
//! ```
//!
//! Database (with full durability), simulator, api, worker and this client share the machine. A webhook's time counts from
//! when it was due to be sent, so a queue that forms in front of the client is part of it. One in four tells what is known,
//! one is about an order that is being confirmed, one says something that is not so, and one is about no order of ours; the
//! simulator's own come on top.

#![expect(clippy::print_stdout, reason = "what a measurement is for")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, ensure};
use devstack::{
    part::Part,
    postgres::{Installation, Options, Place, Search, Server, kept_folder},
};
use serde_json::{Value, json};
use shared::{
    catalogue, db, limits,
    money::Krw,
    order::{CustomerId, ProductId},
    settings::Env,
};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

const PER_SECOND_DEFAULT: u32 = 200;
const CONFIRMS_PER_SECOND: u32 = 20;
const TARGET: Duration = Duration::from_millis(100);
const PRICE: i64 = 50_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // cargo says what kind of target this is by an argument of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |at: usize, default| words.get(at).map_or(Ok(default), |word| word.parse::<u32>());
    let seconds = number(0, 10).context("SECONDS is no number")?;
    let per_second = number(1, PER_SECOND_DEFAULT).context("PER_SECOND is no number")?;
    limits::allow_connections(4_096);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut progress = Options::new(installation().await?, Place::Temporary);
    progress.connections_max = 200;
    let server = Server::start(progress).await?;
    server.create_database("hanbeon", None).await?;
    let url = server.url("hanbeon");
    shared::schema::migrate(&url.as_str().into()).await?;
    let shop = Arc::new(Shop::open(&url).await?);
    measure(&shop, seconds, per_second).await?;
    server.stop().await?;
    Ok(())
}

async fn installation() -> anyhow::Result<Installation> {
    let progress: devstack::postgres::Progress = Arc::new(|_| ());
    Ok(Installation::find(&Search::on_this_machine(kept_folder().join("postgresql")), &progress).await?)
}

struct Shop {
    http: reqwest::Client,
    api: Part,
    simulator: Part,
    _worker: Part,
    customer: CustomerId,
    product: ProductId,
}

impl Shop {
    async fn open(database_url: &str) -> anyhow::Result<Self> {
        let pool = db::pool(&database_url.into(), db::Role::Api, 2)?;
        let customer = catalogue::add_customer(&pool, "김한번").await?;
        let price = Krw::new(PRICE).context("a price")?;
        let product = catalogue::add_product(&pool, "Ogu T", price, 1_000_000).await?;
        pool.close().await;
        let settings = simulator::Settings { addr: "127.0.0.1:0".parse()?, ..simulator::Settings::default() };
        let simulator = Part::simulator(settings).await?;
        let env = || {
            let sdk_url = format!("{}/v2/standard", simulator.url());
            Env::from_pairs([
                ("DATABASE_URL", database_url),
                ("API_ADDR", "127.0.0.1:0"),
                ("WORKER_ADDR", "127.0.0.1:0"),
                ("TOSS_BASE_URL", &simulator.url()),
                ("TOSS_SECRET_KEY", simulator::DEFAULT_SECRET_KEY),
                ("TOSS_CLIENT_KEY", simulator::DEFAULT_CLIENT_KEY),
                ("TOSS_SDK_URL", &sdk_url),
                ("OPERATOR_USER", "operator"),
                ("OPERATOR_PASSWORD", "a password of the bench"),
            ])
        };
        let (api, worker) = (Part::api(env()).await?, Part::worker(env()).await?);
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        let shop = Self { http, api, simulator, _worker: worker, customer, product };
        shop.control("webhooks", json!({"event": "PAYMENT_STATUS_CHANGED", "url": shop.hooks()})).await?;
        shop.control("latency", json!({"minMs": 100, "maxMs": 500})).await?;
        Ok(shop)
    }

    fn hooks(&self) -> String {
        format!("{}/webhooks/toss", self.api.url())
    }

    async fn post(&self, url: String, body: Value) -> anyhow::Result<Value> {
        let answer = self.http.post(url).json(&body).send().await?.error_for_status()?.text().await?;
        Ok(serde_json::from_str(&answer).unwrap_or_default())
    }

    async fn control(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.post(format!("{}/control/{path}", self.simulator.url()), body).await
    }

    /// Orders and authenticates, and says what to confirm.
    async fn order(&self) -> anyhow::Result<Value> {
        let line = json!({"productId": self.product.0, "quantity": 1});
        let body = json!({"userId": self.customer.0, "amount": PRICE, "orderProducts": [line]});
        let order = self.post(format!("{}/api/v1/orders/create", self.api.url()), body).await?["orderId"].clone();
        let payment = self.control("authenticate", json!({"orderId": order, "amount": PRICE})).await?;
        Ok(json!({"userId": self.customer.0, "orderId": order, "paymentKey": payment["paymentKey"], "amount": PRICE}))
    }

    async fn confirm(&self, confirm: &Value) -> anyhow::Result<()> {
        self.post(format!("{}/api/v1/orders/confirm", self.api.url()), confirm.clone()).await.map(|_| ())
    }
}

/// What a webhook says of a payment.
fn body(confirm: &Value, status: &str, balance: u32) -> Value {
    let data = json!({"orderId": confirm["orderId"], "paymentKey": confirm["paymentKey"], "status": status,
                      "totalAmount": PRICE, "balanceAmount": balance, "currency": "KRW", "filler": "x".repeat(1_500)});
    json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-01-02T14:46:59.65327", "data": data})
}

async fn measure(shop: &Arc<Shop>, seconds: u32, per_second: u32) -> anyhow::Result<()> {
    let mut confirms = Vec::new();
    for _ in 0..CONFIRMS_PER_SECOND * (seconds + 1) {
        confirms.push(shop.order().await?);
    }
    let confirms = Arc::new(confirms);
    let (hooks, accepted) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (tasks, started) = (TaskTracker::new(), Instant::now());
    for number in 0..CONFIRMS_PER_SECOND * (seconds + 1) {
        let (shop, confirms, accepted) = (Arc::clone(shop), Arc::clone(&confirms), Arc::clone(&accepted));
        // The first second of confirms makes the orders that the first webhooks tell of.
        let due = started + Duration::from_secs(1) * number / CONFIRMS_PER_SECOND;
        tasks.spawn(async move {
            tokio::time::sleep_until(due).await;
            let done = shop.confirm(&confirms[usize::try_from(number).unwrap_or_default()]).await.is_ok();
            accepted.lock().map(|mut all| all.push((done, due.elapsed()))).unwrap_or_default();
        });
    }
    for number in 0..per_second * seconds {
        let (shop, confirms, hooks) = (Arc::clone(shop), Arc::clone(&confirms), Arc::clone(&hooks));
        let due = started + Duration::from_secs(1) + Duration::from_secs(1) * number / per_second;
        let newest = CONFIRMS_PER_SECOND + number * CONFIRMS_PER_SECOND / per_second;
        let about = |back: u32| confirms[usize::try_from(newest.saturating_sub(back)).unwrap_or_default()].clone();
        let body = match number % 4 {
            0 => body(&about(CONFIRMS_PER_SECOND), "DONE", 50_000),
            1 => body(&about(2), "DONE", 50_000),
            2 => body(&about(CONFIRMS_PER_SECOND), "CANCELED", number),
            _ => body(&json!({"orderId": "019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e", "paymentKey": "k"}), "DONE", 1),
        };
        tasks.spawn(async move {
            tokio::time::sleep_until(due).await;
            let id = format!("whtrans_{number}");
            let sent = shop.http.post(shop.hooks()).header("tosspayments-webhook-transmission-id", id).json(&body);
            let taken = sent.send().await.is_ok_and(|answer| answer.status().as_u16() == 200);
            hooks.lock().map(|mut all| all.push((taken, due.elapsed()))).unwrap_or_default();
        });
    }
    tasks.close();
    tasks.wait().await;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine: {}", load.trim());
    tell("confirms accepted", &accepted)?;
    let slow = tell("webhooks", &hooks)?;
    println!(
        "target: p99 <= {} ms at {per_second}/s: {}",
        TARGET.as_millis(),
        if slow <= TARGET { "met" } else { "missed" }
    );
    Ok(())
}

/// Prints the times, and returns the 99th of 100.
fn tell(what: &str, all: &Mutex<Vec<(bool, Duration)>>) -> anyhow::Result<Duration> {
    let all = all.lock().map_err(|_| anyhow::anyhow!("a task panicked"))?;
    let failed = all.iter().filter(|(done, _)| !done).count();
    let mut times: Vec<Duration> = all.iter().map(|(_, time)| *time).collect();
    times.sort();
    ensure!(!times.is_empty(), "nothing was measured");
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!(
        "{what}: {} ({failed} failed), p50 {:.1?}, p90 {:.1?}, p99 {:.1?}, longest {:.1?}",
        times.len(),
        at(50),
        at(90),
        at(99),
        at(100)
    );
    ensure!(failed == 0, "{failed} {what} failed");
    Ok(at(99))
}
