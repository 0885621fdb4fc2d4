//! Churn: changes at random in all simulated clusters, as many a second as wanted.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Duration, Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::cluster::{Backend, Cluster};
use crate::json::text;
use crate::kinds::Kind;
use crate::objects::{Key, Objects};
use crate::patch::Patch;
use crate::simulation::Simulation;

/// Who is recorded as having changed images.
const WHO: &str = "churn";
/// Changes that are due for longer are given up: where there is too little time for all, others get their share of it.
const BEHIND: Duration = Duration::from_secs(1);

/// How much is to change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Churn {
    /// Changes a second, on average; 0 stops them.
    pub(crate) per_second: f64,
    /// The ids of the clusters to change things in; all of them where absent.
    pub(crate) clusters: Option<Vec<String>>,
}

type Target = (Arc<Simulation>, Key);

/// Keeps things changing as the plan says, until the server stops.
pub(crate) async fn run(
    clusters: Vec<Cluster>,
    mut plan: watch::Receiver<Churn>,
    seed: u64,
    stop: CancellationToken,
) {
    let mut chance = StdRng::seed_from_u64(seed);
    loop {
        let churn = plan.borrow_and_update().clone();
        let changes = async {
            if churn.per_second > 0.0 {
                keep_changing(&targets(&clusters, &churn), churn.per_second, &mut chance).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = changes => {}
            changed = plan.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

/// All workloads of the clusters that the plan is about and that run pods.
fn targets(clusters: &[Cluster], churn: &Churn) -> Vec<Target> {
    let meant = |cluster: &&Cluster| churn.clusters.as_ref().is_none_or(|ids| ids.contains(&cluster.id));
    let of = |cluster: &Cluster| match &cluster.backend {
        Backend::Simulated(simulation) => simulation.read(|objects| {
            let kinds = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet];
            let keys = kinds.into_iter().flat_map(|kind| objects.list(kind, None));
            keys.map(|(key, _)| (Arc::clone(simulation), key.clone())).collect()
        }),
        Backend::Real(_) | Backend::Unavailable => Vec::new(),
    };
    clusters.iter().filter(meant).flat_map(of).collect()
}

/// Changes come independently of each other: the pauses between them are exponentially distributed.
async fn keep_changing(targets: &[Target], per_second: f64, chance: &mut StdRng) {
    let mut next = Instant::now();
    while let Some((simulation, key)) = targets.choose(chance) {
        let pause = -(1.0 - chance.random::<f64>()).ln() / per_second;
        next += Duration::try_from_secs_f64(pause).unwrap_or(Duration::MAX);
        next = Instant::now().checked_sub(BEHIND).map_or(next, |earliest| next.max(earliest));
        sleep_until(next).await;
        // What is due already is not waited for.
        yield_now().await;
        match chance.random_range(0..3) {
            0 => roll_out(simulation, key, chance),
            1 => touch(simulation, key),
            _ => make_unready(simulation, key, chance),
        }
    }
}

/// Another tag of the same repository, which is rolled out.
fn roll_out(simulation: &Simulation, key: &Key, chance: &mut StdRng) {
    let Some(workload) = simulation.read(|objects| objects.get(key)) else { return };
    let container = &workload["spec"]["template"]["spec"]["containers"][0];
    let image = text(container, "/image");
    let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
    let image = format!("{repository}:2.{}.{}", chance.random_range(0..100), chance.random_range(0..100));
    let containers = json!([{ "name": container["name"], "image": image }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    // A workload that went meanwhile needs no change any more.
    drop(simulation.patch(key, &Patch::Strategic(patch), false, WHO));
}

/// A change of nothing that anybody shows: an annotation, and with it the version.
fn touch(simulation: &Simulation, key: &Key) {
    simulation.write(|objects| {
        let Some(mut workload) = objects.get(key) else { return };
        workload["metadata"]["annotations"]["standin.lockstep.dev/touched"] =
            json!(objects.version().to_string());
        objects.put(key.clone(), workload);
    });
}

/// A pod fails its readiness probe for a moment.
fn make_unready(simulation: &Simulation, key: &Key, chance: &mut StdRng) {
    simulation.write(|objects| {
        if let Some(pod) = pods(objects, key).choose(chance) {
            objects.make_unready(key.clone(), pod.clone());
        }
    });
}

fn pods(objects: &Objects, workload: &Key) -> Vec<Key> {
    let of = |owner: &Key| objects.children(Kind::Pod, owner).into_iter().map(|(pod, _)| pod);
    let sets = objects.children(Kind::ReplicaSet, workload);
    sets.iter().flat_map(|(set, _)| of(set)).chain(of(workload)).collect()
}
