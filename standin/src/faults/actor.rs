//! Faults inside a cluster: others change things too, and controllers may be down.

use serde_json::{Value, json};

use crate::json::text;
use crate::kinds::Kind;
use crate::objects::Key;
use crate::patch::Patch;
use crate::simulation::Simulation;

/// Who is recorded as having changed things in between.
const WHO: &str = "someone-else";

/// Someone else gives a workload's first container another tag.
pub(crate) fn interfere(simulation: &Simulation, key: &Key) {
    let Some(workload) = simulation.read(|objects| objects.get(key)) else { return };
    let pod = match key.kind {
        Kind::CronJob => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    let Some(container) = workload.pointer(&format!("{pod}/containers/0")) else { return };
    let image = text(container, "/image");
    let repository = image.rsplit_once(':').map_or(image, |(repository, _)| repository);
    let containers = json!([{ "name": container["name"], "image": format!("{repository}:0.0.0-other") }]);
    let patch = pod
        .rsplit('/')
        .filter(|field| !field.is_empty())
        .fold(json!({ "containers": containers }), |inner: Value, field| json!({ field: inner }));
    // A workload that went meanwhile is nobody's to change.
    drop(simulation.patch(key, &Patch::Strategic(patch), false, WHO));
}

/// Lets nobody roll a workload out, or again somebody.
pub(crate) fn hang(simulation: &Simulation, key: &Key, hangs: bool) {
    simulation.write(|objects| objects.hang(key.clone(), hangs));
}
