//! `cargo run`: the whole system on one machine, ready to buy from. Ctrl-C stops it and leaves nothing behind.

use std::{process::ExitCode, sync::Arc};

use devstack::{database::Database, part::Part, past, sample, welcome::Welcome};
use shared::{limits, settings::Env, stop::Stop, telemetry};
use tokio::time::{Duration, timeout};

const HELP: &str = "\
Hanbeon: a shop, a payment confirmation worker and a stand-in for Toss, on a private PostgreSQL.

usage: cargo run [-- [--fresh] [--orders N] [--widget]]
  --fresh     start over with empty books; without it, orders of the last run are kept
  --widget    pay in Toss's payment widget instead of its window
  --orders N  begin with N past orders of two years; needs books without orders, so mostly --fresh

environment: API_ADDR, WORKER_ADDR, SIMULATOR_ADDR, DATABASE_PORT, DATABASE_URL, OPERATOR_PASSWORD, API_SERVER_KEY,
             RUST_LOG";

/// About 2 GiB for each million.
const PAST_ORDERS_MAX: i32 = 50_000_000;

/// The api's, the worker's and the simulator's share this process, and so do both ends of many of them.
const CONNECTIONS: u64 = 8_192;

struct Wishes {
    fresh: bool,
    past_orders: i32,
    widget: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut wishes = Wishes { fresh: false, past_orders: 0, widget: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = (argument == "--orders").then(|| arguments.next()?.parse().ok()).flatten();
        match (argument.as_str(), number) {
            ("--fresh", _) => wishes.fresh = true,
            ("--widget", _) => wishes.widget = true,
            ("--orders", Some(number @ 1..=PAST_ORDERS_MAX)) => wishes.past_orders = number,
            ("--help" | "-h", _) => {
                say(HELP);
                return ExitCode::SUCCESS;
            }
            _ => {
                say(HELP);
                return ExitCode::from(2);
            }
        }
    }
    match run(&wishes).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(wishes: &Wishes) -> anyhow::Result<()> {
    let mut env = Env::of_process();
    telemetry::start(Some(env.text("RUST_LOG").unwrap_or("warn"))).map_err(anyhow::Error::msg)?;
    limits::allow_connections(CONNECTIONS);
    let stop = Stop::new();
    stop.on_signals()?;
    tokio::select! {
        () = stop.requested() => Ok(()), // before it was ready; what was started ends with this process
        started = start(&mut env, wishes) => {
            let mut stack = started?;
            say(&stack.welcome.to_string());
            let ended = stack.wait(&stop).await;
            say("stopping: calls to Toss that are in flight are finished first; Ctrl-C again lets go of them");
            let handles = [stack.api.handle(), stack.worker.handle()];
            tokio::select! {
                stopped = stack.stop() => stopped?,
                () = stop.forced() => handles.iter().for_each(Stop::force), // the rest ends with this process
            }
            ended
        }
    }
}

struct Running {
    welcome: Welcome,
    database: Database,
    simulator: Part,
    api: Part,
    worker: Part,
}

async fn start(env: &mut Env, wishes: &Wishes) -> anyhow::Result<Running> {
    let welcome = Welcome::read(env, wishes.widget)?;
    let database = match env.text("DATABASE_URL") {
        Some(_) if wishes.fresh => {
            anyhow::bail!("--fresh empties only a private database; DATABASE_URL names one of yours")
        }
        Some(url) => Database::given(url.to_owned()),
        None => {
            let progress = Arc::new(|step: devstack::postgres::Step| say(&format!("  {step}")));
            Database::private(welcome.database_port, wishes.fresh, progress).await?
        }
    };
    database.migrate().await?;
    let pool = database.pool()?;
    let seeded = sample::seed(&pool, async || match wishes.past_orders {
        0 => Ok(()),
        orders => past::fill(&database.url, orders, |written| say(&format!("  {written} past orders"))).await,
    })
    .await?;
    pool.close().await;
    say(if seeded { "  database migrated and filled with sample data" } else { "  database up to date, orders kept" });
    let simulator = Part::simulator(welcome.simulator_settings()).await?;
    let api = Part::api(welcome.env(&database.url, &simulator.url())).await?;
    let worker = Part::worker(welcome.env(&database.url, &simulator.url())).await?;
    say("  simulator, api and worker are ready");
    Ok(Running { welcome, database, simulator, api, worker })
}

impl Running {
    /// Until somebody wants it to stop, or a part ends, which is an error.
    async fn wait(&mut self, stop: &Stop) -> anyhow::Result<()> {
        tokio::select! {
            () = stop.requested() => Ok(()),
            error = self.simulator.ended() => Err(error),
            error = self.api.ended() => Err(error),
            error = self.worker.ended() => Err(error),
        }
    }

    /// In the order of dependence: nobody loses what they need before they are done.
    async fn stop(self) -> anyhow::Result<()> {
        self.api.stop().await?;
        self.worker.stop().await?;
        timeout(Duration::from_secs(10), self.simulator.stop()).await??;
        if let Some(server) = self.database.server {
            server.stop().await?;
        }
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "the one program that talks to a person")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "the one program that talks to a person")]
fn complain(line: &str) {
    eprintln!("{line}");
}
