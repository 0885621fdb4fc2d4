//! Environments: stages such as Development, Staging and Production.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{ClusterId, EnvironmentId};

/// An environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// The environment.
    pub id: EnvironmentId,
    /// Unique name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `#RRGGBB`; follows it through every screen.
    pub color: String,
    /// Its place from left to right, from 0; the left neighbour is what it is compared with.
    pub position: i32,
    /// The cluster that it is at home in, if it names one. It may have app instances in others, and none there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<ClusterId>,
    /// App instances bound to it.
    pub app_instances: u64,
    /// Services observed in it.
    pub services: u64,
    /// Services that are neither running nor stopped.
    pub unhealthy: u64,
    /// The newest revision's number; 0 before the first.
    pub latest_revision: i64,
    /// The number of the revision that it was last brought to; 0 before the first.
    pub active_revision: i64,
    /// Goes up by one with each edit; an edit carries the one it started from.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
}

/// Which environments, in which order. As in the query of `GET /api/environments`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct EnvironmentQuery {
    /// Those with an app instance in a cluster, and those at home in it: its id, external id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Those whose name begins so, in whatever case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// `position`, `name` or `created`; a leading `-` turns it round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

/// Makes an environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({ "name": "Production", "color": "#d9534f" })))]
#[serde(rename_all = "camelCase")]
pub struct NewEnvironment {
    /// Unique name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// `#RRGGBB`; one is chosen if left out.
    #[serde(default)]
    pub color: Option<String>,
    /// Its place; the end if left out.
    #[serde(default)]
    pub position: Option<i32>,
    /// The cluster that it is at home in: its id, external id or name.
    #[serde(default)]
    pub cluster_id: Option<String>,
}

/// Edits an environment. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({ "description": "What users see", "version": 3 })))]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentEdit {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// A new description.
    #[serde(default)]
    pub description: Option<String>,
    /// A new colour.
    #[serde(default)]
    pub color: Option<String>,
    /// A new place; the others make room.
    #[serde(default)]
    pub position: Option<i32>,
    /// The cluster that it is at home in: its id, external id or name; empty for none.
    #[serde(default)]
    pub cluster_id: Option<String>,
    /// The version this edit started from; without it the edit is not guarded.
    #[serde(default)]
    pub version: Option<i64>,
}

/// Colours for new environments, by position: distinguishable in light and dark, and for most colour-blind eyes.
pub const PALETTE: &[&str] =
    &["#4CAF50", "#2196F3", "#F44336", "#9C27B0", "#FF9800", "#009688", "#795548", "#E91E63", "#607D8B"];
