//! Who waits behind whom: confirms behind nobody, and nobody for ever.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde_json::json;

use crate::harness::{shop::Shop, wait_for};

const PRICE: i64 = 1_000;
/// What Toss allows test keys: <https://docs.tosspayments.com/reference/test-environment>.
const PER_MINUTE: usize = 100;

/// An order with an account that waits for its deposit.
async fn waiting_account(shop: &Shop, lines: &[(shared::order::ProductId, i32)]) -> String {
    let order = shop.order(PRICE, lines).await;
    let key = shop.authenticate_account(&order, PRICE, &json!({})).await;
    assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
    order
}

/// The accounts are all to be looked up now.
async fn let_lookups_be_due(shop: &Shop) {
    shop.database
        .execute("update payments set check_at = now() - interval '1 minute' where check_at is not null")
        .await;
}

async fn lookups(shop: &Shop) -> i64 {
    shop.database.number("select count(*) from attempts where call = 'query'").await
}

#[tokio::test]
async fn a_fresh_confirm_is_done_at_once_while_lookups_use_up_what_toss_allows() {
    const ACCOUNTS: usize = 400;
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1_000).await;
    let lines = [(product, 1)];
    let accounts: Vec<String> =
        stream::iter(0..ACCOUNTS).map(|_| waiting_account(&shop, &lines)).buffer_unordered(16).collect().await;
    for account in &accounts {
        shop.until(account, "WAITING_FOR_DEPOSIT").await;
    }
    shop.control("switches", json!({"rateLimit": PER_MINUTE})).await;
    let_lookups_be_due(&shop).await;
    let refused = "select count(*) from attempts where call = 'query' and http_status = 429";
    wait_for("a refusal", Duration::from_mins(1), async || (shop.database.number(refused).await > 0).then_some(()))
        .await;
    for _ in 0..8 {
        let accepted = Instant::now();
        let order = shop.accepted(PRICE, &lines).await;
        shop.until(&order, "DONE").await;
        let took = accepted.elapsed();
        assert!(took < Duration::from_secs(5), "a fresh confirm took {took:?}");
    }
    let left = shop.database.number("select count(*) from payments where check_at <= now()").await
        + shop.database.number("select count(*) from outbox").await;
    assert!(left > 100, "only {left} lookups were left: nobody had to wait for any");
    let metrics = shop.metrics().await;
    let held = |call: &str| metrics.lines().any(|line| line == format!("hanbeon_toss_held{{call=\"{call}\"}} 0"));
    assert!(held("confirm"), "{metrics}");
    shop.control("switches", json!({"rateLimit": null})).await;
    shop.finish().await;
}

#[tokio::test]
async fn a_flood_of_confirms_keeps_no_refund_and_no_lookup_waiting() {
    const FLOOD: usize = 800;
    let mut shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 2_000).await;
    let lines = [(product, 1)];
    let paid: Vec<String> =
        stream::iter(0..10).map(|_| shop.accepted(PRICE, &lines)).buffer_unordered(4).collect().await;
    let accounts: Vec<String> =
        stream::iter(0..10).map(|_| waiting_account(&shop, &lines)).buffer_unordered(4).collect().await;
    for order in &paid {
        shop.until(order, "DONE").await;
    }
    for account in &accounts {
        shop.until(account, "WAITING_FOR_DEPOSIT").await;
    }
    shop.stop_workers().await;
    let _flood: Vec<String> =
        stream::iter(0..FLOOD).map(|_| shop.accepted(PRICE, &lines)).buffer_unordered(8).collect().await;
    for order in &paid {
        shop.refunding(order, order, json!({"cancelReason": "고객 요청"})).await;
    }
    let_lookups_be_due(&shop).await;
    let before = lookups(&shop).await;
    shop.control("latency", json!({"fixedMs": 300})).await;
    // Sixteen at once, of which each takes a third of a second: the flood takes a quarter of a minute.
    shop.add_worker_with(&[("WORKER_CONCURRENCY", "16")]).await;
    wait_for("refunds and lookups", Duration::from_mins(1), async || {
        let refunded = "select count(*) from orders where status = 'CANCELED'";
        let all = shop.database.number(refunded).await == 10 && lookups(&shop).await >= before + 10;
        all.then_some(())
    })
    .await;
    let left = shop.database.number("select count(*) from outbox where class = 1 and lease_owner = 0").await;
    assert!(left > 100, "only {left} confirms of the flood were left");
    shop.control("latency", json!({"fixedMs": 0})).await;
    shop.finish().await;
}
