//! Deployments: rolling from one replica set to the next.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::replicaset::{self, REVISION, ReplicaSet};
use super::{Pod, Round, resolve};
use crate::json::{items, number, text, timestamp};
use crate::objects::Key;

/// How far a rollout has come, and since when it has not come any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    set: String,
    counts: Counts,
    since: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    desired: i64,
    replicas: i64,
    updated: i64,
    ready: i64,
}

impl Counts {
    fn complete(self) -> bool {
        self.updated == self.desired && self.replicas == self.desired && self.ready == self.desired
    }
}

pub(super) fn reconcile(round: &mut Round<'_>, key: &Key, deployment: &Value) -> Option<DateTime<Utc>> {
    let mut old = replicaset::of(round, key);
    let paused = deployment["spec"]["paused"].as_bool().unwrap_or(false);
    let current = if paused {
        let newest = (0..old.len()).max_by_key(|index| old[*index].revision())?;
        old.swap_remove(newest)
    } else {
        replicaset::current(round, deployment, &key.namespace, &mut old)
    };
    if !paused {
        roll(round, deployment, &current, &old);
        replicaset::trim(round, deployment, &old);
    }
    let new_pods = replicaset::report(round, &current.key);
    let old_pods: Vec<Pod> = old.iter().flat_map(|set| replicaset::report(round, &set.key)).collect();
    let counts = count(deployment, &new_pods, &old_pods);
    let deadline = report(round, key, &current, counts);
    let sets = old.iter().chain([&current]);
    sets.filter_map(|set| round.next_pod_step(&set.key)).chain(deadline).min()
}

/// One step from the old sets to the current one.
fn roll(round: &mut Round<'_>, deployment: &Value, current: &ReplicaSet, old: &[ReplicaSet]) {
    let desired = number(deployment, "/spec/replicas").unwrap_or(1);
    let old_pods: Vec<&Pod> = old.iter().flat_map(ReplicaSet::live).collect();
    let new_pods: Vec<&Pod> = current.live().collect();
    let missing = desired - length(&new_pods);
    stop(round, &new_pods, -missing);
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        stop(round, &old_pods, length(&old_pods));
        if old.iter().all(|set| set.pods.is_empty()) {
            replicaset::add_pods(round, current, missing);
        }
        return;
    }
    let (surge, unavailable) = limits(deployment, desired);
    let total = length(&old_pods) + length(&new_pods);
    let added = missing.min(desired + surge - total).max(0);
    replicaset::add_pods(round, current, added);
    let ready = |pods: &[&Pod]| i64::try_from(pods.iter().filter(|pod| pod.ready()).count()).unwrap_or(0);
    let (ready_new, ready_old) = (ready(&new_pods), ready(&old_pods));
    let unready_new = length(&new_pods) + added - ready_new;
    let least = desired - unavailable;
    let broken = (total + added - least - unready_new).min(length(&old_pods) - ready_old).max(0);
    let whole = (ready_new + ready_old - least).min(ready_old).max(0);
    stop(round, &old_pods, broken + whole);
}

