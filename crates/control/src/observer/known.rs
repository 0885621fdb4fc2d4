//! What is stored of a cluster's services, and what of a new observation differs from it.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{
    app_instance::AppInstance,
    health,
    id::{ClusterId, EnvironmentId},
    service::{Container, WorkloadKind},
    workload::{PodFacts, WorkloadFacts, WorkloadKey},
};
use store::{ObservedService, ServiceKey, Store};

/// A cluster's app instances, and what is stored of their services.
pub(super) struct Known {
    cluster: ClusterId,
    /// By namespace.
    instances: HashMap<String, AppInstance>,
    stored: HashMap<ServiceKey, Stored>,
}

/// What is stored of a service: enough to see that nothing has changed.
struct Stored {
    containers: Vec<Container>,
    changed_at: DateTime<Utc>,
    /// Of all that is stored; none where it is not known to be so any more.
    fingerprint: Option<u64>,
}

impl Stored {
    fn of(observed: ObservedService) -> Self {
        let fingerprint = Some(observed.fingerprint());
        Self { containers: observed.containers, changed_at: observed.changed_at, fingerprint }
    }
}

impl Known {
    /// Reads what is stored.
    pub(super) async fn read(store: &Store, cluster: ClusterId) -> Result<Self, store::Error> {
        let instances = store.app_instances_of(cluster).await?;
        let instances =
            instances.into_iter().map(|instance| (instance.namespace.clone(), instance)).collect();
        let stored = store.observed_services(cluster).await?;
        let stored = stored.into_iter().map(|service| (service.key.clone(), Stored::of(service))).collect();
        Ok(Self { cluster, instances, stored })
    }

    /// Whether something is bound to a namespace.
    pub(super) fn binds(&self, namespace: &str) -> bool {
        self.instances.contains_key(namespace)
    }

    /// The environments that something of this cluster is bound to.
    pub(super) fn environments(&self) -> BTreeSet<EnvironmentId> {
        self.instances.values().map(|instance| instance.environment_id).collect()
    }

    /// The service that a workload is.
    pub(super) fn service_key(&self, key: &WorkloadKey) -> Option<ServiceKey> {
        let instance = self.instances.get(&key.namespace)?;
        Some(ServiceKey { app_instance_id: instance.id, kind: key.kind.clone(), name: key.name.clone() })
    }

    /// Whether a service is stored.
    pub(super) fn has(&self, key: &ServiceKey) -> bool {
        self.stored.contains_key(key)
    }

    /// What is stored of a kind, in one namespace or in all.
    pub(super) fn stored_in<'a>(
        &'a self,
        kind: &'a WorkloadKind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a ServiceKey> {
        let in_scope = move |key: &&ServiceKey| {
            let instance = self.instances.values().find(|instance| instance.id == key.app_instance_id);
            instance.is_none_or(|instance| namespace.is_none_or(|namespace| namespace == instance.namespace))
        };
        self.stored.keys().filter(move |key| key.kind == *kind).filter(in_scope)
    }

    /// What to store of a workload; nothing where nothing that is shown has changed.
    pub(super) fn observe(
        &self,
        key: ServiceKey,
        workload: &WorkloadFacts,
        pods: &[PodFacts],
    ) -> Option<ObservedService> {
        let instance = self.instances.get(&workload.key.namespace)?;
        let health = health::assess(workload, pods);
        let stored = self.stored.get(&key);
        let mut containers = health::with_digests(&workload.containers, pods);
        if let Some(stored) = stored {
            keep_digests(&mut containers, &stored.containers);
        }
        let changed_at = match stored {
            Some(stored) if images(&stored.containers) == images(&containers) => stored.changed_at,
            Some(_) => Utc::now(),
            None => running_since(&containers, pods).unwrap_or_else(Utc::now),
        };
        let observed = ObservedService {
            key,
            environment_id: instance.environment_id,
            cluster_id: self.cluster,
            namespace: workload.key.namespace.clone(),
            application: instance.application.clone(),
            status: health.status,
            reason: health.reason,
            replicas: workload.desired,
            available: workload.available,
            containers,
            manager: workload.manager.clone(),
            changed_at,
        };
        let unchanged = stored.and_then(|stored| stored.fingerprint) == Some(observed.fingerprint());
        (!unchanged).then_some(observed)
    }

    /// These are not known to be as they are stored any more.
    pub(super) fn doubt(&mut self, doubted: &[ServiceKey]) {
        for key in doubted {
            if let Some(stored) = self.stored.get_mut(key) {
                stored.fingerprint = None;
            }
        }
    }

    /// This was stored.
    pub(super) fn remember(&mut self, changed: Vec<ObservedService>, gone: &[ServiceKey]) {
        for service in changed {
            self.stored.insert(service.key.clone(), Stored::of(service));
        }
        for key in gone {
            self.stored.remove(key);
        }
    }
}

/// Between two generations of pods there may be none that tells a digest: what is known of the same image stays.
fn keep_digests(containers: &mut [Container], stored: &[Container]) {
    for container in containers.iter_mut().filter(|container| container.running_digest.is_none()) {
        let known =
            stored.iter().find(|known| known.name == container.name && known.image == container.image);
        container.running_digest = known.and_then(|known| known.running_digest.clone());
    }
}

/// Since when these images run, as far as the pods that are made of them tell.
fn running_since(containers: &[Container], pods: &[PodFacts]) -> Option<DateTime<Utc>> {
    let made_of_them = |pod: &&PodFacts| {
        let mut kept = containers.iter().filter(|container| !container.init);
        kept.all(|container| pod.has(&container.name, &container.image))
    };
    let created = |pod: &PodFacts| DateTime::parse_from_rfc3339(&pod.created).ok();
    pods.iter().filter(made_of_them).filter_map(created).min().map(|at| at.to_utc())
}

fn images(containers: &[Container]) -> Vec<(&str, &str)> {
    containers.iter().map(|container| (container.name.as_str(), container.image.as_str())).collect()
}
