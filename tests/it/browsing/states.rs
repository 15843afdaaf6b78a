//! The states that other stories do not pass through: how they look, in both languages.

use super::{PRICE, at, operators::log_in};
use crate::harness::{
    browser::{Visitor, browse},
    shop::{OPERATOR, Shop},
};

/// The newest order of the past in each state it knows.
async fn of_the_past(shop: &Shop) -> Vec<(String, String)> {
    let sql = "select distinct on (status) status, order_no::text from orders order by status, id desc";
    sqlx::query_as(sql).fetch_all(&shop.database.pool).await.unwrap()
}

#[tokio::test]
async fn a_list_of_many_orders_and_each_of_their_pages() {
    let shop = Shop::start(0).await;
    for (name, price) in [("오구 티셔츠", PRICE), ("오구 컵", 15_000), ("오구 양말", 12_000)] {
        shop.product(name, price, 10).await;
    }
    devstack::past::fill(&shop.database.url, 1_500, |_| ()).await.unwrap();
    let past = of_the_past(&shop).await;
    assert_eq!(past.len(), 5, "{past:?}");
    for (visitor, suffix) in [(Visitor::AT_A_DESK, ""), (Visitor::ENGLISH, "-english")] {
        browse(visitor, async |browser| {
            browser.visit(&at(&shop, "/login")).await;
            log_in(browser, OPERATOR.1).await;
            browser.until_at("/order").await;
            browser.look(&format!("list{suffix}")).await;
            for (status, order) in &past {
                let status = status.to_lowercase().replace('_', "-");
                browser.visit(&at(&shop, &format!("/order/{order}"))).await;
                browser.look(&format!("status-{status}{suffix}")).await;
                browser.visit(&at(&shop, &format!("/order/{order}/detail"))).await;
                browser.look(&format!("detail-{status}{suffix}")).await;
            }
        })
        .await;
    }
    shop.end_without_audit();
}

#[tokio::test]
async fn an_order_on_its_way() {
    let shop = Shop::start(0).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let product = shop.product("오구 티셔츠", PRICE, 10).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        browser.visit(&at(&shop, &format!("/order/{order}"))).await;
        browser.until_says("아직 결제하지 않았습니다").await;
        browser.look("status-ready").await;
        let key = shop.authenticate(&order, PRICE).await;
        shop.confirm(&order, &key, PRICE).await;
        browser.until_says("다시 결제하지 마세요").await;
        browser.look("status-confirming").await;
        browser.visit(&at(&shop, &format!("/checkout/fail?code=PAY_PROCESS_CANCELED&order={order}"))).await;
        browser.until_says("다른 결제를 확인하고 있습니다").await;
        browser.look("fail-while-confirming").await;
        shop.database.execute("update orders set status = 'REVIEW', review_holds_stock = true").await;
        browser.visit(&at(&shop, &format!("/order/{order}"))).await;
        browser.until_says("담당자가 확인하고 있습니다").await;
        browser.look("status-review").await;
    })
    .await;
    shop.end_without_audit(); // the review was written by hand
}

#[tokio::test]
async fn whoever_asks_for_nothing_we_have_is_told() {
    let shop = Shop::start(0).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        browser.expect("the server responded with a status of 404");
        for (path, name) in
            [("/nowhere", "not-found"), ("/order/0199a0b1-5c00-7000-8000-000000000001", "no-such-order")]
        {
            browser.visit(&at(&shop, path)).await;
            browser.look(name).await;
        }
        browser.visit(&at(&shop, "/checkout")).await;
        browser.until_says("아직 파는 상품이 없습니다").await;
        browser.look("shop-empty").await;
        browser.visit(&at(&shop, "/checkout/fail")).await;
        browser.look("fail-of-nothing").await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn whoever_comes_too_late_for_the_goods_is_told() {
    let shop = Shop::start(1).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        browser.expect("the server responded with a status of 409");
        browser.expect("the server responded with a status of 422");
        let product = shop.product("오구 티셔츠", PRICE, 1).await;
        browser.visit(&at(&shop, "/checkout")).await;
        browser.look("shop").await;
        browser.fill(&format!("[name=quantity-{}]", product.0), "1").await;
        shop.database.execute("update products set price = price + 1000").await;
        browser.click("#order [type=submit]").await;
        browser.until_says("그 사이에 가격이 바뀌어").await;
        browser.look("shop-prices-changed").await;
        browser.click("#order [type=submit]").await;
        let path = browser.until_at("/checkout/0").await;
        let order = path.rsplit('/').next().unwrap().to_owned();
        let quicker = shop.accepted(PRICE + 1000, &[(product, 1)]).await;
        shop.until(&quicker, "DONE").await;
        super::open_window(browser).await;
        super::approve(browser).await;
        browser.until_at("/checkout/confirm").await;
        browser.until_says("재고").await;
        browser.look("out-of-stock").await;
        super::nothing_moved(&shop, &order).await;
        browser.visit(&at(&shop, "/checkout")).await;
        browser.until_says("품절").await;
        browser.look("shop-sold-out").await;

        let cup = shop.product("오구 컵", 18_000, 3).await;
        browser.visit(&at(&shop, "/checkout")).await;
        browser.fill(&format!("[name=quantity-{}]", cup.0), "3").await;
        let quicker = shop.accepted(36_000, &[(cup, 2)]).await;
        shop.until(&quicker, "DONE").await;
        browser.click("#order [type=submit]").await;
        browser.until_says("1개 남았습니다").await;
        browser.look("shop-short").await;
    })
    .await;
    shop.finish().await;
}
