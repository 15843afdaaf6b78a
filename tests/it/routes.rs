//! All routes, read off the api's own list so that none is forgotten: a GET changes nothing, another site's page can send
//! nothing, and whoever is not logged in learns nothing.

use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::harness::{
    login::{form, log_in},
    shop::{Answered, SERVER_KEY, Shop, answered},
};

pub(crate) const ABSENT: &str = "019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e";
/// What a shopper's browser or Toss calls, by knowing the order or by being anybody.
const FOR_EVERYBODY: [&str; 4] = ["/checkout/{order_id}", "/order/{order_id}", "/api/v1/orders/{order_id}", "/"];

pub(crate) struct Route {
    pub(crate) path: String,
    methods: &'static str,
}

/// All of them, assets too.
pub(crate) fn routes() -> Vec<Route> {
    let source = include_str!("../../api/src/lib.rs").split("mod tests {").next().unwrap();
    let calls = source.split(".route(").skip(1);
    let assets = include_str!("../../api/src/assets.rs").split("= asset!(\"").skip(1);
    let assets = assets.map(|asset| format!("/assets/{}", asset.split('"').next().unwrap()));
    let assets = assets.map(|path| Route { path, methods: "get(" });
    let routes: Vec<Route> = calls
        .map(|call| {
            let path = call.split('"').nth(1).unwrap().to_owned();
            let methods = call.split_once(',').unwrap().1;
            Route { path, methods: methods.split("\n    ").next().unwrap() }
        })
        .chain(assets)
        .collect();
    let known = |path: &str, method: &str| routes.iter().any(|route| route.path == path && route.takes(method));
    assert!(known("/order", "get") && known("/logout", "post") && known("/login", "post") && known("/readyz", "get"));
    assert!(known("/assets/style.css", "get"), "the assets are misread");
    assert!(!known("/logout", "get"), "the list is misread");
    routes
}

impl Route {
    pub(crate) fn takes(&self, method: &str) -> bool {
        self.methods.contains(&format!("{method}("))
    }

    pub(crate) fn with(&self, order: &str) -> String {
        self.path.replace("{order_id}", order).replace("{cancel_no}", "1")
    }

    fn is_for_operators(&self) -> bool {
        let is_order = self.path.starts_with("/order") || self.path.starts_with("/api/v1/orders");
        let by_shopper = ["/create", "/confirm", "/events", "/account"].iter().any(|end| self.path.ends_with(end));
        is_order && !by_shopper && !FOR_EVERYBODY.contains(&self.path.as_str())
    }
}

/// Every row of every table, but for when a session was last used.
pub(crate) async fn books(shop: &Shop) -> Vec<String> {
    let tables: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public' order by 1")
            .fetch_all(&shop.database.pool)
            .await
            .unwrap();
    assert!(tables.len() > 10, "{tables:?}");
    let mut books = Vec::new();
    for table in tables {
        let sql = format!(
            "select coalesce(string_agg((to_jsonb(t) - 'used_at')::text, ' ' order by t::text), '') from {table} t"
        );
        let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&shop.database.pool).await.unwrap();
        books.push(format!("{table}: {rows}"));
    }
    books
}

/// A shop with one order in each of some states, and no worker that would move them.
async fn shop_with_orders() -> (Shop, Vec<String>) {
    let shop = Shop::start(0).await;
    let product = shop.product("Ogu T", 1_000, 10).await;
    let ready = shop.order(1_000, &[(product, 1)]).await;
    let confirming = shop.accepted(1_000, &[(product, 1)]).await;
    (shop, vec![ready, confirming])
}

