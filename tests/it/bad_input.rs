//! Bad input: each kind has its own code, changes nothing and loses nothing.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::order::ProductId;

use crate::harness::{
    process,
    shop::{Answered, SERVER_KEY, Shop, answered},
};

const PRICE: i64 = 50_000;
const CREATE: &str = "/api/v1/orders/create";
const CONFIRM: &str = "/api/v1/orders/confirm";

/// How many rows stand in the tables that input could change, and how much stock there is.
async fn books(shop: &Shop) -> i64 {
    shop.database
        .number(
            "select (select count(*) from orders) + (select count(*) from order_lines) + (select count(*) from payments)
                  + (select count(*) from outbox) + (select count(*) from order_events)
                  + (select coalesce(sum(stock), 0) from products)::bigint * 1000000",
        )
        .await
}

fn check(answer: &Answered, status: u16, code: &str, what: &str) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{what}: {}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{what}");
    for part in ["title", "detail", "type"] {
        assert!(problem[part].as_str().is_some_and(|text| !text.is_empty()), "{what} has no {part}: {problem}");
    }
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_with_its_own_code() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let dearest = shop.product("Ogu 성", 10_000_000_000, 10).await;
    let user = shop.customer.0;
    let line = |id: i64, quantity: i64| json!({"productId": id, "quantity": quantity});
    let order =
        |user: Value, amount: Value, lines: Value| json!({"userId": user, "amount": amount, "orderProducts": lines});
    let simple = |amount: Value| order(json!(user), amount, json!([line(product.0, 1)]));
    let of_quantity =
        |quantity: Value| order(json!(user), json!(PRICE), json!([{"productId": product.0, "quantity": quantity}]));
    let hundred_and_one: Vec<_> = (0..101).map(|_| line(product.0, 1)).collect();
    let hundred_of_the_dearest: Vec<_> = (0..100).map(|_| line(dearest.0, 100)).collect();
    let before = books(&shop).await;
    for (body, status, code) in [
        (order(json!(user), json!(PRICE), json!([line(999_999, 1)])), 422, "UNKNOWN_PRODUCT"),
        (order(json!(999_999), json!(PRICE), json!([line(product.0, 1)])), 422, "UNKNOWN_USER"),
        (of_quantity(json!(0)), 400, "INVALID_QUANTITY"),
        (of_quantity(json!(-1)), 400, "INVALID_QUANTITY"),
        (of_quantity(json!(10_001)), 400, "INVALID_QUANTITY"),
        (of_quantity(json!(1.5)), 400, "INVALID_QUANTITY"),
        (of_quantity(json!("1")), 400, "INVALID_REQUEST"),
        (of_quantity(json!(u64::MAX)), 400, "INVALID_QUANTITY"),
        (
            order(json!(user), json!(PRICE), json!([line(product.0, 6_000), line(product.0, 6_000)])),
            400,
            "INVALID_QUANTITY",
        ),
        (order(json!(user), json!(PRICE), json!(hundred_of_the_dearest)), 422, "AMOUNT_MISMATCH"),
        (order(json!(user), json!(PRICE), json!([])), 400, "EMPTY_ORDER"),
        (order(json!(user), json!(PRICE), json!(hundred_and_one)), 400, "TOO_MANY_LINES"),
        (simple(json!(PRICE - 1)), 422, "AMOUNT_MISMATCH"),
        (simple(json!(0)), 422, "AMOUNT_MISMATCH"),
        (simple(json!(-1)), 400, "INVALID_AMOUNT"),
        (simple(json!(50_000.5)), 400, "INVALID_AMOUNT"),
        (simple(json!("fifty")), 400, "INVALID_AMOUNT"),
        (simple(json!(i64::MAX)), 400, "INVALID_AMOUNT"),
        (simple(json!(null)), 400, "INVALID_REQUEST"),
        (order(json!(0), json!(PRICE), json!([line(product.0, 1)])), 400, "INVALID_USER_ID"),
        (order(json!("me"), json!(PRICE), json!([line(product.0, 1)])), 400, "INVALID_REQUEST"),
        (order(json!(user), json!(PRICE), json!([line(-1, 1)])), 400, "INVALID_PRODUCT_ID"),
        (order(json!(user), json!(PRICE), json!({"productId": product.0, "quantity": 1})), 400, "INVALID_REQUEST"),
        (order(json!(user), json!(PRICE), json!([1, 2])), 400, "INVALID_REQUEST"),
        (json!({"userId": user, "amount": PRICE}), 400, "INVALID_REQUEST"),
        (json!([]), 400, "INVALID_REQUEST"),
        (json!("order"), 400, "INVALID_REQUEST"),
    ] {
        check(&shop.post(CREATE, body.clone()).await, status, code, &body.to_string());
    }
    assert_eq!(books(&shop).await, before, "something was written");
    let mismatch = shop.post(CREATE, simple(json!(1))).await.json();
    assert_eq!(mismatch["total"], PRICE, "the caller is told what it costs");
    shop.finish().await;
}

