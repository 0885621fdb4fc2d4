//! An environment's settings: what it is, what protects it, and what may be deployed to it.

mod defaults;
mod diff;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use defaults::{Defaults, MAX_TIME_LIMIT, time_limit_fault};
pub use diff::{SettingChange, diff};

use crate::{
    image::ImageRef,
    pattern,
    problem::FieldError,
    sync::{ContainerChange, PreviewItem, Severity, Warning},
    validate,
    variable::{self, ScopeKey, Variables},
};

/// Freezes of one environment at most.
pub const MAX_FREEZES: usize = 100;
/// Patterns of one rule at most.
pub const MAX_PATTERNS: usize = 50;

wire_enum!(
    /// What an environment is.
    EnvironmentKind {
        /// Changed at will.
        Development = "development",
        /// Where what is to come is tried.
        Testing = "testing",
        /// As like production as can be.
        Staging = "staging",
        /// What users depend on.
        Production = "production",
    }
);

/// An environment's settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct EnvironmentSettings {
    /// What it is.
    pub kind: Option<EnvironmentKind>,
    /// Whoever changes what it runs types its name.
    pub protected: bool,
    /// When nothing is to be changed.
    pub freezes: Vec<Freeze>,
    /// What may be deployed to it.
    pub rules: Rules,
    /// What revisions own of Kubernetes' workloads besides their images.
    pub manages: Manages,
    /// What its deployments take where their requests name none.
    pub defaults: Defaults,
}

/// What revisions own of Kubernetes' workloads besides their images. Services of Lockstep's own machine are given their
/// variables in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Manages {
    /// How many replicas they are to have, in every kind of site: revisions say it, and deployments of them bring it.
    pub replicas: bool,
    /// The variables that are set for them: deployments bring these.
    pub variables: bool,
}

/// A time in which nothing is to be changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Freeze {
    /// Its beginning.
    pub from: DateTime<Utc>,
    /// Its end, which no longer belongs to it.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// What may be deployed. Undoing a deployment is not held up by it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Rules {
    /// Patterns of tags that are allowed, with `*` and `?`; none for all. A digest without a tag has no tag to fit.
    pub tags: Vec<String>,
    /// Patterns of image repositories that are allowed; none for all.
    pub repositories: Vec<String>,
    /// Services with more replicas are not changed.
    pub max_replicas: Option<u32>,
    /// Variables that each deployed service has, of its own or of the environment.
    pub required_variables: Vec<String>,
}

/// Settings as they are stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StoredSettings {
    /// The settings.
    #[serde(flatten)]
    pub settings: EnvironmentSettings,
    /// Goes up by one with each edit; an edit carries the one it started from, or a base revision. 0 before the first.
    pub version: i64,
    /// The latest revision, which has them: a base for an edit. 0 before the first.
    pub revision: i64,
}

/// Replaces an environment's settings by a new revision; what is left out is as at the beginning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "kind": "production",
    "protected": true,
    "freezes": [{ "from": "2026-12-20T00:00:00Z", "until": "2027-01-04T06:00:00Z", "reason": "Holidays" }],
    "rules": { "tags": ["v*"], "repositories": ["registry.example.com/shop/*"], "maxReplicas": 20,
               "requiredVariables": ["LOG_LEVEL"] },
    "manages": { "replicas": false, "variables": true },
    "defaults": { "onFailure": "put_back", "timeLimitSeconds": 1800 },
    "base": 7,
    "reason": "nothing new over the holidays"
})))]
#[serde(rename_all = "camelCase", default)]
pub struct SettingsEdit {
    /// The settings as they are to be.
    #[serde(flatten)]
    pub settings: EnvironmentSettings,
    /// The revision whose settings the author saw. It is a conflict if they have changed since.
    pub base: Option<i64>,
    /// Without a base: the settings' version that the author saw. Another one is a conflict.
    pub version: i64,
    /// Why.
    pub reason: String,
}

/// What whoever starts a deployment says to what protects the environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({ "confirm": "Production" })))]
#[serde(rename_all = "camelCase", default)]
pub struct Consent {
    /// The environment's name, typed, where it is protected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Why it cannot wait, in a freeze.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_freeze: Option<String>,
}

impl std::fmt::Display for Freeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "frozen until {} UTC ({})", self.until.format("%Y-%m-%d %H:%M"), self.reason)
    }
}

