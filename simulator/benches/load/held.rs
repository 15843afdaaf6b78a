//! How many requests the simulator holds open at once while each confirm takes three seconds.
//!
//! Counted on the simulator's side: its own request log says which have arrived and are not answered yet.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::Value;

use crate::Simulator;
use crate::wire::{Connection, authenticate, authorization, confirm, find, get, post};

const LATENCY: Duration = Duration::from_secs(3);

pub(crate) async fn measure(requests: usize) -> anyhow::Result<()> {
    let simulator = Simulator::start().await?;
    let mut control = Connection::open(simulator.addr).await?;
    let mut open = Vec::new();
    for number in 0..requests {
        control.send(&authenticate(0, number)).await?;
        ensure!(control.answer().await?.status == 201, "a payment could not be prepared");
        open.push(Connection::open(simulator.addr).await?);
    }
    let latency = format!(r#"{{"fixedMs":{}}}"#, LATENCY.as_millis());
    control.send(&post("/control/latency", "", &latency)).await?;
    ensure!(control.answer().await?.status == 200, "the latency could not be set");

    let authorization = authorization();
    let started = Instant::now();
    for (number, connection) in open.iter_mut().enumerate() {
        connection.send(&confirm(0, number, &authorization)).await?;
    }
    let sent = started.elapsed();
    let mut held = 0;
    while held < requests && started.elapsed() < LATENCY {
        control.send(&get("/control/requests?limit=10000")).await?;
        let log: Value = serde_json::from_slice(control.answer().await?.body)?;
        held = log["requests"].as_array().into_iter().flatten().filter(|entry| entry["status"].is_null()).count();
    }
    for connection in &mut open {
        let answer = connection.answer().await?;
        ensure!(answer.status == 200 && find(answer.body, br#""status":"DONE""#).is_some(), "a confirm went wrong");
    }
    let took = started.elapsed();
    println!(
        "{requests} confirms of 3 s: sent in {} ms, {held} open at once, all answered after {} ms",
        sent.as_millis(),
        took.as_millis()
    );
    ensure!(sent < LATENCY, "the machine was too busy to send all before the first was due");
    ensure!(held == requests, "only {held} of {requests} were open at once");
    Ok(())
}
