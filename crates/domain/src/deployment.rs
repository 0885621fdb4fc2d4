//! Deployments and their tasks. A sync and its undo are deployments.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::{AppInstanceId, ClusterId, DeploymentId, EnvironmentId, ServiceId, TaskId},
    relocation::Original,
    replicas::ReplicaChange,
    service::WorkloadKind,
    sync::{ContainerChange, OnFailure},
    variable::VariableDifference,
};

wire_enum!(
    /// Where a deployment comes from.
    Origin {
        /// One environment brought in step with another.
        Sync = "sync",
        /// The way back: from an earlier deployment, or to an older revision.
        Rollback = "rollback",
        /// Versions chosen for one environment, or one of its revisions.
        Deploy = "deploy",
    }
);

wire_enum!(
    /// How far a deployment is.
    DeploymentStatus {
        /// Not begun.
        Pending = "pending",
        /// Under way.
        Running = "running",
        /// Every task succeeded.
        Complete = "complete",
        /// A task failed or was refused.
        Failed = "failed",
        /// Cancelled; what had begun was followed to its end.
        Cancelled = "cancelled",
        /// A task failed, and everything this deployment had changed was put back.
        PutBack = "put_back",
        /// Not begun: a newer one brings all that it would have brought.
        Superseded = "superseded",
    }
);

impl DeploymentStatus {
    /// Nothing more will happen.
    pub fn ended(&self) -> bool {
        !matches!(self, DeploymentStatus::Pending | DeploymentStatus::Running)
    }
}

wire_enum!(
    /// How far a task is.
    TaskStatus {
        /// Not begun.
        Pending = "pending",
        /// The change is being sent, or sent again.
        Applying = "applying",
        /// The change was accepted; the rollout is followed.
        RollingOut = "rolling_out",
        /// The rollout came to its end.
        Success = "success",
        /// Rejected, failed to roll out, or ran out of time.
        Failed = "failed",
        /// What was found was not what the preview had shown; nothing was changed.
        Refused = "refused",
        /// Not begun because the deployment was cancelled.
        Cancelled = "cancelled",
        /// Not begun because another task failed.
        Skipped = "skipped",
        /// The earlier images are being put back.
        PuttingBack = "putting_back",
        /// The earlier images were accepted; the rollout back is followed.
        RollingBack = "rolling_back",
        /// The earlier images run again.
        PutBack = "put_back",
        /// The earlier images could not be put back: someone must look.
        PutBackFailed = "put_back_failed",
    }
);

impl TaskStatus {
    /// Nothing more will happen to it, unless everything is put back.
    pub fn ended(&self) -> bool {
        !matches!(
            self,
            TaskStatus::Pending
                | TaskStatus::Applying
                | TaskStatus::RollingOut
                | TaskStatus::PuttingBack
                | TaskStatus::RollingBack
        )
    }

    /// The platform is being spoken to for it.
    pub fn in_flight(&self) -> bool {
        !self.ended() && *self != TaskStatus::Pending
    }
}

/// A deployment; seed 003's SyncOperation with what is needed beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The deployment.
    pub id: DeploymentId,
    /// Where it comes from.
    pub origin: Origin,
    /// Where the versions came from; the target itself where they came from no other environment.
    pub source_environment_id: EnvironmentId,
    /// Its name then.
    pub source_name: String,
    /// Where they went.
    pub target_environment_id: EnvironmentId,
    /// Its name then.
    pub target_name: String,
    /// The source's services.
    pub service_ids: Vec<ServiceId>,
    /// How far it is.
    pub status: DeploymentStatus,
    /// What happens on a failed task.
    pub on_failure: OnFailure,
    /// Cancelling was asked for.
    pub cancel_requested: bool,
    /// Why, in the words of who started it.
    pub note: String,
    /// A link to a ticket.
    pub ticket: String,
    /// Who started it.
    pub initiated_by: String,
    /// The deployment that this one undoes.
    pub undo_of: Option<DeploymentId>,
    /// The deployment that this one brings to its end.
    #[serde(default)]
    pub retry_of: Option<DeploymentId>,
    /// The revision of the target environment that it leads to.
    pub revision: i64,
    /// Not to begin before.
    #[serde(default)]
    pub scheduled_for: Option<DateTime<Utc>>,
    /// How long it may take from its beginning, in seconds; then nothing more is begun, and what rolls out has failed.
    pub time_limit_seconds: Option<u32>,
    /// When its turn came.
    #[serde(default)]
    pub begun_at: Option<DateTime<Utc>>,
    /// When it was started.
    pub start_time: DateTime<Utc>,
    /// When it ended.
    pub end_time: Option<DateTime<Utc>>,
    /// Its tasks; left out of lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<Task>,
    /// How many tasks there are, and how they stand.
    pub counts: TaskCounts,
}

