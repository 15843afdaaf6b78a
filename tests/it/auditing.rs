//! The auditor itself. Each case of a table spoils one order of a finished shop, in the books or at Toss, and the audit
//! must find exactly that, of that order and of no other.

use std::collections::BTreeMap;

use devstack::part::Part;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::order::ProductId;
use tests::audit::{Invariant, Report, Strength, Subject};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

mod cases;
mod lies;

use crate::harness::{
    audit,
    shop::{Shop, answered},
};
use cases::{CASES, Case, Finds, From, Toss};

pub(crate) const PRICE: i64 = 1_000;

/// One case with the order and the product that it has for itself.
struct Spoilt {
    case: &'static Case,
    order: String,
    key: String,
    product: ProductId,
}

/// A shop in which every case's order is paid, or merely made, and nothing moves any more.
async fn finished_shop() -> (Shop, Vec<Spoilt>) {
    let mut shop = Shop::start(1).await;
    let mut spoilt = Vec::new();
    for case in CASES {
        let product = shop.product(case.name, PRICE, 10).await;
        let order = shop.order(PRICE, &[(product, 1)]).await;
        let key = shop.authenticate(&order, PRICE).await;
        if case.from == From::Done {
            assert_eq!(shop.confirm(&order, &key, PRICE).await.status, StatusCode::ACCEPTED);
        }
        spoilt.push(Spoilt { case, order, key, product });
    }
    shop.until_outbox_is_empty().await;
    shop.stop_workers().await;
    (shop, spoilt)
}

impl Spoilt {
    async fn spoil(&self, shop: &Shop) {
        let mut second = String::new();
        for toss in self.case.toss {
            match toss {
                Toss::ConsoleCancels(amount) => {
                    shop.control("cancel", json!({"paymentKey": self.key, "cancelAmount": amount})).await;
                }
                Toss::ApprovesSecond => {
                    second = shop.authenticate(&self.order, PRICE).await;
                    let body = json!({"paymentKey": second, "orderId": self.order, "amount": PRICE}).to_string();
                    let approved = post(shop, simulator::DEFAULT_SECRET_KEY, Some(&second), body).await;
                    assert_eq!(approved["status"], "DONE", "{approved}");
                }
                Toss::ConsoleCancelsSecond => {
                    shop.control("cancel", json!({"paymentKey": second, "cancelAmount": PRICE})).await;
                }
                Toss::IsAsked => {
                    let url = format!("{}/v1/payments/{}", shop.simulator_url(), self.key);
                    for _ in 0..2 {
                        let request = shop.http.get(&url).basic_auth(simulator::DEFAULT_SECRET_KEY, Some(""));
                        assert_eq!(answered(request).await.status, StatusCode::OK);
                    }
                }
                Toss::Refunds => {
                    let url = format!("{}/v1/payments/{}/cancel", shop.simulator_url(), self.key);
                    let request = shop.http.post(url).basic_auth(simulator::DEFAULT_SECRET_KEY, Some(""));
                    let body = json!({"cancelReason": format!("r [{}]", self.order.replace('-', ""))});
                    let refunded = answered(request.header("idempotency-key", &self.order).json(&body)).await;
                    assert_eq!(refunded.status, StatusCode::OK, "{}", refunded.text);
                }
                Toss::HearsAgain { other_body, other_secret, without_key } => {
                    let sent = shop.requests(&self.order).await[0].clone();
                    let body = sent["body"].as_str().unwrap();
                    let body = if *other_body { format!(" {body}") } else { body.to_owned() };
                    let client = json!({"clientKey": simulator::DEFAULT_CLIENT_KEY});
                    let secret = if *other_secret {
                        shop.control("merchants/rotate", client).await["secretKey"].as_str().unwrap().to_owned()
                    } else {
                        simulator::DEFAULT_SECRET_KEY.to_owned()
                    };
                    let key = sent["idempotencyKey"].as_str().filter(|_| !without_key);
                    post(shop, &secret, key, body).await;
                }
            }
        }
        for sql in self.case.sql {
            let order = format!("(select id from orders where order_no = '{}')", self.order);
            let sql = sql
                .replace("{ORDER}", &order)
                .replace("{NO}", &self.order)
                .replace("{KEY}", &self.key)
                .replace("{SECOND}", &second)
                .replace("{PRODUCT}", &self.product.0.to_string());
            shop.database.execute(&sql).await;
        }
    }

    fn check(&self, report: &Report, expected: &[Finds], how: &str) {
        let about = |subject: &Subject| report.violations.iter().filter(|v| v.subject == *subject).collect::<Vec<_>>();
        let (order, product) = (Subject::Order(self.order.clone()), Subject::Product(self.product.0));
        let found: Vec<_> = [about(&order), about(&product)].concat();
        let named: Vec<Finds> = found.iter().map(|violation| (violation.invariant, violation.rule)).collect();
        assert_eq!(named, expected, "{}, {how}: {found:#?}", self.case.name);
    }
}

