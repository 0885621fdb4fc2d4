//! The version matrix.

use domain::matrix::{Matrix, MatrixQuery};
use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
#[cfg(feature = "ssr")]
use super::{context, fail};

/// Every application that anything is bound as.
#[server(name = CallMatrixApplications, prefix = "/rpc", endpoint = "matrix/applications", input = Json)]
pub async fn applications() -> Result<Vec<String>, ApiError> {
    let ctx = context()?;
    control::matrix::applications(&ctx).await.map_err(fail)
}

/// A page of the matrix.
#[server(name = CallMatrixPage, prefix = "/rpc", endpoint = "matrix/page", input = Json)]
pub async fn page(query: MatrixQuery) -> Result<Matrix, ApiError> {
    let ctx = context()?;
    control::matrix::page(&ctx, query).await.map_err(fail)
}
