//! Stateful sets: pods with numbers, made in order and replaced from the highest down.
//!
//! As in the real controller, an ordered set waits for a pod that never becomes ready, even after its
//! template was put right: that pod has to be deleted by hand.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::kubelet::NewPod;
use super::replicaset::template_hash;
use super::{NODES, Pod, Round, owner_reference};
use crate::json::{number, text};
use crate::objects::Key;

const REVISION: &str = "controller-revision-hash";

pub(super) fn reconcile(round: &mut Round<'_>, key: &Key, set: &Value) -> Option<DateTime<Utc>> {
    let revision = format!("{}-{}", key.name, template_hash(&set["spec"]["template"]));
    let pods = numbered(round, key);
    if keep_up(round, key, set, &revision, &pods) {
        replace_one(round, set, &revision, &pods);
    }
    report(round, key, set, &revision);
    round.next_pod_step(key)
}

fn numbered(round: &mut Round<'_>, key: &Key) -> BTreeMap<i64, Pod> {
    let number = |pod: &Pod| pod.key.name.rsplit('-').next().and_then(|number| number.parse().ok());
    round.pods(key).into_iter().filter_map(|pod| Some((number(&pod)?, pod))).collect()
}

fn replicas(set: &Value) -> i64 {
    number(set, "/spec/replicas").unwrap_or(1)
}

/// Makes what is missing and stops what is too much; returns whether all is well so far.
fn keep_up(round: &mut Round<'_>, key: &Key, set: &Value, revision: &str, pods: &BTreeMap<i64, Pod>) -> bool {
    let ordered = text(set, "/spec/podManagementPolicy") != "Parallel";
    for index in 0..replicas(set) {
        let well = match pods.get(&index) {
            Some(pod) => pod.ready(),
            None => {
                create(round, key, set, revision, index);
                false
            }
        };
        if ordered && !well {
            return false;
        }
    }
    let stopping = pods.values().any(Pod::terminating);
    let surplus: Vec<&Pod> = pods.range(replicas(set)..).map(|(_, pod)| pod).collect();
    for pod in
        surplus.iter().rev().filter(|pod| !pod.terminating()).take(if ordered { 1 } else { usize::MAX })
    {
        if !(ordered && stopping) {
            round.terminate(pod);
        }
    }
    surplus.is_empty()
}

fn create(round: &mut Round<'_>, key: &Key, set: &Value, revision: &str, index: i64) {
    let new = NewPod {
        name: format!("{}-{index}", key.name),
        namespace: &key.namespace,
        template: &set["spec"]["template"],
        owner: owner_reference(set),
        label: (REVISION, revision),
        node: NODES[usize::try_from(index).unwrap_or(0) % NODES.len()],
    };
    round.kubelet.create(round.objects, new, round.now);
}

/// Stops the highest pod of another revision, once all above it are ready.
fn replace_one(round: &mut Round<'_>, set: &Value, revision: &str, pods: &BTreeMap<i64, Pod>) {
    if text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let partition = number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    for pod in pods.range(partition..).rev().map(|(_, pod)| pod) {
        if pod.label(REVISION) != revision && !pod.terminating() {
            round.terminate(pod);
            return;
        }
        if !pod.ready() {
            return;
        }
    }
}

fn report(round: &mut Round<'_>, key: &Key, set: &Value, revision: &str) {
    let pods = numbered(round, key);
    let updated = pods.values().filter(|pod| pod.label(REVISION) == revision).count();
    let ready = pods.values().filter(|pod| pod.ready()).count();
    let desired = usize::try_from(replicas(set)).unwrap_or(0);
    let before = text(set, "/status/currentRevision");
    let done = updated == desired && ready == desired && pods.len() == desired;
    let current = if done || before.is_empty() { revision } else { before };
    let on_current = pods.values().filter(|pod| pod.label(REVISION) == current).count();
    let status = json!({
        "observedGeneration": set["metadata"]["generation"], "replicas": pods.len(),
        "readyReplicas": ready, "availableReplicas": ready, "currentReplicas": on_current,
        "updatedReplicas": updated, "currentRevision": current, "updateRevision": revision,
        "collisionCount": 0,
    });
    round.objects.put_status(key, status);
}
