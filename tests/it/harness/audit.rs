//! The audit: our books against the simulator's ledger, after whatever happened. It knows nothing of intentions.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::Row;

use super::shop::Shop;

/// Fails with every violation found, each with what the books say about it.
pub(crate) async fn audit(shop: &Shop) {
    let mut violations = Vec::new();
    let ledger = ledger(shop).await;
    money(shop, &ledger, &mut violations).await;
    stock(shop, &mut violations).await;
    records(shop, &mut violations).await;
    assert!(violations.is_empty(), "the audit found:\n  {}", violations.join("\n  "));
}

/// Per order: the balance of each paymentKey that holds money, by the simulator's entries alone.
async fn ledger(shop: &Shop) -> HashMap<String, HashMap<String, i64>> {
    let mut held: HashMap<String, HashMap<String, i64>> = HashMap::new();
    let mut after = String::new();
    loop {
        let page = shop.control_get(&format!("ledger?limit=1000{after}")).await;
        let entries = page["entries"].as_array().unwrap();
        for entry in entries {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            *held.entry(text("orderId")).or_default().entry(text("paymentKey")).or_default() +=
                entry["amount"].as_i64().unwrap();
        }
        let Some(last) = entries.last().and_then(|entry| entry["seq"].as_u64()) else { break };
        after = format!("&after={last}");
    }
    for payments in held.values_mut() {
        payments.retain(|_, balance| *balance != 0);
    }
    held
}

/// Nobody is charged twice, and paid means paid, on both sides.
async fn money(shop: &Shop, ledger: &HashMap<String, HashMap<String, i64>>, violations: &mut Vec<String>) {
    let orders = sqlx::query(
        "select o.order_no::text as order_no, o.status, o.amount, p.payment_key, p.answer
         from orders o left join payments p on p.order_id = o.id and p.payment_no = o.payment_count",
    )
    .fetch_all(&shop.database.pool)
    .await
    .unwrap();
    let nothing = HashMap::new();
    for order in orders {
        let order_no: String = order.get("order_no");
        let (status, amount): (String, i64) = (order.get("status"), order.get("amount"));
        let held = ledger.get(&order_no).unwrap_or(&nothing);
        if held.len() > 1 || held.values().any(|balance| *balance > amount) {
            violations.push(format!("I1: {order_no} ({status}, {amount}) is charged {held:?}"));
        }
        let paid = held.values().sum::<i64>();
        let expected = match status.as_str() {
            "DONE" => Some(amount),
            "READY" | "ABORTED" | "EXPIRED" | "CANCELED" | "WAITING_FOR_DEPOSIT" => Some(0),
            _ => None, // still being found out, or for a human
        };
        if expected.is_some_and(|expected| expected != paid) {
            violations.push(format!("I2: {order_no} says {status} over {amount}, the ledger holds {held:?}"));
        }
        let answer: Option<Value> = order.get("answer");
        let key: Option<String> = order.get("payment_key");
        if status == "DONE" && answer.is_none_or(|answer| answer["paymentKey"].as_str() != key.as_deref()) {
            violations.push(format!("I2: {order_no} is DONE without the answer that proves it"));
        }
    }
}

/// received = on hand + held + sold, for every product.
async fn stock(shop: &Shop, violations: &mut Vec<String>) {
    let drifted = sqlx::query(
        "select p.id, p.received, p.stock, coalesce(sum(l.quantity), 0)::bigint as taken
         from products p
         left join (select l.* from order_lines l join orders o on o.id = l.order_id
                    where o.status in ('IN_PROGRESS', 'WAITING_FOR_DEPOSIT', 'REVIEW', 'DONE', 'PARTIAL_CANCELED')) l
                on l.product_id = p.id
         group by p.id having p.received <> p.stock + coalesce(sum(l.quantity), 0)",
    )
    .fetch_all(&shop.database.pool)
    .await
    .unwrap();
    for row in drifted {
        let (id, received, stock, taken): (i64, i64, i64, i64) =
            (row.get("id"), row.get("received"), row.get("stock"), row.get("taken"));
        violations.push(format!("I3: product {id}: received {received}, on hand {stock}, held and sold {taken}"));
    }
}

/// Every state has the event that made it, every unresolved order a live intent, and no lease is left open.
async fn records(shop: &Shop, violations: &mut Vec<String>) {
    for (what, sql) in [
        (
            "orders whose newest event is not their state",
            "select count(*) from orders o
             where o.status is distinct from coalesce(
                (select e.to_status from order_events e where e.order_id = o.id order by e.id desc limit 1), 'READY')",
        ),
        (
            "orders with a broken chain of events",
            "select count(*) from (
                select from_status, coalesce(lag(to_status) over (partition by order_id order by id), 'READY') as before
                from order_events) e
             where from_status is distinct from before",
        ),
        (
            "approvals without a recorded attempt",
            "select count(*) from order_events e where e.cause = 'toss_approved' and not exists (
                select from attempts a where a.order_id = e.order_id and a.id = e.attempt_id and not a.stale)",
        ),
        (
            "unresolved orders without a live intent",
            "select count(*) from orders o where o.status = 'IN_PROGRESS'
             and not exists (select from outbox b where b.order_id = o.id)",
        ),
        (
            "intents of resolved orders",
            "select count(*) from outbox b join orders o on o.id = b.order_id where o.status <> 'IN_PROGRESS'",
        ),
        ("open leases", "select count(*) from outbox where lease_until > now()"),
        (
            "orders and payments that disagree",
            "select count(*) from orders o join payments p on p.order_id = o.id and p.payment_no = o.payment_count
             where o.status <> p.status",
        ),
    ] {
        let count = shop.database.number(sql).await;
        if count > 0 {
            violations.push(format!("I5: {count} {what}"));
        }
    }
}
