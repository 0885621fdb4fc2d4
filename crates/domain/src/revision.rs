//! Revisions: immutable snapshots of what an environment should run.

mod definition;
mod diff;
mod settle;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use definition::{Definition, FieldChange};
pub use diff::{ChangeKind, EntryChange, ImageDifference, ReplicaDifference, RevisionDiff, diff};
pub use settle::{Settled, settle};

#[cfg(feature = "openapi")]
use crate::variable::ShownScope;
use crate::{
    id::{AppInstanceId, DeploymentId, EnvironmentId, RevisionId, ServiceId},
    replicas::{self, ServiceReplicas},
    service::{Container, Service, WorkloadKind},
    settings::{EnvironmentSettings, Manages, SettingChange},
    sync::ContainerChange,
    variable::{VariableChange, Variables},
};

/// A revision of an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The revision.
    pub id: RevisionId,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Counts up from 1 in each environment.
    pub number: i64,
    /// What should run.
    pub entries: Vec<RevisionEntry>,
    /// What differs from the revision before it.
    pub changes: Vec<EntryChange>,
    /// The variables of the environment and of its services; of secrets only the names are shown.
    #[serde(serialize_with = "Variables::serialize_shown")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<ShownScope>))]
    pub variables: Variables,
    /// The variables that differ from the revision before it.
    pub variable_changes: Vec<VariableChange>,
    /// The settings that held then; none where none were written down, in revisions of earlier versions of Lockstep.
    pub settings: Option<EnvironmentSettings>,
    /// The settings that it changed.
    pub setting_changes: Vec<SettingChange>,
    /// The deployment that made it.
    pub deployment_id: Option<DeploymentId>,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A revision in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevisionSummary {
    /// Counts up from 1 in each environment.
    pub number: i64,
    /// It is what the environment was last brought to.
    pub active: bool,
    /// How many workloads it speaks of.
    pub workloads: u64,
    /// How many of them differ from the revision before it.
    pub changed: u64,
    /// The first [`SUMMARY_CHANGES`] of those.
    pub changes: Vec<EntryChange>,
    /// How many variables differ from the revision before it.
    #[serde(default)]
    pub changed_variables: u64,
    /// The first [`SUMMARY_CHANGES`] of those.
    #[serde(default)]
    pub variables: Vec<VariableChange>,
    /// The settings that it changed.
    #[serde(default)]
    pub settings: Vec<SettingChange>,
    /// The deployment that made it.
    pub deployment_id: Option<DeploymentId>,
    /// Who made it.
    pub author: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Changes that are shown of each revision in a list.
pub const SUMMARY_CHANGES: usize = 20;

/// Makes a revision without deploying it: the latest one with what is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "base": 7, "capture": true, "reason": "what was set by hand during the incident"
})))]
#[serde(rename_all = "camelCase", default)]
pub struct NewRevision {
    /// The latest revision as the author saw it; left out or 0 before the first. Another one is a conflict.
    pub base: i64,
    /// Take over what is observed: of every workload, or of those that `services` names.
    pub capture: bool,
    /// The services whose state is taken over; empty for all.
    pub services: Vec<ServiceId>,
    /// Versions that should run, by service.
    pub versions: Vec<ServiceVersion>,
    /// How many replicas services should have, where the environment's settings have revisions say that.
    pub replicas: Vec<ServiceReplicas>,
    /// Why.
    pub reason: String,
}

/// The version that a service should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceVersion {
    /// The service.
    pub service_id: ServiceId,
    /// A tag, a digest (`sha256:…`), or a whole image reference.
    pub version: String,
    /// The container that is meant; the first one if left out.
    #[serde(default)]
    pub container: Option<String>,
}

/// How what runs differs from the active revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The active revision; 0 where there is none to compare with.
    pub revision: i64,
    /// Workloads that were compared.
    pub workloads: u64,
    /// Those that differ: `added` runs and is not in the revision, `removed` is in it and does not run.
    pub changes: Vec<EntryChange>,
    /// The variables that services have been given otherwise than the revision says, where their sites give any.
    #[serde(default)]
    pub variables: Vec<VariableChange>,
}

/// What one workload should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevisionEntry {
    /// Where.
    pub app_instance_id: AppInstanceId,
    /// The app instance's name then.
    #[serde(default)]
    pub app_instance: String,
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's name.
    pub name: String,
    /// Image by container.
    pub images: Vec<ContainerImage>,
    /// What it is besides, where it is a service of this machine; none where that was not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Definition>,
    /// How many replicas; none where the revision leaves that to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
}

/// A container's image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContainerImage {
    /// The container's name.
    pub container: String,
    /// The full image reference.
    pub image: String,
}

impl RevisionEntry {
    /// What makes a workload the same one in another revision.
    pub fn key(&self) -> (AppInstanceId, &WorkloadKind, &str) {
        (self.app_instance_id, &self.kind, &self.name)
    }

    /// What a service runs as observed, with its replicas where revisions own them.
    pub fn observed(service: &Service, manages: Manages) -> Self {
        Self { replicas: replicas::owned(service, manages), ..Self::of(service) }
    }

    /// What a service runs as observed.
    pub fn of(service: &Service) -> Self {
        let image = |container: &Container| ContainerImage {
            container: container.name.clone(),
            image: container.image.clone(),
        };
        Self {
            app_instance_id: service.app_instance_id,
            app_instance: service.app_instance_name.clone(),
            kind: service.workload_type.clone(),
            name: service.name.clone(),
            images: service.containers.iter().map(image).collect(),
            definition: None,
            replicas: None,
        }
    }

    /// Takes over the images that changes lead to.
    pub fn take(&mut self, changes: &[ContainerChange]) {
        for change in changes {
            self.set_image(&change.name, &change.to);
        }
    }

    /// Takes over images, container by container.
    pub fn set_images(&mut self, images: &[ContainerImage]) {
        for image in images {
            self.set_image(&image.container, &image.image);
        }
    }

    fn set_image(&mut self, container: &str, to: &str) {
        match self.images.iter_mut().find(|image| image.container == container) {
            Some(image) => to.clone_into(&mut image.image),
            None => {
                self.images.push(ContainerImage { container: container.to_owned(), image: to.to_owned() })
            }
        }
    }
}

/// What an environment should run by its active revision, brought up to what there is: workloads that are new are taken
/// as they run, and those of app instances that are no longer bound are left out. Replicas that it does not say yet are taken as
/// observed, where revisions own them. Without an active revision, what runs.
pub fn carried_on(
    active: Option<Vec<RevisionEntry>>,
    observed: &[Service],
    bound: &HashSet<AppInstanceId>,
    manages: Manages,
) -> Vec<RevisionEntry> {
    let mut entries = active.unwrap_or_default();
    entries.retain(|entry| bound.contains(&entry.app_instance_id));
    let mut new: Vec<RevisionEntry> =
        observed.iter().map(|service| RevisionEntry::observed(service, manages)).collect();
    for entry in &mut entries {
        let now = new.iter().find(|now| now.key() == entry.key());
        entry.replicas = entry.replicas.filter(|_| manages.replicas).or(now.and_then(|now| now.replicas));
    }
    let known: HashSet<_> = entries.iter().map(RevisionEntry::key).collect();
    new.retain(|entry| !known.contains(&entry.key()));
    entries.extend(new);
    entries
}

#[cfg(test)]
mod tests;
