//! The widget as a window above the shop's page, opened by a page that imitates Toss's sample of it.

use thirtyfour::By;

use crate::stage::{Device, Stage, parameter, play};

const SHEET: &str = "dialog iframe";
/// The payment window, which may lie above the other.
const PAYING: &str = "dialog iframe[src*='/window/']";

#[tokio::test]
async fn a_shopper_chooses_and_agrees_in_the_window_and_then_pays() {
    play(Device::Desktop, async |stage| {
        choose(&stage).await;
        stage.result_becomes("paymentRequest NAVERPAY").await;
        stage.enter(PAYING).await;
        pay(&stage).await;
    })
    .await;
}

#[tokio::test]
async fn on_a_phone_the_window_to_choose_in_leads_to_the_one_to_pay_in() {
    play(Device::Phone, async |stage| {
        choose(&stage).await;
        stage.leave().await;
        pay(&stage).await;
    })
    .await;
}

async fn choose(stage: &Stage) {
    stage.visit("v2-sheet").await;
    stage.click("#payment-button").await;
    stage.enter(SHEET).await;
    stage.click("input[value=EASY_PAY]").await;
    let pay = stage.driver.find(By::Css("button.main")).await.unwrap();
    assert!(!pay.is_enabled().await.unwrap(), "an easy pay has to be chosen first");
    stage.click(".chip:has([value='네이버페이'])").await;
    stage.click("#all").await;
    assert!(!pay.is_enabled().await.unwrap(), "the terms have to be agreed to");
    stage.click("#all").await;
    assert_eq!(pay.text().await.unwrap(), "50,000원 결제하기");
    stage.click("button.main").await;
}

async fn pay(stage: &Stage) {
    stage.click("button.main[value=approve]").await;
    let back = stage.back_at("/success").await;
    assert_eq!(parameter(&back, "amount").as_deref(), Some("50000"));
    assert_eq!(stage.confirm_widget(&back).await, (200, "DONE".to_owned()));
}

#[tokio::test]
async fn a_shopper_who_leaves_the_window_is_told_of_and_may_open_it_again() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-sheet").await;
        stage.click("#payment-button").await;
        stage.enter(SHEET).await;
        stage.click(".shut").await;
        stage.result_becomes("cancel").await;
        assert!(!stage.has("dialog").await);
        assert_eq!(stage.attempt("window.first = shown").await, "undefined");
        stage.click("#payment-button").await;
        stage.result_becomes("shown").await;
        assert_eq!(stage.attempt("await first.destroy()").await, "undefined");
        assert_eq!(stage.attempt("return widgets.renderPaymentWindow()").await, "PAYMENT_WINDOW_ALREADY_RENDERED");
        assert_eq!(
            stage.attempt("await shown.destroy(); return document.querySelectorAll('dialog').length").await,
            "0"
        );
    })
    .await;
}

#[tokio::test]
async fn the_older_call_shows_the_window_and_pays_in_one() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-sheet").await;
        let asked = "const ended = widgets.requestPaymentWindow({ amount: { currency: 'KRW', value: 700 }, orderId: 'order-older', orderName: 'a' });
             ended.then(({ amount }) => { result.textContent = amount.value; }, ({ code }) => { result.textContent = code; })";
        assert_eq!(stage.attempt(asked).await, "undefined");
        stage.enter(SHEET).await;
        stage.click("input[value=TRANSFER]").await;
        stage.click("[data-kind=TRANSFER] .chip:has([value='88'])").await;
        stage.click("button.main").await;
        stage.enter(PAYING).await;
        stage.click("button.main[value=approve]").await;
        stage.result_becomes("700").await;
        assert!(!stage.has("dialog").await);

        assert_eq!(stage.attempt(asked).await, "undefined");
        stage.enter(SHEET).await;
        stage.click(".shut").await;
        stage.result_becomes("USER_CANCEL").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_shown_inside_a_light_page_is_light() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-widget").await;
        stage.enter("#payment-method iframe").await;
        stage.click("input[value=CARD]").await;
        let scheme = "return getComputedStyle(document.documentElement).colorScheme";
        assert_eq!(stage.attempt(scheme).await, "light");
        stage.leave().await;
        let dark = "document.documentElement.style.colorScheme = 'light dark'; return widgets.renderAgreement({ selector: '#events' })";
        assert_eq!(stage.attempt(&format!("const {{ widgets }} = window; await window.agreement.destroy(); {dark}")).await, "[object Object]");
        stage.enter("#events iframe").await;
        stage.click("#all").await;
        assert_eq!(stage.attempt(scheme).await, "light dark");
    })
    .await;
}
