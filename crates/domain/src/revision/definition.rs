//! What a service of this machine is, apart from its version, as a part of a revision.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::local_service::LocalServiceSpec;

/// A service's definition: its program, arguments, replicas, health check, limits and so on, as they are put. It is kept as it
/// was written, so that fields of earlier versions are not lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Object))]
#[serde(transparent)]
pub struct Definition(Map<String, Value>);

/// A field of a definition that differs. Prints as `replicas: 1 → 2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Where it stands: `replicas`, `health.path`.
    pub field: String,
    /// What it was; none where it was not set.
    pub from: Option<String>,
    /// What it is then.
    pub to: Option<String>,
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, from, to } = self;
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
        write!(f, "{field}: {} → {}", word(from), word(to))
    }
}

impl Definition {
    /// What a service is to be, without its version: that is the image's.
    pub fn of(spec: &LocalServiceSpec) -> Self {
        let mut fields = match serde_json::to_value(spec) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        fields.remove("image");
        Self(fields)
    }

    /// The fields that differ from one to the other.
    pub fn diff(from: &Self, to: &Self) -> Vec<FieldChange> {
        let (before, after) = (from.flat(), to.flat());
        let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
        let change = |field: &String| FieldChange {
            field: field.clone(),
            from: before.get(field).cloned(),
            to: after.get(field).cloned(),
        };
        names.map(change).filter(|change| change.from != change.to).collect()
    }

    /// What is set, by its path.
    fn flat(&self) -> BTreeMap<String, String> {
        let mut flat = BTreeMap::new();
        for (name, value) in &self.0 {
            flatten(name, value, &mut flat);
        }
        flat
    }
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let text = match value {
        Value::Null => return,
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(&format!("{path}.{name}"), value, into);
            }
            return;
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    into.insert(path.to_owned(), text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{local_service::HealthCheck, strategy::Strategy};

    #[test]
    fn a_version_is_no_part_of_it_and_each_field_is_told() {
        let before = LocalServiceSpec::new("shop/cart:1", "cart");
        let mut after = LocalServiceSpec::new("shop/cart:2", "cart");
        let told = |after: &LocalServiceSpec| -> Vec<String> {
            let changes = Definition::diff(&Definition::of(&before), &Definition::of(after));
            changes.iter().map(ToString::to_string).collect()
        };
        assert_eq!(told(&after), [""; 0]);
        after.replicas = 2;
        after.arguments = vec!["--fast".into()];
        after.strategy = Strategy::Recreate;
        after.health = Some(HealthCheck::at("/health"));
        let told = told(&after);
        for words in [
            "arguments: [] → [\"--fast\"]",
            "replicas: 1 → 2",
            "health.path: – → /health",
            "strategy.type: rolling → recreate",
            "strategy.maxSurge: 1 → –",
        ] {
            assert!(told.iter().any(|told| told == words), "{words} is missing in {told:?}");
        }
    }
}
