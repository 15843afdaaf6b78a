//! Rules of the house that a compiler does not know.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use shared::{order::OrderStatus, payment::PaymentStatus};

use crate::harness::database::Database;

const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

#[test]
fn sql_stands_only_in_shared() {
    for part in ["api", "worker", "simulator"] {
        for file in files(&root().join(part).join("src"), "rs") {
            let text = read(&file);
            for banned in ["sqlx::query", "query!(", "query_as!(", "query_scalar!(", ".execute(\"", "raw_sql"] {
                assert!(!text.contains(banned), "{} holds SQL: {banned}", file.display());
            }
        }
    }
}

/// Live streams rely on it: within one order the ids of events are in the order of their commits.
#[test]
fn whoever_writes_an_event_holds_the_row_of_its_order() {
    let is_locked = |text: &str| {
        text.split("from orders").skip(1).any(|after| {
            let end = after.find("\n)").unwrap_or(after.len());
            after[..end].contains("for no key update")
        })
    };
    let mut writers = 0;
    for ending in ["sql", "rs"] {
        for file in files(&root().join("shared/src"), ending) {
            let text = read(&file);
            let Some((before, _)) = text.split_once("insert into order_events") else { continue };
            // One statement, or a transaction of several whose code, in the same place, begins with the lock.
            let transaction = || {
                let folder = file.parent().unwrap();
                files(folder, "rs")
                    .iter()
                    .map(read)
                    .filter(|code| code.contains("begin()"))
                    .any(|code| is_locked(&code))
            };
            assert!(
                is_locked(before) || transaction(),
                "{} writes an event without a lock on its order",
                file.display()
            );
            writers += 1;
        }
    }
    assert!(writers >= 6, "{writers}");
}

#[test]
fn nobody_knows_whom_they_must_not_know() {
    let depends_on = |part: &str, other: &str| {
        let manifest = read(root().join(part).join("Cargo.toml"));
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        dependencies
            .lines()
            .any(|line| line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} ")))
    };
    for (part, others) in [
        ("api", &["worker", "simulator", "devstack"][..]),
        ("worker", &["api", "simulator", "devstack", "askama"]),
        ("shared", &["api", "worker", "simulator", "devstack", "axum", "askama"]),
        ("simulator", &["shared", "api", "worker", "devstack", "sqlx"]),
    ] {
        for other in others {
            assert!(!depends_on(part, other), "{part} must not know {other}");
        }
    }
    assert!(depends_on("api", "shared") && depends_on("worker", "shared"), "the look at manifests sees nothing");
}

#[test]
fn the_auditor_uses_no_code_of_what_it_audits() {
    for file in files(&root().join("tests/src"), "rs") {
        let text = read(&file);
        for part in ["shared", "api", "worker", "simulator", "devstack"] {
            let uses = [format!("use {part}"), format!(" {part}::"), format!("({part}::"), format!("<{part}::")];
            assert!(!uses.iter().any(|using| text.contains(using)), "{} uses {part}", file.display());
        }
    }
}

#[test]
fn no_file_needs_a_map() {
    for part in ["api", "worker", "shared", "simulator", "devstack", "tests"] {
        for file in files(&root().join(part), "rs") {
            let lines = read(&file).lines().count();
            assert!(lines <= LINES_MAX, "{} has {lines} lines", file.display());
        }
    }
}

#[test]
fn every_path_the_readme_names_exists() {
    let readme = read(root().join("README.md"));
    let named: BTreeSet<&str> = readme
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| {
            let known = ["api/", "worker/", "shared/", "simulator/", "devstack/", "tests/", "migrations/", ".ci/"];
            known.iter().any(|folder| code.starts_with(folder)) && !code.contains([' ', '*', '{'])
        })
        .collect();
    assert!(named.len() > 10, "the readme has no code map: {named:?}");
    for path in named {
        assert!(root().join(path).exists(), "the readme names {path}");
    }
}

/// A new page has its sheets, no sheet outlives its page, and none waits to be looked at.
#[test]
fn every_page_is_on_a_sheet_and_every_sheet_is_of_a_page() {
    let names = |folder: &str, ending: &str| -> BTreeSet<String> {
        let files = files(&root().join(folder), ending).into_iter();
        files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let is_page = |name: &String| {
        read(root().join(format!("api/templates/{name}.html"))).starts_with("{% extends \"layout.html\" %}")
    };
    let layouts = ["", "-wide", "-login", "-operator", "-operator-wide"].map(|whose| format!("layout{whose}"));
    let pages: Vec<String> = names("api/templates", "html").into_iter().filter(is_page).chain(layouts).collect();
    assert!(pages.len() >= 14, "the templates are misread: {pages:?}");
    let wanted = pages.iter().flat_map(|name| ["ko", "en"].map(|language| format!("{name}.{language}")));
    assert_eq!(names("api/src/snapshots", "snap"), wanted.collect(), "pages and the sheets that they have");
    assert_eq!(names("tests/it/snapshots", "snap"), ["headers".to_owned()].into());
    for part in ["api", "tests"] {
        assert!(files(&root().join(part), "new").is_empty(), "a snapshot of {part} waits to be looked at");
    }
}

#[test]
fn every_setting_is_in_the_example() {
    let example = read(root().join(".env.example"));
    let mut settings = BTreeSet::new();
    for part in ["api", "worker", "simulator"] {
        let text = read(root().join(part).join("src/settings.rs"));
        let text = text.split("#[cfg(test)]").next().unwrap();
        let words = text.split('"').skip(1).step_by(2);
        settings.extend(
            words
                .filter(|word| {
                    ["API_", "DATABASE_", "OPERATOR_", "SIMULATOR_", "TOSS_", "WORKER_"]
                        .iter()
                        .any(|of| word.starts_with(of))
                })
                .filter(|word| word.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
                .map(str::to_owned),
        );
    }
    assert!(settings.contains("DATABASE_URL") && settings.contains("SIMULATOR_ADDR"), "{settings:?}");
    for setting in settings {
        assert!(example.contains(&format!("\n{setting}=")), "{setting} is not in .env.example");
    }
}

#[tokio::test]
async fn the_schema_knows_the_same_states_as_the_code() {
    let database = Database::new().await;
    let names = async |constraint: &str| -> BTreeSet<String> {
        let definition: String =
            sqlx::query_scalar("select pg_get_constraintdef(oid) from pg_constraint where conname = $1")
                .bind(constraint)
                .fetch_one(&database.pool)
                .await
                .unwrap();
        definition.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let orders: BTreeSet<String> = OrderStatus::ALL.iter().map(ToString::to_string).collect();
    let payments: BTreeSet<String> = PaymentStatus::ALL.iter().map(|status| status.as_str().to_owned()).collect();
    assert_eq!(names("orders_status_known").await, orders);
    assert_eq!(names("payments_status_known").await, payments);
}