/// How many pods may be too many, and how many too few, while rolling.
fn limits(deployment: &Value, desired: i64) -> (i64, i64) {
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    let surge = resolve(&rolling["maxSurge"], desired, "25%", true);
    let unavailable = resolve(&rolling["maxUnavailable"], desired, "25%", false);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// Stops that many pods, those that are not ready first.
fn stop(round: &mut Round<'_>, pods: &[&Pod], count: i64) {
    let mut pods = pods.to_vec();
    pods.sort_by_key(|pod| pod.ready());
    for pod in pods.into_iter().take(usize::try_from(count).unwrap_or(0)) {
        round.terminate(pod);
    }
}

fn length<T>(slice: &[T]) -> i64 {
    i64::try_from(slice.len()).unwrap_or(i64::MAX)
}

fn count(deployment: &Value, new: &[Pod], old: &[Pod]) -> Counts {
    let live = |pods: &[Pod]| length(&pods.iter().filter(|pod| !pod.terminating()).collect::<Vec<_>>());
    let ready = |pods: &[Pod]| length(&pods.iter().filter(|pod| pod.ready()).collect::<Vec<_>>());
    Counts {
        desired: number(deployment, "/spec/replicas").unwrap_or(1),
        replicas: live(new) + live(old),
        updated: live(new),
        ready: ready(new) + ready(old),
    }
}

/// Writes the status, and returns when the progress deadline passes.
fn report(round: &mut Round<'_>, key: &Key, current: &ReplicaSet, counts: Counts) -> Option<DateTime<Utc>> {
    let mut deployment = round.objects.get(key)?;
    let revision = json!(current.revision().to_string());
    if deployment["metadata"]["annotations"][REVISION] != revision {
        deployment["metadata"]["annotations"][REVISION] = revision;
        round.objects.put(key.clone(), deployment.clone());
    }
    let limit = TimeDelta::seconds(number(&deployment, "/spec/progressDeadlineSeconds").unwrap_or(600));
    let deadline = stalled_since(round, key, &current.key.name, counts) + limit;
    let (status, reason) = match (counts.complete(), deadline <= round.now) {
        (true, _) => ("True", "NewReplicaSetAvailable"),
        (false, true) => ("False", "ProgressDeadlineExceeded"),
        (false, false) => ("True", "ReplicaSetUpdated"),
    };
    let progressing = json!({
        "type": "Progressing", "status": status, "reason": reason,
        "message": progress_message(reason, &current.key.name),
    });
    let (_, unavailable) = limits(&deployment, counts.desired);
    let available = if counts.ready >= counts.desired - unavailable {
        json!({ "type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                "message": "Deployment has minimum availability." })
    } else {
        json!({ "type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
                "message": "Deployment does not have minimum availability." })
    };
    let conditions: Vec<Value> = [available, progressing]
        .into_iter()
        .map(|condition| stamped(condition, items(&deployment, "/status/conditions"), round.now))
        .collect();
    round.objects.put_status(key, status_of(&deployment, counts, conditions));
    (reason == "ReplicaSetUpdated").then_some(deadline)
}

fn progress_message(reason: &str, set: &str) -> String {
    match reason {
        "NewReplicaSetAvailable" => format!("ReplicaSet \"{set}\" has successfully progressed."),
        "ProgressDeadlineExceeded" => format!("ReplicaSet \"{set}\" has timed out progressing."),
        _ => format!("ReplicaSet \"{set}\" is progressing."),
    }
}

fn stalled_since(round: &mut Round<'_>, key: &Key, set: &str, counts: Counts) -> DateTime<Utc> {
    let now = round.now;
    let progress = round.progress.entry(key.clone()).or_insert_with(|| Progress {
        set: set.to_owned(),
        counts,
        since: now,
    });
    if progress.set != set || progress.counts != counts {
        *progress = Progress { set: set.to_owned(), counts, since: now };
    }
    progress.since
}

/// Keeps a condition's times as long as it says the same.
fn stamped(mut condition: Value, before: &[Value], now: DateTime<Utc>) -> Value {
    let before = before.iter().find(|before| before["type"] == condition["type"]);
    let same = |field: &str| before.is_some_and(|before| before[field] == condition[field]);
    let now = json!(timestamp(now));
    let pick = |keep: bool, field: &str| match before.filter(|_| keep) {
        Some(before) => before[field].clone(),
        None => now.clone(),
    };
    let update = pick(same("status") && same("reason") && same("message"), "lastUpdateTime");
    let transition = pick(same("status"), "lastTransitionTime");
    condition["lastUpdateTime"] = update;
    condition["lastTransitionTime"] = transition;
    condition
}

/// The status; counts of zero are left out, as the real controller does.
fn status_of(deployment: &Value, counts: Counts, conditions: Vec<Value>) -> Value {
    let mut status = Map::new();
    for (field, count) in [
        ("replicas", counts.replicas),
        ("updatedReplicas", counts.updated),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.ready),
        ("unavailableReplicas", (counts.desired.max(counts.replicas) - counts.ready).max(0)),
    ] {
        if count > 0 {
            status.insert(field.to_owned(), json!(count));
        }
    }
    status.insert("observedGeneration".to_owned(), deployment["metadata"]["generation"].clone());
    status.insert("conditions".to_owned(), json!(conditions));
    Value::Object(status)
}
