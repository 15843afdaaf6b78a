//! Refunds that somebody asks for: an operator on the order's page, or the shop's own server.
//!
//! [`request`] looks at the order, judges, and writes the refund down together with its intent, in one statement that
//! holds only if the order still is as it was looked at. From then on it cannot be lost. Whoever repeats the request
//! under the same Idempotency-Key gets the same answer, and no second refund.

mod account;
mod judge;

use std::fmt;

pub use account::{AccountFault, AccountKey, RefundAccount};
pub use judge::{Refundable, Refusal};

use serde::{Deserialize, Serialize};
use sqlx::{PgPool, types::Json};
use uuid::Uuid;

use crate::{
    db::{StoreError, within},
    money::Krw,
    order::{OrderId, OrderNo, OrderStatus, ProductId},
    payment::PaymentStatus,
    toss,
};
use judge::{Plan, Seen, judge};

/// Why a refund is made, or why an operator asks for something else, 1 to 200 characters on one line. That of a refund is
/// kept by Toss, and the shopper may read it; another one stays with the order's events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    /// Toss's limit (API reference, `cancelReason`).
    pub const LENGTH_MAX: usize = 200;

    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (1..=Self::LENGTH_MAX).contains(&text.chars().count());
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the caller calls its request: 1 to 255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    pub const LENGTH_MAX: usize = 255;

    /// Of no request: for who only looks.
    fn nobodys() -> Self {
        Self(String::new())
    }

    /// With or without the quotes of a structured header (draft-ietf-httpapi-idempotency-key-header).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who wants it. The table's CHECK `cancels_actor_known` lists the same names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A worker, because Toss approved what must not be kept.
    Worker,
    Operator,
    /// The shop's own server.
    Server,
}

impl Actor {
    pub const ALL: [Actor; 3] = [Self::Worker, Self::Operator, Self::Server];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Operator => "operator",
            Self::Server => "server",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|actor| actor.as_str() == text)
    }
}

/// Pieces of one line that come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReturnLine {
    pub product_id: ProductId,
    /// From 1 up.
    pub quantity: i32,
    /// Are they for sale again?
    pub restock: bool,
}

/// A refund as it is asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    pub order_no: OrderNo,
    pub reason: Reason,
    /// `None`: what the lines cost; without lines, everything that is left.
    pub amount: Option<Krw>,
    pub lines: Vec<ReturnLine>,
    pub account: Option<RefundAccount>,
}

/// A refund that was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requested {
    pub order_no: OrderNo,
    /// 1 for the order's first refund.
    pub cancel_no: i16,
    pub amount: Krw,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// The refund stands in the outbox.
    Accepted(Requested),
    /// It was accepted before. Nothing new was written.
    Again(Requested),
    /// The same Idempotency-Key is being worked on this moment.
    Running,
    /// The same Idempotency-Key came with another request before.
    KeyReused,
    Refused(Refusal),
}

/// Each look that finds nothing wrong means that the order changed in between; then it is tried again.
const TRIES_MAX: usize = 3;

/// What the statement runs into when somebody else was quicker: it wrote nothing.
const OVERTAKEN: [&str; 4] = ["api_requests_pkey", "cancels_pkey", "cancels_one_live", "outbox_kind_known"];

/// Writes down a refund. `account_key` is needed only where it goes to an account.
pub async fn request(
    pool: &PgPool,
    request: &Request,
    actor: Actor,
    key: &IdempotencyKey,
    account_key: Option<&AccountKey>,
) -> Result<Answer, StoreError> {
    let bytes = serde_json::to_vec(request).unwrap_or_default(); // a struct of strings and numbers always serialises
    let fingerprint = account::fingerprint(account_key, &bytes);
    for _ in 0..TRIES_MAX {
        let (before, seen) = look(pool, request.order_no, key).await?;
        if let Some(before) = before {
            let same = before.fingerprint == fingerprint;
            return Ok(if same { Answer::Again(before.requested) } else { Answer::KeyReused });
        }
        let plan = match judge(request, seen.as_ref(), account_key.is_some()) {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Answer::Refused(refusal)),
        };
        match write(pool, request, actor, (key, &fingerprint), &plan, account_key).await {
            Ok(Written::Accepted) => {
                let requested =
                    Requested { order_no: request.order_no, cancel_no: plan.cancel_no(), amount: plan.amount };
                return Ok(Answer::Accepted(requested));
            }
            Ok(Written::Running) => return Ok(Answer::Running),
            Ok(Written::Nothing) => {}
            Err(error) if error.constraint().is_some_and(|name| OVERTAKEN.contains(&name)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Answer::Refused(Refusal::Busy))
}

/// What a refund would do, if nothing changes until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preview {
    pub amount: Krw,
    /// What Toss holds before it.
    pub balance: Krw,
    /// Nothing was paid yet: the virtual account is closed.
    pub closes_account: bool,
}

impl Preview {
    /// What Toss holds after it.
    pub fn left(&self) -> Krw {
        self.balance.won().checked_sub(self.amount.won()).and_then(Krw::new).unwrap_or(self.balance)
    }
}

/// Judges a refund as [`request`] would, and writes nothing.
pub async fn preview(
    pool: &PgPool,
    request: &Request,
    has_account_key: bool,
) -> Result<Result<Preview, Refusal>, StoreError> {
    let (_, seen) = look(pool, request.order_no, &IdempotencyKey::nobodys()).await?;
    Ok(judge(request, seen.as_ref(), has_account_key).map(|plan| Preview {
        amount: plan.amount,
        balance: plan.balance,
        closes_account: plan.payment_status == PaymentStatus::WaitingForDeposit,
    }))
}

