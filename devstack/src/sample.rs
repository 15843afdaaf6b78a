//! Sample data for the demo: a small shop, its customers, and a few orders that nobody paid yet. On demand also a long past.

use shared::{
    catalogue,
    money::Krw,
    order::{self, Line, NewOrder, ProductId},
};
use sqlx::PgPool;

/// Name, price in won, pieces on hand. The first is the product the examples of the README buy.
const PRODUCTS: [(&str, i64, i64); 12] = [
    ("Ogu T", 50_000, 59),
    ("Ogu 에코백", 18_000, 120),
    ("Ogu 머그컵", 15_000, 80),
    ("Ogu 스티커팩", 4_500, 1_000),
    ("Ogu 후드", 79_000, 34),
    ("Ogu 양말 3켤레", 12_000, 200),
    ("Ogu 볼캡", 32_000, 45),
    ("Ogu 노트", 6_000, 300),
    ("Ogu 키링", 9_000, 150),
    ("Ogu 담요", 42_000, 1),
    ("Ogu 포스터", 11_000, 60),
    ("Ogu 한정판 피규어", 128_000, 0),
];
const CUSTOMERS: [&str; 5] = ["김한번", "이두리", "박세나", "최네오", "Alex Once"];
const UNPAID_ORDERS: usize = 25;

/// Fills an empty catalogue and says whether it did; `past` writes what happened before.
pub async fn seed(pool: &PgPool, past: impl AsyncFnOnce() -> anyhow::Result<()>) -> anyhow::Result<bool> {
    if !catalogue::products(pool).await?.is_empty() {
        past().await?;
        return Ok(false);
    }
    let mut products = Vec::new();
    for (name, price, stock) in PRODUCTS {
        let price = Krw::new(price).ok_or_else(|| anyhow::anyhow!("{price} is no price"))?;
        products.push((catalogue::add_product(pool, name, price, stock).await?, price.won()));
    }
    let mut customers = Vec::new();
    for name in CUSTOMERS {
        customers.push(catalogue::add_customer(pool, name).await?);
    }
    past().await?;
    let mut carts = customers.iter().cycle().zip(products.iter().cycle().zip(products.iter().cycle().skip(3)));
    for (customer, (first, second)) in carts.by_ref().take(UNPAID_ORDERS) {
        let line = |(product_id, _): (ProductId, i64), quantity| Line { product_id, quantity };
        let total = Krw::new(first.1 + 2 * second.1).ok_or_else(|| anyhow::anyhow!("a sample order is too dear"))?;
        let new = NewOrder::new(*customer, total, &[line(*first, 1), line(*second, 2)])
            .map_err(|refusal| anyhow::anyhow!("a sample order is refused: {refusal:?}"))?;
        order::create(pool, &new)
            .await?
            .map_err(|refusal| anyhow::anyhow!("a sample order is refused: {refusal:?}"))?;
    }
    Ok(true)
}
