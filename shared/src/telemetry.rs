//! Logs: one line for each thing that happened, to standard error, filtered by `RUST_LOG`.
//!
//! Field names are dotted and carry their unit (`order.no`, `duration_ms`). Never logged: secrets, bodies, whole
//! paymentKeys, names of people.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. A filter that cannot be parsed is an error, not silence.
pub fn start(filter: Option<&str>) -> Result<(), String> {
    let filter = filter.unwrap_or("info,sqlx=warn");
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("RUST_LOG is not a filter: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .map_err(|error| format!("logging was started twice: {error}"))
}

/// An error with all its causes, in one line. Our `Display`s never repeat their source, so this does.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        chain.push_str(": ");
        chain.push_str(&source.to_string());
        cause = source.source();
    }
    chain
}
