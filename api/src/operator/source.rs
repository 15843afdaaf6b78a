//! Where a request comes from, for counting tries to log in and open streams: the peer's address, or what our own proxies say of it.
//!
//! What a client writes into `X-Forwarded-For` is its own affair, so only as many entries are read from its end as there are
//! proxies of ours, each of which adds one.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use crate::AppState;

/// The other end of the connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(Option<IpAddr>);

impl Source {
    fn of(peer: Option<IpAddr>, headers: &HeaderMap, proxies: u8) -> Self {
        let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
        let entries: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        let told = usize::from(proxies)
            .checked_sub(1)
            .and_then(|skipped| entries.iter().rev().nth(skipped)?.trim().parse::<IpAddr>().ok());
        Self(told.or(peer).map(whole_network))
    }

    #[cfg(test)]
    pub(crate) fn nowhere() -> Self {
        Self(None)
    }

    pub(crate) fn text(&self) -> String {
        self.0.map_or_else(|| "nowhere".to_owned(), |address| address.to_string())
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn whole_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

impl FromRequestParts<AppState> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0);
        Ok(Self::of(peer, &parts.headers, state.access.proxies))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::Source;

    #[test]
    fn only_our_own_proxies_are_believed() {
        let check = |lines: &[&str], proxies, expected: &str| {
            let headers: HeaderMap = lines
                .iter()
                .map(|line| ("x-forwarded-for".parse().unwrap(), HeaderValue::from_str(line).unwrap()))
                .collect();
            let peer = "10.0.0.1".parse().unwrap();
            assert_eq!(Source::of(Some(peer), &headers, proxies).text(), expected, "{lines:?}");
        };
        check(&[], 0, "10.0.0.1");
        check(&["1.1.1.1"], 0, "10.0.0.1");
        check(&["1.1.1.1"], 1, "1.1.1.1");
        check(&["6.6.6.6, 1.1.1.1"], 1, "1.1.1.1");
        check(&["6.6.6.6, 1.1.1.1, 2.2.2.2"], 2, "1.1.1.1");
        check(&["6.6.6.6, 1.1.1.1", "2.2.2.2"], 2, "1.1.1.1");
        check(&["1.1.1.1"], 2, "10.0.0.1");
        check(&["nonsense"], 1, "10.0.0.1");
        check(&["::ffff:1.1.1.1"], 1, "1.1.1.1");
        check(&["2001:db8:1:2:3:4:5:6"], 1, "2001:db8:1:2::");
    }
}
