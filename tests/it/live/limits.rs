//! How many streams there may be, and whose.

use std::time::{Duration, Instant};

use reqwest::StatusCode;

use super::{PRICE, another_api};
use crate::harness::{shop::Shop, wait_for};

const ABSENT: &str = "019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e";

/// Believes one proxy, and has so many streams.
async fn api_with(shop: &mut Shop, streams: &str) {
    let former = another_api(shop, &[("API_EVENT_STREAMS_MAX", streams), ("API_PROXIES", "1")]).await;
    former.stop().await.unwrap();
}

#[tokio::test]
async fn an_unknown_order_has_no_stream_and_takes_no_place() {
    let shop = Shop::start(0).await;
    for _ in 0..25 {
        let absent = shop.no_events(ABSENT, &[]).await;
        assert_eq!((absent.status, absent.code().as_str()), (StatusCode::NOT_FOUND, "ORDER_NOT_FOUND"));
        assert_eq!(absent.header("content-type"), "application/problem+json");
    }
    let nonsense = shop.no_events("nonsense", &[]).await;
    assert_eq!((nonsense.status, nonsense.code().as_str()), (StatusCode::BAD_REQUEST, "INVALID_ORDER_ID"));
    shop.finish().await;
}

#[tokio::test]
async fn a_source_has_twenty_streams_and_others_have_theirs() {
    let mut shop = Shop::start(0).await;
    api_with(&mut shop, "1000").await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let here = [("x-forwarded-for", "203.0.113.7")];
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(shop.events(&order, &here).await);
    }
    let refused = shop.no_events(&order, &here).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_STREAMS"));
    assert_eq!(refused.header("retry-after"), "30");
    shop.events(&order, &[("x-forwarded-for", "203.0.113.8")]).await;
    assert_eq!(shop.get(&format!("/order/{order}")).await.status, StatusCode::OK, "the page still answers");
    streams.pop();
    wait_for("a place that was given back", Duration::from_secs(10), async || {
        let again = shop.ask_for_events(&order, &here).await;
        (again.status() == StatusCode::OK).then_some(())
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_process_has_as_many_streams_as_it_is_told() {
    let mut shop = Shop::start(0).await;
    api_with(&mut shop, "3").await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let mut streams = Vec::new();
    for last in 1..=3 {
        streams.push(shop.events(&order, &[("x-forwarded-for", &format!("203.0.113.{last}"))]).await);
    }
    let elsewhere = [("x-forwarded-for", "203.0.113.4")];
    let refused = shop.no_events(&order, &elsewhere).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "STREAMS_FULL"));
    assert_eq!(refused.header("retry-after"), "30");
    drop(streams);
    wait_for("a place that was given back", Duration::from_secs(10), async || {
        let again = shop.ask_for_events(&order, &elsewhere).await;
        (again.status() == StatusCode::OK).then_some(())
    })
    .await;
    api_with(&mut shop, "0").await;
    assert_eq!(shop.no_events(&order, &elsewhere).await.code(), "STREAMS_FULL");
    shop.finish().await;
}

#[tokio::test]
async fn streams_end_at_once_when_the_process_stops() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let (mut one, two) = (shop.events(&order, &[]).await, shop.events(&order, &[]).await);
    one.next().await.unwrap();
    let api = another_api(&mut shop, &[]).await;
    let begun = Instant::now();
    let (stopped, rest, rest_of_two) = tokio::join!(api.stop(), one.rest(), two.rest());
    stopped.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "it waited {:?} for its streams", begun.elapsed());
    assert_eq!(rest, [], "no end: a browser comes back, to another process");
    assert_eq!(rest_of_two.len(), 1);
    shop.finish().await;
}
