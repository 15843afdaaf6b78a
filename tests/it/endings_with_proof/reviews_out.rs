//! The way out of REVIEW: the payment is looked up by itself, at growing intervals, and Toss's answer ends the review when it
//! ends the payment, with the stock as the review held it. No webhook comes here.

use serde_json::{Value, json};
use shared::order::ProductId;

use super::{LIMIT, PRICE, wait_for};
use crate::harness::shop::Shop;

const CONFIRM: &str = "/v1/payments/confirm";
/// All reviews but those that a refund of ours begins: their causes stand with the payment.
const CAUSES: [&str; 4] =
    ["review_no_proof", "review_not_as_agreed", "toss_contradicts", "no_answer_about_this_payment"];

/// What the order was before its review.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum From {
    InProgress,
    Waiting,
    Done,
    Expired,
}

/// What Toss says of the payment afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Later {
    Charged,
    NeverCharged,
    Declined,
    RefundedInTheConsole,
    RefundedInPart,
    Deposited,
    ClosedInTheConsole,
    TooLate,
}

pub(super) struct Review {
    pub(super) order: String,
    product: ProductId,
    pub(super) key: String,
    what: String,
}

impl Review {
    pub(super) async fn of(shop: &Shop, from: From, later: Later, cause: &str) -> Self {
        let product = shop.product("Ogu T", PRICE, 1).await;
        let order = shop.one(product).await;
        let key = match (from, later) {
            (From::Waiting, _) => shop.waiting_for_deposit(&order).await,
            (From::Done, _) => {
                let key = shop.authenticate(&order, PRICE).await;
                assert_eq!(shop.confirm_patiently(&order, &key, PRICE).await.status.as_u16(), 202);
                shop.until(&order, "DONE").await;
                key
            }
            (From::InProgress | From::Expired, Later::Declined) => {
                shop.authenticate_declined(&order, PRICE, "REJECT_CARD_PAYMENT").await
            }
            (From::InProgress | From::Expired, _) => shop.authenticate(&order, PRICE).await,
        };
        let review = Self { order, product, key, what: format!("{cause} from {from:?}, then {later:?}") };
        review.begin(shop, from, cause).await;
        review.toss_moves(shop, later).await;
        review
    }

    /// Writes the review down as a worker would, who has nothing to do with how it ends.
    async fn begin(&self, shop: &Shop, from: From, cause: &str) {
        if matches!(from, From::InProgress | From::Expired) {
            // As if a confirm had been accepted a day ago.
            let rule = shop.rule("confirm", &self.order, json!({"kind": "dropBefore"}), None).await;
            let asked = shop.rule("query", &self.order, json!({"kind": "dropBefore"}), None).await;
            assert_eq!(shop.confirm_patiently(&self.order, &self.key, PRICE).await.status.as_u16(), 202);
            let leased = format!(
                "select count(*) from outbox b join orders o on o.id = b.order_id
                 where o.order_no = '{}' and b.lease_until > now()",
                self.order
            );
            let gone = format!(
                "delete from outbox b using orders o where o.id = b.order_id and o.order_no = '{}' and b.lease_until < now()",
                self.order
            );
            wait_for("the worker to let go", LIMIT, async || {
                // In one transaction with the review, or the sweep would make the intent anew.
                let mut books = shop.database.pool.begin().await.unwrap();
                let lock = format!("select 1 from orders where order_no = '{}' for update", self.order);
                sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *books).await.unwrap();
                let gone = sqlx::query(sqlx::AssertSqlSafe(gone.clone())).execute(&mut *books).await.unwrap();
                if gone.rows_affected() == 0 || shop.database.number(&leased).await > 0 {
                    books.rollback().await.unwrap();
                    return None;
                }
                for statement in self.statements(from, cause) {
                    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *books).await.unwrap();
                }
                books.commit().await.unwrap();
                Some(())
            })
            .await;
            shop.forget_rule(rule).await;
            shop.forget_rule(asked).await;
        } else {
            shop.until_outbox_is_empty().await;
            for statement in self.statements(from, cause) {
                shop.database.execute(&statement).await;
            }
        }
        assert_eq!(shop.status(&self.order).await, "REVIEW");
        shop.audit_now().await;
    }

    fn statements(&self, from: From, cause: &str) -> Vec<String> {
        let order = format!("(select id from orders where order_no = '{}')", self.order);
        let mut statements = Vec::new();
        let event = |to: &str, cause: &str| {
            format!(
                "insert into order_events (order_id, from_status, to_status, cause, actor, payment_no)
                 select id, status, '{to}', '{cause}', 'operator', 1 from orders where id = {order}"
            )
        };
        if from == From::Expired {
            statements.push(event("EXPIRED", "not_confirmed_in_time"));
            statements.push(format!("update orders set status = 'EXPIRED' where id = {order}"));
            statements.push(format!("update products set stock = stock + 1 where id = {}", self.product.0));
        }
        statements.push(event("REVIEW", cause));
        let holds = from != From::Expired;
        statements
            .push(format!("update orders set status = 'REVIEW', review_holds_stock = {holds} where id = {order}"));
        // A payment that pays keeps its state: the order's alone is doubted.
        let status = if from == From::Done { "status" } else { "'REVIEW'" };
        statements.push(format!(
            "update payments set status = {status}, accepted_at = accepted_at - interval '25 hours',
                    unanswered_at = unanswered_at - interval '25 hours', check_at = now() + interval '1 hour'
             where order_id = {order}"
        ));
        statements
    }

    async fn toss_moves(&self, shop: &Shop, later: Later) {
        let confirm = json!({"paymentKey": self.key, "orderId": self.order, "amount": PRICE});
        let post = async || shop.post_to_toss(simulator::DEFAULT_SECRET_KEY, CONFIRM, confirm.clone()).await;
        // What was DONE before its review is charged already.
        let charge = async || {
            if shop.approvals(&self.order).await == 0 {
                assert_eq!(post().await["status"], "DONE", "{}", self.what);
            }
        };
        match later {
            Later::Charged => charge().await,
            Later::NeverCharged => {}
            Later::Declined => assert_eq!(post().await["code"], "REJECT_CARD_PAYMENT", "{}", self.what),
            Later::RefundedInTheConsole => {
                charge().await;
                shop.control("cancel", json!({"paymentKey": self.key})).await;
            }
            Later::RefundedInPart => {
                charge().await;
                shop.control("cancel", json!({"paymentKey": self.key, "cancelAmount": 4_000})).await;
            }
            Later::Deposited => drop(shop.control("deposit", json!({"paymentKey": self.key})).await),
            Later::ClosedInTheConsole => drop(shop.control("cancel", json!({"paymentKey": self.key})).await),
            Later::TooLate => drop(shop.control("clock", json!({"advanceSeconds": 31 * 24 * 3600})).await),
        }
    }

    pub(super) async fn ends(&self, shop: &Shop, status: &str, stock: i64) {
        let what = format!("{} to end {status}", self.what);
        wait_for(&what, LIMIT, async || (shop.status(&self.order).await == status).then_some(())).await;
        shop.audit_now().await;
        assert_eq!(shop.stock(self.product).await, stock, "{}", self.what);
    }
}

