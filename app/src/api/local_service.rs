//! Services of the server's own machine.

use domain::{
    front_door::{Traffic, Weights},
    id::ClusterId,
    local_service::{LocalService, LocalServiceEdit},
    output::OutputLine,
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// Lines of output that a page shows.
#[cfg(feature = "ssr")]
const LINES: usize = 500;

/// A local cluster's services.
#[server(name = CallLocalList, prefix = "/rpc", endpoint = "local/list", input = Json, output = Json)]
pub async fn list(cluster: ClusterId) -> Result<Vec<LocalService>, ApiError> {
    let ctx = context()?;
    control::local_service::list(&ctx, &cluster.to_string(), None).await.map_err(fail)
}

/// Makes a service, or changes it.
#[server(name = CallLocalPut, prefix = "/rpc", endpoint = "local/put", input = Json, output = Json)]
pub async fn put(
    cluster: ClusterId,
    namespace: String,
    name: String,
    edit: LocalServiceEdit,
) -> Result<LocalService, ApiError> {
    let ctx = context()?;
    control::local_service::put(&ctx, &cluster.to_string(), &namespace, &name, edit).await.map_err(fail)
}

/// Removes a service with all that it runs.
#[server(name = CallLocalDelete, prefix = "/rpc", endpoint = "local/delete", input = Json, output = Json)]
pub async fn delete(cluster: ClusterId, namespace: String, name: String) -> Result<(), ApiError> {
    let ctx = context()?;
    control::local_service::delete(&ctx, &cluster.to_string(), &namespace, &name).await.map_err(fail)
}

/// The last lines that a service's replicas have written.
#[server(name = CallLocalOutput, prefix = "/rpc", endpoint = "local/output", input = Json, output = Json)]
pub async fn output(
    cluster: ClusterId,
    namespace: String,
    name: String,
) -> Result<Vec<OutputLine>, ApiError> {
    let ctx = context()?;
    let cluster = cluster.to_string();
    let output = control::local_service::output(&ctx, &cluster, &namespace, &name, None, LINES).await;
    Ok(output.map_err(fail)?.1)
}

/// What came through a service's front door.
#[server(name = CallLocalTraffic, prefix = "/rpc", endpoint = "local/traffic", input = Json, output = Json)]
pub async fn traffic(cluster: ClusterId, namespace: String, name: String) -> Result<Traffic, ApiError> {
    let ctx = context()?;
    control::traffic::get(&ctx, &cluster.to_string(), &namespace, &name).await.map_err(fail)
}

/// Shares a service's requests between its versions.
#[server(name = CallLocalWeigh, prefix = "/rpc", endpoint = "local/weigh", input = Json, output = Json)]
pub async fn weigh(
    cluster: ClusterId,
    namespace: String,
    name: String,
    weights: Weights,
) -> Result<Traffic, ApiError> {
    let ctx = context()?;
    control::traffic::weigh(&ctx, &cluster.to_string(), &namespace, &name, weights).await.map_err(fail)
}
