//! The tables of `worker::transitions` against the statements themselves, pair by pair, on a real database; and what is
//! reconciled against the rules of `shared::outbox::decision`, which must be given the right facts and written down whole. The
//! model check believes those tables, and explores those rules.

mod beginnings;
mod case;

use std::{collections::HashMap, time::Duration};

use shared::{
    money::Krw,
    order::OrderStatus,
    outbox::{
        self, Again, Approval, Attempt, Call, Claim, Class, FailedStatus, Failure, Finding, How, LEASE, Lease, Lessee,
        Looks, Mark, NotMade, Outcome, Proof, SendsAfter, Settled, Watermark,
        decision::{RefundEnd, Shown, decide_lookup, decide_refund},
    },
    payment::PaymentStatus,
};
use sqlx::{AssertSqlSafe, Executor, Row};
use uuid::Uuid;
use worker::transitions;

use self::case::{Case, Done};
use crate::harness::database::Database;

const LESSEE: i64 = 11;
const DOUBTED_FOR: Duration = Duration::from_mins(1);
/// When each payment is to be asked about again, before anything is settled: long ago.
const BEFORE: &str = "timestamptz '2020-01-01'";

/// Every order with one payment, and an intent of this kind that is due. `READY` has no payment.
async fn stage(database: &Database, kind: i16, found: &[&str], refunding: &[bool]) {
    let list = |names: &[&str]| names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
    let orders: Vec<&str> = OrderStatus::ALL.iter().map(|s| s.as_str()).filter(|s| *s != "READY").collect();
    let payments: Vec<&str> = PaymentStatus::ALL.iter().map(|s| s.as_str()).collect();
    let refunding = refunding.iter().map(bool::to_string).collect::<Vec<_>>().join(",");
    database.execute("insert into customers (id, display_name) values (1, 'somebody')").await;
    database
        .execute(&format!(
            "insert into orders (order_no, customer_id, name, amount, status, payment_count, paid_by, review_holds_stock, expires_at)
             select gen_random_uuid(), 1, concat_ws('|', o, p, f, case when pays then 'true' else 'false' end,
                        case when enough then 'true' else 'false' end, case when refunding then 'true' else 'false' end,
                        case when holds then 'true' else 'false' end),
                    1000, o, 2, case when pays then 1 end, case when o = 'REVIEW' then holds end, now() + interval '1 hour'
             from unnest(array[{}]) o, unnest(array[{}]) p, unnest(array[{}]) f, unnest(array[true, false]) pays,
                  unnest(array[true, false]) enough, unnest(array[{refunding}]) refunding,
                  unnest(array[true, false]) holds where o = 'REVIEW' or holds",
            list(&orders),
            list(&payments),
            list(found)
        ))
        .await;
    database
        .execute(&format!(
            "insert into products (id, name, price, stock, received)
                 select id, 'a product', 1000, case when split_part(name, '|', 5) = 'true' then 1 else 0 end, 2 from orders;
             insert into order_lines (order_id, product_id, position, product_name, unit_price, quantity)
                 select id, id, 1, 'a product', 1000, 1 from orders;
             insert into payments (order_id, payment_no, payment_key, amount, request, status, approved_at, answer, balance,
                                   check_at)
                 select id, 1, 'key-' || id, 1000, '{{}}'::bytea, split_part(name, '|', 2), now(), '{{}}', 1000, {BEFORE}
                 from orders;
             insert into cancels (order_id, cancel_no, payment_no, mark, reason, amount, expected_balance, in_full, actor,
                                  request)
                 select id, 1, case when {kind} = 2 then 1 else 2 end, gen_random_uuid(), 'given back', 1000, 1000, true,
                        case when split_part(name, '|', 3) like '%asked for%' then 'operator' else 'worker' end, '{{}}'::bytea
                 from orders where split_part(name, '|', 6) = 'true';
             insert into outbox (order_id, kind, payment_no, due_at, lease_seq)
                 select id, {kind}, 1, now(), 0 from orders;"
        ))
        .await;
}

