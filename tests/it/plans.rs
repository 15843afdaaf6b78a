//! How the database finds what the worker's statements touch: by an index and a condition on it, however large the tables
//! are and whatever the statistics say. A statement that reads a whole table is fast in every test and slow on the day
//! that counts.

mod cases;
mod stale;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sqlx::{AssertSqlSafe, Executor};

use crate::{harness::database::Database, tidy::files};

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("shared/src")
}

/// A statement that has a file, as it stands there this moment: nothing needs to be built to try another way of writing it.
fn file(path: &str) -> String {
    fs::read_to_string(shared().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every statement of ours that the macros check.
fn statements() -> Vec<String> {
    let mut statements = Vec::new();
    for path in files(&shared(), "rs") {
        let text = fs::read_to_string(path).unwrap();
        for (at, name) in text.match_indices("sqlx::query") {
            let Some((name, rest)) = text[at + name.len()..].split_once("!(") else { continue };
            let literal = rest.split_once('"').map_or("", |(_, literal)| literal);
            match name {
                "" | "_as" | "_scalar" if rest.find("r#\"").is_some_and(|raw| Some(raw + 2) == rest.find('"')) => {
                    statements.push(literal.split("\"#").next().unwrap().to_owned());
                }
                "" | "_as" | "_scalar" => statements.push(literal.split('"').next().unwrap().to_owned()),
                "_file" | "_file_as" | "_file_scalar" => {
                    statements.push(file(literal.split('"').next().unwrap().trim_start_matches("src/")));
                }
                _ => {}
            }
        }
    }
    statements
}

/// The only one that says this.
fn described(words: &str) -> String {
    let mut found: Vec<String> = statements().into_iter().filter(|statement| statement.contains(words)).collect();
    assert_eq!(found.len(), 1, "{words}: {found:?}");
    found.remove(0)
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

/// On a worker's connection, where no table may be read from end to end.
#[tokio::test]
async fn every_statement_finds_its_rows_by_the_beginning_of_an_index_whatever_the_statistics_say() {
    // As many rows as there are settings, secrets, or people at work.
    const SMALL: [&str; 4] = ["lanes", "merchants", "operator_sessions", "login_tries"];
    // All they hold is wanted.
    const WHOLE: [&str; 3] = ["cancels_one_live", "payments_bank_refunds", "webhook_inbox_waiting"];
    // The first of a list, or one of its ends.
    const IN_ORDER: [&str; 3] =
        ["from products order by id limit $1", "from customers order by id limit $1", "with recursive search"];
    let database = Database::new().await;
    let leading = stale::leading_columns(&database).await;
    for statistics in ["none", "of empty tables"] {
        let mut worker = database.worker_pool().acquire().await.unwrap();
        let mut reading = 0;
        for (number, statement) in statements().into_iter().enumerate() {
            let plan = stale::plan_now(&mut worker, &format!("s{number}"), &statement).await;
            let unbound = stale::Reads::of(&plan, &leading).unbound;
            let may = |scan: &&String| SMALL.iter().chain(&WHOLE).any(|name| scan.split(' ').any(|word| word == *name));
            let walks: BTreeSet<&String> = unbound.iter().filter(|scan| !may(scan)).collect();
            let in_order = IN_ORDER.iter().any(|part| statement.contains(part));
            assert!(walks.is_empty() || in_order, "statistics: {statistics}: {walks:#?} in:\n{statement}\n{plan:#}");
            reading += usize::from(plan.to_string().contains("Index Cond"));
        }
        assert!(reading > 50, "{reading} statements use an index");
        database.execute("vacuum analyze").await;
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
