//! Workers whose wall clock is ten minutes wrong: the database's clock decides, so nothing is different.
//!
//! Needs libfaketime (Debian's package faketime), and only here: so these stories stand behind the feature `faults`.

use std::{path::Path, time::Duration};

use serde_json::json;
use shared::settings::Env;

use super::worker_with;
use crate::harness::{shop::Shop, wait_for};

const PRICE: i64 = 50_000;
const FOUND_AT: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

fn library() -> String {
    let named = Env::of_process().text("LIBFAKETIME").map(str::to_owned);
    let found = || FOUND_AT.into_iter().find(|path| Path::new(path).exists()).map(str::to_owned);
    named.or_else(found).expect("install the package faketime, or name its library in LIBFAKETIME")
}

/// Has the confirm of this order been accepted so many seconds ago?
async fn age(shop: &Shop, order: &str, seconds: u32) {
    let age = format!(
        "update payments p set accepted_at = now() - interval '{seconds} seconds'
         from orders o where o.id = p.order_id and o.order_no = '{order}'"
    );
    shop.database.execute(&age).await;
}

/// By how many seconds the worker's clock is ahead of the database's, as the ids of its calls tell.
async fn ahead(shop: &Shop) -> i64 {
    let sql = "select id, extract(epoch from finished_at)::bigint from attempts order by finished_at limit 1";
    let (id, finished_at): (uuid::Uuid, i64) = sqlx::query_as(sql).fetch_one(&shop.database.pool).await.unwrap();
    let (made_at, _) = id.get_timestamp().unwrap().to_unix();
    i64::try_from(made_at).unwrap() - finished_at
}

async fn ten_minutes_wrong(by: &str, seconds: i64) {
    // A lease takes a second and a third, and confirms are posted for 38 seconds.
    let shop = Shop::hurried(0).await;
    let product = shop.product("Ogu T", PRICE, 3).await;
    let fresh = shop.accepted(PRICE, &[(product, 1)]).await;
    let in_time = shop.accepted(PRICE, &[(product, 1)]).await;
    let late = shop.accepted(PRICE, &[(product, 1)]).await;
    age(&shop, &in_time, 20).await;
    age(&shop, &late, 39).await;
    let held = json!({"match": {"endpoint": "confirm", "orderId": fresh}, "times": 1, "then": {"kind": "hold"}});
    shop.control("rules", held).await;
    let library = library();
    let wrong = [("LD_PRELOAD", library.as_str()), ("FAKETIME", by), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")];
    let mut worker = worker_with(&shop, &wrong).await;

    shop.until(&in_time, "DONE").await;
    wait_for("the lease to be renewed", Duration::from_secs(30), async || {
        let renewed = "select count(*) from outbox b join payments p on p.order_id = b.order_id
                       where b.lease_until > now() and p.accepted_at < now() - interval '3 seconds'
                         and b.order_id = (select id from orders where order_no = '";
        (shop.database.number(&format!("{renewed}{fresh}')")).await == 1).then_some(())
    })
    .await;
    let too_long = "select count(*) from outbox where lease_until > now() + interval '1400 ms'";
    assert_eq!(shop.database.number(too_long).await, 0, "a lease longer than any is");
    shop.forget_rules().await;
    shop.until(&fresh, "DONE").await;
    shop.until(&late, "EXPIRED").await;
    let posts = shop.requests(&late).await.iter().filter(|request| request["method"] == "POST").count();
    assert_eq!(posts, 0, "posted after the time to confirm");
    assert!((ahead(&shop).await - seconds).abs() < 60, "its clock was not wrong: {} s ahead", ahead(&shop).await);
    worker.signal("TERM").await;
    assert!(worker.ended().await);
    shop.finish().await;
}

#[tokio::test]
async fn a_worker_whose_clock_is_ten_minutes_ahead_posts_in_time_and_not_after() {
    ten_minutes_wrong("+10m", 600).await;
}

#[tokio::test]
async fn a_worker_whose_clock_is_ten_minutes_behind_posts_in_time_and_not_after() {
    ten_minutes_wrong("-10m", -600).await;
}
