//! Variables: what services are given when they start, for the whole environment and for each service, plain or secret.

mod diff;
mod edit;
mod given;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize, Serializer};

pub use diff::{ComparedVariable, VariableChange, VariableDifference, carried, compare, diff};
pub use edit::{VariableEdit, VariablesEdit};
pub use given::{Carried, Entries, Entry, EntryByName, Given, Names, Opened, OpenedValue, Reported};

use crate::{
    id::{AppInstanceId, EnvironmentId, ServiceId},
    service::WorkloadKind,
    validate,
};

/// Variables of one scope at most.
pub const MAX_VARIABLES: usize = 500;

wire_enum!(
    /// Whose variable it is.
    VariableScope {
        /// The environment's: all its services have it.
        Environment = "environment",
        /// One service's own, which comes before the environment's.
        Service = "service",
    }
);

/// All variables of a revision, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Variables {
    /// The environment's.
    pub environment: Values,
    /// Those of single services.
    pub services: Vec<ServiceVariables>,
}

/// Values by name.
pub type Values = BTreeMap<String, StoredValue>;

/// One service's own variables, as they are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceVariables {
    /// The service.
    #[serde(flatten)]
    pub scope: ServiceScope,
    /// Its variables.
    pub values: Values,
}

/// The workload that variables are of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceScope {
    /// Where.
    pub app_instance_id: AppInstanceId,
    /// The app instance's name then.
    pub app_instance: String,
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's name.
    pub name: String,
}

/// What makes a workload the same one in another revision.
pub type ScopeKey<'a> = (AppInstanceId, &'a WorkloadKind, &'a str);

/// A value as it is stored. Two are equal if their texts are, as far as that can be told without opening them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredValue {
    /// To be seen by everybody.
    Plain(String),
    /// To be seen by the service only.
    Secret(Sealed),
    /// A secret that only a workload's site has, by its fingerprint: what a workload was found with, and never what is set.
    Held(String),
}

/// A secret value, sealed. Prints as `[sealed]`, and never leaves the server.
#[derive(Clone, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    /// Nonce and ciphertext, in base64.
    pub cipher: String,
    /// The key that it was sealed with.
    pub key_id: String,
    /// The same for the same text under the same key, and of no use without that.
    pub fingerprint: String,
}

impl PartialEq for Sealed {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[sealed]")
    }
}

/// A variable as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShownVariable {
    /// Its name.
    pub name: String,
    /// Its value; never a secret's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its value is not to be seen.
    pub secret: bool,
}

/// The variables of one scope of a revision, as they are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShownScope {
    /// The service; none for the environment's.
    pub scope: Option<ServiceScope>,
    /// By name.
    pub variables: Vec<ShownVariable>,
}

/// The variables of an environment, or those that one of its services has, by the latest revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EffectiveVariables {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The service, where one was asked for.
    pub service_id: Option<ServiceId>,
    /// The latest revision, which says so: an edit carries it. 0 before the first.
    pub revision: i64,
    /// That revision is the active one.
    pub active: bool,
    /// By name.
    pub variables: Vec<EffectiveVariable>,
}

/// A variable, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EffectiveVariable {
    /// The variable.
    #[serde(flatten)]
    pub variable: ShownVariable,
    /// Whose it is.
    pub from: VariableScope,
    /// The environment's variable of this name, which it hides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hides: Option<ShownVariable>,
}

impl StoredValue {
    /// It is not to be seen.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Secret(_) | Self::Held(_))
    }

    /// The text that may be seen.
    pub fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Secret(_) | Self::Held(_) => None,
        }
    }
}

impl ShownVariable {
    /// A variable as it may be seen.
    pub fn of(name: &str, value: &StoredValue) -> Self {
        Self { name: name.to_owned(), value: value.plain().map(str::to_owned), secret: value.is_secret() }
    }
}

impl ServiceScope {
    /// What makes it the same one in another revision.
    pub fn key(&self) -> ScopeKey<'_> {
        (self.app_instance_id, &self.kind, &self.name)
    }
}

impl Variables {
    /// A service's own.
    pub fn own(&self, service: ScopeKey<'_>) -> Option<&Values> {
        self.services.iter().find(|own| own.scope.key() == service).map(|own| &own.values)
    }

    /// What a service is given: the environment's, and its own before those.
    pub fn effective(&self, service: ScopeKey<'_>) -> BTreeMap<&str, &StoredValue> {
        let own = self.own(service).into_iter().flatten();
        self.environment.iter().chain(own).map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// The environment's, or what one service is given, with where each comes from.
    pub fn shown(&self, service: Option<ScopeKey<'_>>) -> Vec<EffectiveVariable> {
        let own = service.and_then(|service| self.own(service));
        let mut shown: BTreeMap<&str, EffectiveVariable> = BTreeMap::new();
        for (name, value) in &self.environment {
            let variable = ShownVariable::of(name, value);
            let from = VariableScope::Environment;
            shown.insert(name, EffectiveVariable { variable, from, hides: None });
        }
        for (name, value) in own.into_iter().flatten() {
            let hides = shown.remove(name.as_str()).map(|hidden| hidden.variable);
            let variable = ShownVariable::of(name, value);
            shown.insert(name, EffectiveVariable { variable, from: VariableScope::Service, hides });
        }
        shown.into_values().collect()
    }

    /// Replaces the environment's variables, or a service's own.
    pub fn replace(&mut self, service: Option<ServiceScope>, values: Values) {
        let Some(scope) = service else {
            self.environment = values;
            return;
        };
        self.services.retain(|own| own.scope.key() != scope.key());
        if !values.is_empty() {
            self.services.push(ServiceVariables { scope, values });
        }
    }

    /// Leaves out those of services in places that are not among these.
    pub fn keep_within(&mut self, places: &HashSet<AppInstanceId>) {
        self.services.retain(|own| places.contains(&own.scope.app_instance_id));
    }

    /// Serialises what may be seen of them.
    pub fn serialize_shown<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = |scope: Option<&ServiceScope>, values: &Values| ShownScope {
            scope: scope.cloned(),
            variables: values.iter().map(|(name, value)| ShownVariable::of(name, value)).collect(),
        };
        let services = self.services.iter().map(|own| shown(Some(&own.scope), &own.values));
        let all = std::iter::once(shown(None, &self.environment)).chain(services);
        serializer.collect_seq(all.filter(|scope| !scope.variables.is_empty()))
    }
}

/// POSIX's portable names (IEEE 1003.1, 8.1), in either case.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && validate::text("", name).is_ok()
        && name.chars().all(fits)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Names that Lockstep gives values to itself.
fn is_reserved(name: &str) -> bool {
    name == "PORT" || name.starts_with("LOCKSTEP_")
}
