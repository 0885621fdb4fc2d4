//! The REST API: one file per noun, each handler some ten lines around a use case.

mod app_instances;
pub(crate) mod artifacts;
mod batch;
mod clusters;
mod deployments;
mod environments;
mod lists;
mod local_services;
mod matrix;
mod revisions;
mod services;
mod sites;
mod sync;
mod variables;

use axum::{
    Router,
    body::Bytes,
    extract::FromRequestParts,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use control::Context;
use domain::deployment::Deployment;
use http::{StatusCode, header, request::Parts};
use utoipa::{
    OpenApi,
    openapi::{Content, RefOr},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{docs, idempotency, problem::wrong_method, sse};

/// The acting user's context.
pub(crate) struct Caller(pub(crate) Context);

impl FromRequestParts<Context> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, ctx: &Context) -> Result<Self, Self::Rejection> {
        Ok(Self(ctx.clone()))
    }
}

/// What goes with what is deleted.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteQuery {
    /// Delete it with all that depends on it.
    #[serde(default)]
    pub(crate) force: bool,
}

/// Whether the end of what is started is waited for.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// Answer when it has ended.
    #[serde(default)]
    pub(crate) wait: bool,
}

/// Answers that a deployment was started, and where it is found below `path`; or, when it is waited for, how it ended.
pub(crate) async fn accepted<T: serde::Serialize>(
    ctx: &Context,
    started: Deployment,
    wait: bool,
    path: &str,
    shown: fn(Deployment) -> T,
) -> Answer<Response> {
    if wait {
        let ended = control::deployment::ended(ctx, started.id).await?;
        return Ok(axum::Json(shown(ended)).into_response());
    }
    let location = [(header::LOCATION, format!("{path}/{}", started.id))];
    Ok((StatusCode::ACCEPTED, location, axum::Json(shown(started))).into_response())
}

/// What a handler answers.
pub(crate) type Answer<T> = Result<T, crate::problem::ProblemResponse>;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lockstep",
        description = "What version of what runs where, and moving it safely.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(domain::problem::Problem, domain::event::Event))
)]
struct Head;

fn router() -> OpenApiRouter<Context> {
    OpenApiRouter::with_openapi(Head::openapi())
        .merge(sites::router())
        .merge(environments::router())
        .merge(app_instances::router())
        .merge(clusters::router())
        .merge(local_services::router())
        .merge(artifacts::router())
        .merge(services::router())
        .merge(matrix::router())
        .merge(revisions::router())
        .merge(variables::router())
        .merge(deployments::router())
        .merge(sync::router())
        .merge(batch::router())
        .routes(routes!(sse::stream_events))
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    described(router().into_openapi())
}

/// OpenAPI wants words for every response: where a handler gives none, its status's own. Problems have a media type of
/// their own (RFC 9457).
fn described(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for (status, response) in operations.into_iter().flatten().flat_map(|of| &mut of.responses.responses)
        {
            let status = status.parse().ok().and_then(|status: u16| http::StatusCode::from_u16(status).ok());
            let (RefOr::T(response), Some(status)) = (response, status) else { continue };
            if response.description.is_empty() {
                response.description = status.canonical_reason().unwrap_or_default().to_owned();
            }
            let is_problem = |content: &RefOr<Content>| {
                let RefOr::T(Content { schema: Some(RefOr::Ref(of)), .. }) = content else { return false };
                of.ref_location.ends_with("/Problem")
            };
            if response.content.get("application/json").is_some_and(is_problem)
                && let Some(problem) = response.content.swap_remove("application/json")
            {
                response.content.insert("application/problem+json".to_owned(), problem);
            }
        }
    }
    document
}

/// The API's routes, its document and the readable page of it.
pub(crate) fn routes(ctx: Context) -> Router {
    let (routes, document) = router().split_for_parts();
    let document = described(document);
    // Each connection has a clone of all routes, and with it of what their handlers hold.
    let page = Bytes::from(docs::page(&document));
    let document = document.to_json().map(Bytes::from).unwrap_or_default();
    let is_json = [(header::CONTENT_TYPE, "application/json")];
    routes
        .route("/api/openapi.json", get(move || async move { (is_json, document) }))
        .route("/api/docs", get(move || async move { axum::response::Html(page) }))
        .route("/docs/errors/{code}", get(docs::error_page))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(ctx.clone(), idempotency::once))
        .with_state(ctx)
}
