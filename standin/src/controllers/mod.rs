//! The controllers and the kubelet of a simulated cluster.
//!
//! Everything is level-triggered: a workload that was written, or whose time has come, is looked at as it
//! stands, moved on by one step, and put on the agenda for the moment at which something can happen next.

mod cronjob;
mod daemonset;
mod deployment;
mod image;
mod kubelet;
mod pod_status;
mod replicaset;
mod statefulset;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::json::text;
use crate::kinds::Kind;
use crate::objects::{Key, Objects};
use crate::simulation::Simulation;
pub(crate) use image::image_id;
pub(crate) use replicaset::template_hash;

use deployment::Progress;
use kubelet::Kubelet;

/// The nodes of every simulated cluster.
pub(crate) const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// Looks after all workloads of one cluster.
#[derive(Debug)]
pub(crate) struct Manager {
    kubelet: Kubelet,
    progress: HashMap<Key, Progress>,
    agenda: BTreeSet<(DateTime<Utc>, Key)>,
    planned: HashMap<Key, DateTime<Utc>>,
}

/// What a controller works with in one look at one workload.
struct Round<'a> {
    objects: &'a mut Objects,
    kubelet: &'a mut Kubelet,
    progress: &'a mut HashMap<Key, Progress>,
    now: DateTime<Utc>,
}

impl Manager {
    /// Controllers under which each step of a pod takes `step`.
    pub(crate) fn new(step: Duration) -> Self {
        Self {
            kubelet: Kubelet::new(TimeDelta::from_std(step).unwrap_or(TimeDelta::MAX)),
            progress: HashMap::new(),
            agenda: BTreeSet::new(),
            planned: HashMap::new(),
        }
    }

    /// Does what is due, and returns when something will be due next.
    pub(crate) fn advance(&mut self, objects: &mut Objects, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        for pod in objects.take_unready() {
            self.kubelet.make_unready(objects, &pod, now);
        }
        for key in objects.take_dirty() {
            self.look_at(objects, &key, now);
        }
        while let Some((_, key)) = self.agenda.first().filter(|(due, _)| *due <= now).cloned() {
            self.look_at(objects, &key, now);
        }
        self.agenda.first().map(|(due, _)| *due)
    }

    /// Plays a workload's past from `start` until nothing more happens, or until `end`.
    pub(crate) fn settle(
        &mut self,
        objects: &mut Objects,
        key: &Key,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) {
        let mut next = Some(start);
        while let Some(now) = next.filter(|now| *now <= end) {
            next = self.look_at(objects, key, now);
        }
    }

    /// One look at one workload; returns when the next one is due.
    fn look_at(&mut self, objects: &mut Objects, key: &Key, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if let Some(due) = self.planned.remove(key) {
            self.agenda.remove(&(due, key.clone()));
        }
        if objects.hangs(key) {
            return None;
        }
        let mut round = Round { objects, kubelet: &mut self.kubelet, progress: &mut self.progress, now };
        let due = round.reconcile(key);
        if let Some(due) = due {
            self.planned.insert(key.clone(), due);
            self.agenda.insert((due, key.clone()));
        }
        due
    }
}

impl Round<'_> {
    fn reconcile(&mut self, key: &Key) -> Option<DateTime<Utc>> {
        let workload = self.objects.get(key);
        let uid = workload.as_ref().map(|workload| text(workload, "/metadata/uid").to_owned());
        self.collect_orphans(key, uid.as_deref());
        let Some(workload) = workload else {
            self.progress.remove(key);
            return None;
        };
        match key.kind {
            Kind::Deployment => deployment::reconcile(self, key, &workload),
            Kind::StatefulSet => statefulset::reconcile(self, key, &workload),
            Kind::DaemonSet => daemonset::reconcile(self, key, &workload),
            Kind::CronJob => cronjob::reconcile(self, key, &workload),
            Kind::Namespace | Kind::Node | Kind::Pod | Kind::Secret | Kind::ReplicaSet => None,
        }
    }

    /// Removes what belongs to an owner of this name that is no more.
    fn collect_orphans(&mut self, owner: &Key, uid: Option<&str>) {
        for kind in [Kind::ReplicaSet, Kind::Pod] {
            for (key, child) in self.objects.children(kind, owner) {
                if Some(text(&child, "/metadata/ownerReferences/0/uid")) != uid {
                    self.collect_orphans(&key, None);
                    self.kubelet.forget(&key);
                    self.objects.remove(&key);
                }
            }
        }
    }

    /// The pods of an owner, moved on to the present.
    fn pods(&mut self, owner: &Key) -> Vec<Pod> {
        for (key, _) in self.objects.children(Kind::Pod, owner) {
            self.kubelet.advance(self.objects, &key, self.now);
        }
        self.objects.children(Kind::Pod, owner).into_iter().map(|(key, object)| Pod { key, object }).collect()
    }

    /// When the next pod of an owner moves on.
    fn next_pod_step(&self, owner: &Key) -> Option<DateTime<Utc>> {
        let pods = self.objects.children(Kind::Pod, owner);
        pods.iter().filter_map(|(key, _)| self.kubelet.due(key)).min()
    }

    fn terminate(&mut self, pod: &Pod) {
        self.kubelet.terminate(self.objects, &pod.key, self.now);
    }
}

/// A pod as controllers see it.
#[derive(Clone, Debug)]
struct Pod {
    key: Key,
    object: Value,
}

impl Pod {
    fn terminating(&self) -> bool {
        self.object["metadata"]["deletionTimestamp"].is_string()
    }

    fn ready(&self) -> bool {
        !self.terminating() && pod_status::is_ready(&self.object)
    }

    fn label(&self, label: &str) -> &str {
        self.object["metadata"]["labels"][label].as_str().unwrap_or_default()
    }
}

/// The reference by which a child names its owner.
fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    })
}

/// Resolves a count that may be a percentage of `total`.
fn resolve(value: &Value, total: i64, default: &str, round_up: bool) -> i64 {
    let percent = |text: &str| text.trim_end_matches('%').parse::<i64>().unwrap_or(0) * total;
    let share = |hundredths: i64| if round_up { (hundredths + 99) / 100 } else { hundredths / 100 };
    match value {
        Value::Number(count) => count.as_i64().unwrap_or(0),
        Value::String(text) => share(percent(text)),
        _ => share(percent(default)),
    }
}

/// Runs a cluster's controllers until the server stops.
pub(crate) async fn run(simulation: Arc<Simulation>, mut manager: Manager, stop: CancellationToken) {
    loop {
        let next = simulation.write(|objects| manager.advance(objects, Utc::now()));
        let pause = next.map(|next| (next - Utc::now()).to_std().unwrap_or(Duration::ZERO));
        tokio::select! {
            () = stop.cancelled() => return,
            () = simulation.woken() => {}
            () = tokio::time::sleep(pause.unwrap_or(Duration::MAX)), if pause.is_some() => {}
        }
    }
}
