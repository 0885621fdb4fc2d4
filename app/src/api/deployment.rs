//! Deployments: syncs and their undoing.

use domain::{
    deployment::{Deployment, DeploymentStatus, HistoryQuery, Origin, TaskPod},
    event::Event,
    id::DeploymentId,
    list::Page,
    metrics::Metrics,
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// One deployment with its tasks.
#[server(name = CallDeploymentGet, prefix = "/rpc", endpoint = "deployment/get", input = Json, output = Json)]
pub async fn get(id: DeploymentId) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::deployment::get(&ctx, id).await.map_err(fail)
}

/// A page of deployments, newest first.
#[server(name = CallDeploymentHistory, prefix = "/rpc", endpoint = "deployment/history", input = Json, output = Json)]
pub async fn history(query: HistoryQuery) -> Result<Page<Deployment>, ApiError> {
    let ctx = context()?;
    control::deployment::history(&ctx, query).await.map_err(fail)
}

/// Asks a deployment to stop.
#[server(name = CallDeploymentCancel, prefix = "/rpc", endpoint = "deployment/cancel", input = Json, output = Json)]
pub async fn cancel(id: DeploymentId) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::deployment::cancel(&ctx, id).await.map_err(fail)
}

/// A deployment's events, oldest first.
#[server(name = CallDeploymentEvents, prefix = "/rpc", endpoint = "deployment/events", input = Json, output = Json)]
pub async fn events(id: DeploymentId) -> Result<Vec<Event>, ApiError> {
    let ctx = context()?;
    control::deployment::recent_events(&ctx, id).await.map_err(fail)
}

/// The pods of a deployment's workloads, now.
#[server(name = CallDeploymentPods, prefix = "/rpc", endpoint = "deployment/pods", input = Json, output = Json)]
pub async fn pods(id: DeploymentId) -> Result<Vec<TaskPod>, ApiError> {
    let ctx = context()?;
    control::deployment::pods(&ctx, id).await.map_err(fail)
}

/// A deployment in as few words as every page needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// The deployment.
    pub id: DeploymentId,
    /// Sync or rollback.
    pub origin: Origin,
    /// Where the versions go.
    pub target: String,
    /// How far it is.
    pub status: DeploymentStatus,
    /// Tasks that have ended, of all.
    pub done: (u64, u64),
}

impl From<Deployment> for Brief {
    fn from(deployment: Deployment) -> Self {
        Self {
            id: deployment.id,
            origin: deployment.origin,
            target: deployment.target_name,
            status: deployment.status,
            done: (deployment.counts.ended(), deployment.counts.total),
        }
    }
}

/// One deployment in few words.
#[server(name = CallDeploymentBrief, prefix = "/rpc", endpoint = "deployment/brief", input = Json, output = Json)]
pub async fn brief(id: DeploymentId) -> Result<Brief, ApiError> {
    let ctx = context()?;
    control::deployment::get(&ctx, id).await.map(Brief::from).map_err(fail)
}

/// Deployments that have not ended, but for those whose time is still to come.
#[server(name = CallDeploymentRunning, prefix = "/rpc", endpoint = "deployment/running", input = Json, output = Json)]
pub async fn running() -> Result<Vec<Brief>, ApiError> {
    let ctx = context()?;
    let running = control::deployment::running(&ctx).await.map_err(fail)?;
    let begun = running.into_iter().filter(|one| one.begun_at.is_some() || one.scheduled_for.is_none());
    Ok(begun.map(Brief::from).collect())
}

/// How deployments went in the last days.
#[server(name = CallDeploymentMetrics, prefix = "/rpc", endpoint = "deployment/metrics", input = Json, output = Json)]
pub async fn metrics(days: u32) -> Result<Metrics, ApiError> {
    let ctx = context()?;
    control::deployment::metrics(&ctx, days).await.map_err(fail)
}

/// The last deployments that failed or were put back, newest first.
#[server(name = CallDeploymentFailed, prefix = "/rpc", endpoint = "deployment/failed", input = Json, output = Json)]
pub async fn failed_lately() -> Result<Vec<Deployment>, ApiError> {
    let ctx = context()?;
    control::deployment::failed_lately(&ctx).await.map_err(fail)
}
