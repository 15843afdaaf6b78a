//! Our database, read in one snapshot.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use sqlx::{Executor, FromRow, PgConnection, PgPool, Postgres, postgres::PgRow};

use super::rows::{Attempt, Cancel, Event, Intent, Line, Order, Payment, Product};

#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) orders: BTreeMap<i64, Order>,
    pub(super) products: Vec<Product>,
    /// Orders that intents are about and that are not there.
    pub(super) strays: Vec<i64>,
    /// Orders whose webhooks wait although they have no live intent, and have waited for more than a minute.
    pub(super) late_hints: Vec<i64>,
    /// How many lookups were about a secret of ours and not about their payment.
    pub(super) key_checks: usize,
}

/// What tells whether an order changed since. The number of its attempts is part of it, for a call that changed nothing.
const MARK: &str = "
    concat_ws(' ', o.status, o.review_holds_stock, o.payment_count, o.paid_by, o.last_fence,
        (select concat_ws(' ', b.kind, b.lease_seq, b.lease_until, b.due_at) from outbox b where b.order_id = o.id),
        (select max(e.id) from order_events e where e.order_id = o.id),
        (select count(*) from attempts a where a.order_id = o.id),
        (select string_agg(p.status || p.key_epoch || p.ask_first, ' ' order by p.payment_no)
         from payments p where p.order_id = o.id),
        (select string_agg(c.status || c.key_epoch, ' ' order by c.cancel_no)
         from cancels c where c.order_id = o.id))";

pub(super) async fn read(pool: &PgPool, since: Option<&str>) -> anyhow::Result<Books> {
    let mut snapshot = pool.begin().await.context("the database")?;
    snapshot.execute("set transaction isolation level repeatable read, read only").await?;
    let connection = &mut *snapshot;
    let orders = format!(
        "select o.id, o.order_no::text as order_no, o.status, o.amount, o.payment_count, o.paid_by, o.review_holds_stock,
                o.created_at >= coalesce($1::timestamptz, '-infinity') as known_to_simulator, {MARK} as mark
         from orders o"
    );
    let orders: Vec<Order> =
        sqlx::query_as(sqlx::AssertSqlSafe(orders)).bind(since).fetch_all(&mut *connection).await.context("orders")?;
    let mut books = Books { orders: orders.into_iter().map(|order| (order.id, order)).collect(), ..Books::default() };
    let checks: i64 = sqlx::query_scalar("select coalesce(sum(checks), 0) from lanes")
        .fetch_one(&mut *connection)
        .await
        .context("lanes")?;
    books.key_checks = usize::try_from(checks).context("lanes")?;
    books.products = all(connection, "select id, received, stock from products order by id").await?;

    let lines: Vec<Line> =
        all(connection, "select order_id, product_id, quantity, returned, discarded from order_lines").await?;
    books.hang(lines, |line| line.order_id, |order, line| order.lines.push(line));
    let payments: Vec<Payment> = all(connection, PAYMENTS).await?;
    books.hang(payments, |payment| payment.order_id, |order, payment| order.payments.push(payment));
    let cancels: Vec<Cancel> = all(connection, CANCELS).await?;
    books.hang(cancels, |cancel| cancel.order_id, |order, cancel| order.cancels.push(cancel));
    let attempts: Vec<Attempt> = all(connection, ATTEMPTS).await?;
    books.hang(attempts, |attempt| attempt.order_id, |order, attempt| order.attempts.push(attempt));
    let events: Vec<Event> = all(connection, EVENTS).await?;
    books.hang(events, |event| event.order_id, |order, event| order.events.push(event));
    let intents: Vec<Intent> = all(
        connection,
        "select order_id, due_at <= now() as is_due, lease_until > now() as is_leased from outbox order by order_id",
    )
    .await?;
    let is_stray = |intent: &&Intent| !books.orders.contains_key(&intent.order_id);
    books.strays = intents.iter().filter(is_stray).map(|intent| intent.order_id).collect();
    books.hang(intents, |intent| intent.order_id, |order, intent| order.intent = Some(intent));
    let late = "select distinct w.order_id from webhook_inbox w
                where w.state = 'waiting' and w.state_since < now() - interval '1 minute'
                  and not exists (select from outbox b where b.order_id = w.order_id)
                order by w.order_id";
    let late: Vec<(i64,)> = all(connection, late).await?;
    books.late_hints = late.into_iter().map(|(order_id,)| order_id).collect();
    snapshot.rollback().await?;
    Ok(books)
}

const PAYMENTS: &str = "
    select order_id, payment_no, payment_key, status, balance,
           check_at is not null as is_to_check,
           coalesce(check_at < now() - interval '2 minutes', false) as is_check_late,
           answer is not null as has_answer, answer ->> 'paymentKey' as answer_key, answer ->> 'orderId' as answer_order,
           answer ->> 'status' as answer_status, answer #>> '{virtualAccount,expired}' as answer_expired,
           answer #>> '{virtualAccount,refundStatus}' as bank_refund, refund_closed_at is not null as is_bank_refund_closed,
           answer ->> 'code' as answer_code, answer ->> 'message' as answer_message
    from payments order by order_id, payment_no";

const CANCELS: &str = "
    select order_id, cancel_no, payment_no, status, amount, expected_balance,
           request_sealed and request <> '' as keeps_an_account,
           case when jsonb_typeof(answer -> 'balanceAmount') = 'number'
                then (answer ->> 'balanceAmount')::numeric::bigint end as answer_balance,
           answer ->> 'code' as answer_code,
           (not request_sealed and answer ->> 'virtualAccount' is not null
               and (answer ->> 'status' <> 'WAITING_FOR_DEPOSIT'
                    or answer #>> '{virtualAccount,expired}' = 'true')) is true as came_too_late,
           replace(mark::text, '-', '') as mark
    from cancels order by order_id, cancel_no";

const ATTEMPTS: &str = "
    select order_id, id::text as id, payment_no, call, key_epoch, cancel_no, http_status, trace_id, stale, finished_at
    from attempts order by order_id, id";

const EVENTS: &str = "
    select order_id, id, from_status, to_status, cause, actor, payment_no, attempt_id::text as attempt_id, at
    from order_events order by order_id, id";

/// Each order's mark as it is now, by order number.
pub(super) async fn marks(pool: &PgPool) -> anyhow::Result<HashMap<String, String>> {
    let marks = format!("select o.order_no::text, {MARK} from orders o");
    let marks: Vec<(String, String)> = sqlx::query_as(sqlx::AssertSqlSafe(marks)).fetch_all(pool).await?;
    Ok(marks.into_iter().collect())
}

async fn all<T>(connection: &mut PgConnection, sql: &'static str) -> anyhow::Result<Vec<T>>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    sqlx::query_as::<Postgres, T>(sql).fetch_all(connection).await.with_context(|| sql.trim().to_owned())
}

impl Books {
    /// Hangs rows on their orders. Rows of no order have a foreign key against them, but for the outbox's.
    fn hang<T>(&mut self, rows: Vec<T>, order_id: impl Fn(&T) -> i64, place: impl Fn(&mut Order, T)) {
        for row in rows {
            if let Some(order) = self.orders.get_mut(&order_id(&row)) {
                place(order, row);
            }
        }
    }
}
