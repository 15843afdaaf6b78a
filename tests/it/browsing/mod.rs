//! Our pages as people use them, in Chromium: shoppers at a desk and on a phone, with and without scripts, in both languages,
//! hasty and honest, and operators. Toss is the simulator, and its ledger has the last word on whether money moved.
//!
//! Pictures of every state are left in `target/screenshots`, and each state is checked by axe-core. The shop is at
//! `localhost` and Toss at `127.0.0.1`, because to a browser they are different sites.

mod account;
mod buying;
mod hasty;
mod operators;
mod outcomes;
mod plain;
mod states;

use crate::harness::{browser::Browser, shop::Shop};

const PRICE: i64 = 50_000;
/// The window above the shop's page. On a phone it takes the whole tab.
const WINDOW: &str = "dialog iframe";

fn at(shop: &Shop, path: &str) -> String {
    format!("http://localhost:{}{path}", shop.api.addr().port())
}

/// An order of one product, and the page to pay it on.
async fn order_to_pay(shop: &Shop, browser: &Browser) -> String {
    let product = shop.product("오구 티셔츠", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    browser.visit(&at(shop, &format!("/checkout/{order}"))).await;
    order
}

/// Chooses how to pay, where the page leaves a choice.
async fn pay_by(browser: &Browser, method: &str) {
    browser.click(&format!("label:has(input[name=method][value={method}])")).await;
}

/// Presses the button of the page to pay on, and goes into the window.
async fn open_window(browser: &Browser) {
    browser.click("#pay").await;
    enter_window(browser).await;
}

async fn enter_window(browser: &Browser) {
    if browser.visitor.has_phone {
        browser.until_at("/window/").await;
    } else {
        browser.enter(WINDOW).await;
    }
}

/// In the window.
async fn approve(browser: &Browser) {
    browser.click("button[name=outcome][value=approve]").await;
}

/// The shopper is at the order's page, which says that it is paid; Toss agrees, and holds the amount once.
async fn is_paid_once(shop: &Shop, browser: &Browser, order: &str, amount: i64) {
    browser.until_at(&format!("/order/{order}")).await;
    browser.until_says("결제되었습니다").await;
    assert_eq!(shop.status(order).await, "DONE");
    assert_eq!((shop.approvals(order).await, shop.held(order).await), (1, amount));
}

/// Nothing was charged, and Toss agrees.
async fn nothing_moved(shop: &Shop, order: &str) {
    assert_eq!((shop.approvals(order).await, shop.held(order).await), (0, 0));
}
