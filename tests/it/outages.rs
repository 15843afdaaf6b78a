//! PostgreSQL goes away and comes back. Nobody loses an accepted confirm, and no process ends.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use devstack::part::Part;
use futures_util::{StreamExt, stream};
use reqwest::StatusCode;

use crate::harness::{
    database,
    process::{Binary, Process, free_addr, until_it_answers},
    proxy::Proxy,
    shop::{Shop, answered},
    wait_for,
};

#[tokio::test]
async fn without_its_database_the_api_says_so_and_recovers_by_itself() {
    let (mut server, database) = database::own_server().await;
    let mut shop = Shop::on(database, 1).await;
    let product = shop.product("Ogu T", 50_000, 10).await;
    let order = shop.order(50_000, &[(product, 1)]).await;
    let key = shop.authenticate(&order, 50_000).await;
    server.crash().await.unwrap();
    let away = shop.confirm(&order, &key, 50_000).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE, "{}", away.text);
    assert_eq!(away.code(), "UNAVAILABLE");
    assert!(!away.header("retry-after").is_empty());
    assert_eq!(shop.get(&format!("/api/v1/orders/{order}")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(shop.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(shop.get("/livez").await.status, StatusCode::OK);
    server.restart().await.unwrap();
    wait_for("the api to recover", Duration::from_secs(30), async || {
        (shop.confirm(&order, &key, 50_000).await.status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    shop.until(&order, "DONE").await;
    assert!(shop.workers[0].handle().is_running());
    shop.stop_workers().await;
    shop.finish().await;
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_confirm_that_was_accepted_is_paid_although_the_database_dies_twice_under_load() {
    let (mut server, database) = database::own_server().await;
    let mut shop = Shop::on(database, 0).await;
    let product = shop.product("Ogu T", 50_000, 100_000).await;
    let api_addr = free_addr();
    let mut pairs = shop.env_pairs();
    let mut workers = [Process::start(Binary::Worker, pairs.clone()), Process::start(Binary::Worker, pairs.clone())];
    pairs.push(("API_ADDR".to_owned(), api_addr.clone()));
    let mut api = Process::start(Binary::Api, pairs);
    until_it_answers(&shop, &api_addr).await;
    let simulator_addr = shop.simulator.addr().to_string();
    shop.point_at(&api_addr, &simulator_addr);

    let (over, accepted, refused) = (AtomicBool::new(false), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let shoppers = stream::iter(0..16).for_each_concurrent(16, async |_| {
        while !over.load(Ordering::Relaxed) {
            buy(&shop, product, &accepted, &refused).await;
        }
    });
    let outages = async {
        for _ in 0..2 {
            let before = accepted.lock().unwrap().len();
            wait_for("the shop to sell", Duration::from_mins(1), async || {
                (accepted.lock().unwrap().len() >= before + 100).then_some(())
            })
            .await;
            server.crash().await.unwrap();
            let failing = refused.lock().unwrap().len();
            wait_for("somebody to notice", Duration::from_secs(30), async || {
                (refused.lock().unwrap().len() > failing).then_some(())
            })
            .await;
            server.restart().await.unwrap();
        }
        let before = accepted.lock().unwrap().len();
        wait_for("the shop to sell again", Duration::from_mins(1), async || {
            (accepted.lock().unwrap().len() >= before + 100).then_some(())
        })
        .await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(shoppers, outages);

    for process in workers.iter_mut().chain([&mut api]) {
        assert!(process.is_running(), "a process ended");
    }
    for status in refused.lock().unwrap().iter() {
        assert_eq!(*status, StatusCode::SERVICE_UNAVAILABLE, "an outage has one answer");
    }
    shop.until_outbox_is_empty().await;
    let accepted = accepted.into_inner().unwrap();
    for order in &accepted {
        assert_eq!(shop.status(order).await, "DONE", "{order} was accepted");
    }
    for process in workers.iter_mut().chain([&mut api]) {
        process.signal("TERM").await;
        assert!(process.ended().await);
    }
    shop.finish().await;
    server.stop().await.unwrap();
}

/// One shopper's purchase. What is refused is noted with its status; what is accepted, with its order.
async fn buy(
    shop: &Shop,
    product: shared::order::ProductId,
    accepted: &Mutex<Vec<String>>,
    refused: &Mutex<Vec<StatusCode>>,
) {
    let line = serde_json::json!({"productId": product.0, "quantity": 1});
    let body = serde_json::json!({"userId": shop.customer.0, "amount": 50_000, "orderProducts": [line]});
    let created = shop.post("/api/v1/orders/create", body).await;
    if created.status != StatusCode::CREATED {
        refused.lock().unwrap().push(created.status);
        return;
    }
    let order = created.json()["orderId"].as_str().unwrap().to_owned();
    let key = shop.authenticate(&order, 50_000).await;
    let confirmed = shop.confirm(&order, &key, 50_000).await;
    if confirmed.status == StatusCode::ACCEPTED {
        accepted.lock().unwrap().push(order);
    } else {
        refused.lock().unwrap().push(confirmed.status);
    }
}

#[tokio::test]
async fn terminated_sessions_cost_a_moment_and_nothing_else() {
    let shop = Shop::start(2).await;
    let product = shop.product("Ogu T", 50_000, 1_000).await;
    for round in 0..5 {
        let order = shop.accepted(50_000, &[(product, 1)]).await;
        shop.database
            .number(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity
                 where datname = current_database() and application_name like 'hanbeon-%'",
            )
            .await;
        wait_for("the api to answer again", Duration::from_secs(20), async || {
            let url = format!("{}/api/v1/orders/{order}", shop.api.url());
            (answered(shop.http.get(url)).await.status == StatusCode::OK).then_some(())
        })
        .await;
        shop.until(&order, "DONE").await;
        assert_eq!(shop.approvals(&order).await, 1, "round {round}");
    }
    shop.finish().await;
}

#[tokio::test]
async fn an_order_that_somebody_keeps_locked_holds_up_nobody_else() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", 50_000, 1_000).await;
    shop.control("latency", serde_json::json!({"fixedMs": 500})).await;
    let locked = shop.accepted(50_000, &[(product, 1)]).await;
    let mut somebody = shop.database.pool.begin().await.unwrap();
    let lock = format!("select from orders where order_no = '{locked}' for update");
    sqlx::Executor::execute(&mut *somebody, sqlx::AssertSqlSafe(lock)).await.unwrap();
    let mut others = Vec::new();
    for _ in 0..30 {
        others.push(shop.accepted(50_000, &[(product, 1)]).await);
    }
    for order in &others {
        shop.until(order, "DONE").await;
    }
    assert_eq!(shop.approvals(&locked).await, 1);
    assert_eq!(shop.status(&locked).await, "IN_PROGRESS");
    somebody.rollback().await.unwrap();
    shop.until(&locked, "DONE").await;
    assert_eq!(shop.requests(&locked).await.len(), 1, "what was found was kept, not asked for again");
    shop.finish().await;
}

#[tokio::test]
async fn although_a_login_takes_longer_than_anybody_waits_an_api_that_starts_comes_to_serve() {
    let (server, database) = database::own_server().await;
    let mut shop = Shop::on(database, 1).await;
    let product = shop.product("Ogu T", 50_000, 10).await;
    let order = shop.order(50_000, &[(product, 1)]).await;
    let key = shop.authenticate(&order, 50_000).await;
    shop.database.execute("alter system set pre_auth_delay = '4s'").await;
    shop.database.execute("select pg_reload_conf()").await;
    wait_for("the server to be slow", Duration::from_secs(30), async || {
        let delay = "select setting::bigint from pg_settings where name = 'pre_auth_delay'";
        (shop.database.number(delay).await == 4).then_some(())
    })
    .await;
    let api = Part::api(shop.env(&[])).await.unwrap();
    shop.point_at(&api.addr().to_string(), &shop.simulator.addr().to_string());
    assert_eq!(
        shop.confirm(&order, &key, 50_000).await.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "nobody waits so long"
    );
    wait_for("the api to serve", Duration::from_mins(1), async || {
        (shop.confirm(&order, &key, 50_000).await.status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    shop.until(&order, "DONE").await;
    api.stop().await.unwrap();
    shop.database.execute("alter system reset pre_auth_delay").await;
    shop.database.execute("select pg_reload_conf()").await;
    shop.finish().await;
    server.stop().await.unwrap();
}

/// Six rounds are more than the connections that api and worker may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_fall_silent_cost_nobody_a_place_in_the_pool() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 50_000, 1_000).await;
    let mut url = reqwest::Url::parse(&shop.database.url).unwrap();
    let proxy = Proxy::start(format!("127.0.0.1:{}", url.port().unwrap_or(5432))).await;
    url.set_port(Some(proxy.addr.port())).unwrap();
    let through_proxy = [("DATABASE_URL", url.as_str()), ("API_DATABASE_CONNECTIONS", "3")];
    let api = Part::api(shop.env(&through_proxy)).await.unwrap();
    let worker = Part::worker(shop.env(&through_proxy)).await.unwrap();
    shop.point_at(&api.addr().to_string(), &shop.simulator.addr().to_string());
    for round in 0..6 {
        let order = shop.order(50_000, &[(product, 1)]).await;
        let key = shop.authenticate(&order, 50_000).await;
        proxy.hang();
        let asking: Vec<_> = stream::iter(0..6)
            .map(async |_| shop.confirm(&order, &key, 50_000).await)
            .buffer_unordered(6)
            .collect()
            .await;
        for answer in asking {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "round {round}: {}", answer.text);
        }
        proxy.go_on();
        wait_for("the api to have connections again", Duration::from_secs(30), async || {
            (shop.confirm(&order, &key, 50_000).await.status == StatusCode::ACCEPTED).then_some(())
        })
        .await;
        shop.until(&order, "DONE").await;
    }
    worker.stop().await.unwrap();
    api.stop().await.unwrap();
    shop.finish().await;
}
