//! The version matrix.

use domain::{
    id::SiteId,
    matrix::{Column, MatrixQuery},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail, page_size};

/// What the matrix is about: what to filter by, and what is still missing where it is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The sites by name.
    pub sites: Vec<(SiteId, String)>,
    /// The applications.
    pub applications: Vec<String>,
    /// Anything is bound to any environment.
    pub bound: bool,
}

/// What the matrix is about.
#[server(name = CallMatrixSetting, prefix = "/rpc", endpoint = "matrix/setting", input = Json, output = Json)]
pub async fn setting() -> Result<Setting, ApiError> {
    let ctx = context()?;
    let sites = control::site::list(&ctx).await.map_err(fail)?;
    let environments = control::environment::list(&ctx).await.map_err(fail)?;
    Ok(Setting {
        sites: sites.into_iter().filter(|site| site.has_places()).map(|site| (site.id, site.name)).collect(),
        applications: control::matrix::applications(&ctx).await.map_err(fail)?,
        bound: environments.iter().any(|environment| environment.app_instances > 0),
    })
}

/// A page of the matrix as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatrixPage {
    /// The columns, from left to right.
    pub environments: Vec<Column>,
    /// The rows as HTML; none where the document has them already.
    pub rows: Option<String>,
    /// Rows under the filter over all pages.
    pub total: u64,
    /// Rows out of step under the filter, whether or not only those are shown.
    pub out_of_step: u64,
    /// This page's number, from 1.
    pub page: u32,
    /// Rows on a full page.
    pub page_size: u32,
    /// It is of an earlier time.
    pub past: bool,
}

/// A page of the matrix.
#[server(name = CallMatrixPage, prefix = "/rpc", endpoint = "matrix/page", input = Json, output = Json)]
pub async fn page(query: MatrixQuery) -> Result<MatrixPage, ApiError> {
    let ctx = context()?;
    let query = MatrixQuery { page_size: page_size(query.page_size), ..query };
    let found = control::matrix::page(&ctx, query).await.map_err(fail)?;
    Ok(MatrixPage {
        rows: Some(crate::pages::matrix_rows::write(&found)),
        environments: found.environments,
        total: found.total,
        out_of_step: found.out_of_step,
        page: found.page,
        page_size: found.page_size,
        past: found.at.is_some(),
    })
}

/// How many rows are out of step.
#[server(name = CallMatrixOutOfStep, prefix = "/rpc", endpoint = "matrix/out_of_step", input = Json, output = Json)]
pub async fn out_of_step() -> Result<u64, ApiError> {
    let ctx = context()?;
    let query = MatrixQuery { page_size: Some(1), ..Default::default() };
    Ok(control::matrix::page(&ctx, query).await.map_err(fail)?.out_of_step)
}