#[tokio::test]
async fn a_total_beyond_all_bounds_is_refused_and_does_not_overflow() {
    let shop = Shop::start(0).await;
    let mut lines = Vec::new();
    for number in 0..100 {
        let product = shop.product(&format!("Ogu 성 {number}"), 10_000_000_000, 10_000).await;
        lines.push(json!({"productId": product.0, "quantity": 10_000}));
    }
    let body = json!({"userId": shop.customer.0, "amount": 9_007_199_254_740_991_i64, "orderProducts": lines});
    check(&shop.post(CREATE, body).await, 422, "TOTAL_TOO_LARGE", "10^16 won");
    assert_eq!(shop.database.number("select count(*) from orders").await, 0);
    shop.finish().await;
}

#[tokio::test]
async fn duplicates_are_merged_and_the_older_form_is_understood() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(3 * PRICE, &[(product, 1), (product, 2)]).await;
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(view["lines"].as_array().unwrap().len(), 1);
    assert_eq!(view["lines"][0]["quantity"], 3);
    let old_form =
        json!({"userId": shop.customer.0, "amount": PRICE, "orderProduct": {"productId": product.0, "quantity": 1}});
    let created = shop.post(CREATE, old_form).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    assert_eq!(created.json()["orderName"], "Ogu T");
    shop.finish().await;
}

/// A shop with one order, authenticated and not confirmed.
async fn shop_with_order() -> (Shop, ProductId, String, String) {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    (shop, product, order, key)
}

#[tokio::test]
async fn a_confirm_that_makes_no_sense_is_refused_before_anything_is_written() {
    let (shop, _, order, key) = shop_with_order().await;
    let user = shop.customer.0;
    let other = shared::catalogue::add_customer(&shop.database.pool, "이두리").await.unwrap().0;
    let confirm = |user: Value, order: Value, key: Value, amount: Value| json!({"userId": user, "orderId": order, "paymentKey": key, "amount": amount});
    let with_key = |key: Value| confirm(json!(user), json!(order), key, json!(PRICE));
    let with_amount = |amount: Value| confirm(json!(user), json!(order), json!(key), amount);
    let with_order = |order: Value| confirm(json!(user), order, json!(key), json!(PRICE));
    let before = books(&shop).await;
    for (body, status, code) in [
        (with_order(json!("0199a0b1-5c00-7000-8000-000000000001")), 404, "ORDER_NOT_FOUND"),
        (confirm(json!(other), json!(order), json!(key), json!(PRICE)), 404, "ORDER_NOT_FOUND"),
        (confirm(json!(999_999), json!(order), json!(key), json!(PRICE)), 404, "ORDER_NOT_FOUND"),
        (with_order(json!("order-1")), 400, "INVALID_ORDER_ID"),
        (with_order(json!(order.replace('-', ""))), 400, "INVALID_ORDER_ID"),
        (with_order(json!(1)), 400, "INVALID_REQUEST"),
        (with_key(json!("")), 400, "INVALID_PAYMENT_KEY"),
        (with_key(json!("k".repeat(201))), 400, "INVALID_PAYMENT_KEY"),
        (with_key(json!("a\u{0}b")), 400, "INVALID_PAYMENT_KEY"),
        (with_key(json!("a\nb")), 400, "INVALID_PAYMENT_KEY"),
        (with_key(json!("a b")), 400, "INVALID_PAYMENT_KEY"),
        (with_key(json!("..")), 400, "INVALID_PAYMENT_KEY"),
        (with_key(json!(7)), 400, "INVALID_REQUEST"),
        (with_amount(json!(-1)), 400, "INVALID_AMOUNT"),
        (with_amount(json!(50_000.5)), 400, "INVALID_AMOUNT"),
        (with_amount(json!("5만원")), 400, "INVALID_AMOUNT"),
        (with_amount(json!("-50000")), 400, "INVALID_AMOUNT"),
        (with_amount(json!(PRICE + 1)), 422, "AMOUNT_MISMATCH"),
        (with_amount(json!(0)), 422, "AMOUNT_MISMATCH"),
        (confirm(json!(null), json!(order), json!(key), json!(PRICE)), 400, "INVALID_REQUEST"),
        (json!({}), 400, "INVALID_REQUEST"),
    ] {
        check(&shop.post(CONFIRM, body.clone()).await, status, code, &body.to_string());
    }
    assert_eq!(books(&shop).await, before, "something was written");
    assert!(shop.requests(&order).await.is_empty(), "Toss was asked");
    // And nothing was lost: the right one still works, with the amount as text.
    let confirmed = shop.post(CONFIRM, with_amount(json!("50000"))).await;
    assert_eq!(confirmed.status, StatusCode::ACCEPTED, "{}", confirmed.text);
    shop.until(&order, "DONE").await;
    shop.finish().await;
}

