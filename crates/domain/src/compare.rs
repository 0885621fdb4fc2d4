//! Two environments side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    id::EnvironmentId,
    service::{Service, WorkloadKind},
    settings::{self, EnvironmentSettings, SettingChange},
    variable::ComparedVariable,
};

/// What runs in two environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The first environment.
    pub left: EnvironmentId,
    /// Its name.
    pub left_name: String,
    /// The second.
    pub right: EnvironmentId,
    /// Its name.
    pub right_name: String,
    /// Services that differ in any field, or that only one of the two has.
    pub services: Vec<ComparedService>,
    /// Services that are the same in both.
    pub same: u64,
    /// The environments' variables that differ, by the latest revision of each: a secret is equal or different, no more.
    #[serde(default)]
    pub variables: Vec<ComparedVariable>,
    /// The environments' variables that are the same in both.
    #[serde(default)]
    pub same_variables: u64,
    /// The settings that differ, in words.
    #[serde(default)]
    pub settings: Vec<ComparedField>,
}

/// One service in two environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ComparedService {
    /// What pairs it across environments.
    pub application: String,
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's name.
    pub name: String,
    /// Its fields that differ.
    pub fields: Vec<ComparedField>,
}

/// One field in two environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ComparedField {
    /// `replicas`, a container's `NAME version` or `NAME repository`, or a setting's name.
    pub field: String,
    /// In the first; several values where it runs in several places; none where it is not there.
    pub left: Option<String>,
    /// In the second.
    pub right: Option<String>,
}

/// The settings that differ.
pub fn settings(left: &EnvironmentSettings, right: &EnvironmentSettings) -> Vec<ComparedField> {
    let compared =
        |SettingChange { name, from, to, .. }| ComparedField { field: name, left: from, right: to };
    settings::diff(left, right).into_iter().map(compared).collect()
}

type Fields = BTreeMap<String, BTreeSet<String>>;

/// What differs between two environments' services, and how many do not. Where a service runs does not count.
pub fn services(left: &[Service], right: &[Service]) -> (Vec<ComparedService>, u64) {
    let (left, right) = (by_key(left), by_key(right));
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let total = keys.len();
    let differing: Vec<ComparedService> = keys
        .into_iter()
        .filter_map(|key| {
            let fields = differing(left.get(key), right.get(key));
            let (application, name, kind) = key;
            (!fields.is_empty()).then(|| ComparedService {
                application: (*application).to_owned(),
                kind: (*kind).clone(),
                name: (*name).to_owned(),
                fields,
            })
        })
        .collect();
    let same = total - differing.len();
    (differing, same as u64)
}

fn by_key(services: &[Service]) -> BTreeMap<(&str, &str, &WorkloadKind), Fields> {
    let mut all: BTreeMap<_, Fields> = BTreeMap::new();
    for service in services {
        let key = (service.application.as_str(), service.name.as_str(), &service.workload_type);
        let fields = all.entry(key).or_default();
        let mut put = |field: String, value: String| {
            fields.entry(field).or_default().insert(value);
        };
        put("replicas".into(), service.replicas.to_string());
        for container in &service.containers {
            let image = container.image_ref();
            put(format!("{} version", container.name), image.version());
            put(format!("{} repository", container.name), image.repository);
        }
    }
    all
}

fn differing(left: Option<&Fields>, right: Option<&Fields>) -> Vec<ComparedField> {
    let names: BTreeSet<&String> = left.into_iter().chain(right).flat_map(BTreeMap::keys).collect();
    let value = |side: Option<&Fields>, name: &String| {
        let values: Vec<&str> = side?.get(name)?.iter().map(String::as_str).collect();
        Some(values.join(", "))
    };
    names
        .into_iter()
        .map(|name| ComparedField { field: name.clone(), left: value(left, name), right: value(right, name) })
        .filter(|field| field.left != field.right)
        .collect()
}
