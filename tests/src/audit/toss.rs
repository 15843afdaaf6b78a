//! Toss's side: what the simulator's ledger says was charged, and what its log says arrived.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    books::Books,
    report::{Found, Invariant, Subject},
};

/// The most the control API gives at once.
const PAGE: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Toss {
    orders: HashMap<String, Seen>,
    /// Payments that the simulator itself says it approved twice.
    approved_twice: Vec<(String, String)>,
    pub(super) entries: usize,
    pub(super) requests: usize,
    /// Nobody has moved the simulator's clock: its times can be held against ours.
    pub(super) clock_is_ours: bool,
    /// The log still has its first request.
    pub(super) log_is_whole: bool,
    pruned_before: u64,
    pub(super) notes: Vec<String>,
}

/// What Toss knows about one order.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) entries: Vec<Entry>,
    /// By paymentKey.
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) requests: Vec<Request>,
}

/// What the entries of one payment add up to.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) balance: i64,
    /// Approvals that no bank has taken back.
    pub(super) approvals: i64,
    /// The amounts of its cancels.
    pub(super) given_back: Vec<i64>,
    pub(super) first_approved_at: Option<OffsetDateTime>,
}

impl Seen {
    pub(super) fn balance(&self, payment_key: &str) -> i64 {
        self.accounts.get(payment_key).map_or(0, |account| account.balance)
    }

    pub(super) fn total(&self) -> i64 {
        self.accounts.values().map(|account| account.balance).sum()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) kind: String,
    pub(super) order_id: String,
    pub(super) payment_key: String,
    pub(super) amount: i64,
    pub(super) balance_after: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) endpoint: String,
    pub(super) idempotency_key: Option<String>,
    /// Which secret key signed it. A simulator of before this was logged does not say.
    pub(super) secret_key_hash: Option<String>,
    pub(super) body: Option<String>,
    pub(super) order_id: Option<String>,
    pub(super) payment_key: Option<String>,
    pub(super) status: Option<i16>,
    pub(super) code: Option<String>,
    pub(super) replayed: bool,
    pub(super) faults: Vec<String>,
    pub(super) trace_id: Option<String>,
}

static NOTHING: Seen = Seen { entries: Vec::new(), accounts: BTreeMap::new(), requests: Vec::new() };

impl Toss {
    pub(super) fn of(&self, order_no: &str) -> &Seen {
        self.orders.get(order_no).unwrap_or(&NOTHING)
    }
}

pub(super) async fn read(http: &reqwest::Client, simulator: &str, books: &Books) -> anyhow::Result<Toss> {
    let mut toss = Toss { log_is_whole: true, ..Toss::default() };
    let clock: Value = get(http, &format!("{simulator}/control/clock")).await?;
    toss.clock_is_ours = clock["advancedSeconds"] == 0;
    toss.requests(http, simulator, books).await?;
    // The ledger after the requests: whatever was answered is then in it.
    toss.ledger(http, simulator).await?;
    let audit: Value = get(http, &format!("{simulator}/control/audit")).await?;
    for order in audit["orders"].as_array().into_iter().flatten() {
        for key in order["approvedTwice"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            toss.approved_twice.push((order["orderId"].as_str().unwrap_or_default().to_owned(), key.to_owned()));
        }
    }
    if !toss.clock_is_ours {
        toss.notes.push("the simulator's clock was moved: times of approval are not held against ours".to_owned());
    }
    Ok(toss)
}

