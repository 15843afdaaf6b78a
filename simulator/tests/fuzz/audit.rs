//! The books: what the ledger holds for an order is what Toss says of its payments, and no payment was approved twice.

use std::collections::HashMap;

use serde_json::Value;

use crate::Fuzz;

pub(crate) async fn books_balance(fuzz: &mut Fuzz) {
    let orders: Vec<String> = fuzz.known.payments.iter().map(|payment| payment.order_id.clone()).collect();
    for order_id in orders {
        // Orders have names that need no escaping, or they would not have been accepted.
        let audit = fuzz.control("GET", &format!("/control/audit?orderId={order_id}"), "").await.unwrap();
        let order = &audit["orders"][0];
        assert_eq!(order["approvedTwice"], serde_json::json!([]), "{audit}");
        let balances: HashMap<&str, i64> = list(&order["positiveBalances"])
            .map(|one| (one["paymentKey"].as_str().unwrap(), one["balance"].as_i64().unwrap()))
            .collect();
        for payment in list(&order["payments"]) {
            let key = payment["paymentKey"].as_str().unwrap();
            let (held, amount) = (balances.get(key).copied().unwrap_or(0), payment["amount"].as_i64().unwrap());
            let is_right = match payment["status"].as_str().unwrap() {
                "DONE" => held == amount,
                "PARTIAL_CANCELED" => (0..amount).contains(&held),
                _ => held == 0,
            };
            assert!(is_right, "{key} holds {held}: {audit}");
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
