//! How many replicas run what they should: seed 000's up-to-date check, in Blox's four numbers.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::{
    id::{EnvironmentId, ServiceId},
    revision::RevisionEntry,
    service::WorkloadKind,
    workload::PodFacts,
};

/// Replicas, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplicaCounts {
    /// Those that there should be.
    pub desired: u64,
    /// Those that there are, but for those on their way out.
    pub total: u64,
    /// Of these, those that serve.
    pub healthy: u64,
    /// Of these, those that run something else than the active revision says.
    pub outdated: u64,
}

impl ReplicaCounts {
    /// Whether all that there should be is there, serves, and is no other version.
    pub fn is_up_to_date(&self) -> bool {
        self.outdated == 0 && self.healthy >= self.desired && self.total == self.desired
    }
}

impl AddAssign for ReplicaCounts {
    fn add_assign(&mut self, other: Self) {
        self.desired += other.desired;
        self.total += other.total;
        self.healthy += other.healthy;
        self.outdated += other.outdated;
    }
}

/// Counts a workload's replicas. Without an entry in the active revision none is outdated.
pub fn count(entry: Option<&RevisionEntry>, desired: i32, pods: &[PodFacts]) -> ReplicaCounts {
    let there: Vec<&PodFacts> = pods.iter().filter(|pod| !pod.deleting).collect();
    // A pod does not tell of init containers, and may have some that its workload does not name.
    let differs = |pod: &&&PodFacts| {
        entry.is_some_and(|entry| {
            entry.images.iter().any(|wanted| {
                pod.containers.iter().any(|now| now.name == wanted.container && now.image != wanted.image)
            })
        })
    };
    ReplicaCounts {
        desired: desired.max(0) as u64,
        total: there.len() as u64,
        healthy: there.iter().filter(|pod| pod.ready).count() as u64,
        outdated: there.iter().filter(differs).count() as u64,
    }
}

/// How far an environment is at its active revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UpToDate {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its active revision; 0 where there is none, and so nothing is outdated.
    pub revision: i64,
    /// Everything that should run runs and serves, and nothing else of it does.
    pub up_to_date: bool,
    /// Over all services.
    pub replicas: ReplicaCounts,
    /// Service by service, those first that are not up to date.
    pub services: Vec<ServiceUpToDate>,
}

/// How far one service is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceUpToDate {
    /// The service.
    pub service_id: ServiceId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: WorkloadKind,
    /// The app instance's name.
    pub app_instance: String,
    /// It is as it should be.
    pub up_to_date: bool,
    /// Its replicas.
    pub replicas: ReplicaCounts,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{id::AppInstanceId, revision::ContainerImage, workload::PodContainer};

    fn pod(image: &str, ready: bool, deleting: bool) -> PodFacts {
        let container = |name: &str, image: &str| PodContainer {
            name: name.into(),
            image: image.into(),
            digest: None,
            ready,
            waiting: None,
            message: None,
            restarts: 0,
        };
        PodFacts {
            namespace: "shop".into(),
            name: "web".into(),
            owner: None,
            created: String::new(),
            phase: "Running".into(),
            ready,
            deleting,
            unschedulable: None,
            containers: vec![container("app", image), container("injected", "mesh:1")],
        }
    }

    #[test]
    fn replicas_are_counted_by_what_they_run_and_whether_they_serve() {
        let entry = RevisionEntry {
            app_instance_id: AppInstanceId(Uuid::from_u128(1)),
            app_instance: "shop".into(),
            kind: WorkloadKind::Deployment,
            name: "web".into(),
            images: vec![
                ContainerImage { container: "app".into(), image: "web:2".into() },
                ContainerImage { container: "migrate".into(), image: "web:2".into() },
            ],
            definition: None,
            replicas: None,
        };
        let pods = [
            pod("web:1", true, false),
            pod("web:2", false, false),
            pod("web:2", true, false),
            pod("web:1", true, true),
        ];
        let counts = count(Some(&entry), 2, &pods);
        assert_eq!(counts, ReplicaCounts { desired: 2, total: 3, healthy: 2, outdated: 1 });
        assert!(!counts.is_up_to_date(), "an old one still runs");
        assert!(count(Some(&entry), 1, &pods[2..]).is_up_to_date());
        assert_eq!(count(None, 3, &pods).outdated, 0, "nothing says what should run");
    }
}
