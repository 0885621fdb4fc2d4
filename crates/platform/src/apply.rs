//! Changes images, bound to what was confirmed.

use domain::{
    service::{Container, WorkloadKind},
    workload::{WorkloadFacts, WorkloadKey},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    DEPLOYMENT_ANNOTATION, Error, ImageChange, SetImages,
    client::{Client, Content, segment},
    cluster::{self, Found},
    confirmed::{Verdict, images, verdict},
    facts,
    resource::Resource,
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
        && let Some(outcome) = send(client, key, &path, &patch, dry_run).await?
    {
        return Ok(outcome);
    }
    for _ in 0..MAX_TRIES {
        let Some(Found { path, object }) = cluster::find(client, key).await? else {
            return Ok(SetImages::gone(key));
        };
        let patch = match decide(&facts::workload(&key.kind, object), change) {
            Decision::Send(patch) => patch,
            Decision::AlreadyThere => return Ok(SetImages::AlreadyThere),
            Decision::Changed(words) => return Ok(SetImages::Changed(words)),
        };
        if let Some(outcome) = send(client, key, &path, &patch, dry_run).await? {
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

/// Sends a patch; nothing where the object has moved on, so that it has to be decided on anew.
async fn send(
    client: &Client,
    key: &WorkloadKey,
    path: &str,
    patch: &Value,
    dry_run: bool,
) -> Result<Option<SetImages>, Error> {
    let dry_run = if dry_run { "&dryRun=All" } else { "" };
    let path = format!("{path}?fieldManager=lockstep{dry_run}");
    let answer = client.call(Method::PATCH, &path, Some(Content::strategic_merge(patch))).await?;
    match answer.status {
        StatusCode::CONFLICT => return Ok(None),
        StatusCode::NOT_FOUND => return Ok(Some(SetImages::gone(key))),
        // Read to the end: half an answer leaves open what became of the change.
        _ => answer.json::<serde::de::IgnoredAny>()?,
    };
    Ok(Some(SetImages::Accepted))
}

fn decide(now: &WorkloadFacts, change: &ImageChange) -> Decision {
    match verdict(now, change) {
        Verdict::Due => Decision::Send(patch(now, &change.to, &change.deployment)),
        Verdict::AlreadyThere => Decision::AlreadyThere,
        Verdict::Changed(words) => Decision::Changed(words),
    }
}

/// A strategic merge patch of the images that move, refused by the server if the object has moved on.
fn patch(now: &WorkloadFacts, to: &[Container], deployment: &str) -> Value {
    let (running, to) = (images(&now.containers), images(to));
    let moved = |of_init: bool| -> Vec<Value> {
        let moves = to.iter().filter(|(container, image)| {
            container.0 == of_init && running.get(*container).is_some_and(|runs| runs != *image)
        });
        moves.map(|((_, name), image)| json!({"name": name, "image": image})).collect()
    };
    let mut pod = serde_json::Map::new();
    for (field, containers) in [("containers", moved(false)), ("initContainers", moved(true))] {
        if !containers.is_empty() {
            pod.insert(field.to_owned(), Value::Array(containers));
        }
    }
    let mut patch = json!({
        "metadata": {
            "resourceVersion": now.resource_version,
            "annotations": {DEPLOYMENT_ANNOTATION: deployment},
        },
    });
    if !pod.is_empty() {
        let template = json!({"template": {"spec": pod}});
        patch["spec"] = match now.key.kind {
            WorkloadKind::CronJob => json!({"jobTemplate": {"spec": template}}),
            _ => template,
        };
    }
    patch
}

#[cfg(test)]
mod tests;
