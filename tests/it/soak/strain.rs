//! What others do meanwhile: to the rows, to the server, to what Toss allows, and at our doors.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tokio_util::sync::CancellationToken;

use super::{
    plan::{Spell, Strain},
    shoppers::PRICE,
    trouble,
};
use crate::harness::shop::Shop;

/// Toss's calls a minute at each endpoint, where it allows few.
const FEW_CALLS: u32 = 20;
/// Strangers make no more orders than that: each is an intent.
const JUNK_MAX: usize = 60;
const COLUMN: [&str; 2] = ["varchar(400)", "text"];

/// Until the shoppers are through. Afterwards everything is as before.
pub(super) async fn under(shop: &Shop, strains: &[Strain], shopping: &CancellationToken) {
    join_all(strains.iter().map(async |strain| match strain {
        Strain::LockedRows => locked_rows(shop, shopping).await,
        Strain::FewCalls => few_calls(shop, shopping).await,
        Strain::Strangers => strangers(shop, shopping).await,
        Strain::ReadOnly => read_only(shop, shopping).await,
        Strain::NewTypes => new_types(shop, shopping).await,
        Strain::KeyPolicy => key_policy(shop, shopping).await,
    }))
    .await;
}

/// A session of somebody else's.
async fn session(shop: &Shop) -> PgConnection {
    shop.database.pool.connect_options().connect().await.unwrap()
}

/// Ends early when the shoppers are through.
async fn pass(time: Duration, shopping: &CancellationToken) {
    tokio::select! {
        () = shopping.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}

/// Somebody keeps some rows of every kind, lets them go and takes others.
async fn locked_rows(shop: &Shop, shopping: &CancellationToken) {
    let mut session = session(shop).await;
    while !shopping.is_cancelled() {
        let mut open = session.begin().await.unwrap();
        for table in ["orders", "products", "payments", "outbox"] {
            let some = format!("select 1 from {table} order by random() limit 2 for update skip locked");
            open.execute(AssertSqlSafe(some)).await.unwrap();
        }
        pass(Duration::from_millis(700), shopping).await;
        open.rollback().await.unwrap();
        pass(Duration::from_millis(200), shopping).await;
    }
}

async fn few_calls(shop: &Shop, shopping: &CancellationToken) {
    shop.control("switches", json!({"rateLimit": FEW_CALLS})).await;
    shopping.cancelled().await;
    shop.control("switches", json!({"rateLimit": null})).await;
}

/// Confirms with keys of payments that do not exist, webhooks that Toss never sent, and reads.
async fn strangers(shop: &Shop, shopping: &CancellationToken) {
    let product = shop.product("Key ring", PRICE, 1_000).await;
    for number in 0..JUNK_MAX {
        if shopping.is_cancelled() {
            return;
        }
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let answers = [
            shop.confirm_patiently(&order, &format!("of-no-payment-{number}"), PRICE).await,
            shop.post(
                "/webhooks/toss",
                json!({
                    "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-29T00:00:00.000000",
                    "data": {"paymentKey": format!("of-no-payment-{number}"), "orderId": order, "status": "DONE"},
                }),
            )
            .await,
            shop.get(&format!("/order/{order}")).await,
        ];
        for answered in answers {
            assert_ne!(answered.status.as_u16(), 500, "{}", answered.text);
        }
        pass(Duration::from_millis(30), shopping).await;
    }
}

/// The server is read-only for a moment, as a standby is until it is promoted.
async fn read_only(shop: &Shop, shopping: &CancellationToken) {
    let mut session = session(shop).await;
    let name = shop.database.url.rsplit('/').next().unwrap().to_owned();
    while !shopping.is_cancelled() {
        pass(Duration::from_millis(500), shopping).await;
        let become_so = format!("alter database \"{name}\" set default_transaction_read_only = on");
        session.execute(AssertSqlSafe(become_so)).await.unwrap();
        let end_all = "select pg_terminate_backend(pid) from pg_stat_activity
                       where datname = current_database() and application_name like 'hanbeon-%'";
        session.execute(end_all).await.unwrap();
        pass(Duration::from_millis(400), shopping).await;
        let heal = format!("alter database \"{name}\" reset default_transaction_read_only");
        session.execute(AssertSqlSafe(heal)).await.unwrap();
    }
}

/// A migration changes the type of a column that the prepared statements of every connection return.
async fn new_types(shop: &Shop, shopping: &CancellationToken) {
    let mut session = session(shop).await;
    session.execute("set lock_timeout = '100ms'").await.unwrap();
    for column in COLUMN.into_iter().cycle() {
        if shopping.is_cancelled() {
            break;
        }
        let change = format!("alter table payments alter payment_key type {column}");
        // It gives way where the table is in use, and comes back.
        let _ = session.execute(AssertSqlSafe(change)).await;
        pass(Duration::from_millis(300), shopping).await;
    }
}

/// Toss takes no call from our address, for a moment each time.
async fn key_policy(shop: &Shop, shopping: &CancellationToken) {
    let then = json!({"kind": "error", "status": 403, "code": "API_KEY_ACCESS_DENIED"});
    let rules = ["confirm", "query", "cancel"].map(|endpoint| json!({"match": {"endpoint": endpoint}, "then": then}));
    let refused = Spell { lasts: Duration::from_millis(400), rules: rules.to_vec() };
    let taken = Spell { lasts: Duration::from_millis(800), rules: Vec::new() };
    trouble::at_toss(shop, &[refused, taken], shopping).await;
}
