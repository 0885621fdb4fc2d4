//! `/api/app-instances`

use axum::response::{IntoResponse, Response};
use control::app_instance;
use domain::{
    app_instance::{AppInstance, AppInstanceEdit, BindResult, NewAppInstance},
    id::{AppInstanceId, EnvironmentId},
    problem::Problem,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, lists};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(create_many))
        .routes(routes!(get, edit, delete))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Environment id.
    #[serde(default)]
    env: Option<EnvironmentId>,
}

/// App instances, of one environment or of all.
#[utoipa::path(
    get, path = "/api/app-instances", tag = "app instances", params(ListQuery, lists::PageQuery),
    responses((status = 200, body = Vec<AppInstance>))
)]
async fn list(
    Caller(ctx): Caller,
    Query(query): Query<ListQuery>,
    listing: lists::Listing,
) -> Answer<Response> {
    Ok(listing.answer(app_instance::list(&ctx, query.env).await?))
}

/// Binds a namespace to an environment.
#[utoipa::path(
    post, path = "/api/app-instances", tag = "app instances", request_body = NewAppInstance,
    responses((status = 201, body = AppInstance), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(Caller(ctx): Caller, Json(new): Json<NewAppInstance>) -> Answer<Response> {
    Ok((StatusCode::CREATED, axum::Json(app_instance::create(&ctx, new).await?)).into_response())
}

/// Binds many namespaces; each stands for itself and has its own outcome.
#[utoipa::path(
    post, path = "/api/app-instances/batch", tag = "app instances", request_body = Vec<NewAppInstance>,
    responses((status = 200, body = Vec<BindResult>))
)]
async fn create_many(
    Caller(ctx): Caller,
    Json(many): Json<Vec<NewAppInstance>>,
) -> Answer<axum::Json<Vec<BindResult>>> {
    Ok(axum::Json(app_instance::create_many(&ctx, many).await?))
}

/// One app instance.
#[utoipa::path(
    get, path = "/api/app-instances/{id}", tag = "app instances", params(("id" = AppInstanceId, Path)),
    responses((status = 200, body = AppInstance), (status = 404, body = Problem))
)]
async fn get(Caller(ctx): Caller, Path(id): Path<AppInstanceId>) -> Answer<axum::Json<AppInstance>> {
    Ok(axum::Json(app_instance::get(&ctx, id).await?))
}

/// Edits an app instance.
#[utoipa::path(
    put, path = "/api/app-instances/{id}", tag = "app instances", params(("id" = AppInstanceId, Path)),
    request_body = AppInstanceEdit,
    responses((status = 200, body = AppInstance), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn edit(
    Caller(ctx): Caller,
    Path(id): Path<AppInstanceId>,
    Json(edit): Json<AppInstanceEdit>,
) -> Answer<axum::Json<AppInstance>> {
    Ok(axum::Json(app_instance::edit(&ctx, id, edit).await?))
}

/// Removes a binding. Nothing that runs is touched.
#[utoipa::path(
    delete, path = "/api/app-instances/{id}", tag = "app instances", params(("id" = AppInstanceId, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn delete(Caller(ctx): Caller, Path(id): Path<AppInstanceId>) -> Answer<StatusCode> {
    app_instance::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