impl Consent {
    /// A reason is given why a freeze does not hold it up.
    pub fn overrides_freeze(&self) -> bool {
        !given(&self.override_freeze).is_empty()
    }
}

/// What was typed; nothing where nothing was.
fn given(text: &Option<String>) -> &str {
    text.as_deref().map(str::trim).unwrap_or_default()
}

/// What stands between a preview and its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Guard {
    /// The environment's name has to be typed.
    pub protected: bool,
    /// A reason has to be given against this freeze.
    pub frozen: Option<Freeze>,
}

/// Why a deployment may not be started.
#[derive(Clone, Debug, PartialEq)]
pub enum Forbidden {
    /// The environment's name was not typed.
    Unconfirmed,
    /// It is frozen, and no reason was given.
    Frozen(Freeze),
}

impl EnvironmentSettings {
    /// What is wrong with them, each at its field.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if let Some(EnvironmentKind::Unknown(word)) = &self.kind {
            let known: Vec<&str> = EnvironmentKind::ALL.iter().map(EnvironmentKind::as_str).collect();
            faults.push(FieldError::new("kind", format!("“{word}” is none of: {}.", known.join(", "))));
        }
        if self.freezes.len() > MAX_FREEZES {
            faults.push(FieldError::new("freezes", format!("At most {MAX_FREEZES}.")));
        }
        for freeze in &self.freezes {
            if freeze.until <= freeze.from {
                faults.push(FieldError::new("freezes", "A freeze ends after it has begun."));
            }
            faults.extend(validate::name("freezes", &freeze.reason).err().map(|_| {
                FieldError::new("freezes", "Say in a few words why: up to 100 characters, in one line.")
            }));
        }
        let patterns = [("tags", &self.rules.tags), ("repositories", &self.rules.repositories)];
        for (field, patterns) in patterns {
            let fits = |pattern: &String| {
                (1..=300).contains(&pattern.len())
                    && !pattern.contains(|c: char| c.is_whitespace() || c.is_control())
            };
            if patterns.len() > MAX_PATTERNS || !patterns.iter().all(fits) {
                let words =
                    format!("At most {MAX_PATTERNS} patterns without spaces, of up to 300 characters.");
                faults.push(FieldError::new(field, words));
            }
        }
        let required = &self.rules.required_variables;
        if required.len() > MAX_PATTERNS || !required.iter().all(|name| variable::is_name(name)) {
            let words =
                format!("At most {MAX_PATTERNS} names: letters, digits and underscores, no digit first.");
            faults.push(FieldError::new("requiredVariables", words));
        }
        faults.extend(self.defaults.faults());
        faults
    }

    /// The freeze that holds at a time; the one that lasts longest.
    pub fn frozen(&self, now: DateTime<Utc>) -> Option<&Freeze> {
        let holds = |freeze: &&Freeze| freeze.from <= now && now < freeze.until;
        self.freezes.iter().filter(holds).max_by_key(|freeze| freeze.until)
    }

    /// What stands between a preview made now and its start.
    pub fn guard(&self, now: DateTime<Utc>) -> Guard {
        Guard { protected: self.protected, frozen: self.frozen(now).cloned() }
    }

    /// Whether a deployment may be started now.
    ///
    /// # Errors
    /// What is missing.
    pub fn permit(&self, name: &str, consent: &Consent, now: DateTime<Utc>) -> Result<(), Forbidden> {
        if let Some(freeze) = self.frozen(now)
            && !consent.overrides_freeze()
        {
            return Err(Forbidden::Frozen(freeze.clone()));
        }
        if self.protected && given(&consent.confirm) != name {
            return Err(Forbidden::Unconfirmed);
        }
        Ok(())
    }

    /// The rules that an item would break, where these are the environment's variables then.
    pub fn broken_by(&self, item: &PreviewItem, variables: &Variables) -> Vec<Warning> {
        let Some(target) = &item.target else { return Vec::new() };
        let service = (target.app_instance_id, &item.kind, item.name.as_str());
        let missing = self.missing(variables, service);
        self.broken(&item.containers, item.replicas_to_come(target)).into_iter().chain(missing).collect()
    }

    /// The rule that a service's variables would break.
    pub fn missing(&self, variables: &Variables, service: ScopeKey<'_>) -> Option<Warning> {
        let given = variables.effective(service);
        let required = self.rules.required_variables.iter().map(String::as_str);
        let missing: Vec<&str> = required.filter(|name| !given.contains_key(name)).collect();
        let message =
            || format!("The environment requires variables that it does not have: {}.", missing.join(", "));
        (!missing.is_empty()).then(|| Warning::new("variable_missing", Severity::Blocking, message()))
    }

    /// The rules that changes of a workload with so many replicas would break.
    pub fn broken(&self, containers: &[ContainerChange], replicas: i32) -> Vec<Warning> {
        let allowed = |patterns: &[String], text: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern::matches(pattern, text))
        };
        let mut broken = Vec::new();
        for change in containers.iter().filter(|change| change.moves()) {
            let image = ImageRef::parse(&change.to);
            let tag = image.tag.clone().unwrap_or_default();
            if !allowed(&self.rules.tags, &tag) {
                let message = format!(
                    "{}: the environment allows tags such as {}, not “{tag}”.",
                    change.name,
                    self.rules.tags.join(", ")
                );
                broken.push(Warning::new("tag_not_allowed", Severity::Blocking, message));
            }
            if !allowed(&self.rules.repositories, &image.repository) {
                let message = format!(
                    "{}: the environment allows images of {}, not of {}.",
                    change.name,
                    self.rules.repositories.join(", "),
                    image.repository
                );
                broken.push(Warning::new("repository_not_allowed", Severity::Blocking, message));
            }
        }
        if let Some(most) = self.rules.max_replicas.filter(|most| i64::from(replicas) > i64::from(*most)) {
            let message = format!("It has {replicas} replicas; the environment allows {most}.");
            broken.push(Warning::new("too_many_replicas", Severity::Blocking, message));
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + hour * 3_600, 0).unwrap()
    }

    fn freeze(from: i64, until: i64) -> Freeze {
        Freeze { from: at(from), until: at(until), reason: "Holidays".into() }
    }

    #[test]
    fn a_freeze_holds_from_its_beginning_until_its_end() {
        let settings =
            EnvironmentSettings { freezes: vec![freeze(1, 3), freeze(2, 5)], ..Default::default() };
        let until = |hour| settings.frozen(at(hour)).map(|freeze| freeze.until);
        assert_eq!([until(0), until(1), until(3), until(5)], [None, Some(at(3)), Some(at(5)), None]);
    }

    #[test]
    fn what_protects_it_wants_its_own_words() {
        let settings =
            EnvironmentSettings { protected: true, freezes: vec![freeze(1, 3)], ..Default::default() };
        let permit = |confirm: Option<&str>, reason: Option<&str>, hour| {
            let consent =
                Consent { confirm: confirm.map(Into::into), override_freeze: reason.map(Into::into) };
            settings.permit("Production", &consent, at(hour))
        };
        assert_eq!(permit(Some(" Production "), None, 0), Ok(()));
        assert_eq!(permit(Some("production"), None, 0), Err(Forbidden::Unconfirmed));
        assert_eq!(permit(None, None, 0), Err(Forbidden::Unconfirmed));
        assert_eq!(permit(Some("Production"), Some(" "), 1), Err(Forbidden::Frozen(freeze(1, 3))));
        assert_eq!(permit(Some("Production"), Some("outage"), 1), Ok(()));
    }

    #[test]
    fn faults_stand_at_their_fields() {
        let settings = EnvironmentSettings {
            kind: Some("moon".into()),
            freezes: vec![freeze(3, 1), Freeze { reason: " ".into(), ..freeze(1, 2) }],
            rules: Rules {
                tags: vec!["a b".into()],
                repositories: vec![String::new()],
                max_replicas: None,
                required_variables: vec!["A=B".into()],
            },
            defaults: Defaults { on_failure: Some("shrug".into()), time_limit_seconds: Some(0) },
            ..Default::default()
        };
        let fields: Vec<String> = settings.faults().into_iter().map(|fault| fault.field).collect();
        let rules = ["tags", "repositories", "requiredVariables"];
        let defaults = ["onFailure", "timeLimitSeconds"];
        assert_eq!(fields, [&["kind", "freezes", "freezes"][..], &rules, &defaults].concat());
    }
}
