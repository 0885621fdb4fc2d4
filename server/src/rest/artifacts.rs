//! `/api/artifacts`: programs that were uploaded for services of the server's own machine.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use control::artifact;
use domain::{artifact::Artifact, problem::Problem};
use http::StatusCode;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, lists};
use crate::problem::{Path, Query};

/// Where they are uploaded.
pub(crate) const PATH: &str = "/api/artifacts";

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new().routes(routes!(list, upload)).routes(routes!(delete))
}

/// The artifacts, newest first.
#[utoipa::path(
    get, path = "/api/artifacts", tag = "artifacts", params(lists::PageQuery),
    responses((status = 200, body = Vec<Artifact>), (status = 422, body = Problem))
)]
async fn list(Caller(ctx): Caller, listing: lists::Listing) -> Answer<Response> {
    Ok(listing.answer(artifact::list(&ctx).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct UploadQuery {
    /// What the file is called, for people to know it by.
    #[serde(default)]
    name: Option<String>,
}

/// Uploads an artifact, of up to 512 MiB: an executable, a script that begins with `#!`, or a tar with one, which may be packed
/// by gzip. The same content is the same artifact, so an upload can be repeated.
#[utoipa::path(
    post, path = "/api/artifacts", tag = "artifacts", params(UploadQuery),
    request_body(content = String, content_type = "application/octet-stream", description = "The file's bytes"),
    responses(
        (status = 201, body = Artifact), (status = 200, body = Artifact, description = "It was there already"),
        (status = 409, body = Problem), (status = 422, body = Problem)
    )
)]
async fn upload(Caller(ctx): Caller, Query(query): Query<UploadQuery>, body: Body) -> Answer<Response> {
    // As it comes, and bounded where it is stored: it is never in memory as a whole.
    let (stored, new) = artifact::store(&ctx, query.name.as_deref(), body.into_data_stream()).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(stored)).into_response())
}

/// Removes an artifact that no service uses.
#[utoipa::path(
    delete, path = "/api/artifacts/{digest}", tag = "artifacts", params(("digest" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn delete(Caller(ctx): Caller, Path(digest): Path<String>) -> Answer<StatusCode> {
    artifact::delete(&ctx, &digest).await?;
    Ok(StatusCode::NO_CONTENT)
}
