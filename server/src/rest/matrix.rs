//! `/api/matrix` and `/api/matrix.csv`

use axum::response::{IntoResponse, Response};
use domain::{
    list::MAX_PAGE_SIZE,
    matrix::{Matrix, MatrixQuery},
    problem::Problem,
};
use http::{Uri, header};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Answer, Caller, lists};
use crate::{matrix_csv, problem::Query};

pub(super) fn router() -> OpenApiRouter<control::Context> {
    OpenApiRouter::new().routes(routes!(page)).routes(routes!(csv))
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

/// Every row of the version matrix that the filter matches, as CSV: a column for each environment, with its versions.
#[utoipa::path(
    get, path = "/api/matrix.csv", tag = "services", params(MatrixQuery),
    responses((status = 200, body = String, content_type = "text/csv"), (status = 422, body = Problem))
)]
async fn csv(Caller(ctx): Caller, Query(query): Query<MatrixQuery>) -> Answer<Response> {
    let matrix = control::matrix::all(&ctx, query).await?;
    let time = matrix.at.unwrap_or_else(chrono::Utc::now).format("%Y-%m-%dT%H%MZ");
    let disposition = format!("attachment; filename=\"versions-{time}.csv\"");
    let csv = matrix_csv::write(&matrix);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, csv).into_response())
}