/// What somebody may ask to have given back. `None`: nothing, or there is no such order.
pub async fn refundable(pool: &PgPool, order_no: OrderNo) -> Result<Option<Refundable>, StoreError> {
    let (_, seen) = look(pool, order_no, &IdempotencyKey::nobodys()).await?;
    Ok(seen.and_then(|seen| seen.refundable()))
}

/// Was a refund of this order written down under this key?
pub async fn was_requested(pool: &PgPool, order_no: OrderNo, key: &IdempotencyKey) -> Result<bool, StoreError> {
    let (before, _) = look(pool, order_no, key).await?;
    Ok(before.is_some_and(|before| before.requested.order_no == order_no))
}

struct Before {
    fingerprint: Vec<u8>,
    requested: Requested,
}

/// What is left of a line after the refunds that were made or are under way.
#[derive(Debug, Deserialize)]
struct LineLeft {
    product_id: i64,
    unit_price: i64,
    left: i32,
}

async fn look(
    pool: &PgPool,
    order_no: OrderNo,
    key: &IdempotencyKey,
) -> Result<(Option<Before>, Option<Seen>), StoreError> {
    let look = || sqlx::query_file!("src/cancel/look.sql", order_no.uuid(), key.0);
    let row = within(pool, "look whether a refund may begin", async |c| look().fetch_one(c).await).await?;
    let corrupt = |table, column| StoreError::Corrupt { table, column, id: row.id.unwrap_or_default() };
    let before = match (row.fingerprint, row.before_order_no, row.before_cancel_no, row.before_amount) {
        (Some(fingerprint), Some(order_no), Some(cancel_no), Some(amount)) => {
            let amount = Krw::new(amount).ok_or_else(|| corrupt("cancels", "amount"))?;
            Some(Before { fingerprint, requested: Requested { order_no: OrderNo(order_no), cancel_no, amount } })
        }
        _ => None,
    };
    let (Some(order_id), Some(status), Some(last_fence)) = (row.id, row.status.as_deref(), row.last_fence) else {
        return Ok((before, None));
    };
    let payment = match (row.payment_no, row.payment_status.as_deref(), row.balance) {
        (Some(no), Some(status), Some(balance)) => Some(judge::Paid {
            no,
            status: PaymentStatus::parse(status).ok_or_else(|| corrupt("payments", "status"))?,
            balance: Krw::new(balance).ok_or_else(|| corrupt("payments", "balance"))?,
            into_account: row.into_account,
        }),
        _ => None,
    };
    let seen = Seen {
        order_id: OrderId(order_id),
        status: OrderStatus::parse(status).ok_or_else(|| corrupt("orders", "status"))?,
        last_fence,
        payment,
        at_work: row.at_work,
        transfer_failed: row.transfer_failed,
        cancels: row.cancels,
        lines: row.lines.0,
    };
    Ok((before, Some(seen)))
}

/// How long a repeated request gets its first answer again.
pub const REQUESTS_KEPT_DAYS: i32 = 30;

/// Forgets at most `limit` Idempotency-Keys that are older than [`REQUESTS_KEPT_DAYS`], and says how many.
pub async fn forget_requests(pool: &PgPool, limit: u16) -> Result<i64, StoreError> {
    let forget = || sqlx::query_file_scalar!("src/cancel/forget.sql", REQUESTS_KEPT_DAYS, i64::from(limit));
    within(pool, "forget old requests", async |c| forget().fetch_one(c).await).await
}

enum Written {
    Accepted,
    Running,
    Nothing,
}

async fn write(
    pool: &PgPool,
    request: &Request,
    actor: Actor,
    (key, fingerprint): (&IdempotencyKey, &[u8]),
    plan: &Plan,
    account_key: Option<&AccountKey>,
) -> Result<Written, StoreError> {
    let mark = Uuid::now_v7();
    let sent_amount = (!plan.in_full).then_some(plan.amount);
    let account = request.account.as_ref();
    let bytes = toss::cancel_request(request.reason.as_str(), mark, sent_amount, plan.balance, account);
    let bytes = match (account, account_key) {
        (None, _) => Some(bytes),
        (Some(_), key) => key.and_then(|key| key.seal(mark, &bytes)),
    };
    // Judged before: there is a key. So it is the machine that has no random numbers, and may have them later.
    let Some(bytes) = bytes else { return Ok(Written::Nothing) };
    let product_ids: Vec<i64> = request.lines.iter().map(|line| line.product_id.0).collect();
    let quantities: Vec<i32> = request.lines.iter().map(|line| line.quantity).collect();
    let restock: Vec<bool> = request.lines.iter().map(|line| line.restock).collect();
    let statement = || {
        sqlx::query_file!(
            "src/cancel/request.sql",
            plan.order_id.0,
            plan.status.as_str(),
            plan.last_fence,
            plan.payment_no,
            plan.payment_status.as_str(),
            i64::from(plan.cancels),
            mark,
            request.reason.as_str(),
            plan.balance.won(),
            plan.amount.won(),
            plan.in_full,
            actor.as_str(),
            bytes,
            account.is_some(),
            key.0,
            fingerprint,
            &product_ids,
            &quantities,
            &restock,
        )
    };
    let row = within(pool, "write down a refund", async |c| statement().fetch_one(c).await).await?;
    Ok(match (row.is_free, row.accepted) {
        (_, true) => Written::Accepted,
        (false, false) => Written::Running,
        (true, false) => Written::Nothing,
    })
}
