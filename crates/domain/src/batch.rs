//! Several operations in one request, each carried out by itself.

use serde::{Deserialize, Serialize};

use crate::{
    cluster::ClusterEdit,
    deploy::{StartDeployment, StartRollback},
    environment::EnvironmentEdit,
    id::{ClusterId, DeploymentId, EnvironmentId},
    problem::Problem,
    settings::Freeze,
};

/// Operations in one batch.
pub const MAX_OPERATIONS: usize = 1_000;

/// What is to be done, in this order. One that fails does not keep the others from being done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "operations": [
        {
            "operation": "freeze",
            "environmentId": "0190a8a0-0000-7000-8000-000000000001",
            "freeze": { "from": "2026-12-20T00:00:00Z", "until": "2027-01-04T06:00:00Z", "reason": "Holidays" }
        },
        {
            "operation": "rollback",
            "deploymentId": "0190a8a0-0000-7000-8000-000000000002",
            "how": { "note": "errors since 14:05" }
        }
    ]
})))]
pub struct Batch {
    /// The operations; up to 1,000.
    pub operations: Vec<Operation>,
}

/// One operation: what the request of the same name does, with the same fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "operation", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Operation {
    /// Edits an environment.
    EditEnvironment {
        /// Which one.
        environment_id: EnvironmentId,
        /// Its new fields.
        edit: EnvironmentEdit,
    },
    /// Removes an environment. Nothing that runs is touched.
    DeleteEnvironment {
        /// Which one.
        environment_id: EnvironmentId,
        /// With all that depends on it.
        #[serde(default)]
        force: bool,
    },
    /// Adds a freeze to an environment's settings, beside those it has.
    Freeze {
        /// Which one.
        environment_id: EnvironmentId,
        /// When, and why.
        freeze: Freeze,
    },
    /// Makes a revision of what runs in an environment.
    Capture {
        /// Which one.
        environment_id: EnvironmentId,
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Edits a cluster.
    EditCluster {
        /// Which one.
        cluster_id: ClusterId,
        /// Its new fields.
        edit: ClusterEdit,
    },
    /// Starts a deployment.
    Deploy {
        /// As in `POST /api/deployments`.
        start: Box<StartDeployment>,
    },
    /// Takes back what a deployment changed.
    Rollback {
        /// Which one.
        deployment_id: DeploymentId,
        /// As in `POST /api/deployments/{id}/rollback`.
        #[serde(default)]
        how: StartRollback,
    },
    /// Begins nothing more of a deployment.
    Cancel {
        /// Which one.
        deployment_id: DeploymentId,
    },
}

/// What came of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// One result for each operation, in their order.
    pub results: Vec<OperationResult>,
    /// How many of them failed.
    pub failed: u64,
}

/// What came of one operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct OperationResult {
    /// It was done.
    pub done: bool,
    /// The deployment that it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<DeploymentId>,
    /// The revision that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Why it was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}
