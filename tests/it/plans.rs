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
    assert!(plan.contains("Index Scan using"), "{name} reads nothing:\n{plan}");
}

#[tokio::test]
async fn every_statement_of_the_worker_finds_its_rows_by_an_index() {
    let database = Database::new().await;
    for (name, statement, arguments) in [
        ("settle", include_str!("../../shared/src/outbox/settle.sql"), 30),
        ("apart", include_str!("../../shared/src/outbox/apart.sql"), 26),
        ("refund", include_str!("../../shared/src/outbox/refund.sql"), 26),
        ("renew", include_str!("../../shared/src/outbox/renew.sql"), 4),
        ("sweep", include_str!("../../shared/src/outbox/sweep.sql"), 2),
        ("expire", include_str!("../../shared/src/order/expire.sql"), 1),
    ] {
        let statement = if name == "renew" { statement.to_owned() } else { plain(statement) };
        check(name, &plan(&database, &statement, arguments).await);
    }
}
