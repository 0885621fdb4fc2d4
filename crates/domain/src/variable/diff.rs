//! What differs between two sets of variables. Of secrets it is told only that they differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Carried, ScopeKey, ServiceScope, StoredValue, Values, Variables};
use crate::revision::ChangeKind;

/// A variable that differs from one revision to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VariableChange {
    /// The service whose own it is; none for the environment's.
    pub scope: Option<ServiceScope>,
    /// What differs.
    #[serde(flatten)]
    pub difference: VariableDifference,
}

/// A variable that differs from one set to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VariableDifference {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: ChangeKind,
    /// It is secret in one of the two, so its values are not told.
    pub secret: bool,
    /// Its value in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its value in the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A variable that differs between two environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ComparedVariable {
    /// Its name.
    pub name: String,
    /// It is secret in one of the two, so its values are not told.
    pub secret: bool,
    /// The first has it.
    pub in_left: bool,
    /// The second has it.
    pub in_right: bool,
    /// Its value in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// Its value in the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
}

/// What differs from one set to another, by name.
fn differences(
    from: &BTreeMap<&str, &StoredValue>,
    to: &BTreeMap<&str, &StoredValue>,
) -> Vec<VariableDifference> {
    let names: BTreeSet<&str> = from.keys().chain(to.keys()).copied().collect();
    names
        .into_iter()
        .filter_map(|name| difference(name, from.get(name).copied(), to.get(name).copied()))
        .collect()
}

fn difference(
    name: &str,
    from: Option<&StoredValue>,
    to: Option<&StoredValue>,
) -> Option<VariableDifference> {
    let change = match (from, to) {
        (None, _) => ChangeKind::Added,
        (_, None) => ChangeKind::Removed,
        _ => ChangeKind::Changed,
    };
    let secret = [from, to].into_iter().flatten().any(StoredValue::is_secret);
    // What was plain before it was made secret may be the secret itself.
    let told = |value: Option<&StoredValue>| value.filter(|_| !secret)?.plain().map(str::to_owned);
    (from != to).then(|| VariableDifference {
        name: name.to_owned(),
        change,
        secret,
        from: told(from),
        to: told(to),
    })
}

/// What differs from one revision's variables to another's: the environment's first, then service by service.
pub fn diff(from: &Variables, to: &Variables) -> Vec<VariableChange> {
    let between = |scope: Option<&ServiceScope>, from: &Values, to: &Values| -> Vec<VariableChange> {
        let told = |difference| VariableChange { scope: scope.cloned(), difference };
        differences(&by_name(from), &by_name(to)).into_iter().map(told).collect()
    };
    let mut changes = between(None, &from.environment, &to.environment);
    let scopes = from.services.iter().chain(&to.services).map(|own| &own.scope);
    // An app instance may have got another name meanwhile: the newer one is told.
    let by_key: BTreeMap<ScopeKey<'_>, &ServiceScope> = scopes.map(|scope| (scope.key(), scope)).collect();
    let mut scopes: Vec<&ServiceScope> = by_key.into_values().collect();
    scopes.sort_by_key(|scope| (&scope.name, &scope.app_instance, &scope.kind));
    let none = Values::new();
    for scope in scopes {
        let [from, to] = [from, to].map(|variables| variables.own(scope.key()).unwrap_or(&none));
        changes.extend(between(Some(scope), from, to));
    }
    changes
}

/// What differs between two environments' variables, and how many do not.
pub fn compare(left: &Variables, right: &Variables) -> (Vec<ComparedVariable>, u64) {
    let (left, right) = (by_name(&left.environment), by_name(&right.environment));
    let differing = differences(&left, &right);
    let same = left.keys().filter(|name| right.get(*name) == left.get(*name)).count();
    let compared = |difference: VariableDifference| ComparedVariable {
        in_left: left.contains_key(difference.name.as_str()),
        in_right: right.contains_key(difference.name.as_str()),
        name: difference.name,
        secret: difference.secret,
        left: difference.from,
        right: difference.to,
    };
    (differing.into_iter().map(compared).collect(), same as u64)
}

/// What a deployment changes, as it may be shown.
pub fn carried(Carried { from, to, .. }: &Carried) -> Vec<VariableDifference> {
    differences(&by_name(from), &by_name(to))
}

fn by_name(values: &Values) -> BTreeMap<&str, &StoredValue> {
    values.iter().map(|(name, value)| (name.as_str(), value)).collect()
}
