//! Logs: one line for each thing that happened, to standard error, filtered by `RUST_LOG`.
//!
//! Field names are dotted and carry their unit (`order.no`, `duration_ms`). Never logged: secrets, bodies, whole
//! paymentKeys, names of people.

use tracing_subscriber::EnvFilter;

/// Starts logging. A filter that cannot be parsed is an error, not silence.
pub fn start(filter: Option<&str>) -> Result<(), String> {
    let filter = filter.unwrap_or("info,sqlx=warn");
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("RUST_LOG is not a filter: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| format!("logging was started twice: {error}"))
}
