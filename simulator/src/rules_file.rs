//! The rules a simulator starts with: a JSON array of what `POST /control/rules` takes.
//!
//! A mistake stops the start and is named with its place, because a fault that silently never happens makes a test pass
//! for the wrong reason.

use std::io;
use std::path::{Path, PathBuf};

use crate::rules::{NewRule, Rules};

#[derive(Debug, thiserror::Error)]
pub enum RulesFileError {
    #[error("the rules file {0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("the rules file {0} is no list of rules")]
    Malformed(PathBuf, #[source] serde_json::Error),
    #[error("rule {number} of the rules file {path}: {why}")]
    Impossible { path: PathBuf, number: usize, why: String },
}

pub(crate) async fn read(path: &Path) -> Result<Rules, RulesFileError> {
    let text = tokio::fs::read(path).await.map_err(|error| RulesFileError::Unreadable(path.to_owned(), error))?;
    let rules: Vec<NewRule> =
        serde_json::from_slice(&text).map_err(|error| RulesFileError::Malformed(path.to_owned(), error))?;
    Rules::starting_with(rules).map_err(|(number, refused)| RulesFileError::Impossible {
        path: path.to_owned(),
        number,
        why: refused.to_string(),
    })
}
