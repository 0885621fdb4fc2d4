//! The version matrix.

use chrono::DateTime;
use domain::{
    list::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, Paging},
    matrix::{Matrix, MatrixQuery},
};

use crate::{Context, Error};

/// A page of the matrix: as it is, or as it was.
pub async fn page(ctx: &Context, query: MatrixQuery) -> Result<Matrix, Error> {
    let paging = Paging::new(query.page, query.page_size, DEFAULT_PAGE_SIZE);
    read(ctx, &query, paging).await
}

/// All of the matrix that fits the filter.
pub async fn all(ctx: &Context, query: MatrixQuery) -> Result<Matrix, Error> {
    // What was is read as a whole anyway.
    let page_size = if query.at.is_some() { u32::MAX } else { MAX_PAGE_SIZE };
    let mut all = read(ctx, &query, Paging { page: 1, page_size }).await?;
    while u64::from(all.page) * u64::from(page_size) < all.total {
        all.page += 1;
        let next = read(ctx, &query, Paging { page: all.page, page_size }).await?;
        all.rows.extend(next.rows);
    }
    Ok(all)
}

/// The applications there are, for a filter.
pub async fn applications(ctx: &Context) -> Result<Vec<String>, Error> {
    Ok(ctx.store().applications().await?)
}

async fn read(ctx: &Context, query: &MatrixQuery, paging: Paging) -> Result<Matrix, Error> {
    let at = query.at.as_deref().map(DateTime::parse_from_rfc3339).transpose();
    let at = at
        .map_err(|_| Error::invalid("at", "Give a time with its zone, such as 2026-11-17T14:00:00+01:00."))?;
    Ok(match at {
        Some(at) => ctx.store().matrix_at(query, at.to_utc(), paging).await?,
        None => ctx.store().matrix(query, paging).await?,
    })
}
