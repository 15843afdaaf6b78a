//! What a shopper's browser sends is compared with our own books before anything is written or Toss is asked: price, quantity
//! and amount, whose order it is, and whose payment.

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::{catalogue, order::CustomerId};

use crate::{
    harness::{
        answered::{Answered, answered},
        login::form,
        shop::Shop,
    },
    routes::{ABSENT, books, routes},
};

const PRICE: i64 = 50_000;

/// Two shoppers, each back from Toss's window with an order of their own.
struct Two {
    shop: Shop,
    product: i64,
    other: CustomerId,
    /// Order, paymentKey and amount.
    ours: (String, String, i64),
    theirs: (String, String, i64),
}

impl Two {
    async fn start() -> Self {
        let mut shop = Shop::start(1).await;
        let product = shop.product("Ogu T", PRICE, 100).await;
        let other = catalogue::add_customer(&shop.database.pool, "이두리").await.unwrap();
        let ours = shop.order(PRICE, &[(product, 1)]).await;
        let our_key = shop.authenticate(&ours, PRICE).await;
        let us = std::mem::replace(&mut shop.customer, other);
        let theirs = shop.order(2 * PRICE, &[(product, 2)]).await;
        let their_key = shop.authenticate(&theirs, 2 * PRICE).await;
        shop.customer = us;
        let (ours, theirs) = ((ours, our_key, PRICE), (theirs, their_key, 2 * PRICE));
        Self { shop, product: product.0, other, ours, theirs }
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answered {
        answered(form(&self.shop.http, &format!("{}{path}", self.shop.api.url()), fields, &[])).await
    }

    /// How often Toss was asked about either.
    async fn asked(&self) -> usize {
        self.shop.requests(&self.ours.0).await.len() + self.shop.requests(&self.theirs.0).await.len()
    }
}

/// Other ways to write an amount than ours, and other amounts.
const AMOUNTS: [&str; 18] = [
    "",
    "0",
    "1",
    "-50000",
    "49999",
    "50001",
    "100000",
    "5e4",
    "50000.0",
    "50000.5",
    "0xC350",
    "50,000",
    " 50000",
    "50000 ",
    "٥٠٠٠٠",
    "NaN",
    "9223372036854775807",
    "99999999999999999999999999",
];

#[tokio::test]
async fn no_field_of_the_success_page_passes_that_our_books_do_not_have() {
    let two = Two::start().await;
    let ((order, key, _), (their_order, ..)) = (&two.ours, &two.theirs);
    let (upper, long) = (order.to_uppercase(), "k".repeat(201));
    let orders = ["", "1", ABSENT, their_order, &order.replace('-', ""), &format!("{order} "), &format!("{{{order}}}")];
    let tampered = AMOUNTS.map(|amount| (order.as_str(), key.as_str(), amount));
    let tampered = tampered.into_iter().chain(orders.map(|order| (order, key.as_str(), "50000")));
    let keys = ["", " ", "..", "a b", "a\nb", "a\0b", long.as_str()].map(|key| (order.as_str(), key, "50000"));
    let before = books(&two.shop).await;
    let mut sent = 0;
    for (order, key, amount) in tampered.chain(keys) {
        let fields = [("orderId", order), ("paymentKey", key), ("amount", amount)];
        let refused = two.form("/checkout/confirm", &fields).await;
        assert!(refused.status.is_client_error(), "{fields:?}: {}", refused.status);
        for left_out in 0..3 {
            let fields: Vec<_> = fields.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, f)| *f).collect();
            assert!(two.form("/checkout/confirm", &fields).await.status.is_client_error(), "{fields:?}");
        }
        sent += 4;
    }
    assert!(sent > 100, "{sent}");
    assert_eq!(books(&two.shop).await, before, "something was written");
    assert_eq!(two.asked().await, 0, "Toss was asked");

    // What else is sent beside counts for nothing: the order is its own customer's, at its own amount.
    let other = two.other.0.to_string();
    let beside =
        [("userId", other.as_str()), ("status", "DONE"), ("currency", "USD"), ("price", "1"), ("totalAmount", "1")];
    let fields = [("orderId", upper.as_str()), ("paymentKey", key), ("amount", "50000")];
    let confirmed = two.form("/checkout/confirm", &[&fields[..], &beside].concat()).await;
    assert_eq!(confirmed.header("location"), format!("/order/{order}"), "{}", confirmed.text);
    two.shop.until(order, "DONE").await;
    assert_eq!(two.shop.held(order).await, PRICE);
    two.shop.finish().await;
}

