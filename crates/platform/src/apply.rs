//! Changes images, bound to what was confirmed.

use std::collections::BTreeMap;

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
        let Some(Found { path, object }) = cluster::find(client, key).await? else { return Ok(gone(key)) };
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
        StatusCode::NOT_FOUND => return Ok(Some(gone(key))),
        // Read to the end: half an answer leaves open what became of the change.
        _ => answer.json::<serde::de::IgnoredAny>()?,
    };
    Ok(Some(SetImages::Accepted))
}

fn gone(key: &WorkloadKey) -> SetImages {
    SetImages::Changed(format!("{key} was deleted since the preview"))
}

fn decide(now: &WorkloadFacts, change: &ImageChange) -> Decision {
    if now.uid != change.uid {
        return Decision::Changed(format!("{} was deleted and made again since the preview", now.key));
    }
    if now.deleting {
        return Decision::Changed(format!("{} is being deleted", now.key));
    }
    let (running, from, to) = (images(&now.containers), images(&change.from), images(&change.to));
    let ours = now.deployment.as_ref() == Some(&change.deployment);
    if running == to && (change.back || ours) {
        return Decision::AlreadyThere;
    }
    if ours && !change.back {
        // Even if they are the confirmed ones again: to send the change once more would fight whoever put them back.
        return Decision::Changed(format!("{} was changed by this sync, and by someone else since", now.key));
    }
    match difference(&running, &from) {
        Some(words) => Decision::Changed(words),
        None => Decision::Send(patch(now, &running, &to, &change.deployment)),
    }
}

/// Images by container: whether it is an init container, and its name.
type Images<'a> = BTreeMap<(bool, &'a str), &'a str>;

fn images(containers: &[Container]) -> Images<'_> {
    containers.iter().map(|it| ((it.init, it.name.as_str()), it.image.as_str())).collect()
}

/// The first thing that is not as it was confirmed, in words.
fn difference(running: &Images<'_>, confirmed: &Images<'_>) -> Option<String> {
    for (container, image) in confirmed {
        let name = container.1;
        match running.get(container) {
            Some(runs) if runs == image => {}
            Some(runs) => return Some(format!("{name} now runs {runs}, not {image} as confirmed")),
            None => {
                return Some(format!(
                    "there is no container {name} any more, which ran {image} when confirmed"
                ));
            }
        }
    }
    let (container, image) = running.iter().find(|(container, _)| !confirmed.contains_key(*container))?;
    Some(format!("there is a new container {} with {image}, which was not there when confirmed", container.1))
}

/// A strategic merge patch of the images that move, refused by the server if the object has moved on.
fn patch(now: &WorkloadFacts, running: &Images<'_>, to: &Images<'_>, deployment: &str) -> Value {
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
