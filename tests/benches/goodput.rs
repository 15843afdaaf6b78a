//! How much of what Toss allows a worker uses, while more waits than it may send.
//!
//! ```text
//! cargo bench -p tests --bench goodput --profile dev               about five minutes
//! cargo bench -p tests --bench goodput --profile dev -- 2          so many minutes are measured, instead of four
//! ```
//!
//! Speed is not what is measured, so nothing has to be optimised. Whole minutes pass, by the simulator's clock, from the
//! first request on: what it let through of what it allowed, after its own log of requests. Every shop ends in an audit.

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
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use harness::{
    process::{Binary, Process},
    shop::Shop,
    wait_for,
};

const LEAST: usize = 80;

#[tokio::main]
async fn main() {
    let minutes = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(4);
    let measured = future::join_all([
        // What Toss allows test keys, and something like a contract; quick and as Toss often is.
        measure(100, json!({"fixedMs": 50}), minutes),
        measure(600, json!({"minMs": 2_000, "maxMs": 3_500}), minutes),
    ]);
    let least = measured.await.into_iter().min().unwrap_or_default();
    assert!(least >= LEAST, "{least} % of what Toss allows; at least {LEAST} are promised");
}

/// The percentage used.
async fn measure(per_minute: usize, latency: Value, minutes: usize) -> usize {
    let shop = Shop::start(0).await;
    let allowed = per_minute * minutes;
    let orders = allowed + per_minute / 2;
    let product = shop.product("Ogu T", 1_000, 1_000_000).await;
    shop.control("switches", json!({"rateLimit": per_minute})).await;
    shop.control("latency", latency.clone()).await;
    let lines = [(product, 1)];
    let accepted = stream::iter(0..orders).map(|_| shop.accepted(1_000, &lines)).buffer_unordered(8);
    accepted.for_each(async |_| ()).await;

    let mut worker = Process::start(Binary::Worker, shop.env_pairs());
    let until = wait_for("the first request", Duration::from_mins(1), async || {
        let first = requests(&shop).await.first().map(|(_, at)| *at)?;
        Some(first + time::Duration::minutes(i64::try_from(minutes).unwrap()))
    })
    .await;
    wait_for("the minutes to pass", Duration::from_mins(u64::try_from(minutes).unwrap() + 2), async || {
        let now = shop.control_get("clock").await["now"].as_str().map(parse).unwrap();
        (now >= until).then_some(())
    })
    .await;
    let requests = requests(&shop).await;
    let in_time = || requests.iter().filter(|(_, at)| *at < until);
    let through = in_time().filter(|(request, _)| request["method"] == "POST" && request["status"] == 200).count();
    let refused = in_time().filter(|(request, _)| request["status"] == 429).count();
    let used = through * 100 / allowed;
    println!(
        "{per_minute} a minute, {latency}: {through} of {allowed} in {minutes} minutes, {used} %; {refused} refusals"
    );
    shop.control("switches", json!({"rateLimit": null})).await;
    shop.until_outbox_is_empty().await;
    assert_eq!(shop.database.number("select count(*) from orders where status <> 'DONE'").await, 0, "somebody failed");
    worker.signal("TERM").await;
    assert!(worker.ended().await);
    shop.finish().await;
    used
}

/// What arrived at Toss and when, oldest first.
async fn requests(shop: &Shop) -> Vec<(Value, OffsetDateTime)> {
    let requests = shop.control_get("requests?limit=10000").await;
    let requests = requests["requests"].as_array().unwrap().iter();
    requests.map(|request| (request.clone(), request["at"].as_str().map(parse).unwrap())).collect()
}

fn parse(time: &str) -> OffsetDateTime {
    OffsetDateTime::parse(time, &Rfc3339).unwrap()
}
