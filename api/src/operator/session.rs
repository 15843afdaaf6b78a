//! The operator's cookie. It holds 32 random bytes and means nothing by itself: the session stands in the database.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use super::account::sha256;

const TOKEN_BYTES: usize = 32;

/// Whoever shows it is logged in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token([u8; TOKEN_BYTES]);

impl Token {
    pub(crate) fn generate() -> Self {
        Self(rand::random())
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What every form of the session carries. It is made from the token, so there is nothing to store, and a page that
    /// shows it does not show the token.
    pub(crate) fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(sha256(&[b"csrf", &self.0]))
    }

    pub(crate) fn is_csrf(&self, sent: &str) -> bool {
        self.csrf().as_bytes().ct_eq(sent.as_bytes()).into()
    }
}

#[cfg(test)]
impl Token {
    pub(super) fn sample() -> Self {
        Self([7; TOKEN_BYTES])
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// How the cookie is written, which depends on whether browsers reach us over TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookie {
    pub(crate) is_https: bool,
}

impl Cookie {
    /// Under `__Host-` no other host of the domain, and no page without TLS, can set it.
    fn name(self) -> &'static str {
        if self.is_https { "__Host-hanbeon" } else { "hanbeon" }
    }

    pub(crate) fn read(self, headers: &HeaderMap) -> Option<Token> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name()).and_then(|(_, value)| Token::parse(value))
    }

    /// Lax, because a link in a message should open the list; no GET changes anything. It lasts as long as the browser
    /// does, and the session decides by itself when it ends.
    pub(crate) fn give(self, token: &Token) -> HeaderValue {
        self.line(&URL_SAFE_NO_PAD.encode(token.0), "")
    }

    pub(crate) fn take_back(self) -> HeaderValue {
        self.line("", "; Max-Age=0")
    }

    fn line(self, value: &str, more: &str) -> HeaderValue {
        let secure = if self.is_https { "; Secure" } else { "" };
        let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", self.name());
        HeaderValue::try_from(line).unwrap_or_else(|_| HeaderValue::from_static("")) // cannot be: all of it is ASCII
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::{Cookie, Token};

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn a_cookie_reads_back_as_its_token_among_others() {
        let token = Token::generate();
        for is_https in [false, true] {
            let cookie = Cookie { is_https };
            let given = cookie.give(&token).to_str().unwrap().to_owned();
            let pair = given.split(';').next().unwrap();
            assert_eq!(cookie.read(&headers(&[&format!("a=b; {pair}; c=d")])), Some(token.clone()));
            assert_eq!(cookie.read(&headers(&["a=b", pair])), Some(token.clone()));
            assert_eq!(given.contains("; Secure"), is_https, "{given}");
            assert_eq!(given.starts_with("__Host-"), is_https, "{given}");
            assert!(given.contains("; HttpOnly; SameSite=Lax") && given.contains("; Path=/;"), "{given}");
        }
        let plain = Cookie { is_https: false };
        for line in ["", "hanbeon", "hanbeon=", "hanbeon=AAAA", "xhanbeon=1", "__Host-hanbeon=1", "=;=;"] {
            assert_eq!(plain.read(&headers(&[line])), None, "{line}");
        }
    }

    #[test]
    fn a_form_token_belongs_to_one_session() {
        let (ours, theirs) = (Token::generate(), Token::generate());
        assert!(ours.is_csrf(&ours.csrf()));
        for sent in ["", &theirs.csrf(), &format!("{}=", ours.csrf()), &ours.csrf().to_lowercase()] {
            assert!(!ours.is_csrf(sent), "{sent}");
        }
    }
}
