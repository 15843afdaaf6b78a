//! Toss allows so many requests a minute and refuses the others: what it allows is used, and being refused costs nobody
//! anything. How much is used over whole minutes is measured by `benches/goodput.rs`.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::harness::{shop::Shop, wait_for};

/// What Toss allows test keys: <https://docs.tosspayments.com/reference/test-environment>.
const PER_MINUTE: usize = 100;
const ORDERS: usize = 250;

/// What arrived at Toss, oldest first.
async fn requests(shop: &Shop) -> Vec<Value> {
    shop.control_get("requests?limit=10000").await["requests"].as_array().unwrap().clone()
}

fn of<'a>(requests: &'a [Value], method: &str, status: u16) -> Vec<&'a Value> {
    let these = |request: &&Value| request["method"] == method && request["status"] == status;
    requests.iter().filter(these).collect()
}

fn at(request: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(request["at"].as_str().unwrap(), &Rfc3339).unwrap()
}

#[tokio::test]
async fn what_toss_allows_in_a_minute_is_used_and_being_refused_fails_nobody() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 1_000, 1_000).await;
    shop.control("switches", json!({"rateLimit": PER_MINUTE})).await;
    shop.control("latency", json!({"fixedMs": 50})).await;
    let lines = [(product, 1)];
    let accepted = stream::iter(0..ORDERS).map(|_| shop.accepted(1_000, &lines)).buffer_unordered(8);
    let orders: Vec<String> = accepted.collect().await;
    shop.add_worker().await;
    for minute in 1..=2 {
        wait_for("what Toss allows in this minute", Duration::from_mins(2), async || {
            (of(&requests(&shop).await, "POST", 200).len() >= minute * PER_MINUTE).then_some(())
        })
        .await;
        // Two thirds of the minute are left out: nothing but refusals would come of them.
        shop.control("clock", json!({"advanceSeconds": 40})).await;
        wait_for("a refusal", Duration::from_mins(1), async || {
            shop.database.number("select count(*) from attempts where http_status = 429").await.gt(&0).then_some(())
        })
        .await;
        let burnt = "select count(*) from outbox b where lease_owner = 0 and attempts <> (
            select count(*) from attempts a where a.order_id = b.order_id and a.http_status <> 429)";
        assert_eq!(shop.database.number(burnt).await, 0, "a refusal counted as an attempt");
    }
    for order in &orders {
        shop.until(order, "DONE").await;
    }
    let requests = requests(&shop).await;
    let (paid, refused) =
        (of(&requests, "POST", 200), [of(&requests, "POST", 429), of(&requests, "GET", 429)].concat());
    assert_eq!(paid.len(), ORDERS, "nobody was confirmed twice");
    println!("{} requests, {} of them refused", requests.len(), refused.len());
    for minute in 1..=2 {
        // A minute begins with its first request. By Toss's clock, the next may begin a quarter later: 80 % are used.
        let took = at(paid[minute * PER_MINUTE]) - at(paid[(minute - 1) * PER_MINUTE]);
        println!("minute {minute} took {took}");
        assert!((60..=75).contains(&took.whole_seconds()), "minute {minute} took {took}");
    }
    assert!(refused.len() < ORDERS, "{} refusals for {ORDERS} payments", refused.len());
    let other = "select count(*) from attempts where http_status = 429 and outcome <> 'snooze'";
    assert_eq!(shop.database.number(other).await, 0);
    assert_eq!(shop.database.number("select max(key_epoch)::bigint from payments").await, 0, "the keys stay good");
    shop.finish().await;
}