/// A confirm that no worker of ours sends.
async fn post(shop: &Shop, secret: &str, idempotency_key: Option<&str>, body: String) -> Value {
    let request = shop.http.post(format!("{}/v1/payments/confirm", shop.simulator_url())).basic_auth(secret, Some(""));
    let request = idempotency_key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
    answered(request.header("content-type", "application/json").body(body)).await.json()
}

/// What the schema would not allow must be found all the same: the schema is a part of what is checked.
async fn without_constraints(shop: &Shop) {
    shop.database
        .execute(
            "do $$ declare c record; begin
                 for c in select conrelid::regclass as t, conname from pg_constraint
                          where contype = 'c' and connamespace = 'public'::regnamespace
                 loop execute format('alter table %s drop constraint %I', c.t, c.conname); end loop;
             end $$",
        )
        .await;
}

async fn report(shop: &Shop, strength: Strength) -> Report {
    audit::report(shop, &shop.api.url(), strength).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_kind_of_violation_is_found_where_it_is_and_nowhere_else() {
    let (mut shop, spoilt) = finished_shop().await;
    let clean = report(&shop, Strength::Settled).await;
    assert!(clean.is_clean(), "{clean}");
    assert_eq!(
        (clean.orders, clean.orders_looked_at, clean.orders_listened_to),
        (CASES.len(), CASES.len(), CASES.len())
    );
    assert!(clean.ledger_entries > 0 && clean.requests > 0);

    without_constraints(&shop).await;
    for one in &spoilt {
        one.spoil(&shop).await;
    }
    let settled = report(&shop, Strength::Settled).await;
    let running = report(&shop, Strength::Running).await;
    for one in &spoilt {
        one.check(&settled, one.case.settled, "settled");
        one.check(&running, one.case.running.unwrap_or(one.case.settled), "running");
    }
    let expected: usize = CASES.iter().map(|case| case.settled.len()).sum();
    assert_eq!(settled.violations.len(), expected, "{settled}");

    // A story that kills workers lets calls go unrecorded, and nothing else.
    shop.lost_attempts_allowed = true;
    let lost = report(&shop, Strength::Settled).await;
    let unrecorded =
        settled.violations.iter().filter(|violation| violation.rule == "request without its attempt").count();
    assert!(unrecorded > 0);
    assert_eq!(lost.violations.len(), expected - unrecorded);
    tells_everything(&shop, &settled, &spoilt).await;
    shop.end_without_audit();
}

#[tokio::test]
async fn a_question_is_about_its_payment_or_is_counted_as_one_about_our_secret() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = shop.authenticate(&order, PRICE).await;
    shop.confirm(&order, &key, PRICE).await;
    shop.until(&order, "DONE").await;
    let url = format!("{}/v1/payments/{key}", shop.simulator_url());
    for counted in ["insert into lanes (api_key_id, checks) values ('a secret', 1)", "update lanes set checks = 2"] {
        let asked = answered(shop.http.get(&url).basic_auth(simulator::DEFAULT_SECRET_KEY, Some(""))).await;
        assert_eq!(asked.status, StatusCode::OK);
        for strength in [Strength::Settled, Strength::Running] {
            let found = report(&shop, strength).await;
            let named: Vec<Finds> = found.violations.iter().map(|found| (found.invariant, found.rule)).collect();
            assert_eq!(named, [(Invariant::I5, "request without its attempt")], "{found}");
        }
        shop.database.execute(counted).await;
        let found = report(&shop, Strength::Settled).await;
        assert!(found.is_clean(), "{found}");
    }
    shop.finish().await;
}

/// Whoever reads the report needs nothing else, and learns no paymentKey.
async fn tells_everything(shop: &Shop, report: &Report, spoilt: &[Spoilt]) {
    let text = report.to_string();
    let mut histories: BTreeMap<&str, &str> = BTreeMap::new();
    for part in text.split("\norder ").map(|part| part.strip_prefix("order ").unwrap_or(part)) {
        histories.insert(part.split('\n').next().unwrap(), part);
    }
    for one in spoilt.iter().filter(|one| one.case.from == From::Done && !one.case.settled.is_empty()) {
        let is_about_order = report.violations.iter().any(|v| v.subject == Subject::Order(one.order.clone()));
        let Some(history) = histories.get(one.order.as_str()).filter(|_| is_about_order) else {
            assert!(!is_about_order, "{}: nothing is told of the order", one.case.name);
            continue;
        };
        for kind in ["  ! ", "    order ", "    line ", "    payment ", "    ledger ", "    request "] {
            assert!(history.contains(&format!("\n{kind}")), "{} lacks {kind}: {history}", one.case.name);
        }
    }
    for kind in ["    cancel ", "    intent ", "    attempt ", "    event "] {
        assert!(text.contains(&format!("\n{kind}")), "{kind} is nowhere");
    }
    let keys: Vec<String> =
        sqlx::query_scalar("select payment_key from payments").fetch_all(&shop.database.pool).await.unwrap();
    assert!(keys.iter().chain(spoilt.iter().map(|one| &one.key)).all(|key| !text.contains(key)), "a key is not masked");
}

