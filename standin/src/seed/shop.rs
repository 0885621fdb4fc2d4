//! The default seed: a shop in development, staging and production, and a cluster that is down.

use chrono::{DateTime, Utc};

use super::catalogue::{SERVICES, SYSTEM, Service};
use super::manifest::{Extra, Workload, manifest};
use super::{Builder, Seeded};
use crate::cluster::{Backend, Cluster};
use crate::options::Options;

const STAGES: [(&str, &str, &str, &str); 3] = [
    ("local", "local", "v1.30.4", "dev"),
    ("c-m-stage001", "staging-eu", "v1.28.9", "staging"),
    ("c-m-prod0001", "production-eu", "v1.20.2", "prod"),
];

const TEAMS: [(&str, &str); 3] = [("shop", "Shop"), ("payments", "Payments"), ("platform", "Platform")];

pub(super) fn clusters(options: &Options, now: DateTime<Utc>) -> Vec<Seeded> {
    let stages = STAGES.iter().enumerate().map(|(stage, (id, name, git_version, short))| {
        let mut builder = Builder::new(options, now, id, name, git_version);
        system(&mut builder);
        for (team, project) in TEAMS {
            builder.namespace(&format!("{team}-{short}"), Some(project));
        }
        for service in SERVICES {
            add(&mut builder, service, stage, short);
        }
        builder.finish()
    });
    stages.chain([unavailable()]).collect()
}

fn system(builder: &mut Builder) {
    builder.namespace("default", None);
    for namespace in ["kube-system", "cattle-system"] {
        builder.namespace(namespace, Some("System"));
    }
    for (namespace, kind, name, image) in SYSTEM {
        let image = (*image).to_owned();
        let workload = Workload { kind: *kind, namespace, name, image, replicas: 1, extra: Extra::None };
        builder.workload(*kind, namespace, manifest(&workload));
    }
}

fn add(builder: &mut Builder, service: &Service, stage: usize, short: &str) {
    let Service { team, name, kind, .. } = service;
    let namespace = format!("{team}-{short}");
    let workload = Workload {
        kind: *kind,
        namespace: &namespace,
        name,
        image: format!("registry.example.com/{team}/{name}:{}", service.tags[stage]),
        replicas: service.replicas[stage],
        extra: service.extra,
    };
    builder.workload(*kind, &namespace, manifest(&workload));
}

fn unavailable() -> Seeded {
    let cluster = Cluster {
        id: "c-m-dead0001".to_owned(),
        name: "edge-lab".to_owned(),
        git_version: "v1.27.12".to_owned(),
        projects: Vec::new(),
        backend: Backend::Unavailable,
    };
    Seeded { cluster, manager: None }
}
