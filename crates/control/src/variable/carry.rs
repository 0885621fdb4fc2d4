//! Variables on their way to workloads: compared with what those have been given, and opened for whoever sets them.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    id::EnvironmentId,
    secret::Secret,
    settings::Manages,
    variable::{
        Entry, Given, Opened, OpenedValue, Reported, ScopeKey, Sealed, StoredValue, Values, Variables,
    },
};
use platform::VariableChange;
use store::SealedToken;

use crate::{Vault, VaultError};

/// Seals a value for its environment and name.
pub(super) fn seal(vault: &Vault, environment: EnvironmentId, name: &str, value: &Secret) -> StoredValue {
    let SealedToken { cipher, key_id } = vault.seal(&owner(environment, name), value);
    let fingerprint = vault.fingerprint(value);
    StoredValue::Secret(Sealed { cipher: STANDARD.encode(cipher), key_id, fingerprint })
}

/// What one service is given.
pub(crate) fn given_to(variables: &Variables, service: ScopeKey<'_>) -> Values {
    let effective = variables.effective(service).into_iter();
    effective.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// Whether deployments bring variables to a workload whose site reports these.
pub(crate) fn brings(manages: Manages, given: &Reported) -> bool {
    manages.variables || matches!(given, Reported::Texts(_))
}

/// Takes out what a workload's manifest sets past Lockstep, which is left as it is there; gives the names.
pub(crate) fn leave_alone(wanted: &mut Values, given: &Reported) -> BTreeSet<String> {
    let left: BTreeSet<String> = wanted.keys().filter(|name| given.is_of_others(name)).cloned().collect();
    wanted.retain(|name, _| !left.contains(name));
    left
}

/// What a workload has been given, in the form in which it is stored: as one of these sets knows it, else, of a text, sealed.
pub(crate) fn stored(
    vault: &Vault,
    environment: EnvironmentId,
    given: &Reported,
    known: &[&Values],
) -> Values {
    let find = |name: &str, is: &dyn Fn(&StoredValue) -> bool| {
        known.iter().filter_map(|known| known.get(name)).find(|known| is(known)).cloned()
    };
    match given {
        Reported::Texts(Given(texts)) => {
            let form = |(name, text): (&String, &String)| {
                let text = Secret::new(text);
                let known = find(name, &|known| is(vault, known, &text));
                (name.clone(), known.unwrap_or_else(|| seal(vault, environment, name, &text)))
            };
            texts.iter().map(form).collect()
        }
        Reported::Entries(entries) => {
            let form = |(name, entry): (&String, &Entry)| {
                let known = find(name, &|known| Entry::of(known) == *entry);
                let found = || match entry.clone() {
                    Entry::Plain(text) => StoredValue::Plain(text),
                    Entry::Secret(fingerprint) => StoredValue::Held(fingerprint),
                };
                (name.clone(), known.unwrap_or_else(found))
            };
            entries.ours.iter().map(form).collect()
        }
    }
}

/// Whether a workload has been given just these.
pub(crate) fn fits(vault: &Vault, values: &Values, given: Option<&Reported>) -> bool {
    let same_names = |count: usize| count == values.len();
    match given {
        None => false,
        Some(Reported::Texts(Given(texts))) => {
            let has = |(name, text): (&String, &String)| {
                values.get(name).is_some_and(|value| is(vault, value, &Secret::new(text)))
            };
            same_names(texts.len()) && texts.iter().all(has)
        }
        Some(Reported::Entries(entries)) => {
            let has = |(name, entry): (&String, &Entry)| {
                values.get(name).is_some_and(|value| Entry::of(value) == *entry)
            };
            same_names(entries.ours.len()) && entries.ours.iter().all(has)
        }
    }
}

/// Opens what a workload is given before a change and after it.
pub(crate) fn opened(
    vault: &Vault,
    environment: EnvironmentId,
    from: &Values,
    to: &Values,
) -> Result<VariableChange, VaultError> {
    Ok(VariableChange { from: open(vault, environment, from)?, to: open(vault, environment, to)? })
}

/// Opens values, for whoever sets them.
fn open(vault: &Vault, environment: EnvironmentId, values: &Values) -> Result<Opened, VaultError> {
    let opened = |(name, value): (&String, &StoredValue)| {
        let value = match value {
            StoredValue::Plain(text) => OpenedValue::Plain(text.clone()),
            StoredValue::Held(fingerprint) => {
                OpenedValue::Secret { fingerprint: fingerprint.clone(), text: None }
            }
            StoredValue::Secret(Sealed { cipher, key_id, fingerprint }) => {
                let damaged = |_| VaultError::OtherKey(key_id.clone());
                let cipher = STANDARD.decode(cipher).map_err(damaged)?;
                let sealed = SealedToken { cipher, key_id: key_id.clone() };
                let text = Some(vault.open(&owner(environment, name), &sealed)?);
                OpenedValue::Secret { fingerprint: fingerprint.clone(), text }
            }
        };
        Ok((name.clone(), value))
    };
    values.iter().map(opened).collect::<Result<BTreeMap<_, _>, _>>().map(Opened)
}

fn is(vault: &Vault, value: &StoredValue, text: &Secret) -> bool {
    match value {
        StoredValue::Plain(plain) => plain == text.expose(),
        StoredValue::Secret(Sealed { fingerprint, .. }) | StoredValue::Held(fingerprint) => {
            *fingerprint == vault.fingerprint(text)
        }
    }
}

/// For whom a secret value opens.
fn owner(environment: EnvironmentId, name: &str) -> String {
    format!("variable {name} of {environment}")
}

#[cfg(test)]
mod tests {
    use domain::variable::Entries;

    use super::*;

    #[test]
    fn what_is_given_is_known_again_and_opens_for_its_environment_only() {
        let vault = Vault::from_base64(&STANDARD.encode([7; 32]), "test").unwrap();
        let here = EnvironmentId(uuid::Uuid::from_u128(1));
        let text = |text: &str| text.to_owned();
        let texts = Given([(text("LEVEL"), text("info")), (text("TOKEN"), text("hunter2"))].into());
        let given = Reported::Texts(texts.clone());
        let known = Values::from([(text("LEVEL"), StoredValue::Plain(text("info")))]);
        let values = stored(&vault, here, &given, &[&known]);
        assert_eq!((values["LEVEL"].plain(), values["TOKEN"].is_secret()), (Some("info"), true));
        assert!(!serde_json::to_string(&values).unwrap().contains("hunter2"));
        assert!(fits(&vault, &values, Some(&given)));
        assert!(!fits(&vault, &known, Some(&given)) && !fits(&vault, &values, None));
        assert_eq!(open(&vault, here, &values).unwrap().texts(), texts);
        assert!(open(&vault, EnvironmentId(uuid::Uuid::from_u128(2)), &values).is_err());
        assert!(!format!("{given:?}").contains("hunter2"));
    }

    #[test]
    fn a_manifest_that_has_a_secret_in_the_open_has_another_variable() {
        let vault = Vault::from_base64(&STANDARD.encode([7; 32]), "test").unwrap();
        let here = EnvironmentId(uuid::Uuid::from_u128(1));
        let values =
            Values::from([("TOKEN".to_owned(), seal(&vault, here, "TOKEN", &Secret::new("hunter2")))]);
        let reported = |entry: Entry| {
            let ours = [("TOKEN".to_owned(), entry)].into();
            Reported::Entries(Entries { ours, ..Entries::default() })
        };
        let kept = reported(Entry::of(&values["TOKEN"]));
        assert!(fits(&vault, &values, Some(&kept)));
        assert_eq!(stored(&vault, here, &kept, &[&values]), values);
        let open_now = reported(Entry::Plain("hunter2".to_owned()));
        assert!(!fits(&vault, &values, Some(&open_now)));
        let unknown = stored(&vault, here, &kept, &[]);
        assert!(unknown["TOKEN"].is_secret() && fits(&vault, &unknown, Some(&kept)));
        assert!(open(&vault, here, &unknown).unwrap().texts().is_empty(), "only its site has the text");
    }
}
