//! From the shop to the paid order, as it is meant to go.

use simulator::{DEFAULT_WIDGET_CLIENT_KEY, DEFAULT_WIDGET_SECRET_KEY};

use super::{PRICE, approve, at, enter_window, is_paid_once, open_window};
use crate::{
    harness::{
        browser::{Browser, LIMIT, Visitor, browse},
        shop::Shop,
    },
    live::another_api,
};

/// Two shirts and a cup, chosen in the shop; the number of the order.
async fn order(shop: &Shop, browser: &Browser, picture: Option<&str>) -> String {
    let shirt = shop.product("오구 티셔츠", PRICE, 10).await;
    let cup = shop.product("오구 컵", 18_000, 3).await;
    browser.visit(&at(shop, "/checkout")).await;
    browser.fill(&format!("[name=quantity-{}]", shirt.0), "2").await;
    browser.click(&format!(".stepper:has([name=quantity-{}]) button:last-child", cup.0)).await;
    browser.until_text("#total strong", browser.pick("118,000원", "118,000 KRW"), LIMIT).await;
    if let Some(name) = picture {
        browser.look(name).await;
    }
    browser.click("#order [type=submit]").await;
    let path = browser.until_at("/checkout/0").await;
    path.rsplit('/').next().unwrap().to_owned()
}

const TOTAL: i64 = 2 * PRICE + 18_000;

#[tokio::test]
async fn a_shopper_at_a_desk_buys_in_the_window_above_the_page() {
    let shop = Shop::start(1).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order(&shop, browser, Some("shop-chosen")).await;
        browser.until_says("118,000원").await;
        browser.look("pay").await;
        open_window(browser).await;
        browser.keep_view("pay-window-desktop").await;
        approve(browser).await;
        is_paid_once(&shop, browser, &order, TOTAL).await;
        browser.look("status-paid").await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_shopper_on_a_phone_buys_in_the_window_that_takes_the_tab() {
    let shop = Shop::start(1).await;
    browse(Visitor::ON_A_PHONE, async |browser| {
        let order = order(&shop, browser, None).await;
        open_window(browser).await;
        browser.keep_view("pay-window-phone").await;
        approve(browser).await;
        is_paid_once(&shop, browser, &order, TOTAL).await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_shopper_who_reads_english_buys_in_english() {
    let shop = Shop::start(1).await;
    browse(Visitor::ENGLISH, async |browser| {
        let order = order(&shop, browser, Some("shop-chosen-english")).await;
        browser.until_says("Pay 118,000 KRW").await;
        browser.look("pay-english").await;
        open_window(browser).await;
        approve(browser).await;
        browser.until_at(&format!("/order/{order}")).await;
        browser.until_says("118,000 KRW was charged, once.").await;
        assert_eq!(browser.run("return document.documentElement.lang").await, "en");
        browser.look("status-paid-english").await;
        assert_eq!((shop.approvals(&order).await, shop.held(&order).await), (1, TOTAL));
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_shopper_switches_to_english_and_it_stays() {
    let shop = Shop::start(1).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order(&shop, browser, None).await;
        browser.click("a[hreflang=en]").await;
        browser.until_says("Pay 118,000 KRW").await;
        assert_eq!(browser.driver.current_url().await.unwrap().query(), None);
        open_window(browser).await;
        browser.click("button[name=outcome][value=cancel]").await;
        browser.until_at("/checkout/fail").await;
        browser.until_says("You came back without paying").await;
        browser.look("fail-english").await;
        browser.click("a[hreflang=ko]").await;
        browser.until_says("결제를 마치지 않고 돌아오셨습니다").await;
        assert_eq!(browser.run("return document.documentElement.lang").await, "ko");
        super::nothing_moved(&shop, &order).await;
    })
    .await;
    shop.finish().await;
}

/// A shop whose contract is for the payment widget.
async fn with_widget() -> Shop {
    let mut shop = Shop::start(0).await;
    let page = [("TOSS_CLIENT_KEY", DEFAULT_WIDGET_CLIENT_KEY)];
    another_api(&mut shop, &page).await.stop().await.unwrap();
    let keys = [page[0], ("TOSS_SECRET_KEY", DEFAULT_WIDGET_SECRET_KEY)];
    shop.add_worker_with(&keys).await;
    shop
}

const METHODS: &str = "#methods iframe";
const AGREEMENT: &str = "#agreement iframe";

#[tokio::test]
async fn a_shopper_at_a_desk_chooses_in_the_widget_and_buys() {
    buys_with_the_widget(Visitor::AT_A_DESK, "desktop").await;
}

#[tokio::test]
async fn a_shopper_on_a_phone_chooses_in_the_widget_and_buys() {
    buys_with_the_widget(Visitor::ON_A_PHONE, "phone").await;
}

async fn buys_with_the_widget(visitor: Visitor, device: &str) {
    let shop = with_widget().await;
    browse(visitor, async |browser| {
        let order = order(&shop, browser, None).await;
        browser.enter(METHODS).await;
        browser.click("input[value=EASY_PAY]").await;
        browser.click(".chip:has([value='네이버페이'])").await;
        browser.leave().await;
        if !visitor.has_phone {
            browser.look("pay-widget").await;
        }
        browser.click("#pay").await;
        enter_window(browser).await;
        approve(browser).await;
        is_paid_once(&shop, browser, &order, TOTAL).await;
        browser.keep_view(&format!("status-paid-widget-{device}")).await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn the_widget_says_what_is_still_to_be_chosen_and_agreed_to() {
    let shop = with_widget().await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order(&shop, browser, None).await;
        browser.click("#pay").await; // as soon as the widget is there
        browser.until_says("결제된 금액이 없습니다").await;
        browser.look("pay-widget-trouble").await;
        assert!(!browser.has("dialog").await);
        browser.enter(AGREEMENT).await;
        browser.click("[value=privacy]").await;
        browser.leave().await;
        browser.until_gone("#pay:enabled").await;
        browser.enter(AGREEMENT).await;
        browser.click("[value=privacy]").await;
        browser.leave().await;
        browser.until_gone("#pay:disabled").await;
        super::nothing_moved(&shop, &order).await;
    })
    .await;
    shop.finish().await;
}
