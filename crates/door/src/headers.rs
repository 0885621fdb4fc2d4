//! What of a message is for the next hop only, and what the front door tells a replica of who asks.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// For one hop only (RFC 9110, section 7.6.1), beside what `Connection` names.
const ONE_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Takes away what is for one hop only, and gives back the protocol that the connection is to be upgraded to.
pub(crate) fn strip(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let upgrade = named.contains(&UPGRADE).then(|| headers.get(UPGRADE).cloned()).flatten();
    for name in ONE_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    upgrade
}

/// Asks for an upgrade, or agrees to one.
pub(crate) fn upgrade(headers: &mut HeaderMap, to: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, to);
}

/// Tells who asks, and for what. What another proxy in front has told stays: it knows better.
pub(crate) fn forwarded(headers: &mut HeaderMap, client: IpAddr) {
    let mut path = client.to_string();
    if let Some(before) = headers.get(FORWARDED_FOR).and_then(|value| value.to_str().ok()) {
        path = format!("{before}, {path}");
    }
    if let Ok(path) = HeaderValue::from_str(&path) {
        headers.insert(FORWARDED_FOR, path);
    }
    if let Some(host) = headers.get(HOST).cloned() {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn what_is_for_one_hop_goes_no_further() {
        let mut told = headers(&[
            ("connection", "Keep-Alive, X-Once"),
            ("keep-alive", "timeout=5"),
            ("x-once", "1"),
            ("upgrade", "h2c"),
            ("transfer-encoding", "chunked"),
            ("x-stays", "1"),
        ]);
        assert_eq!(strip(&mut told), None, "an upgrade is asked for by both");
        assert_eq!(told, headers(&[("x-stays", "1")]));
        let mut told = headers(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        let to = strip(&mut told).unwrap();
        assert!(told.is_empty());
        upgrade(&mut told, to);
        assert_eq!(told, headers(&[("connection", "upgrade"), ("upgrade", "websocket")]));
    }

    #[test]
    fn a_replica_is_told_who_asks() {
        let mut told = headers(&[("host", "cart:28000")]);
        forwarded(&mut told, [127, 0, 0, 1].into());
        assert_eq!(told["x-forwarded-for"], "127.0.0.1");
        assert_eq!(
            (&told["x-forwarded-host"], &told["x-forwarded-proto"]),
            (&told["host"], &"http".parse().unwrap())
        );
        let mut told =
            headers(&[("host", "x"), ("x-forwarded-for", "10.0.0.9"), ("x-forwarded-proto", "https")]);
        forwarded(&mut told, [127, 0, 0, 1].into());
        assert_eq!(
            (&told["x-forwarded-for"], &told["x-forwarded-proto"]),
            (&"10.0.0.9, 127.0.0.1".parse().unwrap(), &"https".parse().unwrap())
        );
    }
}
