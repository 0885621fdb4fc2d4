//! The three patch formats: JSON merge, strategic merge and JSON patch.

use serde_json::{Map, Value};

/// A patch, by its content type.
#[derive(Clone, Debug)]
pub(crate) enum Patch {
    Merge(Value),
    Strategic(Value),
    Json(json_patch::Patch),
}

/// Why a patch cannot be read or applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PatchError {
    #[error("the body of the request was in an unknown format: {0}")]
    ContentType(String),
    #[error("the patch is not valid: {0}")]
    Body(#[from] serde_json::Error),
    #[error("the server rejected our request due to an error in our request: {0}")]
    Apply(#[from] json_patch::PatchError),
    #[error("list elements must be objects with the key {0:?}")]
    MergeKey(&'static str),
}

impl Patch {
    /// Reads a patch of a content type.
    pub(crate) fn parse(content_type: &str, body: &[u8]) -> Result<Self, PatchError> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/merge-patch+json" => Ok(Self::Merge(serde_json::from_slice(body)?)),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic(serde_json::from_slice(body)?)),
            "application/json-patch+json" => Ok(Self::Json(serde_json::from_slice(body)?)),
            other => Err(PatchError::ContentType(other.to_owned())),
        }
    }

    /// The patched object.
    pub(crate) fn apply(&self, object: &Value) -> Result<Value, PatchError> {
        let mut object = object.clone();
        match self {
            Self::Merge(patch) => json_patch::merge(&mut object, patch),
            Self::Strategic(patch) => strategic(&mut object, patch)?,
            Self::Json(patch) => json_patch::patch(&mut object, patch)?,
        }
        Ok(object)
    }

    /// The patch as JSON, as records keep it.
    pub(crate) fn body(&self) -> Value {
        match self {
            Self::Merge(patch) | Self::Strategic(patch) => patch.clone(),
            Self::Json(patch) => serde_json::to_value(patch).unwrap_or_default(),
        }
    }
}

/// The field by which elements of a list are told apart, or none where a list is replaced whole.
fn merge_key(field: &str) -> Option<&'static str> {
    match field {
        "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets" => {
            Some("name")
        }
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "ports" => Some("containerPort"),
        "hostAliases" => Some("ip"),
        "conditions" => Some("type"),
        "ownerReferences" => Some("uid"),
        _ => None,
    }
}

fn strategic(target: &mut Value, patch: &Value) -> Result<(), PatchError> {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return Ok(());
    };
    if !target.is_object() || patch.get("$patch").is_some_and(|directive| directive == "replace") {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return Ok(()) };
    for (field, value) in patch {
        if field.starts_with('$') {
            continue;
        }
        match (value, merge_key(field)) {
            (Value::Null, _) => {
                fields.remove(field);
            }
            (Value::Array(patches), Some(key)) => {
                let list = fields.entry(field.clone()).or_insert_with(|| Value::Array(Vec::new()));
                merge_list(list, patches, key)?;
            }
            _ => strategic(fields.entry(field.clone()).or_insert(Value::Null), value)?,
        }
    }
    Ok(())
}

fn merge_list(target: &mut Value, patches: &[Value], key: &'static str) -> Result<(), PatchError> {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Value::Array(list) = target else { return Ok(()) };
    if patches.iter().any(|patch| patch.get("$patch").is_some_and(|directive| directive == "replace")) {
        list.clear();
    }
    for patch in patches {
        let directive = patch.get("$patch").and_then(Value::as_str);
        if directive == Some("replace") {
            continue;
        }
        let id = patch.get(key).ok_or(PatchError::MergeKey(key))?;
        let found = list.iter().position(|element| element.get(key) == Some(id));
        match (found, directive) {
            (Some(index), Some("delete")) => {
                list.remove(index);
            }
            (None, Some("delete")) => {}
            (Some(index), _) => strategic(&mut list[index], patch)?,
            (None, _) => {
                let mut element = Value::Null;
                strategic(&mut element, patch)?;
                list.push(element);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(object: Value, patch: Value) -> Value {
        Patch::Strategic(patch).apply(&object).unwrap()
    }

    #[test]
    fn containers_merge_by_name_and_maps_merge() {
        let object = json!({"spec": {"containers": [
            {"name": "app", "image": "a:1", "env": [{"name": "A", "value": "1"}], "args": ["x", "y"]},
            {"name": "sidecar", "image": "s:1"},
        ]}, "labels": {"a": "1", "b": "2"}});
        let patch = json!({"spec": {"containers": [
            {"name": "app", "image": "a:2", "env": [{"name": "B", "value": "2"}], "args": ["z"]},
        ]}, "labels": {"b": null, "c": "3"}});
        assert_eq!(
            patched(object, patch),
            json!({"spec": {"containers": [
                {"name": "app", "image": "a:2", "args": ["z"],
                 "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                {"name": "sidecar", "image": "s:1"},
            ]}, "labels": {"a": "1", "c": "3"}})
        );
    }

    #[test]
    fn directives_delete_and_replace() {
        let object = json!({"containers": [{"name": "a", "image": "1"}, {"name": "b"}]});
        let deleted = patched(object.clone(), json!({"containers": [{"name": "b", "$patch": "delete"}]}));
        assert_eq!(deleted, json!({"containers": [{"name": "a", "image": "1"}]}));
        let replaced = patched(object, json!({"containers": [{"$patch": "replace"}, {"name": "c"}]}));
        assert_eq!(replaced, json!({"containers": [{"name": "c"}]}));
    }

    #[test]
    fn an_element_without_its_key_is_refused() {
        let patch = Patch::Strategic(json!({"containers": [{"image": "x"}]}));
        assert!(patch.apply(&json!({})).is_err());
    }
}
