//! A past for the demo: as many orders as a shop has after years, so that lists can be looked at in earnest.
//!
//! They are written by a few statements, 100,000 orders each, into books that have no orders yet: orders are numbered in the
//! order of their time, and these come first. What they sold is added to what was received, so stock still adds up.
//! The simulator never saw them; an audit is told to begin after them.

use anyhow::Context;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};

const AT_ONCE: i32 = 100_000;

/// Writes `orders` past orders, and tells how far it is. There must be products and customers, and no orders.
pub async fn fill(url: &str, orders: i32, progress: impl Fn(i32)) -> anyhow::Result<()> {
    // Not from a pool of ours, whose statements are given up after seconds; and that these are slow is no news.
    let options: PgConnectOptions = url.parse()?;
    let mut connection = PgConnection::connect_with(&options.disable_statement_logging()).await?;
    let any: bool = sqlx::query_scalar("select exists (select from orders)").fetch_one(&mut connection).await?;
    anyhow::ensure!(!any, "past orders come first, and there are orders already; start over with --fresh");
    connection.execute("set synchronous_commit = off").await?;
    let mut written = 0;
    while written < orders {
        let last = orders.min(written + AT_ONCE);
        let statement = sqlx::query(include_str!("past.sql")).bind(written + 1).bind(last).bind(orders);
        statement.execute(&mut connection).await.context("write past orders")?;
        written = last;
        progress(written);
    }
    connection
        .execute(
            "update products p set received = received + sold.pieces
             from (select l.product_id, sum(l.quantity) as pieces
                   from order_lines l join orders o on o.id = l.order_id and o.status in ('DONE', 'PARTIAL_CANCELED')
                   group by l.product_id) sold
             where sold.product_id = p.id",
        )
        .await
        .context("count what was sold")?;
    for table in ["orders", "order_lines", "payments", "attempts", "order_events", "products"] {
        connection.execute(AssertSqlSafe(format!("vacuum (analyze) {table}"))).await.context("vacuum")?;
    }
    connection.close().await?;
    Ok(())
}