/// How a deployment's tasks stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TaskCounts {
    /// All.
    pub total: u64,
    /// Succeeded.
    pub success: u64,
    /// Failed or refused, or could not be put back.
    pub failed: u64,
    /// Cancelled, skipped or put back.
    pub other: u64,
}

impl TaskCounts {
    /// Counts statuses.
    pub fn of<'a>(statuses: impl IntoIterator<Item = &'a TaskStatus>) -> Self {
        let mut counts = Self::default();
        for status in statuses {
            counts.total += 1;
            match status {
                TaskStatus::Success => counts.success += 1,
                TaskStatus::Failed | TaskStatus::Refused | TaskStatus::PutBackFailed => counts.failed += 1,
                status if status.ended() => counts.other += 1,
                _ => {}
            }
        }
        counts
    }

    /// Tasks of which nothing more will come.
    pub fn ended(&self) -> u64 {
        self.success + self.failed + self.other
    }
}

/// One service's part of a deployment; seed 003's SyncHistory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The task.
    pub id: TaskId,
    /// The source service.
    pub service_id: ServiceId,
    /// Where the version came from.
    pub source_app_instance_id: Option<AppInstanceId>,
    /// The service that is changed.
    pub target_service_id: ServiceId,
    /// Where it is.
    pub target_app_instance_id: AppInstanceId,
    /// The target's cluster.
    pub cluster_id: ClusterId,
    /// The cluster's name.
    pub cluster: String,
    /// The target's namespace.
    pub namespace: String,
    /// The application.
    pub application: String,
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's name.
    pub name: String,
    /// The first moving container's version before.
    pub previous_image_tag: String,
    /// The first moving container's version after.
    pub new_image_tag: String,
    /// Container by container.
    pub containers: Vec<ContainerChange>,
    /// The variables that change.
    #[serde(default)]
    pub variables: Vec<VariableDifference>,
    /// Its replicas, where they change.
    #[serde(default)]
    pub scale: Option<ReplicaChange>,
    /// What is moved here, where it moves to another cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<Original>,
    /// How far it is.
    pub status: TaskStatus,
    /// Its current words: what is happening, or how it ended.
    pub words: String,
    /// What went wrong.
    pub error: Option<String>,
    /// Tries of the current change that ended in a passing failure.
    pub retries: u32,
    /// The cluster has accepted its change.
    pub accepted: bool,
    /// Replicas available of those wanted, while it is followed.
    pub available: i32,
    /// Replicas wanted.
    pub replicas: i32,
    /// When it was begun.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub timestamp: Option<DateTime<Utc>>,
    /// Where it answers, once all of it is up: the front door of a service of the server's own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl Task {
    /// What makes its workload the same one in a revision.
    pub fn key(&self) -> (AppInstanceId, &WorkloadKind, &str) {
        (self.target_app_instance_id, &self.kind, &self.name)
    }
}

/// Which deployments. As in the query of `GET /api/sync/history`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct HistoryQuery {
    /// Environment id, as source or target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<EnvironmentId>,
    /// Status word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Text in note, ticket or who started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Up to 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
}

/// One day of the history's chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HistoryDay {
    /// `YYYY-MM-DD`, UTC.
    pub day: String,
    /// Deployments that completed.
    pub complete: u64,
    /// Deployments that failed or were put back.
    pub failed: u64,
    /// Deployments that were cancelled.
    pub cancelled: u64,
    /// The median time from start to end, in seconds.
    pub median_seconds: Option<f64>,
}

/// A pod of a task's workload, as it comes and goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TaskPod {
    /// The task it belongs to.
    pub task_id: TaskId,
    /// Its name.
    pub name: String,
    /// The first container's tag.
    pub tag: String,
    /// Runs what the task brings, not what was there before.
    pub new: bool,
    /// Ready to serve.
    pub ready: bool,
    /// On its way out.
    pub deleting: bool,
    /// What keeps it from being ready, else its phase.
    pub words: String,
}
