//! What is about to be bound to what.

use std::collections::BTreeMap;

use domain::{
    cluster::{Cluster, Namespace},
    id::EnvironmentId,
};
use leptos::prelude::*;

/// One binding about to be made.
#[derive(Clone, PartialEq)]
pub(crate) struct Draft {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
    pub(crate) environment: EnvironmentId,
    pub(crate) application: String,
    /// Why it was not made.
    pub(crate) error: Option<String>,
}

impl Draft {
    pub(crate) fn new(cluster: &Cluster, namespace: &Namespace, environment: EnvironmentId) -> Self {
        Self {
            cluster: cluster.clone(),
            namespace: namespace.name.clone(),
            environment,
            application: namespace.suggested_application.clone(),
            error: None,
        }
    }

    /// What tells it from every other.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.cluster.id, self.namespace)
    }
}

/// Bindings about to be made, by their key.
pub(crate) type Drafts = RwSignal<BTreeMap<String, Draft>>;
