//! What went wrong, from an answer or from the transport, as an [`Error`] whose text says what to do.

use std::{error::Error as StdError, io, time::Duration};

use http::{HeaderMap, StatusCode, header};
use rustls::CertificateError;
use serde::Deserialize;

use crate::{
    Error,
    connector::{CONNECT_TIMEOUT, ForbiddenAddress, UnresolvedName},
};

/// The longest message of a server's that is passed on, in characters.
const MAX_MESSAGE: usize = 600;

/// Marks of a 403 that comes from admission and not from missing rights.
const ADMISSION: &[&str] =
    &["denied the request", "has been rejected", "exceeded quota", "violates PodSecurity", "admission"];

/// Rancher's and Kubernetes' error bodies, as far as they are read.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default, alias = "Message")]
    message: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

/// What an answer that is no success means. `path` is what was asked for.
pub(crate) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &[u8], path: &str) -> Error {
    let said = message(body);
    let words = |fallback: &str| said.clone().unwrap_or_else(|| format!("{fallback} ({status})."));
    match status {
        _ if status.is_redirection() => redirected(headers),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Error::Unavailable {
            message: words("The server cannot answer now"),
            retry_after: retry_after(headers),
        },
        _ if is_html(headers, body) => web_page(status),
        StatusCode::BAD_REQUEST if holds(body, "HTTP request to an HTTPS server") => {
            Error::Address("The server speaks TLS at this port: give the address with https://.".to_owned())
        }
        StatusCode::UNAUTHORIZED => Error::SignIn(unauthorized(said.as_deref().unwrap_or_default(), path)),
        StatusCode::FORBIDDEN if ADMISSION.iter().any(|mark| holds(body, mark)) => {
            Error::Rejected(words("Rejected"))
        }
        StatusCode::FORBIDDEN => Error::Forbidden(words("The token lacks the right to do this")),
        StatusCode::GONE => Error::Expired(words("What was known is too old")),
        StatusCode::NOT_FOUND => Error::NotFound(words("There is no such thing")),
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            Error::Rejected(words("The server rejected the change"))
        }
        _ if status.is_server_error() => Error::Unavailable {
            message: words("The server or the cluster behind it has failed"),
            retry_after: retry_after(headers),
        },
        _ => Error::Answer(words("The server gave an unexpected answer")),
    }
}

/// Whether an error is Rancher's own, and not that of the cluster behind it.
pub(crate) fn is_ranchers(body: &[u8]) -> bool {
    serde_json::from_slice::<Body>(body).is_ok_and(|body| body.kind.as_deref() != Some("Status"))
}

/// What an answer means that should be JSON and cannot be read as it.
pub(crate) fn of_json(headers: &HeaderMap, body: &[u8], error: &serde_json::Error) -> Error {
    if is_html(headers, body) {
        return web_page(StatusCode::OK);
    }
    match error.classify() {
        serde_json::error::Category::Eof => Error::Answer("The answer was cut off.".to_owned()),
        _ => Error::Answer(format!("The answer is not what such a server gives: {error}.")),
    }
}

/// What a failure of the transport to `host` means: nothing listens, no such name, no trust, cut off.
pub(crate) fn of_transport(error: &(dyn StdError + 'static), host: &str) -> Error {
    if let Some(error) = find::<ForbiddenAddress>(error) {
        return Error::Address(error.to_string());
    }
    if let Some(error) = find::<UnresolvedName>(error) {
        return Error::Address(error.to_string());
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return Error::Tls(tls_words(error, host));
    }
    if let Some(error) = find::<hyper::Error>(error) {
        if error.is_parse() {
            return Error::Address(format!(
                "{host} does not answer with HTTP: check the port, or give https://."
            ));
        }
        if error.is_incomplete_message() || error.is_body_write_aborted() {
            return Error::Answer(format!("The answer of {host} was cut off."));
        }
    }
    match find::<io::Error>(error) {
        Some(error) => of_io(error, host),
        None => unavailable(format!("{host} cannot be reached: {}.", innermost(error))),
    }
}

/// A call that took longer than `limit`.
pub(crate) fn timed_out(host: &str, limit: Duration) -> Error {
    unavailable(format!("{host} did not answer within {} seconds.", limit.as_secs()))
}

fn of_io(error: &io::Error, host: &str) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Error::Address(format!("Nothing listens at {host}: check the address and its port."))
        }
        io::ErrorKind::TimedOut => Error::Address(format!(
            "{host} does not answer within {} seconds: check the address, and whether a firewall is in between.",
            CONNECT_TIMEOUT.as_secs()
        )),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::Address(format!("{host} cannot be reached from here: {error}."))
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Error::Answer(format!("The connection to {host} was cut off."))
        }
        _ => unavailable(format!("{host} cannot be reached: {error}.")),
    }
}

