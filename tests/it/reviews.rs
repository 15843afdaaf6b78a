//! What operators and the shop's server can do about orders that do not move on by themselves: who may, what is refused, and
//! what each request leaves behind. What the worker makes of it is told elsewhere.

mod banks;
mod forms;

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    harness::{
        login::{Session, log_in},
        shop::{Answered, Shop},
    },
    routes::ABSENT,
};

const PRICE: i64 = 10_000;
/// What only operators may read.
const REASON: &str = "카나리아: 상점관리자에서 확인함";

impl Shop {
    /// Puts the order into review for this reason, and its payment too. The books are written by hand from here on.
    async fn put_into_review(&self, order: &str, cause: &str) {
        self.database
            .execute(&format!(
                "insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
                 select id, status, 'REVIEW', '{cause}', 'worker', 1 from orders where order_no = '{order}';
                 update payments set status = 'REVIEW', check_at = null
                 where order_id = (select id from orders where order_no = '{order}');
                 update orders set status = 'REVIEW', review_holds_stock = true where order_no = '{order}'"
            ))
            .await;
    }

    /// Cause, actor and reason of the events of a cause, oldest first.
    async fn requests_told(&self, order: &str, cause: &str) -> Vec<(String, String, Option<String>)> {
        sqlx::query_as(
            "select e.actor, e.from_status || ' ' || e.to_status, e.reason from order_events e
             join orders o on o.id = e.order_id where o.order_no = $1::uuid and e.cause = $2 order by e.id",
        )
        .bind(order)
        .bind(cause)
        .fetch_all(&self.database.pool)
        .await
        .unwrap()
    }

    async fn due_looks(&self, order: &str) -> i64 {
        self.database
            .number(&format!(
                "select count(*) from payments p join orders o on o.id = p.order_id
                 where o.order_no = '{order}' and p.check_at <= now()"
            ))
            .await
    }
}

fn told(answered: &Answered) -> (u16, String) {
    (answered.status.as_u16(), answered.code())
}

fn because() -> Value {
    json!({"reason": REASON})
}

/// Paid, with no worker left that would do anything.
async fn paid_and_left_alone() -> (Shop, String) {
    let mut shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    shop.stop_workers().await;
    (shop, order)
}

#[tokio::test]
async fn only_operators_and_the_server_may_and_a_session_needs_its_token() {
    let (shop, order) = paid_and_left_alone().await;
    shop.put_into_review(&order, "review_no_proof").await;
    let Session { cookie, csrf } = log_in(&shop.http, &shop.api.url()).await;
    for what in ["lookup", "close", "refund-closed", "cancel/1/call-off"] {
        let path = format!("/api/v1/orders/{order}/{what}");
        let ask =
            async |headers: &[(&str, &str)]| told(&shop.send(Method::POST, &path, Some(because()), headers).await);
        assert_eq!(ask(&[]).await, (401, "UNAUTHORIZED".to_owned()), "{what}");
        assert_eq!(ask(&[("authorization", "Bearer wrong")]).await, (401, "UNAUTHORIZED".to_owned()), "{what}");
        assert_eq!(ask(&[("cookie", &cookie)]).await, (403, "CSRF_TOKEN".to_owned()), "{what}");
        let other = [("cookie", cookie.as_str()), ("x-csrf-token", "another")];
        assert_eq!(ask(&other).await, (403, "CSRF_TOKEN".to_owned()), "{what}");
        let (status, code) = ask(&[("cookie", &cookie), ("x-csrf-token", &csrf)]).await;
        let expected = match what {
            "refund-closed" => (409, "NO_FAILED_TRANSFER"),
            "cancel/1/call-off" => (404, "REFUND_NOT_FOUND"),
            _ => (202, ""),
        };
        assert_eq!((status, code.as_str()), expected, "{what}");
    }
    let at = |actor: &str| (actor.to_owned(), "REVIEW REVIEW".to_owned(), Some(REASON.to_owned()));
    assert_eq!(shop.requests_told(&order, "lookup_requested").await, [at("operator")]);
    assert_eq!(shop.requests_told(&order, "close_requested").await, [at("operator")]);
    shop.end_without_audit();
}

