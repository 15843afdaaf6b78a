//! The real binaries, stopped and killed at the worst moments. `places` kills workers at every commit and every send,
//! `acceptance` the api around its commit; `frozen` holds processes up instead, and in `panics` a task of theirs dies.

mod acceptance;
#[cfg(feature = "faults")]
mod clocks;
mod frozen;
mod panics;
mod places;

use std::time::{Duration, Instant};

use serde_json::json;
use shared::outbox::LEASE;

use crate::harness::{
    process::{Binary, Process, free_addr, until_it_answers},
    shop::{Shop, answered},
    wait_for,
};

/// A lease must run out, and the sweep that finds it comes at the latest after half of one more.
const RECOVERY_LIMIT: Duration = Duration::from_secs(LEASE.as_secs() + LEASE.as_secs() / 2 + 5);

/// A worker that will stop at this place, or at none. It answers, so it also hears signals.
pub(crate) async fn worker(shop: &Shop, stop_at: Option<&str>) -> Process {
    let stop_at = stop_at.map(|place| ("HANBEON_STOP_AT", place));
    worker_with(shop, stop_at.as_slice()).await
}

pub(crate) async fn worker_with(shop: &Shop, more: &[(&str, &str)]) -> Process {
    let addr = free_addr();
    let mut env = shop.env_pairs();
    env.push(("WORKER_ADDR".to_owned(), addr.clone()));
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let worker = Process::start(Binary::Worker, env);
    until_it_answers(shop, &addr).await;
    worker
}

/// Kills the worker at the place, lets another one go on, and returns how many requests Toss saw before and after.
async fn killed_at(place: &str) -> (Shop, String, usize, usize) {
    let mut shop = Shop::start(0).await;
    shop.lost_attempts_allowed = true;
    let product = shop.product("Ogu T", 50_000, 1).await;
    let mut doomed = worker(&shop, Some(place)).await;
    let order = shop.accepted(50_000, &[(product, 1)]).await;
    doomed.stopped_at(place).await;
    doomed.kill().await;
    let before = shop.requests(&order).await.len();
    let started = Instant::now();
    let mut next = worker(&shop, None).await;
    shop.until(&order, "DONE").await;
    assert!(started.elapsed() < RECOVERY_LIMIT, "recovered only after {:?}", started.elapsed());
    next.signal("TERM").await;
    assert!(next.ended().await);
    assert_eq!(shop.approvals(&order).await, 1);
    let after = shop.requests(&order).await.len();
    (shop, order, before, after)
}

#[tokio::test]
async fn a_worker_killed_between_claim_and_call_sent_nothing_and_another_sends_once() {
    let (shop, _, before, after) = killed_at("BeforeCall").await;
    assert_eq!((before, after), (0, 1));
    assert_eq!(shop.database.number("select count(*) from attempts").await, 1);
    shop.finish().await;
}

#[tokio::test]
async fn a_worker_killed_between_call_and_settle_is_followed_by_the_same_request_and_one_approval() {
    let (shop, order, before, after) = killed_at("AfterCall").await;
    assert_eq!((before, after), (1, 2));
    let requests = shop.requests(&order).await;
    assert_eq!(requests[0]["idempotencyKey"], requests[1]["idempotencyKey"]);
    assert!(requests[0]["idempotencyKey"].is_string());
    assert_eq!(requests[0]["body"], requests[1]["body"]);
    assert!(!requests[0]["body"].is_null());
    assert_eq!(requests[1]["replayed"], true);
    shop.finish().await;
}

#[tokio::test]
async fn a_worker_killed_after_the_settle_leaves_nothing_to_do() {
    let (shop, _, before, after) = killed_at("AfterSettle").await;
    assert_eq!((before, after), (1, 1));
    shop.finish().await;
}

#[tokio::test]
async fn a_worker_told_to_stop_finishes_what_is_in_flight_and_takes_nothing_new() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 50_000, 2).await;
    shop.control("latency", json!({"fixedMs": 3_000})).await;
    let mut stopping = worker(&shop, None).await;
    let in_flight = shop.accepted(50_000, &[(product, 1)]).await;
    wait_for("the call to be in flight", Duration::from_secs(30), async || {
        (shop.database.number("select count(*) from outbox where lease_until > now()").await == 1).then_some(())
    })
    .await;
    stopping.signal("TERM").await;
    let later = shop.accepted(50_000, &[(product, 1)]).await;
    assert!(stopping.ended().await, "it did not end well");
    assert_eq!(shop.status(&in_flight).await, "DONE");
    assert_eq!(shop.status(&later).await, "IN_PROGRESS");
    assert_eq!(shop.database.number("select count(*) from outbox where lease_until > now()").await, 0);
    let mut next = worker(&shop, None).await;
    shop.until(&later, "DONE").await;
    next.signal("TERM").await;
    assert!(next.ended().await);
    shop.finish().await;
}

#[tokio::test]
async fn an_api_two_workers_and_a_simulator_run_as_four_processes_on_one_database() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 50_000, 40).await;
    let (api_addr, simulator_addr) = (free_addr(), free_addr());
    let env = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut simulator = Process::start(Binary::Simulator, [env("SIMULATOR_ADDR", &simulator_addr)]);
    let mut pairs = shop.env_pairs();
    pairs.push(env("TOSS_BASE_URL", &format!("http://{simulator_addr}")));
    pairs.push(env("API_ADDR", &api_addr));
    let mut api = Process::start(Binary::Api, pairs.clone());
    let mut workers = [Process::start(Binary::Worker, pairs.clone()), Process::start(Binary::Worker, pairs)];
    for addr in [&api_addr, &simulator_addr] {
        until_it_answers(&shop, addr).await;
    }
    // From here on the shop's moves go to the processes.
    shop.point_at(&api_addr, &simulator_addr);
    let mut orders = Vec::new();
    for _ in 0..40 {
        orders.push(shop.accepted(50_000, &[(product, 1)]).await);
    }
    for order in &orders {
        shop.until(order, "DONE").await;
        assert_eq!(shop.approvals(order).await, 1);
    }
    let lessees = shop.database.number("select count(distinct lease_owner) from attempts").await;
    assert!((1..=2).contains(&lessees));
    for process in workers.iter_mut().chain([&mut api]) {
        assert!(process.is_running());
        process.signal("TERM").await;
        assert!(process.ended().await);
    }
    shop.finish().await;
    simulator.signal("TERM").await;
    assert!(simulator.ended().await);
}

#[tokio::test]
async fn binaries_refuse_to_start_on_settings_they_cannot_keep_promises_with() {
    for binary in [Binary::Api, Binary::Worker] {
        let mut process = Process::start(binary, []);
        assert!(!process.ended().await, "{binary:?} started without settings");
    }
    let live = [("SIMULATOR_SECRET_KEY", "live_sk_x"), ("SIMULATOR_CLIENT_KEY", "live_ck_x")];
    let mut process = Process::start(Binary::Simulator, live.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(!process.ended().await, "the simulator took a live key");
}

#[tokio::test]
async fn health_tells_whether_the_database_is_ready() {
    let mut shop = Shop::start(1).await;
    for part in [shop.api.url(), shop.workers[0].url()] {
        for (path, expected) in [("/livez", 200), ("/readyz", 200)] {
            assert_eq!(
                answered(shop.http.get(format!("{part}{path}"))).await.status.as_u16(),
                expected,
                "{part}{path}"
            );
        }
    }
    shop.stop_workers().await;
    shop.finish().await;
}
