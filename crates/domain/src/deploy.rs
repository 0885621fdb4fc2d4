//! Deploying: what is asked for, and how a deployment is shown in the words of seed 002.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    deployment::{Deployment, DeploymentStatus, Origin, Task, TaskCounts},
    id::{DeploymentId, EnvironmentId, PreviewId, ServiceId},
    relocation::Relocation,
    replicas::ServiceReplicas,
    revision::ServiceVersion,
    settings::Consent,
    sync::{Exception, OnFailure},
};

/// What should run in an environment afterwards: a revision, or versions and replicas service by service, or all of an app
/// instance elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "environmentId": "0190a8a0-0000-7000-8000-000000000001",
    "versions": [{ "serviceId": "0190a8a0-0000-7000-8000-000000000002", "version": "1.4.0" }]
})))]
#[serde(rename_all = "camelCase")]
pub struct DeployRequest {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The number of a revision of it: all that it says.
    #[serde(default)]
    pub revision: Option<i64>,
    /// That the revision is older than the active one is meant so.
    #[serde(default)]
    pub rollback: bool,
    /// Versions by service; without `revision`.
    #[serde(default)]
    pub versions: Vec<ServiceVersion>,
    /// Replicas by service, where the environment's settings have revisions say how many; without `revision`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ServiceReplicas>,
    /// An app instance of the server's own machine that goes to another cluster; by itself.
    #[serde(default, rename = "move", skip_serializing_if = "Option::is_none")]
    pub relocation: Option<Relocation>,
}

impl DeployRequest {
    /// Versions, service by service.
    pub fn of_versions(environment_id: EnvironmentId, versions: Vec<ServiceVersion>) -> Self {
        let (revision, rollback, replicas, relocation) = (None, false, Vec::new(), None);
        Self { environment_id, revision, rollback, versions, replicas, relocation }
    }

    /// All that a revision says; an older one where `rollback` says so.
    pub fn of_revision(environment_id: EnvironmentId, number: i64, rollback: bool) -> Self {
        Self { revision: Some(number), rollback, ..Self::of_versions(environment_id, Vec::new()) }
    }

    /// An app instance elsewhere.
    pub fn of_relocation(environment_id: EnvironmentId, relocation: Relocation) -> Self {
        Self { relocation: Some(relocation), ..Self::of_versions(environment_id, Vec::new()) }
    }
}

/// Starts a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "environmentId": "0190a8a0-0000-7000-8000-000000000001",
    "revision": 7,
    "onFailure": "put_back",
    "note": "Friday's release"
})))]
#[serde(rename_all = "camelCase")]
pub struct StartDeployment {
    /// What to deploy.
    #[serde(flatten)]
    pub request: DeployRequest,
    /// The confirmed preview; without one, what is found now is taken as confirmed.
    #[serde(default)]
    pub preview_id: Option<PreviewId>,
    /// What is left as it is, of all that is asked for.
    #[serde(default)]
    pub except: Vec<Exception>,
    /// As the environment's settings say if left out, or else `put_back`.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
    /// Why, for the history.
    #[serde(default)]
    pub note: String,
    /// A link to a ticket.
    #[serde(default)]
    pub ticket: String,
    /// Not to begin before: a time with its zone, such as `2026-12-01T22:00:00+01:00`.
    #[serde(default)]
    pub scheduled_for: Option<DateTime<Utc>>,
    /// How long it may take from its beginning, in seconds, up to a day; if left out, as the environment's settings say, or
    /// else as long as its tasks. When it is over nothing more is begun, and what rolls out has failed.
    #[serde(default)]
    pub time_limit_seconds: Option<u32>,
    /// What it takes where the environment is protected.
    #[serde(flatten)]
    pub consent: Consent,
}

/// A service with the versions that could be chosen for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionChoice {
    /// The service.
    pub service_id: ServiceId,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The cluster's name.
    pub cluster: String,
    /// The container that the version is of: its first.
    pub container: String,
    /// What it runs.
    pub version: String,
    /// How many replicas it is to have; none where that is not chosen here: its kind is not told, or the environment's
    /// settings leave it to others.
    pub replicas: Option<u32>,
    /// Other versions that it ran before, or that run elsewhere; the likeliest first.
    pub known: Vec<String>,
}

/// How the way back from a deployment is gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({ "note": "errors since 14:05" })))]
#[serde(rename_all = "camelCase", default)]
pub struct StartRollback {
    /// The confirmed preview; without one, what is found now is taken as confirmed.
    pub preview_id: Option<PreviewId>,
    /// Why, for the history.
    pub note: String,
    /// What it takes where the environment is protected.
    #[serde(flatten)]
    pub consent: Consent,
}

