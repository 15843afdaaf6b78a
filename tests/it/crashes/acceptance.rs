//! The api killed around its commit. The client has no answer and repeats through another api: one intent, whichever way
//! it was, and the repeat gets the answer that the first should have got.

use crate::harness::{
    process::{Binary, Process, free_addr, until_it_answers},
    shop::Shop,
};

const PRICE: i64 = 50_000;

/// Says whether the confirm was committed when the api died.
async fn api_killed_at(place: &str) -> bool {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 2).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    let addr = free_addr();
    let mut env = shop.env_pairs();
    env.push(("API_ADDR".to_owned(), addr.clone()));
    env.push(("HANBEON_STOP_AT".to_owned(), place.to_owned()));
    let mut doomed = Process::start(Binary::Api, env);
    until_it_answers(&shop, &addr).await;
    let url = format!("http://{addr}/api/v1/orders/confirm");
    let first = shop.http.post(url).json(&shop.confirmation(&order, &key, PRICE)).send();
    let (first, ()) = tokio::join!(first, async {
        doomed.stopped_at(place).await;
        doomed.kill().await;
    });
    assert!(first.is_err(), "the api died before it could answer");
    let committed = shop.database.number("select count(*) from outbox").await;

    let again = shop.confirm_patiently(&order, &key, PRICE).await;
    assert_eq!(again.status.as_u16(), 202, "{}", again.text);
    assert_eq!(shop.database.number("select count(*) from outbox").await, 1);
    assert_eq!(shop.database.number("select count(*) from payments").await, 1);
    assert_eq!(shop.stock(product).await, 1, "held once");
    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    assert_eq!(shop.approvals(&order).await, 1);
    assert_eq!(shop.causes(&order).await, ["confirm_accepted", "toss_approved"]);
    shop.finish().await;
    committed == 1
}

#[tokio::test]
async fn an_api_killed_before_its_commit_has_written_nothing_and_the_repeat_is_the_first() {
    assert!(!api_killed_at("BeforeAccept").await);
}

#[tokio::test]
async fn an_api_killed_after_its_commit_has_accepted_and_the_repeat_gets_the_same_answer() {
    assert!(api_killed_at("AfterAccept").await);
}
