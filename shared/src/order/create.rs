//! Creating an order: one statement that prices the lines from our products, compares the total and writes order and
//! lines, or writes nothing. Only when it wrote nothing is a second, read-only look taken to say why.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{CustomerId, OrderNo, ProductId};
use crate::{
    db::{StoreError, within},
    money::Krw,
};

/// Different products in one order.
pub const LINES_MAX: usize = 100;
/// Pieces of one product in one order.
pub const QUANTITY_MAX: i32 = 10_000;
/// How long a new order may wait for its payment. Toss gives the shopper 30 minutes from opening its window to
/// authenticate, and our server 10 more to confirm; an order outlives both.
const EXPIRES_AFTER_MINUTES: i32 = 45;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub product_id: ProductId,
    pub quantity: i32,
}

/// An order as the caller asks for it. Lines are distinct products, 1 to [`LINES_MAX`], quantities 1 to
/// [`QUANTITY_MAX`]: [`NewOrder::new`] sees to it.
#[derive(Debug)]
pub struct NewOrder {
    customer_id: CustomerId,
    amount: Krw,
    product_ids: Vec<i64>,
    quantities: Vec<i32>,
}

impl NewOrder {
    /// The same product named twice becomes one line with the sum of both.
    pub fn new(customer_id: CustomerId, amount: Krw, lines: &[Line]) -> Result<Self, CreateRefusal> {
        if lines.is_empty() {
            return Err(CreateRefusal::Empty);
        }
        if lines.len() > LINES_MAX {
            return Err(CreateRefusal::TooManyLines);
        }
        let mut new = Self { customer_id, amount, product_ids: Vec::new(), quantities: Vec::new() };
        for (index, line) in lines.iter().enumerate() {
            let known = new.product_ids.iter().position(|id| *id == line.product_id.0);
            let before = known.and_then(|at| new.quantities.get(at).copied()).unwrap_or(0);
            let sum = before.checked_add(line.quantity);
            let Some(sum) = sum.filter(|sum| line.quantity >= 1 && *sum <= QUANTITY_MAX) else {
                return Err(CreateRefusal::Quantity { index });
            };
            if let Some(quantity) = known.and_then(|at| new.quantities.get_mut(at)) {
                *quantity = sum;
            } else {
                new.product_ids.push(line.product_id.0);
                new.quantities.push(sum);
            }
        }
        Ok(new)
    }
}

#[derive(Debug)]
pub struct Created {
    pub order_no: OrderNo,
    pub name: String,
    pub amount: Krw,
    pub expires_at: OffsetDateTime,
}

/// Why no order was made. Nothing was written.
#[derive(Debug, PartialEq, Eq)]
pub enum CreateRefusal {
    Empty,
    TooManyLines,
    /// The quantity of this line, counted from 0, is not 1 to [`QUANTITY_MAX`], alone or with its duplicates.
    Quantity {
        index: usize,
    },
    UnknownProduct(ProductId),
    UnknownCustomer,
    /// The total exceeds [`Krw::MAX`].
    TotalTooLarge,
    /// Our products say it costs this.
    AmountMismatch {
        total: Krw,
    },
}

pub async fn create(pool: &PgPool, new: &NewOrder) -> Result<Result<Created, CreateRefusal>, StoreError> {
    let order_no = OrderNo::generate();
    let insert = || {
        sqlx::query_file!(
            "src/order/create.sql",
            order_no.uuid(),
            new.customer_id.0,
            &new.product_ids,
            &new.quantities,
            new.amount.won(),
            EXPIRES_AFTER_MINUTES,
        )
    };
    match within(pool, "create an order", async |c| insert().fetch_optional(c).await).await? {
        Some(row) => Ok(Ok(Created { order_no, name: row.name, amount: new.amount, expires_at: row.expires_at })),
        None => Ok(Err(explain(pool, new).await?)),
    }
}

/// Reads why the statement wrote nothing. Prices may have changed in between; then the total it tells is the new one.
async fn explain(pool: &PgPool, new: &NewOrder) -> Result<CreateRefusal, StoreError> {
    let look = || {
        sqlx::query!(
            r#"
        select
            exists (select from customers where id = $1) as "customer_known!",
            (select min(wanted.product_id)
             from unnest($2::bigint[]) as wanted (product_id)
             where not exists (select from products where id = wanted.product_id offset 0)) as unknown_product,
            (select sum(p.price::numeric * wanted.quantity) > $4::bigint
             from unnest($2::bigint[], $3::int[]) as wanted (product_id, quantity)
             join products p on p.id = any(array[wanted.product_id])) as too_large,
            (select least(sum(p.price::numeric * wanted.quantity), $4::bigint)::bigint
             from unnest($2::bigint[], $3::int[]) as wanted (product_id, quantity)
             join products p on p.id = any(array[wanted.product_id])) as total
        "#,
            new.customer_id.0,
            &new.product_ids,
            &new.quantities,
            Krw::MAX.won(),
        )
    };
    let found = within(pool, "explain a refused order", async |c| look().fetch_one(c).await).await?;
    if let Some(product_id) = found.unknown_product {
        return Ok(CreateRefusal::UnknownProduct(ProductId(product_id)));
    }
    if !found.customer_known {
        return Ok(CreateRefusal::UnknownCustomer);
    }
    if found.too_large == Some(true) {
        return Ok(CreateRefusal::TotalTooLarge);
    }
    let total =
        found.total.and_then(Krw::new).ok_or(StoreError::Corrupt { table: "products", column: "price", id: 0 })?;
    Ok(CreateRefusal::AmountMismatch { total })
}

#[cfg(test)]
mod tests {
    use super::{CreateRefusal, Line, NewOrder};
    use crate::{
        money::Krw,
        order::{CustomerId, ProductId},
    };

    fn check(lines: &[(i64, i32)], expected: Result<&[(i64, i32)], CreateRefusal>) {
        let lines: Vec<_> = lines.iter().map(|&(id, quantity)| Line { product_id: ProductId(id), quantity }).collect();
        let read = NewOrder::new(CustomerId(1), Krw::new(1).unwrap(), &lines);
        let read = read.map(|new| new.product_ids.into_iter().zip(new.quantities).collect::<Vec<_>>());
        assert_eq!(read, expected.map(<[_]>::to_vec), "{lines:?}");
    }

    #[test]
    fn lines_are_merged_and_bounded() {
        check(&[(1, 2), (2, 1)], Ok(&[(1, 2), (2, 1)]));
        check(&[(1, 2), (2, 1), (1, 3)], Ok(&[(1, 5), (2, 1)]));
        check(&[(1, 10_000)], Ok(&[(1, 10_000)]));
        check(&[], Err(CreateRefusal::Empty));
        check(&[(1, 1); 101], Err(CreateRefusal::TooManyLines));
        check(&[(1, 1), (2, 0)], Err(CreateRefusal::Quantity { index: 1 }));
        check(&[(1, -1)], Err(CreateRefusal::Quantity { index: 0 }));
        check(&[(1, 10_001)], Err(CreateRefusal::Quantity { index: 0 }));
        check(&[(1, 10_000), (1, 1)], Err(CreateRefusal::Quantity { index: 1 }));
        check(&[(1, i32::MAX), (1, i32::MAX)], Err(CreateRefusal::Quantity { index: 0 }));
        check(&[(1, 10_000), (1, i32::MIN)], Err(CreateRefusal::Quantity { index: 1 }));
    }
}