#[tokio::test]
async fn toss_is_asked_again_about_an_order_in_any_state_that_has_a_payment() {
    let shop = Shop::start(1).await;
    let product = shop.product("Ogu T", PRICE, 5).await;
    let order = shop.accepted(PRICE, &[(product, 1)]).await;
    shop.until(&order, "DONE").await;
    shop.until_outbox_is_empty().await;
    let looks = async || {
        let requests = shop.requests(&order).await;
        requests.iter().filter(|request| request["method"] == "GET").count()
    };
    let before = looks().await;
    let answered = shop.act(&order, "lookup", json!({})).await;
    assert_eq!(answered.status, StatusCode::ACCEPTED, "{}", answered.text);
    let expected = json!({"orderId": order, "status": "DONE", "statusUrl": format!("/order/{order}")});
    assert_eq!(answered.json(), expected);
    assert_eq!(answered.header("location"), format!("/api/v1/orders/{order}"));
    crate::harness::wait_for("the look", std::time::Duration::from_mins(1), async || {
        (looks().await > before).then_some(())
    })
    .await;
    let told_events = shop.requests_told(&order, "lookup_requested").await;
    assert_eq!(told_events, [("server".to_owned(), "DONE DONE".to_owned(), None)], "a reason is optional");
    shop.until_outbox_is_empty().await;
    assert_eq!(shop.status(&order).await, "DONE", "what Toss shows has not changed");
    shop.finish().await;
}

#[tokio::test]
async fn a_lookup_is_refused_where_it_would_tell_nothing_or_came_a_moment_ago() {
    let (shop, order) = paid_and_left_alone().await;
    let product = shop.product("Ogu C", PRICE, 5).await;
    let ready = shop.order(PRICE, &[(product, 1)]).await;
    let confirming = shop.accepted(PRICE, &[(product, 1)]).await;
    for (order, body, expected) in [
        (ABSENT, json!({}), (404, "ORDER_NOT_FOUND")),
        ("nonsense", json!({}), (400, "INVALID_ORDER_ID")),
        (&ready, json!({}), (409, "NO_PAYMENT")),
        (&confirming, json!({}), (409, "CONFIRM_IN_PROGRESS")),
        (&order, json!({"reason": ""}), (400, "INVALID_REASON")),
        (&order, json!({"reason": "가".repeat(201)}), (400, "INVALID_REASON")),
        (&order, json!({"reason": "a\nb"}), (400, "INVALID_REASON")),
        (&order, json!({"reason": 7}), (400, "INVALID_REQUEST")),
        (&order, json!([]), (400, "INVALID_REQUEST")),
    ] {
        let (status, code) = told(&shop.act(order, "lookup", body.clone()).await);
        assert_eq!((status, code.as_str()), expected, "{order} {body}");
    }
    assert_eq!(shop.due_looks(&order).await, 0);
    assert_eq!(shop.act(&order, "lookup", json!({"reason": "가".repeat(200)})).await.status, 202);
    assert_eq!(shop.due_looks(&order).await, 1);
    let soon = shop.act(&order, "lookup", json!({})).await;
    assert_eq!(told(&soon), (429, "LOOKUP_TOO_SOON".to_owned()));
    assert_eq!(soon.header("retry-after"), shared::order::LOOKUP_SPACING_SECONDS.to_string());
    shop.database
        .execute("update order_events set at = at - interval '11 seconds' where cause = 'lookup_requested'")
        .await;
    assert_eq!(shop.act(&order, "lookup", json!({})).await.status, 202);
    assert_eq!(shop.requests_told(&order, "lookup_requested").await.len(), 2);
    shop.finish_with_live_intents().await;
}

#[tokio::test]
async fn of_many_that_ask_at_once_one_is_written_down() {
    let (shop, order) = paid_and_left_alone().await;
    let answers = join_all((0..8).map(|_| shop.act(&order, "lookup", json!({})))).await;
    let accepted = answers.iter().filter(|answered| answered.status == StatusCode::ACCEPTED).count();
    assert_eq!(accepted, 1, "{answers:?}");
    assert_eq!(shop.requests_told(&order, "lookup_requested").await.len(), 1);
    shop.put_into_review(&order, "toss_contradicts").await;
    let answers = join_all((0..8).map(|_| shop.act(&order, "close", because()))).await;
    assert!(answers.iter().all(|answered| answered.status == StatusCode::ACCEPTED), "{answers:?}");
    assert_eq!(shop.requests_told(&order, "close_requested").await.len(), 1);
    shop.end_without_audit();
}

