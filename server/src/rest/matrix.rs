//! `/api/matrix`

use axum::response::{IntoResponse, Response};
use domain::{
    list::MAX_PAGE_SIZE,
    matrix::{Matrix, MatrixQuery},
    problem::Problem,
};
use http::Uri;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, lists};
use crate::problem::Query;

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new().routes(routes!(page))
}

/// A page of the version matrix: the columns, and the rows with one cell per column.
#[utoipa::path(
    get, path = "/api/matrix", tag = "services", params(MatrixQuery),
    responses((status = 200, body = Matrix), (status = 422, body = Problem))
)]
async fn page(Caller(ctx): Caller, uri: Uri, Query(mut query): Query<MatrixQuery>) -> Answer<Response> {
    query.page_size.get_or_insert(MAX_PAGE_SIZE);
    let matrix = control::matrix::page(&ctx, query).await?;
    let pages = matrix.total.div_ceil(u64::from(matrix.page_size)).max(1) as u32;
    let headers = lists::headers(&uri, matrix.total, matrix.page, pages);
    Ok((headers, axum::Json(matrix)).into_response())
}
