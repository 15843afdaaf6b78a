//! Everything that can go wrong for a caller: one closed list, each with a stable code.
//!
//! A handler answers with a [`Problem`] and nothing else. The outermost layers turn it into `application/problem+json`
//! (RFC 9457) under `/api` and for health checks, and into a page everywhere else, in the caller's language. So a
//! wrong path, a wrong method, a body that is too large and a panic look like every other refusal.
//!
//! Nothing of the inside gets out: what a caller reads stands in `words`, whole. The cause is logged, once, here.

mod action;
mod cancel;
mod labels;
mod members;
mod stream;
mod wanted;
mod words;

use std::{error::Error, fmt::Write as _, sync::Arc};

use askama::Template;
use axum::{
    Extension,
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use shared::{
    cancel::Refusal,
    db::StoreError,
    money::Krw,
    order::{CreateRefusal, OrderNo, ProductId},
    payment::AcceptRefusal,
};

use crate::language::Language;
pub(crate) use action::ActionProblem;
pub(crate) use cancel::CancelProblem;
pub(crate) use stream::StreamProblem;
pub(crate) use wanted::Wanted;
use words::Row;

#[derive(Debug)]
pub(crate) enum Problem {
    MalformedJson,
    /// A field is missing or of the wrong type.
    InvalidRequest {
        field: String,
        wanted: Wanted,
    },
    UnsupportedMediaType,
    BodyTooLarge,
    MethodNotAllowed,
    NotFound,
    /// A form of ours that was sent from somebody else's site.
    CrossSite,
    Unauthorized,
    /// A form, or a call by a session, without the token of that session.
    StaleForm,

    EmptyOrder,
    TooManyLines,
    InvalidQuantity {
        field: String,
    },
    UnknownProduct(ProductId),
    UnknownUser,
    TotalTooLarge,
    /// `total`: what our products say, told when an order is created.
    AmountMismatch {
        total: Option<Krw>,
    },

    InvalidAmount {
        field: String,
    },
    InvalidUserId,
    InvalidProductId {
        field: String,
    },
    InvalidOrderId,
    InvalidPaymentKey,
    InvalidCursor,
    InvalidPageSize,
    InvalidStatus,

    OrderNotFound,
    PaymentKeyTaken,
    PaymentInProgress,
    AlreadyPaid,
    OrderCanceled,
    OrderExpired,
    OutOfStock {
        product: String,
        left: i64,
    },
    Busy,
    Cancel(CancelProblem),
    Action(ActionProblem),
    Stream(StreamProblem),

    /// The database is away or slow. The same request may be sent again.
    Unavailable(StoreError),
    /// The request took longer than any should.
    TimedOut,
    /// A defect of ours, or a row that no code of ours wrote.
    Broken(StoreError),
    /// A defect of ours: a template, or a panic that is caught.
    Internal(&'static str),
}

impl Problem {
    /// Is it our trouble and not the caller's?
    pub(crate) fn is_ours(&self) -> bool {
        self.row().status.is_server_error()
    }

    fn retry_after(&self) -> Option<&'static str> {
        match self.row().status {
            StatusCode::SERVICE_UNAVAILABLE if matches!(self, Self::Busy) => Some("1"),
            StatusCode::CONFLICT if matches!(self, Self::Cancel(CancelProblem::KeyRunning)) => Some("1"),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS if matches!(self, Self::Stream(_)) => {
                Some("30")
            }
            StatusCode::TOO_MANY_REQUESTS if matches!(self, Self::Action(problem) if problem.is_too_soon()) => {
                Some("10") // LOOKUP_SPACING_SECONDS
            }
            StatusCode::SERVICE_UNAVAILABLE => Some("2"),
            _ => None,
        }
    }

    /// RFC 9457. Extension members tell programs what the detail tells people.
    pub(crate) fn json(&self, language: Language) -> Value {
        let row = self.row();
        let mut body = Map::new();
        for member in self.members(language) {
            if let Some(value) = member.value {
                body.insert(member.name.to_owned(), value);
            }
        }
        body.insert("type".to_owned(), json!(format!("/problems/{}", row.code)));
        body.insert("title".to_owned(), json!(row.title(language)));
        body.insert("status".to_owned(), json!(row.status.as_u16()));
        body.insert("detail".to_owned(), json!(self.detail(language)));
        body.insert("code".to_owned(), json!(row.code));
        Value::Object(body)
    }

    /// Once, with the whole chain of causes. What callers did wrong is theirs to read, not ours.
    fn log(&self) {
        let Row { code, status, .. } = self.row();
        let error = if let Self::Unavailable(error) | Self::Broken(error) = self {
            chain(error)
        } else if let Self::Internal(what) = self {
            (*what).to_owned()
        } else {
            String::new()
        };
        match status {
            StatusCode::INTERNAL_SERVER_ERROR => tracing::error!(problem.code = code, error, "failed"),
            StatusCode::SERVICE_UNAVAILABLE => tracing::warn!(problem.code = code, error, "not available"),
            _ => tracing::debug!(problem.code = code, "refused"),
        }
    }
}

/// Some libraries repeat the cause in their own words; it is told once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            let _ = write!(text, ": {cause_text}"); // writing to a String cannot fail
        }
        source = cause.source();
    }
    text
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::Unavailable(error) } else { Self::Broken(error) }
    }
}

