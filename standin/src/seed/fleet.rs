//! The seed for tests of scale: many clusters with many small services.

use chrono::{DateTime, Utc};

use super::manifest::{Extra, Workload, manifest};
use super::{Builder, Seeded};
use crate::kinds::Kind;
use crate::options::{Fleet, Options};

/// The stages in their order, each with the number of stages from which on it is there.
const STAGES: [(&str, usize); Fleet::MOST_STAGES] =
    [("dev", 1), ("test", 4), ("qa", 5), ("staging", 2), ("preprod", 6), ("prod", 3)];

/// Spreads the services evenly over the clusters, and in each over its stages.
pub(super) fn clusters(options: &Options, fleet: Fleet, now: DateTime<Utc>) -> Vec<Seeded> {
    let stages: Vec<&str> =
        STAGES.iter().filter(|(_, from)| *from <= fleet.stages).map(|(stage, _)| *stage).collect();
    (0..fleet.clusters)
        .map(|cluster| {
            let number = cluster + 1;
            let id = format!("c-m-{number:08}");
            let mut builder = Builder::new(options, now, &id, &format!("cluster-{number:03}"), "v1.30.4");
            let extra = usize::from(cluster < fleet.services % fleet.clusters);
            let services = fleet.services / fleet.clusters + extra;
            for (stage, name) in stages.iter().enumerate() {
                let namespace = format!("app-{number:03}-{name}");
                builder.namespace(&namespace, Some("App"));
                let here = services.saturating_sub(stage).div_ceil(stages.len());
                fill(&mut builder, &namespace, number, stage, here, fleet.replicas);
            }
            builder.finish()
        })
        .collect()
}

/// Fills one namespace with services, all of which were installed at the same time.
fn fill(
    builder: &mut Builder,
    namespace: &str,
    cluster: usize,
    stage: usize,
    services: usize,
    replicas: u32,
) {
    let mut model = None;
    for index in 0..services {
        // Older by one minor version from stage to stage, with every third service in step.
        let behind = if index.is_multiple_of(3) { 0 } else { stage };
        let name = format!("service-{index:05}");
        let image = format!("registry.example.com/app-{cluster:03}/{name}:1.{}.{}", 10 - behind, index % 7);
        match &model {
            Some(model) => builder.copy(model, &name, &image),
            None => {
                let (name, replicas, extra) = (&*name, i64::from(replicas), Extra::None);
                let first = Workload { kind: Kind::Deployment, namespace, name, image, replicas, extra };
                model = Some(builder.model(namespace, manifest(&first)));
            }
        }
    }
}
