//! What differs between two settings, field by field and in words.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Defaults, EnvironmentSettings, Freeze, Manages, Rules};

/// A time as a person reads it.
const TIME: &str = "%Y-%m-%d %H:%M";

/// One setting that differs. Prints as a sentence: `Protection: off → on`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(example = json!({
    "field": "protected", "name": "Protection", "from": "off", "to": "on"
})))]
#[serde(rename_all = "camelCase")]
pub struct SettingChange {
    /// Where it stands in the settings: `protected`, `rules.tags`.
    pub field: String,
    /// What it is called.
    pub name: String,
    /// What it was, in words; none where it is one of several and was added.
    pub from: Option<String>,
    /// What it is then; none where it is one of several and was removed.
    pub to: Option<String>,
}

impl fmt::Display for SettingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{name}: {from} → {to}"),
            (None, Some(to)) => write!(f, "{name} added: {to}"),
            (Some(from), None) => write!(f, "{name} removed: {from}"),
            (None, None) => f.write_str(name),
        }
    }
}

/// What differs from one to the other; nothing where both demand the same.
pub fn diff(from: &EnvironmentSettings, to: &EnvironmentSettings) -> Vec<SettingChange> {
    let pairs = fields(from).into_iter().zip(fields(to));
    let single = pairs.filter(|(before, after)| before != after).map(|((field, name, from), (.., to))| {
        SettingChange { field: field.to_owned(), name: name.to_owned(), from: Some(from), to: Some(to) }
    });
    let gone = from.freezes.iter().filter(|freeze| !to.freezes.contains(freeze));
    let gone = gone.map(|freeze| one_freeze(Some(freeze), None));
    let new = to.freezes.iter().filter(|freeze| !from.freezes.contains(freeze));
    let new = new.map(|freeze| one_freeze(None, Some(freeze)));
    single.chain(gone).chain(new).collect()
}

/// Each field with its name and its value in words, but for freezes, which are told one by one.
fn fields(settings: &EnvironmentSettings) -> Vec<(&'static str, &'static str, String)> {
    // All are named, so that a new one is not forgotten here.
    let EnvironmentSettings { kind, protected, freezes: _, rules, manages, defaults } = settings;
    let Rules { tags, repositories, max_replicas, required_variables } = rules;
    let Manages { replicas, variables } = manages;
    let Defaults { on_failure, time_limit_seconds } = defaults;
    let limit = time_limit_seconds.map(|seconds| match seconds % 60 {
        0 => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    });
    vec![
        ("kind", "Kind", or(kind.as_ref(), "not said")),
        ("protected", "Protection", on(*protected)),
        ("rules.tags", "Allowed tags", listed(tags, "all")),
        ("rules.repositories", "Allowed repositories", listed(repositories, "all")),
        ("rules.maxReplicas", "Most replicas", or(*max_replicas, "any number")),
        ("rules.requiredVariables", "Required variables", listed(required_variables, "none")),
        ("manages.replicas", "Replicas on Kubernetes", on(*replicas)),
        ("manages.variables", "Variables on Kubernetes", on(*variables)),
        ("defaults.onFailure", "When a service fails", or(on_failure.as_ref(), "not said")),
        ("defaults.timeLimitSeconds", "Time limit", or(limit, "none")),
    ]
}

fn one_freeze(from: Option<&Freeze>, to: Option<&Freeze>) -> SettingChange {
    let words = |freeze: &Freeze| {
        let (from, until) = (freeze.from.format(TIME), freeze.until.format(TIME));
        format!("{from} – {until} UTC ({})", freeze.reason)
    };
    SettingChange {
        field: "freezes".to_owned(),
        name: "Freeze window".to_owned(),
        from: from.map(words),
        to: to.map(words),
    }
}

fn on(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn or(value: Option<impl ToString>, none: &str) -> String {
    value.map_or_else(|| none.to_owned(), |value| value.to_string())
}

fn listed(values: &[String], none: &str) -> String {
    if values.is_empty() { none.to_owned() } else { values.join(", ") }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn each_change_is_a_sentence_and_nothing_else_is_told() {
        let at = |hour: i64| DateTime::from_timestamp(1_700_000_000 + hour * 3_600, 0).unwrap();
        let freeze = |reason: &str| Freeze { from: at(0), until: at(2), reason: reason.into() };
        let before = EnvironmentSettings { freezes: vec![freeze("Audit")], ..Default::default() };
        let after = EnvironmentSettings {
            kind: Some("production".into()),
            protected: true,
            freezes: vec![freeze("Holidays")],
            rules: Rules {
                tags: vec!["v*".into(), "r?".into()],
                max_replicas: Some(3),
                ..Default::default()
            },
            manages: Manages { replicas: true, variables: true },
            defaults: Defaults { on_failure: Some("stop".into()), time_limit_seconds: Some(1800) },
        };
        let told: Vec<String> = diff(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "Kind: not said → production",
                "Protection: off → on",
                "Allowed tags: all → v*, r?",
                "Most replicas: any number → 3",
                "Replicas on Kubernetes: off → on",
                "Variables on Kubernetes: off → on",
                "When a service fails: not said → stop",
                "Time limit: none → 30 min",
                "Freeze window removed: 2023-11-14 22:13 – 2023-11-15 00:13 UTC (Audit)",
                "Freeze window added: 2023-11-14 22:13 – 2023-11-15 00:13 UTC (Holidays)",
            ]
        );
        assert_eq!(diff(&after, &after), []);
    }
}
