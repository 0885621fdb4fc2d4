//! Replicas as a part of revisions, where an environment's settings say so.

use serde::{Deserialize, Serialize};

use crate::{
    id::ServiceId,
    service::{Service, WorkloadKind},
    settings::Manages,
};

/// The most replicas that a revision says.
pub const MAX_REPLICAS: u32 = 1_000;

/// Replicas that change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplicaChange {
    /// How many there are to be before.
    pub from: u32,
    /// How many there are to be then.
    pub to: u32,
}

/// The replicas that a service should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceReplicas {
    /// The service.
    pub service_id: ServiceId,
    /// How many.
    pub replicas: u32,
}

impl ReplicaChange {
    /// What differs between two sides that both say how many.
    pub fn between(from: Option<u32>, to: Option<u32>) -> Option<Self> {
        let (from, to) = (from?, to?);
        (from != to).then_some(Self { from, to })
    }
}

/// How many replicas a service is to have as observed; none where its kind is not told how many.
pub fn of(service: &Service) -> Option<u32> {
    let has = matches!(service.workload_type, WorkloadKind::Deployment | WorkloadKind::StatefulSet);
    has.then(|| u32::try_from(service.replicas).unwrap_or_default())
}

/// The same, where revisions own replicas; none where they do not.
pub fn owned(service: &Service, manages: Manages) -> Option<u32> {
    of(service).filter(|_| manages.replicas)
}
