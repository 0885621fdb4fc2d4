//! `Idempotency-Key`: a POST that is sent again under the same key is answered again, not carried out again.
//!
//! As in the IETF's draft of the header: the same key with another request is refused, and so is a request whose first
//! try is still under way.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use control::{Context, idempotency};
use domain::problem::Problem;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};

use crate::{
    problem::{ProblemResponse, too_large},
    rest::artifacts,
    serve::MAX_BODY,
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key, in bytes.
const MAX_KEY: usize = 255;

/// Answers a POST with a key once.
pub(crate) async fn once(State(ctx): State<Context>, request: Request, next: Next) -> Response {
    // An artifact is known by its content, so a repeated upload needs no key, and is too large to be kept for one.
    let is_meant = request.method() == Method::POST && request.uri().path() != artifacts::PATH;
    let Some(key) = request.headers().get(KEY).filter(|_| is_meant) else {
        return next.run(request).await;
    };
    let Some(key) = key.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len())).map(str::to_owned)
    else {
        let words = "An Idempotency-Key has 1 to 255 visible ASCII characters.";
        return ProblemResponse(Problem::new(422, "invalid", "Not valid", words)).into_response();
    };
    carried_out(&ctx, &key, request, next).await.unwrap_or_else(|error| error.into_response())
}

async fn carried_out(
    ctx: &Context,
    key: &str,
    request: Request,
    next: Next,
) -> Result<Response, ProblemResponse> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| ProblemResponse(too_large()))?;
    let what = format!("{} {:x}", parts.uri, Sha256::digest(&body));
    if let idempotency::Request::Answered { status, location, body } =
        idempotency::begin(ctx, key, &what).await?
    {
        return Ok(again(status, &location, body));
    }
    // Carried out and kept to the end, also where whoever asked has hung up.
    let (ctx, key) = (ctx.clone(), key.to_owned());
    let request = Request::from_parts(parts, Body::from(body));
    let answered = tokio::spawn(async move { answered(&ctx, &key, request, next).await });
    match answered.await {
        Ok(answer) => answer,
        Err(_) => {
            let words = "The server's log has the details; please report it.";
            Err(ProblemResponse(Problem::new(500, "internal", "A fault in Lockstep", words)))
        }
    }
}

async fn answered(
    ctx: &Context,
    key: &str,
    request: Request,
    next: Next,
) -> Result<Response, ProblemResponse> {
    let response = next.run(request).await;
    if response.status().is_server_error() {
        idempotency::forget(ctx, key).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let location = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let text = String::from_utf8_lossy(&body);
    idempotency::keep(ctx, key, parts.status.as_u16(), location.unwrap_or_default(), &text).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(status: u16, location: &str, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let is_problem = status.is_client_error();
    let kind = if is_problem { "application/problem+json" } else { "application/json" };
    let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if let Some(location) = HeaderValue::from_str(location).ok().filter(|location| !location.is_empty()) {
        headers.insert(header::LOCATION, location);
    }
    response
}
