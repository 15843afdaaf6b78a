//! Every way in which the simulator's window can end, read off the window itself: what the shopper must then read, and what
//! our books and Toss's must say.

use serde_json::Value;

use super::{WINDOW, at, order_to_pay};
use crate::harness::{
    browser::{Browser, Visitor, browse},
    shop::Shop,
};

struct Way {
    outcome: String,
    /// The code of a refusal, and whether the card's company gives it at the confirm or already in the window.
    decline: Option<(String, &'static str)>,
}

struct End {
    /// Where the shopper ends up.
    at: &'static str,
    says: &'static [&'static str],
    status: &'static str,
    is_charged: bool,
}

const NOT_CHARGED: &str = "결제된 금액이 없습니다";

impl Way {
    fn end(&self, visitor: Visitor) -> End {
        let not_charged = |at, says, status| End { at, says, status, is_charged: false };
        match (self.outcome.as_str(), self.decline.as_ref().map(|(_, moment)| *moment)) {
            ("approve" | "slow", None) => End {
                at: "/order/",
                says: &["결제되었습니다", "50,000원이 결제되었습니다."],
                status: "DONE",
                is_charged: true,
            },
            ("cancel", None) => not_charged(
                "/checkout/fail",
                &["결제를 마치지 않고 돌아오셨습니다", NOT_CHARGED, "다시 결제하기"],
                "READY",
            ),
            // Toss's own page says so, and nothing comes back to the shop.
            ("close", None) if visitor.has_phone => not_charged("/window/", &["결제창을 닫았어요"], "READY"),
            ("close", None) => not_charged("/checkout/", &["결제창을 닫으셨습니다.", NOT_CHARGED], "READY"),
            ("tamper", None) => {
                not_charged("/checkout/confirm", &["금액이 맞지 않습니다", "결제된 금액은 없고"], "READY")
            }
            ("decline", Some("confirm")) => not_charged("/order/", &[NOT_CHARGED, "다시 결제하기"], "ABORTED"),
            ("decline", Some("window")) => {
                not_charged("/checkout/fail", &["결제하지 못했습니다", NOT_CHARGED, "다시 결제하기"], "READY")
            }
            (outcome, decline) => panic!("the window can end in a way that no story tells: {outcome} {decline:?}"),
        }
    }

    fn name(&self) -> String {
        match &self.decline {
            Some((code, moment)) => format!("{} {moment} {code}", self.outcome),
            None => self.outcome.clone(),
        }
    }
}

