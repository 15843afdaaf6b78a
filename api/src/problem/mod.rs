//! Everything that can go wrong for a caller: one closed list, each with a stable code.
//!
//! A handler answers with a [`Problem`] and nothing else. The outermost layers turn it into `application/problem+json`
//! (RFC 9457) under `/api` and for health checks, and into a page everywhere else, in the caller's language. So a
//! wrong path, a wrong method, a body that is too large and a panic look like every other refusal.
//!
//! Nothing of the inside gets out: what a caller reads stands in `words`, whole. The cause is logged, once, here.

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
    db::StoreError,
    money::Krw,
    order::{CreateRefusal, OrderNo, ProductId},
    payment::AcceptRefusal,
};

use crate::language::Language;
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

    InvalidAmount,
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

    /// The database is away or slow. The same request may be sent again.
    Unavailable(StoreError),
    /// The request took longer than any should.
    TimedOut,
    /// A defect of ours, or a row that no code of ours wrote.
    Broken(StoreError),
    /// A defect of ours: a template, or a panic that is caught.
    Internal(&'static str),
}

/// What a field should have been.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    Something,
    Object,
    Array,
    Integer,
    Text,
    /// A number, or the same as text.
    Amount,
    /// `orderProducts` and the older `orderProduct` say the same thing; only one may be sent.
    OnlyOne,
    /// A parameter that was sent twice, or is no text.
    Parameters,
}

impl Problem {
    /// Is it our trouble and not the caller's?
    pub(crate) fn is_ours(&self) -> bool {
        self.row().status.is_server_error()
    }