#[tokio::test]
async fn only_a_review_is_closed_with_a_reason_and_closing_decides_nothing_by_itself() {
    let (shop, order) = paid_and_left_alone().await;
    assert_eq!(told(&shop.act(&order, "close", because()).await), (409, "NOT_IN_REVIEW".to_owned()));
    assert_eq!(told(&shop.act(ABSENT, "close", because()).await), (404, "ORDER_NOT_FOUND".to_owned()));
    shop.put_into_review(&order, "review_no_proof").await;
    assert_eq!(told(&shop.act(&order, "close", json!({})).await), (400, "INVALID_REQUEST".to_owned()));
    assert_eq!(told(&shop.act(&order, "close", json!({"reason": " "})).await), (400, "INVALID_REASON".to_owned()));
    let pending = "select count(*) from orders where close_requested_at is not null";
    assert_eq!((shop.database.number(pending).await, shop.due_looks(&order).await), (0, 0));
    for _ in 0..2 {
        assert_eq!(shop.act(&order, "close", because()).await.status, StatusCode::ACCEPTED);
    }
    assert_eq!((shop.database.number(pending).await, shop.due_looks(&order).await), (1, 1));
    assert_eq!(shop.requests_told(&order, "close_requested").await.len(), 1, "the second changed nothing");
    assert_eq!(shop.status(&order).await, "REVIEW", "Toss's answer decides");
    let reviews = shared::vitals::reviews(&shop.database.pool).await.unwrap();
    let reasons: Vec<_> = reviews.iter().map(|review| (review.reason.as_str(), review.orders)).collect();
    assert_eq!(reasons, [("review_no_proof", 1)], "what was asked for is no reason");
    shop.end_without_audit();
}

#[tokio::test]
async fn what_an_operator_writes_is_read_by_operators_alone() {
    let (shop, order) = paid_and_left_alone().await;
    shop.put_into_review(&order, "refund_refused").await;
    for what in ["lookup", "close"] {
        assert_eq!(shop.act(&order, what, because()).await.status, StatusCode::ACCEPTED);
    }
    let json = shop.get(&format!("/api/v1/orders/{order}")).await;
    let causes: Vec<_> = json.json()["timeline"].as_array().unwrap().iter().map(|e| e["cause"].clone()).collect();
    assert!(causes.contains(&json!("lookup_requested")) && causes.contains(&json!("close_requested")), "{causes:?}");
    let page = shop.get(&format!("/order/{order}")).await;
    let by_server = shop.get_as_operator(&format!("/api/v1/orders/{order}")).await;
    for text in [&json.text, &page.text, &by_server.text] {
        assert!(!text.contains("카나리아"), "{text}");
    }
    let detail = shop.get_as_operator(&format!("/order/{order}/detail")).await;
    assert!(detail.text.contains(REASON), "{}", detail.text);
    shop.end_without_audit();
}

/// A refund of 3,000 that no worker has in hand and that is due in an hour.
async fn waiting_refund(shop: &Shop, order: &str) {
    let body = json!({"cancelReason": "단순 변심", "cancelAmount": 3_000});
    assert_eq!(shop.refund(order, "a-key", body).await.status, StatusCode::ACCEPTED);
    shop.database.execute("update outbox set due_at = now() + interval '1 hour'").await;
}

