//! The version matrix.

use domain::{
    id::SiteId,
    matrix::{Matrix, MatrixQuery},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

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
        sites: sites.into_iter().map(|site| (site.id, site.name)).collect(),
        applications: control::matrix::applications(&ctx).await.map_err(fail)?,
        bound: environments.iter().any(|environment| environment.app_instances > 0),
    })
}

/// A page of the matrix.
#[server(name = CallMatrixPage, prefix = "/rpc", endpoint = "matrix/page", input = Json, output = Json)]
pub async fn page(query: MatrixQuery) -> Result<Matrix, ApiError> {
    let ctx = context()?;
    control::matrix::page(&ctx, query).await.map_err(fail)
}