fn tls_words(error: &rustls::Error, host: &str) -> String {
    use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer};
    match error {
        rustls::Error::InvalidCertificate(UnknownIssuer) => {
            format!("The certificate of {host} is not signed by a known authority: give its CA certificate.")
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            format!("The certificate of {host} has expired: it has to be renewed there.")
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            format!("The certificate of {host} is for another name: use a name that it holds.")
        }
        rustls::Error::InvalidMessage(_) => {
            format!(
                "{host} does not speak TLS at this port: give the address with http://, or the right port."
            )
        }
        _ => format!("No secure connection to {host}: {error}."),
    }
}

fn unauthorized(said: &str, path: &str) -> String {
    if said.to_lowercase().contains("expired") {
        return "The token has expired: make a new one and give it here.".to_owned();
    }
    match path.starts_with("/v3") {
        true => "Rancher refuses the token: it is wrong or has expired, or it is for one cluster only. \
                 Make one with “no scope”."
            .to_owned(),
        false => "The server refuses the token: it is wrong, or has expired or been revoked.".to_owned(),
    }
}

fn redirected(headers: &HeaderMap) -> Error {
    let to = headers.get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("another address");
    Error::Address(format!("The server redirects to {}: if that is right, give that address.", shortened(to)))
}

fn web_page(status: StatusCode) -> Error {
    Error::Answer(format!(
        "The address answers with a web page ({status}), not with the API: check the address, or whether a sign-in \
         proxy is in front."
    ))
}

fn unavailable(message: String) -> Error {
    Error::Unavailable { message, retry_after: None }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let declared =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let start = body.trim_ascii_start();
    // What begins as JSON does is no page, whatever it is declared as.
    !start.starts_with(b"{") && (declared || start.starts_with(b"<"))
}

fn holds(body: &[u8], words: &str) -> bool {
    body.windows(words.len()).any(|window| window == words.as_bytes())
}

