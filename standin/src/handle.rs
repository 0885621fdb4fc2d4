//! Access to a simulated cluster from within the process.

use std::sync::Arc;

use serde_json::Value;

use crate::json::parse;
use crate::kinds::Kind;
use crate::objects::Key;
use crate::patch::Patch;
use crate::simulation::{PatchRecord, Simulation};
use crate::status::Refusal;

/// A simulated cluster, without the way over HTTP: for tests to arrange and to look at.
#[derive(Clone, Debug)]
pub struct ClusterHandle {
    simulation: Arc<Simulation>,
}

impl ClusterHandle {
    pub(crate) fn new(simulation: Arc<Simulation>) -> Self {
        Self { simulation }
    }

    /// The objects of a kind, in one namespace or in all.
    pub fn list(&self, kind: Kind, namespace: Option<&str>) -> Vec<Value> {
        self.simulation
            .read(|objects| objects.list(kind, namespace).map(|(_, object)| parse(object)).collect())
    }

    /// One object.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        let key = Simulation::key(kind, Some(namespace), name);
        self.simulation.read(|objects| objects.get(&key))
    }

    /// Creates an object in a namespace; a cluster-wide kind ignores the namespace.
    ///
    /// # Errors
    /// What an API server would refuse.
    pub fn create(&self, kind: Kind, namespace: &str, object: Value) -> Result<Value, Refusal> {
        self.simulation.create(kind, Some(namespace), object, false)
    }

    /// Patches an object with a strategic merge patch. It is recorded, with `standin` as who did it.
    ///
    /// # Errors
    /// What an API server would refuse.
    pub fn patch(&self, kind: Kind, namespace: &str, name: &str, patch: Value) -> Result<Value, Refusal> {
        let key = Simulation::key(kind, Some(namespace), name);
        self.simulation.patch(&key, &Patch::Strategic(patch), false, "standin")
    }

    /// Deletes an object and what belongs to it.
    ///
    /// # Errors
    /// What an API server would refuse.
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str) -> Result<(), Refusal> {
        let key: Key = Simulation::key(kind, Some(namespace), name);
        self.simulation.delete(&key, None, false).map(|_| ())
    }

    /// Every workload patch that took effect, oldest first; dry runs and refusals are not among them.
    pub fn records(&self) -> Vec<PatchRecord> {
        self.simulation.records()
    }

    /// Forgets the history, so that every watch from an earlier version is answered with 410.
    pub fn compact(&self) {
        self.simulation.write(crate::objects::Objects::compact);
    }

    /// Waits until `holds` holds, looking again after each change in the cluster.
    pub async fn wait_until(&self, mut holds: impl FnMut(&Self) -> bool) {
        let mut changes = self.simulation.subscribe();
        while !holds(self) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
