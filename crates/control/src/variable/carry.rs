//! Variables on their way to workloads: compared with what those have been given, and opened for whoever sets them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    id::EnvironmentId,
    secret::Secret,
    variable::{Given, ScopeKey, Sealed, StoredValue, Values, Variables},
};
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

/// What a workload has been given, in the form in which it is stored: plain where one of these sets knows it so, else sealed.
pub(crate) fn stored(vault: &Vault, environment: EnvironmentId, given: &Given, known: &[&Values]) -> Values {
    let form = |(name, text): (&String, &String)| {
        let value = Secret::new(text);
        let known = known.iter().filter_map(|known| known.get(name)).find(|known| is(vault, known, &value));
        let form = known.cloned().unwrap_or_else(|| seal(vault, environment, name, &value));
        (name.clone(), form)
    };
    given.0.iter().map(form).collect()
}

/// Whether a workload has been given just these.
pub(crate) fn fits(vault: &Vault, values: &Values, given: Option<&Given>) -> bool {
    let Some(Given(given)) = given else { return false };
    given.len() == values.len()
        && given
            .iter()
            .all(|(name, text)| values.get(name).is_some_and(|value| is(vault, value, &Secret::new(text))))
}

/// Opens values, for whoever sets them.
pub(crate) fn open(vault: &Vault, environment: EnvironmentId, values: &Values) -> Result<Given, VaultError> {
    let opened = |(name, value): (&String, &StoredValue)| {
        let text = match value {
            StoredValue::Plain(text) => text.clone(),
            StoredValue::Secret(Sealed { cipher, key_id, .. }) => {
                let damaged = |_| VaultError::OtherKey(key_id.clone());
                let cipher = STANDARD.decode(cipher).map_err(damaged)?;
                let sealed = SealedToken { cipher, key_id: key_id.clone() };
                vault.open(&owner(environment, name), &sealed)?.expose().to_owned()
            }
        };
        Ok((name.clone(), text))
    };
    values.iter().map(opened).collect::<Result<BTreeMap<_, _>, _>>().map(Given)
}

fn is(vault: &Vault, value: &StoredValue, text: &Secret) -> bool {
    match value {
        StoredValue::Plain(plain) => plain == text.expose(),
        StoredValue::Secret(sealed) => sealed.fingerprint == vault.fingerprint(text),
    }
}

/// For whom a secret value opens.
fn owner(environment: EnvironmentId, name: &str) -> String {
    format!("variable {name} of {environment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_known_again_and_opens_for_its_environment_only() {
        let vault = Vault::from_base64(&STANDARD.encode([7; 32]), "test").unwrap();
        let here = EnvironmentId(uuid::Uuid::from_u128(1));
        let text = |text: &str| text.to_owned();
        let given = Given([(text("LEVEL"), text("info")), (text("TOKEN"), text("hunter2"))].into());
        let known = Values::from([(text("LEVEL"), StoredValue::Plain(text("info")))]);
        let values = stored(&vault, here, &given, &[&known]);
        assert_eq!((values["LEVEL"].plain(), values["TOKEN"].is_secret()), (Some("info"), true));
        assert!(!serde_json::to_string(&values).unwrap().contains("hunter2"));
        assert!(fits(&vault, &values, Some(&given)));
        assert!(!fits(&vault, &known, Some(&given)) && !fits(&vault, &values, None));
        assert_eq!(open(&vault, here, &values).unwrap(), given);
        assert!(open(&vault, EnvironmentId(uuid::Uuid::from_u128(2)), &values).is_err());
        assert!(!format!("{given:?}").contains("hunter2"));
    }
}
