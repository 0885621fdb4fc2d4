//! Deployments: syncs and their undoing.

use domain::{
    deployment::{Deployment, HistoryDay, HistoryQuery, TaskPod},
    event::Event,
    id::{DeploymentId, EnvironmentId},
    list::Page,
};
use leptos::{prelude::*, server_fn::codec::Json};

use super::ApiError;
#[cfg(feature = "ssr")]
use super::{context, fail};

/// One deployment with its tasks.
#[server(name = CallDeploymentGet, prefix = "/rpc", endpoint = "deployment/get", input = Json)]
pub async fn get(id: DeploymentId) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::deployment::get(&ctx, id).await.map_err(fail)
}

/// A page of deployments, newest first.
#[server(name = CallDeploymentHistory, prefix = "/rpc", endpoint = "deployment/history", input = Json)]
pub async fn history(query: HistoryQuery) -> Result<Page<Deployment>, ApiError> {
    let ctx = context()?;
    control::deployment::history(&ctx, query).await.map_err(fail)
}

/// Outcomes and durations day by day, for the chart.
#[server(name = CallDeploymentDays, prefix = "/rpc", endpoint = "deployment/days", input = Json)]
pub async fn days(environment: Option<EnvironmentId>, days: u32) -> Result<Vec<HistoryDay>, ApiError> {
    let ctx = context()?;
    control::deployment::days(&ctx, environment, days).await.map_err(fail)
}

/// Asks a deployment to stop.
#[server(name = CallDeploymentCancel, prefix = "/rpc", endpoint = "deployment/cancel", input = Json)]
pub async fn cancel(id: DeploymentId) -> Result<Deployment, ApiError> {
    let ctx = context()?;
    control::deployment::cancel(&ctx, id).await.map_err(fail)
}

/// A deployment's events, oldest first.
#[server(name = CallDeploymentEvents, prefix = "/rpc", endpoint = "deployment/events", input = Json)]
pub async fn events(id: DeploymentId) -> Result<Vec<Event>, ApiError> {
    let ctx = context()?;
    control::deployment::events(&ctx, id).await.map_err(fail)
}

/// The pods of a deployment's workloads, now.
#[server(name = CallDeploymentPods, prefix = "/rpc", endpoint = "deployment/pods", input = Json)]
pub async fn pods(id: DeploymentId) -> Result<Vec<TaskPod>, ApiError> {
    let ctx = context()?;
    control::deployment::pods(&ctx, id).await.map_err(fail)
}

/// Deployments that have not ended.
#[server(name = CallDeploymentRunning, prefix = "/rpc", endpoint = "deployment/running", input = Json)]
pub async fn running() -> Result<Vec<Deployment>, ApiError> {
    let ctx = context()?;
    control::deployment::running(&ctx).await.map_err(fail)
}
