//! An edit of variables as it comes in, and what may be wrong with it.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, de::Error};

use super::{MAX_VARIABLES, Values, is_name, is_reserved};
use crate::{id::ServiceId, problem::FieldError, secret::Secret, validate};

/// Replaces the variables of an environment, or of one of its services, by a new revision. Nothing is deployed by it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "base": 7,
    "variables": [
        { "name": "LOG_LEVEL", "value": "info" },
        { "name": "DATABASE_PASSWORD", "value": "correct horse battery staple", "secret": true }
    ],
    "reason": "the new database"
})))]
#[serde(rename_all = "camelCase", default)]
pub struct VariablesEdit {
    /// The latest revision as the author saw it; left out or 0 before the first. Another one is a conflict.
    pub base: i64,
    /// The service whose own variables these are; left out for the environment's.
    pub service_id: Option<ServiceId>,
    /// All that there are to be: what is left out goes.
    pub variables: Vec<VariableEdit>,
    /// Why.
    pub reason: String,
}

/// A variable as it is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct VariableEdit {
    /// Its name.
    pub name: String,
    /// Its value; left out, a secret keeps the one that it has.
    #[serde(deserialize_with = "unrepeated", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub value: Option<Secret>,
    /// Its value is never shown again.
    #[serde(deserialize_with = "unrepeated")]
    pub secret: bool,
}

/// Reads a field whose content is repeated in no error: it may be a secret in the wrong place.
fn unrepeated<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let found = serde_json::Value::deserialize(deserializer)?;
    let words = "“value” is a text, and “secret” is true or false";
    serde_json::from_value(found).map_err(|_| D::Error::custom(words))
}

impl VariablesEdit {
    /// What is wrong with it, each at its field, where these are the values that there are.
    pub fn faults(&self, stored: &Values) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.variables.len() > MAX_VARIABLES {
            faults.push(FieldError::new("variables", format!("At most {MAX_VARIABLES}.")));
            return faults;
        }
        let mut names = HashSet::new();
        for (n, variable) in self.variables.iter().enumerate() {
            let again = !names.insert(variable.name.as_str());
            let wrong_name = variable.name_fault().or_else(|| again.then(|| "It is named twice.".to_owned()));
            let wrong = [("name", wrong_name), ("value", variable.value_fault(stored))];
            faults.extend(wrong.into_iter().filter_map(|(field, words)| {
                Some(FieldError::new(&format!("variables[{n}].{field}"), words?))
            }));
        }
        faults
    }
}

impl VariableEdit {
    fn name_fault(&self) -> Option<String> {
        let name = &self.name;
        if !is_name(name) {
            return Some(format!(
                "“{}” is no variable's name: letters, digits and underscores, no digit first.",
                name.chars().take(validate::MAX_NAME).collect::<String>().escape_debug()
            ));
        }
        is_reserved(name).then(|| format!("{name} is Lockstep's own: choose another name."))
    }

    fn value_fault(&self, stored: &Values) -> Option<String> {
        match &self.value {
            Some(value) => validate::text("", value.expose()).err().map(|fault| fault.message),
            None if !self.secret => Some("Give a value; it may be empty.".to_owned()),
            None if stored.get(&self.name).is_some_and(|value| value.is_secret()) => None,
            None => Some("It has no secret value yet: give one.".to_owned()),
        }
    }
}
