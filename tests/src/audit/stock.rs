//! I3: what was received is on hand, held or sold, and nothing else. A review holds stock or not, and the order says which.

use std::collections::HashMap;

use super::{
    books::Books,
    report::{Found, Invariant, Subject},
    rows::Order,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stock {
    Nowhere,
    Held,
    Sold,
}

pub(super) fn judge(books: &Books, found: &mut Found) {
    let mut taken: HashMap<i64, [i64; 2]> = HashMap::new();
    for order in books.orders.values() {
        if (order.status == "REVIEW") != order.review_holds_stock.is_some() {
            let detail = format!("{}, review_holds_stock {:?}", order.status, order.review_holds_stock);
            found.add(Invariant::I3, order, "holding is not said", detail);
        }
        for line in &order.lines {
            // Refunded pieces that are not for sale again stay sold, whatever becomes of the order.
            let (place, pieces) = match stock_of(order) {
                Stock::Nowhere => (1, line.discarded),
                Stock::Held => (0, line.quantity - line.returned),
                Stock::Sold => (1, line.quantity - line.returned),
            };
            taken.entry(line.product_id).or_default()[place] += i64::from(pieces);
        }
    }
    for product in &books.products {
        let [held, sold] = taken.remove(&product.id).unwrap_or_default();
        let subject = || Subject::Product(product.id);
        if product.stock < 0 {
            found.add_about(Invariant::I3, subject(), "stock below zero", format!("{} on hand", product.stock));
        }
        if product.received != product.stock + held + sold {
            let detail = format!("received {}, on hand {}, held {held}, sold {sold}", product.received, product.stock);
            found.add_about(Invariant::I3, subject(), "stock drifted", detail);
        }
    }
    for (id, [held, sold]) in taken {
        let detail = format!("held {held}, sold {sold}, and there is no such product");
        found.add_about(Invariant::I3, Subject::Product(id), "stock drifted", detail);
    }
}

fn stock_of(order: &Order) -> Stock {
    match order.status.as_str() {
        "IN_PROGRESS" | "WAITING_FOR_DEPOSIT" => Stock::Held,
        "DONE" | "PARTIAL_CANCELED" => Stock::Sold,
        // A review keeps what the order had when it came to it, and says so.
        "REVIEW" if order.review_holds_stock == Some(true) => Stock::Held,
        _ => Stock::Nowhere,
    }
}