/// What stands in the database afterwards.
async fn read(database: &Database) -> HashMap<i64, (Case, Done)> {
    let sql = format!(
        "select o.id, o.name, o.status, o.paid_by = 1 as pays, o.review_holds_stock, p.status as payment, s.stock,
                case when p.check_at is null then 'never' when p.check_at = {BEFORE} then 'stays'
                     when p.check_at > now() then 'later' else 'at once' end as lookup,
                b.kind, b.lease_owner
         from orders o join payments p on p.order_id = o.id and p.payment_no = 1 join products s on s.id = o.id
         left join outbox b on b.order_id = o.id"
    );
    let rows = database.pool.fetch_all(AssertSqlSafe(sql)).await.unwrap();
    let rows = rows.iter().map(|row| {
        let case = Case::parse(row.get("name"));
        let kind: Option<i16> = row.get("kind");
        let pays = row.get::<Option<bool>, _>("pays") == Some(true);
        let done = Done {
            order: OrderStatus::parse(row.get("status")).unwrap(),
            payment: PaymentStatus::parse(row.get("payment")).unwrap(),
            pays: pays && !case.pays,
            ceases: case.pays && !pays,
            stock: row.get::<i64, _>("stock") - i64::from(case.enough),
            holds: row.get("review_holds_stock"),
            intent: match kind {
                None => "none",
                Some(2) if !case.refunding => "refund",
                Some(_) => "lives on",
            },
            lookup: match row.get("lookup") {
                "stays" => "stays",
                "never" => "never",
                "later" => "later",
                "at once" => "at once",
                other => panic!("{case:?}: {other}"),
            },
        };
        if kind.is_some() {
            assert_eq!(row.get::<Option<i64>, _>("lease_owner"), Some(0), "{case:?} is still held");
        }
        (row.get("id"), (case, done))
    });
    rows.collect()
}

async fn claim_all(database: &Database) -> Vec<Claim> {
    let pool = database.worker_pool();
    let mut all = Vec::new();
    loop {
        let lease = Lease { lasts: LEASE, key_tag: 7 };
        let claimed =
            outbox::claim(&pool, Lessee::new(LESSEE), lease, Class::Confirm, Watermark::LOWEST, 500).await.unwrap();
        assert!(claimed.unreadable.is_empty(), "{:?}", claimed.unreadable);
        if claimed.claims.is_empty() {
            return all;
        }
        all.extend(claimed.claims);
    }
}

fn tried(claim: Claim, outcome: Outcome) -> Finding {
    let attempt = Attempt {
        id: Uuid::now_v7(),
        call: Call::Query,
        api_key_id: "test_sk:00000000".to_owned(),
        duration: Duration::from_millis(5),
        http_status: Some(200),
        code: None,
        trace_id: None,
    };
    Finding::Tried { claim, attempt, outcome }
}

fn outcome(found: &str) -> Outcome {
    let answer = serde_json::json!({"told": found});
    let approval = |balance: i64| {
        Box::new(Approval {
            amount: Krw::new(1_000).unwrap(),
            balance: Krw::new(balance).unwrap(),
            // Young, so that it would be looked at again if it were a deposit.
            approved_at: time::macros::datetime!(2100-01-01 0:00 UTC),
            method: None,
            receipt_url: None,
            deposited: false,
            replayed: false,
            answer: answer.clone(),
        })
    };
    let failed = |status| {
        Outcome::Failed(Box::new(Failure {
            status,
            proof: Proof::Answer(answer.clone()),
            cause: "declined",
            due_at: None,
        }))
    };
    match found {
        "again" => Outcome::Again(Again {
            how: How::Ask,
            after: Duration::ZERO,
            sends: SendsAfter {
                epoch: 0,
                burnt: false,
                unanswered: Mark::Keep,
                server_error: Mark::Keep,
                absent: Mark::Keep,
                no_answer: Mark::Keep,
                sent_with: None,
                refusal: None,
            },
            replanned: None,
        }),
        "DONE" => Outcome::Approved(approval(1_000)),
        "PARTIAL_CANCELED" => Outcome::Approved(approval(400)),
        "CANCELED" => Outcome::Approved(approval(0)),
        "WAITING_FOR_DEPOSIT" => {
            let ten_minutes = Duration::from_mins(10);
            let looks = Looks { every: ten_minutes, by: None, soon: ten_minutes, doubted_for: ten_minutes };
            Outcome::Waiting { answer: Box::new(answer), looks }
        }
        "ABORTED" => failed(FailedStatus::Aborted),
        "EXPIRED" => failed(FailedStatus::Expired),
        "REVIEW" => Outcome::Review { cause: "review_no_proof", answer: Box::new(answer) },
        "returned" => Outcome::Returned(approval(0)),
        "returned in part" => Outcome::Returned(approval(400)),
        "closed" => Outcome::Closed { answer: Box::new(answer) },
        "refused" | "what was asked for refused" => {
            Outcome::Refused { answer: Box::new(answer), why: NotMade::Refused }
        }
        other => panic!("{other}"),
    }
}

fn shown(found: &str) -> Option<PaymentStatus> {
    PaymentStatus::parse(found)
}

/// What the rules are told of a finding.
fn as_shown(status: PaymentStatus) -> Shown {
    match status {
        PaymentStatus::Done | PaymentStatus::PartialCanceled | PaymentStatus::Canceled => Shown::Approved(status),
        PaymentStatus::WaitingForDeposit => Shown::Waiting,
        PaymentStatus::Aborted | PaymentStatus::Expired => Shown::Failed(status),
        PaymentStatus::InProgress | PaymentStatus::Review => Shown::Unclear,
    }
}