    fn retry_after(&self) -> Option<&'static str> {
        match self.row().status {
            StatusCode::SERVICE_UNAVAILABLE if matches!(self, Self::Busy) => Some("1"),
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
    Order(OrderNo),
    /// The same again, at this address: repeating cannot charge twice.
    Again(String),
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

/// Gives every problem its words, as JSON or as a page, and every page its language header.
pub(crate) async fn render(request: Request, next: middleware::Next) -> Response {
    let language = Language::of(request.headers());
    let as_json =
        ["/api/", "/webhooks/", "/livez", "/readyz"].iter().any(|prefix| request.uri().path().starts_with(prefix));
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Arc<Problem>>() {
        Some(problem) => problem,
        // axum's own answer, which names the right methods in `Allow`.
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => Arc::new(Problem::MethodNotAllowed),
        None => return in_language(response, language),
    };
    problem.log();
    let next = response.extensions_mut().remove::<NextStep>().unwrap_or_default();
    let page = ProblemPage {
        language,
        title: problem.row().title(language),
        detail: problem.detail(language),
        code: problem.row().code,
        next,
    };
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
        let challenge = HeaderValue::from_static(r#"Basic realm="Hanbeon", charset="UTF-8""#);
        parts.headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    in_language(Response::from_parts(parts, Body::from(body)), language)
}

fn in_language(mut response: Response, language: Language) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(b"".as_slice(), HeaderValue::as_bytes);
    if kind.starts_with(b"text/html") || kind == b"application/problem+json" {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use askama::Template;
    use shared::{db::StoreError, money::Krw, order::ProductId};

    use super::{NextStep, Problem, ProblemPage, Wanted};
    use crate::language::Language;

    /// The problem after this one; the match is complete, so a new problem cannot be left out of the tests.
    fn after(problem: &Problem) -> Option<Problem> {
        let field = || "orderProducts[0].quantity".to_owned();
        Some(match problem {
            Problem::MalformedJson => Problem::InvalidRequest { field: field(), wanted: Wanted::Integer },
            Problem::InvalidRequest { .. } => Problem::UnsupportedMediaType,
            Problem::UnsupportedMediaType => Problem::BodyTooLarge,
            Problem::BodyTooLarge => Problem::MethodNotAllowed,
            Problem::MethodNotAllowed => Problem::NotFound,
            Problem::NotFound => Problem::CrossSite,
            Problem::CrossSite => Problem::Unauthorized,
            Problem::Unauthorized => Problem::EmptyOrder,
            Problem::EmptyOrder => Problem::TooManyLines,
            Problem::TooManyLines => Problem::InvalidQuantity { field: field() },
            Problem::InvalidQuantity { .. } => Problem::UnknownProduct(ProductId(7)),
            Problem::UnknownProduct(_) => Problem::UnknownUser,
            Problem::UnknownUser => Problem::TotalTooLarge,
            Problem::TotalTooLarge => Problem::AmountMismatch { total: Krw::new(50_000) },
            Problem::AmountMismatch { .. } => Problem::InvalidAmount,
            Problem::InvalidAmount => Problem::InvalidUserId,
            Problem::InvalidUserId => Problem::InvalidProductId { field: field() },
            Problem::InvalidProductId { .. } => Problem::InvalidOrderId,
            Problem::InvalidOrderId => Problem::InvalidPaymentKey,
            Problem::InvalidPaymentKey => Problem::InvalidCursor,
            Problem::InvalidCursor => Problem::InvalidPageSize,
            Problem::InvalidPageSize => Problem::InvalidStatus,
            Problem::InvalidStatus => Problem::OrderNotFound,
            Problem::OrderNotFound => Problem::PaymentKeyTaken,
            Problem::PaymentKeyTaken => Problem::PaymentInProgress,
            Problem::PaymentInProgress => Problem::AlreadyPaid,
            Problem::AlreadyPaid => Problem::OrderCanceled,
            Problem::OrderCanceled => Problem::OrderExpired,
            Problem::OrderExpired => Problem::OutOfStock { product: "<b>컵</b> {left}".to_owned(), left: 3 },
            Problem::OutOfStock { .. } => Problem::Busy,
            Problem::Busy => Problem::Unavailable(StoreError::Deadline { operation: "canary" }),
            Problem::Unavailable(_) => Problem::Internal("canary"),
            // The same code as the one above, by another cause.
            Problem::TimedOut | Problem::Broken(_) | Problem::Internal(_) => return None,
        })
    }

    fn all() -> impl Iterator<Item = Problem> {
        std::iter::successors(Some(Problem::MalformedJson), after)
    }

    #[test]
    fn every_problem_has_a_code_of_its_own_and_words_in_both_languages() {
        let mut codes = HashSet::new();
        for problem in all() {
            assert!(codes.insert(problem.row().code), "{problem:?}");
            let [korean, english] = [Language::Korean, Language::English].map(|language| problem.json(language));
            assert_ne!(korean["title"], english["title"], "{problem:?}");
            assert_ne!(korean["detail"], english["detail"], "{problem:?}");
            for body in [&korean, &english] {
                for member in ["title", "detail"] {
                    assert!(!body[member].as_str().unwrap().is_empty(), "{body}");
                }
                assert!(!body.to_string().contains("canary"), "the inside got out: {body}");
                assert!(!body["detail"].as_str().unwrap().contains("{field}"), "{body}");
                assert_eq!(body["status"], problem.row().status.as_u16());
            }
        }
    }

    #[test]
    fn a_detail_names_what_was_wrong_and_members_tell_it_to_programs() {
        let stock = Problem::OutOfStock { product: "한번 컵 {left}".to_owned(), left: 3 };
        let body = stock.json(Language::English);
        assert_eq!(body["product"], "한번 컵 {left}");
        assert_eq!(body["left"], 3);
        assert!(body["detail"].as_str().unwrap().contains("한번 컵 {left}"), "{body}");

        let mismatch = Problem::AmountMismatch { total: Krw::new(50_000) }.json(Language::Korean);
        assert_eq!(mismatch["total"], 50_000);
        assert!(mismatch["detail"].as_str().unwrap().contains("50,000원"), "{mismatch}");
        assert_eq!(Problem::AmountMismatch { total: None }.json(Language::Korean).get("total"), None);
    }

    #[test]
    fn every_problem_is_a_page_with_a_next_step_and_without_markup_of_others() {
        for problem in all() {
            for language in [Language::Korean, Language::English] {
                let page = ProblemPage {
                    language,
                    title: problem.row().title(language),
                    detail: problem.detail(language),
                    code: problem.row().code,
                    next: NextStep::default(),
                };
                let html = page.render().unwrap();
                assert!(html.contains(problem.row().code) && html.contains("href=\"/checkout\""), "{html}");
                assert!(!html.contains("<b>"), "{html}");
            }
        }
    }
}
