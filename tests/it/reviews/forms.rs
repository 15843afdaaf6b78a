//! The forms on the operator's detail page, which ask for the same as the API.

use reqwest::StatusCode;
use serde_json::json;

use super::{REASON, paid_and_left_alone, waiting_refund};
use crate::harness::{
    login::{Session, form, log_in},
    shop::{Answered, Shop, answered},
};

struct Operator<'a> {
    shop: &'a Shop,
    session: Session,
    order: &'a str,
}

impl<'a> Operator<'a> {
    async fn of(shop: &'a Shop, order: &'a str) -> Self {
        Self { shop, session: log_in(&shop.http, &shop.api.url()).await, order }
    }

    async fn send(&self, what: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answered {
        let url = format!("{}/order/{}/{what}", self.shop.api.url(), self.order);
        let request = form(&self.shop.http, &url, fields, &[("accept-language", "en")]);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        answered(request.header("cookie", &self.session.cookie)).await
    }

    async fn press(&self, what: &str, reason: &str) -> Answered {
        self.send(what, &[("csrf", &self.session.csrf), ("reason", reason)], &[]).await
    }

    async fn page(&self) -> String {
        let url = format!("{}/order/{}/detail", self.shop.api.url(), self.order);
        let request = self.shop.http.get(url).header("accept-language", "en");
        answered(request.header("cookie", &self.session.cookie)).await.text
    }
}

#[tokio::test]
async fn each_button_leads_back_to_the_page_which_then_says_what_is_waited_for() {
    let (shop, order) = paid_and_left_alone().await;
    waiting_refund(&shop, &order).await;
    let operator = Operator::of(&shop, &order).await;
    let back = (StatusCode::SEE_OTHER, format!("/order/{order}/detail"));
    let page = operator.page().await;
    assert!(page.contains("Call the refund off") && page.contains("Look up now"), "{page}");
    assert!(!page.contains("Close the review"), "{page}");
    for (what, reason) in [("lookup", ""), ("cancel/1/call-off", REASON)] {
        let done = operator.press(what, reason).await;
        assert_eq!((done.status, done.header("location").to_owned()), back, "{what}: {}", done.text);
    }
    let page = operator.page().await;
    assert!(page.contains("It was called off at") && !page.contains("Call the refund off"), "{page}");
    assert!(page.contains(REASON) && page.contains("refund_call_off_requested"), "{page}");

    shop.put_into_review(&order, "no_answer_about_this_payment").await;
    let page = operator.page().await;
    for part in ["Close the review", "Closing waits for the answer", "Toss Payments answers about other payments"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let done = operator.press("close", "settled by telephone").await;
    assert_eq!((done.status, done.header("location").to_owned()), back, "{}", done.text);
    let page = operator.page().await;
    assert!(page.contains("Closing was asked for at") && !page.contains("Close the review"), "{page}");
    assert!(page.contains("settled by telephone"), "{page}");
    shop.end_without_audit();
}

#[tokio::test]
async fn what_is_not_taken_is_said_on_the_page_and_changes_nothing() {
    let (shop, order) = paid_and_left_alone().await;
    let operator = Operator::of(&shop, &order).await;
    let before = crate::routes::books(&shop).await;
    for (what, reason, said) in [
        ("close", REASON, "The order is not in review"),
        ("close", "", "1 to 200 characters"),
        ("lookup", &"x".repeat(201), "1 to 200 characters"),
        ("cancel/1/call-off", REASON, "no refund of that number"),
        ("refund-closed", REASON, "a bank did not pay out"),
    ] {
        let refused = operator.press(what, reason).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}");
        let is_said = refused.text.contains(said) || refused.text.contains("no review to close");
        assert!(is_said && refused.text.contains("role=\"alert\""), "{what}: {}", refused.text);
        let url = format!("{}/order/{order}/{what}", shop.api.url());
        let anew = answered(shop.http.get(url).header("cookie", &operator.session.cookie)).await;
        let detail = format!("/order/{order}/detail");
        assert_eq!((anew.status, anew.header("location")), (StatusCode::SEE_OTHER, detail.as_str()), "{what}");
    }
    assert_eq!(crate::routes::books(&shop).await, before);
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn no_form_is_taken_without_its_token_or_from_another_site() {
    let (shop, order) = paid_and_left_alone().await;
    waiting_refund(&shop, &order).await;
    shop.put_into_review(&order, "review_no_proof").await;
    let operator = Operator::of(&shop, &order).await;
    let other = log_in(&shop.http, &shop.api.url()).await;
    let before = crate::routes::books(&shop).await;
    for what in ["lookup", "close", "refund-closed", "cancel/1/call-off"] {
        for fields in [&[("reason", REASON)][..], &[("reason", REASON), ("csrf", &other.csrf)]] {
            let refused = operator.send(what, fields, &[]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{what}");
            assert!(refused.text.contains("CSRF_TOKEN"), "{what}: {}", refused.text);
        }
        let fields = [("reason", REASON), ("csrf", operator.session.csrf.as_str())];
        for from in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            let refused = operator.send(what, &fields, &[from]).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{what} {from:?}");
        }
        let url = format!("{}/order/{order}/{what}", shop.api.url());
        let nobody = answered(form(&shop.http, &url, &fields, &[])).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{what}");
    }
    assert_eq!(crate::routes::books(&shop).await, before);
    let json = shop.send(reqwest::Method::POST, &format!("/order/{order}/close"), Some(json!({})), &[]).await;
    assert_eq!(json.status, StatusCode::UNAUTHORIZED);
    shop.end_without_audit();
}
