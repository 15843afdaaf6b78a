//! An operator's moves: log in, look, send a form with the token of the session.

use reqwest::StatusCode;

use super::shop::{Answered, OPERATOR, answered};

/// What an operator's browser keeps, and the token that its forms carry.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// `name=value`, for the header `Cookie`.
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

/// The answer to a login, whatever it is.
pub(crate) async fn try_login(
    http: &reqwest::Client,
    api: &str,
    (name, password): (&str, &str),
    headers: &[(&str, &str)],
) -> Answered {
    let fields = [("name", name), ("password", password)];
    answered(form(http, &format!("{api}/login"), &fields, headers)).await
}

/// Logs in and reads the form token off the list.
pub(crate) async fn log_in(http: &reqwest::Client, api: &str) -> Session {
    let answered_login = try_login(http, api, OPERATOR, &[]).await;
    assert_eq!(answered_login.status, StatusCode::SEE_OTHER, "{}", answered_login.text);
    let cookie = answered_login.header("set-cookie").split(';').next().unwrap().to_owned();
    let list = answered(http.get(format!("{api}/order")).header("cookie", &cookie)).await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.text);
    Session { cookie, csrf: field(&list.text, "csrf") }
}

/// A form as a browser sends it.
pub(crate) fn form(
    http: &reqwest::Client,
    url: &str,
    fields: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> reqwest::RequestBuilder {
    let url = reqwest::Url::parse_with_params(url, fields).unwrap();
    let body = url.query().unwrap_or_default().to_owned();
    let mut bare = url;
    bare.set_query(None);
    let request = http.post(bare).header("content-type", "application/x-www-form-urlencoded").body(body);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// The value of the first field of this name in a form.
pub(crate) fn field(html: &str, name: &str) -> String {
    let at = html.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no field {name}: {html}"));
    let tag_start = html[..at].rfind('<').unwrap();
    let tag = &html[tag_start..tag_start + html[tag_start..].find('>').unwrap()];
    tag.split("value=\"").nth(1).unwrap_or_default().split('"').next().unwrap_or_default().to_owned()
}
