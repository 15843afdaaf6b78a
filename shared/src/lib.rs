//! The contract between the api and the worker. They never call each other: what one of them has to tell the other
//! stands in PostgreSQL, and every statement that reads or writes it stands here.
//!
//! - A confirm that was accepted is one row in the outbox, written by the same statement that moved the order.
//! - No transaction is open while Toss is asked.
//! - Row locks are waited for in one global order: orders by id, products by id. Payments and intents are taken where they
//!   are free. A claim takes only outbox rows and skips the locked ones, so it waits for nobody.
//! - The database's clock decides every due time, lease and expiry. A process' own clock decides nothing.
//!
//! Read in this order.

pub mod cancel;
pub mod catalogue;
pub mod db;
pub mod lane;
pub mod limits;
pub mod merchant;
pub mod money;
pub mod operator;
pub mod order;
pub mod outbox;
pub mod payment;
pub mod schema;
pub mod settings;
pub mod stop;
pub mod stop_point;
mod strict_json;
pub mod telemetry;
pub mod toss;
pub mod vitals;
pub mod web_url;
pub mod webhook;

/// The schema, embedded at build time.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");
