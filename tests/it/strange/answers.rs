//! Toss's answers through the decoder of the worker and into the database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{
    order::ProductId,
    toss::{Body, Payment, read_answer},
    web_url::WebUrl,
};
use time::UtcOffset;

use super::{
    PRICE, bytes, card_payment, mutations,
    mutations::{each_value, strange_bodies},
    partly_refunded_payment, waiting_payment,
};
use crate::harness::{
    database::Database,
    scripted_toss::{Call, ScriptedToss},
    shop::Shop,
    wait_for,
};

const BODIES: usize = 1_500;
const ORDERS: usize = 40;
const FAR_AWAY: &str = "9999-12-31T23:59:59-23:59";

/// Writes all that is read of an answer to where such values stand in our tables.
async fn store(database: &Database, http_status: u16, body: &[u8]) {
    let start = || String::from_utf8_lossy(&body[..body.len().min(2_000)]).into_owned();
    let payment = match read_answer(http_status, body) {
        None => return,
        Some(Body::Error { code, message }) => {
            let answer = json!({"code": code, "message": message});
            let written = sqlx::query("select $1::text, $2::jsonb").bind(code).bind(answer);
            written.execute(&database.pool).await.unwrap_or_else(|error| panic!("{error}: {}", start()));
            return;
        }
        Some(Body::Payment(payment)) => *payment,
    };
    let Payment { approved_at, account, receipt_url, cancels, raw, .. } = payment;
    let due_at = account.and_then(|account| account.due_at);
    let furthest = UtcOffset::from_hms(23, 59, 59).unwrap();
    for moment in [approved_at, due_at].into_iter().flatten() {
        let _ = (moment.to_offset(furthest), moment.to_offset(-furthest));
    }
    assert!(receipt_url.as_deref().is_none_or(|url| WebUrl::parse(url).is_some()), "{receipt_url:?}");
    let reasons: Vec<Option<String>> = cancels.into_iter().map(|cancel| cancel.cancel_reason).collect();
    sqlx::query("select $1::jsonb, $2::timestamptz[], $3::bigint[], $4::text[], $5::text[]")
        .bind(raw)
        .bind(vec![approved_at, due_at])
        .bind(vec![payment.total_amount, payment.balance_amount])
        .bind(vec![Some(payment.payment_key), Some(payment.status), payment.currency, payment.method, receipt_url])
        .bind(reasons)
        .execute(&database.pool)
        .await
        .unwrap_or_else(|error| panic!("{error}: {}", start()));
}

#[tokio::test]
async fn every_strange_value_in_an_answer_is_read_or_refused_and_can_be_stored() {
    let database = Database::new().await;
    let refunded = partly_refunded_payment("order-000001", "tgen_1");
    let paths = [
        "/paymentKey",
        "/orderId",
        "/status",
        "/currency",
        "/totalAmount",
        "/balanceAmount",
        "/method",
        "/approvedAt",
        "/receipt",
        "/receipt/url",
        "/virtualAccount",
        "/cancels",
        "/cancels/0",
        "/cancels/0/cancelReason",
        "/cancels/0/cancelAmount",
        "/cancels/0/cancelStatus",
        "/metadata",
        "/failure",
        "/orderName",
    ];
    let waiting = waiting_payment("order-000001", "tgen_1");
    let account = ["/virtualAccount/dueDate", "/virtualAccount/expired", "/virtualAccount/accountNumber"];
    let error = json!({"code": "REJECT_CARD_PAYMENT", "message": "한도초과 혹은 잔액부족으로 결제에 실패했습니다."});
    for body in each_value(&refunded, &paths).into_iter().chain(each_value(&waiting, &account)) {
        store(&database, 200, body.as_bytes()).await;
    }
    for body in each_value(&error, &["/code", "/message"]) {
        store(&database, 403, body.as_bytes()).await;
    }
    for body in strange_bodies(&refunded).into_iter().chain(strange_bodies(&error)) {
        for http_status in [200, 500] {
            store(&database, http_status, &body).await;
        }
    }
}

