//! A cluster as Rancher lists it, and what stands behind it.

use std::sync::Arc;

use kube::Client;
use serde_json::{Value, json};

use crate::controllers::NODES;
use crate::json::text;
use crate::kinds::Kind;
use crate::objects::{Key, Objects};
use crate::simulation::Simulation;

/// A cluster that Rancher knows.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) git_version: String,
    pub(crate) projects: Vec<Project>,
    pub(crate) backend: Backend,
}

/// What answers for a cluster.
#[derive(Clone)]
pub(crate) enum Backend {
    Simulated(Arc<Simulation>),
    Real(Client),
    /// The agent is down.
    Unavailable,
}

/// A Rancher project: a group of namespaces of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl Cluster {
    /// The cluster under `/v3/clusters`; `dead` while a fault keeps its agent down.
    pub(crate) fn resource(&self, dead: bool) -> Value {
        let available = !dead && !matches!(self.backend, Backend::Unavailable);
        let message = if available { "" } else { "Cluster agent is not connected" };
        let mut resource = json!({
            "type": "cluster", "id": self.id, "name": self.name, "provider": self.provider(),
            "state": if available { "active" } else { "unavailable" },
            "transitioning": if available { "no" } else { "error" }, "transitioningMessage": message,
            "version": { "gitVersion": self.git_version },
            "conditions": [
                { "type": "Ready", "status": if available { "True" } else { "False" }, "message": message },
                { "type": "Connected", "status": if available { "True" } else { "False" } },
            ],
        });
        if let (true, Backend::Simulated(simulation)) = (available, &self.backend) {
            simulation.read(|objects| add_up(objects, &mut resource));
        }
        resource
    }

    fn provider(&self) -> &'static str {
        match (&self.backend, self.id.as_str()) {
            (Backend::Real(_), _) => "imported",
            (_, "local") => "k3s",
            _ => "rke2",
        }
    }

    /// The projects under `/v3/projects`.
    pub(crate) fn project_resources(&self) -> impl Iterator<Item = Value> {
        self.projects.iter().map(|project| {
            json!({
                "type": "project", "id": format!("{}:{}", self.id, project.id), "name": project.name,
                "clusterId": self.id, "state": "active", "transitioning": "no", "transitioningMessage": "",
            })
        })
    }
}

/// What Rancher adds up of a cluster's nodes and pods: all nodes are alike, and so is what the seeded pods ask for.
fn add_up(objects: &Objects, resource: &mut Value) {
    let nodes = objects.list(Kind::Node, None).count();
    let pods = objects.list(Kind::Pod, None).count();
    let node = objects.get(&Key::new(Kind::Node, "", NODES[0])).unwrap_or_default();
    let amount = |name: &str, unit: &str| {
        let one = text(&node, &format!("/status/allocatable/{name}")).trim_end_matches(unit).parse::<usize>();
        format!("{}{unit}", one.unwrap_or_default() * nodes)
    };
    resource["nodeCount"] = json!(nodes);
    resource["allocatable"] =
        json!({ "cpu": amount("cpu", ""), "memory": amount("memory", "Mi"), "pods": amount("pods", "") });
    resource["requested"] = json!({
        "cpu": format!("{}m", pods * 50), "memory": format!("{}Mi", pods * 64), "pods": pods.to_string(),
    });
}
