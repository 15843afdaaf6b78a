//! Accepting a confirm: one statement on the wire, and in the database an index look-up for everything it needs.

use std::{collections::HashMap, time::Duration};

use reqwest::{Method, StatusCode};
use sqlx::{AssertSqlSafe, Executor};

use crate::harness::{
    database::{self, Database},
    shop::Shop,
    wait_for,
};

const ACCEPT_SQL: &str = include_str!("../../shared/src/payment/accept.sql");

/// The statements that the api sent to its database since `from` bytes of the server's log, by their first words.
pub(crate) fn statements(log: &std::path::Path, from: usize) -> HashMap<String, usize> {
    let log = String::from_utf8_lossy(&std::fs::read(log).unwrap()[from..]).into_owned();
    let mut counts = HashMap::new();
    for line in log.lines() {
        let Some(line) = line.strip_prefix("hanbeon|hanbeon-api|") else { continue };
        // "execute sqlx_s_1: select …" for prepared statements, "statement: BEGIN" for the others
        let Some((_, statement)) = line.split_once("LOG:").and_then(|(_, said)| said.split_once(": ")) else {
            continue;
        };
        // What a new session is told, which may be opened for whoever comes next.
        let is_session = statement.contains("set_config('synchronous_commit'");
        if !is_session && (line.contains("execute ") || line.contains("statement: ")) {
            *counts.entry(statement.chars().take(60).collect()).or_insert(0) += 1;
        }
    }
    counts
}

pub(crate) fn log_length(log: &std::path::Path) -> usize {
    usize::try_from(std::fs::metadata(log).unwrap().len()).unwrap()
}

#[tokio::test]
async fn accepting_a_confirm_is_one_statement_and_repeating_it_two() {
    let (server, database) = database::own_server().await;
    database.execute("alter database hanbeon set log_statement = 'all'").await;
    let log = server.log_path();
    let mut shop = Shop::on(database, 0).await;
    let product = shop.product("Ogu T", 50_000, 10).await;
    let mut first = Vec::new();
    for _ in 0..3 {
        let order = shop.order(50_000, &[(product, 1)]).await;
        let key = shop.authenticate(&order, 50_000).await;
        let from = log_length(&log);
        assert_eq!(shop.confirm(&order, &key, 50_000).await.status, StatusCode::ACCEPTED);
        // The poke comes after the answer and is not part of it; waiting for it shows that the log is complete.
        let counts = wait_for("the poke", Duration::from_secs(10), async || {
            let counts = statements(&log, from);
            counts.keys().any(|statement| statement.contains("pg_notify")).then_some(counts)
        })
        .await;
        let sent: usize = counts.iter().filter(|(text, _)| !text.contains("pg_notify")).map(|(_, count)| count).sum();
        assert_eq!(sent, 1, "{counts:?}");
        first.push((order, key));
    }
    let (order, key) = &first[0];
    let from = log_length(&log);
    assert_eq!(shop.confirm(order, key, 50_000).await.status, StatusCode::ACCEPTED);
    let counts = statements(&log, from);
    assert_eq!(counts.values().sum::<usize>(), 2, "the statement and the look that explains: {counts:?}");
    shop.add_worker().await;
    shop.finish().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_accept_statement_reads_by_unique_keys_alone() {
    let database = Database::new().await;
    let mut connection = database.worker_pool().acquire().await.unwrap(); // no plan but the index ones
    let statement = ACCEPT_SQL.trim_end();
    connection
        .execute(AssertSqlSafe(format!("prepare a (uuid, bigint, bigint, text, bytea, boolean) as {statement}")))
        .await
        .unwrap();
    let plan: Vec<String> = sqlx::query_scalar("explain execute a (gen_random_uuid(), 1, 1, 'k', '', false)")
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    let plan = plan.join("\n");
    for index in ["orders_order_no_unique", "order_lines_pkey", "products_pkey"] {
        assert!(plan.contains(&format!("using {index}")), "{index} is not used:\n{plan}");
    }
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

#[tokio::test]
async fn waiting_for_the_result_answers_with_it_or_with_the_promise() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 50_000, 10).await;
    let order = shop.order(50_000, &[(product, 1)]).await;
    let key = shop.authenticate(&order, 50_000).await;
    let body = Some(shop.confirmation(&order, &key, 50_000));

    let waited = shop.send(Method::POST, "/api/v1/orders/confirm", body.clone(), &[("prefer", "wait=1")]).await;
    assert_eq!(waited.status, StatusCode::ACCEPTED, "{}", waited.text);
    assert_eq!(waited.json()["status"], "IN_PROGRESS");
    assert_eq!(waited.header("location"), format!("/api/v1/orders/{order}"));
    assert!(!waited.header("retry-after").is_empty());

    shop.add_worker().await;
    let waited = shop.send(Method::POST, "/api/v1/orders/confirm", body, &[("prefer", "wait=30")]).await;
    assert_eq!(waited.status, StatusCode::OK, "{}", waited.text);
    assert_eq!(waited.json()["status"], "DONE");
    assert_eq!(waited.header("preference-applied"), "wait=30");
    shop.finish().await;
}

#[tokio::test]
async fn a_new_order_is_claimed_at_once_when_the_worker_is_idle() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", 50_000, 10).await;
    let order = shop.accepted(50_000, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    let attempt = shop.database.number("select count(*) from attempts where outcome = 'approved' and not stale").await;
    assert_eq!(attempt, 1);
    shop.finish().await;
}

#[tokio::test]
async fn a_piece_that_is_taken_while_a_confirm_waits_for_it_is_not_sold_twice() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", 1_000, 1).await;
    let order = shop.order(1_000, &[(product, 1)]).await;
    let key = shop.authenticate(&order, 1_000).await;
    // Another session writes the last piece off, and has not committed yet when the confirm looks.
    let mut writing_off = shop.database.pool.begin().await.unwrap();
    writing_off.execute("update products set stock = stock - 1, received = received - 1").await.unwrap();
    let (confirmed, ()) = tokio::join!(shop.confirm(&order, &key, 1_000), async {
        wait_for("the confirm to wait for the product", Duration::from_secs(30), async || {
            let waiting = "select count(*) from pg_stat_activity
                           where datname = current_database() and application_name = 'hanbeon-api' and wait_event_type = 'Lock'";
            (shop.database.number(waiting).await > 0).then_some(())
        })
        .await;
        writing_off.commit().await.unwrap();
    });
    assert_eq!(
        (confirmed.status, confirmed.code().as_str()),
        (StatusCode::CONFLICT, "OUT_OF_STOCK"),
        "{}",
        confirmed.text
    );
    shop.database.execute("update products set stock = stock + 1, received = received + 1").await;
    assert_eq!(shop.confirm(&order, &key, 1_000).await.status, StatusCode::ACCEPTED, "a piece that comes back is sold");
    shop.until(&order, "DONE").await;
    assert_eq!(shop.stock(product).await, 0);
    shop.finish().await;
}