impl From<AcceptRefusal> for Problem {
    fn from(refusal: AcceptRefusal) -> Self {
        match refusal {
            AcceptRefusal::UnknownOrder => Self::OrderNotFound,
            // The order's total stays ours: whoever tampers with the amount need not be told the right one.
            AcceptRefusal::AmountMismatch => Self::AmountMismatch { total: None },
            AcceptRefusal::PaymentKeyTaken => Self::PaymentKeyTaken,
            AcceptRefusal::PaymentInProgress => Self::PaymentInProgress,
            AcceptRefusal::AlreadyPaid => Self::AlreadyPaid,
            AcceptRefusal::Canceled => Self::OrderCanceled,
            AcceptRefusal::Expired => Self::OrderExpired,
            AcceptRefusal::OutOfStock { product, left } => Self::OutOfStock { product, left },
            AcceptRefusal::Busy => Self::Busy,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownOrder => Self::OrderNotFound,
            Refusal::Busy => Self::Busy,
            Refusal::NotPaid
            | Refusal::AnotherRunning
            | Refusal::AlreadyCanceled
            | Refusal::TransferFailed
            | Refusal::InReview
            | Refusal::ZeroAmount
            | Refusal::AmountTooLarge { .. }
            | Refusal::OnlyInFull
            | Refusal::AccountWanted
            | Refusal::AccountNotWanted
            | Refusal::NoAccountKey
            | Refusal::UnknownLine { .. }
            | Refusal::TooManyPieces { .. } => Self::Cancel(CancelProblem::Refused(refusal)),
        }
    }
}

impl From<CancelProblem> for Problem {
    fn from(problem: CancelProblem) -> Self {
        Self::Cancel(problem)
    }
}

impl From<CreateRefusal> for Problem {
    fn from(refusal: CreateRefusal) -> Self {
        match refusal {
            CreateRefusal::Empty => Self::EmptyOrder,
            CreateRefusal::TooManyLines => Self::TooManyLines,
            CreateRefusal::Quantity { index } => {
                Self::InvalidQuantity { field: format!("orderProducts[{index}].quantity") }
            }
            CreateRefusal::UnknownProduct(id) => Self::UnknownProduct(id),
            CreateRefusal::UnknownCustomer => Self::UnknownUser,
            CreateRefusal::TotalTooLarge => Self::TotalTooLarge,
            CreateRefusal::AmountMismatch { total } => Self::AmountMismatch { total: Some(total) },
        }
    }
}

/// A problem travels to [`render`] beside an empty answer.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.row().status, Extension(Arc::new(self))).into_response()
    }
}

/// Where a page leads the shopper after a problem. A handler that knows better than "the shop" answers with
/// `(Extension(NextStep::..), problem)`.
#[derive(Clone, Debug, Default)]
pub(crate) enum NextStep {
    #[default]
    Shop,
    /// The shop, with the goods of this order in the cart.
    Cart(OrderNo),
    /// Where it can be paid, or where it stands.
    Pay(OrderNo),
    Order(OrderNo),
    /// The same again, at this address: repeating cannot charge twice.
    Again(String),
    LogIn,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    language: Language,
    title: &'static str,
    detail: String,
    code: &'static str,
    next: NextStep,
}

impl ProblemPage {
    fn of(problem: &Problem, next: NextStep, language: Language) -> Self {
        let row = problem.row();
        Self { language, title: row.title(language), detail: problem.said(language), code: row.code, next }
    }
}

/// Nobody reads these in a browser.
pub(crate) fn is_for_programs(path: &str) -> bool {
    ["/api/", "/webhooks/", "/livez", "/readyz"].iter().any(|prefix| path.starts_with(prefix))
}

/// Gives every problem its words, as JSON or as a page, and every page its language header.
pub(crate) async fn render(request: Request, next: middleware::Next) -> Response {
    let language = Language::of(request.headers());
    let as_json = is_for_programs(request.uri().path());
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Arc<Problem>>() {
        Some(problem) => problem,
        // axum's own answer, which names the right methods in `Allow`.
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Arc::new(Problem::MethodNotAllowed),
        None => return in_language(response, language),
    };
    problem.log();
    let next = response.extensions_mut().remove::<NextStep>().unwrap_or_default();
    let page = ProblemPage::of(&problem, next, language);
    // A page that cannot be rendered still is an answer.
    let (kind, body) = match page.render() {
        Ok(page) if !as_json => ("text/html; charset=utf-8", page),
        Ok(_) | Err(_) => ("application/problem+json", problem.json(language).to_string()),
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(seconds) = problem.retry_after() {
        parts.headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
    }
    if matches!(*problem, Problem::Unauthorized) {
        let challenge = HeaderValue::from_static(r#"Bearer realm="Hanbeon""#);
        parts.headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    in_language(Response::from_parts(parts, Body::from(body)), language)
}

fn in_language(mut response: Response, language: Language) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    if kind.starts_with(b"text/html") || kind == b"application/problem+json" {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.append(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    }
    response
}

#[cfg(test)]
mod tests;
