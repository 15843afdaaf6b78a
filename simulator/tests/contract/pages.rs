//! The pages in `docs/` against the suite and against the simulator: each names what the other has.

use std::collections::BTreeSet;
use std::path::Path;

use crate::case::{Case, cases};
use crate::toss::Toss;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        Key: each_tricky_case_has_its_number_and_each_number_its_case,
    ]
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first column of the rows under a heading.
fn first_column(page: &str, heading: &str) -> BTreeSet<String> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #"));
    rows.map(|line| line.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned()).collect()
}

async fn each_tricky_case_has_its_number_and_each_number_its_case(_toss: Toss) {
    let on_the_page = first_column(&read("docs/certain.md"), "Tricky cases");
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