/// The server's own words: its message, its reason where it has none, or a short plain text.
fn message(body: &[u8]) -> Option<String> {
    let said = match serde_json::from_slice::<Body>(body) {
        Ok(body) => body.message.filter(|text| !text.is_empty()).or(body.reason)?,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let said = said.trim();
    (!said.is_empty() && !said.starts_with('<')).then(|| shortened(said))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The innermost error of this type in a chain of sources. An `io::Error` hides what it wraps from its own chain.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let wrapped: Option<&(dyn StdError + 'static)> = match error.downcast_ref::<io::Error>() {
        Some(outer) => outer.get_ref().map(|inner| inner as _),
        None => error.source(),
    };
    wrapped.and_then(find).or_else(|| error.downcast_ref())
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Error {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        headers.insert(header::RETRY_AFTER, "7".parse().unwrap());
        of_answer(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), "/k8s/clusters/local/api")
    }

    fn json(status: u16, body: &str) -> Error {
        answer(status, "application/json", body)
    }

    #[test]
    fn every_shape_of_error_gives_its_message() {
        let norman = json(
            404,
            r#"{"type":"error","status":404,"code":"NotFound","message":"clusters c-1 not found"}"#,
        );
        assert!(matches!(norman, Error::NotFound(words) if words == "clusters c-1 not found"));
        let body = r#"{"Code":{"Code":"NotFound","Status":404},"Message":"no such cluster","Cause":null,"FieldName":""}"#;
        assert!(
            matches!(answer(404, "text/plain", body), Error::NotFound(words) if words == "no such cluster")
        );
        assert!(is_ranchers(body.as_bytes()));
        let status = r#"{"kind":"Status","status":"Failure","message":"pods \"x\" not found","reason":"NotFound","code":404}"#;
        assert!(matches!(json(404, status), Error::NotFound(words) if words == "pods \"x\" not found"));
        assert!(!is_ranchers(status.as_bytes()));
        assert!(!is_ranchers(b"404 page not found"));
        assert!(matches!(answer(404, "text/plain", "404 page not found\n"), Error::NotFound(_)));
    }

    #[test]
    fn admission_is_told_from_missing_rights() {
        let rbac = r#"{"kind":"Status","message":"deployments.apps \"web\" is forbidden: User \"v\" cannot patch resource"}"#;
        assert!(matches!(json(403, rbac), Error::Forbidden(_)));
        let webhook = r#"{"kind":"Status","message":"admission webhook \"policy.example.com\" denied the request: no"}"#;
        assert!(matches!(json(403, webhook), Error::Rejected(_)));
        assert!(matches!(
            json(422, r#"{"message":"Deployment.apps \"web\" is invalid"}"#),
            Error::Rejected(_)
        ));
    }

    #[test]
    fn what_passes_is_tried_again_and_says_when() {
        for status in [429, 503] {
            let error = json(
                status,
                r#"{"type":"error","code":"ClusterUnavailable","message":"cluster agent disconnected"}"#,
            );
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
            assert!(error.is_transient());
        }
        assert!(matches!(json(500, "{}"), Error::Unavailable { .. }), "an agent that is down is a 500 too");
        assert!(matches!(answer(502, "text/html", "<html>Bad Gateway"), Error::Unavailable { .. }));
        assert!(matches!(json(410, r#"{"message":"too old resource version"}"#), Error::Expired(_)));
    }

    #[test]
    fn a_web_page_is_no_api() {
        assert!(
            matches!(answer(404, "text/html", "<!DOCTYPE html>"), Error::Answer(words) if words.contains("web page"))
        );
        let broken = serde_json::from_str::<u8>("<html>").unwrap_err();
        assert!(
            matches!(of_json(&HeaderMap::new(), b" <html>", &broken), Error::Answer(words) if words.contains("web page"))
        );
    }

    #[test]
    fn redirects_are_named_and_not_followed() {
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, "https://login.example.com/".parse().unwrap());
        let error = of_answer(StatusCode::FOUND, &headers, b"", "/v3/clusters");
        assert!(matches!(error, Error::Address(words) if words.contains("https://login.example.com/")));
    }

    #[test]
    fn refused_tokens_say_why() {
        let of =
            |body: &str, path| of_answer(StatusCode::UNAUTHORIZED, &HeaderMap::new(), body.as_bytes(), path);
        let words = |error: Error| matches!(error, Error::SignIn(_)).then(|| error.to_string()).unwrap();
        assert!(words(of(r#"{"message":"must authenticate"}"#, "/v3/clusters")).contains("no scope"));
        assert!(words(of(r#"{"message":"token is expired"}"#, "/v3/clusters")).contains("has expired: make"));
        assert!(words(of("", "/api/v1/pods")).contains("wrong"));
    }

    #[test]
    fn causes_are_found_however_deep_they_lie() {
        let tls = io::Error::other(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let wrapped = io::Error::other(io::Error::other(tls));
        assert!(matches!(of_transport(&wrapped, "h"), Error::Tls(words) if words.contains("CA certificate")));
        let plain = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
        );
        assert!(matches!(of_transport(&plain, "h"), Error::Tls(words) if words.contains("http://")));
        let refused = io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert!(matches!(of_transport(&refused, "h:1"), Error::Address(words) if words.contains("h:1")));
    }

    #[test]
    fn long_messages_are_cut() {
        let error = json(400, &format!(r#"{{"message":"{}"}}"#, "ä".repeat(5_000)));
        assert_eq!(error.to_string().chars().count(), MAX_MESSAGE + 1);
    }
}
