//! How fast the simulator is, so that nobody who measures something against it measures the simulator.
//!
//! ```text
//! cargo bench -p simulator --bench load                                   both figures
//! cargo bench -p simulator --bench load -- confirms [payments] [connections] [rounds]
//! cargo bench -p simulator --bench load -- held [requests]
//! ```
//!
//! The simulator is a process of its own, built with optimisation, and this one is a single thread: on a small machine
//! the two share the processor, and whatever the client spends is missing on the other side. So the client speaks
//! HTTP/1.1 by hand, one request at a time on each connection that stays open, each with an idempotency key as a
//! careful shop sends it, and looks at every answer.

#![expect(clippy::print_stdout, reason = "what a measurement is for")]

mod confirms;
mod held;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long a process may take to listen.
const START_LIMIT: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // cargo says what kind of target this is by an argument of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |index: usize, default: usize| match words.get(index) {
        None => Ok(default),
        Some(word) => word.parse().with_context(|| format!("{word} is no number")),
    };
    match words.first().map(String::as_str) {
        None => {
            confirms::measure(50_000, 64, 5).await?;
            held::measure(6_000).await
        }
        Some("confirms") => confirms::measure(number(1, 50_000)?, number(2, 64)?, number(3, 5)?).await,
        Some("held") => held::measure(number(1, 6_000)?).await,
        Some(other) => bail!("{other}: confirms or held"),
    }
}

/// A simulator of our own, which ends with the value.
struct Simulator {
    addr: SocketAddr,
    _process: Child,
}

impl Simulator {
    async fn start() -> anyhow::Result<Self> {
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
        command.env("SIMULATOR_ADDR", addr.to_string()).env("RUST_LOG", "warn");
        let process =
            command.stdin(Stdio::null()).kill_on_drop(true).spawn().context("the simulator does not start")?;
        let started = Instant::now();
        while TcpStream::connect(addr).await.is_err() {
            if started.elapsed() > START_LIMIT {
                bail!("the simulator does not listen on {addr}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(Self { addr, _process: process })
    }
}
