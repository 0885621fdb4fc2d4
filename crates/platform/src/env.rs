//! Variables in a workload's manifest: which entries are Lockstep's own, and how they are changed.

use std::collections::BTreeSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use domain::{
    variable::{Entries, Entry, EntryByName, Reported},
    workload::{WorkloadFacts, WorkloadKey},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    ImageChange, VARIABLES_ANNOTATION,
    objects::{EnvVar, Metadata, Template},
    secret,
};

/// Names the container that is meant where none is named, to `kubectl` as well.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// The longest beginning of a name that stands in a key.
const MAX_NAME: usize = 200;

/// What the annotation says.
#[derive(Default, Deserialize, Serialize)]
struct Managed {
    container: String,
    names: BTreeSet<String>,
}

/// A change of a container's entries.
pub(crate) struct EnvChange {
    /// What the annotation says from then on.
    pub(crate) annotation: Value,
    /// The patch of the container's `env`.
    pub(crate) entries: Vec<Value>,
}

/// The entries of a workload's main container: the one that Lockstep has set some of, else the default, else the first.
pub(crate) fn entries(key: &WorkloadKey, metadata: &Metadata, template: &Template) -> Entries {
    let containers = &template.spec.containers;
    let find = |name: &str| containers.iter().find(|container| container.name == name);
    let managed: Option<Managed> =
        metadata.annotations.get(VARIABLES_ANNOTATION).and_then(|text| serde_json::from_str(text).ok());
    let managed = managed.filter(|managed| find(&managed.container).is_some()).unwrap_or_default();
    let default = || template.metadata.annotations.get(DEFAULT_CONTAINER).and_then(|name| find(name));
    let Some(container) = find(&managed.container).or_else(default).or(containers.first()) else {
        return Entries::default();
    };
    let secret = secret::name(key, &metadata.uid);
    let mut ours = EntryByName::new();
    for var in container.env.iter().filter(|var| managed.names.contains(&var.name)) {
        ours.extend(entry(var, &secret).map(|entry| (var.name.clone(), entry)));
    }
    let others = container.env.iter().map(|var| var.name.as_str());
    let others = others.filter(|name| !ours.contains_key(*name)).collect();
    Entries { container: container.name.clone(), ours, others }
}

/// An entry in one of the two forms that Lockstep writes; in any other it is somebody else's.
fn entry(var: &EnvVar, secret: &str) -> Option<Entry> {
    let Some(from) = &var.value_from else { return Some(Entry::Plain(var.value.replace("$$", "$"))) };
    let key = from.secret_key_ref.as_ref().filter(|key| key.name == secret)?;
    fingerprint(&key.key).map(Entry::Secret)
}

/// The container whose entries a change is of, and how they change; none where they stay.
pub(crate) fn change<'a>(now: &'a WorkloadFacts, change: &ImageChange) -> Option<(&'a str, EnvChange)> {
    let (Some(Reported::Entries(found)), Some(variables)) = (&now.variables, &change.variables) else {
        return None;
    };
    let to = variables.to.entries();
    if found.ours == to {
        return None;
    }
    let secret = secret::name(&now.key, &now.uid);
    let gone = found.ours.keys().filter(|name| !to.contains_key(*name));
    let gone = gone.map(|name| json!({"name": name, "$patch": "delete"}));
    let set = to.iter().filter(|(name, entry)| found.ours.get(*name) != Some(entry));
    let entries = gone.chain(set.map(|(name, entry)| written(name, entry, &secret))).collect();
    let managed = Managed { container: found.container.clone(), names: to.into_keys().collect() };
    let annotation = match managed.names.is_empty() {
        true => Value::Null,
        false => json!(json!(managed).to_string()),
    };
    Some((&found.container, EnvChange { annotation, entries }))
}

/// An entry as it is written. Kubernetes would replace `$(NAME)` in a value, unless its dollar sign is doubled.
fn written(name: &str, entry: &Entry, secret: &str) -> Value {
    match entry {
        Entry::Plain(text) => json!({"name": name, "value": text.replace('$', "$$"), "valueFrom": null}),
        Entry::Secret(fingerprint) => {
            let key = json!({"name": secret, "key": key(name, fingerprint)});
            json!({"name": name, "value": null, "valueFrom": {"secretKeyRef": key}})
        }
    }
}

/// The key under which a secret value is kept. Another value has another key, so pods of an earlier version keep theirs.
pub(crate) fn key(name: &str, fingerprint: &str) -> String {
    let name: String = name.chars().take(MAX_NAME).collect();
    let fingerprint = STANDARD.decode(fingerprint).unwrap_or_else(|_| fingerprint.as_bytes().to_vec());
    format!("{name}.{}", URL_SAFE_NO_PAD.encode(fingerprint))
}

/// The fingerprint that a key of Lockstep's names.
pub(crate) fn fingerprint(key: &str) -> Option<String> {
    let (_, fingerprint) = key.rsplit_once('.')?;
    URL_SAFE_NO_PAD.decode(fingerprint).ok().map(|fingerprint| STANDARD.encode(fingerprint))
}

#[cfg(test)]
mod tests;
