//! SDK v1: its payment window and its widget, on pages that imitate Toss's samples.

use crate::stage::{Device, parameter, play};

#[tokio::test]
async fn the_v1_window_pays_and_cancels() {
    play(Device::Desktop, async |stage| {
        stage.visit("v1-payment").await;
        stage.click("#payment-button").await;
        stage.enter("dialog iframe").await;
        stage.click("button.main").await;
        let back = stage.back_at("/success").await;
        assert_eq!(parameter(&back, "amount").as_deref(), Some("15000"));
        assert_eq!(stage.confirm(&back).await, (200, "DONE".to_owned()));

        stage.visit("v1-payment").await;
        stage.click("#payment-button").await;
        stage.enter("dialog iframe").await;
        stage.leave().await;
        assert_eq!(stage.attempt("tossPayments.cancelPayment(); return 'closed'").await, "closed");
        assert_eq!(stage.result().await, "USER_CANCEL");
    })
    .await;
}

#[tokio::test]
async fn the_v1_widget_pays_the_updated_amount() {
    play(Device::Desktop, async |stage| {
        stage.visit("v1-widget").await;
        stage.enter("#agreement iframe").await;
        stage.click("#all:checked + b").await;
        stage.click("#all + b").await;
        stage.enter("#payment-method iframe").await;
        stage.click("input[value=TRANSFER]").await;
        stage.click("[data-kind=TRANSFER] .chip:has([value='88'])").await;
        stage.leave().await;
        stage.click("#payment-button").await;
        stage.enter("dialog iframe").await;
        stage.click("button.main").await;
        let back = stage.back_at("/success").await;
        assert_eq!(parameter(&back, "amount").as_deref(), Some("30000"));
        assert_eq!(stage.confirm_widget(&back).await, (200, "DONE".to_owned()));
    })
    .await;
}
