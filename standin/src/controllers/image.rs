//! What becomes of a container, as its image's tag tells.

use serde_json::Value;

use crate::json::{items, sha256, text};

/// How a container ends up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Healthy,
    /// The image cannot be pulled.
    Missing,
    /// The process exits, again and again.
    Crash,
    /// The configuration that the container refers to does not exist.
    Config,
    /// The process runs and never passes its readiness probe.
    Unready,
    /// No node takes the pod.
    Unschedulable,
    /// The container is never created.
    Hang,
}

/// The fate that stands in the tag of an image.
pub(super) fn fate(image: &str) -> Fate {
    let tag = split(image).1;
    let words = [
        ("missing", Fate::Missing),
        ("crash", Fate::Crash),
        ("config", Fate::Config),
        ("unready", Fate::Unready),
        ("unschedulable", Fate::Unschedulable),
        ("hang", Fate::Hang),
    ];
    words.into_iter().find(|(word, _)| tag.contains(word)).map_or(Fate::Healthy, |(_, fate)| fate)
}

/// The fate of a pod: that of its first container which has a bad one.
pub(super) fn pod_fate(spec: &Value) -> Fate {
    items(spec, "/initContainers")
        .iter()
        .chain(items(spec, "/containers"))
        .map(|container| fate(text(container, "/image")))
        .find(|fate| *fate != Fate::Healthy)
        .unwrap_or(Fate::Healthy)
}

/// The `imageID` that a node reports; `salt` stands for a tag that was pushed again.
pub(crate) fn image_id(image: &str, salt: &str) -> String {
    let (repository, tag) = split(image);
    if tag.starts_with("sha256:") {
        return format!("docker-pullable://{repository}@{tag}");
    }
    let digest = if salt.is_empty() {
        sha256(&format!("{repository}:{tag}"))
    } else {
        sha256(&format!("{repository}:{tag}:{salt}"))
    };
    format!("docker-pullable://{repository}@sha256:{digest}")
}

fn split(image: &str) -> (&str, &str) {
    image
        .split_once('@')
        .or_else(|| image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')))
        .unwrap_or((image, "latest"))
}