#[tokio::test]
async fn a_refund_is_called_off_once_and_its_intent_is_due_at_once() {
    let (shop, order) = paid_and_left_alone().await;
    waiting_refund(&shop, &order).await;
    let due = "select count(*) from outbox where due_at <= now()";
    for (what, body, expected) in [
        ("cancel/2/call-off", because(), (404, "REFUND_NOT_FOUND")),
        ("cancel/x/call-off", because(), (404, "REFUND_NOT_FOUND")),
        ("cancel/99999/call-off", because(), (404, "REFUND_NOT_FOUND")),
        ("cancel/1/call-off", json!({}), (400, "INVALID_REQUEST")),
        ("cancel/1/call-off", json!({"reason": ""}), (400, "INVALID_REASON")),
    ] {
        let (status, code) = told(&shop.act(&order, what, body).await);
        assert_eq!((status, code.as_str()), expected, "{what}");
    }
    assert_eq!(shop.database.number(due).await, 0);
    // A worker that has it in hand keeps it.
    shop.database.execute("update outbox set lease_until = now() + interval '1 minute', lease_owner = 7").await;
    assert_eq!(shop.act(&order, "cancel/1/call-off", because()).await.status, StatusCode::ACCEPTED);
    assert_eq!(shop.database.number(due).await, 0, "a held lease is not touched");
    assert_eq!(shop.database.number("select count(*) from cancels where called_off_at is not null").await, 1);
    shop.database
        .execute(
            "update outbox set lease_until = '-infinity', lease_owner = 0; update cancels set called_off_at = null",
        )
        .await;
    for _ in 0..2 {
        assert_eq!(shop.act(&order, "cancel/1/call-off", because()).await.status, StatusCode::ACCEPTED);
    }
    assert_eq!(shop.database.number(due).await, 1);
    let expected = ("server".to_owned(), "DONE DONE".to_owned(), Some(REASON.to_owned()));
    let told_events = shop.requests_told(&order, "refund_call_off_requested").await;
    assert_eq!(told_events, [expected.clone(), expected], "one for each that was new");
    let cancel = &shop.get(&format!("/api/v1/orders/{order}")).await.json()["cancels"][0];
    assert_eq!((&cancel["calledOff"], &cancel["status"]), (&json!(true), &json!("IN_PROGRESS")));
    shop.database.execute("update cancels set actor = 'worker'").await;
    let by_worker = shop.act(&order, "cancel/1/call-off", because()).await;
    assert_eq!(told(&by_worker), (409, "AUTOMATIC_REFUND".to_owned()));
    shop.database
        .execute("delete from outbox; update cancels set actor = 'operator', status = 'FAILED', answer = '{}', finished_at = now()")
        .await;
    let ended = shop.act(&order, "cancel/1/call-off", because()).await;
    assert_eq!(told(&ended), (409, "REFUND_ENDED".to_owned()));
    shop.end_without_audit();
}

#[tokio::test]
async fn a_refund_tells_what_toss_answered_while_it_is_tried_and_after_it_failed() {
    let (shop, order) = paid_and_left_alone().await;
    waiting_refund(&shop, &order).await;
    let view = async || shop.get(&format!("/api/v1/orders/{order}")).await.json()["cancels"][0].clone();
    assert_eq!(view().await["lastError"], Value::Null);
    let error =
        json!({"code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "message": "[ES12] 부분취소 불가", "httpStatus": 500});
    shop.database.execute(&format!("update cancels set refusal = '{error}'")).await;
    let told_error = json!({"code": error["code"], "message": error["message"]});
    let tried = view().await;
    assert_eq!((&tried["lastError"], &tried["failure"]), (&told_error, &Value::Null), "{tried}");
    let pages = async || {
        let mut pages = Vec::new();
        for path in ["detail", "cancel"] {
            pages.push(shop.get_as_operator(&format!("/order/{order}/{path}")).await.text);
        }
        pages
    };
    for page in pages().await {
        assert!(page.contains("FAILED_INTERNAL_SYSTEM_PROCESSING [ES12] 부분취소 불가"), "{page}");
    }
    shop.database.execute("update cancels set requested_at = now() - interval '2 hours'").await;
    let undecided = async |hours: u64| {
        let older_than = std::time::Duration::from_hours(hours);
        shared::vitals::undecided_refunds(&shop.database.pool, older_than, 10).await.unwrap()
    };
    let [refund] = undecided(1).await.try_into().unwrap();
    assert_eq!((refund.order_no.to_string(), refund.cancel_no), (order.clone(), 1));
    assert!((7_200..7_300).contains(&refund.seconds), "{refund:?}");
    assert_eq!(refund.last_code.as_deref(), Some("FAILED_INTERNAL_SYSTEM_PROCESSING"));
    assert_eq!(undecided(3).await, []);

    // It ended by a lookup that showed that nothing moved: Toss's words are those that were kept.
    let ended = "delete from outbox; update cancels set status = 'FAILED', answer = '{\"status\": \"DONE\"}', finished_at = now()";
    shop.database.execute(ended).await;
    let failed = view().await;
    assert_eq!((&failed["failure"], &failed["lastError"]), (&told_error, &Value::Null), "{failed}");
    for page in pages().await {
        assert!(page.contains("FAILED_INTERNAL_SYSTEM_PROCESSING [ES12] 부분취소 불가"), "{page}");
    }
    assert_eq!(undecided(1).await, []);
    shop.end_without_audit();
}
