//! Clusters of sites.

use domain::{
    cluster::{Cluster, ClusterEdit, ClusterSummary, Namespace, NewCluster},
    id::{ClusterId, SiteId},
};
use leptos::prelude::*;

use super::{ApiError, Json};
#[cfg(feature = "ssr")]
use super::{context, fail};

/// A site's clusters, as they are stored.
#[server(name = CallClusterList, prefix = "/rpc", endpoint = "cluster/list", input = Json, output = Json)]
pub async fn list(site: SiteId) -> Result<Vec<Cluster>, ApiError> {
    let ctx = context()?;
    control::cluster::list(&ctx, site).await.map_err(fail)
}

/// Asks the site for its clusters now.
#[server(name = CallClusterDiscover, prefix = "/rpc", endpoint = "cluster/discover", input = Json, output = Json)]
pub async fn discover(site: SiteId) -> Result<Vec<Cluster>, ApiError> {
    let ctx = context()?;
    control::cluster::discover(&ctx, site).await.map_err(fail)
}

/// Chooses which of a site's clusters are managed.
#[server(name = CallClusterManage, prefix = "/rpc", endpoint = "cluster/manage", input = Json, output = Json)]
pub async fn manage(site: SiteId, clusters: Vec<ClusterId>) -> Result<Vec<Cluster>, ApiError> {
    let ctx = context()?;
    control::cluster::manage(&ctx, site, clusters).await.map_err(fail)
}

/// Makes a cluster on the server's own machine.
#[server(name = CallClusterCreate, prefix = "/rpc", endpoint = "cluster/create", input = Json, output = Json)]
pub async fn create(new: NewCluster) -> Result<Cluster, ApiError> {
    let ctx = context()?;
    control::cluster::create(&ctx, new).await.map_err(fail)
}

/// A cluster's namespaces, asked for now.
#[server(name = CallClusterNamespaces, prefix = "/rpc", endpoint = "cluster/namespaces", input = Json, output = Json)]
pub async fn namespaces(site: SiteId, cluster: String) -> Result<Vec<Namespace>, ApiError> {
    let ctx = context()?;
    control::cluster::namespaces(&ctx, site, &cluster).await.map_err(fail)
}

/// Every managed cluster of every site.
#[server(name = CallClusterAllManaged, prefix = "/rpc", endpoint = "cluster/all_managed", input = Json, output = Json)]
pub async fn all_managed() -> Result<Vec<Cluster>, ApiError> {
    let ctx = context()?;
    control::cluster::all_managed(&ctx).await.map_err(fail)
}

/// The clusters that are made by Lockstep.
#[server(name = CallClusterLocal, prefix = "/rpc", endpoint = "cluster/local", input = Json, output = Json)]
pub async fn local() -> Result<Vec<Cluster>, ApiError> {
    let ctx = context()?;
    control::cluster::local(&ctx).await.map_err(fail)
}

/// The managed clusters with what hangs on each.
#[server(name = CallClusterSummaries, prefix = "/rpc", endpoint = "cluster/summaries", input = Json, output = Json)]
pub async fn summaries() -> Result<Vec<ClusterSummary>, ApiError> {
    let ctx = context()?;
    control::cluster::summaries(&ctx).await.map_err(fail)
}

/// Renames, labels or cordons a cluster.
#[server(name = CallClusterEdit, prefix = "/rpc", endpoint = "cluster/edit", input = Json, output = Json)]
pub async fn edit(id: ClusterId, edit: ClusterEdit) -> Result<Cluster, ApiError> {
    let ctx = context()?;
    control::cluster::edit(&ctx, &id.to_string(), edit).await.map_err(fail)
}

/// Removes a cluster of the server's own machine.
#[server(name = CallClusterDelete, prefix = "/rpc", endpoint = "cluster/delete", input = Json, output = Json)]
pub async fn delete(id: ClusterId) -> Result<(), ApiError> {
    let ctx = context()?;
    control::cluster::delete(&ctx, &id.to_string()).await.map_err(fail)
}
