//! The auditor as a program: see `tests/src/audit/mod.rs` for what it checks and how to run it. It ends with 0 when all is
//! well, 1 when it found a violation, 2 when it could not look.

use std::process::ExitCode;

use sqlx::postgres::PgPoolOptions;
use tests::audit::{Audit, Strength};

const HELP: &str = "\
Holds a stack's books against the simulator's ledger, its API and its pages.

usage: audit [--database-url URL] [--simulator URL] [--api URL] [--server-key KEY]
             [--running] [--lost-attempts-allowed] [--pages N] [--seed N] [--since TIME]

environment: DATABASE_URL, SIMULATOR_URL, API_URL, API_SERVER_KEY
  --running                the stack still works: intents may be alive
  --lost-attempts-allowed  workers were killed: a call may never have been written down
  --pages N                orders looked at through page and API, 500 if not said; --seed chooses which
  --since TIME             orders made before are not held against the simulator, which forgets when it restarts";

#[tokio::main]
async fn main() -> ExitCode {
    let audit = match read(std::env::args().skip(1), setting) {
        Ok(Some(audit)) => audit,
        Ok(None) => {
            say(HELP);
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            say(&format!("{problem}\n\n{HELP}"));
            return ExitCode::from(2);
        }
    };
    match audit.run().await {
        Ok(report) => {
            say(&report.to_string());
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            say(&format!("cannot look: {error:#}"));
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where this program's settings are read")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `None`: only help is wanted.
fn read(
    mut arguments: impl Iterator<Item = String>,
    setting: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<Option<Audit>> {
    let mut database_url = setting("DATABASE_URL");
    let mut simulator = setting("SIMULATOR_URL");
    let mut api = setting("API_URL");
    let mut server_key = setting("API_SERVER_KEY");
    let (mut running, mut lost_attempts_allowed) = (false, false);
    let (mut pages_max, mut seed, mut since) = (500, 0, None);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| anyhow::anyhow!("{name}: a value is missing"));
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--running" => running = true,
            "--lost-attempts-allowed" => lost_attempts_allowed = true,
            "--database-url" => database_url = Some(value()?),
            "--simulator" => simulator = Some(value()?),
            "--api" => api = Some(value()?),
            "--server-key" => server_key = Some(value()?),
            "--pages" => pages_max = value()?.parse()?,
            "--seed" => seed = value()?.parse()?,
            "--since" => since = Some(value()?),
            _ => anyhow::bail!("{name}: not known"),
        }
    }
    let needed = |value: Option<String>, name: &str| value.ok_or_else(|| anyhow::anyhow!("{name} is missing"));
    let pool = PgPoolOptions::new().max_connections(2).connect_lazy(&needed(database_url, "--database-url")?)?;
    let strength = if running { Strength::Running } else { Strength::Settled };
    let audit = Audit::new(pool, &needed(simulator, "--simulator")?, &needed(api, "--api")?);
    Ok(Some(Audit { server_key, strength, lost_attempts_allowed, pages_max, seed, since, ..audit }))
}

#[expect(clippy::print_stdout, reason = "a program that talks to a person")]
fn say(text: &str) {
    println!("{text}");
}
