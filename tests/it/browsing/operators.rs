//! Operators: the way in, the list, one order, a refund, the way out.

use super::{PRICE, at};
use crate::harness::{
    browser::{Browser, Visitor, browse},
    shop::{OPERATOR, Shop},
};

/// From wherever the login is shown.
pub(super) async fn log_in(browser: &Browser, password: &str) {
    browser.fill("#name", OPERATOR.0).await;
    browser.fill("#password", password).await;
    browser.click("main [type=submit]").await;
}

async fn rows(browser: &Browser) -> Vec<String> {
    let script =
        "return [...document.querySelectorAll('.orders tbody .what a')].map(({ pathname }) => pathname.split('/')[2])";
    let rows = browser.run(script).await;
    rows.as_array().unwrap().iter().map(|row| row.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_wrong_password_is_told_and_the_right_one_leads_to_where_one_wanted_to_go() {
    let shop = Shop::start(0).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        browser.expect("the server responded with a status of 403");
        let product = shop.product("오구 티셔츠", PRICE, 10).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let detail = format!("/order/{order}/detail");
        browser.visit(&at(&shop, &detail)).await;
        browser.until_at("/login").await;
        browser.look("login").await;
        log_in(browser, "a wrong password").await;
        browser.until_says("비밀번호가 맞지 않습니다").await;
        browser.look("login-wrong").await;
        log_in(browser, OPERATOR.1).await;
        browser.until_at(&detail).await;
        browser.press("로그아웃").await;
        browser.until_at("/login").await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn the_list_is_paged_filtered_and_searched() {
    let shop = Shop::start(1).await;
    let product = shop.product("오구 티셔츠", PRICE, 20).await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(shop.order(PRICE, &[(product, 1)]).await);
    }
    let paid = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&paid, "DONE").await;
    orders.push(paid.clone());
    orders.reverse(); // newest first
    browse(Visitor::AT_A_DESK, async |browser| {
        browser.expect("the server responded with a status of 400"); // the search that is no number
        browser.visit(&at(&shop, "/order?size=4")).await;
        log_in(browser, OPERATOR.1).await;
        browser.until_at("/order").await;
        assert_eq!(rows(browser).await, orders[..4]);
        browser.look("list-first-page").await;
        browser.click("[rel=next]").await;
        browser.until_gone("[rel=next]").await;
        assert_eq!(rows(browser).await, orders[4..]);
        browser.click("[rel=prev]").await;
        browser.until_gone("[rel=prev]").await;
        assert_eq!(rows(browser).await, orders[..4]);

        browser.click(".filters a[href*=DONE]").await;
        browser.until_gone(&format!("a[href*='{}']", orders[1])).await;
        assert_eq!(rows(browser).await, [paid.as_str()]);
        browser.click(".filters a[href*=ABORTED]").await;
        browser.until_says("찾는 주문이 없습니다").await;
        browser.look("list-nothing").await;
        browser.visit(&at(&shop, "/order")).await;
        browser.press("찾기").await;
        browser.fill("[name=minAmount]", "천원").await;
        browser.click(".search [type=submit]").await;
        browser.until_says("정수").await;
        browser.look("list-mistake").await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn a_refund_is_checked_made_and_seen_on_the_shoppers_page() {
    let shop = Shop::start(1).await;
    let product = shop.product("오구 티셔츠", PRICE, 20).await;
    let order = shop.accepted(2 * PRICE, &[(product, 2)]).await;
    shop.until(&order, "DONE").await;
    browse(Visitor::AT_A_DESK, async |browser| {
        browser.expect("the server responded with a status of 422"); // more than there is
        browser.visit(&at(&shop, &format!("/order/{order}/detail"))).await;
        log_in(browser, OPERATOR.1).await;
        browser.until_at(&format!("/order/{order}/detail")).await;
        browser.look("detail").await;
        browser.click("a[href$='/cancel']").await;
        browser.until_at(&format!("/order/{order}/cancel")).await;
        browser.look("refund").await;
        browser.fill("#reason", "단순 변심").await;
        browser.fill("#amount", "100001").await;
        browser.click("main [type=submit]").await;
        browser.until_says("100,000원까지").await;
        browser.look("refund-mistake").await;
        browser.fill("#amount", "").await;
        browser.fill(&format!("#quantity-{}", product.0), "1").await;
        browser.click("main [type=submit]").await;
        browser.until_says("50,000원을 돌려드릴까요?").await;
        browser.look("refund-sure").await;
        assert_eq!(shop.held(&order).await, 2 * PRICE, "looking changes nothing");
        browser.double_click("[name=sure]").await;
        browser.until_at(&format!("/order/{order}")).await;
        shop.until(&order, "PARTIAL_CANCELED").await;
        assert_eq!(shop.held(&order).await, PRICE, "given back once");
        browser.visit(&at(&shop, &format!("/order/{order}"))).await;
        browser.until_says("50,000원을 돌려드렸고").await;
        browser.look("status-partly-refunded").await;
        browser.visit(&at(&shop, &format!("/order/{order}/detail"))).await;
        browser.look("detail-refunded").await;
        browser.visit(&at(&shop, &format!("/order/{order}/cancel"))).await;
        browser.look("refund-again").await;
        browser.visit(&at(&shop, "/order")).await;
        browser.press("로그아웃").await;
        browser.until_at("/login").await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn who_guesses_too_often_is_locked_out() {
    let shop = Shop::start(0).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        browser.expect("the server responded with a status of 403");
        browser.expect("the server responded with a status of 429");
        browser.visit(&at(&shop, "/login")).await;
        for _ in 0..5 {
            log_in(browser, "a wrong password").await;
            browser.until_at("/login").await;
        }
        log_in(browser, OPERATOR.1).await;
        browser.until_says("맞는 비밀번호도 확인하지 않습니다").await;
        browser.look("login-locked").await;
        browser.visit(&at(&shop, "/order")).await;
        browser.until_at("/login").await;
    })
    .await;
    shop.finish().await;
}
