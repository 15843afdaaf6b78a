//! Many shoppers at once: stock is exact, nobody deadlocks, and one order is paid once however often it is confirmed.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use serde_json::json;

use crate::harness::shop::Shop;

/// Parallel clients, as a browser each.
const CLIENTS: usize = 32;

/// So many orders of one piece each race for the stock: as many are paid as there were pieces.
async fn race(stock: i64, orders: usize, paid: usize, left: i64) {
    let shop = Shop::start(2).await;
    let product = shop.product("Ogu T", 50_000, stock).await;
    let codes: Vec<String> = stream::iter(0..orders)
        .map(async |_| {
            let order = shop.order(50_000, &[(product, 1)]).await;
            let key = shop.authenticate(&order, 50_000).await;
            let confirmed = shop.confirm_patiently(&order, &key, 50_000).await;
            if confirmed.status == StatusCode::ACCEPTED { "ACCEPTED".to_owned() } else { confirmed.code() }
        })
        .buffer_unordered(CLIENTS)
        .collect()
        .await;
    let refused = codes.iter().filter(|code| *code == "OUT_OF_STOCK").count();
    assert_eq!((codes.len() - refused, refused), (paid, orders - paid), "{codes:?}");
    shop.until_outbox_is_empty().await;
    assert_eq!(
        shop.database.number("select count(*) from orders where status = 'DONE'").await,
        i64::try_from(paid).unwrap()
    );
    assert_eq!(shop.stock(product).await, left);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_hundred_pieces_and_three_hundred_orders_leave_none() {
    race(300, 300, 300, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_order_less_leaves_one_piece() {
    race(300, 299, 299, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_order_more_is_refused() {
    race(300, 301, 300, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_orders_more_are_refused() {
    race(300, 350, 300, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_confirmed_by_a_hundred_at_once_is_one_payment_and_a_hundred_equal_answers() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 50_000, 10).await;
    let order = shop.order(50_000, &[(product, 1)]).await;
    let key = shop.authenticate(&order, 50_000).await;
    let confirm_all = async |shop: &Shop| {
        let answers: Vec<_> = stream::iter(0..100)
            .map(async |_| {
                let confirmed = shop.confirm_patiently(&order, &key, 50_000).await;
                (confirmed.status, confirmed.header("location").to_owned(), confirmed.text)
            })
            .buffer_unordered(100)
            .collect()
            .await;
        assert_eq!(answers.len(), 100);
        assert_eq!(answers[0].0, StatusCode::ACCEPTED, "{}", answers[0].2);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        answers[0].clone()
    };
    let before = confirm_all(&shop).await;
    assert_eq!(shop.database.number("select count(*) from payments").await, 1);
    assert_eq!(shop.database.number("select count(*) from outbox").await, 1);
    assert_eq!(shop.stock(product).await, 9);
    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    assert_eq!(confirm_all(&shop).await, before, "the same answer again, also after it was paid");
    assert_eq!(shop.database.number("select count(*) from payments").await, 1);
    assert_eq!(shop.database.number("select count(*) from outbox").await, 0);
    assert_eq!(shop.approvals(&order).await, 1);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_payment_keys_of_one_order_at_once_are_one_payment() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", 50_000, 100).await;
    for _ in 0..20 {
        let order = shop.order(50_000, &[(product, 1)]).await;
        let keys = [shop.authenticate(&order, 50_000).await, shop.authenticate(&order, 50_000).await];
        let (one, other) = tokio::join!(
            shop.confirm_patiently(&order, &keys[0], 50_000),
            shop.confirm_patiently(&order, &keys[1], 50_000)
        );
        let (winner, loser) = if one.status == StatusCode::ACCEPTED { (one, other) } else { (other, one) };
        assert_eq!(winner.status, StatusCode::ACCEPTED, "{}", winner.text);
        assert!(["PAYMENT_IN_PROGRESS", "ALREADY_PAID"].contains(&loser.code().as_str()), "{}", loser.text);
        shop.until(&order, "DONE").await;
        assert_eq!(shop.approvals(&order).await, 1);
    }
    assert_eq!(shop.stock(product).await, 80);
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn carts_over_the_same_products_in_opposite_order_never_wait_for_each_other() {
    const ORDERS: usize = 2_000;
    let shop = Arc::new(Shop::start(0).await);
    let mut products = Vec::new();
    for number in 0..4 {
        products.push(shop.product(&format!("Ogu {number}"), 1_000, 3_000).await);
    }
    let backwards: Vec<_> = products.iter().rev().copied().collect();
    let refused: Vec<String> = stream::iter(0..ORDERS)
        .map(async |number| {
            let products = if number % 2 == 0 { &products } else { &backwards };
            let lines: Vec<_> = products.iter().map(|product| (*product, 1)).collect();
            let order = shop.order(4_000, &lines).await;
            let confirmed = shop.confirm_patiently(&order, &format!("key-{order}"), 4_000).await;
            (confirmed.status != StatusCode::ACCEPTED).then_some(confirmed.text)
        })
        .buffer_unordered(CLIENTS)
        .filter_map(async |refused| refused)
        .collect()
        .await;
    assert!(refused.is_empty(), "{refused:?}");
    for product in products {
        assert_eq!(shop.stock(product).await, 1_000);
    }
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(shop.database.number(deadlocks).await, 0);
    let Some(shop) = Arc::into_inner(shop) else { panic!("somebody still holds the shop") };
    // Nobody authenticated these payments: they stay unconfirmed, and that is what the audit must see.
    shop.finish_with_live_intents().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn out_of_stock_names_the_product_and_holds_nothing() {
    let shop = Shop::start(0).await;
    let plenty = shop.product("Ogu T", 1_000, 10).await;
    let scarce = shop.product("Ogu 담요", 1_000, 1).await;
    let order = shop.order(4_000, &[(plenty, 2), (scarce, 2)]).await;
    let refused = shop.confirm(&order, "some-payment-key", 4_000).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.code(), "OUT_OF_STOCK");
    assert_eq!(refused.json()["product"], json!("Ogu 담요"));
    assert_eq!((shop.stock(plenty).await, shop.stock(scarce).await), (10, 1));
    assert_eq!(shop.status(&order).await, "READY");
    shop.finish().await;
}