#[tokio::test]
async fn money_and_requests_for_an_order_that_is_not_there_are_found() {
    let mut shop = Shop::start(0).await;
    shop.database
        .execute("insert into outbox (order_id, kind, due_at, lease_seq, payment_no) values (77, 1, now(), 0, 1)")
        .await;
    let key = shop.authenticate("somebody-elses-order", PRICE).await;
    let body = json!({"paymentKey": key, "orderId": "somebody-elses-order", "amount": PRICE}).to_string();
    post(&shop, simulator::DEFAULT_SECRET_KEY, Some("k"), body).await;
    let found = report(&shop, Strength::Running).await;
    let named: Vec<Finds> = found.violations.iter().map(|violation| (violation.invariant, violation.rule)).collect();
    let expected = [
        (Invariant::I5, "intent without a reason"),
        (Invariant::I2, "charged without an order"),
        (Invariant::I5, "request without an order"),
    ];
    assert_eq!(named, expected, "{found}");
    shop.stop_workers().await;
    shop.end_without_audit();
}

#[tokio::test]
async fn an_api_that_shows_other_books_is_found() {
    let mut shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(shop.accepted(PRICE, &[(product, 1)]).await);
    }
    shop.until_outbox_is_empty().await;
    shop.stop_workers().await;
    // The api reads views that tell one order's state and another one's history wrongly.
    let [wrong_state, wrong_history, _] = [&orders[0], &orders[1], &orders[2]];
    shop.database
        .execute(&format!(
            "create schema untrue;
             create view untrue.orders as
                 select id, order_no, customer_id, name, amount, payment_count, paid_by, last_fence, created_at, expires_at,
                        review_holds_stock, close_requested_at,
                        case when order_no = '{wrong_state}' then 'EXPIRED' else status end as status
                 from public.orders;
             create view untrue.order_events as
                 select e.* from public.order_events e join public.orders o on o.id = e.order_id
                 where o.order_no <> '{wrong_history}' or e.to_status <> 'DONE'"
        ))
        .await;
    let mut url = reqwest::Url::parse(&shop.database.url).unwrap();
    url.query_pairs_mut().append_pair("options[search_path]", "untrue,public");
    let api = Part::api(shop.env(&[("DATABASE_URL", url.as_str())])).await.unwrap();
    let found = audit::report(&shop, &api.url(), Strength::Settled).await;
    let of = |order: &String| -> Vec<Finds> {
        let about = |subject: &Subject| *subject == Subject::Order(order.clone());
        found.violations.iter().filter(|v| about(&v.subject)).map(|v| (v.invariant, v.rule)).collect()
    };
    let everywhere =
        ["api disagrees", "page disagrees", "list disagrees", "stream disagrees"].map(|rule| (Invariant::I4, rule));
    assert_eq!(of(wrong_state), everywhere, "{found}");
    let of_history = ["api disagrees", "stream disagrees"].map(|rule| (Invariant::I4, rule));
    assert_eq!(of(wrong_history), of_history, "{found}");
    assert_eq!(found.violations.len(), 6, "{found}");
    api.stop().await.unwrap();
    shop.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_that_moves_while_the_books_are_read_is_at_rest_for_nobody() {
    let mut shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 10).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until_outbox_is_empty().await;
    shop.stop_workers().await;
    // Between the books and the second look at them lies the api; whoever reaches it moves the order.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let on_the_way = format!("http://{}", listener.local_addr().unwrap());
    let moving = async {
        let mut passes = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            shop.database.execute("update orders set last_fence = last_fence + 1").await;
            let mut server = TcpStream::connect(shop.api.addr()).await.unwrap();
            passes.spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    };
    let (settled, running) = tokio::select! {
        reports = async {
            let settled = audit::report(&shop, &on_the_way, Strength::Settled).await;
            (settled, audit::report(&shop, &on_the_way, Strength::Running).await)
        } => reports,
        () = moving => unreachable!("it moves until the audits are over"),
    };
    assert!(running.is_clean(), "{running}");
    let named: Vec<_> = settled.violations.iter().map(|violation| (&violation.subject, violation.rule)).collect();
    assert_eq!(named, [(&Subject::Order(order), "still moving")], "{settled}");
    shop.finish().await;
}