#[tokio::test]
async fn a_get_changes_nothing_whoever_sends_it() {
    let (shop, orders) = shop_with_orders().await;
    let session = log_in(&shop.http, &shop.api.url()).await;
    let bearer = format!("Bearer {SERVER_KEY}");
    let before = books(&shop).await;
    let mut answers = 0;
    for route in routes().iter().filter(|route| route.takes("get") && !route.path.ends_with("/events")) {
        for order in orders.iter().map(String::as_str).chain([ABSENT]) {
            let key = shop.authenticate(order, 1_000).await;
            for query in ["", &format!("?orderId={order}&paymentKey={key}&amount=1000&code=X&message=Y&next=/order")] {
                let path = format!("{}{query}", route.with(order));
                for headers in [&[][..], &[("cookie", session.cookie.as_str())], &[("authorization", &bearer)]] {
                    for method in [Method::GET, Method::HEAD] {
                        let answered = shop.send(method, &path, None, headers).await;
                        assert!(!answered.status.is_server_error(), "{path}: {}", answered.text);
                        answers += 1;
                    }
                }
            }
        }
    }
    assert!(answers > 300, "{answers}");
    assert_eq!(books(&shop).await, before);
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn no_form_of_ours_can_be_sent_by_another_site() {
    let (shop, orders) = shop_with_orders().await;
    let session = log_in(&shop.http, &shop.api.url()).await;
    let before = books(&shop).await;
    let forms = routes();
    let forms = forms.iter().filter(|route| {
        route.takes("post") && !route.path.starts_with("/api/") && !route.path.starts_with("/webhooks/")
    });
    let mut sent = 0;
    for route in forms {
        let url = format!("{}{}", shop.api.url(), route.with(&orders[0]));
        let fields =
            [("csrf", session.csrf.as_str()), ("orderId", &orders[0]), ("name", "operator"), ("next", "/order")];
        for from in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
            let request = form(&shop.http, &url, &fields, &[from, ("cookie", &session.cookie)]);
            assert_eq!(answered(request).await.status, StatusCode::FORBIDDEN, "{} {from:?}", route.path);
            sent += 1;
        }
    }
    assert!(sent >= 27, "{sent}");
    assert_eq!(books(&shop).await, before);
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn whoever_is_not_logged_in_cannot_tell_an_order_from_none() {
    let (shop, orders) = shop_with_orders().await;
    let told = |answered: &Answered, order: &str| {
        let location = answered.header("location").replace(order, "ORDER");
        (answered.status, location, answered.text.replace(order, "ORDER"))
    };
    let mut guarded = 0;
    for route in routes().iter().filter(|route| route.is_for_operators()) {
        for method in [Method::GET, Method::POST] {
            if !route.takes(method.as_str().to_lowercase().as_str()) {
                continue;
            }
            for headers in [&[][..], &[("cookie", "hanbeon=AAAA")], &[("authorization", "Bearer wrong")]] {
                let body = (method == Method::POST).then(|| json!({"cancelReason": "x", "reason": "x"}));
                let known = shop.send(method.clone(), &route.with(&orders[1]), body.clone(), headers).await;
                let absent = shop.send(method.clone(), &route.with(ABSENT), body, headers).await;
                assert!(
                    matches!(known.status, StatusCode::SEE_OTHER | StatusCode::UNAUTHORIZED),
                    "{method} {} lets nobody in: {}",
                    route.path,
                    known.status
                );
                assert_eq!(told(&known, &orders[1]), told(&absent, ABSENT), "{method} {}", route.path);
                guarded += 1;
            }
        }
    }
    assert!(guarded >= 45, "{guarded}");
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn an_operator_sees_calls_events_and_the_intent_of_an_order() {
    let mut shop = Shop::start(1).await;
    let product = shop.product("Ogu T", 1_000, 10).await;
    let paid = shop.accepted(1_000, &[(product, 1)]).await;
    shop.until(&paid, "DONE").await;
    let page = shop.get_as_operator(&format!("/order/{paid}/detail")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert_eq!(page.header("cache-control"), "no-store");
    let trace: String =
        sqlx::query_scalar("select trace_id from attempts").fetch_one(&shop.database.pool).await.unwrap();
    let key: String =
        sqlx::query_scalar("select payment_key from payments").fetch_one(&shop.database.pool).await.unwrap();
    for part in [trace.as_str(), "confirm_accepted", "toss_approved", "approved", "200 DONE", "김한번", "test_sk"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains(&key), "the paymentKey is masked");
    assert!(page.text.contains("남은 일이 없습니다"), "{}", page.text);
    shop.stop_workers().await;
    let waiting = shop.accepted(1_000, &[(product, 1)]).await;
    let page = shop.get_as_operator(&format!("/order/{waiting}/detail")).await;
    assert!(
        page.text.contains("아직 요청하지 않았습니다") && !page.text.contains("남은 일이 없습니다"),
        "{}",
        page.text
    );
    let absent = shop.get_as_operator(&format!("/order/{ABSENT}/detail")).await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
    shop.finish_with_live_intents().await;
}
