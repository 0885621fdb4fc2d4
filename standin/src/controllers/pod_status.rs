//! What a pod's status says at each stage of its life.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::image::{Fate, fate, image_id};
use super::kubelet::Stage;
use crate::json::{items, text, timestamp};

/// The annotation that stands for a tag pushed again: other salt, other digest.
const DIGEST_SALT: &str = "standin.lockstep.dev/digest-salt";

/// Whether a pod's status says that it is ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    items(pod, "/status/conditions")
        .iter()
        .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
}

/// The status of a pod at a stage.
pub(super) fn render(pod: &Value, stage: Stage, now: DateTime<Utc>) -> Value {
    let now = timestamp(now);
    if stage == Stage::Unschedulable {
        return unschedulable(&now);
    }
    let salt = pod["metadata"]["annotations"][DIGEST_SALT].as_str().unwrap_or_default();
    let init = items(pod, "/spec/initContainers");
    let initialised = stage != Stage::Creating && init.iter().all(|one| container_fate(one) == Fate::Healthy);
    let main = items(pod, "/spec/containers");
    let statuses: Vec<Value> = main
        .iter()
        .map(|container| match (initialised, init.is_empty()) {
            (false, false) => waiting(container, "PodInitializing", None),
            _ => running_or_failing(container, stage, salt, &now),
        })
        .collect();
    let ready = stage == Stage::Ready;
    let running = statuses.iter().any(|status| !status["state"]["running"].is_null());
    let mut status = json!({
        "phase": if running || matches!(stage, Stage::Crashing(_)) { "Running" } else { "Pending" },
        "startTime": text(pod, "/metadata/creationTimestamp"),
        "hostIP": "10.0.0.1", "qosClass": "Burstable",
        "conditions": conditions(initialised || init.is_empty(), ready, &now),
        "containerStatuses": statuses,
    });
    if status["startTime"] == "" {
        status["startTime"] = json!(now);
    }
    if !init.is_empty() {
        let statuses = init.iter().map(|container| initialiser(container, stage, salt, &now));
        status["initContainerStatuses"] = statuses.collect();
    }
    status
}

fn container_fate(container: &Value) -> Fate {
    fate(text(container, "/image"))
}

fn unschedulable(now: &str) -> Value {
    json!({
        "phase": "Pending", "qosClass": "Burstable",
        "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient memory.", "lastTransitionTime": now,
        }],
    })
}

fn conditions(initialised: bool, ready: bool, now: &str) -> Value {
    let word = |holds: bool| if holds { "True" } else { "False" };
    let condition = |name: &str, holds: bool| {
        let mut condition =
            json!({ "type": name, "status": word(holds), "lastProbeTime": null, "lastTransitionTime": now });
        if !holds && name != "Initialized" {
            condition["reason"] = json!("ContainersNotReady");
            condition["message"] = json!("containers with unready status");
        }
        condition
    };
    json!([
        condition("Initialized", initialised),
        condition("Ready", ready),
        condition("ContainersReady", ready),
        condition("PodScheduled", true),
    ])
}

fn running_or_failing(container: &Value, stage: Stage, salt: &str, now: &str) -> Value {
    let image = text(container, "/image");
    match (stage, container_fate(container)) {
        (Stage::Creating, _) => waiting(container, "ContainerCreating", None),
        (Stage::PullError, Fate::Missing) => {
            let message = format!("failed to pull image \"{image}\": {image}: not found");
            waiting(container, "ErrImagePull", Some(&message))
        }
        (_, Fate::Missing) => {
            waiting(container, "ImagePullBackOff", Some(&format!("Back-off pulling image \"{image}\"")))
        }
        (_, Fate::Config) => {
            let message = format!("configmap \"{}-settings\" not found", text(container, "/name"));
            waiting(container, "CreateContainerConfigError", Some(&message))
        }
        (_, Fate::Hang) => waiting(container, "ContainerCreating", None),
        (Stage::Crashing(restarts), Fate::Crash) => crashing(container, restarts, salt, now),
        (_, fate) => json!({
            "name": container["name"], "image": image, "imageID": image_id(image, salt),
            "containerID": "containerd://standin", "ready": fate != Fate::Unready && stage != Stage::BrieflyUnready, "started": true,
            "restartCount": 0, "lastState": {}, "state": { "running": { "startedAt": now } },
        }),
    }
}

fn waiting(container: &Value, reason: &str, message: Option<&str>) -> Value {
    let mut waiting = json!({ "reason": reason });
    if let Some(message) = message {
        waiting["message"] = json!(message);
    }
    json!({
        "name": container["name"], "image": container["image"], "imageID": "", "ready": false,
        "started": false, "restartCount": 0, "lastState": {}, "state": { "waiting": waiting },
    })
}

fn crashing(container: &Value, restarts: u32, salt: &str, now: &str) -> Value {
    let image = text(container, "/image");
    let name = text(container, "/name");
    json!({
        "name": name, "image": image, "imageID": image_id(image, salt),
        "containerID": "containerd://standin", "ready": false, "started": false, "restartCount": restarts,
        "lastState": { "terminated": {
            "exitCode": 1, "reason": "Error", "startedAt": now, "finishedAt": now,
        }},
        "state": { "waiting": {
            "reason": "CrashLoopBackOff",
            "message": format!("back-off restarting failed container {name}"),
        }},
    })
}

fn initialiser(container: &Value, stage: Stage, salt: &str, now: &str) -> Value {
    if stage == Stage::Creating || container_fate(container) != Fate::Healthy {
        return running_or_failing(container, stage, salt, now);
    }
    let image = text(container, "/image");
    json!({
        "name": container["name"], "image": image, "imageID": image_id(image, salt),
        "containerID": "containerd://standin", "ready": true, "started": false, "restartCount": 0,
        "lastState": {}, "state": { "terminated": {
            "exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now,
        }},
    })
}
