//! How long the api takes to answer with a page, while nothing else goes on: the order list, the status page and their neighbours.
//!
//! ```text
//! cargo bench -p tests --bench pages                           1,000 of each page, among 100,000 orders
//! cargo bench -p tests --bench pages -- ASKED ORDERS
//! ```
//!
//! Database and this client share the machine with the api, which is a process of its own. A time is from the first byte of
//! the request to the last of the answer, over one connection that stays open: all of the api's own time, its database's, and
//! the loopback's beside. Pages are asked for in turn, so what happens meanwhile happens to all.

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

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use harness::{
    login::log_in,
    process::{Binary, Process, free_addr, until_it_answers},
    shop::Shop,
};

const PRICE: i64 = 1_000;
const WARM_UP: usize = 100;
/// Half of the lists and status pages take no longer.
const LIMIT: Duration = Duration::from_millis(5);

struct Page {
    name: &'static str,
    path: String,
    is_promised: bool,
    bytes: usize,
    times: Vec<Duration>,
}

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let (asked, orders) = (words.next().unwrap_or(1_000), words.next().unwrap_or(100_000));
    let mut shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1_000_000).await;
    for (name, price) in [("Ogu 컵", 15_000), ("Ogu 양말", 12_000)] {
        shop.product(name, price, 100).await;
    }
    devstack::past::fill(&shop.database.url, i32::try_from(orders).unwrap(), |_| ()).await.unwrap();
    let paid = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&paid, "DONE").await;
    shop.stop_workers().await;
    let open = shop.order(PRICE, &[(product, 1)]).await;
    let (_api, addr) = start_api(&shop).await;
    let session = log_in(&shop.http, &format!("http://{addr}")).await;

    let page = |name, path, is_promised| Page { name, path, is_promised, bytes: 0, times: Vec::new() };
    let mut pages = [
        page("the list", "/order".to_owned(), true),
        page("the list, 100 rows", "/order?size=100".to_owned(), false),
        page("the status page, paid", format!("/order/{paid}"), true),
        page("the status page, to be paid", format!("/order/{open}"), true),
        page("the operator's page of an order", format!("/order/{paid}/detail"), false),
        page("the shop", "/checkout".to_owned(), false),
    ];
    let mut connection = TcpStream::connect(&addr).await.unwrap();
    connection.set_nodelay(true).unwrap();
    for round in 0..WARM_UP + asked {
        for page in &mut pages {
            let (time, bytes) = ask(&mut connection, &page.path, &session.cookie).await;
            page.bytes = bytes;
            if round >= WARM_UP {
                page.times.push(time);
            }
        }
    }
    println!("load of the machine: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let held = pages.each_mut().map(Page::tell);
    assert!(held.into_iter().all(|held| held), "a list or a status page takes longer than {LIMIT:?} (p50)");
    shop.end_without_audit();
}

async fn start_api(shop: &Shop) -> (Process, String) {
    let addr = free_addr();
    let env = shop.env_pairs().into_iter().chain([("API_ADDR".to_owned(), addr.clone())]);
    let api = Process::start(Binary::Api, env);
    until_it_answers(shop, &addr).await;
    (api, addr)
}

/// The time it took, and the answer's length with its headers.
async fn ask(connection: &mut TcpStream, path: &str, cookie: &str) -> (Duration, usize) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: shop\r\ncookie: {cookie}\r\n\r\n");
    let mut answer = Vec::with_capacity(65_536);
    let begun = Instant::now();
    connection.write_all(request.as_bytes()).await.unwrap();
    loop {
        let length = connection.read_buf(&mut answer).await.unwrap();
        assert!(length > 0, "{path}: the connection was closed");
        if is_whole(&answer) {
            break;
        }
    }
    let time = begun.elapsed();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer));
    (time, answer.len())
}

fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a page has a length");
    answer.len() == end + 4 + length.parse::<usize>().unwrap()
}

impl Page {
    /// Whether it holds what is promised of it.
    fn tell(&mut self) -> bool {
        self.times.sort();
        let at = |percent: usize| self.times[self.times.len() * percent / 100];
        let (half, most, longest) = (at(50), at(99), self.times.last().unwrap());
        let limit = if self.is_promised { format!(", of {LIMIT:?} at most") } else { String::new() };
        println!("{}: p50 {half:.2?}{limit}, p99 {most:.2?}, longest {longest:.2?}; {} bytes", self.name, self.bytes);
        !self.is_promised || half <= LIMIT
    }
}