#[tokio::test]
async fn answers_of_any_bytes_are_read_or_refused_and_can_be_stored() {
    let database = Database::new().await;
    let mut mutations = mutations("answers_of_any_bytes_are_read_or_refused_and_can_be_stored");
    let right = [
        (200, card_payment("order-000001", "tgen_1")),
        (200, partly_refunded_payment("order-000001", "tgen_1")),
        (200, waiting_payment("order-000001", "tgen_1")),
        (403, json!({"code": "REJECT_CARD_PAYMENT", "message": "한도초과 혹은 잔액부족으로 결제에 실패했습니다."})),
    ];
    for (http_status, right) in right.iter().cycle().take(BODIES) {
        store(&database, *http_status, &mutations.of_bytes(right)).await;
    }
}

/// What a scripted Toss holds, by paymentKey.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<HashMap<String, Scripted>>>);

struct Scripted {
    order: String,
    first_answers: Vec<Vec<u8>>,
}

impl Script {
    /// The answers in their order, and then a right one for ever.
    fn answer(&self, call: &Call) -> (u16, Vec<u8>) {
        let key = call.payment_key();
        let mut payments = self.0.lock().unwrap();
        let Some(Scripted { order, first_answers }) = payments.get_mut(&key) else {
            return (404, bytes(&json!({"code": "NOT_FOUND_PAYMENT", "message": "존재하지 않는 결제 정보 입니다."})));
        };
        let is_over = first_answers.is_empty();
        (200, if is_over { bytes(&card_payment(order, &key)) } else { first_answers.remove(0) })
    }
}

/// A shop whose worker asks the scripted Toss.
async fn scripted_shop() -> (Shop, ProductId, Script, ScriptedToss) {
    let mut shop = Shop::hurried(0).await;
    let script = Script::default();
    let answers = script.clone();
    let toss = ScriptedToss::start(move |call| answers.answer(call)).await;
    shop.add_worker_with(&[("TOSS_BASE_URL", &toss.url)]).await;
    let product = shop.product("Ogu T", PRICE, 1_000).await;
    (shop, product, script, toss)
}

/// Confirms an order about whose payment Toss first says this, and then what is right.
async fn confirmed(
    shop: &Shop,
    product: ProductId,
    script: &Script,
    first: impl FnOnce(&str, &str) -> Vec<Vec<u8>>,
) -> String {
    let order = shop.order(PRICE, &[(product, 1)]).await;
    let key = format!("tgen_{}", order.replace('-', ""));
    let scripted = Scripted { order: order.clone(), first_answers: first(&order, &key) };
    script.0.lock().unwrap().insert(key.clone(), scripted);
    assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
    order
}

fn with(order: &str, key: &str, path: &str, value: Value) -> Vec<u8> {
    let mut payment = card_payment(order, key);
    *payment.pointer_mut(path).unwrap() = value;
    bytes(&payment)
}

#[tokio::test]
async fn an_approval_at_no_readable_time_is_looked_at_by_a_human_and_stops_nobody() {
    let (shop, product, script, _toss) = scripted_shop().await;
    let far_away = |order: &str, key: &str| vec![with(order, key, "/approvedAt", json!(FAR_AWAY)); 50];
    let strange = confirmed(&shop, product, &script, far_away).await;
    shop.until(&strange, "REVIEW").await;
    let other = confirmed(&shop, product, &script, |_, _| Vec::new()).await;
    shop.until(&other, "DONE").await;
    assert!(shop.workers[0].handle().is_running());
    assert_eq!(shop.status(&strange).await, "REVIEW");
    let view = shop.get(&format!("/api/v1/orders/{strange}")).await.json();
    assert_eq!(view["moneyMoved"], Value::Null, "{view}");
    assert_eq!(shop.get(&format!("/order/{strange}")).await.status.as_u16(), 200);
    shop.end_without_audit(); // the simulator knows nothing of these payments
}

