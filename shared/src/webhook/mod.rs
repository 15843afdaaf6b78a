//! Webhooks: what Toss tells us without being asked. A hint, and never more.
//!
//! Anybody can write to the address, so nothing in a body is believed. [`take`] keeps the delivery, without what is secret
//! or personal, and where it says something that we do not know it makes a `check` intent due; only the answer to the
//! question that the worker then asks Toss changes anything.
//!
//! An order has one intent at a time. Where one is alive, the notice waits in its row, and [`look_again`] takes it up when
//! the order is free: by then most have become old news, such as the approval of a confirm of our own. So a row that says
//! `waiting` is a promise, like a row in the outbox, and a process may be killed anywhere.

mod hint;
mod weigh;

use std::time::Duration;

use secrecy::SecretString;
use sqlx::PgPool;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::{StoreError, within},
    order::{OrderId, OrderNo},
    payment::PaymentStatus,
    stop_point::{self, StopPoint},
};
use hint::{About, Hint, Said};
use weigh::{Claimed, Held, Knowledge, Worth, is_news, key_of, weigh};

/// However many hints come about one payment, Toss is asked about it no more often than this.
pub const ASK_SPACING: Duration = Duration::from_secs(10);

/// What was made of a delivery. The table's CHECK `webhook_inbox_state_known` lists the same names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Its order has a live intent, or was asked about a moment ago; it is looked at again.
    Waiting,
    /// Toss is asked.
    Checked,
    /// It says nothing that we do not know.
    Known,
    /// It is about no payment of ours.
    Unknown,
    /// It carries another secret than the payment's.
    WrongSecret,
    /// An event about something else than a payment.
    Other,
    Unreadable,
}

impl State {
    pub const ALL: [State; 7] =
        [Self::Waiting, Self::Checked, Self::Known, Self::Unknown, Self::WrongSecret, Self::Other, Self::Unreadable];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Checked => "checked",
            Self::Known => "known",
            Self::Unknown => "unknown",
            Self::WrongSecret => "wrong_secret",
            Self::Other => "other",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What came of a delivery.
#[derive(Debug)]
pub struct Taken {
    pub id: i64,
    pub state: State,
    /// It was here before; nothing was done but to count it.
    pub is_copy: bool,
    pub order_no: Option<OrderNo>,
}

/// Keeps a delivery and acts on it. Once this answers `Ok` it is not lost: what could not be done now is done by
/// [`look_again`].
pub async fn take(pool: &PgPool, transmission_id: Option<&str>, body: &[u8]) -> Result<Taken, StoreError> {
    let hint = Hint::read(body);
    let said = match &hint.about {
        About::Payment(said) => Some(said),
        About::Other | About::Unreadable => None,
    };
    let payments = match said {
        Some(said) => held(pool, said).await?,
        None => Vec::new(),
    };
    let (mut state, payment) = match (&hint.about, said.map(|said| weigh(said, &payments))) {
        (About::Unreadable, _) => (State::Unreadable, None),
        (About::Other, _) | (_, None) => (State::Other, None),
        (About::Payment(_), Some(Worth::Ask(payment) | Worth::Wait(payment))) => (State::Waiting, Some(payment)),
        (About::Payment(_), Some(Worth::Known(payment))) => (State::Known, Some(payment)),
        (About::Payment(_), Some(Worth::Unknown)) => (State::Unknown, None),
        (About::Payment(_), Some(Worth::WrongSecret(payment))) => (State::WrongSecret, payment),
    };
    let transmission_id = transmission_id.filter(|id| hint::is_key(id));
    let store = || {
        sqlx::query_file!(
            "src/webhook/store.sql",
            delivery(transmission_id, body),
            transmission_id,
            hint.event,
            hint.said_at,
            payment.map(|payment| payment.order_id),
            payment.map(|payment| payment.payment_no),
            said.map(|said| said.status.as_str()),
            said.and_then(|said| said.balance),
            said.and_then(|said| said.transaction_key.as_deref()),
            Some(&hint.content).filter(|content| !content.is_null()),
            state.as_str(),
        )
    };
    let row = within(pool, "keep a webhook", async |c| store().fetch_one(c).await).await?;
    stop_point::reach(StopPoint::AfterKeep, None).await;
    if row.is_new && state == State::Waiting && payment.is_some_and(|payment| payment.is_free) {
        match ask(pool, &[row.id]).await {
            Ok(0) => {}
            Ok(_) => state = State::Checked,
            // It stands in its row, and waits there.
            Err(error) => tracing::debug!(error = crate::telemetry::chain(&error), "a webhook waits"),
        }
    }
    Ok(Taken { id: row.id, state, is_copy: !row.is_new, order_no: said.and_then(|said| said.order_no) })
}

/// A delivery is known by its transmission id and every byte of what it says.
fn delivery(transmission_id: Option<&str>, body: &[u8]) -> Uuid {
    let mut all = transmission_id.unwrap_or_default().as_bytes().to_vec();
    all.push(b'\n');
    all.extend_from_slice(body);
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &all)
}

