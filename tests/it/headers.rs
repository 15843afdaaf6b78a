//! The headers of every route's answers, all of them, as `snapshots/headers.snap` keeps them: what a browser may do with each
//! page is decided there, and a new route has to be looked at.
//!
//! `INSTA_UPDATE=always cargo test -p tests --test it headers` writes them anew.

use std::{collections::BTreeMap, fmt::Write as _};

use reqwest::{Method, RequestBuilder, Response, header::HeaderMap};
use serde_json::json;

use crate::{
    harness::{
        login::{Session, form, log_in},
        shop::{OPERATOR, SERVER_KEY, Shop},
    },
    routes::{ABSENT, Route, routes},
};

const PRICE: i64 = 1_000;
/// What transport needs, which says nothing about the page, and what is told beside the answer.
const NOT_SHOWN: [&str; 5] = ["date", "content-length", "transfer-encoding", "connection", "location"];

struct Asking {
    shop: Shop,
    session: Session,
    product: i64,
    /// Paid, and refunded by the shop's server beside what operators do to the other.
    to_refund: String,
    /// By the names that the snapshot knows them by.
    orders: Vec<(&'static str, String)>,
    /// The answers that have the same headers.
    told: BTreeMap<String, Vec<String>>,
}

/// The headers of an answer, a line each.
fn shown(headers: &HeaderMap) -> String {
    let shown = headers.iter().filter(|(name, _)| !NOT_SHOWN.contains(&name.as_str()));
    let mut lines: Vec<String> = shown
        .map(|(name, value)| match value.to_str().unwrap().split_once('=').filter(|_| name == "set-cookie") {
            Some((cookie, rest)) => {
                let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
                let value = if value.is_empty() { "" } else { "TOKEN" };
                format!("  {name}: {cookie}={value};{attributes}")
            }
            None => format!("  {name}: {}", value.to_str().unwrap()),
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// Order numbers are new in each run.
fn without_order_numbers(text: &str) -> String {
    let is_number = |text: &str| {
        text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let mut masked = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let number = rest.get(..36).filter(|text| is_number(text));
        let (part, length) = number.map_or((&rest[..next.len_utf8()], next.len_utf8()), |_| ("ORDER", 36));
        masked.push_str(part);
        rest = &rest[length..];
    }
    masked
}

impl Asking {
    async fn start() -> Self {
        let shop = Shop::start(1).await;
        let product = shop.product("Ogu T", PRICE, 10).await;
        let paid = shop.accepted(PRICE, &[(product, 1)]).await;
        shop.until(&paid, "DONE").await;
        let to_refund = shop.accepted(PRICE, &[(product, 1)]).await;
        shop.until(&to_refund, "DONE").await;
        let ready = shop.order(PRICE, &[(product, 1)]).await;
        let session = log_in(&shop.http, &shop.api.url()).await;
        let orders = vec![
            ("to be paid", ready),
            ("paid", paid),
            ("absent", ABSENT.to_owned()),
            ("no number", "nonsense".to_owned()),
        ];
        Self { shop, session, product: product.0, to_refund, orders, told: BTreeMap::new() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shop.api.url())
    }

    fn order(&self, name: &str) -> &str {
        &self.orders.iter().find(|(known, _)| *known == name).unwrap().1
    }

    fn see(&mut self, what: &str, answers: &[(&str, Response)]) {
        let rows = answers.iter().map(|(who, answer)| {
            assert!(!answer.status().is_server_error(), "{what}: {}", answer.status());
            let location = answer.headers().get("location").map(|location| location.to_str().unwrap());
            let location = location.map(|location| format!(" to {location}")).unwrap_or_default();
            let headers = shown(answer.headers()).replace(&self.shop.simulator.url(), "http://TOSS");
            (*who, answer.status().as_u16(), without_order_numbers(&location), headers)
        });
        let rows: Vec<_> = rows.collect();
        let is_alike = rows
            .iter()
            .all(|(_, status, location, headers)| (status, location, headers) == (&rows[0].1, &rows[0].2, &rows[0].3));
        for (who, status, location, headers) in rows.iter().take(if is_alike { 1 } else { rows.len() }) {
            let who = if is_alike { String::new() } else { format!(", as {who}") };
            self.told.entry(headers.clone()).or_default().push(format!("{status} {what}{who}{location}"));
        }
    }

    /// As everybody and as an operator, whatever the route wants.
    async fn get(&mut self, what: &str, path: &str) {
        let mut answers = Vec::new();
        let cookie = [("cookie", self.session.cookie.as_str())];
        for (who, headers) in [("anybody", &[][..]), ("an operator", &cookie)] {
            let request = self.shop.http.get(self.url(path)).header("accept-language", "ko");
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            answers.push((who, request.send().await.unwrap()));
        }
        self.see(what, &answers);
    }

    async fn get_all(&mut self, route: &Route) {
        let path = &route.path;
        if !path.contains("{order_id}") {
            let query = if path == "/checkout/success" {
                format!("?orderId={}&paymentKey=a-key&amount={PRICE}", self.order("to be paid"))
            } else {
                String::new()
            };
            self.get(&format!("GET {path}"), &format!("{path}{query}")).await;
            return;
        }
        for (name, order) in self.orders.clone() {
            self.get(&format!("GET {path} ({name})"), &route.with(&order)).await;
        }
    }

    async fn post(&mut self, what: &str, request: RequestBuilder) {
        let answer = request.header("accept-language", "ko").send().await.unwrap();
        self.see(&format!("POST {what}"), &[("", answer)]);
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        form(&self.shop.http, &self.url(path), fields, &[])
    }

    /// Each as it is meant, and as nobody meant it.
    async fn post_all(&mut self, route: &Route) {
        let path = route.with(self.order("paid"));
        let by_other_site = self.form(&path, &[]).header("sec-fetch-site", "cross-site");
        self.post(&format!("{}, by another site's page", route.path), by_other_site).await;
        let empty = self.form(&path, &[]);
        self.post(&format!("{}, an empty form", route.path), empty).await;
        for (name, request) in self.meant(&route.path).await {
            self.post(&format!("{}, {name}", route.path), request).await;
        }
    }

    #[expect(clippy::too_many_lines, reason = "it is a table")]
    async fn meant(&self, path: &str) -> Vec<(&'static str, RequestBuilder)> {
        let ready = self.order("to be paid");
        let paid = self.order("paid");
        let json = |path: &str, body| self.shop.http.post(self.url(path)).json(&body);
        let cookie = self.session.cookie.as_str();
        match path {
            "/api/v1/orders/create" => {
                let lines = json!([{"productId": self.product, "quantity": 1}]);
                let body = json!({"userId": self.shop.customer.0, "amount": PRICE, "orderProducts": lines});
                vec![("an order", json(path, body)), ("nonsense", json(path, json!([])))]
            }
            "/api/v1/orders/confirm" => {
                let body = self.shop.confirmation(paid, "another-key", PRICE);
                vec![("an order that is paid", json(path, body)), ("nonsense", json(path, json!({})))]
            }
            "/api/v1/orders/{order_id}/cancel" => {
                let url = path.replace("{order_id}", &self.to_refund);
                let body = json!({"cancelReason": "r", "cancelAmount": 1});
                let by_server = json(&url, body.clone()).bearer_auth(SERVER_KEY).header("idempotency-key", "a");
                let by_session = json(&url, body.clone()).header("cookie", cookie).header("idempotency-key", "b");
                vec![
                    ("by the shop's server", by_server),
                    ("by a session without its token", by_session),
                    ("by nobody", json(&url, body)),
                ]
            }
            "/api/v1/orders/{order_id}/lookup"
            | "/api/v1/orders/{order_id}/close"
            | "/api/v1/orders/{order_id}/refund-closed"
            | "/api/v1/orders/{order_id}/cancel/{cancel_no}/call-off" => {
                let url = path.replace("{order_id}", paid).replace("{cancel_no}", "9");
                let by_server = |body| json(&url, body).bearer_auth(SERVER_KEY);
                let by_session = json(&url, json!({"reason": "r"})).header("cookie", cookie);
                vec![
                    ("by the shop's server", by_server(json!({"reason": "r"}))),
                    ("again", by_server(json!({"reason": "r"}))),
                    ("a mistake", by_server(json!({"reason": ""}))),
                    ("by a session without its token", by_session),
                    ("by nobody", json(&url, json!({"reason": "r"}))),
                ]
            }
            "/order/{order_id}/lookup"
            | "/order/{order_id}/close"
            | "/order/{order_id}/refund-closed"
            | "/order/{order_id}/cancel/{cancel_no}/call-off" => {
                let url = path.replace("{order_id}", &self.to_refund).replace("{cancel_no}", "9");
                let fields = [("csrf", self.session.csrf.as_str()), ("reason", "r")];
                let with = |fields: &[(&str, &str)]| self.form(&url, fields).header("cookie", cookie);
                vec![("as it is meant", with(&fields)), ("without its token", with(&fields[1..]))]
            }
            "/checkout" => {
                let (quantity, price) = (format!("quantity-{}", self.product), format!("price-{}", self.product));
                let buyer = self.shop.customer.0.to_string();
                let order = |won: &str| self.form(path, &[("buyer", &buyer), (&quantity, "1"), (&price, won)]);
                vec![("an order", order("1000")), ("prices changed", order("999"))]
            }
            "/checkout/confirm" => {
                let key = self.shop.authenticate(ready, PRICE).await;
                let confirm = |order: &str, amount| {
                    self.form(path, &[("orderId", order), ("paymentKey", &key), ("amount", amount)])
                };
                vec![
                    ("another amount", confirm(ready, "999")),
                    ("an absent order", confirm(ABSENT, "1000")),
                    ("a payment", confirm(ready, "1000")),
                ]
            }
            "/order/cancel" => {
                let csrf = self.session.csrf.as_str();
                let fields = [("csrf", csrf), ("orderId", paid), ("key", "k"), ("cancelReason", "r")];
                let with =
                    |more: &[(&str, &str)]| self.form(path, &[&fields[..], more].concat()).header("cookie", cookie);
                vec![
                    ("to be sure", with(&[("cancelAmount", "2")])),
                    ("a mistake", with(&[("cancelAmount", "0")])),
                    ("surely", with(&[("cancelAmount", "2"), ("sure", "yes")])),
                    ("without its token", self.form(path, &fields[1..]).header("cookie", cookie)),
                ]
            }
            "/login" => {
                let log_in = |password| self.form(path, &[("name", OPERATOR.0), ("password", password)]);
                vec![("wrong", log_in("wrong")), ("right", log_in(OPERATOR.1))]
            }
            "/logout" => {
                let other = log_in(&self.shop.http, &self.shop.api.url()).await;
                vec![("an operator", self.form(path, &[("csrf", &other.csrf)]).header("cookie", other.cookie))]
            }
            "/webhooks/toss" => {
                let body = json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": paid, "status": "DONE"}});
                vec![("a hint", json(path, body)), ("nonsense", json(path, json!(7)))]
            }
            _ => panic!("{path} is new: it needs a form that is meant"),
        }
    }
}

#[tokio::test]
async fn the_headers_of_every_route_are_as_they_were_looked_at() {
    let mut asking = Asking::start().await;
    let routes = routes();
    for route in routes.iter().filter(|route| route.takes("get")) {
        asking.get_all(route).await;
    }
    for (what, path) in [("a page that is not there", "/nowhere"), ("JSON that is not there", "/api/nowhere")] {
        asking.get(&format!("GET {what}"), path).await;
    }
    asking
        .get("GET /checkout/fail, about an order", &format!("/checkout/fail?code=X&order={}", asking.order("paid")))
        .await;
    asking.get("GET /checkout/success, without a payment", "/checkout/success").await;
    asking.get("GET /order, a mistake", "/order?size=0").await;
    asking.get("GET /checkout, another language", "/checkout?lang=en").await;
    let style = asking.shop.get("/checkout").await.text;
    let style = style.split('"').find(|address| address.starts_with("/assets/style.css?v=")).unwrap().to_owned();
    asking.get("GET /assets/style.css by its hash", &style).await;
    for route in routes.iter().filter(|route| route.takes("post")) {
        asking.post_all(route).await;
    }
    let put = asking.shop.http.request(Method::PUT, asking.url("/order")).send().await.unwrap();
    asking.see("PUT /order", &[("", put)]);
    let large = asking.form("/checkout", &[("quantity-1", &"1".repeat(70_000))]);
    asking.post("/checkout, too large a form", large).await;

    let mut text = String::new();
    for (headers, answers) in &asking.told {
        writeln!(text, "{}\n{headers}\n", answers.join("\n")).unwrap();
    }
    let mut settings = insta::Settings::new();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("headers", text));
    asking.shop.finish().await;
}
