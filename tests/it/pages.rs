//! The pages, as a browser without JavaScript gets them.

use reqwest::{StatusCode, header};

use crate::harness::{
    login::field,
    shop::{Answered, Shop, answered},
};

const PRICE: i64 = 50_000;

async fn page(shop: &Shop, path: &str, language: &str) -> Answered {
    let url = format!("{}{path}", shop.api.url());
    answered(shop.http.get(url).header("accept", "text/html").header("accept-language", language)).await
}

async fn form(shop: &Shop, path: &str, fields: &[(&str, &str)]) -> Answered {
    let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = shop
        .http
        .post(format!("{}{path}", shop.api.url()))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.join("&"));
    answered(request).await
}

#[tokio::test]
async fn a_status_page_says_in_words_where_the_order_stands_and_refreshes_until_it_is_decided() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let path = format!("/order/{order}");
    let ready = page(&shop, &path, "ko").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert!(ready.text.contains("lang=\"ko\"") && ready.text.contains("Ogu T") && ready.text.contains("50,000원"));

    let key = shop.authenticate(&order, PRICE).await;
    shop.confirm(&order, &key, PRICE).await;
    let confirming = page(&shop, &path, "ko").await;
    assert!(confirming.text.contains("다시 결제하지 마세요"), "{}", confirming.text);
    assert!(confirming.text.contains("http-equiv=\"refresh\""), "it must refresh itself");
    assert!(!confirming.text.contains(&key), "the paymentKey is masked");

    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    let paid = page(&shop, &path, "en").await;
    assert!(paid.text.contains("lang=\"en\"") && paid.text.contains("50,000 KRW"), "{}", paid.text);
    assert!(!paid.text.contains("http-equiv=\"refresh\""), "it is decided");
    // Toss's receipt is found by the key; that link is the one place that may carry it.
    let receipt = format!("transactionId={key}");
    assert!(!paid.text.replace(&receipt, "").contains(&key), "the paymentKey is masked");
    shop.finish().await;
}

#[tokio::test]
async fn an_unknown_order_is_a_page_in_the_callers_language() {
    let shop = Shop::start(0).await;
    for (path, status) in [("/order/0199a0b1-5c00-7000-8000-000000000001", 404), ("/order/nonsense", 404)] {
        let korean = page(&shop, path, "ko").await;
        assert_eq!(korean.status.as_u16(), status, "{path}");
        assert!(korean.header("content-type").starts_with("text/html"), "{path}");
        let english = page(&shop, path, "en").await;
        assert!(korean.text.contains("lang=\"ko\"") && english.text.contains("lang=\"en\""));
    }
    shop.finish().await;
}

#[tokio::test]
async fn pages_carry_the_headers_that_protect_them() {
    let shop = Shop::start(0).await;
    for path in ["/checkout", "/order/0199a0b1-5c00-7000-8000-000000000001", "/checkout/fail?code=X&message=Y"] {
        let answer = page(&shop, path, "ko").await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        // A form of a page without a referrer has no Origin, so pages with forms tell theirs, and nothing more.
        assert!(["no-referrer", "strict-origin"].contains(&answer.header("referrer-policy")), "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin-allow-popups", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
    shop.finish().await;
}

#[tokio::test]
async fn a_shopper_buys_through_the_sample_shop() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let front = page(&shop, "/checkout", "ko").await;
    assert_eq!(front.status, StatusCode::OK);
    assert!(front.text.contains("Ogu T") && front.text.contains("50,000원"), "{}", front.text);

    let quantity = format!("quantity-{}", product.0);
    let price = format!("price-{}", product.0);
    let buyer = shop.customer.0.to_string();
    let chosen = [("buyer", buyer.as_str()), (&quantity, "2"), (&price, &field(&front.text, &price))];
    let ordered = form(&shop, "/checkout", &chosen).await;
    assert_eq!(ordered.status, StatusCode::SEE_OTHER, "{}", ordered.text);
    let pay = ordered.header("location").to_owned();
    let order = pay.strip_prefix("/checkout/").expect("the payment page").to_owned();
    assert!(page(&shop, &pay, "ko").await.text.contains("100,000원"));

    let key = shop.authenticate(&order, 2 * PRICE).await;
    let returned =
        format!("/checkout/success?paymentType=NORMAL&orderId={order}&paymentKey={key}&amount={}", 2 * PRICE);
    let back = page(&shop, &returned, "ko").await;
    assert_eq!(back.status, StatusCode::OK);
    assert_eq!(shop.status(&order).await, "READY", "a GET changes nothing");
    let fields = [
        ("orderId", field(&back.text, "orderId")),
        ("paymentKey", field(&back.text, "paymentKey")),
        ("amount", field(&back.text, "amount")),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for _ in 0..2 {
        // twice: a double click is the same answer again
        let confirmed = form(&shop, "/checkout/confirm", &fields).await;
        assert_eq!(confirmed.status, StatusCode::SEE_OTHER, "{}", confirmed.text);
        assert_eq!(confirmed.header("location"), format!("/order/{order}"));
    }
    shop.until(&order, "DONE").await;
    assert_eq!(shop.approvals(&order).await, 1);
    shop.finish().await;
}

#[tokio::test]
async fn whoever_chooses_more_than_there_is_is_told_and_keeps_the_cart() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 2).await;
    let buyer = shop.customer.0.to_string();
    let (quantity, price) = (format!("quantity-{}", product.0), format!("price-{}", product.0));
    let chosen = [("buyer", buyer.as_str()), (&quantity, "3"), (&price, "50000")];
    let refused = form(&shop, "/checkout", &chosen).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("2개 남았습니다"), "{}", refused.text);
    assert_eq!(field(&refused.text, &quantity), "2");
    assert_eq!(shop.database.number("select count(*) from orders").await, 0);

    // The goods of an order go into a new cart as far as there are any left.
    let order = shop.order(2 * PRICE, &[(product, 2)]).await;
    let again = format!("/checkout?again={order}");
    assert_eq!(field(&page(&shop, &again, "ko").await.text, &quantity), "2");
    shop.accepted(PRICE, &[(product, 1)]).await;
    let short = page(&shop, &again, "en").await;
    assert!(short.text.contains("1 left"), "{}", short.text);
    assert_eq!(field(&short.text, &quantity), "1");
    let unknown = page(&shop, "/checkout?again=019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e", "ko").await;
    assert_eq!(field(&unknown.text, &quantity), "0");
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn a_second_tab_is_led_to_the_order_and_moves_no_money() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let (first, second) = (shop.authenticate(&order, PRICE).await, shop.authenticate(&order, PRICE).await);
    let amount = PRICE.to_string();
    let confirm = async |shop: &Shop, key: &str| {
        let fields = [("orderId", order.as_str()), ("paymentKey", key), ("amount", amount.as_str())];
        let answered = form(shop, "/checkout/confirm", &fields).await;
        (answered.status, answered.header("location").to_owned())
    };
    let to_the_order = (StatusCode::SEE_OTHER, format!("/order/{order}"));
    assert_eq!(confirm(&shop, &first).await, to_the_order);
    assert_eq!(confirm(&shop, &second).await, to_the_order, "while the first is confirmed");
    shop.add_worker().await;
    shop.until(&order, "DONE").await;
    assert_eq!(confirm(&shop, &second).await, to_the_order, "after the first has paid");
    assert_eq!(shop.database.number("select count(*) from payments").await, 1);
    assert_eq!(shop.approvals(&order).await, 1);
    shop.finish().await;
}

