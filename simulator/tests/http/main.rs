//! The simulator as a client of Toss sees it: real HTTP to a served instance on a free port.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod abroad;
mod cancel;
mod cash_receipt;
mod confirm;
mod control_page;
mod dollars;
mod faults;
mod form;
mod harness;
mod idempotency;
mod language;
mod merchants;
mod methods;
mod outcomes;
mod records;
mod rules;
mod shop;
mod switches;
mod tax;
mod test_code;
mod virtual_account;
mod webhooks;
mod window;
