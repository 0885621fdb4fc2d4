//! Syncs and their previews.

use chrono::{DateTime, Utc};
use domain::{
    deploy::DeployRequest,
    deployment::Deployment,
    id::{DeploymentId, PreviewId},
    settings::{Consent, Defaults, Guard},
    sync::{OnFailure, PreviewItem, StartSync, SyncRequest},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// Items of a preview that the browser holds at most.
pub const ITEMS: usize = 100;

/// A preview as it is shown: a page of what would happen, what changes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Names it when the sync is started.
    pub id: PreviewId,
    /// What was asked.
    pub request: SyncRequest,
    /// The source environment's name.
    pub source_name: String,
    /// The target environment's name.
    pub target_name: String,
    /// The deployment this would undo.
    pub undo_of: Option<DeploymentId>,
    /// The deployment whose rest this would carry out.
    pub retry_of: Option<DeploymentId>,
    /// What this would deploy, where nothing comes from another environment.
    pub deploy: Option<DeployRequest>,
    /// What stands between it and its start.
    pub guard: Guard,
    /// What its start takes unless it says otherwise.
    pub defaults: Defaults,
    /// After this it can no longer be confirmed.
    pub expires_at: DateTime<Utc>,
    /// Items over all pages.
    pub total: usize,
    /// Those of them that would change something.
    pub changing: usize,
    /// This page's number, from 0.
    pub page: usize,
    /// The items of this page.
    pub items: Vec<PreviewItem>,
}

#[cfg(feature = "ssr")]
impl Shown {
    pub(super) fn of(preview: domain::sync::Preview, page: usize) -> Self {
        let (total, changing) = (preview.items.len(), preview.changes().count());
        let mut items = preview.items;
        items.sort_by_key(|item| !item.will_change());
        Self {
            id: preview.id,
            request: preview.request,
            source_name: preview.source_name,
            target_name: preview.target_name,
            undo_of: preview.undo_of,
            retry_of: preview.retry_of,
            deploy: preview.deploy,
            guard: preview.guard,
            defaults: preview.defaults,
            expires_at: preview.expires_at,
            total,
            changing,
            page,
            items: items.into_iter().skip(page * ITEMS).take(ITEMS).collect(),
        }
    }
}

/// What a sync would change, found now.
#[server(name = CallSyncPreview, prefix = "/rpc", endpoint = "sync/preview", input = Json, output = Json)]
pub async fn preview(request: SyncRequest) -> Result<Shown, ApiError> {
    let ctx = context()?;
    control::sync::preview(&ctx, request).await.map(|preview| Shown::of(preview, 0)).map_err(fail)
}

/// Another page of what was found.
#[server(name = CallSyncPreviewed, prefix = "/rpc", endpoint = "sync/previewed", input = Json, output = Json)]
pub async fn previewed(preview: PreviewId, page: usize) -> Result<Shown, ApiError> {
    let ctx = context()?;
    control::sync::previewed(&ctx, preview).await.map(|preview| Shown::of(preview, page)).map_err(fail)
}

/// Starts what a preview has shown.
#[server(name = CallSyncStart, prefix = "/rpc", endpoint = "sync/start", input = Json, output = Json)]
pub async fn start(start: StartSync) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::sync::start(&ctx, start).await.map_err(fail)
}

/// What undoing a deployment would change, found now.
#[server(name = CallSyncPreviewUndo, prefix = "/rpc", endpoint = "sync/preview_undo", input = Json, output = Json)]
pub async fn preview_undo(deployment: DeploymentId) -> Result<Shown, ApiError> {
    let ctx = context()?;
    control::sync::preview_undo(&ctx, deployment).await.map(|preview| Shown::of(preview, 0)).map_err(fail)
}

/// What carrying out the rest of a deployment would change, found now.
#[server(name = CallSyncPreviewRetry, prefix = "/rpc", endpoint = "sync/preview_retry", input = Json, output = Json)]
pub async fn preview_retry(deployment: DeploymentId) -> Result<Shown, ApiError> {
    let ctx = context()?;
    control::sync::preview_retry(&ctx, deployment).await.map(|preview| Shown::of(preview, 0)).map_err(fail)
}

/// Starts the way back or the rest that a preview has shown.
#[server(name = CallSyncStartFollowUp, prefix = "/rpc", endpoint = "sync/start_follow_up", input = Json, output = Json)]
pub async fn start_follow_up(
    deployment: DeploymentId,
    preview: PreviewId,
    on_failure: OnFailure,
    note: String,
    consent: Consent,
) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::sync::start_follow_up(&ctx, deployment, preview, on_failure, &note, &consent).await.map_err(fail)
}
