//! What an operator must hear of without asking: work for humans, and how old the oldest of it is.

use std::time::Duration;

use sqlx::PgPool;

use crate::{
    db::{StoreError, within},
    order::OrderNo,
    outbox::Class,
};

/// Orders that wait for a human, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviews {
    /// The cause of the event that brought them there.
    pub reason: String,
    pub orders: i64,
    pub oldest_seconds: i64,
}

pub async fn reviews(pool: &PgPool) -> Result<Vec<Reviews>, StoreError> {
    let read = || {
        sqlx::query_as!(
            Reviews,
            r#"select e.cause as reason, count(*) as "orders!",
                  extract(epoch from now() - min(e.at))::bigint as "oldest_seconds!"
           from orders o
           -- What was asked for while it is in review is no reason, and makes it no younger.
           cross join lateral (
               select cause, at from order_events e
               where e.order_id = o.id and e.to_status = 'REVIEW' and e.from_status <> 'REVIEW'
               order by e.id desc limit 1) e
           where o.status = 'REVIEW'
           group by e.cause order by e.cause"#
        )
    };
    within(pool, "read orders in review", async |c| read().fetch_all(c).await).await
}

/// Ages are in seconds; zero where there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// How long the oldest intent has been due.
    pub due_seconds: i64,
    /// How long ago the oldest confirm that is not decided was accepted.
    pub undecided_seconds: i64,
    /// How long ago the oldest refund that is not made was asked for.
    pub refund_seconds: i64,
}

/// Reads the ends of indexes, whatever the size of the tables.
pub async fn backlog(pool: &PgPool) -> Result<Backlog, StoreError> {
    let classes = Class::ALL.map(Class::number);
    let read = || {
        sqlx::query_as!(
            Backlog,
            r#"select
               coalesce((select extract(epoch from now() - min(oldest.due_at))
                         from unnest($1::smallint[]) as c (class)
                         cross join lateral (
                             select b.due_at from outbox b where b.class = c.class and b.due_at <= now()
                             order by b.due_at limit 1) oldest), 0)::bigint as "due_seconds!",
               coalesce((select extract(epoch from now() - p.accepted_at)
                         -- Not by id alone: a walk over all orders would do as well.
                         from (select o.id, o.payment_count from orders o
                               where o.status between 'IN_PROGRESS' and 'IN_PROGRESS'
                               order by o.status, o.id limit 1) o
                         join payments p on p.order_id = any(array[o.id]) and p.payment_no = o.payment_count), 0)::bigint as "undecided_seconds!",
               coalesce((select extract(epoch from now() - min(r.requested_at)) from cancels r
                         where r.status = 'IN_PROGRESS'), 0)::bigint as "refund_seconds!""#,
            &classes
        )
    };
    within(pool, "read the backlog's age", async |c| read().fetch_one(c).await).await
}

/// A refund that is not decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndecidedRefund {
    pub order_no: OrderNo,
    /// 1 for the order's first refund.
    pub cancel_no: i16,
    /// Since it was asked for.
    pub seconds: i64,
    /// What Toss answered last that was no yes. None: nothing yet, or only silence.
    pub last_code: Option<String>,
}

/// The oldest refunds that are not decided `older_than` after they were asked for, at most `limit` of them, oldest first. All
/// that are live stand in one small index (`cancels_one_live`).
pub async fn undecided_refunds(
    pool: &PgPool,
    older_than: Duration,
    limit: u16,
) -> Result<Vec<UndecidedRefund>, StoreError> {
    let read = || {
        sqlx::query!(
            r#"select o.order_no, r.cancel_no,
                  extract(epoch from now() - r.requested_at)::bigint as "seconds!",
                  coalesce(r.refusal ->> 'code', (
                      select a.code from attempts a
                      where a.order_id = r.order_id and a.cancel_no = r.cancel_no and a.call = 'cancel'
                      order by a.id desc limit 1)) as last_code
           from cancels r
           cross join lateral (select o.order_no from orders o where o.id = any(array[r.order_id]) order by o.id) o
           where r.status = 'IN_PROGRESS' and r.requested_at < now() - $1::float8 * interval '1 second'
           order by r.requested_at limit $2"#,
            older_than.as_secs_f64(),
            i64::from(limit),
        )
    };
    let rows = within(pool, "read refunds that are not decided", async |c| read().fetch_all(c).await).await?;
    Ok(rows
        .into_iter()
        .map(|row| UndecidedRefund {
            order_no: OrderNo(row.order_no),
            cancel_no: row.cancel_no,
            seconds: row.seconds,
            last_code: row.last_code,
        })
        .collect())
}

/// Refunds into accounts that Toss has booked and the bank has not completed, by Toss's `refundStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankRefunds {
    /// As Toss wrote it, or `OTHER`: whatever Toss adds, a monitor gets no label that it cannot bear.
    pub status: String,
    pub payments: i64,
}

/// Those that an operator has recorded as ended outside of Toss do not count.
pub async fn bank_refunds(pool: &PgPool) -> Result<Vec<BankRefunds>, StoreError> {
    let read = || {
        sqlx::query_as!(
            BankRefunds,
            r#"select s.status as "status!", count(*) as "payments!"
           from payments p
           cross join lateral (
               select case when p.refund_status in ('NONE', 'PENDING', 'FAILED', 'PARTIAL_FAILED')
                           then p.refund_status else 'OTHER' end as status) s
           where p.refund_status <> 'COMPLETED' and p.refund_closed_at is null
             and p.status in ('CANCELED', 'PARTIAL_CANCELED') and p.balance < p.amount
           group by s.status order by s.status"#
        )
    };
    within(pool, "read refunds on their way through a bank", async |c| read().fetch_all(c).await).await
}

/// What webhooks show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hints {
    /// With a wrong secret, in the last hour; no more than 10,000 are counted.
    pub wrong_secret: i64,
    /// That could not be read, likewise.
    pub unreadable: i64,
    /// How long the oldest one has waited for its order.
    pub waiting_seconds: i64,
}

pub async fn hints(pool: &PgPool) -> Result<Hints, StoreError> {
    let read = || {
        sqlx::query_as!(
            Hints,
            r#"select count(*) filter (where s.state = 'wrong_secret') as "wrong_secret!",
                  count(*) filter (where s.state = 'unreadable') as "unreadable!",
                  coalesce((select extract(epoch from now() - min(w.state_since)) from webhook_inbox w
                            where w.state = 'waiting'), 0)::bigint as "waiting_seconds!"
           from (select state from webhook_inbox
                 where state in ('wrong_secret', 'unreadable') and received_at > now() - interval '1 hour'
                 order by received_at desc limit 10000) s"#
        )
    };
    within(pool, "read what webhooks show", async |c| read().fetch_one(c).await).await
}