#[tokio::test]
async fn the_payment_of_somebody_else_pays_no_order() {
    let two = Two::start().await;
    let ((order, ..), (their_order, their_key, their_amount)) = (&two.ours, &two.theirs);
    // Theirs is on its way: their paymentKey is taken, by form and by JSON, at our amount and at theirs.
    two.shop.control("rules", json!({"match": {"endpoint": "confirm"}, "times": 9, "then": {"kind": "hold"}})).await;
    let customer = two.other.0;
    let confirm = json!({"userId": customer, "orderId": their_order, "paymentKey": their_key, "amount": their_amount});
    assert_eq!(two.shop.post("/api/v1/orders/confirm", confirm).await.status, StatusCode::ACCEPTED);
    crate::harness::wait_for("the confirm at Toss", std::time::Duration::from_mins(1), async || {
        (two.asked().await == 1).then_some(())
    })
    .await;
    for (amount, status) in [("50000", 409), ("100000", 422)] {
        let fields = [("orderId", order.as_str()), ("paymentKey", their_key), ("amount", amount)];
        assert_eq!(two.form("/checkout/confirm", &fields).await.status.as_u16(), status, "{amount}");
        let body = two.shop.confirmation(order, their_key, amount.parse().unwrap());
        assert_eq!(two.shop.post("/api/v1/orders/confirm", body).await.status.as_u16(), status, "{amount}");
    }
    assert_eq!(two.asked().await, 1, "Toss was asked about it");
    two.shop.forget_rules().await;
    two.shop.until(their_order, "DONE").await;
    assert_eq!(two.shop.status(order).await, "READY");
    assert_eq!((two.shop.held(order).await, two.shop.held(their_order).await), (0, *their_amount));
    two.shop.finish().await;
}

#[tokio::test]
async fn a_payment_that_was_authenticated_for_another_order_charges_nobody() {
    let two = Two::start().await;
    let ((order, ..), (their_order, their_key, _)) = (&two.ours, &two.theirs);
    // Only Toss knows whose it is.
    assert_eq!(two.shop.confirm(order, their_key, PRICE).await.status, StatusCode::ACCEPTED);
    two.shop.until_outbox_is_empty().await;
    let view = two.shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!((&view["status"], &view["moneyMoved"]), (&json!("ABORTED"), &json!(false)), "{view}");
    assert_eq!((two.shop.approvals(order).await, two.shop.approvals(their_order).await), (0, 0));
    two.shop.finish().await;
}

