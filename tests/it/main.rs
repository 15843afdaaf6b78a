//! The whole system over HTTP, against a real PostgreSQL and the simulator. A module is a story.
//!
//! Every story that moves orders ends in an audit, which knows nothing of our code's intentions: it compares our books
//! with the simulator's ledger.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod harness;

mod accepting;
mod allowance;
mod auditing;
mod bad_input;
#[cfg(feature = "browser")]
mod browsing;
mod claiming;
mod classes;
mod concurrency;
mod crashes;
mod endings;
mod endings_with_proof;
mod fences;
mod filters;
mod headers;
mod housekeeping;
mod isolation;
mod lanes;
mod late;
mod lists;
mod live;
mod markup;
mod migrating;
mod open_files;
mod operators;
mod outages;
mod overtaken;
mod pages;
mod past;
mod plans;
mod refunds;
mod reviews;
mod routes;
mod sessions;
mod soak;
mod spine;
mod strange;
mod strangers;
mod tampering;
mod tidy;
mod transitions;
mod virtual_accounts;
mod webhooks;
mod weight;
