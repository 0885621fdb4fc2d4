//! The driver of one Kubernetes API server.

use async_trait::async_trait;
use domain::{
    capacity::Capacity, cluster::ClusterState, secret::Secret, site::SiteTest, workload::WorkloadKey,
};
use futures::stream::BoxStream;
use serde::Deserialize;

use crate::{
    Connection, Error, FoundCluster, FoundNamespace, ImageChange, Platform, Scope, SetImages, Snapshot, Told,
    WatchEvent, apply, capacity, checks::Checks, client::Client, cluster, sign_in, watch,
};

/// The external id of the only cluster.
const ONLY_CLUSTER: &str = "default";

/// What is wrong with an address where the version is not served.
const NO_KUBERNETES: &str =
    "There is no Kubernetes API at this address. If it is a Rancher server, connect it as Rancher.";

/// One Kubernetes API server.
pub struct Kubernetes {
    client: Client,
    token: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

impl Kubernetes {
    /// A driver for a connection. It must be made within a Tokio runtime.
    pub fn new(connection: &Connection) -> Result<Self, Error> {
        Ok(Self { client: Client::new(connection)?, token: connection.token.clone() })
    }

    async fn version(&self) -> Result<String, Error> {
        Ok(self.client.get::<Version>("/version").await?.git_version)
    }

    fn cluster(&self, id: &str) -> Result<&Client, Error> {
        match id {
            ONLY_CLUSTER => Ok(&self.client),
            _ => Err(Error::NotFound(format!("This site has no cluster {id}."))),
        }
    }

    async fn check(&self, checks: &mut Checks<'_>) -> Option<()> {
        checks.connection(&self.client, "/version", NO_KUBERNETES).await?;
        let signed_in = sign_in::to_kubernetes(&self.client, self.token.expose()).await;
        checks.signed_in(signed_in)?;
        let version = self.version().await;
        checks.version("Kubernetes", version)?;
        checks.passed("clusters", "One cluster, as this is a single API server.");
        checks.rights(&self.client).await;
        Some(())
    }
}

#[async_trait]
impl Platform for Kubernetes {
    async fn test(&self, told: Told<'_>) -> SiteTest {
        let mut checks = Checks::begin(told);
        self.check(&mut checks).await;
        checks.finish()
    }

    async fn clusters(&self) -> Result<Vec<FoundCluster>, Error> {
        let version = self.version().await?;
        Ok(vec![FoundCluster {
            external_id: ONLY_CLUSTER.to_owned(),
            name: self.client.host_name().to_owned(),
            state: ClusterState::Active,
            message: None,
            kubernetes_version: Some(version),
        }])
    }

    async fn capacity(&self, cluster: &str) -> Result<Capacity, Error> {
        capacity::of_nodes(self.cluster(cluster)?).await
    }

    async fn namespaces(&self, cluster: &str) -> Result<Vec<FoundNamespace>, Error> {
        let namespaces = cluster::namespaces(self.cluster(cluster)?).await?;
        Ok(namespaces.into_iter().map(|it| FoundNamespace { name: it.name, project: None }).collect())
    }

    async fn namespace_uid(&self, cluster: &str, namespace: &str) -> Result<Option<String>, Error> {
        cluster::namespace_uid(self.cluster(cluster)?, namespace).await
    }

    async fn may_list_everything(&self, cluster: &str) -> Result<bool, Error> {
        cluster::may_list_everything(self.cluster(cluster)?).await
    }

    fn watch(&self, cluster: &str, scope: Scope) -> BoxStream<'static, WatchEvent> {
        match self.cluster(cluster) {
            Ok(client) => watch::watch(client, scope),
            Err(error) => watch::never(error),
        }
    }

    async fn workload(&self, cluster: &str, key: &WorkloadKey) -> Result<Option<Snapshot>, Error> {
        cluster::workload(self.cluster(cluster)?, key).await
    }

    async fn set_images(
        &self,
        cluster: &str,
        key: &WorkloadKey,
        change: &ImageChange,
        dry_run: bool,
    ) -> Result<SetImages, Error> {
        apply::set_images(self.cluster(cluster)?, key, change, dry_run).await
    }
}
