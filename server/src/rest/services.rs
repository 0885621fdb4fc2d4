//! `/api/services`

use axum::response::Response;
use control::service;
use domain::{
    id::ServiceId,
    list::MAX_PAGE_SIZE,
    problem::Problem,
    service::{Service, ServiceQuery},
};
use http::Uri;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, lists};
use crate::problem::{Path, Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// Observed services. Without `pageSize`, up to 1,000.
#[utoipa::path(
    get, path = "/api/services", tag = "services", params(ServiceQuery),
    responses((status = 200, body = Vec<Service>), (status = 422, body = Problem))
)]
async fn list(Caller(ctx): Caller, uri: Uri, Query(mut query): Query<ServiceQuery>) -> Answer<Response> {
    query.page_size = query.page_size.or(Some(MAX_PAGE_SIZE));
    Ok(lists::page(&uri, service::list(&ctx, query).await?))
}

/// One service.
#[utoipa::path(
    get, path = "/api/services/{id}", tag = "services", params(("id" = ServiceId, Path)),
    responses((status = 200, body = Service), (status = 404, body = Problem))
)]
async fn get(Caller(ctx): Caller, Path(id): Path<ServiceId>) -> Answer<axum::Json<Service>> {
    Ok(axum::Json(service::get(&ctx, id).await?))
}
