//! What is really so in the simulated clusters, to compare with what others believe.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::cluster::{Backend, Cluster};
use crate::json::{items, number, text};
use crate::kinds::Kind;
use crate::objects::Key;
use crate::simulation::PatchRecord;

/// One workload as it stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Workload {
    cluster: String,
    namespace: String,
    kind: &'static str,
    name: String,
    uid: String,
    generation: i64,
    observed_generation: i64,
    containers: Vec<Container>,
    desired: i64,
    replicas: i64,
    updated: i64,
    available: i64,
}

#[derive(Serialize)]
struct Container {
    name: String,
    image: String,
}

/// One patch that took effect.
#[derive(Serialize)]
pub(crate) struct Record {
    cluster: String,
    namespace: String,
    kind: &'static str,
    name: String,
    time: DateTime<Utc>,
    body: Value,
    who: String,
    generation: i64,
}

/// All workloads of all simulated clusters.
pub(crate) fn workloads(clusters: &[Cluster]) -> Vec<Workload> {
    let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_workload());
    let of = |cluster: &Cluster, kind: Kind| match &cluster.backend {
        // Read one by one, so that nobody has to wait for the whole cluster.
        Backend::Simulated(simulation) => simulation
            .read(|objects| objects.list(kind, None).map(|(key, _)| key.clone()).collect::<Vec<_>>())
            .into_iter()
            .filter_map(|key| {
                simulation.read(|objects| objects.get(&key)).map(|it| workload(cluster, &key, &it))
            })
            .collect(),
        Backend::Real(_) | Backend::Unavailable => Vec::new(),
    };
    clusters.iter().flat_map(|cluster| kinds.clone().flat_map(move |kind| of(cluster, kind))).collect()
}

fn workload(cluster: &Cluster, key: &Key, object: &Value) -> Workload {
    let template = match key.kind {
        Kind::CronJob => "/spec/jobTemplate/spec/template/spec/containers",
        _ => "/spec/template/spec/containers",
    };
    let [desired, replicas, updated, available] = match key.kind {
        Kind::DaemonSet => [
            "/status/desiredNumberScheduled",
            "/status/currentNumberScheduled",
            "/status/updatedNumberScheduled",
            "/status/numberAvailable",
        ],
        _ => ["/spec/replicas", "/status/replicas", "/status/updatedReplicas", "/status/availableReplicas"],
    };
    let container =
        |it: &Value| Container { name: text(it, "/name").to_owned(), image: text(it, "/image").to_owned() };
    Workload {
        cluster: cluster.id.clone(),
        namespace: key.namespace.clone(),
        kind: key.kind.name(),
        name: key.name.clone(),
        uid: text(object, "/metadata/uid").to_owned(),
        generation: number(object, "/metadata/generation").unwrap_or_default(),
        observed_generation: number(object, "/status/observedGeneration").unwrap_or_default(),
        containers: items(object, template).iter().map(container).collect(),
        desired: number(object, desired).unwrap_or_default(),
        replicas: number(object, replicas).unwrap_or_default(),
        updated: number(object, updated).unwrap_or_default(),
        available: number(object, available).unwrap_or_default(),
    }
}

/// All patches of workloads that took effect in any simulated cluster, oldest first.
pub(crate) fn records(clusters: &[Cluster]) -> Vec<Record> {
    let of = |cluster: &Cluster| match &cluster.backend {
        Backend::Simulated(simulation) => simulation.records(),
        Backend::Real(_) | Backend::Unavailable => Vec::new(),
    };
    let all = clusters.iter().flat_map(|cluster| of(cluster).into_iter().map(|it| record(cluster, it)));
    let mut all: Vec<Record> = all.collect();
    all.sort_by_key(|record| record.time);
    all
}

fn record(cluster: &Cluster, record: PatchRecord) -> Record {
    let PatchRecord { time, kind, namespace, name, body, who, generation } = record;
    Record { cluster: cluster.id.clone(), namespace, kind: kind.name(), name, time, body, who, generation }
}
