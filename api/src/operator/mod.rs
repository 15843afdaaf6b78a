//! Who may see all orders and give money back: operators, on the pages after a login, and programs that hold the server key.
//!
//! A handler says what it needs by its arguments: [`Operator`] for a page, [`OperatorForm`] for one of its forms, [`Caller`]
//! for JSON. Sessions stand in the database, so a restart ends none, every api knows them, and a logout ends one for good.
//! A form is taken only from our own pages (`CsrfLayer`) and only with the token of the very session that sends it.

mod account;
mod caller;
pub(crate) mod login;
mod session;
mod source;

use axum::{
    Extension, Form,
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request, rejection::FormRejection},
    http::{HeaderMap, Method, StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use serde::{Deserialize, de::DeserializeOwned};
use shared::{db::StoreError, operator};
use sqlx::PgPool;

pub use account::{Account, hash_password};
pub use caller::ServerKey;
pub(crate) use caller::{Caller, SERVER_KEY_CHARACTERS_MIN};
pub(crate) use session::Cookie;
pub(crate) use source::{Peer, Source};

use crate::{
    AppState, Settings,
    body::form_problem,
    every_request::note_caller,
    problem::{NextStep, Problem},
};
use session::Token;

/// What logins and sessions are checked against.
pub(crate) struct Access {
    account: Account,
    server_key: Option<ServerKey>,
    cookie: Cookie,
    proxies: u8,
}

impl Access {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            account: settings.operator.clone(),
            server_key: settings.server_key.clone(),
            cookie: Cookie { is_https: settings.is_https() },
            proxies: settings.proxies,
        }
    }

    /// The operator whose live session these headers show.
    async fn operator(&self, pool: &PgPool, headers: &HeaderMap) -> Result<Option<Operator>, StoreError> {
        let Some(token) = self.cookie.read(headers) else { return Ok(None) };
        let name = operator::session(pool, &self.account.session_key(token.bytes())).await?;
        Ok(name.map(|name| Operator { name, token }))
    }
}

/// Proof that an operator is logged in. Whoever is not is led to the login, and back afterwards.
pub(crate) struct Operator {
    name: String,
    token: Token,
}

impl Operator {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For the hidden field `csrf` that every form of an operator carries; [`OperatorForm`] asks for it.
    pub(crate) fn csrf(&self) -> String {
        self.token.csrf()
    }
}

#[cfg(test)]
impl Operator {
    pub(crate) fn sample() -> Self {
        Self { name: "<b>operator".to_owned(), token: Token::sample() }
    }
}

/// Why somebody is not let in.
pub(crate) enum Refused {
    LogInFirst { next: String },
    Problem(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::LogInFirst { next } => Redirect::to(&login::address(&next)).into_response(),
            Self::Problem(problem @ Problem::Unauthorized) => (Extension(NextStep::LogIn), problem).into_response(),
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

impl FromRequestParts<AppState> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refused> {
        let operator = state.access.operator(&state.pool, &parts.headers).await.map_err(Problem::from)?;
        let Some(operator) = operator else {
            // What a form says is lost on the way to the login, so it is not sent again behind somebody's back.
            let is_look = matches!(parts.method, Method::GET | Method::HEAD);
            let next = parts.uri.path_and_query().filter(|_| is_look);
            return Err(next.map_or(Refused::Problem(Problem::Unauthorized), |next| Refused::LogInFirst {
                next: next.as_str().to_owned(),
            }));
        };
        note_caller(operator.name());
        Ok(operator)
    }
}

/// A form of an operator's page, taken with the token of the session that sends it. `T` need not know the field `csrf`.
pub(crate) struct OperatorForm<T> {
    pub(crate) operator: Operator,
    pub(crate) fields: T,
}

#[derive(Deserialize)]
struct CsrfField {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<AppState> for OperatorForm<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let operator = Operator::from_request_parts(&mut parts, state).await?;
        let body = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await;
        let body = body.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::BodyTooLarge,
            _ => Problem::StaleForm, // the connection ended in the middle of it
        })?;
        let read = |body: Bytes| Request::from_parts(parts.clone(), Body::from(body));
        let problem = |rejection: FormRejection| form_problem(&rejection);
        let Form(CsrfField { csrf }) = Form::from_request(read(body.clone()), state).await.map_err(problem)?;
        if !operator.token.is_csrf(&csrf) {
            return Err(Problem::StaleForm.into());
        }
        let Form(fields) = Form::from_request(read(body), state).await.map_err(problem)?;
        Ok(Self { operator, fields })
    }
}
