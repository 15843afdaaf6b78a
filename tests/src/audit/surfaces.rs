//! I4, the part that people see: page, API and the operator's list say what the database says.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;
use serde_json::Value;

use super::{
    Audit,
    books::Books,
    report::{Found, Invariant},
    rows::Order,
};

const PARALLEL: usize = 8;
const LIST_PAGE: usize = 100;
/// An api that says when to come back is asked again; one that does so for ever is a violation.
const TRIES_MAX: usize = 5;

/// What was shown of one order.
#[derive(Debug, Default)]
pub(super) struct Shown {
    api: Page,
    page: Page,
    /// Its status in the operator's list, where that was read so far down.
    listed: Option<String>,
}

#[derive(Debug, Default)]
struct Page {
    status: u16,
    text: String,
}

/// A refund into an account is over when the bank has paid it, and no page calls it so before.
fn words_of_the_bank(order: &Order) -> Option<&'static str> {
    let is_back = |status: &str| matches!(status, "CANCELED" | "PARTIAL_CANCELED");
    let refunded = order.payments.iter().filter(|payment| is_back(&payment.status) && payment.balance.is_some());
    let open = refunded.filter_map(|payment| Some((payment.bank_refund.as_deref()?, payment.is_bank_refund_closed)));
    let words = open.filter(|(word, _)| *word != "COMPLETED" && is_back(&order.status)).map(|open| match open {
        ("FAILED" | "PARTIAL_FAILED", false) => (0, "Refund not arrived"),
        ("FAILED" | "PARTIAL_FAILED", true) if order.status == "CANCELED" => (2, "Canceled"),
        ("FAILED" | "PARTIAL_FAILED", true) => (2, "Partly refunded"),
        _ => (1, "Being refunded"),
    });
    words.min_by_key(|(rank, _)| *rank).map(|(_, words)| words)
}

/// The words of each state, as the pages promise them in English.
fn words(order: &Order) -> &'static str {
    if let Some(words) = words_of_the_bank(order) {
        return words;
    }
    match order.status.as_str() {
        "READY" => "Not paid yet",
        "IN_PROGRESS" => "Confirming",
        "WAITING_FOR_DEPOSIT" => "Awaiting deposit",
        "DONE" => "Paid",
        "PARTIAL_CANCELED" => "Partly refunded",
        // Nothing was ever paid, so nothing was given back.
        "CANCELED" if order.payments.iter().all(|payment| payment.balance.is_none()) => "Canceled",
        // An operator closed it, and what Toss still holds was settled outside.
        "CANCELED" if order.events.last().is_some_and(|event| event.cause == "closed_settled_outside") => "Canceled",
        "CANCELED" => "Refunded",
        "ABORTED" => "Declined",
        "EXPIRED" => "Expired",
        "REVIEW" => "In review",
        _ => "a state that nobody defined",
    }
}

/// The numbers of the orders that are looked at; of any length the beginning is a sample.
pub(super) fn choose(audit: &Audit, books: &Books) -> Vec<String> {
    let mut chosen: Vec<String> = books.orders.values().map(|order| order.order_no.clone()).collect();
    chosen.sort_by_cached_key(|order_no| {
        let mut hasher = DefaultHasher::new();
        (audit.seed, order_no).hash(&mut hasher);
        hasher.finish()
    });
    chosen.truncate(audit.pages_max);
    chosen
}

/// By order number.
pub(super) async fn read(
    http: &reqwest::Client,
    audit: &Audit,
    chosen: &[String],
) -> anyhow::Result<HashMap<String, Shown>> {
    let listed = list(http, audit).await?;
    let looks = stream::iter(chosen).map(|order_no| {
        let listed = listed.get(order_no).cloned();
        async move {
            let api = get(http, audit, &format!("/api/v1/orders/{order_no}")).await?;
            let page = get(http, audit, &format!("/order/{order_no}")).await?;
            Ok((order_no.clone(), Shown { api, page, listed }))
        }
    });
    looks.buffer_unordered(PARALLEL).try_collect().await
}