#[tokio::test]
async fn a_confirm_of_an_order_that_cannot_be_paid_says_why() {
    let (shop, product, order, key) = shop_with_order().await;
    let states = [
        ("DONE", "ALREADY_PAID"),
        ("CANCELED", "ORDER_CANCELED"),
        ("PARTIAL_CANCELED", "ORDER_CANCELED"),
        ("EXPIRED", "ORDER_EXPIRED"),
        ("REVIEW", "PAYMENT_IN_PROGRESS"),
        ("WAITING_FOR_DEPOSIT", "PAYMENT_IN_PROGRESS"),
        ("IN_PROGRESS", "PAYMENT_IN_PROGRESS"),
    ];
    let set = async |status: &str| {
        let sql = format!(
            "update orders set status = '{status}', review_holds_stock = case when '{status}' = 'REVIEW' then false end
             where order_no = '{order}'"
        );
        shop.database.execute(&sql).await;
    };
    for (status, code) in states {
        set(status).await;
        check(&shop.confirm(&order, &key, PRICE).await, 409, code, status);
    }
    set("READY").await;
    shop.database.execute(&format!("update orders set expires_at = now() where order_no = '{order}'")).await;
    check(&shop.confirm(&order, &key, PRICE).await, 409, "ORDER_EXPIRED", "past its time");
    assert_eq!(shop.stock(product).await, 10);
    assert!(shop.requests(&order).await.is_empty(), "Toss was asked");
    shop.finish().await;
}

#[tokio::test]
async fn a_payment_key_belongs_to_one_order_and_an_order_to_one_payment_at_a_time() {
    let mut shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let (first, second) = (shop.order(PRICE, &[(product, 1)]).await, shop.order(PRICE, &[(product, 1)]).await);
    let key = shop.authenticate(&first, PRICE).await;
    assert_eq!(shop.confirm(&first, &key, PRICE).await.status, StatusCode::ACCEPTED);
    let before = books(&shop).await;
    check(&shop.confirm(&second, &key, PRICE).await, 409, "PAYMENT_KEY_TAKEN", "a key of another order");
    check(&shop.confirm(&first, "another-payment-key", PRICE).await, 409, "PAYMENT_IN_PROGRESS", "a second key");
    assert_eq!(books(&shop).await, before);
    shop.add_worker().await;
    shop.until(&first, "DONE").await;
    check(&shop.confirm(&first, "another-payment-key", PRICE).await, 409, "ALREADY_PAID", "a second key, later");
    shop.finish().await;
}

#[tokio::test]
async fn what_is_no_request_of_ours_is_refused_at_the_door() {
    let shop = Shop::start(0).await;
    let url = |path: &str| format!("{}{path}", shop.api.url());
    let json_type = ("content-type", "application/json");
    let raw = async |body: Vec<u8>, content_type: (&str, &str)| {
        answered(shop.http.post(url(CREATE)).header(content_type.0, content_type.1).body(body)).await
    };
    check(&raw(b"{\"userId\":1,".to_vec(), json_type).await, 400, "MALFORMED_JSON", "half a body");
    check(&raw(b"{} {}".to_vec(), json_type).await, 400, "MALFORMED_JSON", "two bodies");
    check(&raw(b"".to_vec(), json_type).await, 400, "MALFORMED_JSON", "no body");
    check(&raw(b"{\"a\":\"\xff\"}".to_vec(), json_type).await, 400, "MALFORMED_JSON", "no UTF-8");
    check(&raw("[".repeat(30_000).into_bytes(), json_type).await, 400, "MALFORMED_JSON", "deep nesting");
    check(&raw(b"{}".to_vec(), ("content-type", "text/plain")).await, 415, "UNSUPPORTED_MEDIA_TYPE", "text");
    check(&raw(b"{}".to_vec(), ("x-nothing", "x")).await, 415, "UNSUPPORTED_MEDIA_TYPE", "no content type");
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(65 * 1024));
    check(&raw(large.into_bytes(), json_type).await, 413, "BODY_TOO_LARGE", "65 KiB");
    check(&shop.get(CREATE).await, 405, "METHOD_NOT_ALLOWED", "GET create");
    assert_eq!(shop.get(CREATE).await.header("allow"), "POST");
    check(&shop.send(Method::DELETE, CONFIRM, None, &[]).await, 405, "METHOD_NOT_ALLOWED", "DELETE confirm");
    check(&shop.get("/api/v1/nothing").await, 404, "NOT_FOUND", "no such path");
    check(&shop.get("/api/v1/orders/order-1").await, 400, "INVALID_ORDER_ID", "no order number");
    let unknown = "/api/v1/orders/0199a0b1-5c00-7000-8000-000000000001";
    check(&shop.get(unknown).await, 404, "ORDER_NOT_FOUND", "unknown order");
    shop.finish().await;
}

