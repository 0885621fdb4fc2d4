//! What a cluster's watches know of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    service::WorkloadKind,
    workload::{PodFacts, WorkloadFacts, WorkloadKey},
};
use platform::{Snapshot, WatchEvent};

/// Workloads and pods of a cluster's bound namespaces, and which workloads have changed since they were last stored.
#[derive(Default)]
pub(crate) struct View {
    workloads: BTreeMap<WorkloadKey, WorkloadFacts>,
    pods: HashMap<(String, String), PodFacts>,
    by_owner: HashMap<WorkloadKey, BTreeSet<(String, String)>>,
    dirty: BTreeSet<WorkloadKey>,
    /// All lists have come and no watch is lost: what is known here is what the cluster told last.
    live: bool,
}

impl View {
    /// Takes in what a watch tells. Namespaces that are not bound are to be left out by `bound`.
    pub(crate) fn take(&mut self, event: WatchEvent, bound: impl Fn(&str) -> bool) {
        match event {
            WatchEvent::Listed { kind, namespace, workloads } => {
                let workloads = workloads.into_iter().filter(|workload| bound(&workload.key.namespace));
                self.list(&kind, namespace.as_deref(), workloads.collect());
            }
            WatchEvent::ListedPods { namespace, pods } => {
                let old: Vec<(String, String)> = self
                    .pods
                    .keys()
                    .filter(|(of, _)| namespace.as_deref().is_none_or(|namespace| namespace == of))
                    .cloned()
                    .collect();
                for (namespace, name) in old {
                    self.remove_pod(&namespace, &name);
                }
                for pod in pods.into_iter().filter(|pod| bound(&pod.namespace)) {
                    self.put_pod(pod);
                }
            }
            WatchEvent::Changed(workload) if bound(&workload.key.namespace) => self.put(workload),
            WatchEvent::Gone(key) => self.remove(&key),
            WatchEvent::PodChanged(pod) if bound(&pod.namespace) => self.put_pod(pod),
            WatchEvent::PodGone { namespace, name } => self.remove_pod(&namespace, &name),
            _ => {}
        }
    }

    /// The workloads that have changed since this was last asked; without facts, they are gone.
    pub(crate) fn take_dirty(&mut self) -> Vec<(WorkloadKey, Option<WorkloadFacts>, Vec<PodFacts>)> {
        let dirty = std::mem::take(&mut self.dirty);
        let entry = |key: WorkloadKey| {
            let (workload, pods) = (self.workloads.get(&key).cloned(), self.pods_of(&key));
            (key, workload, pods)
        };
        dirty.into_iter().map(entry).collect()
    }

    /// The workloads of a kind.
    pub(crate) fn keys_of(&self, kind: &WorkloadKind) -> Vec<WorkloadKey> {
        self.workloads.keys().filter(|key| key.kind == *kind).cloned().collect()
    }

    /// Whether anything has changed.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Says whether the watches are all there.
    pub(crate) fn set_live(&mut self, live: bool) {
        self.live = live;
    }

    /// A workload and its pods, as long as the watches are there.
    pub(crate) fn seen(&self, key: &WorkloadKey) -> Option<Snapshot> {
        let workload = self.workloads.get(key).filter(|_| self.live)?.clone();
        Some(Snapshot { workload, pods: self.pods_of(key) })
    }

    /// A workload's pods.
    pub(crate) fn pods_of(&self, key: &WorkloadKey) -> Vec<PodFacts> {
        let names = self.by_owner.get(key).into_iter().flatten();
        names.filter_map(|name| self.pods.get(name)).cloned().collect()
    }

    fn list(&mut self, kind: &WorkloadKind, namespace: Option<&str>, workloads: Vec<WorkloadFacts>) {
        let listed: BTreeSet<&WorkloadKey> = workloads.iter().map(|workload| &workload.key).collect();
        let gone: Vec<WorkloadKey> = self
            .workloads
            .keys()
            .filter(|key| key.kind == *kind && namespace.is_none_or(|namespace| namespace == key.namespace))
            .filter(|key| !listed.contains(key))
            .cloned()
            .collect();
        gone.iter().for_each(|key| self.remove(key));
        workloads.into_iter().for_each(|workload| self.put(workload));
    }

    fn put(&mut self, workload: WorkloadFacts) {
        self.dirty.insert(workload.key.clone());
        self.workloads.insert(workload.key.clone(), workload);
    }

    fn remove(&mut self, key: &WorkloadKey) {
        if self.workloads.remove(key).is_some() {
            self.dirty.insert(key.clone());
        }
    }

    fn put_pod(&mut self, pod: PodFacts) {
        self.remove_pod(&pod.namespace, &pod.name);
        let id = (pod.namespace.clone(), pod.name.clone());
        if let Some(owner) = &pod.owner {
            self.by_owner.entry(owner.clone()).or_default().insert(id.clone());
            self.dirty.insert(owner.clone());
        }
        self.pods.insert(id, pod);
    }

    fn remove_pod(&mut self, namespace: &str, name: &str) {
        let id = (namespace.to_owned(), name.to_owned());
        let Some(owner) = self.pods.remove(&id).and_then(|pod| pod.owner) else { return };
        if let Some(pods) = self.by_owner.get_mut(&owner) {
            pods.remove(&id);
            if pods.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
        self.dirty.insert(owner);
    }
}