#[tokio::test]
async fn a_chosen_language_is_kept_and_leaves_the_address_as_it_was() {
    let shop = Shop::start(0).await;
    for (path, clean) in [
        ("/checkout?lang=en", "/checkout"),
        ("/checkout/fail?code=X&lang=en&message=a%26b", "/checkout/fail?code=X&message=a%26b"),
    ] {
        let chosen = page(&shop, path, "ko").await;
        assert_eq!((chosen.status, chosen.header("location")), (StatusCode::SEE_OTHER, clean));
        let cookie = chosen.header("set-cookie").split(';').next().unwrap().to_owned();
        let url = format!("{}{clean}", shop.api.url());
        let request = shop.http.get(url).header("accept-language", "ko").header("cookie", cookie);
        let english = answered(request).await;
        assert!(english.text.contains("lang=\"en\"") && english.text.contains("hreflang=\"ko\""), "{}", english.text);
    }
    // Two slashes would lead to another host.
    assert_eq!(page(&shop, "//evil.example?lang=en", "ko").await.header("location"), "/evil.example");
    // No call of the API takes it.
    let api = page(&shop, "/api/v1/orders/0199a0b1-5c00-7000-8000-000000000001?lang=en", "ko").await;
    assert_eq!((api.status, api.header("content-language")), (StatusCode::NOT_FOUND, "ko"));
    shop.finish().await;
}

#[tokio::test]
async fn a_form_from_another_site_changes_nothing() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let body = format!("quantity-{0}=1&price-{0}={PRICE}", product.0);
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let request = shop
            .http
            .post(format!("{}/checkout", shop.api.url()))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(name, value)
            .body(body.clone());
        assert_eq!(answered(request).await.status, StatusCode::FORBIDDEN, "{name}");
    }
    assert_eq!(shop.database.number("select count(*) from orders").await, 0);
    shop.finish().await;
}

#[tokio::test]
async fn what_the_fail_url_says_is_shown_as_text_and_nothing_more() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let path = format!(
        "/checkout/fail?code=%3Cscript%3Ealert(1)%3C%2Fscript%3E&message=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&orderId={order}"
    );
    let failed = page(&shop, &path, "ko").await;
    assert_eq!(failed.status, StatusCode::OK);
    assert!(!failed.text.contains("<script>alert") && !failed.text.contains("<img src=x"), "{}", failed.text);
    assert_eq!(shop.status(&order).await, "READY");
    shop.finish().await;
}

#[tokio::test]
async fn the_operators_list_shows_orders_and_pages_through_them() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 100).await;
    for _ in 0..45 {
        shop.order(PRICE, &[(product, 1)]).await;
    }
    let list = shop.get_as_operator("/order").await;
    assert_eq!(list.status, StatusCode::OK);
    let rows = list.text.matches("href=\"/order/").count();
    assert!(rows >= 20, "{rows} rows: {}", list.text);
    assert!(list.text.contains("cursor="), "a link to older orders");
    assert!(list.text.contains("status=DONE"), "a filter by status");
    shop.finish().await;
}
