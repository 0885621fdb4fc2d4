//! A cluster as Rancher lists it, and what stands behind it.

use std::sync::Arc;

use kube::Client;
use serde_json::{Value, json};

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
        json!({
            "type": "cluster", "id": self.id, "name": self.name, "provider": self.provider(),
            "state": if available { "active" } else { "unavailable" },
            "transitioning": if available { "no" } else { "error" }, "transitioningMessage": message,
            "version": { "gitVersion": self.git_version },
            "conditions": [
                { "type": "Ready", "status": if available { "True" } else { "False" }, "message": message },
                { "type": "Connected", "status": if available { "True" } else { "False" } },
            ],
        })
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