fn assert_none(wrong: &[String], of: usize) {
    assert!(wrong.is_empty(), "{} of {of} differ:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
}

fn compare(wrong: &mut Vec<String>, case: &Case, said: &Done, done: &Done) {
    if said != done {
        wrong.push(format!("{case:?}\n  the rules say {said:?}\n  the database  {done:?}"));
    }
}

#[tokio::test]
async fn every_finding_about_a_payment_moves_its_order_as_the_table_says() {
    let database = Database::new().await;
    let found =
        ["again", "DONE", "PARTIAL_CANCELED", "CANCELED", "WAITING_FOR_DEPOSIT", "ABORTED", "EXPIRED", "REVIEW"];
    stage(&database, 3, &found, &[true, false]).await;
    // A look within eleven minutes of the confirm is followed by another; the table is of later ones.
    database.execute("update payments set accepted_at = now() - interval '12 minutes'").await;
    let before = read(&database).await;
    let pool = database.worker_pool();
    let mut moved_on = Vec::new();
    let mut claims = claim_all(&database).await;
    assert_eq!(claims.len(), before.len());
    while !claims.is_empty() {
        let batch = claims.split_off(claims.len().saturating_sub(200));
        let batch = batch.into_iter().map(|claim| {
            let found = outcome(&before[&claim.fence().order_id.get()].0.found);
            tried(claim, found)
        });
        let batch: Vec<Finding> = batch.collect();
        let settled = outbox::settle(&pool, Lessee::new(LESSEE), &batch).await.unwrap();
        for (finding, settled) in batch.into_iter().zip(settled) {
            let (case, _) = &before[&finding.fence().order_id.get()];
            let said = transitions::settle(case.order, case.payment, shown(&case.found));
            assert_eq!(settled, if said.is_some() { Settled::Moved } else { Settled::NeedsReconciliation }, "{case:?}");
            if said.is_none() {
                moved_on.push(finding);
            }
        }
    }
    for finding in &moved_on {
        let settled = outbox::reconcile(&pool, Lessee::new(LESSEE), finding, DOUBTED_FOR).await.unwrap();
        assert_eq!(settled, Settled::Moved, "{:?}", before[&finding.fence().order_id.get()].0);
    }
    let mut wrong = Vec::new();
    for (case, done) in read(&database).await.into_values() {
        let said = match transitions::settle(case.order, case.payment, shown(&case.found)) {
            Some(moved) => case.as_moved(moved),
            None => case.as_decided(decide_lookup(&case.facts(false), as_shown(shown(&case.found).unwrap()))),
        };
        compare(&mut wrong, &case, &said, &done);
    }
    assert_none(&wrong, before.len());
    println!("{} findings, {} of them reconciled", before.len(), moved_on.len());
}

#[tokio::test]
async fn every_end_of_a_refund_moves_its_order_as_the_table_says() {
    let database = Database::new().await;
    stage(
        &database,
        2,
        &["returned", "returned in part", "closed", "refused", "what was asked for refused", "REVIEW", "again"],
        &[true],
    )
    .await;
    let before = read(&database).await;
    let pool = database.worker_pool();
    for claim in claim_all(&database).await {
        let case = &before[&claim.fence().order_id.get()].0;
        let finding = tried(claim, outcome(&case.found));
        let settled = outbox::reconcile(&pool, Lessee::new(LESSEE), &finding, DOUBTED_FOR).await.unwrap();
        assert_eq!(settled, Settled::Moved, "{case:?}");
    }
    let mut wrong = Vec::new();
    for (case, done) in read(&database).await.into_values() {
        let end = match case.found.as_str() {
            "returned" => Some(RefundEnd::Made(PaymentStatus::Canceled)),
            "returned in part" => Some(RefundEnd::Made(PaymentStatus::PartialCanceled)),
            "closed" => Some(RefundEnd::AccountClosed),
            "what was asked for refused" => Some(RefundEnd::NotMade),
            "again" => None,
            _ => Some(RefundEnd::NeedsReview),
        };
        let said = match end {
            // Silence ends no refund: it goes on, and a person is told.
            Some(RefundEnd::NeedsReview) if case.found == "REVIEW" => {
                let done = case.as_decided(decide_refund(&case.facts(true), RefundEnd::NeedsReview));
                Done { intent: "lives on", lookup: "stays", ..done }
            }
            Some(end) => case.as_decided(decide_refund(&case.facts(true), end)),
            None => case.as_moved(transitions::settle(case.order, case.payment, None).unwrap()),
        };
        compare(&mut wrong, &case, &said, &done);
    }
    assert_none(&wrong, before.len());
}
