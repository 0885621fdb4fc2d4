//! Sites.

use domain::{
    id::SiteId,
    site::{Dependents, KubeconfigParts, NewSite, Site, SiteEdit, SiteTest},
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// Every site.
#[server(name = CallSiteList, prefix = "/rpc", endpoint = "site/list", input = Json, output = Json)]
pub async fn list() -> Result<Vec<Site>, ApiError> {
    let ctx = context()?;
    control::site::list(&ctx).await.map_err(fail)
}

/// One site.
#[server(name = CallSiteGet, prefix = "/rpc", endpoint = "site/get", input = Json, output = Json)]
pub async fn get(id: SiteId) -> Result<Site, ApiError> {
    let ctx = context()?;
    control::site::get(&ctx, id).await.map_err(fail)
}

/// Tests a connection that is not stored yet.
#[server(name = CallSiteTestNew, prefix = "/rpc", endpoint = "site/test_new", input = Json, output = Json)]
pub async fn test_new(site: NewSite) -> Result<SiteTest, ApiError> {
    let ctx = context()?;
    control::site::test_new(&ctx, site).await.map_err(fail)
}

/// Tests a stored connection again.
#[server(name = CallSiteTest, prefix = "/rpc", endpoint = "site/test", input = Json, output = Json)]
pub async fn test(id: SiteId) -> Result<SiteTest, ApiError> {
    let ctx = context()?;
    control::site::test(&ctx, id).await.map_err(fail)
}

/// Connects a site.
#[server(name = CallSiteCreate, prefix = "/rpc", endpoint = "site/create", input = Json, output = Json)]
pub async fn create(site: NewSite) -> Result<Site, ApiError> {
    let ctx = context()?;
    control::site::create(&ctx, site).await.map_err(fail)
}

/// Edits a site.
#[server(name = CallSiteEdit, prefix = "/rpc", endpoint = "site/edit", input = Json, output = Json)]
pub async fn edit(id: SiteId, edit: SiteEdit) -> Result<Site, ApiError> {
    let ctx = context()?;
    control::site::edit(&ctx, id, edit).await.map_err(fail)
}

/// What depends on a site.
#[server(name = CallSiteDependents, prefix = "/rpc", endpoint = "site/dependents", input = Json, output = Json)]
pub async fn dependents(id: SiteId) -> Result<Dependents, ApiError> {
    let ctx = context()?;
    control::site::dependents(&ctx, id).await.map_err(fail)
}

/// Forgets a site and what is bound in it.
#[server(name = CallSiteDelete, prefix = "/rpc", endpoint = "site/delete", input = Json, output = Json)]
pub async fn delete(id: SiteId) -> Result<(), ApiError> {
    let ctx = context()?;
    control::site::delete(&ctx, id).await.map_err(fail)
}

/// Takes a kubeconfig apart into address, token and CA certificate.
#[server(name = CallSiteParseKubeconfig, prefix = "/rpc", endpoint = "site/parse_kubeconfig", input = Json, output = Json)]
pub async fn parse_kubeconfig(kubeconfig: String) -> Result<KubeconfigParts, ApiError> {
    let ctx = context()?;
    control::site::parse_kubeconfig(&ctx, kubeconfig).await.map_err(fail)
}