/// The statuses in the operator's list, newest first, as far down as orders are looked at.
async fn list(http: &reqwest::Client, audit: &Audit) -> anyhow::Result<HashMap<String, String>> {
    let mut listed = HashMap::new();
    if audit.server_key.is_none() {
        return Ok(listed);
    }
    let mut cursor = String::new();
    while listed.len() < audit.pages_max {
        let page = get(http, audit, &format!("/api/v1/orders?size={LIST_PAGE}{cursor}")).await?;
        anyhow::ensure!(page.status == 200, "the operator's list answered {}: {}", page.status, page.text);
        let page: Value = serde_json::from_str(&page.text).context("the operator's list")?;
        for order in page["orders"].as_array().into_iter().flatten() {
            if let (Some(order_no), Some(status)) = (order["orderId"].as_str(), order["status"].as_str()) {
                listed.insert(order_no.to_owned(), status.to_owned());
            }
        }
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    Ok(listed)
}

async fn get(http: &reqwest::Client, audit: &Audit, path: &str) -> anyhow::Result<Page> {
    let mut tries = 1;
    loop {
        let mut request = http.get(format!("{}{path}", audit.api)).header("accept-language", "en");
        if let Some(key) = audit.server_key.as_ref().filter(|_| path.contains('?')) {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.with_context(|| path.to_owned())?;
        let status = response.status();
        let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if is_busy && tries < TRIES_MAX {
            let asked = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            tokio::time::sleep(Duration::from_secs(asked.unwrap_or(1).min(30))).await;
            tries += 1;
            continue;
        }
        return Ok(Page { status: status.as_u16(), text: response.text().await.with_context(|| path.to_owned())? });
    }
}

pub(super) fn judge(order: &Order, shown: &HashMap<String, Shown>, found: &mut Found) {
    let Some(shown) = shown.get(&order.order_no) else { return };
    let mut disagrees = |rule: &'static str, said: String| {
        found.add(Invariant::I4, order, rule, format!("the database says {}; {said}", order.status));
    };
    match (shown.api.status, serde_json::from_str::<Value>(&shown.api.text)) {
        (200, Ok(json)) => {
            if json["status"] != order.status {
                disagrees("api disagrees", format!("the API {}", json["status"]));
            }
            if json["amount"] != order.amount {
                disagrees("api disagrees", format!("over {}, the API {}", order.amount, json["amount"]));
            }
            let told = json["timeline"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_told = told.len() == order.events.len()
                && told.iter().zip(&order.events).all(|(told, event)| told["to"] == event.to_status);
            if !is_told {
                let told: Vec<_> = told.iter().map(|event| event["to"].as_str().unwrap_or_default()).collect();
                disagrees("api disagrees", format!("the API's timeline is {told:?}"));
            }
        }
        (status, _) => disagrees("api disagrees", format!("the API answered {status}")),
    }
    match visible_status(&shown.page) {
        Ok(words_shown) if words_shown == words(order) => {}
        Ok(words_shown) => disagrees("page disagrees", format!("the page {words_shown:?}")),
        Err(problem) => disagrees("page disagrees", problem),
    }
    if let Some(listed) = shown.listed.as_ref().filter(|listed| **listed != order.status) {
        disagrees("list disagrees", format!("the operator's list {listed}"));
    }
}

/// The page's first chip: the state that it shows on top. Names of earlier states stand further down.
fn visible_status(page: &Page) -> Result<&str, String> {
    if page.status != 200 {
        return Err(format!("the page answered {}", page.status));
    }
    let chip = page.text.split_once("class=\"chip").and_then(|(_, rest)| rest.split_once('>'));
    let words = chip.and_then(|(_, rest)| rest.split_once('<'));
    words.map(|(words, _)| words.trim()).ok_or_else(|| "the page shows no state".to_owned())
}
