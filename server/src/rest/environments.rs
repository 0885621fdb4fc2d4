//! `/api/environments`

use axum::response::{IntoResponse, Response};
use control::{environment, settings as stored};
use domain::{
    environment::{Environment, EnvironmentEdit, EnvironmentQuery, NewEnvironment},
    id::EnvironmentId,
    problem::Problem,
    settings::{SettingsEdit, StoredSettings},
    site::Dependents,
};
use http::{StatusCode, Uri};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, DeleteQuery, lists};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, edit, delete))
        .routes(routes!(dependents))
        .routes(routes!(settings, set))
}

/// Environments, from left to right unless asked otherwise.
#[utoipa::path(
    get, path = "/api/environments", tag = "environments", params(EnvironmentQuery, lists::PageQuery),
    responses((status = 200, body = Vec<Environment>), (status = 422, body = Problem))
)]
async fn list(
    Caller(ctx): Caller,
    uri: Uri,
    Query(query): Query<EnvironmentQuery>,
    Query(page): Query<lists::PageQuery>,
) -> Answer<Response> {
    Ok(lists::page(&uri, environment::page(&ctx, query, page.paging()).await?))
}

/// Makes an environment.
#[utoipa::path(
    post, path = "/api/environments", tag = "environments", request_body = NewEnvironment,
    responses((status = 201, body = Environment), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(Caller(ctx): Caller, Json(new): Json<NewEnvironment>) -> Answer<Response> {
    Ok((StatusCode::CREATED, axum::Json(environment::create(&ctx, new).await?)).into_response())
}

/// One environment.
#[utoipa::path(
    get, path = "/api/environments/{id}", tag = "environments", params(("id" = EnvironmentId, Path)),
    responses((status = 200, body = Environment), (status = 404, body = Problem))
)]
async fn get(Caller(ctx): Caller, Path(id): Path<EnvironmentId>) -> Answer<axum::Json<Environment>> {
    Ok(axum::Json(environment::get(&ctx, id).await?))
}

/// Edits an environment.
#[utoipa::path(
    put, path = "/api/environments/{id}", tag = "environments", params(("id" = EnvironmentId, Path)),
    request_body = EnvironmentEdit,
    responses((status = 200, body = Environment), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn edit(
    Caller(ctx): Caller,
    Path(id): Path<EnvironmentId>,
    Json(edit): Json<EnvironmentEdit>,
) -> Answer<axum::Json<Environment>> {
    Ok(axum::Json(environment::edit(&ctx, id, edit).await?))
}

/// Removes an environment with its app instances. Nothing that runs is touched.
#[utoipa::path(
    delete, path = "/api/environments/{id}", tag = "environments", params(("id" = EnvironmentId, Path), DeleteQuery),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn delete(
    Caller(ctx): Caller,
    Path(id): Path<EnvironmentId>,
    Query(query): Query<DeleteQuery>,
) -> Answer<StatusCode> {
    environment::delete(&ctx, id, query.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What would go with an environment.
#[utoipa::path(
    get, path = "/api/environments/{id}/dependents", tag = "environments", params(("id" = EnvironmentId, Path)),
    responses((status = 200, body = Dependents), (status = 404, body = Problem))
)]
async fn dependents(Caller(ctx): Caller, Path(id): Path<EnvironmentId>) -> Answer<axum::Json<Dependents>> {
    Ok(axum::Json(environment::dependents(&ctx, id).await?))
}

/// An environment's settings: its kind, what protects it, and what may be deployed to it.
#[utoipa::path(
    get, path = "/api/environments/{id}/settings", tag = "environments", params(("id" = EnvironmentId, Path)),
    responses((status = 200, body = StoredSettings), (status = 404, body = Problem))
)]
async fn settings(Caller(ctx): Caller, Path(id): Path<EnvironmentId>) -> Answer<axum::Json<StoredSettings>> {
    Ok(axum::Json(stored::get(&ctx, id).await?))
}

/// Replaces an environment's settings by a new revision; what is left out is as at the beginning.
#[utoipa::path(
    put, path = "/api/environments/{id}/settings", tag = "environments", params(("id" = EnvironmentId, Path)),
    request_body = SettingsEdit,
    responses(
        (status = 200, body = StoredSettings), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)
    )
)]
async fn set(
    Caller(ctx): Caller,
    Path(id): Path<EnvironmentId>,
    Json(edit): Json<SettingsEdit>,
) -> Answer<axum::Json<StoredSettings>> {
    Ok(axum::Json(stored::put(&ctx, id, edit).await?))
}
