//! Addresses of strangers that may become links.

use std::fmt;

use reqwest::Url;
use serde::{Deserialize, Deserializer, Serialize};

/// More is no address of a receipt.
const LENGTH_MAX: usize = 2_048;

/// An absolute https address with a host and without a user. Nothing else becomes a link of ours, stored, in JSON or on a
/// page: a browser runs what a `javascript:` address says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebUrl(String);

impl WebUrl {
    /// Takes at most 2,048 bytes. Characters that a browser would drop or turn around (white space, control characters,
    /// `\`) are refused: what is checked is what a browser opens.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |c: char| !(c.is_whitespace() || c.is_control() || c == '\\');
        if text.len() > LENGTH_MAX || !text.chars().all(plain) {
            return None;
        }
        let url: Url = text.parse().ok()?;
        let is_named = url.has_host() && url.username().is_empty() && url.password().is_none();
        (url.scheme() == "https" && is_named).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For what is stored: an address that is none (any more) is like no address, and no error.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WebUrl>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| WebUrl::parse(&text)))
}

#[cfg(test)]
mod tests {
    use super::WebUrl;

    #[test]
    fn only_an_https_address_may_become_a_link() {
        for text in [
            "https://dashboard.tosspayments.com/receipt/redirection?transactionId=tviva20260901&ref=PX",
            "https://toss.example/receipt?a=1&b=<b>",
            "https://영수증.example/가",
            "HTTPS://toss.example",
            "https://[::1]:8443/",
        ] {
            assert_eq!(WebUrl::parse(text).as_ref().map(WebUrl::as_str), Some(text));
        }
        let long = format!("https://toss.example/{}", "a".repeat(2_048));
        for text in [
            "",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\nscript:alert(1)",
            " javascript:alert(1)",
            "javascript://toss.example/%0aalert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "http://toss.example/receipt",
            "//evil.example",
            "/receipt",
            "toss.example",
            "https:",
            "https://",
            "https:///",
            "https://toss.example@evil.example/",
            "https://:x@evil.example/",
            "https:\\\\evil.example",
            "https://toss.example/\u{0}",
            "https://toss.example/a b",
            "https://toss.example/\u{202e}\n",
            &long,
        ] {
            assert_eq!(WebUrl::parse(text), None, "{text:.60}");
        }
    }
}
