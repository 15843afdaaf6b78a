//! What the order has of each product, and what comes back to the shelves or is taken from them.

use sqlx::PgConnection;

use super::{super::decision::Stock, Fault};

/// The order's lines, with their products locked by id, as everybody locks them.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// Each line of the order has its product still.
    whole: bool,
}

struct Line {
    product_id: i64,
    stock: i64,
    /// Pieces that were neither put back nor written off.
    left: i32,
    /// Pieces that the refund puts back on sale, and those that it takes back for good.
    restock: i32,
    discard: i32,
}

impl Line {
    /// What the refund chose of it, as far as it is left.
    fn chosen(&self) -> (i32, i32) {
        let restock = self.restock.min(self.left);
        (restock, self.discard.min(self.left.saturating_sub(restock)))
    }
}

impl Lines {
    pub(super) async fn lock(db: &mut PgConnection, order_id: i64, refunds: &[i16]) -> Result<Self, Fault> {
        let rows = sqlx::query_file!("src/outbox/reconcile/lines.sql", order_id, refunds).fetch_all(&mut *db).await?;
        let count =
            sqlx::query_scalar!(r#"select count(*) as "count!" from order_lines where order_id = $1"#, order_id);
        let count = count.fetch_one(db).await?;
        let lines = rows.into_iter().map(|row| Line {
            product_id: row.id,
            stock: row.stock,
            left: row.left,
            restock: row.restock,
            discard: row.discard,
        });
        let lines: Vec<Line> = lines.collect();
        let whole = usize::try_from(count).is_ok_and(|count| count == lines.len());
        Ok(Self { lines, whole })
    }

    /// A product that is gone cannot be taken.
    pub(super) fn are_enough(&self) -> bool {
        self.whole && self.lines.iter().all(|line| line.stock >= i64::from(line.left))
    }

    /// Moves what the decision moves. Where the order goes on holding its stock and this payment pays for it, the pieces that
    /// the refund chose come back. What is not for sale any more never does.
    pub(super) async fn write(
        &self,
        db: &mut PgConnection,
        order_id: i64,
        stock: Stock,
        refunds_goods: bool,
    ) -> Result<(), Fault> {
        for line in &self.lines {
            let (restocked, discarded) = line.chosen();
            let (to_shelf, restocked, discarded) = match stock {
                Stock::Taken => (-line.left, 0, 0),
                Stock::Back => (line.left - discarded, 0, discarded),
                Stock::Unchanged if refunds_goods => (restocked, restocked, discarded),
                Stock::Unchanged => (0, 0, 0),
            };
            if to_shelf != 0 {
                sqlx::query!(
                    "update products set stock = stock + $2 where id = $1",
                    line.product_id,
                    i64::from(to_shelf)
                )
                .execute(&mut *db)
                .await?;
            }
            if restocked != 0 || discarded != 0 {
                sqlx::query!(
                    "update order_lines set returned = returned + $3, discarded = discarded + $4
                     where order_id = $1 and product_id = $2",
                    order_id,
                    line.product_id,
                    restocked,
                    discarded,
                )
                .execute(&mut *db)
                .await?;
            }
        }
        Ok(())
    }
}
