//! The switch between the two languages at the foot of a page.
//!
//! It is a link to the same page with `lang=en`. The answer keeps the choice in a cookie and leads back to the address
//! without it, so an address that somebody passes on says nothing of who chose what. Nothing else of ours changes by it.

use axum::{
    extract::Request,
    http::{Method, Uri, header},
    middleware::Next,
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use tokio::task_local;
use url::form_urlencoded::{Serializer, parse};

use crate::{
    language::{Language, remembering},
    problem::is_for_programs,
};

const PARAMETER: &str = "lang";

task_local! {
    /// The page that is being answered. Every page has the switch, and none has anything else to do with its own address.
    static ADDRESS: Uri;
}

/// Around every page that can be asked for again.
pub(crate) async fn switch(request: Request, next: Next) -> Response {
    if request.method() != Method::GET || is_for_programs(request.uri().path()) {
        return next.run(request).await;
    }
    let address = request.uri().clone();
    match chosen(&address) {
        Some(language) => {
            let cookie = AppendHeaders([(header::SET_COOKIE, remembering(language))]);
            (cookie, Redirect::to(&with(&address, None))).into_response()
        }
        None => ADDRESS.scope(address, next.run(request)).await,
    }
}

fn chosen(address: &Uri) -> Option<Language> {
    let (_, tag) = parse(address.query()?.as_bytes()).find(|(name, _)| name == PARAMETER)?;
    Language::ALL.into_iter().find(|language| language.tag() == tag)
}

pub(crate) struct Switch {
    pub(crate) to: Language,
    pub(crate) address: String,
}

impl Language {
    /// To the other one, on this page. None: the page came of a form, and cannot be asked for again.
    pub(crate) fn switch(self) -> Option<Switch> {
        let to = self.pick(Self::English, Self::Korean);
        let address = ADDRESS.try_with(|address| with(address, Some(to))).ok()?;
        Some(Switch { to, address })
    }
}

fn with(address: &Uri, language: Option<Language>) -> String {
    let others = parse(address.query().unwrap_or_default().as_bytes()).filter(|(name, _)| name != PARAMETER);
    let query = Serializer::new(String::new())
        .extend_pairs(others)
        .extend_pairs(language.map(|language| (PARAMETER, language.tag())))
        .finish();
    // Two slashes, of either kind, would lead to another host.
    let path = address.path().trim_start_matches(['/', '\\']);
    if query.is_empty() { format!("/{path}") } else { format!("/{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::{chosen, with};
    use crate::language::Language::{English, Korean};

    #[test]
    fn an_address_keeps_all_but_the_language() {
        let check = |address: &str, expected, clean: &str, english: &str| {
            let address = address.parse().unwrap();
            assert_eq!(chosen(&address), expected, "{address}");
            assert_eq!((with(&address, None).as_str(), with(&address, Some(English)).as_str()), (clean, english));
        };
        check("/checkout", None, "/checkout", "/checkout?lang=en");
        check("/checkout?lang=en", Some(English), "/checkout", "/checkout?lang=en");
        check("//evil.example?lang=en", Some(English), "/evil.example", "/evil.example?lang=en");
        check("/\\evil.example?lang=ko", Some(Korean), "/evil.example", "/evil.example?lang=en");
        check(
            "/order?size=5&lang=ko&status=DONE",
            Some(Korean),
            "/order?size=5&status=DONE",
            "/order?size=5&status=DONE&lang=en",
        );
        check("/order?search=a%26b&lang=fr", None, "/order?search=a%26b", "/order?search=a%26b&lang=en");
        check(
            "/login?next=%2F%2Fevil.example&lang=en",
            Some(English),
            "/login?next=%2F%2Fevil.example",
            "/login?next=%2F%2Fevil.example&lang=en",
        );
    }
}
