//! What cannot be kept is not taken: Toss comes again. What was kept is not lost, whoever dies.

use serde_json::json;

use super::{about, deliver, deliveries, hooked, paid, register, states, unregister, until_delivered, until_looked_at};
use crate::harness::{
    database,
    process::{Binary, Process, free_addr, until_it_answers},
    shop::Shop,
};

#[tokio::test]
async fn while_the_database_is_away_toss_is_told_to_come_again_and_does() {
    let (mut server, database) = database::own_server().await;
    let mut shop = Shop::on(database, 1).await;
    register(&shop).await;
    let product = shop.product("Ogu T", 50_000, 10).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    server.crash().await.unwrap();
    let away = deliver(&shop, None, &about(&order, &key, "DONE", 1)).await;
    assert_eq!(away.status.as_u16(), 503, "{}", away.text);
    assert!(!away.header("retry-after").is_empty());
    shop.control("cancel", json!({"paymentKey": key})).await;
    let tried = |deliveries: Vec<serde_json::Value>| {
        let attempts = deliveries.last().unwrap()["attempts"].as_array().unwrap().clone();
        attempts.iter().map(|attempt| attempt["status"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    crate::harness::wait_for("the try that fails", std::time::Duration::from_secs(30), async || {
        let answers = tried(deliveries(&shop, &order).await);
        (answers == [503]).then_some(())
    })
    .await;
    server.restart().await.unwrap();
    shop.until(&order, "DONE").await;
    // Toss comes again a minute later, on its own clock.
    shop.control("clock", json!({"advanceSeconds": 61})).await;
    until_delivered(&shop, &order, 2).await;
    shop.until(&order, "CANCELED").await;
    until_looked_at(&shop).await;
    assert_eq!(tried(deliveries(&shop, &order).await), [503, 200]);
    assert_eq!(states(&shop).await, ["known", "checked"]);
    shop.stop_workers().await;
    shop.finish().await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_api_killed_after_it_kept_a_webhook_has_not_lost_it() {
    let (mut shop, product) = hooked(1).await;
    let (order, key) = paid(&shop, product).await;
    until_delivered(&shop, &order, 1).await;
    until_looked_at(&shop).await;
    shop.stop_workers().await;
    unregister(&shop).await;
    shop.control("cancel", json!({"paymentKey": key})).await;
    let addr = free_addr();
    let mut env = shop.env_pairs();
    env.extend(
        [("API_ADDR", addr.as_str()), ("HANBEON_STOP_AT", "AfterKeep")].map(|(a, b)| (a.to_owned(), b.to_owned())),
    );
    let mut doomed = Process::start(Binary::Api, env);
    until_it_answers(&shop, &addr).await;
    let body = about(&order, &key, "CANCELED", 0);
    let first = shop.http.post(format!("http://{addr}/webhooks/toss")).body(body.clone()).send();
    let (first, ()) = tokio::join!(first, async {
        doomed.stopped_at("AfterKeep").await;
        doomed.kill().await;
    });
    assert!(first.is_err(), "the api died before it could answer");
    assert_eq!(deliver(&shop, None, &body).await.status.as_u16(), 200, "Toss comes again: it is a copy");
    assert_eq!(states(&shop).await, ["known", "waiting"]);
    assert_eq!(shop.database.number("select count(*) from outbox").await, 0);
    shop.add_worker().await;
    shop.until(&order, "CANCELED").await;
    until_looked_at(&shop).await;
    shop.finish().await;
}
