//! `/api/sites`

use axum::response::{IntoResponse, Response};
use control::{cluster, site};
use domain::{
    cluster::{Cluster, Namespace},
    id::SiteId,
    problem::Problem,
    site::{Dependents, NewSite, Site, SiteEdit, SiteTest, Tested},
};
use http::StatusCode;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, DeleteQuery, lists};
use crate::problem::{Json, Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(test_new))
        .routes(routes!(get, edit, delete))
        .routes(routes!(dependents))
        .routes(routes!(test))
        .routes(routes!(clusters, manage))
        .routes(routes!(namespaces))
}

/// Every site, by name.
#[utoipa::path(get, path = "/api/sites", tag = "sites", params(lists::PageQuery), responses((status = 200, body = Vec<Site>)))]
async fn list(Caller(ctx): Caller, listing: lists::Listing) -> Answer<Response> {
    Ok(listing.answer(site::list(&ctx).await?))
}

/// Connects a site.
#[utoipa::path(
    post, path = "/api/sites", tag = "sites", request_body = NewSite,
    responses((status = 201, body = Site), (status = 409, body = Problem), (status = 422, body = Problem))
)]
async fn create(Caller(ctx): Caller, Json(new): Json<NewSite>) -> Answer<Response> {
    Ok((StatusCode::CREATED, axum::Json(site::create(&ctx, new).await?)).into_response())
}

/// Tries a connection that is not stored.
#[utoipa::path(
    post, path = "/api/sites/test", tag = "sites", request_body = NewSite,
    responses((status = 200, body = SiteTest), (status = 422, body = Problem))
)]
async fn test_new(Caller(ctx): Caller, Json(new): Json<NewSite>) -> Answer<axum::Json<SiteTest>> {
    Ok(axum::Json(site::test(&ctx, Tested::New(new)).await?))
}

/// One site.
#[utoipa::path(
    get, path = "/api/sites/{id}", tag = "sites", params(("id" = SiteId, Path)),
    responses((status = 200, body = Site), (status = 404, body = Problem))
)]
async fn get(Caller(ctx): Caller, Path(id): Path<SiteId>) -> Answer<axum::Json<Site>> {
    Ok(axum::Json(site::get(&ctx, id).await?))
}

/// Edits a site.
#[utoipa::path(
    put, path = "/api/sites/{id}", tag = "sites", params(("id" = SiteId, Path)), request_body = SiteEdit,
    responses((status = 200, body = Site), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn edit(
    Caller(ctx): Caller,
    Path(id): Path<SiteId>,
    Json(edit): Json<SiteEdit>,
) -> Answer<axum::Json<Site>> {
    Ok(axum::Json(site::edit(&ctx, id, edit).await?))
}

/// Removes a site with its clusters and app instances.
#[utoipa::path(
    delete, path = "/api/sites/{id}", tag = "sites", params(("id" = SiteId, Path), DeleteQuery),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
async fn delete(
    Caller(ctx): Caller,
    Path(id): Path<SiteId>,
    Query(query): Query<DeleteQuery>,
) -> Answer<StatusCode> {
    site::delete(&ctx, id, query.force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What would go with a site.
#[utoipa::path(
    get, path = "/api/sites/{id}/dependents", tag = "sites", params(("id" = SiteId, Path)),
    responses((status = 200, body = Dependents), (status = 404, body = Problem))
)]
async fn dependents(Caller(ctx): Caller, Path(id): Path<SiteId>) -> Answer<axum::Json<Dependents>> {
    Ok(axum::Json(site::dependents(&ctx, id).await?))
}

/// Tries a stored connection. A failed test is an answer, not an error.
#[utoipa::path(
    post, path = "/api/sites/{id}/test", tag = "sites", params(("id" = SiteId, Path)),
    responses((status = 200, body = SiteTest), (status = 404, body = Problem))
)]
async fn test(Caller(ctx): Caller, Path(id): Path<SiteId>) -> Answer<axum::Json<SiteTest>> {
    Ok(axum::Json(site::test(&ctx, Tested::Stored(id)).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ClustersQuery {
    /// Ask the site now instead of answering what is stored.
    #[serde(default)]
    refresh: bool,
}

/// A site's clusters.
#[utoipa::path(
    get, path = "/api/sites/{id}/clusters", tag = "sites", params(("id" = SiteId, Path), ClustersQuery, lists::PageQuery),
    responses((status = 200, body = Vec<Cluster>), (status = 404, body = Problem), (status = 502, body = Problem))
)]
async fn clusters(
    Caller(ctx): Caller,
    Path(id): Path<SiteId>,
    Query(query): Query<ClustersQuery>,
    listing: lists::Listing,
) -> Answer<Response> {
    let clusters = match query.refresh {
        true => cluster::discover(&ctx, id).await?,
        false => cluster::list(&ctx, id).await?,
    };
    Ok(listing.answer(clusters))
}

/// Says which of a site's clusters are managed: the body names them by id, external id or name.
#[utoipa::path(
    put, path = "/api/sites/{id}/clusters", tag = "sites", params(("id" = SiteId, Path)),
    request_body = Vec<String>,
    responses(
        (status = 200, body = Vec<Cluster>), (status = 404, body = Problem), (status = 422, body = Problem)
    )
)]
async fn manage(
    Caller(ctx): Caller,
    Path(id): Path<SiteId>,
    listing: lists::Listing,
    Json(managed): Json<Vec<String>>,
) -> Answer<Response> {
    Ok(listing.answer(cluster::manage_named(&ctx, id, &managed).await?))
}

/// A cluster's namespaces, asked for now. The cluster by id, external id or name.
#[utoipa::path(
    get, path = "/api/sites/{id}/clusters/{cluster}/namespaces", tag = "sites",
    params(("id" = SiteId, Path), ("cluster" = String, Path), lists::PageQuery),
    responses((status = 200, body = Vec<Namespace>), (status = 404, body = Problem), (status = 502, body = Problem))
)]
async fn namespaces(
    Caller(ctx): Caller,
    Path((id, cluster)): Path<(SiteId, String)>,
    listing: lists::Listing,
) -> Answer<Response> {
    Ok(listing.answer(cluster::namespaces(&ctx, id, &cluster).await?))
}
