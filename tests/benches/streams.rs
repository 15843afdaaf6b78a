//! What open streams of orders' changes cost: memory of the api for each, and the time of confirms beside them.
//!
//! ```text
//! cargo bench -p tests --bench streams                         2,000 streams, three rounds with and three without
//! cargo bench -p tests --bench streams -- STREAMS ROUNDS
//! ```
//!
//! Database, simulator, worker and this client share the machine with the api, which is a process of its own. In the
//! rounds with streams each order that is confirmed is watched too, beside so many others. A confirm's time counts from
//! when it was due to be sent.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a measurement is for, and how it fails"
)]

#[path = "../it/harness/mod.rs"]
#[expect(dead_code, reason = "the stories need more of it")]
mod harness;

use std::time::Duration;

use futures_util::{StreamExt, future, stream};
use reqwest::StatusCode;
use shared::order::ProductId;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use harness::{
    process::{Binary, Process, free_addr, until_it_answers},
    shop::Shop,
};

const CONFIRMS: usize = 300;
const PER_SECOND: u32 = 30;
const PRICE: i64 = 1_000;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let (streams, rounds) = (words.next().unwrap_or(2_000), words.next().unwrap_or(3));
    let mut shop = Shop::start(1).await;
    let (api, addr) = start_api(&mut shop).await;
    let product = shop.product("Ogu T", PRICE, 1_000_000).await;
    let watched = orders(&shop, product, streams).await;
    measure(&shop, &addr, product, false).await.tell("to warm up");

    let before = resident_kib(&api);
    let opened = open(&addr, &watched).await;
    let after = resident_kib(&api);
    println!(
        "{} streams: {before} KiB before, {after} KiB after, {} bytes for each",
        opened.len(),
        after.saturating_sub(before) * 1024 / opened.len()
    );
    drop(opened);
    let (mut without, mut with) = (Times::default(), Times::default());
    for _ in 0..rounds {
        without.add(measure(&shop, &addr, product, false).await);
        let opened = open(&addr, &watched).await;
        with.add(measure(&shop, &addr, product, true).await);
        println!("with streams: {} KiB", resident_kib(&api));
        drop(opened);
    }
    without.tell("without streams");
    with.tell("with streams");
    println!("load of the machine: {}", std::fs::read_to_string("/proc/loadavg").unwrap().trim());
    shop.finish().await;
}

async fn start_api(shop: &mut Shop) -> (Process, String) {
    let addr = free_addr();
    let more = [("API_ADDR", addr.as_str()), ("API_PROXIES", "1"), ("API_EVENT_STREAMS_MAX", "10000")];
    let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
    // It inherits the limit on open files that this process has raised.
    let api = Process::start(Binary::Api, shop.env_pairs().into_iter().chain(more));
    until_it_answers(shop, &addr).await;
    let simulator = shop.simulator.addr().to_string();
    shop.point_at(&addr, &simulator);
    (api, addr)
}

async fn orders(shop: &Shop, product: ProductId, count: usize) -> Vec<String> {
    stream::iter(0..count).map(async |_| shop.order(PRICE, &[(product, 1)]).await).buffer_unordered(8).collect().await
}

fn resident_kib(api: &Process) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", api.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One stream for each order, from addresses all over the world, as a proxy of ours tells them.
async fn open(addr: &str, orders: &[String]) -> Vec<TcpStream> {
    let open = stream::iter(orders.iter().enumerate()).map(async |(number, order)| watch(addr, order, number).await);
    open.buffer_unordered(32).collect().await
}

async fn watch(addr: &str, order: &str, number: usize) -> TcpStream {
    let source = format!("198.18.{}.{}", number / 250, number % 250);
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request =
        format!("GET /api/v1/orders/{order}/events HTTP/1.1\r\nhost: shop\r\nx-forwarded-for: {source}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    until(&mut stream, "event: status").await;
    stream
}

/// Reads until this was told.
async fn until(stream: &mut TcpStream, told: &str) {
    let mut text = String::new();
    let mut buffer = [0; 4_096];
    while !text.contains(told) {
        let length = tokio::time::timeout(Duration::from_mins(1), stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(length > 0, "the stream ended: {text}");
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
}

#[derive(Default)]
struct Times {
    confirms: Vec<Duration>,
    /// From when the confirm was accepted until the stream told that it is paid.
    told: Vec<Duration>,
}

async fn measure(shop: &Shop, addr: &str, product: ProductId, is_watched: bool) -> Times {
    let orders = orders(shop, product, CONFIRMS).await;
    let keys = stream::iter(&orders).map(async |order| shop.authenticate(order, PRICE).await).buffered(8);
    let keys: Vec<String> = keys.collect().await;
    let mut streams = if is_watched { open_each(addr, &orders).await } else { Vec::new() };
    let begun = Instant::now();
    let confirms = orders.iter().zip(&keys).enumerate().map(async |(number, (order, key))| {
        let due = begun + Duration::from_secs(1) * u32::try_from(number).unwrap() / PER_SECOND;
        tokio::time::sleep_until(due).await;
        assert_eq!(shop.confirm(order, key, PRICE).await.status, StatusCode::ACCEPTED);
        due.elapsed()
    });
    let told = streams.iter_mut().enumerate().map(async |(number, stream)| {
        let due = begun + Duration::from_secs(1) * u32::try_from(number).unwrap() / PER_SECOND;
        until(stream, "event: end").await;
        due.elapsed()
    });
    let (confirms, told) = tokio::join!(future::join_all(confirms), future::join_all(told));
    shop.until_outbox_is_empty().await;
    Times { confirms, told }
}

/// In the order of the orders.
async fn open_each(addr: &str, orders: &[String]) -> Vec<TcpStream> {
    let open = stream::iter(orders.iter().enumerate());
    open.map(async |(number, order)| watch(addr, order, 20_000 + number).await).buffered(32).collect().await
}

impl Times {
    fn add(&mut self, more: Self) {
        self.confirms.extend(more.confirms);
        self.told.extend(more.told);
    }

    fn tell(mut self, what: &str) {
        for (kind, times) in [("confirms", &mut self.confirms), ("told as paid", &mut self.told)] {
            times.sort();
            let Some(longest) = times.last() else { continue };
            let at = |percent: usize| times[times.len() * percent / 100];
            println!(
                "{what}: {} {kind}, p50 {:.1?}, p90 {:.1?}, p99 {:.1?}, longest {longest:.1?}",
                times.len(),
                at(50),
                at(90),
                at(99)
            );
        }
    }
}
