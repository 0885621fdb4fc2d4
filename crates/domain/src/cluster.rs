//! Clusters: places in a site where workloads run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    capacity::CapacityFound,
    id::{ClusterId, EnvironmentId, SiteId},
    site::SiteKind,
};

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
    /// Words to find it by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Nothing new is deployed to it.
    #[serde(default)]
    pub cordoned: bool,
    /// Goes up by one with each edit; an edit carries the one it started from.
    #[serde(default)]
    pub version: i64,
    /// How much of it there is, as it was found last; none until it was asked.
    #[serde(default)]
    pub capacity: Option<CapacityFound>,
}

/// Labels of a cluster at most.
pub const MAX_LABELS: usize = 50;

/// Edits a cluster. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "name": "production", "labels": { "region": "eu" }, "cordoned": true, "version": 2
})))]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterEdit {
    /// A name of Lockstep's own, in place of the site's.
    pub name: Option<String>,
    /// New labels, all of them.
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether nothing new is deployed to it.
    pub cordoned: Option<bool>,
    /// The version this edit started from; without it the edit is not guarded.
    pub version: Option<i64>,
}

/// A cluster with what hangs on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClusterSummary {
    /// The cluster.
    pub cluster: Cluster,
    /// Its site's kind.
    pub site_kind: SiteKind,
    /// Environments that have an app instance in it, from left to right.
    pub environments: Vec<ClusterEnvironment>,
    /// Services observed in it.
    pub services: u64,
    /// Of these, those that are neither running nor stopped.
    pub unhealthy: u64,
}

/// An environment's part of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClusterEnvironment {
    /// The environment.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// Its colour.
    pub color: String,
    /// Its services in this cluster.
    pub services: u64,
}

/// Makes a cluster on the server's own machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({ "name": "production" })))]
#[serde(rename_all = "camelCase")]
pub struct NewCluster {
    /// Its name: up to 63 lower-case letters, digits and hyphens, as it is a directory's too.
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
