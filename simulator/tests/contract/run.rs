//! Runs the cases one after the other and says of each what became of it.
//!
//! A case runs on a task of its own, so that its panic is its failure and nobody else's. Arguments are words of which a
//! name must hold one; `--list` prints the names, and other options of cargo's usual harness are passed over.

use std::process::ExitCode;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::case::{Case, Needs};
use crate::settings::Target;
use crate::toss::{Own, Toss};

/// Longer than Toss's own sixty seconds for lists; only a case that is going to fail waits for it.
const LIMIT: Duration = Duration::from_secs(90);

#[derive(Default)]
struct Counts {
    kept: usize,
    /// Nothing broke, but some of it was only looked at.
    looked_at: usize,
    broken: Vec<String>,
    not_run: usize,
}

pub(crate) fn run(cases: &[Case], target: &Target) -> ExitCode {
    target.refuse_live_keys();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let chosen: Vec<&Case> =
        cases.iter().filter(|case| words.is_empty() || words.iter().any(|word| case.name.contains(*word))).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        for case in chosen {
            println!("{}: test", case.name);
        }
        return ExitCode::SUCCESS;
    }
    let whom = target.base.as_deref().unwrap_or("simulators of our own");
    println!("\nasking {whom}: {} of {} cases", chosen.len(), cases.len());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let counts = runtime.block_on(async {
        let mut counts = Counts::default();
        for case in chosen {
            try_one(case, target, &mut counts).await;
        }
        counts
    });
    report(&counts)
}

async fn try_one(case: &Case, target: &Target, counts: &mut Counts) {
    let name = &case.name;
    let unmet = match case.needs {
        Needs::Key => false,
        Needs::WidgetKey => target.widget_secret_key.is_none(),
        Needs::KeyInContract | Needs::Control => target.base.is_some(),
    };
    if unmet {
        counts.not_run += 1;
        println!("not run   needs {}: {name}", case.needs.text());
        return;
    }
    let own = Own::start(target).await;
    let toss = Toss::new(target, own.as_ref());
    let observed = toss.observed.clone();
    let mut task = JoinSet::new();
    task.spawn((case.run)(toss));
    let end = tokio::time::timeout(LIMIT, task.join_next()).await;
    if let Some(own) = own {
        own.stop().await;
    }
    let mut seen = std::mem::take(&mut *observed.lock().unwrap());
    seen.dedup();
    for sentence in &seen {
        println!("          {sentence}");
    }
    match end {
        Ok(Some(Ok(()))) if seen.is_empty() => {
            counts.kept += 1;
            println!("kept      {name}");
        }
        Ok(Some(Ok(()))) => {
            counts.looked_at += 1;
            println!("looked at {name}");
        }
        Ok(_) => {
            counts.broken.push(name.clone());
            println!("BROKEN    {name}");
        }
        Err(_) => {
            counts.broken.push(name.clone());
            println!("BROKEN    {name}: no end after {LIMIT:?}");
        }
    }
}

fn report(counts: &Counts) -> ExitCode {
    let Counts { kept, looked_at, broken, not_run } = counts;
    for name in broken {
        println!("\nbroken: {name}");
    }
    println!("\n{looked_at} more were looked at where Toss says nothing: what came back stands above them");
    println!("{kept} passed, {} failed, {not_run} skipped\n", broken.len());
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
