//! What the stand-in starts with: clusters whose workloads were rolled out long ago.

mod catalogue;
mod copy;
mod fleet;
mod manifest;
mod shop;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::cluster::{Backend, Cluster, Project};
use crate::controllers::{Manager, NODES};
use crate::json::{sha256, suffix, text};
use crate::kinds::{ApiVersions, Kind};
use crate::objects::{Key, Objects};
use crate::options::Options;
use crate::simulation::Simulation;

/// A cluster, and the controllers that go on from its past.
pub(crate) struct Seeded {
    pub(crate) cluster: Cluster,
    pub(crate) manager: Option<Manager>,
}

/// All simulated clusters.
pub(crate) fn clusters(options: &Options, now: DateTime<Utc>) -> Vec<Seeded> {
    match options.fleet {
        Some(fleet) => fleet::clusters(options, fleet, now),
        None => shop::clusters(options, now),
    }
}

/// A cluster while it is being seeded.
struct Builder {
    id: String,
    name: String,
    git_version: String,
    versions: ApiVersions,
    objects: Objects,
    manager: Manager,
    projects: Vec<Project>,
    seed: u64,
    now: DateTime<Utc>,
}

impl Builder {
    fn new(options: &Options, now: DateTime<Utc>, id: &str, name: &str, git_version: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            git_version: git_version.to_owned(),
            versions: ApiVersions::of(git_version),
            objects: Objects::new(options.history),
            manager: Manager::new(options.rollout),
            projects: Vec::new(),
            seed: options.seed,
            now,
        }
    }

    /// Adds a namespace, in a Rancher project if one is named.
    fn namespace(&mut self, name: &str, project: Option<&str>) {
        let mut metadata = json!({ "name": name, "labels": { "kubernetes.io/metadata.name": name } });
        if let Some(project) = project {
            let project = self.project(project);
            metadata["labels"]["field.cattle.io/projectId"] = json!(project);
            metadata["annotations"] =
                json!({ "field.cattle.io/projectId": format!("{}:{project}", self.id) });
        }
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {},
            "status": { "phase": "Active" },
        });
        let born = self.now - TimeDelta::days(240);
        self.objects.create(Key::new(Kind::Namespace, "", name), namespace, born);
    }

    /// The id of a project, which is made when it is first named.
    fn project(&mut self, name: &str) -> String {
        if let Some(project) = self.projects.iter().find(|project| project.name == name) {
            return project.id.clone();
        }
        let id = format!("p-{}", suffix(&format!("{}/{}/{name}", self.seed, self.id), 5));
        self.projects.push(Project { id: id.clone(), name: name.to_owned() });
        id
    }

    /// Adds a workload and plays its past.
    fn workload(&mut self, kind: Kind, namespace: &str, mut object: Value) {
        object["apiVersion"] = json!(self.versions.api_version(kind));
        let key = Key::new(kind, namespace, text(&object, "/metadata/name"));
        let start = self.birth(&key);
        // Long enough for a rollout that fails to miss its deadline.
        let end = start + TimeDelta::minutes(30);
        self.objects.create(key.clone(), object, start);
        self.manager.settle(&mut self.objects, &key, start, end);
    }

    /// Some hours or days ago, by the seed and the name.
    fn birth(&self, key: &Key) -> DateTime<Utc> {
        let digest = sha256(&format!("{}/{}/{}/{}", self.seed, self.id, key.namespace, key.name));
        let minutes = i64::from_str_radix(&digest[..4], 16).unwrap_or(0) % 12_000;
        self.now - TimeDelta::minutes(60 + minutes)
    }

    /// Adds nodes that are large enough for what was seeded.
    fn nodes(&mut self) {
        let pods = self.objects.list(Kind::Pod, None).count();
        let processors = (pods / 40).max(2);
        let allocatable = json!({
            "cpu": processors.to_string(), "memory": format!("{}Mi", processors * 4096),
            "pods": pods.max(110).to_string(),
        });
        for name in NODES {
            let node = json!({
                "apiVersion": "v1", "kind": "Node", "metadata": { "name": name }, "spec": {},
                "status": { "allocatable": allocatable, "conditions": [{ "type": "Ready", "status": "True" }] },
            });
            self.objects.create(Key::new(Kind::Node, "", name), node, self.now - TimeDelta::days(240));
        }
    }

    fn finish(mut self) -> Seeded {
        self.nodes();
        self.objects.compact();
        let simulation = Simulation::new(self.versions, self.objects);
        Seeded {
            manager: Some(self.manager),
            cluster: Cluster {
                id: self.id,
                name: self.name,
                git_version: self.git_version,
                projects: self.projects,
                backend: Backend::Simulated(Arc::new(simulation)),
            },
        }
    }
}
