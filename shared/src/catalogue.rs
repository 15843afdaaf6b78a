//! What the shop sells and who buys: read by the sample shop, filled by the sample data.

use std::time::Duration;

use sqlx::{Connection, PgPool};

use crate::{
    db::{StoreError, within},
    money::Krw,
    order::{CustomerId, ProductId},
};

#[derive(Debug)]
pub struct Product {
    pub id: ProductId,
    pub name: String,
    pub price: Krw,
    pub stock: i64,
}

/// Products on one page of the sample shop.
const PRODUCTS_SHOWN_MAX: i64 = 100;

pub async fn products(pool: &PgPool) -> Result<Vec<Product>, StoreError> {
    let read = || sqlx::query!("select id, name, price, stock from products order by id limit $1", PRODUCTS_SHOWN_MAX);
    let rows = within(pool, "list products", async |c| read().fetch_all(c).await).await?;
    rows.into_iter()
        .map(|row| {
            let price =
                Krw::new(row.price).ok_or(StoreError::Corrupt { table: "products", column: "price", id: row.id })?;
            Ok(Product { id: ProductId(row.id), name: row.name, price, stock: row.stock })
        })
        .collect()
}

/// Adds a product with this many pieces on hand.
pub async fn add_product(pool: &PgPool, name: &str, price: Krw, stock: i64) -> Result<ProductId, StoreError> {
    let insert = || {
        sqlx::query_scalar!(
            "insert into products (name, price, stock, received) values ($1, $2, $3, $3) returning id",
            name,
            price.won(),
            stock,
        )
    };
    Ok(ProductId(within(pool, "add a product", async |c| insert().fetch_one(c).await).await?))
}

pub async fn add_customer(pool: &PgPool, display_name: &str) -> Result<CustomerId, StoreError> {
    let insert = || sqlx::query_scalar!("insert into customers (display_name) values ($1) returning id", display_name);
    Ok(CustomerId(within(pool, "add a customer", async |c| insert().fetch_one(c).await).await?))
}

/// A product that is not free within this time is kept by a session that does not sell it: an import, an open console.
const LOCK_WAIT: Duration = Duration::from_millis(250);

/// Stands in line for a product's lock without holding anything else, and gives it back at once. After that the product is
/// known to be passed on.
///
/// # Errors
/// [`StoreError::Contended`] when it was not free within 250 ms; else as every statement.
pub async fn wait_for(pool: &PgPool, product: ProductId) -> Result<(), StoreError> {
    within(pool, "wait for a product", async |c| {
        let mut alone = c.begin().await?;
        let limit = format!("{}ms", LOCK_WAIT.as_millis());
        sqlx::query!("select set_config('lock_timeout', $1, true)", limit).fetch_one(&mut *alone).await?;
        sqlx::query!("select id from products where id = $1 for no key update", product.0)
            .fetch_optional(&mut *alone)
            .await?;
        alone.rollback().await
    })
    .await
}

#[derive(Debug)]
pub struct Customer {
    pub id: CustomerId,
    pub display_name: String,
}

/// Customers that one may buy as in the sample shop.
const CUSTOMERS_SHOWN_MAX: i64 = 20;

pub async fn customers(pool: &PgPool) -> Result<Vec<Customer>, StoreError> {
    let read = || sqlx::query!("select id, display_name from customers order by id limit $1", CUSTOMERS_SHOWN_MAX);
    let rows = within(pool, "list customers", async |c| read().fetch_all(c).await).await?;
    Ok(rows.into_iter().map(|row| Customer { id: CustomerId(row.id), display_name: row.display_name }).collect())
}