wire_enum!(
    /// How far a deployment is, in seed 002's words. `docs/states.md` has the table.
    Progress {
        /// Not begun.
        Pending = "pending",
        /// Being built; Lockstep builds nothing, so it is never said.
        Building = "building",
        /// Under way.
        Deploying = "deploying",
        /// Every service came to its end.
        Success = "success",
        /// A service failed, and was left so.
        Failed = "failed",
        /// Cancelled.
        Cancelled = "cancelled",
        /// A service failed, and everything was put back.
        RolledBack = "rolled_back",
    }
);

impl From<&DeploymentStatus> for Progress {
    fn from(status: &DeploymentStatus) -> Self {
        match status {
            DeploymentStatus::Pending => Self::Pending,
            DeploymentStatus::Running => Self::Deploying,
            DeploymentStatus::Complete => Self::Success,
            DeploymentStatus::Failed => Self::Failed,
            DeploymentStatus::Cancelled | DeploymentStatus::Superseded => Self::Cancelled,
            DeploymentStatus::PutBack => Self::RolledBack,
            DeploymentStatus::Unknown(word) => Self::Unknown(word.clone()),
        }
    }
}

/// A deployment as `/api/deployments` tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeploymentRecord {
    /// The deployment; seed 000's `taskId`.
    pub id: DeploymentId,
    /// Where it comes from.
    pub origin: Origin,
    /// The environment that is changed.
    pub environment_id: EnvironmentId,
    /// Its name then.
    pub environment: String,
    /// The environment whose versions are brought; none where they come from no other.
    pub source_environment_id: Option<EnvironmentId>,
    /// In seed 002's words.
    pub status: Progress,
    /// The same in Lockstep's, which `/api/sync` has too.
    pub state: DeploymentStatus,
    /// The revision that it leads to.
    pub revision: i64,
    /// What happens on a failed task.
    pub on_failure: OnFailure,
    /// Cancelling was asked for.
    pub cancel_requested: bool,
    /// The deployment that this one undoes.
    pub undo_of: Option<DeploymentId>,
    /// The deployment that this one brings to its end.
    pub retry_of: Option<DeploymentId>,
    /// Why.
    pub note: String,
    /// A link to a ticket.
    pub ticket: String,
    /// Who started it.
    pub initiated_by: String,
    /// Not to begin before.
    pub scheduled_for: Option<DateTime<Utc>>,
    /// How long it may take from its beginning, in seconds.
    pub time_limit_seconds: Option<u32>,
    /// When its turn came: until then it waits for other deployments of its environment.
    pub begun_at: Option<DateTime<Utc>>,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// How its tasks stand.
    pub counts: TaskCounts,
    /// Its tasks; left out of lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
}

impl From<Deployment> for DeploymentRecord {
    fn from(deployment: Deployment) -> Self {
        let source = deployment.source_environment_id;
        Self {
            id: deployment.id,
            origin: deployment.origin,
            environment_id: deployment.target_environment_id,
            environment: deployment.target_name,
            source_environment_id: (source != deployment.target_environment_id).then_some(source),
            status: Progress::from(&deployment.status),
            state: deployment.status,
            revision: deployment.revision,
            on_failure: deployment.on_failure,
            cancel_requested: deployment.cancel_requested,
            undo_of: deployment.undo_of,
            retry_of: deployment.retry_of,
            note: deployment.note,
            ticket: deployment.ticket,
            initiated_by: deployment.initiated_by,
            scheduled_for: deployment.scheduled_for,
            time_limit_seconds: deployment.time_limit_seconds,
            begun_at: deployment.begun_at,
            started_at: deployment.start_time,
            completed_at: deployment.end_time,
            counts: deployment.counts,
            tasks: deployment.results,
        }
    }
}

/// How far a deployment is, in few words: seed 000's answer to `GET /api/deployments/{taskId}/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeploymentState {
    /// The deployment.
    pub id: DeploymentId,
    /// In seed 002's words.
    pub status: Progress,
    /// In Lockstep's.
    pub state: DeploymentStatus,
    /// Nothing more will happen.
    pub ended: bool,
    /// How its tasks stand.
    pub counts: TaskCounts,
}

impl From<Deployment> for DeploymentState {
    fn from(deployment: Deployment) -> Self {
        Self {
            id: deployment.id,
            status: Progress::from(&deployment.status),
            ended: deployment.status.ended(),
            state: deployment.status,
            counts: deployment.counts,
        }
    }
}
