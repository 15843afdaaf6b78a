//! The operator's form: it says what it will do, and does it once.

use serde_json::json;

use super::PRICE;
use crate::harness::{
    answered::{Answered, answered},
    login::{Session, field, form, log_in},
    shop::Shop,
};

impl Shop {
    async fn log_in(&self) -> Session {
        log_in(&self.http, &self.api.url()).await
    }

    async fn as_operator(&self, session: &Session, path: &str) -> Answered {
        let request = self.http.get(format!("{}{path}", self.api.url()));
        answered(request.header("cookie", &session.cookie).header("accept-language", "ko")).await
    }

    async fn send_form(&self, session: &Session, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answered {
        let url = format!("{}/order/cancel", self.api.url());
        let request = form(&self.http, &url, fields, headers);
        answered(request.header("cookie", &session.cookie).header("accept-language", "ko")).await
    }
}

#[tokio::test]
async fn an_operator_checks_a_refund_and_then_makes_it_once() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.paid(2 * PRICE, &[(product, 2)]).await;
    let session = shop.log_in().await;
    let page = shop.as_operator(&session, &format!("/order/{order}/cancel")).await;
    assert!(page.text.contains("20,000원"), "{}", page.text);
    let key = field(&page.text, "key");
    let quantity = format!("quantity-{}", product.0);
    let mut fields = vec![
        ("csrf", session.csrf.as_str()),
        ("orderId", &order),
        ("key", &key),
        ("cancelReason", "단순 변심"),
        ("cancelAmount", ""),
        (&quantity, "1"),
    ];
    let sure = shop.send_form(&session, &fields, &[]).await;
    assert_eq!(sure.status.as_u16(), 200, "{}", sure.text);
    assert!(sure.text.contains("10,000원을 돌려드릴까요?") && sure.text.contains("다시 판매"), "{}", sure.text);
    assert_eq!(shop.database.number("select count(*) from cancels").await, 0, "looking changes nothing");
    fields.push(("sure", "yes"));
    for _ in 0..2 {
        let done = shop.send_form(&session, &fields, &[]).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, format!("/order/{order}/detail").as_str()));
    }
    let back = shop.send_form(&session, &fields[..fields.len() - 1], &[]).await;
    assert_eq!(back.status.as_u16(), 303, "what is done is not asked again: {}", back.text);
    shop.until(&order, "PARTIAL_CANCELED").await;
    assert_eq!((shop.stock(product).await, shop.held(&order).await), (4, PRICE));
    let view = shop.view(&order).await;
    assert_eq!((&view["cancels"][0]["requestedBy"], &view["cancels"][1]), (&json!("operator"), &json!(null)));
    shop.finish().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_what_was_entered() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    let session = shop.log_in().await;
    for (name, value, said) in [
        ("cancelAmount", "0", "1원 이상"),
        ("cancelAmount", "10001", "10,000원까지"),
        ("cancelAmount", "천원", "정수여야"),
        ("cancelReason", " ", "200자"),
        ("bank", "신한", "은행 코드"),
    ] {
        let mut fields = vec![("csrf", session.csrf.as_str()), ("orderId", &order), ("key", "a-key"), ("sure", "yes")];
        if name != "cancelReason" {
            fields.push(("cancelReason", "단순 변심"));
        }
        fields.push((name, value));
        let told = shop.send_form(&session, &fields, &[]).await;
        assert_eq!(told.status.as_u16(), 422, "{}", told.text);
        assert!(told.text.contains(said), "{said}: {}", told.text);
        assert_eq!(field(&told.text, "key"), "a-key", "the same refund, corrected");
        if !value.trim().is_empty() && name != "bank" {
            assert_eq!(field(&told.text, name), value, "{}", told.text);
        }
    }
    assert_eq!(shop.database.number("select count(*) from cancels").await, 0);
    shop.finish().await;
}

#[tokio::test]
async fn only_an_operator_may_and_only_from_our_own_page() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.paid(PRICE, &[(product, 1)]).await;
    let session = shop.log_in().await;
    let fields = [("orderId", order.as_str()), ("key", "a-key"), ("cancelReason", "r"), ("sure", "yes")];
    let with_token: Vec<_> = fields.into_iter().chain([("csrf", session.csrf.as_str())]).collect();
    let stranger = Session { cookie: "operator=nobody".to_owned(), csrf: session.csrf.clone() };
    let other = shop.log_in().await;
    let with_others: Vec<_> = fields.into_iter().chain([("csrf", other.csrf.as_str())]).collect();
    for (session, fields, headers, status) in [
        (&stranger, with_token.as_slice(), &[][..], 401),
        (&session, &fields[..], &[][..], 403),
        (&session, &with_others, &[][..], 403),
        (&session, &with_token, &[("sec-fetch-site", "cross-site")][..], 403),
        (&session, &with_token, &[("origin", "https://evil.example")][..], 403),
    ] {
        let told = shop.send_form(session, fields, headers).await;
        assert_eq!(told.status.as_u16(), status, "{}", told.text);
    }
    let asked = shop.as_operator(&stranger, &format!("/order/{order}/cancel")).await;
    assert!(asked.status.is_redirection() && asked.header("location").starts_with("/login"), "{}", asked.text);
    assert_eq!(shop.database.number("select count(*) from cancels").await, 0);
    shop.finish().await;
}
