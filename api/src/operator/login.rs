//! `/login` and `/logout`.
//!
//! A try is counted by name and by source before the password is looked at, and five in a row lock both for a while that
//! grows. While it lasts even the right password is refused unseen, so waiting is all that a guesser can do.

use askama::Template;
use axum::{
    Form,
    extract::{
        Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use secrecy::SecretString;
use serde::Deserialize;
use shared::operator::{self, Try};

use super::{Operator, OperatorForm, Refused, account::sha256, session::Token, source::Source};
use crate::{
    AppState,
    body::form_problem,
    every_request::note_caller,
    language::Language,
    page::{FORM_REFERRER, Page},
    problem::Problem,
};

const HOME: &str = "/order";

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    language: Language,
    notice: Notice,
    next: String,
    name: String,
}

enum Notice {
    None,
    Wrong,
    Locked { wait: String },
}

#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Where the login leads to an address of the operator's, and back to it afterwards.
pub(super) fn address(next: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    format!("/login?{query}")
}

/// Where to go after the login: a page of the operator's and nothing else, whatever a link said.
fn local(next: &str) -> &str {
    let rest = next.strip_prefix(HOME);
    let is_ours = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours && is_plain { next } else { HOME }
}

pub(crate) async fn form(
    operator: Result<Operator, Refused>,
    next: Result<Query<Next>, QueryRejection>,
    language: Language,
) -> Response {
    let next = next.map(|Query(Next { next })| next).unwrap_or_default();
    match operator {
        Ok(_) => Redirect::to(local(&next)).into_response(),
        Err(Refused::Problem(problem @ Problem::Unavailable(_))) => problem.into_response(),
        Err(_) => LoginPage::respond(StatusCode::OK, Notice::None, &next, String::new(), language),
    }
}

impl LoginPage {
    fn respond(status: StatusCode, notice: Notice, next: &str, name: String, language: Language) -> Response {
        let page = Self { language, notice, next: local(next).to_owned(), name };
        (status, FORM_REFERRER, Page(page)).into_response()
    }
}

pub(crate) async fn submit(
    State(state): State<AppState>,
    source: Source,
    headers: HeaderMap,
    language: Language,
    form: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(Credentials { name, password, next }) = form.map_err(|rejection| form_problem(&rejection))?;
    let access = &state.access;
    let tries = [
        sha256(&[b"source", source.text().as_bytes()]), // first, so that who is locked out cannot lock others out
        sha256(&[b"name", name.as_bytes()]),
    ];
    // No turn, no try: somebody who cannot be looked at must not be counted as wrong.
    let Some(turn) = access.account.turn().await else { return Err(Problem::TimedOut) };
    for key in &tries {
        if let Try::Locked { seconds } = operator::try_login(&state.pool, key).await? {
            tracing::warn!(seconds, "a login is locked out");
            let notice = Notice::Locked { wait: wait(seconds, language) };
            let page = LoginPage::respond(StatusCode::TOO_MANY_REQUESTS, notice, &next, String::new(), language);
            return Ok(([(header::RETRY_AFTER, HeaderValue::from(seconds))], page).into_response());
        }
    }
    if !turn.admits(&name, password).await {
        tracing::warn!("a login was refused");
        return Ok(LoginPage::respond(StatusCode::FORBIDDEN, Notice::Wrong, &next, name, language));
    }
    let token = Token::generate();
    let key = access.account.session_key(token.bytes());
    let before = access.cookie.read(&headers).map(|token| access.account.session_key(token.bytes()));
    operator::begin_session(&state.pool, &key, access.account.name(), before.as_ref(), tries.each_ref()).await?;
    note_caller(access.account.name());
    let cookie = [(header::SET_COOKIE, access.cookie.give(&token))];
    Ok((cookie, Redirect::to(local(&next))).into_response())
}

/// Rounded up, in words.
fn wait(seconds: u32, language: Language) -> String {
    let minutes = seconds.div_ceil(60);
    match (seconds, minutes) {
        (..=90, _) => language.pick(format!("{seconds}초"), format!("{seconds} seconds")),
        _ => language.pick(format!("{minutes}분"), format!("{minutes} minutes")),
    }
}

#[derive(Deserialize)]
pub(crate) struct Nothing {}

pub(crate) async fn log_out(
    State(state): State<AppState>,
    OperatorForm { operator, fields: Nothing {} }: OperatorForm<Nothing>,
) -> Result<Response, Problem> {
    let access = &state.access;
    operator::end_session(&state.pool, &access.account.session_key(operator.token.bytes())).await?;
    Ok(([(header::SET_COOKIE, access.cookie.take_back())], Redirect::to("/login")).into_response())
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::{LoginPage, Notice, local, wait};
    use crate::{language::Language, sample, sheet};

    #[test]
    fn a_login_leads_to_our_own_pages_and_nowhere_else() {
        for ours in ["/order", "/order?status=DONE&size=9", "/order/019ab7f2-3c55-7d8e-9b14-4f0f6a1c2d3e"] {
            assert_eq!(local(ours), ours);
        }
        for theirs in [
            "",
            "/",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "https://evil.example/order",
            "javascript:alert(1)",
            "order",
            "/orders.evil.example",
            "/order@evil.example",
            "/order\r\nset-cookie: a=b",
            "/order/\u{0}",
            "/order/\\evil",
            "/checkout",
            " /order",
        ] {
            assert_eq!(local(theirs), "/order", "{theirs}");
        }
    }

    #[test]
    fn the_page_is_as_its_sheets_show_it() {
        sheet::draw("login", |sheet, language| {
            let mut add = |variant: &str, notice, name: &str| {
                let page = LoginPage { language, notice, next: "/order?a=\"<b>".to_owned(), name: name.to_owned() };
                sheet.add(variant, &page.render().unwrap());
            };
            add("at first", Notice::None, "");
            add("wrong", Notice::Wrong, "<b>\"");
            for seconds in [30, 900] {
                add(&format!("locked for {seconds} s"), Notice::Locked { wait: wait(seconds, language) }, "");
            }
        });
    }

    #[test]
    fn the_login_says_what_was_wrong_and_repeats_no_markup() {
        for language in [Language::Korean, Language::English] {
            let render = |notice| {
                let (next, name) = ("/order?a=\"<b>".to_owned(), "<b>\"".to_owned());
                let html = LoginPage { language, notice, next, name }.render().unwrap();
                sample::check_page(&html, language.tag());
                html
            };
            let plain = render(Notice::None);
            assert!(!plain.contains("role=\"alert\"") && plain.contains("type=\"password\""), "{plain}");
            assert!(render(Notice::Wrong).contains("role=\"alert\""));
            let wait = wait(900, language);
            assert!(wait.contains("15") && render(Notice::Locked { wait: wait.clone() }).contains(&wait));
        }
        assert_eq!(wait(30, Language::English), "30 seconds");
        assert_eq!(wait(91, Language::Korean), "2분");
    }
}
