//! How the database finds what the worker's statements touch: by an index and a condition on it, however large the tables
//! are and whatever the statistics say. A statement that reads a whole table is fast in every test and slow on the day
//! that counts.

use sqlx::{AssertSqlSafe, Executor};

use crate::harness::database::Database;

/// The plan of a statement on a worker's connection.
async fn plan(database: &Database, statement: &str, arguments: usize) -> String {
    let pool = database.worker_pool();
    let mut connection = pool.acquire().await.unwrap();
    connection.execute(AssertSqlSafe(format!("prepare s as {statement}"))).await.unwrap();
    let nulls = vec!["null"; arguments].join(", ");
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain execute s ({nulls})")))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    lines.join("\n")
}

/// Without the casts that only the macros need.
fn plain(statement: &str) -> String {
    let columns = statement.rfind("\nselect ").unwrap();
    let (body, last) = statement.split_at(columns);
    let last: Vec<&str> = last.split('"').step_by(2).map(|part| part.trim_end_matches(" as ")).collect();
    format!("{body}{}", last.join(""))
}

/// Every table is read by an index with a condition, or is a list that the statement made itself.
fn check(name: &str, plan: &str) {
    let lines: Vec<&str> = plan.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        assert!(!line.contains("Seq Scan") && !line.contains("Bitmap"), "{name} reads a whole table:\n{plan}");
        if line.contains("Index Scan using") || line.contains("Index Only Scan using") {
            let condition = lines.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
            assert!(condition, "{name} walks a whole index:\n{plan}");
        }
    }
    let reads = plan.contains("Index Scan using") || plan.contains("Index Only Scan using");
    assert!(reads, "{name} reads nothing:\n{plan}");
}

#[tokio::test]
async fn every_statement_of_the_worker_finds_its_rows_by_an_index() {
    let database = Database::new().await;
    for (name, statement, arguments) in [
        ("settle", include_str!("../../shared/src/outbox/settle.sql"), 34),
        ("reconcile: facts", include_str!("../../shared/src/outbox/reconcile/facts.sql"), 4),
        ("reconcile: lines", include_str!("../../shared/src/outbox/reconcile/lines.sql"), 2),
        ("reconcile: payment", include_str!("../../shared/src/outbox/reconcile/payment.sql"), 12),
        ("reconcile: keep", include_str!("../../shared/src/outbox/reconcile/keep.sql"), 11),
        ("reconcile: put back", include_str!("../../shared/src/outbox/reconcile/put_back.sql"), 5),
        ("renew", include_str!("../../shared/src/outbox/renew.sql"), 4),
        ("hand back", include_str!("../../shared/src/outbox/hand_back.sql"), 4),
        ("sweep", include_str!("../../shared/src/outbox/sweep.sql"), 2),
        ("request", include_str!("../../shared/src/cancel/request.sql"), 19),
        ("forget requests", include_str!("../../shared/src/cancel/forget.sql"), 2),
        ("expire", include_str!("../../shared/src/order/expire.sql"), 1),
        ("forget attempts", include_str!("../../shared/src/order/prune.sql"), 2),
        ("hints: facts", include_str!("../../shared/src/webhook/facts.sql"), 2),
        ("hints: waiting", include_str!("../../shared/src/webhook/waiting.sql"), 3),
        ("hints: ask", include_str!("../../shared/src/webhook/ask.sql"), 2),
        ("hints: known", include_str!("../../shared/src/webhook/known.sql"), 1),
        ("hints: replay", include_str!("../../shared/src/webhook/replay.sql"), 4),
        ("hints: prune", include_str!("../../shared/src/webhook/prune.sql"), 2),
    ] {
        let has_casts = statement.contains('"');
        let statement = if has_casts { plain(statement) } else { statement.to_owned() };
        check(name, &plan(&database, &statement, arguments).await);
    }
}

