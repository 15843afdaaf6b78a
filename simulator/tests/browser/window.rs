//! The payment window, opened by the page that imitates Toss's sample for SDK v2.

use serde_json::Value;

use crate::stage::{Device, parameter, play};

const WINDOW: &str = "dialog iframe";
const PAY: &str = "button.main";

#[tokio::test]
async fn approving_brings_the_shopper_back_with_everything_a_confirm_needs() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        stage.click("#payment-button").await;
        stage.enter(WINDOW).await;
        stage.click(".chip:has([value='41'])").await;
        stage.click(PAY).await;
        let back = stage.back_at("/success").await;
        assert_eq!(parameter(&back, "cart").as_deref(), Some("7"), "the shop's own parameters stay: {back}");
        assert_eq!(parameter(&back, "amount").as_deref(), Some("50000"));
        assert_eq!(stage.confirm(&back).await, (200, "DONE".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn on_a_phone_the_window_takes_the_whole_tab() {
    play(Device::Phone, async |stage| {
        stage.visit("v2-payment").await;
        stage.click("#payment-button").await;
        stage.click(PAY).await;
        assert!(!stage.has(WINDOW).await);
        let back = stage.back_at("/success").await;
        assert_eq!(stage.confirm(&back).await, (200, "DONE".to_owned()));
        let promise =
            "return TossPayments('test_ck_x').payment({ customerKey: TossPayments.ANONYMOUS }).requestPayment({
            method: 'CARD', amount: { currency: 'KRW', value: 100 }, orderId: 'order-phone', orderName: 'a' })";
        stage.visit("v2-payment").await;
        assert_eq!(stage.attempt(promise).await, "NOT_SUPPORTED_PROMISE");
    })
    .await;
}

#[tokio::test]
async fn cancelling_brings_the_shopper_to_the_fail_address_without_the_order() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        stage.click("#payment-button").await;
        stage.enter(WINDOW).await;
        stage.click("button[value=cancel]").await;
        let back = stage.back_at("/fail").await;
        assert_eq!(parameter(&back, "code").as_deref(), Some("PAY_PROCESS_CANCELED"));
        assert_eq!(parameter(&back, "orderId"), None);
        assert_eq!(parameter(&back, "cart").as_deref(), Some("7"));
    })
    .await;
}

#[tokio::test]
async fn the_drawer_declines_tampers_and_delays() {
    play(Device::Desktop, async |stage| {
        for (outcome, path) in [("decline", "/success"), ("tamper", "/success"), ("slow", "/success")] {
            stage.visit("v2-payment").await;
            stage.click("#payment-button").await;
            stage.enter(WINDOW).await;
            stage.click("summary").await;
            stage.click(&format!("button[value={outcome}]")).await;
            let back = stage.back_at(path).await;
            let expected = match outcome {
                "decline" => (403, "REJECT_CARD_PAYMENT"),
                "tamper" => (400, "INVALID_REQUEST"),
                _ => (200, "DONE"),
            };
            assert_eq!(stage.confirm(&back).await, (expected.0, expected.1.to_owned()), "{outcome}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_promise_is_kept_in_the_shops_own_page() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        stage.click("[value=promise]").await;
        stage.click("#payment-button").await;
        stage.enter(WINDOW).await;
        stage.click(PAY).await;
        let paid: Value = serde_json::from_str(&stage.result().await).unwrap();
        assert_eq!(paid["amount"], serde_json::json!({ "currency": "KRW", "value": 50_000 }));
        assert!(paid["paymentKey"].is_string() && paid["orderId"].is_string() && paid["paymentType"].is_null());
        assert!(!stage.has("dialog").await, "the window is gone");
    })
    .await;
}

#[tokio::test]
async fn closing_the_window_above_the_page_is_a_user_cancel() {
    play(Device::Desktop, async |stage| {
        for way in ["promise", "redirect"] {
            stage.visit("v2-payment").await;
            stage.click(&format!("[value={way}]")).await;
            stage.click("#payment-button").await;
            stage.enter(WINDOW).await;
            stage.click(".shut button").await;
            assert_eq!(stage.result().await, "USER_CANCEL", "{way}");
            assert!(stage.driver.current_url().await.unwrap().path().ends_with("v2-payment"), "nothing came back");
        }
    })
    .await;
}

#[tokio::test]
async fn the_browsers_own_way_back_finds_no_window_left_open() {
    play(Device::Desktop, async |stage| {
        stage.visit("v2-payment").await;
        stage.click("#payment-button").await;
        stage.enter(WINDOW).await;
        stage.click(PAY).await;
        stage.back_at("/success").await;
        stage.driver.back().await.unwrap();
        stage.back_at("/v2-payment").await;
        stage.gone("dialog").await;
    })
    .await;
}

#[tokio::test]
async fn each_method_a_shop_can_ask_for_has_its_window() {
    play(Device::Desktop, async |stage| {
        for method in ["VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE_PHONE"] {
            stage.visit("v2-payment").await;
            stage.click(&format!("#method option:nth-of-type({})", position(method))).await;
            stage.click("#payment-button").await;
            stage.enter(WINDOW).await;
            assert!(stage.has(&format!("input[name=method][value={method}]:checked")).await, "{method}");
            assert!(!stage.has("input[name=cardCompany]").await, "{method}");
            stage.click(PAY).await;
            stage.back_at("/success").await;
        }
    })
    .await;
}

fn position(method: &str) -> usize {
    ["CARD", "VIRTUAL_ACCOUNT", "TRANSFER", "MOBILE_PHONE"].iter().position(|one| *one == method).unwrap() + 1
}
