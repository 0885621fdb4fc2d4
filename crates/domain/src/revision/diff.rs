//! What differs between two contents, workload by workload.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ContainerImage, Definition, FieldChange, RevisionEntry};
use crate::{
    id::AppInstanceId, image::ImageRef, service::WorkloadKind, settings::SettingChange,
    variable::VariableChange,
};

wire_enum!(
    /// What became of a workload from one content to another.
    ChangeKind {
        /// Only the second has it.
        Added = "added",
        /// Only the first has it.
        Removed = "removed",
        /// Both have it, with other images, other replicas or another definition.
        Changed = "changed",
    }
);

/// Two revisions side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevisionDiff {
    /// The first revision's number.
    pub from: i64,
    /// The second's.
    pub to: i64,
    /// What differs.
    pub changes: Vec<EntryChange>,
    /// Workloads that are the same in both.
    pub same: u64,
    /// The variables that differ.
    #[serde(default)]
    pub variables: Vec<VariableChange>,
    /// The settings that differ. A rollback does not bring them back.
    #[serde(default)]
    pub settings: Vec<SettingChange>,
}

/// One workload that differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntryChange {
    /// Where.
    pub app_instance_id: AppInstanceId,
    /// The app instance's name then.
    pub app_instance: String,
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's name.
    pub name: String,
    /// What became of it.
    pub change: ChangeKind,
    /// Its images that differ.
    pub images: Vec<ImageDifference>,
    /// The fields of its definition that differ, where both are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definition: Vec<FieldChange>,
    /// Its replicas, where the second says another number.
    #[serde(default)]
    pub replicas: Option<ReplicaDifference>,
}

/// One container's image in two contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageDifference {
    /// The container's name.
    pub container: String,
    /// The image in the first; none where the container is not in it.
    pub from: Option<String>,
    /// The image in the second.
    pub to: Option<String>,
}

/// A workload's replicas in two contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReplicaDifference {
    /// In the first; none where that leaves it to others.
    pub from: Option<u32>,
    /// In the second.
    pub to: u32,
}

impl EntryChange {
    /// What makes a workload the same one in another content.
    pub fn key(&self) -> (AppInstanceId, &WorkloadKind, &str) {
        (self.app_instance_id, &self.kind, &self.name)
    }

    /// The second content has it.
    pub fn is_there(&self) -> bool {
        self.change != ChangeKind::Removed
    }
}

impl ImageDifference {
    /// Both versions as a person reads them; `–` for none.
    pub fn versions(&self) -> (String, String) {
        let version = |image: &Option<String>| {
            image.as_ref().map_or_else(|| "–".to_owned(), |image| ImageRef::parse(image).version())
        };
        (version(&self.from), version(&self.to))
    }
}

/// What differs from one content to another, by place and name.
pub fn diff(from: &[RevisionEntry], to: &[RevisionEntry]) -> Vec<EntryChange> {
    let by_key = |entries| -> BTreeMap<_, &RevisionEntry> {
        Iterator::map(<[RevisionEntry]>::iter(entries), |entry| (entry.key(), entry)).collect()
    };
    let (before, after) = (by_key(from), by_key(to));
    let gone = before
        .iter()
        .filter(|(key, _)| !after.contains_key(*key))
        .map(|(_, entry)| change(entry, ChangeKind::Removed, images(&entry.images, &[])));
    let there = after.iter().filter_map(|(key, entry)| match before.get(key) {
        None => Some(change(entry, ChangeKind::Added, images(&[], &entry.images))),
        Some(was) => {
            let images = images(&was.images, &entry.images);
            let to = entry.replicas.filter(|_| was.replicas != entry.replicas);
            let replicas = to.map(|to| ReplicaDifference { from: was.replicas, to });
            let definition = definition(was, entry);
            let differs = !images.is_empty() || replicas.is_some() || !definition.is_empty();
            differs.then(|| EntryChange {
                replicas,
                definition,
                ..change(entry, ChangeKind::Changed, images)
            })
        }
    });
    let mut changes: Vec<EntryChange> = gone.chain(there).collect();
    changes.sort_by(|a, b| (&a.name, &a.app_instance, &a.kind).cmp(&(&b.name, &b.app_instance, &b.kind)));
    changes
}

fn change(entry: &RevisionEntry, change: ChangeKind, images: Vec<ImageDifference>) -> EntryChange {
    EntryChange {
        app_instance_id: entry.app_instance_id,
        app_instance: entry.app_instance.clone(),
        kind: entry.kind.clone(),
        name: entry.name.clone(),
        change,
        images,
        definition: Vec::new(),
        replicas: None,
    }
}

/// Where a revision says how many replicas there are, that is not the definition's to say.
fn definition(from: &RevisionEntry, to: &RevisionEntry) -> Vec<FieldChange> {
    let both = from.definition.as_ref().zip(to.definition.as_ref());
    let mut changes = both.map(|(from, to)| Definition::diff(from, to)).unwrap_or_default();
    changes.retain(|change| to.replicas.is_none() || change.field != "replicas");
    changes
}

fn images(from: &[ContainerImage], to: &[ContainerImage]) -> Vec<ImageDifference> {
    let of = |images: &[ContainerImage], container: &str| {
        images.iter().find(|image| image.container == container).map(|image| image.image.clone())
    };
    let new = to.iter().filter(|image| of(from, &image.container).is_none());
    from.iter()
        .chain(new)
        .map(|image| ImageDifference {
            container: image.container.clone(),
            from: of(from, &image.container),
            to: of(to, &image.container),
        })
        .filter(|difference| difference.from != difference.to)
        .collect()
}
