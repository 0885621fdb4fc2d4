//! The seed for tests of scale: many clusters with many small services.

use chrono::{DateTime, Utc};

use super::manifest::{Extra, Workload, manifest};
use super::{Builder, Seeded};
use crate::kinds::Kind;
use crate::options::{Fleet, Options};

const STAGES: [&str; 3] = ["dev", "staging", "prod"];

/// Spreads the services evenly over the clusters, and in each over its three stages.
pub(super) fn clusters(options: &Options, fleet: Fleet, now: DateTime<Utc>) -> Vec<Seeded> {
    (0..fleet.clusters)
        .map(|cluster| {
            let number = cluster + 1;
            let id = format!("c-m-{number:08}");
            let mut builder = Builder::new(options, now, &id, &format!("cluster-{number:03}"), "v1.30.4");
            for stage in STAGES {
                builder.namespace(&format!("app-{number:03}-{stage}"), Some("App"));
            }
            let extra = usize::from(cluster < fleet.services % fleet.clusters);
            for service in 0..fleet.services / fleet.clusters + extra {
                add(&mut builder, number, service);
            }
            builder.finish()
        })
        .collect()
}

/// Older by one minor version from stage to stage, with every third service in step.
fn add(builder: &mut Builder, cluster: usize, service: usize) {
    let (stage, index) = (service % STAGES.len(), service / STAGES.len());
    let behind = if index.is_multiple_of(3) { 0 } else { stage };
    let namespace = format!("app-{cluster:03}-{}", STAGES[stage]);
    let name = format!("service-{index:05}");
    let workload = Workload {
        kind: Kind::Deployment,
        namespace: &namespace,
        name: &name,
        image: format!("registry.example.com/app-{cluster:03}/{name}:1.{}.{}", 10 - behind, index % 7),
        replicas: 1,
        extra: Extra::None,
    };
    builder.workload(Kind::Deployment, &namespace, manifest(&workload));
}
