//! What the stories of `tests/it` and the `audit` binary share: the auditor.

pub mod audit;
