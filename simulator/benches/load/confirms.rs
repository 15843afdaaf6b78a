//! Confirms a second at no latency, over connections that stay open.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::Simulator;
use crate::wire::{Connection, authenticate, authorization, confirm, find};

pub(crate) async fn measure(payments: usize, connections: usize, rounds: usize) -> anyhow::Result<()> {
    let simulator = Simulator::start().await?;
    println!("{payments} confirms over {connections} connections, {rounds} rounds");
    let mut rates = Vec::new();
    for number in 1..=rounds {
        let (_, _) =
            round(&simulator, payments, connections, |payment| authenticate(number, payment), is_authenticated).await?;
        let authorization = authorization();
        let (took, mut latencies) =
            round(&simulator, payments, connections, |payment| confirm(number, payment, &authorization), is_done)
                .await?;
        let rate = u128::try_from(payments)? * 1_000_000 / took.as_micros().max(1);
        latencies.sort_unstable();
        let part = |thousandths: usize| latencies[(latencies.len() - 1) * thousandths / 1000].as_micros();
        println!("round {number}: {rate} confirms/s, p50 {} us, p99 {} us", part(500), part(990));
        rates.push(rate);
    }
    rates.sort_unstable();
    let (slowest, median, fastest) = (rates[0], rates[rates.len() / 2], rates[rates.len() - 1]);
    println!("median {median} confirms/s, from {slowest} to {fastest}");
    Ok(())
}

fn is_authenticated(status: u16, _: &[u8]) -> bool {
    status == 201
}

fn is_done(status: u16, body: &[u8]) -> bool {
    status == 200 && find(body, br#""status":"DONE""#).is_some()
}

/// Sends one request for each payment, and returns how long all took and each.
async fn round(
    simulator: &Simulator,
    payments: usize,
    connections: usize,
    request: impl Fn(usize) -> Vec<u8>,
    is_right: fn(u16, &[u8]) -> bool,
) -> anyhow::Result<(Duration, Vec<Duration>)> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(simulator.addr).await?);
    }
    let next = Cell::new(0);
    let work = async |mut connection: Connection| {
        let mut latencies = Vec::with_capacity(payments / connections);
        loop {
            let number = next.replace(next.get() + 1);
            if number >= payments {
                return anyhow::Ok(latencies);
            }
            let request = request(number);
            let sent_at = Instant::now();
            connection.send(&request).await?;
            let answer = connection.answer().await?;
            latencies.push(sent_at.elapsed());
            if !is_right(answer.status, answer.body) {
                bail!("{}: {}", answer.status, String::from_utf8_lossy(answer.body));
            }
        }
    };
    let started = Instant::now();
    let all = futures_util::future::try_join_all(open.into_iter().map(work)).await?;
    Ok((started.elapsed(), all.concat()))
}