/// From what, with what said later, to what, and the stock of one piece then.
const ENDS: [(From, Later, &str, i64); 16] = [
    (From::InProgress, Later::Charged, "DONE", 0),
    (From::InProgress, Later::NeverCharged, "EXPIRED", 1),
    (From::InProgress, Later::Declined, "ABORTED", 1),
    (From::InProgress, Later::RefundedInTheConsole, "CANCELED", 1),
    (From::InProgress, Later::RefundedInPart, "PARTIAL_CANCELED", 0),
    (From::Waiting, Later::Deposited, "DONE", 0),
    (From::Waiting, Later::NeverCharged, "WAITING_FOR_DEPOSIT", 0),
    (From::Waiting, Later::ClosedInTheConsole, "ABORTED", 1),
    (From::Waiting, Later::TooLate, "EXPIRED", 1),
    (From::Done, Later::Charged, "DONE", 0),
    (From::Done, Later::RefundedInTheConsole, "CANCELED", 1),
    (From::Done, Later::RefundedInPart, "PARTIAL_CANCELED", 0),
    (From::Expired, Later::NeverCharged, "EXPIRED", 1),
    (From::Expired, Later::Declined, "ABORTED", 1),
    (From::Expired, Later::RefundedInTheConsole, "CANCELED", 1),
    (From::Expired, Later::Charged, "DONE", 0),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_review_ends_as_toss_shows_the_payment_later_whatever_its_cause() {
    let mut shop = Shop::hurried(2).await;
    shop.lost_attempts_allowed = true;
    let mut reviews = Vec::new();
    // An account's due time is a matter of Toss's clock, which all share: those have a story of their own.
    for (from, later, status, stock) in ENDS.into_iter().filter(|(_, later, _, _)| *later != Later::TooLate) {
        for cause in CAUSES {
            reviews.push((Review::of(&shop, from, later, cause).await, status, stock));
        }
    }
    shop.database.execute("update payments set check_at = now() where check_at is not null").await;
    for (review, status, stock) in &reviews {
        review.ends(&shop, status, *stock).await;
    }
    shop.until_outbox_is_empty().await;
    shop.stop_workers().await;
    shop.database.execute("update payments set check_at = now() + interval '1 hour' where check_at is not null").await;
    shop.finish().await;
}

#[tokio::test]
async fn a_review_of_an_account_ends_when_toss_calls_the_account_expired() {
    let shop = Shop::hurried(1).await;
    for (from, later, status, stock) in ENDS.into_iter().filter(|(_, later, _, _)| *later == Later::TooLate) {
        for cause in CAUSES {
            let review = Review::of(&shop, from, later, cause).await;
            shop.database.execute("update payments set check_at = now() where check_at is not null").await;
            review.ends(&shop, status, stock).await;
        }
    }
    shop.finish().await;
}

/// A late approval that Toss will not give back, of an order whose piece somebody else has.
pub(super) async fn refused(shop: &Shop) -> Review {
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.one(product).await;
    let key = shop.lied_to(&order).await;
    let other = shop.buys(product).await;
    shop.until(&other, "DONE").await;
    shop.rule("cancel", &order, json!({"kind": "error", "status": 403, "code": "NOT_CANCELABLE_PAYMENT"}), None).await;
    shop.database.execute("update payments set check_at = now() where status = 'ABORTED'").await;
    shop.until(&order, "REVIEW").await;
    Review { order, product, key, what: "refund_refused".to_owned() }
}

/// A deposit that came too late, of an order whose piece somebody else has: Toss wants to know to which account.
async fn needs_account(shop: &Shop) -> Review {
    let product = shop.product("Ogu T", PRICE, 1).await;
    let order = shop.one(product).await;
    let key = shop.waiting_for_deposit(&order).await;
    shop.control("clock", json!({"advanceSeconds": 31 * 24 * 3600})).await;
    shop.look_at(&key).await;
    shop.until(&order, "EXPIRED").await;
    let other = shop.buys(product).await;
    shop.until(&other, "DONE").await;
    shop.control("deposit", json!({"paymentKey": key, "late": true})).await;
    shop.look_at(&key).await;
    shop.until(&order, "REVIEW").await;
    Review { order, product, key, what: "refund_needs_account".to_owned() }
}

/// Whether and in how many seconds the review is looked at again by itself.
async fn next_lookup(shop: &Shop, review: &Review) -> Option<i64> {
    let sql = format!(
        "select coalesce(extract(epoch from check_at) - extract(epoch from now()), -1)::bigint
         from payments where payment_key = '{}'",
        review.key
    );
    Some(shop.database.number(&sql).await).filter(|to_come| *to_come >= 0)
}

#[tokio::test]
async fn what_an_operator_refunds_in_tosss_console_ends_a_review_that_waited_for_it() {
    for (cause, account) in [("refund_refused", false), ("refund_needs_account", true)] {
        let shop = Shop::hurried(1).await;
        let review = if account { needs_account(&shop).await } else { refused(&shop).await };
        assert_eq!(shop.causes(&review.order).await.last().unwrap(), cause);
        assert_eq!(shop.of_order(&review.order, "o.review_holds_stock::int::bigint").await, 0);
        shop.audit_now().await;
        assert!(next_lookup(&shop, &review).await.is_some(), "{cause}: nobody will ask again");
        let mut body = json!({"paymentKey": review.key});
        if account {
            body["refundReceiveAccount"] = json!({"bank": "20", "accountNumber": "1002123456", "holderName": "김심"});
        }
        shop.control("cancel", body).await;
        shop.look_at(&review.key).await;
        review.ends(&shop, "CANCELED", 0).await;
        let view = shop.view(&review.order).await;
        assert_eq!(view["moneyMoved"], Value::Bool(false), "{cause}: {view}");
        assert!(!shop.metrics().await.contains("hanbeon_review_orders{"), "{cause}");
        shop.finish().await;
    }
}

#[tokio::test]
async fn a_review_that_nothing_ends_is_looked_at_at_growing_intervals() {
    let shop = Shop::hurried(1).await;
    let review = refused(&shop).await;
    let mut last = 0;
    for look in 0..4 {
        let to_come = next_lookup(&shop, &review).await.unwrap_or_else(|| panic!("look {look}: nobody will ask again"));
        assert!(look == 0 || to_come >= last, "look {look}: in {to_come} s after {last} s");
        last = to_come.max(last);
        // As if that time had passed.
        let passed = format!("interval '{} seconds'", to_come + 1);
        shop.database.execute(&format!("update order_events set at = at - {passed} where to_status = 'REVIEW'")).await;
        shop.database.execute(&format!("update cancels set finished_at = finished_at - {passed}")).await;
        shop.look_at(&review.key).await;
        assert_eq!(shop.status(&review.order).await, "REVIEW");
        shop.audit_now().await;
    }
    assert!(last > 0);
    assert_eq!(
        shop.database.number("select count(*) from cancels").await,
        1,
        "another refund is an operator's to begin"
    );
    shop.finish().await;
}
