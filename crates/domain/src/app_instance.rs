//! App instances: where an environment's application runs.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AppInstanceId, ClusterId, EnvironmentId, SiteId};

/// An app instance: site + cluster + namespace, bound to an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AppInstance {
    /// The app instance.
    pub id: AppInstanceId,
    /// Display name.
    pub name: String,
    /// Its site; `rancherSiteId` is seed 003's name, whatever the site's kind.
    pub rancher_site_id: SiteId,
    /// The site's name.
    pub site_name: String,
    /// The cluster's name.
    pub cluster: String,
    /// The cluster.
    pub cluster_id: ClusterId,
    /// The namespace.
    pub namespace: String,
    /// Its environment.
    pub environment_id: EnvironmentId,
    /// The environment's name.
    pub environment_name: String,
    /// What pairs it with the instances of other environments.
    pub application: String,
    /// Services observed in it.
    pub services: u64,
    /// Since when what is shown of it is stale.
    pub stale_since: Option<DateTime<Utc>>,
    /// Goes up by one with each edit.
    pub version: i64,
    /// When it was bound.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// Binds a namespace to an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "cluster": "production", "namespace": "shop-prod", "environmentId": "0190a8a0-0000-7000-8000-000000000001", "application": "shop"
})))]
#[serde(rename_all = "camelCase")]
pub struct NewAppInstance {
    /// Display name; the namespace's if left out.
    #[serde(default)]
    pub name: Option<String>,
    /// The site; needed only where the cluster's name is in several sites.
    #[serde(default)]
    pub rancher_site_id: Option<SiteId>,
    /// The cluster: id, external id or name.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The application; suggested from the namespace if left out.
    #[serde(default)]
    pub application: Option<String>,
}

/// Edits an app instance. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({ "application": "shop", "version": 2 })))]
#[serde(rename_all = "camelCase")]
pub struct AppInstanceEdit {
    /// A new display name.
    #[serde(default)]
    pub name: Option<String>,
    /// A new application.
    #[serde(default)]
    pub application: Option<String>,
    /// Moves the binding to another environment.
    #[serde(default)]
    pub environment_id: Option<EnvironmentId>,
    /// The namespace as it is: another one is another app instance.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The cluster as it is, by id, external id or name: another one is another app instance.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The version this edit started from; without it the edit is not guarded.
    #[serde(default)]
    pub version: Option<i64>,
}

/// What came of one of many bindings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BindResult {
    /// The cluster, as it was named in the request.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// What was bound.
    pub app_instance: Option<AppInstance>,
    /// Why it was not.
    pub error: Option<String>,
}
