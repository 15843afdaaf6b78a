//! What cannot be kept is not taken: Toss comes again.

use serde_json::json;

use super::{about, deliver, paid, register, states, until_delivered, until_looked_at};
use crate::harness::{database, shop::Shop};

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
        let answers = tried(super::deliveries(&shop, &order).await);
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
    assert_eq!(tried(super::deliveries(&shop, &order).await), [503, 200]);
    assert_eq!(states(&shop).await, ["known", "checked"]);
    shop.stop_workers().await;
    shop.finish().await;
    server.stop().await.unwrap();
}
