//! `/api/environments/{id}/revisions` and what compares with them

use axum::response::{IntoResponse, Response};
use control::{compare, revision, up_to_date as check};
use domain::{
    compare::Comparison,
    id::EnvironmentId,
    list::MAX_PAGE_SIZE,
    problem::Problem,
    revision::{Drift, NewRevision, Revision, RevisionDiff, RevisionSummary},
    up_to_date::UpToDate,
};
use http::{StatusCode, Uri};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, lists};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(diff))
        .routes(routes!(compare_with))
        .routes(routes!(drift))
        .routes(routes!(up_to_date))
}

/// An environment's revisions, newest first, each with what it changed.
#[utoipa::path(
    get, path = "/api/environments/{id}/revisions", tag = "revisions",
    params(("id" = EnvironmentId, Path), lists::PageQuery),
    responses((status = 200, body = Vec<RevisionSummary>), (status = 404, body = Problem))
)]
async fn list(
    Caller(ctx): Caller,
    uri: Uri,
    Path(id): Path<EnvironmentId>,
    Query(query): Query<lists::PageQuery>,
) -> Answer<Response> {
    let page_size = query.page_size.or(Some(MAX_PAGE_SIZE));
    Ok(lists::page(&uri, revision::list(&ctx, id, query.page, page_size).await?))
}

/// Makes a revision: of what runs, or of chosen versions, which are not deployed by that.
#[utoipa::path(
    post, path = "/api/environments/{id}/revisions", tag = "revisions", params(("id" = EnvironmentId, Path)),
    request_body = NewRevision,
    responses(
        (status = 201, body = RevisionSummary), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
async fn create(
    Caller(ctx): Caller,
    Path(id): Path<EnvironmentId>,
    Json(new): Json<NewRevision>,
) -> Answer<Response> {
    Ok((StatusCode::CREATED, axum::Json(revision::create(&ctx, id, new).await?)).into_response())
}

/// One revision in full.
#[utoipa::path(
    get, path = "/api/environments/{id}/revisions/{number}", tag = "revisions",
    params(("id" = EnvironmentId, Path), ("number" = i64, Path)),
    responses((status = 200, body = Revision), (status = 404, body = Problem))
)]
async fn get(
    Caller(ctx): Caller,
    Path((id, number)): Path<(EnvironmentId, i64)>,
) -> Answer<axum::Json<Revision>> {
    Ok(axum::Json(revision::get(&ctx, id, number).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// The first revision's number.
    from: i64,
    /// The second's.
    to: i64,
}

/// What differs from one revision to another.
#[utoipa::path(
    get, path = "/api/environments/{id}/diff", tag = "revisions", params(("id" = EnvironmentId, Path), DiffQuery),
    responses((status = 200, body = RevisionDiff), (status = 404, body = Problem))
)]
async fn diff(
    Caller(ctx): Caller,
    Path(id): Path<EnvironmentId>,
    Query(query): Query<DiffQuery>,
) -> Answer<axum::Json<RevisionDiff>> {
    Ok(axum::Json(revision::compare(&ctx, id, query.from, query.to).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct CompareQuery {
    /// The other environment's id; the same one to compare two of its clusters.
    with: EnvironmentId,
    /// What runs in this cluster only, by id or name.
    #[serde(default)]
    cluster: Option<String>,
    /// The same of the other environment.
    #[serde(default)]
    with_cluster: Option<String>,
}

/// What runs in two environments, or in two clusters of them, side by side, field by field.
#[utoipa::path(
    get, path = "/api/environments/{id}/compare", tag = "revisions",
    params(("id" = EnvironmentId, Path), CompareQuery),
    responses((status = 200, body = Comparison), (status = 404, body = Problem), (status = 422, body = Problem))
)]
async fn compare_with(
    Caller(ctx): Caller,
    Path(id): Path<EnvironmentId>,
    Query(query): Query<CompareQuery>,
) -> Answer<axum::Json<Comparison>> {
    let left = compare::Side { environment: id, cluster: query.cluster };
    let right = compare::Side { environment: query.with, cluster: query.with_cluster };
    Ok(axum::Json(compare::environments(&ctx, left, right).await?))
}

/// How what runs differs from the active revision.
#[utoipa::path(
    get, path = "/api/environments/{id}/drift", tag = "revisions", params(("id" = EnvironmentId, Path)),
    responses((status = 200, body = Drift), (status = 404, body = Problem))
)]
async fn drift(Caller(ctx): Caller, Path(id): Path<EnvironmentId>) -> Answer<axum::Json<Drift>> {
    Ok(axum::Json(revision::drift(&ctx, id).await?))
}

/// The up-to-date check: replicas desired, there, healthy and outdated, service by service.
#[utoipa::path(
    get, path = "/api/environments/{id}/up-to-date", tag = "revisions", params(("id" = EnvironmentId, Path)),
    responses((status = 200, body = UpToDate), (status = 404, body = Problem))
)]
async fn up_to_date(Caller(ctx): Caller, Path(id): Path<EnvironmentId>) -> Answer<axum::Json<UpToDate>> {
    Ok(axum::Json(check::check(&ctx, id).await?))
}