#[tokio::test]
async fn an_approval_without_a_zone_was_made_in_korea() {
    let (shop, product, script, _toss) = scripted_shop().await;
    let time = json!("2026-09-01T12:00:31.123456789012");
    let zoneless = |order: &str, key: &str| vec![with(order, key, "/approvedAt", time)];
    let order = confirmed(&shop, product, &script, zoneless).await;
    shop.until(&order, "DONE").await;
    let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(view["payments"][0]["approvedAt"], "2026-09-01T03:00:31.123456Z", "{view}");
    shop.end_without_audit();
}

#[tokio::test]
async fn an_answer_that_says_two_things_is_asked_for_again() {
    let (shop, product, script, _toss) = scripted_shop().await;
    let twice = |order: &str, key: &str| {
        let text = card_payment(order, key).to_string();
        vec![text.replacen(r#""status":"DONE""#, r#""status":"DONE","status":"ABORTED""#, 1).into_bytes()]
    };
    let order = confirmed(&shop, product, &script, twice).await;
    shop.until(&order, "DONE").await;
    let unreadable = "select count(*) from attempts where code = 'unreadable' and http_status = 200";
    assert_eq!(shop.database.number(unreadable).await, 1);
    shop.end_without_audit();
}

#[tokio::test]
async fn a_receipt_that_is_no_web_address_reaches_neither_json_nor_page_nor_table() {
    let (shop, product, script, _toss) = scripted_shop().await;
    let receipt = |order: &str, key: &str| vec![with(order, key, "/receipt/url", json!("javascript:alert(1)"))];
    let order = confirmed(&shop, product, &script, receipt).await;
    shop.until(&order, "DONE").await;
    assert_eq!(shop.database.number("select count(*) from payments where receipt_url is not null").await, 0);
    // A build before this one kept it.
    for stored in ["javascript:alert(1)", "https://toss.example/r", "data:text/html,x"] {
        shop.database.execute(&format!("update payments set receipt_url = '{stored}'")).await;
        let shown = stored.starts_with("https://");
        let view = shop.get(&format!("/api/v1/orders/{order}")).await.json();
        assert_eq!(view["payments"][0]["receiptUrl"].as_str(), shown.then_some(stored), "{view}");
        let page = shop.get(&format!("/order/{order}")).await.text;
        assert_eq!(page.contains("영수증"), shown, "{page}");
        assert!(!page.contains("javascript:") && !page.contains("data:text"), "{page}");
    }
    shop.end_without_audit();
}

#[tokio::test]
async fn whatever_toss_answers_first_every_order_ends_and_the_worker_lives() {
    let (shop, product, script, _toss) = scripted_shop().await;
    let mut mutations = mutations("whatever_toss_answers_first_every_order_ends_and_the_worker_lives");
    let mut orders = Vec::new();
    for number in 0..ORDERS {
        let order = confirmed(&shop, product, &script, |order, key| {
            let right = [card_payment, partly_refunded_payment, waiting_payment][number % 3](order, key);
            vec![mutations.of_values(&right).into_bytes()]
        });
        let order = order.await;
        orders.push(order);
    }
    let last = confirmed(&shop, product, &script, |_, _| Vec::new()).await;
    shop.until(&last, "DONE").await;
    wait_for("every order to end", Duration::from_mins(1), async || {
        let open = "select count(*) from orders where status = 'IN_PROGRESS'";
        (shop.database.number(open).await == 0).then_some(())
    })
    .await;
    assert!(shop.workers[0].handle().is_running());
    for order in orders {
        for path in [format!("/api/v1/orders/{order}"), format!("/order/{order}")] {
            assert_eq!(shop.get(&path).await.status.as_u16(), 200, "{path}");
        }
    }
    shop.end_without_audit();
}
