//! Events: numbered, append-only facts.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{DeploymentId, EnvironmentId, TaskId};

/// One fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its number: goes up in the order of commits, and is the id on the event stream.
    pub seq: i64,
    /// When it was appended.
    pub at: DateTime<Utc>,
    /// What happened, such as `deployment.started` or `task.changed`.
    pub kind: String,
    /// Who did it.
    pub actor: String,
    /// The deployment it belongs to.
    pub deployment_id: Option<DeploymentId>,
    /// The task it belongs to.
    pub task_id: Option<TaskId>,
    /// The environment it belongs to.
    pub environment_id: Option<EnvironmentId>,
    /// In words.
    pub message: String,
}

/// An event about to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub kind: &'static str,
    /// Who did it.
    pub actor: String,
    /// The deployment it belongs to.
    pub deployment_id: Option<DeploymentId>,
    /// The task it belongs to.
    pub task_id: Option<TaskId>,
    /// The environment it belongs to.
    pub environment_id: Option<EnvironmentId>,
    /// In words.
    pub message: String,
}

impl NewEvent {
    /// An event of a kind.
    pub fn new(kind: &'static str, actor: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            actor: actor.to_owned(),
            deployment_id: None,
            task_id: None,
            environment_id: None,
            message: message.into(),
        }
    }

    /// Of a deployment.
    pub fn deployment(self, id: DeploymentId) -> Self {
        Self { deployment_id: Some(id), ..self }
    }

    /// Of a task.
    pub fn task(self, id: TaskId) -> Self {
        Self { task_id: Some(id), ..self }
    }

    /// Of an environment.
    pub fn environment(self, id: EnvironmentId) -> Self {
        Self { environment_id: Some(id), ..self }
    }
}
