//! Daemon sets: one pod on each node, replaced a few at a time.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::kubelet::NewPod;
use super::replicaset::template_hash;
use super::{NODES, Pod, Round, owner_reference, resolve};
use crate::json::{suffix, text};
use crate::objects::Key;

const REVISION: &str = "controller-revision-hash";

pub(super) fn reconcile(round: &mut Round<'_>, key: &Key, set: &Value) -> Option<DateTime<Utc>> {
    let hash = template_hash(&set["spec"]["template"]);
    let pods = round.pods(key);
    for node in NODES {
        if !pods.iter().any(|pod| text(&pod.object, "/spec/nodeName") == node) {
            create(round, key, set, &hash, node);
        }
    }
    if text(set, "/spec/updateStrategy/type") != "OnDelete" {
        replace(round, set, &hash, &pods);
    }
    report(round, key, set, &hash);
    round.next_pod_step(key)
}

fn create(round: &mut Round<'_>, key: &Key, set: &Value, hash: &str, node: &str) {
    let unique = suffix(&format!("{}/{}", key.name, round.objects.version()), 5);
    let new = NewPod {
        name: format!("{}-{unique}", key.name),
        namespace: &key.namespace,
        template: &set["spec"]["template"],
        owner: owner_reference(set),
        label: (REVISION, hash),
        node,
    };
    round.kubelet.create(round.objects, new, round.now);
}

/// Stops outdated pods: broken ones at once, ready ones as far as availability allows.
fn replace(round: &mut Round<'_>, set: &Value, hash: &str, pods: &[Pod]) {
    let nodes = i64::try_from(NODES.len()).unwrap_or(i64::MAX);
    let limit = &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"];
    let limit = if limit.is_null() { 1 } else { resolve(limit, nodes, "0%", true).max(1) };
    let ready = i64::try_from(pods.iter().filter(|pod| pod.ready()).count()).unwrap_or(0);
    let mut budget = limit - (nodes - ready);
    for pod in pods.iter().filter(|pod| pod.label(REVISION) != hash && !pod.terminating()) {
        if !pod.ready() {
            round.terminate(pod);
        } else if budget > 0 {
            budget -= 1;
            round.terminate(pod);
        }
    }
}

fn report(round: &mut Round<'_>, key: &Key, set: &Value, hash: &str) {
    let pods = round.pods(key);
    let live: Vec<&Pod> = pods.iter().filter(|pod| !pod.terminating()).collect();
    let ready = live.iter().filter(|pod| pod.ready()).count();
    let updated = live.iter().filter(|pod| pod.label(REVISION) == hash).count();
    let mut status = json!({
        "observedGeneration": set["metadata"]["generation"], "desiredNumberScheduled": NODES.len(),
        "currentNumberScheduled": live.len(), "numberMisscheduled": 0, "numberReady": ready,
        "updatedNumberScheduled": updated, "numberAvailable": ready,
    });
    if ready < NODES.len() {
        status["numberUnavailable"] = json!(NODES.len() - ready);
    }
    round.objects.put_status(key, status);
}
