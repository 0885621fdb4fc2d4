//! `/api/clusters`

use axum::response::{IntoResponse, Response};
use control::cluster;
use domain::{
    cluster::{Cluster, ClusterEdit, ClusterSummary, NewCluster},
    problem::Problem,
};
use http::{StatusCode, Uri};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, lists};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, edit, delete))
        .routes(routes!(summary))
}

/// Every managed cluster of every site that is not switched off, by name.
#[utoipa::path(get, path = "/api/clusters", tag = "clusters", params(lists::PageQuery), responses((status = 200, body = Vec<Cluster>)))]
async fn list(Caller(ctx): Caller, uri: Uri, Query(page): Query<lists::PageQuery>) -> Answer<Response> {
    Ok(lists::page(&uri, cluster::page(&ctx, page.paging()).await?))
}

/// Makes a cluster on the server's own machine.
#[utoipa::path(
    post, path = "/api/clusters", tag = "clusters", request_body = NewCluster,
    responses((status = 201, body = Cluster), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(Caller(ctx): Caller, Json(new): Json<NewCluster>) -> Answer<Response> {
    Ok((StatusCode::CREATED, axum::Json(cluster::create(&ctx, new).await?)).into_response())
}

/// One cluster, by id, the site's own id or name.
#[utoipa::path(
    get, path = "/api/clusters/{cluster}", tag = "clusters", params(("cluster" = String, Path)),
    responses((status = 200, body = Cluster), (status = 422, body = Problem))
)]
async fn get(Caller(ctx): Caller, Path(cluster): Path<String>) -> Answer<axum::Json<Cluster>> {
    Ok(axum::Json(cluster::get(&ctx, &cluster).await?))
}

/// Removes a cluster of the server's own machine. Refused while anything runs in it or is bound to it.
#[utoipa::path(
    delete, path = "/api/clusters/{cluster}", tag = "clusters", params(("cluster" = String, Path)),
    responses((status = 204), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn delete(Caller(ctx): Caller, Path(cluster): Path<String>) -> Answer<StatusCode> {
    cluster::delete(&ctx, &cluster).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Renames, labels or cordons a cluster.
#[utoipa::path(
    put, path = "/api/clusters/{cluster}", tag = "clusters", params(("cluster" = String, Path)),
    request_body = ClusterEdit,
    responses((status = 200, body = Cluster), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn edit(
    Caller(ctx): Caller,
    Path(cluster): Path<String>,
    Json(edit): Json<ClusterEdit>,
) -> Answer<axum::Json<Cluster>> {
    Ok(axum::Json(cluster::edit(&ctx, &cluster, edit).await?))
}

/// A cluster with what hangs on it: environments, services, and how they are.
#[utoipa::path(
    get, path = "/api/clusters/{cluster}/summary", tag = "clusters", params(("cluster" = String, Path)),
    responses((status = 200, body = ClusterSummary), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn summary(Caller(ctx): Caller, Path(cluster): Path<String>) -> Answer<axum::Json<ClusterSummary>> {
    Ok(axum::Json(cluster::summary(&ctx, &cluster).await?))
}