/// All that the window offers.
async fn ways(browser: &Browser) -> Vec<Way> {
    let values = async |css: &str| -> Vec<String> {
        let script =
            format!("return [...new Set([...document.querySelectorAll(`{css}`)].map(({{ value }}) => value))]");
        let Value::Array(values) = browser.run(&script).await else { panic!("{css}") };
        values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let (codes, moments) = (values("[name=declineCode] option").await, values("[name=declineWhen] option").await);
    assert_eq!(moments, ["confirm", "window"]);
    let mut ways = Vec::new();
    for outcome in values("[name=outcome]").await {
        if outcome == "decline" {
            for moment in ["confirm", "window"] {
                ways.extend(
                    codes.iter().map(|code| Way { outcome: outcome.clone(), decline: Some((code.clone(), moment)) }),
                );
            }
        } else {
            ways.push(Way { outcome, decline: None });
        }
    }
    ways
}

/// Ends the window this way.
async fn go(browser: &Browser, way: &Way) {
    if browser.has(&format!(".drawer [value={}]", way.outcome)).await {
        browser.click("summary").await;
    }
    if let Some((code, moment)) = &way.decline {
        browser.choose("[name=declineCode]", code).await;
        browser.choose("[name=declineWhen]", moment).await;
    }
    // The first where there are several: the cross in the corner does the same as the button of the drawer.
    browser.click(&format!("[name=outcome][value={}]", way.outcome)).await;
}

#[tokio::test]
async fn every_end_of_the_window_at_a_desk_is_told_in_words_and_the_books_agree() {
    every_end(Visitor::AT_A_DESK).await;
}

#[tokio::test]
async fn every_end_of_the_window_on_a_phone_is_told_in_words_and_the_books_agree() {
    every_end(Visitor::ON_A_PHONE).await;
}

async fn every_end(visitor: Visitor) {
    let shop = Shop::start(1).await;
    let product = shop.product("오구 티셔츠", super::PRICE, 100).await;
    browse(visitor, async |browser| {
        browser.expect("the server responded with a status of 422"); // the tampered amount
        order_to_pay(&shop, browser).await;
        super::open_window(browser).await;
        let ways = ways(browser).await;
        assert!(ways.len() > 10, "the window is not read");
        for way in &ways {
            // One code stands for all where only the way to the window differs, and in the pictures.
            let stands_for_all = way.decline.as_ref().is_none_or(|(code, _)| code == "REJECT_CARD_PAYMENT");
            if visitor.has_phone && !stands_for_all {
                continue;
            }
            let (name, end) = (way.name(), way.end(visitor));
            eprintln!("{name}");
            let order = shop.order(super::PRICE, &[(product, 1)]).await;
            browser.visit(&at(&shop, &format!("/checkout/{order}"))).await;
            super::open_window(browser).await;
            go(browser, way).await;
            browser.until_at(end.at).await;
            for words in end.says {
                browser.until_says(words).await;
            }
            assert!(!browser.has(WINDOW).await, "{name}: the window is still there");
            assert_eq!(shop.status(&order).await, end.status, "{name}");
            let charged = if end.is_charged { (1, super::PRICE) } else { (0, 0) };
            assert_eq!((shop.approvals(&order).await, shop.held(&order).await), charged, "{name}");
            if stands_for_all && !visitor.has_phone {
                browser.look(&format!("end-{}", name.to_lowercase().replace([' ', '_'], "-"))).await;
            }
        }
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn from_a_window_closed_on_a_phone_the_way_back_leads_to_the_order() {
    let shop = Shop::start(1).await;
    browse(Visitor::ON_A_PHONE, async |browser| {
        let order = order_to_pay(&shop, browser).await;
        super::open_window(browser).await;
        browser.click("form.shut button").await;
        browser.until_says("결제창을 닫았어요").await;
        browser.back().await;
        browser.back().await;
        browser.until_at(&format!("/checkout/{order}")).await;
        super::nothing_moved(&shop, &order).await;
        super::open_window(browser).await;
        super::approve(browser).await;
        super::is_paid_once(&shop, browser, &order, super::PRICE).await;
    })
    .await;
    shop.finish().await;
}

#[tokio::test]
async fn whoever_canceled_or_was_declined_tries_again_with_the_same_cart_and_pays() {
    let shop = Shop::start(1).await;
    browse(Visitor::AT_A_DESK, async |browser| {
        let order = order_to_pay(&shop, browser).await;
        let again = async || {
            browser.press("다시 결제하기").await;
            browser.until_at(&format!("/checkout/{order}")).await;
            browser.until_says("오구 티셔츠").await;
            browser.until_says("50,000원").await;
        };
        super::open_window(browser).await;
        browser.click("button[value=cancel]").await;
        browser.until_at("/checkout/fail").await;
        again().await;
        super::open_window(browser).await;
        let decline = Some(("INVALID_STOPPED_CARD".to_owned(), "confirm"));
        go(browser, &Way { outcome: "decline".to_owned(), decline }).await;
        browser.until_at("/order/").await;
        browser.until_says("정지되었거나").await;
        again().await;
        browser.until_says("앞의 결제는 거절되었고").await;
        browser.look("pay-declined-before").await;
        super::open_window(browser).await;
        super::approve(browser).await;
        super::is_paid_once(&shop, browser, &order, super::PRICE).await;
    })
    .await;
    shop.finish().await;
}
