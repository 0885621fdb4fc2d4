//! Errors on the wire, and extractors whose rejections are problem documents too.

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use domain::problem::{FieldError, Problem};
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;

/// A problem document as a response.
pub(crate) struct ProblemResponse(pub(crate) Problem);

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.0)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

impl From<control::Error> for ProblemResponse {
    fn from(error: control::Error) -> Self {
        Self(error.problem())
    }
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ProblemResponse;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(ProblemResponse(body_problem(&rejection))),
        }
    }
}

/// A body beyond [`crate::serve::MAX_BODY`].
pub(crate) fn too_large() -> Problem {
    Problem::new(413, "body_too_large", "Too large", "The request's body is larger than 16 MB.")
}

fn body_problem(rejection: &JsonRejection) -> Problem {
    let status = rejection.status().as_u16();
    if status == 413 {
        return too_large();
    }
    let (code, title) = match status {
        415 => ("not_json", "Not JSON"),
        _ => ("bad_body", "Body not understood"),
    };
    Problem::new(if status == 400 { 422 } else { status }, code, title, rejection.body_text())
}

/// The query string.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let words = rejection.body_text();
                let problem = Problem::new(422, "bad_query", "Query not understood", words.clone());
                Err(ProblemResponse(Problem { errors: vec![FieldError::new("query", words)], ..problem }))
            }
        }
    }
}

/// A part of the path. One that is no id names nothing that exists.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => {
                Err(ProblemResponse(Problem::new(404, "not_found", "Not found", "The path's id is no id.")))
            }
        }
    }
}

/// The answer to paths that do not exist.
pub(crate) async fn unknown_path() -> ProblemResponse {
    let detail = "There is nothing at this path. The API is described at /api/docs.";
    ProblemResponse(Problem::new(404, "unknown_path", "Unknown path", detail))
}

/// The answer to methods that a path does not have.
pub(crate) async fn wrong_method() -> ProblemResponse {
    let detail = "This path does not have that method. The API is described at /api/docs.";
    ProblemResponse(Problem::new(405, "wrong_method", "Wrong method", detail))
}
