//! The REST API: one file per noun, each handler some ten lines around a use case.

mod app_instances;
mod environments;
mod lists;
mod matrix;
mod services;
mod sites;
mod sync;

use axum::{Router, extract::FromRequestParts, routing::get};
use control::Context;
use http::request::Parts;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{docs, problem::wrong_method, sse};

/// The acting user's context.
pub(crate) struct Caller(pub(crate) Context);

impl FromRequestParts<Context> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, ctx: &Context) -> Result<Self, Self::Rejection> {
        Ok(Self(ctx.clone()))
    }
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
        .merge(services::router())
        .merge(matrix::router())
        .merge(sync::router())
        .routes(routes!(sse::stream_events))
}

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}

/// The API's routes, its document and the readable page of it.
pub(crate) fn routes(ctx: Context) -> Router {
    let (routes, document) = router().split_for_parts();
    let page = docs::page(&document);
    routes
        .route("/api/openapi.json", get(move || async move { axum::Json(document) }))
        .route("/api/docs", get(move || async move { axum::response::Html(page) }))
        .route("/docs/errors/{code}", get(docs::error_page))
        .method_not_allowed_fallback(wrong_method)
        .with_state(ctx)
}
