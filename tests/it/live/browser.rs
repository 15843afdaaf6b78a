//! The status page in Chromium: it shows what happened without being loaded again; where streams are refused by asking, and
//! without scripts by loading itself.

use std::time::{Duration, Instant};

use super::{PRICE, another_api};
use crate::harness::{
    browser::{Browser, Visitor, browse},
    shop::Shop,
};

const CHIP: &str = ".hero .chip";
/// The page is fetched and shown after the stream told, by a browser on a busy machine.
const SHOWN: Duration = Duration::from_secs(2);

async fn confirming(shop: &Shop, browser: &Browser) -> String {
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    browser.visit(&format!("{}/order/{order}", shop.api.url())).await;
    assert_eq!(browser.text(CHIP).await, "확인 중");
    order
}

#[tokio::test]
async fn the_page_becomes_paid_without_being_loaded_again() {
    let mut shop = Shop::start(0).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = confirming(&shop, browser).await;
        browser.run("window.marked = true; document.body.style.minHeight = '5000px'; scrollTo(0, 300)").await;
        shop.add_worker().await;
        shop.until(&order, "DONE").await;
        let committed = Instant::now();
        browser.until_text(CHIP, "결제 완료", super::SOON + SHOWN).await;
        println!("shown {:?} after it was seen in the books", committed.elapsed());
        assert_eq!(browser.run("return window.marked === true").await, true, "it was loaded again");
        assert_eq!(browser.run("return scrollY").await, 300);
        assert_eq!(browser.text("[role=status]").await, "결제 완료. 결제되었습니다");
        assert!(browser.run("return document.title").await.as_str().unwrap().starts_with("결제 완료"));
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn the_focus_stays_where_it_was_or_goes_to_what_took_its_place() {
    let shop = Shop::start(0).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let product = shop.product("Ogu T", PRICE, 10).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        browser.visit(&format!("{}/order/{order}", shop.api.url())).await;
        browser.run("document.querySelector('.hero .button').focus()").await;
        let key = shop.authenticate(&order, PRICE).await;
        shop.confirm(&order, &key, PRICE).await;
        browser.until_text(CHIP, "확인 중", super::SOON + SHOWN).await;
        assert_eq!(browser.run("return document.activeElement.id").await, "main", "the button is gone");
    })
    .await;
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn where_streams_are_refused_the_page_asks() {
    let mut shop = Shop::start(0).await;
    another_api(&mut shop, &[("API_EVENT_STREAMS_MAX", "0")]).await.stop().await.unwrap();
    browse(Visitor::AT_A_DESK, async |browser| {
        browser.expect("the server responded with a status of 503"); // the stream
        let order = confirming(&shop, browser).await;
        browser.run("window.marked = true").await;
        shop.add_worker().await;
        shop.until(&order, "DONE").await;
        browser.until_text(CHIP, "결제 완료", Duration::from_secs(5)).await;
        assert_eq!(browser.run("return window.marked === true").await, true, "it was loaded again");
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn without_scripts_the_page_loads_itself_again() {
    let mut shop = Shop::start(0).await;
    browse(Visitor::WITHOUT_SCRIPTS, async |browser| {
        let order = confirming(&shop, browser).await;
        assert_eq!(browser.run("return document.querySelector('p[role=status]') === null").await, true, "scripts run");
        shop.add_worker().await;
        shop.until(&order, "DONE").await;
        browser.until_text(CHIP, "결제 완료", Duration::from_secs(10)).await;
    })
    .await;
    shop.finish().await;
}
