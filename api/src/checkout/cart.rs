//! What the shopper has chosen: read from the shop's form, or taken over from an earlier order.

use std::collections::HashMap;

use shared::{
    catalogue::Product,
    money::Krw,
    order::{CustomerId, Line, OrderView, ProductId, QUANTITY_MAX},
};

use crate::problem::Problem;

#[derive(Default, Debug)]
pub(super) struct Cart {
    pub(super) lines: Vec<Line>,
    /// The sum of the prices that were on the page.
    pub(super) amount: i64,
    pub(super) buyer: Option<CustomerId>,
}

/// There is less of it than was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shortage {
    pub(super) name: String,
    pub(super) left: i64,
}

impl Cart {
    /// Fields are `buyer`, and `quantity-7` and `price-7` for product 7. An empty quantity chooses nothing.
    pub(super) fn read(fields: &HashMap<String, String>) -> Result<Self, Problem> {
        let buyer = fields.get("buyer").and_then(|text| text.parse().ok()).map(CustomerId);
        let mut cart = Self { buyer: Some(buyer.ok_or(Problem::InvalidUserId)?), ..Self::default() };
        for (name, text) in fields {
            let Some(id) = name.strip_prefix("quantity-") else { continue };
            let quantity = if text.is_empty() { Some(0) } else { text.parse().ok() };
            let quantity = quantity.filter(|quantity| (0..=QUANTITY_MAX).contains(quantity));
            let quantity = quantity.ok_or_else(|| Problem::InvalidQuantity { field: name.clone() })?;
            if quantity == 0 {
                continue;
            }
            let product_id = id.parse().map_err(|_| Problem::InvalidProductId { field: name.clone() })?;
            let price = fields.get(&format!("price-{id}")).and_then(|price| Krw::parse(price));
            let price = price.ok_or_else(|| Problem::InvalidAmount { field: format!("price-{id}") })?.won();
            let sum = price.checked_mul(i64::from(quantity)).and_then(|sum| cart.amount.checked_add(sum));
            cart.amount = sum.ok_or(Problem::TotalTooLarge)?;
            cart.lines.push(Line { product_id: ProductId(product_id), quantity });
        }
        cart.lines.sort_by_key(|line| line.product_id); // as on the page: the first names the order
        Ok(cart)
    }

    /// The same goods once more, at the prices of today.
    pub(super) fn of_order(order: &OrderView) -> Self {
        let line = |product_id, quantity| Line { product_id: ProductId(product_id), quantity };
        let lines = order.lines.iter().map(|ordered| line(ordered.product_id, ordered.quantity));
        Self { lines: lines.collect(), ..Self::default() }
    }

    pub(super) fn chosen(&self, id: ProductId) -> i32 {
        self.lines.iter().find(|line| line.product_id == id).map_or(0, |line| line.quantity)
    }

    /// Leaves of each product no more than there is, and says of which there was less. It is a kindness of this page:
    /// stock is held by the confirm, and only there decided.
    pub(super) fn fit(&mut self, products: &[Product]) -> Vec<Shortage> {
        let mut shortages = Vec::new();
        for product in products {
            for line in self.lines.iter_mut().filter(|line| line.product_id == product.id) {
                if i64::from(line.quantity) > product.stock {
                    line.quantity = product.stock.clamp(0, QUANTITY_MAX.into()).try_into().unwrap_or(0);
                    shortages.push(Shortage { name: product.name.clone(), left: product.stock });
                }
            }
        }
        shortages
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use shared::{
        catalogue::Product,
        order::{OrderStatus, ProductId},
    };

    use super::{Cart, Shortage};
    use crate::{language::Language, sample};

    /// The cart as `2×3 12×1 = 3500`, or the code of the problem.
    fn read(fields: &[(&str, &str)]) -> String {
        let fields: HashMap<_, _> =
            fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        match Cart::read(&fields) {
            Ok(cart) => {
                let lines = cart.lines.iter().map(|line| format!("{}×{} ", line.product_id.0, line.quantity));
                format!("{}= {}", lines.collect::<String>(), cart.amount)
            }
            Err(problem) => problem.json(Language::English)["code"].as_str().unwrap().to_owned(),
        }
    }

    #[test]
    fn a_cart_is_read_from_its_form() {
        let check = |fields: &[(&str, &str)], expected: &str| {
            let with_buyer: Vec<_> = fields.iter().copied().chain([("buyer", "1")]).collect();
            assert_eq!(read(&with_buyer), expected, "{fields:?}");
        };
        check(&[], "= 0");
        check(&[("quantity-1", ""), ("price-1", "500"), ("quantity-2", "0"), ("price-2", "500")], "= 0");
        check(
            &[("quantity-12", "1"), ("price-12", "500"), ("quantity-2", "3"), ("price-2", "1000")],
            "2×3 12×1 = 3500",
        );
        check(&[("quantity-1", "1")], "INVALID_AMOUNT");
        check(&[("quantity-1", "1"), ("price-1", "-5")], "INVALID_AMOUNT");
        check(&[("quantity-1", "one"), ("price-1", "5")], "INVALID_QUANTITY");
        check(&[("quantity-x", "1"), ("price-x", "5")], "INVALID_PRODUCT_ID");
        check(&[("quantity-1", "10001"), ("price-1", "5")], "INVALID_QUANTITY");
        check(&[("quantity-1", "-1"), ("price-1", "5")], "INVALID_QUANTITY");
        check(&[("quantity-1", "10000"), ("price-1", "9007199254740991")], "TOTAL_TOO_LARGE");
        assert_eq!(read(&[]), "INVALID_USER_ID");
        assert_eq!(read(&[("buyer", "somebody")]), "INVALID_USER_ID");
    }

    #[test]
    fn of_what_there_is_less_than_chosen_the_rest_stays_in_the_cart() {
        let product = |stock| Product { id: ProductId(1), name: "컵".to_owned(), price: sample::krw(500), stock };
        let short = |left| vec![Shortage { name: "컵".to_owned(), left }];
        for (stock, left, shortages) in [(3, 2, vec![]), (2, 2, vec![]), (1, 1, short(1)), (0, 0, short(0))] {
            let mut cart = Cart::of_order(&sample::order(OrderStatus::Ready)); // two of product 1
            assert_eq!(cart.fit(&[product(stock)]), shortages, "{stock} in stock");
            assert_eq!(cart.chosen(ProductId(1)), left, "{stock} in stock");
        }
    }
}
