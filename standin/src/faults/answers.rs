//! What comes in the place of an answer.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::response::{Html, IntoResponse, Response};
use futures::stream;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, RETRY_AFTER};

use super::{Drawn, Fault};
use crate::auth::Denied;
use crate::rancher::NormanError;
use crate::status::Refusal;

/// What is answered without doing anything, if that was drawn.
pub(crate) fn instead(drawn: &Drawn, token: &'static str) -> Option<Response> {
    if drawn.has(Fault::Dead) {
        return Some(NormanError::cluster_unavailable().into_response());
    }
    if drawn.has(Fault::ExpiredToken) {
        return Some(NormanError::from(Denied::Expired(token)).into_response());
    }
    if drawn.has(Fault::RevokedToken) {
        return Some(NormanError::from(Denied::Unknown).into_response());
    }
    if let Some(wait) = drawn.lasts(Fault::TooManyRequests, Duration::from_secs(1)) {
        let refusal = Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        );
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        return Some(([(RETRY_AFTER, seconds.to_string())], refusal).into_response());
    }
    if drawn.has(Fault::InternalError) {
        let words = "Internal error occurred: etcdserver: request timed out";
        let refusal = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", words);
        return Some(refusal.into_response());
    }
    if drawn.has(Fault::Unavailable) {
        let words = "the server is currently unable to handle the request";
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", words);
        return Some(refusal.into_response());
    }
    drawn.has(Fault::Html).then(|| {
        let status = if drawn.coin { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
        (status, Html("<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>")).into_response()
    })
}

/// The refusal of a change whose dry run was accepted.
pub(crate) fn refused_after_all() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "Forbidden",
        "admission webhook \"late.policy.example.com\" denied the request: it does not look at dry runs",
    )
}

/// The first half of an answer, and then the end of the connection.
pub(crate) async fn cut(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    // As the server of a whole answer would have said.
    parts.headers.insert(CONTENT_LENGTH, whole.len().into());
    let half: Result<Bytes, io::Error> = Ok(whole.slice(..whole.len() / 2));
    let end = Err(io::Error::from(io::ErrorKind::ConnectionAborted));
    Response::from_parts(parts, Body::from_stream(stream::iter([half, end])))
}
