//! Without scripts: everything works but the payment window, which is Toss's and needs them.

use std::time::Duration;

use super::{PRICE, at, operators::log_in};
use crate::harness::{
    browser::{Visitor, browse},
    shop::{OPERATOR, Shop},
};

#[tokio::test]
async fn a_shopper_orders_confirms_and_sees_the_result() {
    let mut shop = Shop::start(0).await;
    browse(Visitor::WITHOUT_SCRIPTS, async |browser| {
        browser.expect("the server responded with a status of 422"); // nothing chosen
        let product = shop.product("오구 티셔츠", PRICE, 10).await;
        browser.visit(&at(&shop, "/checkout")).await;
        browser.click("#order [type=submit]").await;
        browser.until_says("상품을 하나 이상").await;
        browser.look("shop-without-scripts").await;
        browser.fill(&format!("[name=quantity-{}]", product.0), "2").await;
        browser.click("#order [type=submit]").await;
        let path = browser.until_at("/checkout/0").await;
        let order = path.rsplit('/').next().unwrap().to_owned();
        browser.until_says("JavaScript가 필요합니다").await;
        browser.look("pay-without-scripts").await;

        let key = shop.authenticate(&order, 2 * PRICE).await;
        let back = format!("/checkout/success?orderId={order}&paymentKey={key}&amount={}", 2 * PRICE);
        browser.visit(&at(&shop, &back)).await;
        browser.look("success").await;
        browser.click("#confirm button").await;
        browser.until_at(&format!("/order/{order}")).await;
        browser.until_says("다시 결제하지 마세요").await;
        browser.keep_view("status-confirming-without-scripts").await;
        shop.add_worker().await;
        shop.until(&order, "DONE").await;
        browser.until_text(".hero .chip", "결제 완료", Duration::from_secs(10)).await; // it loads itself
        assert_eq!((shop.approvals(&order).await, shop.held(&order).await), (1, 2 * PRICE));
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn an_operator_logs_in_searches_refunds_and_logs_out() {
    let shop = Shop::start(1).await;
    let product = shop.product("오구 티셔츠", PRICE, 10).await;
    let order = shop.accepted(2 * PRICE, &[(product, 2)]).await;
    shop.until(&order, "DONE").await;
    let other = shop.order(PRICE, &[(product, 1)]).await;
    browse(Visitor::WITHOUT_SCRIPTS, async |browser| {
        browser.visit(&at(&shop, "/order")).await;
        browser.until_at("/login").await;
        log_in(browser, OPERATOR.1).await;
        browser.until_at("/order").await;
        assert!(browser.has(&format!("a[href*='{order}']")).await && browser.has(&format!("a[href*='{other}']")).await);
        browser.press("찾기").await; // opens
        browser.fill("#search", &order).await;
        browser.click(".search [type=submit]").await;
        browser.until_gone(&format!("a[href*='{other}']")).await;
        browser.click(&format!(".orders a[href*='{order}']")).await;
        browser.click("a[href$='/cancel']").await;
        browser.until_at(&format!("/order/{order}/cancel")).await;
        browser.fill("#reason", "단순 변심").await;
        browser.fill(&format!("#quantity-{}", product.0), "1").await;
        browser.click("main [type=submit]").await;
        browser.until_says("50,000원을 돌려드릴까요?").await;
        browser.click("[name=sure]").await;
        browser.until_at(&format!("/order/{order}")).await;
        shop.until(&order, "PARTIAL_CANCELED").await;
        assert_eq!(shop.held(&order).await, PRICE);
        browser.visit(&at(&shop, "/order")).await;
        browser.press("로그아웃").await;
        browser.until_at("/login").await;
        browser.visit(&at(&shop, &format!("/order/{order}/detail"))).await;
        browser.until_at("/login").await;
    })
    .await;
    shop.finish().await;
}
