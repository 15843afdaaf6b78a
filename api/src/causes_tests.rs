//! Looks for every cause in the sources of those who write events.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::WORDS;

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// In Rust: what is given as a `cause`, what goes with a failed status, what a rule of `outbox::decision` says, and what a
/// function named `cause` answers.
fn in_rust(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for before in [
        "cause: \"",
        "Aborted, \"",
        "Expired, \"",
        "FailedStatus::Aborted => \"",
        "FailedStatus::Expired => \"",
        "Because::Rule(\"",
        "NO_ANSWER: &str = \"",
        "NO_PROOF: &str = \"",
    ] {
        found.extend(code.split(before).skip(1).filter_map(|rest| rest.split('"').next()));
    }
    for body in code.split("fn cause(").skip(1) {
        // A function ends at the brace that stands as far left as its `fn`.
        let end = body.find("\n}").into_iter().chain(body.find("\n    }")).min().unwrap();
        found.extend(body[..end].split('"').skip(1).step_by(2));
    }
    found.into_iter().filter(|text| is_word(text)).map(str::to_owned).collect()
}

/// In SQL: what goes into `order_events`, without the words that are compared and without the actor.
fn in_sql(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for insert in source.split("insert into order_events").skip(1) {
        let values = insert.split("\n)").next().unwrap().split("where").next().unwrap();
        let pieces: Vec<&str> = values.split('\'').collect();
        for (before, text) in pieces.iter().step_by(2).zip(pieces.iter().skip(1).step_by(2)) {
            let compared = before.trim_end().ends_with("when");
            if is_word(text) && !compared && !["worker", "shopper", "operator", "server"].contains(text) {
                found.push((*text).to_owned());
            }
        }
    }
    found
}

#[test]
fn every_cause_that_can_be_written_has_words_in_both_languages_and_no_others_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut written = BTreeSet::new();
    for part in ["worker/src", "shared/src"] {
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        let in_tests = |path: &PathBuf| path.to_string_lossy().ends_with("tests.rs");
        let rust = files(&root.join(part), "rs").into_iter().filter(|path| !in_tests(path));
        written.extend(rust.flat_map(|path| in_rust(&read(path))));
        written.extend(files(&root.join(part), "sql").into_iter().flat_map(|path| in_sql(&read(path))));
    }
    let known: BTreeSet<String> = WORDS.iter().map(|(cause, ..)| (*cause).to_owned()).collect();
    assert_eq!(written.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "have no words");
    assert_eq!(known.difference(&written).collect::<Vec<_>>(), Vec::<&String>::new(), "these are written by nobody");
    assert_eq!(known.len(), WORDS.len(), "a cause stands twice");
    for (cause, korean, english) in WORDS {
        assert!(korean.chars().any(|c| ('가'..='힣').contains(&c)), "{cause}: {korean}");
        assert!(!english.is_empty() && english.is_ascii(), "{cause}: {english}");
    }
}
