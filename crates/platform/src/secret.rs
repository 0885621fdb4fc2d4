//! Secret values in Kubernetes: in one Secret for each workload, under a key for each value. They are written, never read.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    variable::{Opened, OpenedValue},
    workload::{WorkloadFacts, WorkloadKey},
};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    Error, VariableChange,
    apply::{Target, query},
    client::{Answer, Client, Content, segment},
    env::{fingerprint, key},
    objects::SecretKeys,
};

/// The longest name of a Secret.
const MAX_NAME: usize = 253;
/// How often it is tried to write a Secret that others write at the same time.
const MAX_TRIES: u32 = 5;

/// The name of a workload's Secret.
pub(crate) fn name(workload: &WorkloadKey, uid: &str) -> String {
    let kind = workload.kind.as_str().to_lowercase();
    let name = format!("lockstep-{kind}-{}", workload.name);
    if name.len() <= MAX_NAME { name } else { format!("lockstep-{kind}-{uid}") }
}

/// Puts the secret values of a change where its workload will look for them. Those that it has stay beside them, for pods of
/// its present version and for the way back. Gives what is to go once the change is made.
pub(crate) async fn write(
    client: &Client,
    target: Target<'_>,
    change: &VariableChange,
    dry_run: bool,
) -> Result<Option<Over>, Error> {
    let (from, to) = (keys(&change.from), keys(&change.to));
    if from.is_empty() && to.is_empty() {
        return Ok(None);
    }
    let place = Place::of(target)?;
    let found = place.put(client, values(&change.to), dry_run).await?;
    if let Some(missing) = to.iter().find(|key| !found.data.contains_key(*key)) {
        let (name, _) = missing.rsplit_once('.').unwrap_or((missing, ""));
        return Err(Error::Rejected(format!(
            "The earlier value of {name} is in Secret {} no more, and nowhere else: set it anew and deploy that.",
            place.name
        )));
    }
    let is_over = |name: &String| fingerprint(name).is_some() && !from.contains(name) && !to.contains(name);
    let keys: Map<String, Value> =
        found.data.into_keys().filter(is_over).map(|name| (name, Value::Null)).collect();
    Ok((!dry_run && !keys.is_empty() && is_settled(target.now)).then_some(Over { place, keys }))
}

/// Values that no pod uses any more.
pub(crate) struct Over {
    place: Place,
    keys: Map<String, Value>,
}

impl Over {
    /// Takes them away. What stays where that fails goes with a later change.
    pub(crate) async fn remove(self, client: &Client) {
        let _ = self.place.put(client, self.keys, false).await;
    }
}

/// No pod of an earlier version is left.
fn is_settled(now: &WorkloadFacts) -> bool {
    now.observed_generation >= now.generation && now.total == now.updated && now.updated >= now.desired
}

/// The keys of secret values.
fn keys(variables: &Opened) -> BTreeSet<String> {
    let key = |(name, value): (&String, &OpenedValue)| match value {
        OpenedValue::Secret { fingerprint, .. } => Some(key(name, fingerprint)),
        OpenedValue::Plain(_) => None,
    };
    variables.0.iter().filter_map(key).collect()
}

/// The secret values whose texts are known, by key.
fn values(variables: &Opened) -> Map<String, Value> {
    let value = |(name, value): (&String, &OpenedValue)| match value {
        OpenedValue::Secret { fingerprint, text: Some(text) } => {
            Some((key(name, fingerprint), json!(STANDARD.encode(text.expose()))))
        }
        _ => None,
    };
    variables.0.iter().filter_map(value).collect()
}

/// A workload's Secret.
struct Place {
    name: String,
    namespace: String,
    /// It goes with its workload.
    owner: Value,
}

impl Place {
    fn of(Target { path, now }: Target<'_>) -> Result<Self, Error> {
        let group = path.strip_prefix("/apis/").and_then(|path| path.split("/namespaces/").next());
        let owner = json!({
            "apiVersion": group.unwrap_or_default(),
            "kind": now.key.kind.as_str(),
            "name": now.key.name,
            "uid": now.uid,
        });
        let namespace = segment(&now.key.namespace)?.to_owned();
        Ok(Self { name: name(&now.key, &now.uid), namespace, owner })
    }

    /// Puts values under their keys, and takes away those that are null.
    async fn put(
        &self,
        client: &Client,
        data: Map<String, Value>,
        dry_run: bool,
    ) -> Result<SecretKeys, Error> {
        let list = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        let metadata = json!({
            "labels": {"app.kubernetes.io/managed-by": "lockstep"},
            "ownerReferences": [self.owner],
        });
        let mut object = json!({"metadata": metadata, "data": data});
        for _ in 0..MAX_TRIES {
            let path = format!("{list}/{}{}", self.name, query(dry_run));
            let patch = Content::strategic_merge(&object);
            let answer = client.call(Method::PATCH, &path, Some(patch)).await?;
            if answer.status == StatusCode::CONFLICT {
                continue;
            }
            if !answer.is_absent() {
                return self.read(answer);
            }
            object["apiVersion"] = json!("v1");
            object["kind"] = json!("Secret");
            object["type"] = json!("Opaque");
            object["metadata"]["name"] = json!(self.name);
            let path = format!("{list}{}", query(dry_run));
            let answer = client.call(Method::POST, &path, Some(Content::json(&object))).await?;
            // Another one has made it since.
            if answer.status != StatusCode::CONFLICT {
                return self.read(answer);
            }
        }
        let message = format!("Secret {} was changed by others {MAX_TRIES} times meanwhile.", self.name);
        Err(Error::Unavailable { message, retry_after: None })
    }

    fn read(&self, answer: Answer) -> Result<SecretKeys, Error> {
        answer.json().map_err(|error| match error {
            Error::Forbidden(words) => Error::Forbidden(format!(
                "Secret variables go into a Secret, and the token may not write one in {}: let it “create” and “patch” \
                 secrets there. ({words})",
                self.namespace
            )),
            other => other,
        })
    }
}
