//! Changes images and variables, bound to what was confirmed.

use std::collections::BTreeMap;

use domain::{
    service::{Container, WorkloadKind},
    workload::{WorkloadFacts, WorkloadKey},
};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    DEPLOYMENT_ANNOTATION, Error, ImageChange, SetImages, VARIABLES_ANNOTATION,
    client::{Client, Content, segment},
    cluster::{self, Found},
    confirmed::{Verdict, images, verdict},
    env, facts,
    resource::Resource,
    secret,
};

/// How often a change is decided on anew because the object moved on meanwhile.
const MAX_TRIES: u32 = 5;

/// What is to be done about an object as it is now.
#[derive(Debug, PartialEq)]
enum Decision {
    Send(Value),
    AlreadyThere,
    Changed(String),
}

/// Moves images, only if the object and its images are what was confirmed.
pub(crate) async fn set_images(
    client: &Client,
    key: &WorkloadKey,
    change: &ImageChange,
    dry_run: bool,
) -> Result<SetImages, Error> {
    if let Some((path, seen)) = seen(key, change)?
        && let Decision::Send(patch) = decide(seen, change)
        && let Some(outcome) =
            send(client, Target { path: &path, now: seen }, change, &patch, dry_run).await?
    {
        return Ok(outcome);
    }
    for _ in 0..MAX_TRIES {
        let Some(Found { path, object }) = cluster::find(client, key).await? else {
            return Ok(SetImages::gone(key));
        };
        let now = facts::workload(&key.kind, object);
        let patch = match decide(&now, change) {
            Decision::Send(patch) => patch,
            Decision::AlreadyThere => return Ok(SetImages::AlreadyThere),
            Decision::Changed(words) => return Ok(SetImages::Changed(words)),
        };
        if let Some(outcome) =
            send(client, Target { path: &path, now: &now }, change, &patch, dry_run).await?
        {
            return Ok(outcome);
        }
    }
    Err(Error::Unavailable {
        message: format!("{key} was changed by others {MAX_TRIES} times while it was to be changed."),
        retry_after: None,
    })
}

/// What a watch saw, and where it stands, if there is only one place where it can.
fn seen<'a>(
    key: &WorkloadKey,
    change: &'a ImageChange,
) -> Result<Option<(String, &'a WorkloadFacts)>, Error> {
    let Some(seen) = &change.seen else { return Ok(None) };
    match Resource::of(&key.kind)?.paths(Some(&key.namespace))?.as_slice() {
        [path] => Ok(Some((format!("{path}/{}", segment(&key.name)?), seen))),
        _ => Ok(None),
    }
}

/// An object that is to be changed, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) path: &'a str,
    pub(crate) now: &'a WorkloadFacts,
}

/// Sends a patch; nothing where the object has moved on, so that it has to be decided on anew. Secret values go first: with
/// the patch they are in use, and until then nobody sees them.
async fn send(
    client: &Client,
    target: Target<'_>,
    change: &ImageChange,
    patch: &Value,
    dry_run: bool,
) -> Result<Option<SetImages>, Error> {
    let over = match &change.variables {
        Some(variables) => secret::write(client, target, variables, dry_run).await?,
        None => None,
    };
    let path = format!("{}{}", target.path, query(dry_run));
    let answer = client.call(Method::PATCH, &path, Some(Content::strategic_merge(patch))).await?;
    match answer.status {
        StatusCode::CONFLICT => return Ok(None),
        StatusCode::NOT_FOUND => return Ok(Some(SetImages::gone(&target.now.key))),
        // Read to the end: half an answer leaves open what became of the change.
        _ => answer.json::<serde::de::IgnoredAny>()?,
    };
    if let Some(over) = over {
        over.remove(client).await;
    }
    Ok(Some(SetImages::Accepted))
}

/// Who changes an object, and whether only to try it.
pub(crate) fn query(dry_run: bool) -> &'static str {
    if dry_run { "?fieldManager=lockstep&dryRun=All" } else { "?fieldManager=lockstep" }
}

fn decide(now: &WorkloadFacts, change: &ImageChange) -> Decision {
    match verdict(now, change) {
        Verdict::Due => Decision::Send(patch(now, change)),
        Verdict::AlreadyThere => Decision::AlreadyThere,
        Verdict::Changed(words) => Decision::Changed(words),
    }
}

/// A strategic merge patch of what moves, refused by the server if the object has moved on.
fn patch(now: &WorkloadFacts, change: &ImageChange) -> Value {
    let mut annotations = json!({DEPLOYMENT_ANNOTATION: change.deployment});
    let [mut containers, init] = [false, true].map(|of_init| moved(now, &change.to, of_init));
    if let Some((container, env)) = env::change(now, change) {
        annotations[VARIABLES_ANNOTATION] = env.annotation;
        containers.entry(container).or_default().insert("env".to_owned(), Value::Array(env.entries));
    }
    let mut pod = Map::new();
    for (field, containers) in [("containers", containers), ("initContainers", init)] {
        if !containers.is_empty() {
            let named = |(name, mut fields): (&str, Map<String, Value>)| {
                fields.insert("name".to_owned(), json!(name));
                Value::Object(fields)
            };
            pod.insert(field.to_owned(), containers.into_iter().map(named).collect());
        }
    }
    let metadata = json!({"resourceVersion": now.resource_version, "annotations": annotations});
    let mut patch = json!({"metadata": metadata});
    if let Some(scale) = change.scale {
        patch["spec"]["replicas"] = json!(scale.to);
    }
    if !pod.is_empty() {
        let template = json!({"spec": pod});
        match now.key.kind {
            WorkloadKind::CronJob => patch["spec"]["jobTemplate"]["spec"]["template"] = template,
            _ => patch["spec"]["template"] = template,
        }
    }
    patch
}

/// The containers whose images move, by name.
fn moved<'a>(
    now: &'a WorkloadFacts,
    to: &'a [Container],
    of_init: bool,
) -> BTreeMap<&'a str, Map<String, Value>> {
    let (running, to) = (images(&now.containers), images(to));
    let moves = to.into_iter().filter(|(container, image)| {
        container.0 == of_init && running.get(container).is_some_and(|runs| runs != image)
    });
    moves.map(|((_, name), image)| (name, Map::from_iter([("image".to_owned(), json!(image))]))).collect()
}

#[cfg(test)]
mod tests;
