//! Plans that are older than what they read. A worker plans each statement once, and what it plans by may say that a table
//! has one row: that of an outbox which was vacuumed in a quiet hour, that of a new shop. The plan is used until somebody
//! gathers statistics again, however full the tables are by then.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::cases::{Case, cases};
use crate::harness::database::Database;

/// What a plan reads of the tables.
#[derive(Default)]
pub(super) struct Reads {
    found: i64,
    removed: i64,
    /// Scans that no condition on an index keeps short.
    pub(super) unbound: Vec<String>,
}

/// The first column of each index.
pub(super) async fn leading_columns(database: &Database) -> HashMap<String, String> {
    sqlx::query_as(
        "select i.indexrelid::regclass::text, a.attname::text from pg_index i
         join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
         join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap()
    .into_iter()
    .collect()
}

impl Reads {
    pub(super) fn of(plan: &Value, leading: &HashMap<String, String>) -> Self {
        let mut reads = Self::default();
        reads.add(plan, leading);
        reads
    }

    fn add(&mut self, node: &Value, leading: &HashMap<String, String>) {
        let text = |name: &str| node[name].as_str().unwrap_or_default();
        let count = |name: &str| node[name].as_i64().unwrap_or(0) * node["Actual Loops"].as_i64().unwrap_or(0);
        if text("Node Type").ends_with("Scan") && !text("Relation Name").is_empty() {
            self.found += count("Actual Rows");
            self.removed += count("Rows Removed by Filter") + count("Rows Removed by Index Recheck");
            let (index, condition) = (text("Index Name"), text("Index Cond"));
            // A condition on a later column alone is looked for through the whole index.
            let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
            if !leading.get(index).is_some_and(|column| words.any(|word| word == column)) {
                self.unbound.push(format!("{} {} {} {condition}", text("Node Type"), text("Relation Name"), index));
            }
        }
        for below in node["Plans"].as_array().into_iter().flatten() {
            self.add(below, leading);
        }
    }
}

async fn explain(worker: &mut PgConnection, case: &Case, name: &str) -> Value {
    let explain = format!("explain (analyze, buffers, timing off, format json) execute {name}{}", case.arguments);
    worker.execute("begin").await.unwrap();
    let explained: Result<Value, sqlx::Error> =
        sqlx::query_scalar(AssertSqlSafe(explain)).persistent(false).fetch_one(&mut *worker).await;
    worker.execute("rollback").await.unwrap();
    explained.unwrap_or_else(|error| panic!("{}: {error}", case.name))[0]["Plan"].take()
}

/// Runs every case, takes it back, and says what is wrong with it.
async fn measure(
    worker: &mut PgConnection,
    cases: &[(Case, String)],
    leading: &HashMap<String, String>,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (case, name) in cases {
        let plan = explain(worker, case, name).await;
        let reads = Reads::of(&plan, leading);
        let buffers = plan["Shared Hit Blocks"].as_i64().unwrap() + plan["Shared Read Blocks"].as_i64().unwrap();
        let Reads { found, removed, unbound } = &reads;
        eprintln!(
            "{:28} {:7} buffers of {:7}, {found} rows, {removed} removed",
            case.name,
            buffers,
            case.rows * case.buffers_each
        );
        let unbound: Vec<&String> =
            unbound.iter().filter(|scan| !case.whole.iter().any(|index| scan.contains(index))).collect();
        if !unbound.is_empty() {
            faults.push(format!("{} walks: {unbound:?}", case.name));
        }
        if buffers > case.rows * case.buffers_each {
            faults.push(format!("{} reads {buffers} buffers for {} rows", case.name, case.rows));
        }
        if *removed > *found + 20 {
            faults.push(format!("{} reads {removed} rows beside {found}", case.name));
        }
        assert!(*found > 0 || case.adds, "{} finds nothing to do: it shows nothing", case.name);
    }
    faults
}

/// Nobody gathers statistics but the test.
async fn on_our_own() -> Database {
    let database = Database::new().await;
    let tables = "select relname::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&database.pool).await.unwrap();
    for table in tables {
        database.execute(&format!("alter table {table} set (autovacuum_enabled = off)")).await;
    }
    database
}

/// Plans every case on one connection, as a worker keeps it, and names the plans.
async fn planned(worker: &mut PgConnection) -> Vec<(Case, String)> {
    let mut names: HashMap<String, String> = HashMap::new();
    let mut planned = Vec::new();
    for case in cases() {
        let next = format!("s{}", names.len());
        let name = names.get(&case.sql).cloned().unwrap_or(next);
        if names.insert(case.sql.clone(), name.clone()).is_none() {
            plan_now(worker, &name, &case.sql).await;
        }
        planned.push((case, name));
    }
    let made = "select format('%s generic, %s others', sum(generic_plans), sum(custom_plans))
                from pg_prepared_statements where from_sql";
    let made: String = sqlx::query_scalar(made).fetch_one(worker).await.unwrap();
    assert_eq!(made, format!("{} generic, 0 others", names.len()));
    planned
}

#[tokio::test]
async fn a_plan_from_when_the_tables_were_empty_reads_no_more_than_it_must_when_they_are_full() {
    let database = on_our_own().await;
    database.execute("vacuum analyze").await;
    let mut worker = database.worker_pool().acquire().await.unwrap();
    let planned = planned(&mut worker).await;
    let leading = leading_columns(&database).await;
    for (rows, filled) in [("live", include_str!("live.sql")), ("past", include_str!("past.sql"))] {
        database.execute(filled).await;
        let faults = measure(&mut worker, &planned, &leading).await;
        assert!(faults.is_empty(), "{rows}: {}", faults.join("\n"));
    }
    let seen = "select count(*) from pg_class where relname in ('orders', 'payments', 'outbox') and reltuples > 0";
    assert_eq!(database.number(seen).await, 0, "the planner has heard of the rows");
    // And as they are planned by what is there.
    database.execute("analyze").await;
    let faults = measure(&mut worker, &planned, &leading).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// When most orders are being confirmed, whatever looks for those may as well go through all.
#[tokio::test]
async fn a_plan_from_a_rush_reads_no_more_than_it_must_when_most_orders_are_of_the_past() {
    let database = on_our_own().await;
    database.execute(include_str!("live.sql")).await;
    database.execute("analyze").await;
    let mut worker = database.worker_pool().acquire().await.unwrap();
    let planned = planned(&mut worker).await;
    database.execute(&include_str!("past.sql").replace("1000000", "200000")).await;
    let faults = measure(&mut worker, &planned, &leading_columns(&database).await).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Has a statement planned by what the statistics say at this moment.
pub(super) async fn plan_now(worker: &mut PgConnection, name: &str, sql: &str) -> Value {
    worker
        .execute(AssertSqlSafe(format!("prepare {name} as {sql}\n")))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let count = (1..=99).take_while(|number| sql.contains(&format!("${number}"))).count();
    let nulls = if count == 0 { String::new() } else { format!("({})", vec!["null"; count].join(", ")) };
    let explain = format!("explain (format json) execute {name}{nulls}");
    let mut plan: Value =
        sqlx::query_scalar(AssertSqlSafe(explain)).persistent(false).fetch_one(&mut *worker).await.unwrap();
    plan[0]["Plan"].take()
}
