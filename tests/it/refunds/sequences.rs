//! Many orders, each refunded in random parts while Toss fails at random: at the end the books say what the ledger says, for
//! each order, to the won.
//!
//! A failing run prints its seed; `REFUND_SEED` repeats its orders, `REFUND_SEQUENCES` makes it longer, `REFUND_AT_ONCE` wider.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use shared::order::ProductId;
use tokio::time::Instant;

use super::PRICE;
use crate::harness::shop::Shop;

const PIECES: i32 = 5;
/// Between looks at an order: many at once would be all that the machine does.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// One call in ten goes wrong, and each fault is as likely as the others.
const FAULTS: [&str; 6] = ["dropAfter", "dropBefore", "html", "errorAfter", "error", "rateLimit"];

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    shared::settings::Env::of_process().text(name).and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_random_parts_and_faults_the_sums_are_the_ledgers() {
    let seed: u64 = setting("REFUND_SEED", rand::random());
    let sequences: usize = setting("REFUND_SEQUENCES", 120);
    let at_once: usize = setting("REFUND_AT_ONCE", 96);
    println!("REFUND_SEED={seed} REFUND_SEQUENCES={sequences}");
    let shop = Shop::hurried(2).await;
    let product = shop.product("Ogu T", PRICE, i64::try_from(sequences).unwrap() * i64::from(PIECES)).await;
    for (number, kind) in (0_u64..).zip(FAULTS) {
        let then = match kind {
            "html" => json!({"kind": kind, "status": 502}),
            "error" | "errorAfter" => json!({"kind": kind, "status": 500, "code": "FAILED_REFUND_PROCESS"}),
            _ => json!({"kind": kind}),
        };
        let chance = json!({"endpoint": "cancel", "probability": 0.1 / 6.0});
        let rule = json!({"match": chance, "seed": (seed >> 12).wrapping_add(number), "then": then});
        shop.control("rules", rule).await;
    }
    let started = Instant::now();
    let runs = stream::iter((0_u64..).take(sequences)).map(|number| {
        let chance = StdRng::seed_from_u64(seed ^ number);
        refund_in_parts(&shop, product, chance)
    });
    let refunds: usize = runs.buffer_unordered(at_once).collect::<Vec<_>>().await.into_iter().sum();
    shop.forget_rules().await;
    let took = started.elapsed();
    shop.until_outbox_is_empty().await;
    shop.look_back().await;
    // The auditor compares each order's balance and stock with the ledger; here only that something went wrong on the way.
    let faulty =
        shop.database.number("select count(*) from attempts where call = 'cancel' and outcome <> 'returned'").await;
    assert!(faulty > 0, "REFUND_SEED={seed}: no fault was met");
    println!(
        "{sequences} orders, {refunds} refunds, {faulty} calls that showed no refund, {:.0} s",
        took.as_secs_f64()
    );
    shop.finish().await;
}

/// Pays one order and gives random parts of it back until chance or the money ends it. Returns how many refunds.
async fn refund_in_parts(shop: &Shop, product: ProductId, mut chance: StdRng) -> usize {
    let total = PRICE * i64::from(PIECES);
    let order = shop.accepted(total, &[(product, PIECES)]).await;
    until(shop, &order, |view| view["status"] == "DONE").await;
    let parts = chance.random_range(1..=4);
    let (mut left, mut pieces) = (total, PIECES);
    for part in 1..=parts {
        let key = format!("{order}-{part}");
        let amount = chance.random_range(1..=left);
        let back = chance.random_range(0..=pieces.min(2));
        let body = match chance.random_range(0..3) {
            _ if part == parts && chance.random_bool(0.3) => json!({"cancelReason": "전부"}),
            0 if back > 0 => {
                let line = json!({"productId": product.0, "quantity": back, "restock": chance.random_bool(0.5)});
                pieces -= back;
                json!({"cancelReason": "일부 반품", "cancelAmount": amount, "lines": [line]})
            }
            _ => json!({"cancelReason": "일부 환불", "cancelAmount": amount}),
        };
        left -= body["cancelAmount"].as_i64().unwrap_or(left);
        begin(shop, &order, &key, &body).await;
        let view = until(shop, &order, |view| view["cancels"][part - 1]["status"] == "DONE").await;
        assert_eq!(view["payment"]["balance"], left, "order {order}, part {part}: {view}");
        if left == 0 {
            return part;
        }
    }
    parts
}

/// Patient, because faults slow the workers down for everybody.
async fn until(shop: &Shop, order: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    crate::harness::wait_for(&format!("order {order} to go on"), Duration::from_mins(10), async || {
        // Where it is not available just now there is no state, and so it is not so.
        let view = shop.view(order).await;
        if is_so(&view) {
            return Some(view);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        None
    })
    .await
}

/// A double click, and whoever is told that we are not available just now comes back with the same request.
async fn begin(shop: &Shop, order: &str, key: &str, body: &Value) {
    crate::harness::wait_for("an answer other than 503", Duration::from_mins(5), async || {
        let (first, second) =
            tokio::join!(shop.refund(order, key, body.clone()), shop.refund(order, key, body.clone()));
        let statuses = [first.status.as_u16(), second.status.as_u16()];
        let is_told = statuses.iter().all(|status| [202, 409, 503].contains(status));
        assert!(is_told, "order {order}: {} {}", first.text, second.text);
        statuses.contains(&202).then_some(())
    })
    .await;
}
