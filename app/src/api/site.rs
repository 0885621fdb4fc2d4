//! Sites.

use domain::{
    id::SiteId,
    problem::Problem,
    site::{Check, Dependents, KubeconfigParts, NewSite, Site, SiteEdit, SiteTest, TestProgress, Tested},
};
use futures::{StreamExt, pin_mut};
use leptos::{
    prelude::*,
    server_fn::codec::{ByteStream, Streaming},
};

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// Every site.
#[server(name = CallSiteList, prefix = "/rpc", endpoint = "site/list", input = Json, output = Json)]
pub async fn list() -> Result<Vec<Site>, ApiError> {
    let ctx = context()?;
    control::site::list(&ctx).await.map_err(fail)
}

/// What a person should look after, in a sentence for each site that is in trouble or will be soon.
#[server(name = CallSiteTroubles, prefix = "/rpc", endpoint = "site/troubles", input = Json, output = Json)]
pub async fn troubles() -> Result<Vec<String>, ApiError> {
    let ctx = context()?;
    control::site::troubles(&ctx).await.map_err(fail)
}

/// One site.
#[server(name = CallSiteGet, prefix = "/rpc", endpoint = "site/get", input = Json, output = Json)]
pub async fn get(id: SiteId) -> Result<Site, ApiError> {
    let ctx = context()?;
    control::site::get(&ctx, id).await.map_err(fail)
}

/// Tests a connection: a line of JSON for each check as it ends, and one for the outcome or what went wrong.
#[server(name = CallSiteTest, prefix = "/rpc", endpoint = "site/test", input = Json, output = Streaming)]
pub async fn test(tested: Tested) -> Result<ByteStream<ApiError>, ApiError> {
    let ctx = context()?;
    let progress = control::site::follow_test(&ctx, tested).await.map_err(fail)?;
    Ok(ByteStream::from(progress.map(|told| {
        let mut line = serde_json::to_vec(&told.map_err(|error| error.problem())).unwrap_or_default();
        line.push(b'\n');
        line
    })))
}

/// Tests a connection, and gives each check out as it ends.
pub async fn follow_test(tested: Tested, mut seen: impl FnMut(Check)) -> Result<SiteTest, ApiError> {
    let chunks = test(tested).await?.into_inner();
    pin_mut!(chunks);
    let mut line = Vec::new();
    while let Some(chunk) = chunks.next().await {
        for byte in chunk? {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            let told = std::str::from_utf8(&line).ok();
            let told: Option<Result<TestProgress, ApiError>> = told.and_then(|told| super::read(told).ok());
            line.clear();
            match told.transpose()? {
                Some(TestProgress::Checked(check)) => seen(check),
                Some(TestProgress::Ended(outcome)) => return Ok(outcome),
                None => {}
            }
        }
    }
    Err(ApiError(Problem::new(
        503,
        "server_unreachable",
        "No answer",
        "The Lockstep server has gone before the test ended. Check that it is running, then test again.",
    )))
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
    control::site::delete(&ctx, id, true).await.map_err(fail)
}

/// Takes a kubeconfig apart into address, token and CA certificate.
#[server(name = CallSiteParseKubeconfig, prefix = "/rpc", endpoint = "site/parse_kubeconfig", input = Json, output = Json)]
pub async fn parse_kubeconfig(kubeconfig: String) -> Result<KubeconfigParts, ApiError> {
    let ctx = context()?;
    control::site::parse_kubeconfig(&ctx, kubeconfig).await.map_err(fail)
}
