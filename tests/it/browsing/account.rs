//! A virtual account: from the window to the deposit, on a page that is never loaded again.

use serde_json::json;

use super::{PRICE, approve, at, nothing_moved, open_window, operators::log_in, order_to_pay, pay_by};
use crate::harness::{
    browser::{LIMIT, Visitor, browse},
    shop::{OPERATOR, Shop},
};

#[tokio::test]
async fn an_account_is_shown_until_the_deposit_makes_the_page_say_paid() {
    let shop = Shop::start(1).await;
    for event in ["PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK"] {
        let url = format!("{}/webhooks/toss", shop.api.url());
        shop.control("webhooks", json!({"event": event, "url": url})).await;
    }
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order_to_pay(&shop, browser).await;
        pay_by(browser, "VIRTUAL_ACCOUNT").await;
        open_window(browser).await;
        approve(browser).await;
        browser.until_at(&format!("/order/{order}")).await;
        browser.until_says("계좌번호").await;
        shop.until(&order, "WAITING_FOR_DEPOSIT").await;
        let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
        let number = view["payment"]["virtualAccount"]["accountNumber"].as_str().unwrap().to_owned();
        assert_eq!(browser.text("#account-number").await, number);
        browser.look("status-waiting-for-deposit").await;
        browser.click("#copy").await;
        browser.until_says("복사했습니다").await;
        browser.run("window.marked = true").await;
        nothing_moved(&shop, &order).await;

        let key: String =
            sqlx::query_scalar("select payment_key from payments").fetch_one(&shop.database.pool).await.unwrap();
        shop.control("deposit", json!({"paymentKey": key})).await;
        browser.until_text(".hero .chip", "결제 완료", LIMIT).await;
        assert_eq!(browser.run("return window.marked === true").await, true, "it was loaded again");
        assert_eq!(shop.held(&order).await, PRICE);
        browser.look("status-deposited").await;
        browser.visit(&at(&shop, &format!("/order/{order}/cancel"))).await;
        log_in(browser, OPERATOR.1).await;
        browser.until_says("구매자의 환불 계좌").await;
        browser.look("refund-to-account").await;
    })
    .await;
    shop.finish().await;
}
