//! What a platform observes of a workload and its pods: only what is decided on or shown.

use serde::{Deserialize, Serialize};

use crate::{
    service::{Container, Manager, Service, WorkloadKind},
    variable::Reported,
};

/// Which workload, within a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkloadKey {
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for WorkloadKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// A workload's object, as far as Lockstep reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadFacts {
    /// Which one.
    pub key: WorkloadKey,
    /// The object's UID: another one is another object.
    pub uid: String,
    /// The object's version.
    pub resource_version: String,
    /// Goes up when the specification changes.
    pub generation: i64,
    /// The generation that the controller has seen.
    pub observed_generation: i64,
    /// Replicas wanted.
    pub desired: i32,
    /// Replicas there are, of any version.
    pub total: i32,
    /// Replicas of the newest version.
    pub updated: i32,
    /// Replicas available.
    pub available: i32,
    /// A suspended CronJob.
    pub suspended: bool,
    /// The controller has given up on the rollout, with its words.
    pub gave_up: Option<String>,
    /// A StatefulSet's current and update revision are the same.
    pub revisions_agree: bool,
    /// Its containers, init containers last, without observed digests.
    pub containers: Vec<Container>,
    /// Another tool that owns it.
    pub manager: Option<Manager>,
    /// The variables that deployments have given it; none where the platform gives its workloads none.
    pub variables: Option<Reported>,
    /// The deployment named by Lockstep's annotation.
    pub deployment: Option<String>,
    /// Being deleted.
    pub deleting: bool,
}

/// A pod, as far as Lockstep reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodFacts {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The workload it belongs to.
    pub owner: Option<WorkloadKey>,
    /// When it was made, as RFC 3339; the newest pod's troubles are told first.
    pub created: String,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// Ready to serve.
    pub ready: bool,
    /// Being deleted.
    pub deleting: bool,
    /// Why it cannot be placed on a node.
    pub unschedulable: Option<String>,
    /// Its containers' states.
    pub containers: Vec<PodContainer>,
}

impl WorkloadKey {
    /// The workload that a service is.
    pub fn of(service: &Service) -> Self {
        Self {
            namespace: service.namespace.clone(),
            kind: service.workload_type.clone(),
            name: service.name.clone(),
        }
    }
}

impl PodFacts {
    /// Whether it has a container of this name that was made from this image.
    pub fn has(&self, container: &str, image: &str) -> bool {
        self.containers.iter().any(|found| found.name == container && found.image == image)
    }
}

/// A container in a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct PodContainer {
    /// Its name.
    pub name: String,
    /// The image it was made from.
    pub image: String,
    /// The repository digest, where the runtime tells.
    pub digest: Option<String>,
    /// Passes its readiness probe.
    pub ready: bool,
    /// Why it waits, such as `ImagePullBackOff`.
    pub waiting: Option<String>,
    /// The platform's words for it.
    pub message: Option<String>,
    /// How often it was started again.
    pub restarts: i32,
}