impl Toss {
    async fn ledger(&mut self, http: &reqwest::Client, simulator: &str) -> anyhow::Result<()> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            entries: Vec<Entry>,
            pruned_before: u64,
        }
        let mut after = String::new();
        loop {
            let page: Page = get(http, &format!("{simulator}/control/ledger?limit={PAGE}{after}")).await?;
            self.pruned_before = page.pruned_before;
            let Some(last) = page.entries.last() else { return Ok(()) };
            after = format!("&after={}", last.seq);
            self.entries += page.entries.len();
            for entry in page.entries {
                self.enter(entry)?;
            }
        }
    }

    fn enter(&mut self, entry: Entry) -> anyhow::Result<()> {
        let seen = self.orders.entry(entry.order_id.clone()).or_default();
        let account = seen.accounts.entry(entry.payment_key.clone()).or_default();
        account.balance += entry.amount;
        match entry.kind.as_str() {
            "APPROVAL" => {
                account.approvals += 1;
                let at = OffsetDateTime::parse(&entry.at, &Rfc3339).context("the time of a ledger's entry")?;
                account.first_approved_at.get_or_insert(at);
            }
            "REVERSAL" => account.approvals -= 1,
            "CANCEL" => account.given_back.push(-entry.amount),
            other => anyhow::bail!("the ledger has an entry of a kind that is not known: {other}"),
        }
        seen.entries.push(entry);
        Ok(())
    }

    async fn requests(&mut self, http: &reqwest::Client, simulator: &str, books: &Books) -> anyhow::Result<()> {
        #[derive(Deserialize)]
        struct Page {
            requests: Vec<Request>,
        }
        let owners: HashMap<&str, &str> = books
            .orders
            .values()
            .flat_map(|order| {
                order.payments.iter().map(|payment| (payment.payment_key.as_str(), order.order_no.as_str()))
            })
            .collect();
        let mut after = String::new();
        loop {
            let page: Page = get(http, &format!("{simulator}/control/requests?limit={PAGE}{after}")).await?;
            let Some(last) = page.requests.last() else { return Ok(()) };
            if after.is_empty() && page.requests.first().is_some_and(|first| first.seq > 0) {
                self.log_is_whole = false;
                self.notes.push("the request log has lost its beginning: attempts are not held against it".to_owned());
            }
            after = format!("&after={}", last.seq);
            self.requests += page.requests.len();
            for request in page.requests {
                // Toss does not know which order a paymentKey is about that it has never seen.
                let owner = || owners.get(request.payment_key.as_deref()?).map(|order_no| (*order_no).to_owned());
                if let Some(order_no) = request.order_id.clone().or_else(owner) {
                    self.orders.entry(order_no).or_default().requests.push(request);
                }
            }
        }
    }
}

async fn get<T: DeserializeOwned>(http: &reqwest::Client, url: &str) -> anyhow::Result<T> {
    let response = http.get(url).send().await.with_context(|| url.to_owned())?;
    response.error_for_status()?.json().await.with_context(|| url.to_owned())
}

/// What Toss has that belongs to no order of ours. `known`: the order numbers that there are by now.
pub(super) fn judge_strays(toss: &Toss, known: &HashMap<String, String>, found: &mut Found) {
    if toss.pruned_before > 0 {
        let detail = format!("it begins at entry {}; what was charged before is not known", toss.pruned_before);
        found.add_about(Invariant::I1, Subject::Whole, "ledger lost its beginning", detail);
    }
    for (order_no, key) in &toss.approved_twice {
        let subject = Subject::Order(order_no.clone());
        found.add_about(Invariant::I1, subject, "payment approved twice", format!("{key} by the simulator's own sums"));
    }
    for (order_no, seen) in toss.orders.iter().filter(|(order_no, _)| !known.contains_key(*order_no)) {
        let subject = || Subject::Order(order_no.clone());
        if !seen.entries.is_empty() {
            let detail = format!("the ledger holds {} for it", seen.total());
            found.add_about(Invariant::I2, subject(), "charged without an order", detail);
        }
        let posts =
            seen.requests.iter().filter(|request| matches!(request.endpoint.as_str(), "confirm" | "cancel")).count();
        if posts > 0 {
            found.add_about(
                Invariant::I5,
                subject(),
                "request without an order",
                format!("{posts} confirms and cancels"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Found, Toss, judge_strays};

    #[test]
    fn a_ledger_that_is_not_whole_or_not_right_is_no_ledger() {
        let toss =
            Toss { pruned_before: 3, approved_twice: vec![("order".to_owned(), "key".to_owned())], ..Toss::default() };
        let mut found = Found::default();
        judge_strays(&toss, &HashMap::new(), &mut found);
        let rules: Vec<_> = found.report().violations.iter().map(|violation| violation.rule).collect();
        assert_eq!(rules, ["ledger lost its beginning", "payment approved twice"]);
    }
}
