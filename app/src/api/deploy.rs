//! Deploying: choosing, previewing, starting.

use domain::{
    deploy::{DeployRequest, StartDeployment, VersionChoice},
    deployment::Deployment,
    id::EnvironmentId,
    list::Page,
};
use leptos::prelude::*;

use super::{ApiError, Json, sync::Shown};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// A page of an environment's services with versions to choose from.
#[server(name = CallDeployChoices, prefix = "/rpc", endpoint = "deploy/choices", input = Json, output = Json)]
pub async fn choices(id: EnvironmentId, text: String, page: u32) -> Result<Page<VersionChoice>, ApiError> {
    let ctx = context()?;
    control::versions::choices(&ctx, id, &text, page).await.map_err(fail)
}

/// What a deployment would change, found now.
#[server(name = CallDeployPreview, prefix = "/rpc", endpoint = "deploy/preview", input = Json, output = Json)]
pub async fn preview(request: DeployRequest) -> Result<Shown, ApiError> {
    let ctx = context()?;
    control::sync::preview_deploy(&ctx, request).await.map(|preview| Shown::of(preview, 0)).map_err(fail)
}

/// Starts what a preview has shown.
#[server(name = CallDeployStart, prefix = "/rpc", endpoint = "deploy/start", input = Json, output = Json)]
pub async fn start(start: StartDeployment) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::sync::start_deploy(&ctx, start).await.map_err(fail)
}
