//! I4, the part that is told live: a stream says what the database says, and replays the history whole and in order, so that it
//! never said "paid" before the history did.

use std::{collections::HashMap, time::Duration};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Audit,
    books::Books,
    report::{Found, Invariant},
    rows::{CLOSED_OUTSIDE, Order},
};

/// So few at once that others who watch from here have their places too.
const PARALLEL: usize = 4;
const TRIES_MAX: usize = 5;
/// A stream tells what has happened at once.
const LIMIT: Duration = Duration::from_secs(10);

/// What was told of one order.
#[derive(Debug)]
pub(super) struct Told {
    /// To somebody who just came.
    now: Stream,
    /// To somebody who saw the order being made and nothing since; not asked for where nothing has happened since.
    since: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    status: u16,
    changes: Vec<Value>,
    end: Option<Value>,
}

/// By order number, of these orders, and how many have no stream because there was no place for it.
pub(super) async fn read(
    http: &reqwest::Client,
    audit: &Audit,
    books: &Books,
    chosen: &[String],
) -> anyhow::Result<(HashMap<String, Told>, usize)> {
    let by_no: HashMap<&str, &Order> = books.orders.values().map(|order| (order.order_no.as_str(), order)).collect();
    let looks = stream::iter(chosen.iter().filter_map(|order_no| by_no.get(order_no.as_str()))).map(async |order| {
        let now = listen(http, audit, order, None, 1).await?;
        let happened = order.events.len();
        let since = if happened > 0 { Some(listen(http, audit, order, Some(0), happened).await?) } else { None };
        anyhow::Ok((order.order_no.clone(), Told { now, since }))
    });
    let told: Vec<(String, Told)> = looks.buffer_unordered(PARALLEL).try_collect().await?;
    let asked = told.len();
    let had_place = told.into_iter().filter(|(_, told)| {
        let all = std::iter::once(&told.now).chain(&told.since);
        all.clone().all(|stream| {
            stream.status != StatusCode::TOO_MANY_REQUESTS && stream.status != StatusCode::SERVICE_UNAVAILABLE
        })
    });
    let told: HashMap<String, Told> = had_place.collect();
    let refused = asked - told.len();
    Ok((told, refused))
}

/// Reads so many changes and, where nothing more can come, on to the end.
async fn listen(
    http: &reqwest::Client,
    audit: &Audit,
    order: &Order,
    seen: Option<i64>,
    changes: usize,
) -> anyhow::Result<Stream> {
    let path = format!("/api/v1/orders/{}/events", order.order_no);
    let mut tries = 1;
    let mut response = loop {
        let request = http.get(format!("{}{path}", audit.api));
        let request = seen.into_iter().fold(request, |request, id| request.header("last-event-id", id));
        let response = request.send().await.with_context(|| path.clone())?;
        let has_place = !matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if has_place || tries == TRIES_MAX {
            break response;
        }
        tries += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let mut stream = Stream { status: response.status().as_u16(), changes: Vec::new(), end: None };
    let read = async {
        let mut text = String::new();
        while stream.end.is_none() && (stream.changes.len() < changes || is_over(order)) {
            let Some(chunk) = response.chunk().await? else { break };
            text.push_str(&String::from_utf8_lossy(&chunk));
            while let Some((block, rest)) = text.split_once("\n\n") {
                stream.take(block);
                text = rest.to_owned();
            }
        }
        anyhow::Ok(())
    };
    // Whoever is told too little is told so by what is missing.
    if let Ok(read) = tokio::time::timeout(LIMIT, read).await {
        read.with_context(|| path.clone())?;
    }
    Ok(stream)
}

impl Stream {
    fn take(&mut self, block: &str) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let Some(mut data) = field("data:").and_then(|data| serde_json::from_str::<Value>(data).ok()) else { return };
        match field("event:") {
            Some("status") => {
                data["id"] = field("id:").and_then(|id| id.parse::<i64>().ok()).into();
                self.changes.push(data);
            }
            Some("end") => self.end = Some(data),
            _ => {}
        }
    }
}

/// Nothing more is to be expected of it.
fn is_over(order: &Order) -> bool {
    let has_ended = matches!(order.status.as_str(), "DONE" | "PARTIAL_CANCELED" | "CANCELED" | "ABORTED" | "EXPIRED");
    has_ended && !order.has_live_cancel()
}

/// Whether money has moved, where the state alone says so.
fn money_moved(order: &Order) -> Option<bool> {
    let holds = matches!(order.status.as_str(), "DONE" | "PARTIAL_CANCELED") || order.has_cause(CLOSED_OUTSIDE);
    is_over(order).then_some(holds)
}

pub(super) fn judge(order: &Order, told: &HashMap<String, Told>, found: &mut Found) {
    let Some(told) = told.get(&order.order_no) else { return };
    let mut problems = Vec::new();
    for stream in std::iter::once(&told.now).chain(&told.since) {
        if stream.status != 200 {
            problems.push(format!("it answered {}", stream.status));
        }
        for said in stream.changes.iter().chain(&stream.end) {
            let is_so =
                said["status"] == order.status && money_moved(order).is_none_or(|moved| said["moneyMoved"] == moved);
            if !is_so {
                problems.push(format!("it says {} and that money moved: {}", said["status"], said["moneyMoved"]));
            }
        }
        if is_over(order) && stream.end.is_none() {
            problems.push("it has no end".to_owned());
        }
    }
    let newest = order.events.last();
    let first: Vec<_> = told.now.changes.first().map(change).into_iter().collect();
    let expected = newest.map_or((Some(0), "READY".to_owned(), "created".to_owned()), |event| {
        (Some(event.id), event.to_status.clone(), event.cause.clone())
    });
    let first: Vec<_> = first.into_iter().map(|(id, to, cause, _)| (id, to, cause)).collect();
    if first != [expected] || told.now.changes.len() != 1 {
        problems.push(format!("it begins with {first:?}"));
    }
    let replayed: Vec<_> = told.since.iter().flat_map(|since| &since.changes).map(change).collect();
    let history = order.events.iter();
    let history: Vec<_> =
        history.map(|event| (Some(event.id), event.to_status.clone(), event.cause.clone(), Some(event.at))).collect();
    if replayed != history {
        problems.push(format!("the history that it replays is {replayed:?}"));
    }
    if !problems.is_empty() {
        problems.dedup();
        let said = problems.join("; ");
        found.add(
            Invariant::I4,
            order,
            "stream disagrees",
            format!("the database says {}; of the stream: {said}", order.status),
        );
    }
}

/// Its number, where it led, why and when.
fn change(told: &Value) -> (Option<i64>, String, String, Option<OffsetDateTime>) {
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    (told["id"].as_i64(), text("to"), text("cause"), OffsetDateTime::parse(&text("at"), &Rfc3339).ok())
}
