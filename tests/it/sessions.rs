//! A session begins with what the server is told at that moment, and may outlive it: settings, the shape of tables, prepared
//! statements, which server it is. One that is out of date costs nobody an answer.

use std::time::Duration;

use devstack::part::Part;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use shared::{
    catalogue::{add_product, customers, products},
    db::{Role, StoreError, pool},
    money::Krw,
    order::ProductId,
};
use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::harness::{
    database::{self, Database},
    shop::{Shop, answered},
    wait_for,
};

const PRICE: i64 = 50_000;

/// The name of its database, as SQL takes it.
async fn name_of(database: &Database) -> String {
    let name = "select quote_ident(current_database())";
    sqlx::query_scalar(name).fetch_one(&database.pool).await.unwrap()
}

/// What anybody does at the shop, several at a time so that many connections are used, and nobody tries twice. The orders
/// that were accepted.
async fn everybody_buys(shop: &Shop, product: ProductId) -> Vec<String> {
    let one = async || {
        let line = json!({"productId": product.0, "quantity": 1});
        let body = json!({"userId": shop.customer.0, "amount": PRICE, "orderProducts": [line]});
        let created = shop.post("/api/v1/orders/create", body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
        let order = created.json()["orderId"].as_str().unwrap().to_owned();
        let key = shop.authenticate(&order, PRICE).await;
        let confirmed = shop.confirm(&order, &key, PRICE).await;
        assert_eq!(confirmed.status, StatusCode::ACCEPTED, "{}", confirmed.text);
        for path in [format!("/api/v1/orders/{order}"), format!("/order/{order}"), "/checkout".to_owned()] {
            let answer = shop.get(&path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        }
        order
    };
    join_all([one(), one(), one(), one(), one(), one()]).await
}

#[tokio::test]
async fn a_migration_under_running_programs_costs_nobody_an_answer() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    for order in everybody_buys(&shop, product).await {
        shop.until(&order, "DONE").await;
    }
    // What many statements return is of another type now.
    shop.database
        .execute(
            "alter table products alter column name type varchar(100);
             alter table orders alter column name type varchar(100);
             alter table orders alter column status type varchar(30);
             alter table payments alter column payment_key type varchar(200);
             alter table payments alter column status type varchar(30)",
        )
        .await;
    for order in everybody_buys(&shop, product).await {
        shop.until(&order, "DONE").await;
        assert_eq!(shop.approvals(&order).await, 1);
    }
    shop.finish().await;
}

/// How many sessions of the api there are.
async fn sessions(database: &Database) -> i64 {
    let count = "select count(*) from pg_stat_activity
                 where datname = current_database() and application_name = 'hanbeon-api'";
    database.number(count).await
}

#[tokio::test]
async fn prepared_statements_that_are_gone_or_in_the_way_are_prepared_in_a_new_session() {
    let database = Database::new().await;
    let pool = pool(&database.url.as_str().into(), Role::Api, 1).unwrap();
    products(&pool).await.unwrap();
    // As who stands between us and the server may do, before another one gets the session.
    pool.execute("deallocate all").await.unwrap();
    products(&pool).await.unwrap();
    for number in 1..50 {
        pool.execute(AssertSqlSafe(format!(
            "do $$ begin execute 'prepare sqlx_s_{number} as select 1'; exception when duplicate_prepared_statement then end $$"
        )))
        .await
        .unwrap();
    }
    customers(&pool).await.unwrap();
    wait_for("the old sessions to end", Duration::from_secs(10), async || {
        (sessions(&database).await == 1).then_some(())
    })
    .await;
}

/// Adding a product fails with this state, and the tries are counted.
async fn refuse_with(database: &Database, state: &str) {
    database
        .execute(&format!(
            "create sequence if not exists tries;
             alter sequence tries restart;
             create or replace function refuse() returns trigger language plpgsql as
                 $$ begin perform nextval('tries'); raise exception 'no' using errcode = '{state}'; end $$;
             create or replace trigger refuse before insert on products for each row execute function refuse()"
        ))
        .await;
}

#[tokio::test]
async fn what_is_refused_because_of_its_session_is_tried_once_more_and_nothing_else_is() {
    let database = Database::new().await;
    let pool = pool(&database.url.as_str().into(), Role::Api, 1).unwrap();
    for (state, tries, is_transient) in [
        ("26000", 2, true),
        ("42P05", 2, true),
        ("25006", 2, true),
        // Not about a plan: the server can do no such thing.
        ("0A000", 1, false),
        ("23505", 1, false),
        ("40001", 1, true),
    ] {
        refuse_with(&database, state).await;
        let error = add_product(&pool, "Ogu T", Krw::new(PRICE).unwrap(), 1).await.unwrap_err();
        let tried = database.number("select last_value from tries").await;
        assert_eq!((tried, error.is_transient()), (tries, is_transient), "{state}: {error}");
        assert_eq!(matches!(error, StoreError::Unavailable { .. }), tries == 2, "{state}: {error}");
    }
}

/// What commits wait for, on so many connections at once.
async fn waits_of_commits(pool: &PgPool, count: usize) -> Vec<String> {
    let mut connections = Vec::new();
    for _ in 0..count {
        connections.push(pool.acquire().await.unwrap());
    }
    let mut found = Vec::new();
    for connection in &mut connections {
        let sql = "select current_setting('synchronous_commit')";
        found.push(sqlx::query_scalar::<_, String>(sql).fetch_one(&mut **connection).await.unwrap());
    }
    found
}

#[tokio::test]
async fn a_commit_waits_for_the_disk_whatever_the_database_says() {
    let (server, database) = database::own_server().await;
    let name = name_of(&database).await;
    let url = database.url.as_str().into();
    for (told, expected) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_write", "on"),
        ("on", "on"),
        ("remote_apply", "remote_apply"), // more than we need
    ] {
        for whose in ["database", "role current_user in database"] {
            database.execute(&format!("alter {whose} {name} set synchronous_commit = {told}")).await;
        }
        for role in [Role::Api, Role::Worker] {
            let pool = pool(&url, role, 4).unwrap();
            assert_eq!(waits_of_commits(&pool, 4).await, vec![expected; 4], "{told}, {role:?}");
            pool.close().await;
        }
    }
    // A session that is made anew, and one that was there before the server was told.
    for whose in ["database", "role current_user in database"] {
        database.execute(&format!("alter {whose} {name} reset synchronous_commit")).await;
    }
    let pool = pool(&url, Role::Api, 1).unwrap();
    assert_eq!(waits_of_commits(&pool, 1).await, ["on"]);
    database.execute("alter system set synchronous_commit = off").await;
    database.execute("select pg_reload_conf()").await;
    wait_for("sessions to hear it", Duration::from_secs(10), async || {
        let told = "select count(*) where current_setting('synchronous_commit') = 'off'";
        (database.number(told).await == 1).then_some(())
    })
    .await;
    assert_eq!(waits_of_commits(&pool, 1).await, ["on"]);
    products(&pool).await.unwrap();
    pool.execute("deallocate all").await.unwrap();
    products(&pool).await.unwrap();
    assert_eq!(waits_of_commits(&pool, 1).await, ["on"]);
    pool.close().await;
    server.stop().await.unwrap();
}

