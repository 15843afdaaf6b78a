//! `cargo run`: the whole system on one machine, ready to buy from. Ctrl-C stops it and leaves nothing behind.

use std::{process::ExitCode, sync::Arc};

use devstack::{database::Database, limits, part::Part, sample, welcome::Welcome};
use shared::{settings::Env, stop::Stop, telemetry};
use tokio::time::{Duration, timeout};

const HELP: &str = "\
Hanbeon: a shop, a payment confirmation worker and a stand-in for Toss, on a private PostgreSQL.

usage: cargo run [-- --fresh]
  --fresh   start over with empty books; without it, orders of the last run are kept

environment: API_ADDR, WORKER_ADDR, SIMULATOR_ADDR, DATABASE_PORT, DATABASE_URL, OPERATOR_PASSWORD, API_SERVER_KEY,
             RUST_LOG";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let fresh = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--fresh"] => true,
        ["--help" | "-h"] => {
            say(HELP);
            return ExitCode::SUCCESS;
        }
        _ => {
            say(HELP);
            return ExitCode::from(2);
        }
    };
    match run(fresh).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(fresh: bool) -> anyhow::Result<()> {
    let mut env = Env::of_process();
    telemetry::start(Some(env.text("RUST_LOG").unwrap_or("warn"))).map_err(anyhow::Error::msg)?;
    limits::allow_many_open_files();
    let stop = Stop::new();
    stop.on_signals()?;
    tokio::select! {
        () = stop.requested() => Ok(()), // before it was ready; what was started ends with this process
        started = start(&mut env, fresh) => {
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

async fn start(env: &mut Env, fresh: bool) -> anyhow::Result<Running> {
    let welcome = Welcome::read(env)?;
    let database = match env.text("DATABASE_URL") {
        Some(_) if fresh => anyhow::bail!("--fresh empties only a private database; DATABASE_URL names one of yours"),
        Some(url) => Database::given(url.to_owned()),
        None => {
            let progress = Arc::new(|step: devstack::postgres::Step| say(&format!("  {step}")));
            Database::private(welcome.database_port, fresh, progress).await?
        }
    };
    database.migrate().await?;
    let pool = database.pool()?;
    let seeded = sample::seed(&pool).await?;
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
