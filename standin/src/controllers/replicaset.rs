//! The replica sets of a deployment.

use serde_json::{Value, json};

use super::kubelet::NewPod;
use super::{NODES, Pod, Round, owner_reference};
use crate::json::suffix;
use crate::kinds::Kind;
use crate::objects::Key;

/// The annotation that numbers the revisions of a deployment.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";

/// A replica set and its pods.
pub(super) struct ReplicaSet {
    pub(super) key: Key,
    pub(super) object: Value,
    pub(super) pods: Vec<Pod>,
}

impl ReplicaSet {
    pub(super) fn live(&self) -> impl Iterator<Item = &Pod> {
        self.pods.iter().filter(|pod| !pod.terminating())
    }

    pub(super) fn revision(&self) -> u64 {
        self.object["metadata"]["annotations"][REVISION].as_str().and_then(|it| it.parse().ok()).unwrap_or(0)
    }

    fn hash(&self) -> &str {
        self.object["metadata"]["labels"]["pod-template-hash"].as_str().unwrap_or_default()
    }
}

/// The digest of a pod template, as it stands in names and labels.
pub(crate) fn template_hash(template: &Value) -> String {
    suffix(&template.to_string(), 10)
}

/// All replica sets of a deployment.
pub(super) fn of(round: &mut Round<'_>, deployment: &Key) -> Vec<ReplicaSet> {
    let sets = round.objects.children(Kind::ReplicaSet, deployment);
    sets.into_iter().map(|(key, object)| ReplicaSet { pods: round.pods(&key), key, object }).collect()
}

/// Takes the replica set of the present template out of `sets`, or makes it.
pub(super) fn current(
    round: &mut Round<'_>,
    deployment: &Value,
    namespace: &str,
    sets: &mut Vec<ReplicaSet>,
) -> ReplicaSet {
    let template = &deployment["spec"]["template"];
    let hash = template_hash(template);
    let newest = sets.iter().map(ReplicaSet::revision).max().unwrap_or(0);
    if let Some(index) = sets.iter().position(|set| set.hash() == hash) {
        let mut set = sets.swap_remove(index);
        if set.revision() < newest {
            let mut object = set.object.clone();
            object["metadata"]["annotations"][REVISION] = json!((newest + 1).to_string());
            set.object = round.objects.put(set.key.clone(), object);
        }
        return set;
    }
    let name = format!("{}-{hash}", deployment["metadata"]["name"].as_str().unwrap_or_default());
    let key = Key::new(Kind::ReplicaSet, namespace, &name);
    let object = new_set(deployment, namespace, &name, &hash, newest + 1);
    let object = round.objects.create(key.clone(), object, round.now);
    ReplicaSet { key, object, pods: Vec::new() }
}

fn new_set(deployment: &Value, namespace: &str, name: &str, hash: &str, revision: u64) -> Value {
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = json!(hash);
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": namespace, "labels": template["metadata"]["labels"],
            "annotations": { REVISION: revision.to_string() },
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": { "replicas": 0, "selector": selector, "template": template },
        "status": { "replicas": 0, "observedGeneration": 1 },
    })
}

/// Makes `count` pods of a set.
pub(super) fn add_pods(round: &mut Round<'_>, set: &ReplicaSet, count: i64) {
    for _ in 0..count {
        let unique = suffix(&format!("{}/{}", set.key.name, round.objects.version()), 5);
        let node = usize::try_from(round.objects.version()).unwrap_or(0) % NODES.len();
        let new = NewPod {
            name: format!("{}-{unique}", set.key.name),
            namespace: &set.key.namespace,
            template: &set.object["spec"]["template"],
            owner: owner_reference(&set.object),
            label: ("pod-template-hash", set.hash()),
            node: NODES[node],
        };
        round.kubelet.create(round.objects, new, round.now);
    }
}

/// Writes what has become of a set's pods into the set.
pub(super) fn report(round: &mut Round<'_>, key: &Key) -> Vec<Pod> {
    let pods = round.pods(key);
    let live: Vec<&Pod> = pods.iter().filter(|pod| !pod.terminating()).collect();
    let ready = live.iter().filter(|pod| pod.ready()).count();
    if let Some(set) = round.objects.get(key) {
        let mut object = set.clone();
        if object["spec"]["replicas"] != json!(live.len()) {
            object["spec"]["replicas"] = json!(live.len());
            object["metadata"]["generation"] =
                json!(object["metadata"]["generation"].as_i64().unwrap_or(0) + 1);
        }
        object["status"] = json!({
            "observedGeneration": object["metadata"]["generation"], "replicas": live.len(),
            "fullyLabeledReplicas": live.len(), "readyReplicas": ready, "availableReplicas": ready,
        });
        if object != set {
            round.objects.put(key.clone(), object);
        }
    }
    pods
}

/// Removes the oldest empty sets beyond the deployment's history limit.
pub(super) fn trim(round: &mut Round<'_>, deployment: &Value, old: &[ReplicaSet]) {
    let limit = deployment["spec"]["revisionHistoryLimit"].as_u64().unwrap_or(10);
    let mut empty: Vec<&ReplicaSet> = old.iter().filter(|set| set.pods.is_empty()).collect();
    empty.sort_by_key(|set| std::cmp::Reverse(set.revision()));
    for set in empty.into_iter().skip(usize::try_from(limit).unwrap_or(usize::MAX)) {
        round.objects.remove(&set.key);
    }
}