#[tokio::test]
async fn looking_for_news_of_thousands_of_orders_is_one_look_into_an_index_for_each() {
    let database = Database::new().await;
    database
        .execute(
            "insert into order_events (order_id, to_status, cause, actor)
             select n / 2, 'DONE', 'toss_approved', 'worker' from generate_series(1, 40000) n;
             analyze",
        )
        .await;
    let changed = include_str!("../../shared/src/order/changed.sql").replace(" as \"order_id!\"", "");
    let mut connection = database.pool.acquire().await.unwrap();
    connection.execute(AssertSqlSafe(format!("prepare c (bigint[], bigint[]) as {changed}"))).await.unwrap();
    for mode in ["force_generic_plan", "force_custom_plan"] {
        connection.execute(AssertSqlSafe(format!("set plan_cache_mode = {mode}"))).await.unwrap();
        let orders: Vec<String> = (1..=4_000).map(|order| order.to_string()).collect();
        let orders = format!("'{{{}}}'", orders.join(","));
        let explain = AssertSqlSafe(format!("explain execute c ({orders}, {orders})"));
        let lines: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut *connection).await.unwrap();
        check("news", &lines.join("\n"));
    }
    connection.execute("deallocate c").await.unwrap();
}

/// The plan of a page of the operator's list, as the api gets it: made for its values.
async fn list_plan(database: &Database, statement: &str, values: &str) -> String {
    let mut connection = database.pool.acquire().await.unwrap();
    connection.execute("set plan_cache_mode = force_custom_plan").await.unwrap();
    let types = "text, timestamptz, timestamptz, bigint, bigint, bigint, uuid, text, bigint, bigint, bigint, bigint";
    connection.execute(AssertSqlSafe(format!("prepare l ({types}) as {statement}"))).await.unwrap();
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("explain execute l ({values})")))
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    connection.execute("deallocate l").await.unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn a_page_of_the_list_is_read_from_an_index_whatever_the_filter() {
    let database = Database::new().await;
    database
        .execute(
            "insert into customers (id, display_name) values (1, 'somebody');
             insert into orders (order_no, customer_id, name, amount, status, payment_count, review_holds_stock, created_at,
                                 expires_at)
             select gen_random_uuid(), 1, 'Ogu T', case when n % 1000 = 0 then 77000 else 1000 + n % 10 end,
                    case when n % 1000 = 0 then 'REVIEW' else 'EXPIRED' end, 1, case when n % 1000 = 0 then true end, now() - interval '1 second' * (100000 - n),
                    now()
             from generate_series(1, 100000) n;
             insert into payments (order_id, payment_no, payment_key, amount, request, answer, status)
             select id, 1, 'key ' || id, amount, '', '{}', 'EXPIRED' from orders;
             analyze",
        )
        .await;
    let older = include_str!("../../shared/src/order/list_older.sql");
    let newer = include_str!("../../shared/src/order/list_newer.sql");
    let top = i64::MAX;
    let mut cases = vec![
        (
            older,
            format!("null, null, null, null, null, null, null, null, {top}, 21, 0, {top}"),
            "Backward using orders_pkey",
        ),
        (
            newer,
            format!("null, null, null, null, null, null, null, null, 50000, 21, 0, {top}"),
            "Scan using orders_pkey",
        ),
        (
            older,
            format!("null, now() - '1 hour'::interval, now(), null, null, null, null, null, {top}, 21, 9000, 9900"),
            "Backward using orders_pkey",
        ),
    ];
    for at in ["9223372036854775807", "50000"] {
        for (filter, index) in [
            ("'REVIEW', null, null, null, null, null, null, null", "Backward using orders_by_status"),
            ("null, null, null, 77000, null, null, null, null", "Backward using orders_by_amount"),
            ("null, null, null, null, 70000, 80000, null, null", "orders_by_amount"),
            ("null, null, null, null, 1000, 2000, null, null", "Backward using orders_pkey"),
            ("null, null, null, null, null, null, gen_random_uuid(), null", "using orders_order_no_unique"),
            ("null, null, null, null, null, null, null, 'key 77'", "using payments_payment_key_unique"),
        ] {
            cases.push((older, format!("{filter}, {at}, 21, 0, {top}"), index));
        }
    }
    for (statement, values, index) in cases {
        let plan = list_plan(&database, statement, &values).await;
        assert!(plan.contains(index), "{values} is not read from {index}:\n{plan}");
        assert!(!plan.contains("Seq Scan on orders"), "{values} reads all orders:\n{plan}");
        // The few rows of an unpopular amount are sorted, and the one row of a number.
        let may_sort = values.contains("70000, 80000") || values.contains("uuid");
        assert!(may_sort || !plan.lines().any(|line| line.contains("Sort  (")), "{values} sorts:\n{plan}");
    }
}