/// What we hold of the payments that a hint may mean.
async fn held(pool: &PgPool, said: &Said) -> Result<Vec<Held>, StoreError> {
    let Some(order_no) = said.order_no else { return Ok(Vec::new()) };
    let read = || sqlx::query_file!("src/webhook/facts.sql", order_no.uuid(), key_of(said));
    let rows = within(pool, "read what a webhook is about", async |c| read().fetch_all(c).await).await?;
    let held = rows.into_iter().map(|row| {
        Ok(Held {
            order_id: row.order_id,
            payment_no: row.payment_no,
            status: status(&row.status, row.order_id)?,
            balance: row.balance,
            transaction_key: row.transaction_key,
            secret: row.secret.map(SecretString::from),
            is_free: row.is_free,
        })
    });
    held.collect()
}

fn status(text: &str, order_id: i64) -> Result<PaymentStatus, StoreError> {
    PaymentStatus::parse(text).ok_or(StoreError::Corrupt { table: "payments", column: "status", id: order_id })
}

/// Makes check intents of waiting notices where that can be done now, and says how many notices are done with.
async fn ask(pool: &PgPool, ids: &[i64]) -> Result<i64, StoreError> {
    let statement = || sqlx::query_file_scalar!("src/webhook/ask.sql", ids, spacing_ms());
    within(pool, "ask because of webhooks", async |c| statement().fetch_one(c).await).await
}

fn spacing_ms() -> i64 {
    i64::try_from(ASK_SPACING.as_millis()).unwrap_or(i64::MAX)
}

/// What one look at the waiting notices did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Notices that led to a question.
    pub asked: i64,
    /// Notices that had become old news.
    pub known: i64,
    /// Where the next look goes on; `None`: this one came to the end, and the next starts anew.
    pub next: Option<OrderId>,
}

/// Takes up at most `limit` notices that waited for their orders, of orders after `after`.
pub async fn look_again(pool: &PgPool, after: Option<OrderId>, limit: u16) -> Result<Looked, StoreError> {
    let limit = i64::from(limit);
    let read = || sqlx::query_file!("src/webhook/waiting.sql", after.map_or(0, |id| id.0), limit, spacing_ms());
    let rows = within(pool, "read waiting webhooks", async |c| read().fetch_all(c).await).await?;
    let next = rows.last().filter(|_| i64::try_from(rows.len()) == Ok(limit)).map(|row| OrderId(row.order_id));
    let (mut news, mut old) = (Vec::new(), Vec::new());
    for row in rows {
        let claimed = Claimed {
            status: row.said_status.as_deref().unwrap_or_default(),
            balance: row.said_balance,
            transaction_key: row.said_transaction_key.as_deref(),
        };
        let status = match status(&row.status, row.order_id) {
            Ok(status) => status,
            Err(error) => {
                // A newer build may know it. The notices of other orders do not wait for that.
                tracing::error!(
                    error = crate::telemetry::chain(&error),
                    webhook.id = row.id,
                    "a waiting webhook is passed over"
                );
                continue;
            }
        };
        let known = Knowledge { status, balance: row.balance, transaction_key: row.transaction_key.as_deref() };
        if is_news(claimed, known) { news.push(row.id) } else { old.push(row.id) }
    }
    let mut looked = Looked { asked: 0, known: 0, next };
    if !old.is_empty() {
        let statement = || sqlx::query_file!("src/webhook/known.sql", &old);
        let done = within(pool, "note webhooks as known", async |c| statement().execute(c).await).await?;
        looked.known = i64::try_from(done.rows_affected()).unwrap_or(i64::MAX);
    }
    if !news.is_empty() {
        looked.asked = ask(pool, &news).await?;
    }
    Ok(looked)
}

/// Which deliveries are to be looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    Since(OffsetDateTime),
    These(Vec<i64>),
}

/// Has deliveries looked at again by the workers, and says how many there are.
pub async fn replay(pool: &PgPool, which: &Replay) -> Result<i64, StoreError> {
    const PAGE: i64 = 1_000;
    let (ids, since, page) = match which {
        Replay::Since(since) => (&[][..], Some(*since), PAGE),
        Replay::These(ids) => (ids.as_slice(), None, 0),
    };
    let (mut after, mut replayed) = (0, 0);
    loop {
        let statement = || sqlx::query_file!("src/webhook/replay.sql", ids, since, after, page);
        let done = within(pool, "replay webhooks", async |c| statement().fetch_one(c).await).await?;
        replayed += done.replayed;
        match done.last {
            Some(last) => after = last,
            None => return Ok(replayed),
        }
    }
}

/// Forgets deliveries of more than `days` ago, the oldest first, and says how many.
pub async fn forget(pool: &PgPool, days: i32, limit: u16) -> Result<u64, StoreError> {
    let statement = || sqlx::query_file!("src/webhook/prune.sql", days, i64::from(limit));
    Ok(within(pool, "forget old webhooks", async |c| statement().execute(c).await).await?.rows_affected())
}
