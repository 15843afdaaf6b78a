//! The payment widget, rendered by the page that imitates Toss's sample for SDK v2.

use thirtyfour::By;

use crate::stage::{Device, parameter, play};

const METHODS: &str = "#payment-method iframe";
const AGREEMENT: &str = "#agreement iframe";

#[tokio::test]
async fn a_shopper_picks_a_method_agrees_and_pays() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-widget").await;
        stage.click("#payment-button").await;
        assert_eq!(stage.result().await, "NOT_SELECTED_PAYMENT_METHOD");

        stage.enter(METHODS).await;
        stage.click("input[value=EASY_PAY]").await;
        stage.click(".chip:has([value='네이버페이'])").await;
        stage.enter(AGREEMENT).await;
        stage.click("[value=privacy]").await;
        stage.leave().await;
        stage.click("#payment-button").await;
        stage.result_becomes("NEED_AGREEMENT_WITH_REQUIRED_TERMS").await;

        stage.enter(AGREEMENT).await;
        stage.click("#all").await;
        stage.leave().await;
        let events = stage.driver.find(By::Css("#events")).await.unwrap().text().await.unwrap();
        assert_eq!(events, "EASY_PAY NAVERPAY false true");

        stage.click("#payment-button").await;
        stage.enter("dialog iframe").await;
        assert!(!stage.has("input[name=method]").await, "the method is chosen already");
        stage.click("button.main").await;
        let back = stage.back_at("/success").await;
        assert_eq!(parameter(&back, "paymentType").as_deref(), Some("NORMAL"));
        assert_eq!(stage.confirm_widget(&back).await, (200, "DONE".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn instalments_follow_the_amount_and_a_card_needs_a_company() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-widget").await;
        stage.click("#payment-button").await;
        stage.enter(METHODS).await;
        stage.click("input[value=CARD]").await;
        let months = stage.driver.find(By::Css("[name=installmentMonths]")).await.unwrap();
        assert!(months.is_displayed().await.unwrap(), "50,000 won can be paid in instalments");

        stage.leave().await;
        stage.click("#payment-button").await;
        stage.result_becomes("NEED_CARD_PAYMENT_DETAIL").await;
        stage.click("#coupon-box").await;
        stage.enter(METHODS).await;
        stage.gone("[name=installmentMonths]:enabled").await;
        stage.click(".chip:has([value='41'])").await;
        stage.leave().await;
        stage.click("#payment-button").await;
        stage.enter("dialog iframe").await;
        stage.click("button.main").await;
        let back = stage.back_at("/success").await;
        assert_eq!(parameter(&back, "amount").as_deref(), Some("45000"));
    })
    .await;
}
