//! What Toss promises, asked over HTTP: a suite written from Toss's own pages and from what others measured, without a
//! look at how the simulator does it.
//!
//! `cargo test -p simulator --test contract` starts a simulator for each case, inside this process. With
//! `CONTRACT_BASE_URL` and `CONTRACT_SECRET_KEY` (and `CONTRACT_WIDGET_SECRET_KEY`, where there is one) the same cases
//! ask that address instead, Toss's test environment for one: it allows a key 100 requests a minute to each endpoint,
//! so a run there may have to be cut in parts: `-- confirm`, `-- cancel`, as words of a case's name.
//!
//! Each case says what it needs (`Needs`). One whose need is not met is printed as not run and counted so; it is never
//! counted as kept. What Toss does not say is written `supposed`: the simulator is held to the default it documents,
//! and of anybody else the answer is only printed as observed.
//!
//! The harness is our own, because the usual one knows only "ok" and "FAILED", and would hide what a case prints.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a case that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "this is the program that reports")]

mod amounts;
mod auth;
mod bad_input;
mod cancel;
mod case;
mod cash_receipts;
mod code_tables;
mod codes;
mod confirm;
mod formats;
mod key_in;
mod methods;
mod order;
mod pages;
mod replay;
mod run;
mod settings;
mod settlements;
mod shop;
mod states;
mod toss;
mod transactions;
mod tricky_cancel;
mod tricky_confirm;
mod virtual_accounts;
mod webhook_delivery;
mod webhooks;
mod windows;
mod wire;

use std::process::ExitCode;

use case::Case;

fn cases() -> Vec<Case> {
    [
        amounts::cases(),
        auth::cases(),
        bad_input::cases(),
        cancel::cases(),
        cash_receipts::cases(),
        codes::cases(),
        confirm::cases(),
        formats::cases(),
        key_in::cases(),
        methods::cases(),
        pages::cases(),
        replay::cases(),
        settlements::cases(),
        states::cases(),
        transactions::cases(),
        tricky_cancel::cases(),
        tricky_confirm::cases(),
        virtual_accounts::cases(),
        webhook_delivery::cases(),
        webhooks::cases(),
        windows::cases(),
        wire::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn main() -> ExitCode {
    run::run(&cases(), &settings::Target::from_env())
}
