//! Revisions: immutable snapshots of what an environment should run.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AppInstanceId, DeploymentId, EnvironmentId, RevisionId},
    service::WorkloadKind,
};

/// A revision of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The revision.
    pub id: RevisionId,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Counts up from 1 in each environment.
    pub number: i64,
    /// What should run.
    pub entries: Vec<RevisionEntry>,
    /// The deployment that made it.
    pub deployment_id: Option<DeploymentId>,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// What one workload should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevisionEntry {
    /// Where.
    pub app_instance_id: AppInstanceId,
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's name.
    pub name: String,
    /// Image by container.
    pub images: Vec<ContainerImage>,
}

/// A container's image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContainerImage {
    /// The container's name.
    pub container: String,
    /// The full image reference.
    pub image: String,
}
