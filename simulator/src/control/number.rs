//! The number of a rule, a webhook or a delivery in a path of the control API.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use super::Refusal;

pub(crate) type Number = Result<Path<u64>, PathRejection>;

/// One that cannot be read names nothing.
impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::not_found(&rejection.body_text())
    }
}
