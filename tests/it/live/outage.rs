//! The database goes away and comes back while people watch.

use std::time::Duration;

use reqwest::StatusCode;

use super::{PRICE, told};
use crate::harness::{database, shop::Shop, wait_for};

#[tokio::test]
async fn a_stream_outlives_its_database_and_tells_afterwards_what_happened() {
    let (mut server, database) = database::own_server().await;
    let mut shop = Shop::on(database, 0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    let mut stream = shop.events(&order, &[]).await;
    assert_eq!(stream.next().await.unwrap().to(), "READY");
    server.crash().await.unwrap();
    let heartbeat = stream.next_of_any_kind().await.unwrap();
    assert_eq!(heartbeat.name, "comment", "with the database away the stream still lives");
    assert_eq!(shop.no_events(&order, &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    server.restart().await.unwrap();
    wait_for("the api to recover", Duration::from_secs(30), async || {
        (shop.confirm(&order, &key, PRICE).await.status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    shop.add_worker().await;
    assert_eq!(told(&stream.rest().await), ["IN_PROGRESS", "DONE", "end"]);
    shop.finish().await;
    server.stop().await.unwrap();
}
