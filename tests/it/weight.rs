//! What a shopper's browser fetches to show an order's page for the first time, in bytes as they go over the wire.

use std::collections::BTreeSet;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::shop::Shop;

const PRICE: i64 = 1_000;
/// A second of a slow phone's connection.
const BYTES_MAX: usize = 50_000;

/// The answer as it came, headers and all.
async fn fetched(shop: &Shop, path: &str) -> String {
    let mut stream = TcpStream::connect(shop.api.addr()).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\naccept-encoding: gzip, br\r\nconnection: close\r\n\r\n",
        shop.api.addr()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    answer
}

#[tokio::test]
async fn an_orders_page_with_all_that_it_loads_is_small() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let open = shop.order(PRICE, &[(product, 1)]).await;
    let paid = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&paid, "DONE").await;
    for order in [&open, &paid] {
        let page = fetched(&shop, &format!("/order/{order}")).await;
        let values = page.split('"').skip(1).step_by(2);
        let assets: BTreeSet<&str> = values.filter(|value| value.starts_with("/assets/")).collect();
        let kinds = [".css?", ".svg?"].iter().filter(|kind| assets.iter().any(|asset| asset.contains(**kind))).count();
        assert_eq!(kinds, 2, "{assets:?}");
        assert!(page.contains("script-src 'self'") && page.contains("default-src 'none'"), "nobody else's are loaded");
        let mut parts = vec![("the page".to_owned(), page.len())];
        for asset in assets {
            let answer = fetched(&shop, asset).await;
            assert!(!answer.contains("url(/") && !answer.contains("@import"), "{asset} loads more");
            parts.push((asset.to_owned(), answer.len()));
        }
        let bytes: usize = parts.iter().map(|(_, bytes)| bytes).sum();
        assert!(bytes <= BYTES_MAX, "{bytes} bytes: {parts:?}");
    }
    shop.finish().await;
}
