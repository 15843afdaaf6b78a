//! The pages in `docs/` against the suite and against the simulator: each names what the other has.

use std::collections::BTreeSet;
use std::path::Path;

use crate::case::{Case, cases};
use crate::toss::Toss;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: each_tricky_case_has_its_number_and_each_number_its_case,
        Control: each_switch_is_on_the_page_with_its_default,
        Key: each_certainty_is_one_of_the_marks,
    ]
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the table under a heading, cell by cell.
fn rows<'a>(page: &'a str, heading: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.skip(1).map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

fn bare(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

async fn each_tricky_case_has_its_number_and_each_number_its_case(_toss: Toss) {
    let page = read("docs/certain.md");
    let on_the_page: BTreeSet<String> = rows(&page, "Tricky cases").map(|row| row[0].to_owned()).collect();
    let sources = ["tricky_confirm.rs", "tricky_cancel.rs"].map(|name| read(&format!("tests/contract/{name}")));
    let numbered: BTreeSet<String> = sources
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.trim().strip_prefix("// Case "))
        .map(str::to_owned)
        .collect();
    assert_eq!(on_the_page, numbered);
    assert_eq!(numbered, (1..=27).map(|number: u8| number.to_string()).collect());
}

async fn each_switch_is_on_the_page_with_its_default(toss: Toss) {
    let page = read("docs/certain.md");
    let on_the_page: BTreeSet<(String, String)> =
        rows(&page, "Switches").map(|row| (bare(row[3]), bare(row[4]))).collect();
    let switches = toss.see("switches").await;
    let there = switches.as_object().unwrap().iter();
    let there: BTreeSet<(String, String)> =
        there.map(|(name, value)| (name.clone(), value.as_str().unwrap_or("none").to_owned())).collect();
    assert_eq!(on_the_page, there);
    // A switch that the tricky cases send the reader to has to be there too.
    for case in rows(&page, "Tricky cases") {
        for name in case[2].split("by `").skip(1).map(|rest| rest.split('`').next().unwrap()) {
            assert!(switches.get(name).is_some(), "case {} goes by {name}", case[0]);
        }
    }
}

async fn each_certainty_is_one_of_the_marks(_toss: Toss) {
    let page = read("docs/certain.md");
    let mut seen = 0;
    for (heading, column) in [("Certain", 1), ("Switches", 1), ("Tricky cases", 3)] {
        for row in rows(&page, heading) {
            let mark = row[column].split(',').next().unwrap();
            assert!(["documented", "measured", "inferred", "unknown"].contains(&mark), "{row:?}");
            if heading == "Certain" {
                assert!(["documented", "measured"].contains(&mark), "not certain: {row:?}");
                assert_eq!(mark == "documented", row[2].starts_with('`'), "a page for what is documented: {row:?}");
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "the tables were not read: {seen}");
}
