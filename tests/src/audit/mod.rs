//! The auditor: our books, the simulator's ledger and request log, the public API and the pages, held against each other
//! after whatever happened.
//!
//! It stands outside the system. It uses no code of ours, only our tables, Toss's evidence and what any shopper can see,
//! so it cannot share a mistake with what it checks; of our intentions it knows these invariants alone:
//!
//! - I1: per order at most one paymentKey holds money, and no more than the order's amount.
//! - I2: every accepted confirm and every refund ended, with proof, and says what the ledger says; or it is in review. An order
//!   is CANCELED while Toss holds money for it only where an operator said that this was settled elsewhere.
//! - I3: received = on hand + held + sold, for every product. A review holds what the order held when it came to it.
//! - I4: page, API, stream, database and ledger agree; the history never says paid before Toss did, and leaves a final state only
//!   by a defined reversal, which the ledger has too.
//! - I5: each change has its event and its attempt, each request at Toss its attempt, each attempt its request; one
//!   Idempotency-Key means one body and one secret key; what is unresolved has an intent, and nothing else has one.
//!
//! Stories end in it (`tests/it/harness/audit.rs`). It also runs as a program, against any stack whose Toss is the
//! simulator, also the demo that `cargo run` starts. The addresses are those that the demo prints; its database, whose
//! password no command line should show, is named by the environment:
//!
//! ```text
//! D=target/hanbeon/demo
//! export DATABASE_URL=postgres://hanbeon:$(cat $D/password)@127.0.0.1:$(cat $D/port)/hanbeon
//! cargo run -p tests --bin audit -- --simulator http://127.0.0.1:8090 --api http://127.0.0.1:8080
//! ```
//!
//! While it still sells, add `--running`: orders with a live intent need not have ended then, and orders that moved while
//! the books were read are left for the next audit. The simulator forgets its ledger when it stops and the demo keeps its
//! orders: after a restart, add `--since` with the time of the start, or start with `--fresh`. `--lost-attempts-allowed`
//! is for a stack whose workers were killed: a call that was never written down is then no violation.

mod books;
mod calls;
mod events;
mod intents;
mod money;
mod report;
mod rows;
mod stock;
mod streams;
mod surfaces;
mod toss;

use std::time::Duration;

use sqlx::PgPool;

pub use report::{Invariant, Report, Subject, Violation};

/// The part of an audit that is true at every moment and cheap: each product's pieces are on hand, held or sold, and each
/// order's history leads to its state. It reads our tables alone, in one snapshot, so it may be asked for after every step.
pub async fn now(pool: &PgPool) -> anyhow::Result<Report> {
    let books = books::read(pool, None).await?;
    let mut found = report::Found::default();
    stock::judge(&books, &mut found);
    for order in books.orders.values() {
        events::judge(order, &mut found);
    }
    let mut report = found.report();
    report.orders = books.orders.len();
    report::add_histories(&mut report, pool, &toss::Toss::default(), &books).await?;
    Ok(report)
}

/// How much must be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// Everything: nothing is due, nothing is leased, and every accepted confirm and every refund has ended.
    Settled,
    /// Intents may be alive, and workers may work on them.
    Running,
}

#[derive(Debug)]
pub struct Audit {
    pub pool: PgPool,
    /// Where the simulator is, without a slash at the end.
    pub simulator: String,
    /// Where the api is, likewise.
    pub api: String,
    /// The api's server key. With it the operator's list is read too.
    pub server_key: Option<String>,
    pub strength: Strength,
    /// Workers were killed or lost their database: a request at Toss may be without its attempt.
    pub lost_attempts_allowed: bool,
    /// How many orders are looked at through page, API and list. More than these are sampled.
    pub pages_max: usize,
    /// How many of those are listened to as well.
    pub streams_max: usize,
    /// Which ones.
    pub seed: u64,
    /// Orders made before this time, as PostgreSQL reads it, are not held against the simulator, which has forgotten
    /// them.
    pub since: Option<String>,
}

impl Audit {
    /// The strictest audit of a stack at rest.
    pub fn new(pool: PgPool, simulator: &str, api: &str) -> Self {
        Self {
            pool,
            simulator: simulator.trim_end_matches('/').to_owned(),
            api: api.trim_end_matches('/').to_owned(),
            server_key: None,
            strength: Strength::Settled,
            lost_attempts_allowed: false,
            pages_max: 500,
            streams_max: 100,
            seed: 0,
            since: None,
        }
    }

    /// Looks at everything. An error means that it could not be read, not that something is wrong with it.
    pub async fn run(&self) -> anyhow::Result<Report> {
        let http = http()?;
        // The books first: what they call paid must then be in the ledger, which only grows.
        let books = books::read(&self.pool, self.since.as_deref()).await?;
        let toss = toss::read(&http, &self.simulator, &books).await?;
        let chosen = surfaces::choose(self, &books);
        let shown = surfaces::read(&http, self, &chosen).await?;
        let listened = chosen.get(..self.streams_max).unwrap_or(&chosen);
        let (told, refused) = streams::read(&http, self, &books, listened).await?;
        let after = books::marks(&self.pool).await?;

        let mut found = report::Found::default();
        stock::judge(&books, &mut found);
        intents::judge_strays(&books, &mut found);
        toss::judge_strays(&toss, &after, &mut found);
        let calls = calls::Calls::of(self, &books, &toss);
        for order in books.orders.values() {
            if after.get(&order.order_no) != Some(&order.mark) {
                if self.strength == Strength::Settled {
                    found.add(Invariant::I4, order, "still moving", "it changed while the books were read".to_owned());
                }
                continue;
            }
            intents::judge(order, self.strength, &mut found);
            events::judge(order, &mut found);
            surfaces::judge(order, &shown, &mut found);
            streams::judge(order, &told, &mut found);
            if order.known_to_simulator {
                let seen = toss.of(&order.order_no);
                money::judge(order, seen, self.strength, &mut found);
                events::judge_approvals(order, seen, toss.clock_is_ours, &mut found);
                events::judge_reversals(order, seen, &mut found);
                calls::judge(order, seen, calls, &mut found);
            } else {
                money::judge_proof(order, &mut found);
            }
        }
        let mut report = found.report();
        report.orders = books.orders.len();
        report.orders_looked_at = shown.len();
        report.orders_listened_to = told.len();
        report.ledger_entries = toss.entries;
        report.requests = toss.requests;
        report.notes = toss.notes.clone();
        if refused > 0 {
            report.notes.push(format!("there was no place for the streams of {refused} orders"));
        }
        report::add_histories(&mut report, &self.pool, &toss, &books).await?;
        Ok(report)
    }
}

fn http() -> anyhow::Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default(); // an error means that there is one
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    Ok(builder.timeout(Duration::from_secs(30)).build()?)
}
