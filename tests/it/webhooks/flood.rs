//! A thousand forged webhooks a second: confirms go on, and Toss hears little of it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, future::join_all, stream};
use shared::webhook::ASK_SPACING;

use super::{PRICE, about, deliver, hooked, questions, until_looked_at};

const ORDERS: usize = 40;
const WANTED: Duration = Duration::from_secs(4);
/// The sum of all senders.
const PER_SECOND: u32 = 1_000;
const SENDERS: u32 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_forged_ones_holds_up_no_confirm_and_hardly_reaches_toss() {
    let (shop, product) = hooked(1).await;
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        orders.push((order, key));
    }
    shop.control("latency", serde_json::json!({"minMs": 100, "maxMs": 2_000})).await;
    let started = Instant::now();
    let sent = AtomicU64::new(0);
    let flood = stream::iter(0..SENDERS).for_each_concurrent(None, async |_| {
        let mut next = tokio::time::interval(Duration::from_secs(1) * SENDERS / PER_SECOND);
        while started.elapsed() < WANTED {
            next.tick().await;
            let number = sent.fetch_add(1, Ordering::Relaxed);
            let (order, key) = &orders[usize::try_from(number).unwrap() % ORDERS];
            let status = ["CANCELED", "ABORTED", "DONE", "PARTIAL_CANCELED"][usize::try_from(number / 40).unwrap() % 4];
            // No two are the same, and each says something that is not so.
            let body = about(order, key, status, i64::try_from(number).unwrap());
            let answer = deliver(&shop, Some(&format!("whtrans_{number}")), &body).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        }
    });
    let confirms = async {
        for some in orders.chunks(4) {
            let confirmed = join_all(some.iter().map(|(order, key)| shop.confirm_patiently(order, key, PRICE))).await;
            assert!(confirmed.iter().all(|answer| answer.status.as_u16() == 202));
            tokio::time::sleep(WANTED / 20).await; // spread over the flood
        }
        for (order, _) in &orders {
            shop.until(order, "DONE").await;
        }
        started.elapsed()
    };
    let ((), took) = tokio::join!(flood, confirms);
    let sent = sent.into_inner();
    println!("{sent} forged webhooks in {WANTED:?}; {ORDERS} confirms decided after {took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    until_looked_at(&shop).await;
    let spacings = started.elapsed().as_secs() / ASK_SPACING.as_secs() + 1;
    for (order, _) in &orders {
        assert_eq!((shop.status(order).await.as_str(), shop.approvals(order).await), ("DONE", 1));
        let asked = questions(&shop, order).await;
        assert!(
            u64::try_from(asked).unwrap() <= spacings,
            "{asked} questions about {order} in {:?}",
            started.elapsed()
        );
    }
    shop.finish().await;
}
