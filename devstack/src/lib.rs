//! The whole system on one machine, in one process: a private PostgreSQL, the simulator, the api and the worker.
//!
//! `cargo run` starts it for a person; the tests start its parts one by one. Every part is started by the function its
//! own binary calls and from the same settings, so what is tried here is what runs in production, but for the
//! boundaries between processes.

pub mod database;
pub mod part;
pub mod past;
pub mod postgres;
pub mod sample;
pub mod welcome;
