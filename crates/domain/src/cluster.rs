//! Clusters: places in a site where workloads run.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{ClusterId, SiteId};

wire_enum!(
    /// Whether the site can reach the cluster.
    ClusterState {
        /// It answers.
        Active = "active",
        /// The site lists it and cannot reach it.
        Unavailable = "unavailable",
    }
);

wire_enum!(
    /// How fresh what is shown of a cluster is.
    WatchState {
        /// Nothing is watched: not managed, or nothing bound to it.
        Idle = "idle",
        /// The first lists are under way.
        Connecting = "connecting",
        /// Every change arrives as it happens.
        Live = "live",
        /// Contact was lost; what is shown is as of `stale_since`.
        Stale = "stale",
    }
);

/// A cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// The cluster.
    pub id: ClusterId,
    /// Its site.
    pub site_id: SiteId,
    /// The site's name.
    pub site_name: String,
    /// The site's own id of it, such as `c-m-abc123de` or `local`.
    pub external_id: String,
    /// Its name.
    pub name: String,
    /// Whether the site reaches it.
    pub state: ClusterState,
    /// The site's words where it is not active.
    pub message: Option<String>,
    /// Its Kubernetes version.
    pub kubernetes_version: Option<String>,
    /// Chosen to be managed.
    pub managed: bool,
    /// How fresh what is shown of it is.
    pub watch: WatchState,
    /// Since when it is stale.
    pub stale_since: Option<DateTime<Utc>>,
    /// The last time it answered.
    pub last_contact_at: Option<DateTime<Utc>>,
}

/// Makes a cluster on the server's own machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewCluster {
    /// Its name: up to 63 lower-case letters, digits and hyphens, as it is a directory's too.
    #[cfg_attr(feature = "openapi", schema(example = "production"))]
    pub name: String,
    /// The local site; this server's if left out.
    #[serde(default)]
    pub site_id: Option<SiteId>,
}

/// A namespace of a cluster, live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// The Rancher project's name, where there is one.
    pub project: Option<String>,
    /// The environment's name it is bound to already.
    pub environment: Option<String>,
    /// The application its name suggests.
    pub suggested_application: String,
}
