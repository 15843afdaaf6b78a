//! Who gets an intent, and who is asked about again: the tables that answer yes or no.

use std::collections::HashMap;

use shared::{
    money::Krw,
    order::{CustomerId, OrderNo, OrderStatus},
    outbox::{self, Class, Finding, LEASE, Lease, Lessee, Settled, Watermark},
    payment::{self, Accept, AcceptRefusal, Confirm, PaymentKey, PaymentStatus},
};
use sqlx::{AssertSqlSafe, Executor, Row};
use worker::transitions::{self, Kind};

use super::{Done, LESSEE, claim_all, outcome, read, stage, tried};
use crate::harness::database::Database;

/// What must have been met, or the table was not looked at.
fn both(answers: &HashMap<bool, usize>) {
    assert!(answers.len() == 2, "always the same: {answers:?}");
}

#[tokio::test]
async fn a_confirm_is_accepted_where_the_table_says_so() {
    let database = Database::new().await;
    database.execute("insert into customers (id, display_name) values (1, 'somebody')").await;
    let mut answers = HashMap::new();
    let mut id = 0;
    for order in OrderStatus::ALL {
        for live in [None, Some(Kind::Confirm), Some(Kind::Refund), Some(Kind::Check)] {
            for enough in [true, false] {
                id += 1;
                let order_no = OrderNo::generate();
                let (status, stock) = (order.as_str(), i64::from(enough));
                let payments = i16::from(order != OrderStatus::Ready);
                let kind = live.map(|kind| match kind {
                    Kind::Confirm => 1,
                    Kind::Refund => 2,
                    Kind::Check => 3,
                });
                let intent = kind.map_or(String::new(), |kind| {
                    format!("insert into outbox (order_id, kind, payment_no, due_at, lease_seq) values ({id}, {kind}, 1, now(), 0);")
                });
                database
                    .execute(&format!(
                        "insert into orders (id, order_no, customer_id, name, amount, status, payment_count, review_holds_stock,
                                             expires_at)
                             overriding system value
                             values ({id}, '{order_no}', 1, 'an order', 1000, '{status}', {payments},
                                     case when '{status}' = 'REVIEW' then true end, now() + interval '1 hour');
                         insert into products (id, name, price, stock, received) values ({id}, 'a product', 1000, {stock}, 2);
                         insert into order_lines (order_id, product_id, position, product_name, unit_price, quantity)
                             values ({id}, {id}, 1, 'a product', 1000, 1);
                         {intent}"
                    ))
                    .await;
                let payment_key = PaymentKey::parse(&format!("key-{id}")).unwrap();
                let confirm =
                    Confirm { order_no, customer_id: CustomerId(1), payment_key, amount: Krw::new(1_000).unwrap() };
                let accepted = payment::accept(&database.pool, &confirm).await.unwrap();
                let said = transitions::accepts(order, live, enough);
                let case = format!("{order:?}, {live:?}, enough {enough}: {accepted:?}");
                assert_eq!(matches!(accepted, Accept::Accepted(_)), said, "{case}");
                assert_ne!(accepted, Accept::Refused(AcceptRefusal::Busy), "{case}");
                let row = database
                    .pool
                    .fetch_one(AssertSqlSafe(format!(
                        "select o.status, o.payment_count, s.stock, b.kind, b.payment_no
                         from orders o join products s on s.id = o.id left join outbox b on b.order_id = o.id
                         where o.id = {id}"
                    )))
                    .await
                    .unwrap();
                let done = (
                    row.get::<&str, _>("status"),
                    row.get::<i16, _>("payment_count"),
                    row.get::<i64, _>("stock"),
                    row.get::<Option<i16>, _>("kind"),
                    row.get::<Option<i16>, _>("payment_no"),
                );
                let expected = if said {
                    ("IN_PROGRESS", payments + 1, stock - 1, Some(1), Some(payments + 1))
                } else {
                    (status, payments, stock, kind, kind.map(|_| 1))
                };
                assert_eq!(done, expected, "{case}");
                *answers.entry(said).or_default() += 1;
            }
        }
    }
    both(&answers);
}

#[tokio::test]
async fn a_payment_whose_time_has_come_is_asked_about_where_the_table_says_so() {
    let database = Database::new().await;
    stage(&database, 3, &["again"], &[false]).await;
    database.execute("delete from outbox").await;
    let pool = database.worker_pool();
    let mut after = None;
    loop {
        let swept = outbox::sweep(&pool, after, 500).await.unwrap();
        after = swept.next;
        if after.is_none() && swept.woken == 0 {
            break;
        }
    }
    let mut answers = HashMap::new();
    let rows = "select o.status, b.kind from orders o left join outbox b on b.order_id = o.id";
    for row in database.pool.fetch_all(rows).await.unwrap() {
        let order = OrderStatus::parse(row.get("status")).unwrap();
        let asked = row.get::<Option<i16>, _>("kind") == Some(3);
        assert_eq!(asked, transitions::looks_back(order), "{order:?}");
        *answers.entry(asked).or_default() += 1;
    }
    both(&answers);
}

#[tokio::test]
async fn a_finding_that_came_too_late_has_its_payment_asked_about_again_where_the_table_says_so() {
    let database = Database::new().await;
    let found =
        ["again", "DONE", "PARTIAL_CANCELED", "CANCELED", "WAITING_FOR_DEPOSIT", "ABORTED", "EXPIRED", "REVIEW"];
    stage(&database, 3, &found, &[false]).await;
    let before = read(&database).await;
    let pool = database.worker_pool();
    let mut claims = claim_all(&database).await;
    assert_eq!(claims.len(), before.len());
    // Somebody else takes every one of them over, and has not found anything yet.
    database.execute("update outbox set lease_until = '-infinity'").await;
    let lease = Lease { lasts: LEASE, key_tag: 7 };
    while !outbox::claim(&pool, Lessee::new(LESSEE + 1), lease, Class::Confirm, Watermark::LOWEST, 500)
        .await
        .unwrap()
        .is_empty()
    {}
    while !claims.is_empty() {
        let batch = claims.split_off(claims.len().saturating_sub(200)).into_iter();
        let batch: Vec<Finding> = batch
            .map(|claim| {
                let found = outcome(&before[&claim.fence().order_id.get()].0.found);
                tried(claim, found)
            })
            .collect();
        let settled = outbox::settle(&pool, Lessee::new(LESSEE), &batch).await.unwrap();
        assert!(settled.iter().all(|settled| *settled == Settled::LeaseLost), "{settled:?}");
    }
    database.execute("update outbox set lease_owner = 0").await;
    let mut answers = HashMap::new();
    let after = read(&database).await;
    for (id, (case, was)) in before {
        let shown = PaymentStatus::parse(&case.found);
        let approved =
            matches!(shown, Some(PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled));
        let suspected = transitions::suspects(case.payment, approved);
        let said = Done { lookup: if suspected { "later" } else { "stays" }, ..was };
        assert_eq!(said, after[&id].1, "{case:?}");
        *answers.entry(suspected).or_default() += 1;
    }
    both(&answers);
}