/// Are the api and the worker ready; or do both say that the database is read-only?
async fn both(shop: &Shop, ready: bool) -> Option<()> {
    for part in [shop.api.url(), shop.workers[0].url()] {
        let answer = answered(shop.http.get(format!("{part}/readyz"))).await;
        let as_asked = if ready { answer.status == StatusCode::OK } else { answer.text.contains("read-only") };
        if !as_asked {
            return None;
        }
    }
    Some(())
}

/// An api and a worker that begin while the database is read-only, and have many sessions by the end of it.
async fn begin_read_only(shop: &mut Shop, product: ProductId) {
    let api = Part::api(shop.env(&[])).await.unwrap();
    let simulator = shop.simulator.addr().to_string();
    shop.point_at(&api.addr().to_string(), &simulator);
    shop.api = api;
    shop.add_worker().await;
    wait_for("both to say read-only", Duration::from_secs(10), async || both(shop, false).await).await;
    for answer in join_all([(); 8].map(|()| shop.get("/checkout"))).await {
        assert_eq!(answer.status, StatusCode::OK, "it can be read: {}", answer.text);
    }
    let line = json!({"productId": product.0, "quantity": 1});
    let body = json!({"userId": shop.customer.0, "amount": PRICE, "orderProducts": [line]});
    let refused = shop.post("/api/v1/orders/create", body).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"));
}

#[tokio::test]
async fn sessions_that_began_read_only_write_as_soon_as_new_ones_may() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    let name = name_of(&shop.database).await;
    let mut writer = shop.database.pool.acquire().await.unwrap();
    let tell = |how: &str| AssertSqlSafe(format!("alter database {name} {how}"));
    writer.execute(tell("set default_transaction_read_only = on")).await.unwrap();
    begin_read_only(&mut shop, product).await;
    writer.execute(tell("reset default_transaction_read_only")).await.unwrap();
    both(&shop, true).await.expect("both are ready at once");
    for order in everybody_buys(&shop, product).await {
        shop.until(&order, "DONE").await;
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_standby_is_read_only_and_promoting_it_is_all_it_takes() {
    let (mut server, database) = database::own_server().await;
    let mut shop = Shop::on(database, 0).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    let folder: String =
        sqlx::query_scalar("select current_setting('data_directory')").fetch_one(&shop.database.pool).await.unwrap();
    server.crash().await.unwrap();
    std::fs::write(format!("{folder}/standby.signal"), "").unwrap();
    server.restart().await.unwrap();
    begin_read_only(&mut shop, product).await;
    let promoted = "select count(*) where pg_promote()";
    wait_for("the standby to be promoted", Duration::from_secs(30), async || {
        sqlx::query_scalar(promoted).fetch_one(&shop.database.pool).await.is_ok_and(|done: i64| done == 1).then_some(())
    })
    .await;
    both(&shop, true).await.expect("both are ready at once");
    for order in everybody_buys(&shop, product).await {
        shop.until(&order, "DONE").await;
    }
    shop.stop_workers().await;
    shop.finish().await;
    server.stop().await.unwrap();
}
