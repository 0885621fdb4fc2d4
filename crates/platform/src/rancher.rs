//! The driver of a Rancher server and the clusters behind it.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use domain::{capacity::Capacity, cluster::ClusterState, site::SiteTest, workload::WorkloadKey};
use futures::stream::BoxStream;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::{
    Connection, Error, FoundCluster, FoundNamespace, ImageChange, Platform, Scope, SetImages, Snapshot, Told,
    WatchEvent, apply,
    capacity::{self, Amounts},
    checks::Checks,
    client::{Client, segment},
    cluster,
    list::query,
    objects::Condition,
    sign_in, watch,
};

/// Says which project a namespace belongs to, as `{cluster}:{project}`.
const PROJECT_ANNOTATION: &str = "field.cattle.io/projectId";
/// Entries per page.
const PAGE: &str = "1000";

/// What is wrong with an address where the version is not served.
const NO_RANCHER: &str =
    "There is no Rancher at this address. If it is a cluster's own API server, connect it as Kubernetes.";

/// A Rancher server.
pub struct Rancher {
    client: Client,
    token_name: String,
}

/// A page of one of Rancher's lists.
#[derive(Deserialize)]
struct Collection<T> {
    data: Vec<T>,
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
struct Pagination {
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    transitioning_message: Option<String>,
    #[serde(default)]
    version: Option<ClusterVersion>,
    #[serde(default)]
    conditions: Option<Vec<Condition>>,
    #[serde(default)]
    node_count: Option<u64>,
    #[serde(default)]
    allocatable: Option<Amounts>,
    #[serde(default)]
    requested: Option<Amounts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterVersion {
    git_version: Option<String>,
}

#[derive(Deserialize)]
struct Project {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    version: String,
}

impl Rancher {
    /// A driver for a connection. It must be made within a Tokio runtime.
    pub fn new(connection: &Connection) -> Result<Self, Error> {
        let token = connection.token.expose().trim();
        let name = token.split(':').next().unwrap_or_default().trim_start_matches("ext/");
        Ok(Self { client: Client::new(connection)?, token_name: name.to_owned() })
    }

    fn cluster(&self, id: &str) -> Result<Client, Error> {
        Ok(self.client.below(&format!("/k8s/clusters/{}", segment(id)?)))
    }

    /// Reads a whole list of Rancher's, following its pages by their markers, never to another host.
    async fn list<T: DeserializeOwned>(&self, path: &str, filter: &[(&str, &str)]) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        let mut seen = HashSet::new();
        loop {
            let mut pairs = vec![("limit", PAGE)];
            pairs.extend_from_slice(filter);
            pairs.extend(marker.as_deref().map(|marker| ("marker", marker)));
            let page: Collection<T> = self.client.get(&format!("{path}?{}", query(&pairs))).await?;
            all.extend(page.data);
            marker = page.pagination.and_then(|pagination| pagination.next).as_deref().and_then(marker_of);
            match &marker {
                Some(next) if seen.insert(next.clone()) => {}
                _ => return Ok(all),
            }
        }
    }

    /// The names of a cluster's projects by id; none where they may not be read.
    async fn projects(&self, cluster: &str) -> HashMap<String, String> {
        let projects =
            self.list::<Project>("/v3/projects", &[("clusterId", cluster)]).await.unwrap_or_default();
        projects.into_iter().map(|project| (project.id, project.name)).collect()
    }

    async fn check(&self, checks: &mut Checks<'_>) -> Option<()> {
        checks.connection(&self.client, "/rancherversion", NO_RANCHER).await?;
        let signed_in = sign_in::to_rancher(&self.client, &self.token_name).await;
        checks.signed_in(signed_in)?;
        let version = self.client.get::<Version>("/rancherversion").await.map(|it| it.version);
        checks.version("Rancher", version)?;
        let clusters = self.clusters().await;
        let active = checks.clusters(clusters)?;
        let client = self.cluster(&active.external_id).ok()?;
        checks.rights(&client).await;
        Some(())
    }
}

/// The marker in the address of a next page.
fn marker_of(next: &str) -> Option<String> {
    let url = Url::parse(next).ok()?;
    url.query_pairs().find(|(name, _)| name == "marker").map(|(_, marker)| marker.into_owned())
}

fn found(cluster: Cluster) -> FoundCluster {
    let ready = || {
        let conditions = cluster.conditions.as_deref().unwrap_or_default();
        conditions.iter().any(|condition| condition.r#type == "Ready" && condition.status == "True")
    };
    // A cluster that is being updated, say, is not “active” and yet answers.
    let active = cluster.state == "active" || (cluster.state != "unavailable" && ready());
    let said = cluster.transitioning_message.clone().filter(|message| !message.is_empty());
    let message = said.unwrap_or_else(|| format!("Rancher says that it is {}.", cluster.state));
    FoundCluster {
        state: if active { ClusterState::Active } else { ClusterState::Unavailable },
        message: (cluster.state != "active").then_some(message),
        kubernetes_version: cluster.version.and_then(|version| version.git_version),
        name: if cluster.name.is_empty() { cluster.id.clone() } else { cluster.name },
        external_id: cluster.id,
    }
}

#[async_trait]
impl Platform for Rancher {
    async fn test(&self, told: Told<'_>) -> SiteTest {
        let mut checks = Checks::begin(told);
        self.check(&mut checks).await;
        checks.finish()
    }

    async fn clusters(&self) -> Result<Vec<FoundCluster>, Error> {
        Ok(self.list("/v3/clusters", &[]).await?.into_iter().map(found).collect())
    }

    /// As Rancher has added it up, which any token that sees the cluster may read; by its nodes where it has not.
    async fn capacity(&self, cluster: &str) -> Result<Capacity, Error> {
        let found: Cluster = self.client.get(&format!("/v3/clusters/{}", segment(cluster)?)).await?;
        match capacity::of_rancher(found.node_count, found.allocatable.as_ref(), found.requested.as_ref()) {
            Some(capacity) => Ok(capacity),
            None => capacity::of_nodes(&self.cluster(cluster)?).await,
        }
    }

    async fn namespaces(&self, cluster: &str) -> Result<Vec<FoundNamespace>, Error> {
        let client = self.cluster(cluster)?;
        let (namespaces, projects) = futures::join!(cluster::namespaces(&client), self.projects(cluster));
        let project =
            |it: &cluster::Namespace| projects.get(it.annotations.get(PROJECT_ANNOTATION)?).cloned();
        Ok(namespaces?
            .into_iter()
            .map(|it| FoundNamespace { project: project(&it), name: it.name })
            .collect())
    }

    async fn namespace_uid(&self, cluster: &str, namespace: &str) -> Result<Option<String>, Error> {
        cluster::namespace_uid(&self.cluster(cluster)?, namespace).await
    }

    async fn may_list_everything(&self, cluster: &str) -> Result<bool, Error> {
        cluster::may_list_everything(&self.cluster(cluster)?).await
    }

    fn watch(&self, cluster: &str, scope: Scope) -> BoxStream<'static, WatchEvent> {
        match self.cluster(cluster) {
            Ok(client) => watch::watch(&client, scope),
            Err(error) => watch::never(error),
        }
    }

    async fn workload(&self, cluster: &str, key: &WorkloadKey) -> Result<Option<Snapshot>, Error> {
        cluster::workload(&self.cluster(cluster)?, key).await
    }

    async fn set_images(
        &self,
        cluster: &str,
        key: &WorkloadKey,
        change: &ImageChange,
        dry_run: bool,
    ) -> Result<SetImages, Error> {
        apply::set_images(&self.cluster(cluster)?, key, change, dry_run).await
    }
}
