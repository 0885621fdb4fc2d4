//! The one error of all server functions.

use domain::problem::Problem;
use leptos::{prelude::FromServerFnError, server_fn::error::ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use super::JsonText;

/// A use case's problem document, or one made of what went wrong on the way there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiError(pub Problem);

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for ApiError {}

impl FromServerFnError for ApiError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        use ServerFnErrorErr as E;
        let problem = match error {
            E::Request(_) => Problem::new(
                503,
                "server_unreachable",
                "No answer",
                "The Lockstep server does not answer. Check that it is running, then try again.",
            ),
            E::Args(words) | E::MissingArg(words) => bad_request(&words),
            // On the server it is the request that was not understood, in the browser the answer.
            E::Deserialization(words) if cfg!(feature = "ssr") => bad_request(&words),
            E::Deserialization(_) | E::Serialization(_) => Problem::new(
                502,
                "versions_differ",
                "Not understood",
                "The server's answer was not understood. It may have been updated: reload the page.",
            ),
            other => Problem::new(500, "internal", "Something went wrong", other.to_string()),
        };
        #[cfg(feature = "ssr")]
        set_status(&problem);
        Self(problem)
    }
}

fn bad_request(words: &str) -> Problem {
    Problem::new(400, "bad_request", "Not understood", format!("The request was not understood: {words}."))
}

/// The context of the use cases, provided by the server for every request.
#[cfg(feature = "ssr")]
#[expect(clippy::result_large_err, reason = "the same error as of every server function")]
pub(super) fn context() -> Result<control::Context, ApiError> {
    leptos::prelude::use_context().ok_or_else(|| {
        ApiError(Problem::new(500, "internal", "Something went wrong", "The request has no context."))
    })
}

/// Turns a use case's error into what goes over the wire, under its own HTTP status.
#[cfg(feature = "ssr")]
pub(super) fn fail(error: control::Error) -> ApiError {
    let problem = error.problem();
    set_status(&problem);
    ApiError(problem)
}

/// Answers with a problem's own status; Leptos answers 500 for every error.
#[cfg(feature = "ssr")]
fn set_status(problem: &Problem) {
    use leptos::prelude::use_context;
    // While a page is rendered the same functions are called directly: its status is not this one's.
    let called_by_browser = use_context::<axum::http::request::Parts>()
        .is_some_and(|parts| parts.uri.path().starts_with("/rpc/"));
    if let (true, Some(response)) = (called_by_browser, use_context::<leptos_axum::ResponseOptions>())
        && let Ok(status) = axum::http::StatusCode::from_u16(problem.status)
    {
        response.set_status(status);
    }
}