#[tokio::test]
async fn problems_speak_the_callers_language_and_tell_nothing_inner() {
    let shop = Shop::start(0).await;
    let path = "/api/v1/orders/0199a0b1-5c00-7000-8000-000000000001";
    let in_language = async |language: &str| {
        let answer = shop.send(Method::GET, path, None, &[("accept-language", language)]).await;
        (answer.header("content-language").to_owned(), answer.json())
    };
    let (korean_tag, korean) = in_language("ko-KR,ko;q=0.9,en;q=0.5").await;
    let (english_tag, english) = in_language("en-US,en;q=0.9").await;
    let (default_tag, _) = in_language("fr").await;
    assert_eq!((korean_tag.as_str(), english_tag.as_str(), default_tag.as_str()), ("ko", "en", "ko"));
    assert_eq!(korean["code"], english["code"]);
    assert_ne!(korean["detail"], english["detail"]);
    assert!(english["detail"].as_str().unwrap().is_ascii());
    shop.database.execute("alter table orders rename to orders_gone").await;
    let broken = shop.get(path).await;
    shop.database.execute("alter table orders_gone rename to orders").await;
    check(&broken, 500, "INTERNAL", "a broken schema");
    for inner in ["orders", "relation", "sql", "select"] {
        assert!(!broken.text.to_lowercase().contains(inner), "it tells {inner}: {}", broken.text);
    }
    shop.finish().await;
}

#[tokio::test]
async fn the_list_is_for_operators_alone() {
    let shop = Shop::start(0).await;
    let path = "/api/v1/orders";
    check(&shop.get(path).await, 401, "UNAUTHORIZED", "nobody");
    assert!(shop.get(path).await.header("www-authenticate").starts_with("Bearer"));
    let key = SERVER_KEY;
    for sent in
        ["", key, "Bearer", &format!("Basic {key}"), &format!("Bearer {}", &key[1..]), &format!("Bearer {key}x")]
    {
        let answered = shop.send(Method::GET, path, None, &[("authorization", sent)]).await;
        check(&answered, 401, "UNAUTHORIZED", sent);
    }
    assert_eq!(shop.get("/order").await.status, StatusCode::SEE_OTHER);
    assert_eq!(shop.get_as_operator(path).await.status, StatusCode::OK);
    for (query, code) in [
        ("cursor=nonsense", "INVALID_CURSOR"),
        ("size=0", "INVALID_PAGE_SIZE"),
        ("size=101", "INVALID_PAGE_SIZE"),
        ("size=ten", "INVALID_PAGE_SIZE"),
        ("status=PAID", "INVALID_STATUS"),
    ] {
        check(&shop.get_as_operator(&format!("{path}?{query}")).await, 400, code, query);
    }
    shop.finish().await;
}

#[tokio::test]
async fn the_api_does_not_start_without_an_operator_or_with_a_live_key_elsewhere() {
    let shop = Shop::start(0).await;
    for (name, value) in [
        ("OPERATOR_PASSWORD", ""),
        ("OPERATOR_USER", ""),
        ("API_SERVER_KEY", "short"),
        ("TOSS_CLIENT_KEY", "live_ck_x"),
        ("TOSS_CLIENT_KEY", ""),
    ] {
        let pairs = shop.env_pairs().into_iter().filter(|(known, _)| known != name);
        let changed = pairs.chain([(name.to_owned(), value.to_owned())]);
        let mut api = process::Process::start(process::Binary::Api, changed);
        assert!(!api.ended().await, "it started with {name}={value}");
    }
    shop.finish().await;
}
