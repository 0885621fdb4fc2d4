//! Turns away requests that a web page of someone else's makes through the user's browser: forms posted from another
//! origin, and names rebound to this machine. Loopback alone is no defence against either.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::problem::Problem;
use http::{HeaderMap, header};

use crate::problem::ProblemResponse;

/// Host names the server answers to, beside addresses and `localhost`.
pub(crate) type AllowedHosts = Arc<[String]>;

/// Lets only requests through that are meant for this server and come from its own pages or from no page.
pub(crate) async fn guard(State(allowed): State<AllowedHosts>, request: Request, next: Next) -> Response {
    let host = host_of(&request);
    let Some(host) = host.filter(|host| is_ours(host, &allowed)) else {
        let detail =
            "This server does not answer to that host name. Start it with --allowed-host NAME to allow it.";
        return refuse("host_not_allowed", detail);
    };
    if !same_origin(request.headers(), &host) {
        return refuse("origin_not_allowed", "This request comes from another site's page and is refused.");
    }
    next.run(request).await
}

fn refuse(code: &str, detail: &str) -> Response {
    ProblemResponse(Problem::new(403, code, "Refused", detail)).into_response()
}

/// The host that was asked, with its port.
fn host_of(request: &Request) -> Option<String> {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    header
        .or_else(|| request.uri().authority().map(|authority| authority.as_str()))
        .map(str::to_ascii_lowercase)
}

/// An address cannot be rebound; a name can, so names must be known.
fn is_ours(host: &str, allowed: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name.parse::<IpAddr>().is_ok()
        || allowed.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn same_origin(headers: &HeaderMap, host: &str) -> bool {
    let fetch_site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    let navigation = headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
    match headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null")) {
        Some(origin) => origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host)),
        // A link on another page may lead here; a form or a script on it may not.
        None => fetch_site.is_none_or(|site| matches!(site, "same-origin" | "none") || navigation),
    }
}
