//! Access reviews: what the bearer of a token may do.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::auth::Token;
use crate::json::text;
use crate::status::Refusal;

/// Whether a path is that of the self subject access reviews.
pub(crate) fn is_review(path: &str) -> bool {
    path == "apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
}

/// Answers a review.
pub(crate) fn answer(token: &Token, mut review: Value) -> Value {
    let verb = text(&review, "/spec/resourceAttributes/verb");
    let may = token.may(verb, text(&review, "/spec/resourceAttributes/resource"));
    let mut status = json!({ "allowed": may });
    if !may {
        status["reason"] = json!(format!("{} may not do this", token.user));
    }
    if let Some(review) = review.as_object_mut() {
        review.insert("status".to_owned(), status);
    }
    review
}

/// What a real cluster must not be asked in the name of someone who may only read: the credentials with
/// which requests are passed on may do more.
pub(crate) fn answer_for_reader(token: &Token, method: &Method, path: &str, body: &[u8]) -> Option<Response> {
    if !token.read_only || method == Method::GET {
        return None;
    }
    if is_review(path) {
        let review = serde_json::from_slice(body).unwrap_or_default();
        return Some((StatusCode::CREATED, Json(answer(token, review))).into_response());
    }
    let message = format!("User \"{}\" cannot change anything here", token.user_id());
    Some(Refusal::new(StatusCode::FORBIDDEN, "Forbidden", message).into_response())
}
