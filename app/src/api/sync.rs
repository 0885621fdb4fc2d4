//! Syncs and their previews.

use domain::{
    deployment::Deployment,
    id::{DeploymentId, PreviewId},
    sync::{OnFailure, Preview, StartSync, SyncRequest},
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// What a sync would change, found now.
#[server(name = CallSyncPreview, prefix = "/rpc", endpoint = "sync/preview", input = Json, output = Json)]
pub async fn preview(request: SyncRequest) -> Result<Preview, ApiError> {
    let ctx = context()?;
    control::sync::preview(&ctx, request).await.map_err(fail)
}

/// Starts what a preview has shown.
#[server(name = CallSyncStart, prefix = "/rpc", endpoint = "sync/start", input = Json, output = Json)]
pub async fn start(start: StartSync) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::sync::start(&ctx, start).await.map_err(fail)
}

/// What undoing a deployment would change, found now.
#[server(name = CallSyncPreviewUndo, prefix = "/rpc", endpoint = "sync/preview_undo", input = Json, output = Json)]
pub async fn preview_undo(deployment: DeploymentId) -> Result<Preview, ApiError> {
    let ctx = context()?;
    control::sync::preview_undo(&ctx, deployment).await.map_err(fail)
}

/// Starts the way back that a preview has shown.
#[server(name = CallSyncStartUndo, prefix = "/rpc", endpoint = "sync/start_undo", input = Json, output = Json)]
pub async fn start_undo(
    deployment: DeploymentId,
    preview: PreviewId,
    on_failure: OnFailure,
    note: String,
) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::sync::start_undo(&ctx, deployment, preview, on_failure, note).await.map_err(fail)
}