#[tokio::test]
async fn no_field_of_the_cart_changes_what_things_cost() {
    let two = Two::start().await;
    let (quantity, price) = (format!("quantity-{}", two.product), format!("price-{}", two.product));
    let cheap = two.shop.product("Ogu C", 1, 10).await.0;
    let quantities =
        ["-1", "1.5", "1e1", "0x1", "10001", "2147483648", "99999999999999999999", "one", " 1", "١", "NaN"];
    let carts = AMOUNTS.map(|amount| vec![(quantity.clone(), "1".to_owned()), (price.clone(), amount.to_owned())]);
    let mut carts: Vec<Vec<(String, String)>> = carts.into_iter().filter(|cart| cart[1].1 != "50000").collect();
    carts.extend(quantities.map(|text| vec![(quantity.clone(), text.to_owned()), (price.clone(), PRICE.to_string())]));
    // Without a price, at the price of another product, of a product that is not there, and of nothing.
    carts.push(vec![(quantity.clone(), "1".to_owned())]);
    carts.push(vec![(quantity.clone(), "1".to_owned()), (format!("price-{cheap}"), PRICE.to_string())]);
    for product in ["999999", "-1", "0", "", "1e3", "99999999999999999999"] {
        let fields = [(format!("quantity-{product}"), "1".to_owned()), (format!("price-{product}"), "1".to_owned())];
        carts.push(fields.into());
    }
    // The prices of two products, one for the other: the sum is right only as long as nobody looks at each.
    carts.push(vec![
        (quantity.clone(), "1".to_owned()),
        (price.clone(), "1".to_owned()),
        (format!("quantity-{cheap}"), "1".to_owned()),
        (format!("price-{cheap}"), "1".to_owned()),
    ]);
    let buyer = two.shop.customer.0.to_string();
    for cart in &mut carts {
        cart.push(("buyer".to_owned(), buyer.clone()));
    }
    // Right but for who buys.
    for buyer in ["", "0", "-1", "999999", "1e0", " 1", "somebody", "99999999999999999999"] {
        let fields = [(quantity.as_str(), "1"), (price.as_str(), "50000"), ("buyer", buyer)];
        carts.push(fields.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
    }
    let before = books(&two.shop).await;
    for cart in carts {
        let fields: Vec<(&str, &str)> = cart.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let refused = two.form("/checkout", &fields).await;
        assert!(refused.status.is_client_error(), "{fields:?}: {} {}", refused.status, refused.header("location"));
    }
    assert_eq!(books(&two.shop).await, before, "something was written");

    let beside = [("amount", "1"), ("total", "1"), ("currency", "USD"), ("status", "DONE"), ("userId", "999999")];
    let fields = [(quantity.as_str(), "2"), (price.as_str(), "50000"), ("buyer", &buyer)];
    let ordered = two.form("/checkout", &[&fields[..], &beside].concat()).await;
    let order = ordered.header("location").strip_prefix("/checkout/").unwrap().to_owned();
    let view = two.shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(
        (&view["amount"], &view["currency"], &view["status"]),
        (&json!(100_000), &json!("KRW"), &json!("READY"))
    );
    two.shop.finish().await;
}

#[tokio::test]
async fn a_program_that_calls_us_names_no_price_either() {
    let two = Two::start().await;
    let line = json!({"productId": two.product, "quantity": 1, "unitPrice": 1, "price": 1, "name": "x"});
    let body = json!({"userId": two.shop.customer.0, "amount": PRICE, "orderProducts": [line], "currency": "USD",
                      "status": "DONE", "orderName": "x"});
    let created = two.shop.post("/api/v1/orders/create", body).await;
    if created.status.is_success() {
        let order = created.json()["orderId"].as_str().unwrap().to_owned();
        let view = two.shop.get(&format!("/api/v1/orders/{order}")).await.json();
        let told = [&view["amount"], &view["currency"], &view["status"], &view["lines"][0]["unitPrice"]];
        assert_eq!(told, [&json!(PRICE), &json!("KRW"), &json!("READY"), &json!(PRICE)]);
    }
    // A price that changes later changes no order that is there.
    two.shop.database.execute("update products set price = price * 10").await;
    let (order, key, amount) = &two.ours;
    let before = books(&two.shop).await;
    for (amount, user) in [(10 * PRICE, two.shop.customer), (PRICE, two.other), (2 * PRICE, two.other)] {
        let body = json!({"userId": user.0, "orderId": order, "paymentKey": key, "amount": amount});
        let refused = two.shop.post("/api/v1/orders/confirm", body).await;
        assert!(refused.status.is_client_error(), "{amount} by {user:?}: {}", refused.text);
    }
    assert_eq!((books(&two.shop).await, two.asked().await), (before, 0));
    assert_eq!(two.shop.confirm(order, key, *amount).await.status, StatusCode::ACCEPTED);
    two.shop.until(order, "DONE").await;
    two.shop.finish().await;
}

/// Without what names the order that was asked about.
fn told(answer: &Answered, order: &str) -> (StatusCode, String, Value) {
    let text = answer.text.replace(order, "ORDER");
    (answer.status, answer.header("location").replace(order, "ORDER"), json!(text))
}

#[tokio::test]
async fn nobody_finds_an_order_by_trying_numbers_near_one_of_their_own() {
    let two = Two::start().await;
    let (order, ..) = &two.ours;
    let digit = |c: char| if c == '-' { '-' } else { char::from_digit(c.to_digit(16).unwrap() ^ 1, 16).unwrap() };
    let near = (0..order.len()).filter(|at| !order[*at..].starts_with('-')).map(|at| {
        order.chars().enumerate().map(|(place, c)| if place == at { digit(c) } else { c }).collect::<String>()
    });
    let near: Vec<String> = near.collect();
    assert_eq!(near.len(), 32);
    let routes = routes();
    let shown = routes.iter().filter(|route| route.takes("get") && route.path.contains("{order_id}"));
    for route in shown {
        let absent = two.shop.get(&route.with(ABSENT)).await;
        assert_ne!(absent.status, StatusCode::OK, "{}", route.path);
        for order in &near {
            let answer = two.shop.get(&route.with(order)).await;
            assert_eq!(told(&answer, order), told(&absent, ABSENT), "{} {order}", route.path);
        }
    }
    // And who knows the number of somebody else's order still cannot confirm it as their own.
    let (their_order, _, amount) = &two.theirs;
    let confirm = async |order: &str| {
        let body = json!({"userId": two.shop.customer.0, "orderId": order, "paymentKey": "a-key", "amount": amount});
        two.shop.post("/api/v1/orders/confirm", body).await
    };
    let (theirs, absent) = (confirm(their_order).await, confirm(ABSENT).await);
    assert_eq!(told(&theirs, their_order), told(&absent, ABSENT));
    assert_eq!(absent.code(), "ORDER_NOT_FOUND");
    two.shop.finish().await;
}

#[tokio::test]
async fn the_numbers_of_orders_tell_nothing_of_the_next_one() {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", PRICE, 1_000).await;
    let mut tails = Vec::new();
    for _ in 0..100 {
        let order = shop.order(PRICE, &[(product, 1)]).await;
        // The first 48 bits are the time; four tell the version and two the variant, and 62 follow that nobody can guess.
        tails.push(u64::from_str_radix(&order.replace('-', "")[16..], 16).unwrap() & (u64::MAX >> 2));
    }
    let bits = (0..62).map(|bit| tails.iter().filter(|tail| *tail >> bit & 1 == 1).count());
    assert!(bits.clone().all(|ones| (10..=90).contains(&ones)), "{:?}", bits.collect::<Vec<_>>());
    let steps: Vec<u64> = tails.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    assert!(steps.iter().all(|step| *step > 1 << 32), "they count: {steps:?}");
    shop.finish().await;
}

#[tokio::test]
async fn no_address_of_ours_leads_to_another_site() {
    let two = Two::start().await;
    let elsewhere =
        ["https://evil.example/", "//evil.example", "/\\evil.example", "/order/..//evil.example", "\t//evil.example"];
    let mut paths: Vec<String> =
        routes().iter().filter(|route| route.takes("get")).map(|route| route.with(&two.ours.0)).collect();
    paths.extend(
        ["//evil.example/", "//evil.example/order", "/%5Cevil.example", "/%2F/evil.example"].map(str::to_owned),
    );
    let (mut asked, mut led) = (0, 0);
    for path in paths.iter().filter(|path| !path.ends_with("/events")) {
        let named = ["next", "lang", "url", "return", "returnUrl", "redirect"];
        let queries = named.iter().flat_map(|name| elsewhere.map(|to| vec![(*name, to)]));
        for query in queries.chain([vec![("lang", "en")], vec![("lang", "ko"), ("next", "//evil.example")]]) {
            let url = reqwest::Url::parse_with_params(&format!("{}{path}", two.shop.api.url()), &query).unwrap();
            let answer = answered(two.shop.http.get(url.clone())).await;
            let location = answer.header("location");
            let stays = location.starts_with('/') && !location[1..].starts_with(['/', '\\']);
            assert!(location.is_empty() || stays, "{url} leads to {location}");
            (asked, led) = (asked + 1, led + usize::from(!location.is_empty()));
        }
    }
    assert!(asked > 500 && led > 50, "{asked} {led}");
    two.shop.finish().await;
}
