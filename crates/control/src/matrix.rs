//! The version matrix.

use domain::{
    list::{DEFAULT_PAGE_SIZE, Paging},
    matrix::{Matrix, MatrixQuery},
};

use crate::{Context, Error};

/// A page of the matrix.
pub async fn page(ctx: &Context, query: MatrixQuery) -> Result<Matrix, Error> {
    let paging = Paging::new(query.page, query.page_size, DEFAULT_PAGE_SIZE);
    Ok(ctx.store().matrix(&query, paging).await?)
}

/// The applications there are, for a filter.
pub async fn applications(ctx: &Context) -> Result<Vec<String>, Error> {
    Ok(ctx.store().applications().await?)
}
