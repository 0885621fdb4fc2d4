//! The kubelet: takes pods from one stage of their life to the next.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::image::{Fate, pod_fate};
use super::pod_status;
use crate::json::timestamp;
use crate::kinds::Kind;
use crate::objects::{Key, Objects};

/// A stage in the life of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Creating,
    Unschedulable,
    PullError,
    PullBackOff,
    ConfigError,
    /// In back-off after that many restarts.
    Crashing(u32),
    Unready,
    /// Ready before, and soon again.
    BrieflyUnready,
    Ready,
    Terminating,
}

/// Where a pod stands, and when it moves on.
#[derive(Clone, Copy, Debug)]
struct Clock {
    stage: Stage,
    fate: Fate,
    due: Option<DateTime<Utc>>,
}

/// Keeps the clocks of all pods of a cluster.
#[derive(Debug)]
pub(super) struct Kubelet {
    step: TimeDelta,
    clocks: HashMap<Key, Clock>,
}

/// A pod that a controller wants.
pub(super) struct NewPod<'a> {
    pub(super) name: String,
    pub(super) namespace: &'a str,
    pub(super) template: &'a Value,
    pub(super) owner: Value,
    /// The label that ties the pod to its revision.
    pub(super) label: (&'a str, &'a str),
    pub(super) node: &'a str,
}

impl Kubelet {
    pub(super) fn new(step: TimeDelta) -> Self {
        Self { step, clocks: HashMap::new() }
    }

    /// Makes a pod, in the first stage of its life.
    pub(super) fn create(&mut self, objects: &mut Objects, new: NewPod<'_>, now: DateTime<Utc>) {
        let key = Key::new(Kind::Pod, new.namespace, &new.name);
        let fate = pod_fate(&new.template["spec"]);
        let stage = if fate == Fate::Unschedulable { Stage::Unschedulable } else { Stage::Creating };
        self.clocks.insert(key.clone(), self.clock(stage, fate, now));
        let mut pod = pod(&new, stage != Stage::Unschedulable);
        pod["status"] = pod_status::render(&pod, stage, now);
        objects.create(key, pod, now);
    }

    /// Begins to stop a pod.
    pub(super) fn terminate(&mut self, objects: &mut Objects, key: &Key, now: DateTime<Utc>) {
        let Some(mut pod) = objects.get(key) else { return };
        pod["metadata"]["deletionTimestamp"] = json!(timestamp(now));
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(30);
        objects.put(key.clone(), pod);
        let fate = self.clocks.get(key).map_or(Fate::Healthy, |clock| clock.fate);
        self.clocks.insert(key.clone(), self.clock(Stage::Terminating, fate, now));
    }

    /// Moves a pod on, if its time has come.
    pub(super) fn advance(&mut self, objects: &mut Objects, key: &Key, now: DateTime<Utc>) {
        let Some(clock) = self.clocks.get(key).copied() else { return };
        if clock.due.is_none_or(|due| due > now) {
            return;
        }
        if clock.stage == Stage::Terminating {
            self.forget(key);
            objects.remove(key);
            return;
        }
        let Some((_, stage)) = next(clock.stage, clock.fate) else { return };
        self.clocks.insert(key.clone(), self.clock(stage, clock.fate, now));
        let Some(status) = objects.get(key).map(|pod| pod_status::render(&pod, stage, now)) else { return };
        objects.put_status(key, status);
    }

    /// Lets a ready pod fail its readiness probe for one step.
    pub(super) fn make_unready(&mut self, objects: &mut Objects, key: &Key, now: DateTime<Utc>) {
        let terminating = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_string();
        let ready = objects.get(key).filter(|pod| pod_status::is_ready(pod) && !terminating(pod));
        let Some(pod) = ready else { return };
        let stage = Stage::BrieflyUnready;
        self.clocks.insert(key.clone(), self.clock(stage, Fate::Healthy, now));
        objects.put_status(key, pod_status::render(&pod, stage, now));
    }

    /// When a pod moves on.
    pub(super) fn due(&self, key: &Key) -> Option<DateTime<Utc>> {
        self.clocks.get(key).and_then(|clock| clock.due)
    }

    /// Drops the clock of a pod that is gone.
    pub(super) fn forget(&mut self, key: &Key) {
        self.clocks.remove(key);
    }

    fn clock(&self, stage: Stage, fate: Fate, now: DateTime<Utc>) -> Clock {
        Clock { stage, fate, due: next(stage, fate).map(|(steps, _)| now + self.step * steps) }
    }
}

/// The stage after this one, and how many steps of time it takes to get there.
fn next(stage: Stage, fate: Fate) -> Option<(i32, Stage)> {
    const LONGEST_BACK_OFF: u32 = 8;
    match (stage, fate) {
        (Stage::Creating | Stage::BrieflyUnready, Fate::Healthy) => Some((1, Stage::Ready)),
        (Stage::Creating, Fate::Missing) => Some((1, Stage::PullError)),
        (Stage::PullError, _) => Some((1, Stage::PullBackOff)),
        (Stage::Creating, Fate::Crash) => Some((1, Stage::Crashing(1))),
        (Stage::Crashing(restarts), _) => {
            Some((1 << restarts.min(LONGEST_BACK_OFF), Stage::Crashing(restarts.saturating_add(1))))
        }
        (Stage::Creating, Fate::Config) => Some((1, Stage::ConfigError)),
        (Stage::Creating, Fate::Unready) => Some((1, Stage::Unready)),
        (Stage::Terminating, _) => Some((1, Stage::Terminating)),
        _ => None,
    }
}

fn pod(new: &NewPod<'_>, scheduled: bool) -> Value {
    let mut metadata = new.template["metadata"].clone();
    metadata["name"] = json!(new.name);
    metadata["namespace"] = json!(new.namespace);
    metadata["labels"][new.label.0] = json!(new.label.1);
    metadata["ownerReferences"] = json!([new.owner]);
    let mut spec = new.template["spec"].clone();
    if scheduled {
        spec["nodeName"] = json!(new.node);
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
}
