//! Shoppers who click twice, go back, load again, and pay in two tabs at once: one payment, and never an error page.

use super::{PRICE, WINDOW, approve, at, is_paid_once, open_window, order_to_pay};
use crate::harness::{
    browser::{Visitor, browse},
    shop::Shop,
};

#[tokio::test]
async fn loading_again_and_going_back_neither_fails_nor_pays_again() {
    let shop = Shop::start(1).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order_to_pay(&shop, browser).await;
        open_window(browser).await;
        browser.leave().await;
        browser.reload().await; // with the window open
        browser.until_at(&format!("/checkout/{order}")).await;
        assert!(!browser.has(WINDOW).await);
        open_window(browser).await;
        approve(browser).await;
        is_paid_once(&shop, browser, &order, PRICE).await;
        browser.reload().await;
        is_paid_once(&shop, browser, &order, PRICE).await;
        browser.back().await; // to the page to pay on, which leads here again
        is_paid_once(&shop, browser, &order, PRICE).await;
        browser.visit(&at(&shop, &format!("/checkout/{order}"))).await;
        is_paid_once(&shop, browser, &order, PRICE).await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_double_click_on_order_makes_one_order() {
    let shop = Shop::start(0).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let product = shop.product("오구 티셔츠", PRICE, 10).await;
        browser.visit(&at(&shop, "/checkout")).await;
        browser.fill(&format!("[name=quantity-{}]", product.0), "1").await;
        browser.double_click("#order [type=submit]").await;
        browser.until_at("/checkout/0").await;
        assert_eq!(shop.database.number("select count(*) from orders").await, 1);

        // However long the answer takes: after the first click the button does nothing.
        browser.visit(&at(&shop, "/checkout")).await;
        let asleep = "const order = document.getElementById('order'), submit = order.querySelector('[type=submit]');
                      order.addEventListener('submit', (event) => event.preventDefault());
                      submit.click();
                      return submit.disabled";
        assert_eq!(browser.run(asleep).await, true);
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_double_click_on_pay_opens_one_window() {
    let shop = Shop::start(1).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order_to_pay(&shop, browser).await;
        browser.double_click("#pay").await;
        browser.enter(WINDOW).await;
        browser.leave().await;
        assert_eq!(browser.driver.find_all(thirtyfour::By::Css(WINDOW)).await.unwrap().len(), 1);
        let opened = "return performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/window/payments')).length";
        assert_eq!(browser.run(opened).await, 1);
        browser.enter(WINDOW).await;
        browser.double_click("button[name=outcome][value=approve]").await;
        is_paid_once(&shop, browser, &order, PRICE).await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_double_click_on_confirm_confirms_once() {
    let shop = Shop::start(1).await;
    // With scripts the page presses its own button.
    browse(Visitor::WITHOUT_SCRIPTS, async |browser| {
        let product = shop.product("오구 티셔츠", PRICE, 10).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        let back = format!("/checkout/success?orderId={order}&paymentKey={key}&amount={PRICE}");
        browser.visit(&at(&shop, &back)).await;
        browser.double_click("#confirm button").await;
        is_paid_once(&shop, browser, &order, PRICE).await;
        let confirms = shop.requests(&order).await;
        let confirms = confirms.iter().filter(|request| request["path"].as_str().unwrap().ends_with("/confirm"));
        assert_eq!(confirms.count(), 1);
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn of_two_tabs_one_pays_and_the_other_is_led_to_the_paid_order() {
    let shop = Shop::start(1).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order_to_pay(&shop, browser).await;
        open_window(browser).await;
        let first = browser.tab().await;
        browser.leave().await;
        browser.open_tab().await;
        browser.visit(&at(&shop, &format!("/checkout/{order}"))).await;
        open_window(browser).await;
        approve(browser).await;
        is_paid_once(&shop, browser, &order, PRICE).await;

        browser.go_to_tab(&first).await;
        browser.enter(WINDOW).await;
        approve(browser).await;
        is_paid_once(&shop, browser, &order, PRICE).await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_tab_that_was_left_open_shows_that_the_order_is_paid() {
    let shop = Shop::start(1).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order_to_pay(&shop, browser).await;
        let first = browser.tab().await;
        browser.open_tab().await;
        browser.visit(&at(&shop, &format!("/order/{order}"))).await;
        let second = browser.tab().await;
        browser.go_to_tab(&first).await;
        open_window(browser).await;
        approve(browser).await;
        is_paid_once(&shop, browser, &order, PRICE).await;
        browser.go_to_tab(&second).await;
        is_paid_once(&shop, browser, &order, PRICE).await;
    })
    .await;
    shop.finish().await;
}
