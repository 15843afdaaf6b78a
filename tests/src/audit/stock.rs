//! I3: what was received is on hand, held or sold, and nothing else.

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
        "REVIEW" if came_with_stock(order) => Stock::Held,
        _ => Stock::Nowhere,
    }
}

/// A review keeps what the order had when it came to it.
fn came_with_stock(order: &Order) -> bool {
    let came_from = order.events.iter().rev().find_map(|event| {
        let from = event.from_status.as_deref()?;
        (event.to_status == "REVIEW" && from != "REVIEW").then_some(from)
    });
    matches!(came_from, Some("IN_PROGRESS" | "WAITING_FOR_DEPOSIT" | "DONE" | "PARTIAL_CANCELED"))
}
