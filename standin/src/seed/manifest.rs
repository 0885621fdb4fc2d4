//! The manifests of seeded workloads.

use serde_json::{Value, json};

use crate::kinds::Kind;

/// What is peculiar about a seeded workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    None,
    /// A second container of this image.
    Sidecar(&'static str),
    /// An init container of this image.
    Init(&'static str),
    /// A tag that was pushed again: its digest differs from stage to stage.
    Moving,
    /// Owned by another tool.
    ArgoCd,
    Helm,
    Flux,
    Fleet,
}

/// A workload as it is to be made.
pub(super) struct Workload<'a> {
    pub(super) kind: Kind,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) image: String,
    pub(super) replicas: i64,
    pub(super) extra: Extra,
}

/// The whole manifest, without its API version.
pub(super) fn manifest(workload: &Workload<'_>) -> Value {
    let name = workload.name;
    let mut metadata = json!({
        "name": name, "namespace": workload.namespace, "annotations": {},
        "labels": { "app.kubernetes.io/name": name, "app": name },
    });
    own(workload, &mut metadata);
    json!({ "kind": workload.kind.name(), "metadata": metadata, "spec": spec(workload) })
}

/// The marks by which other tools know what is theirs.
fn own(workload: &Workload<'_>, metadata: &mut Value) {
    let Workload { name, namespace, kind, .. } = workload;
    match workload.extra {
        Extra::ArgoCd => {
            metadata["labels"]["app.kubernetes.io/instance"] = json!(name);
            metadata["annotations"]["argocd.argoproj.io/tracking-id"] =
                json!(format!("{name}:{}/{}:{namespace}/{name}", kind.group(), kind.name()));
        }
        Extra::Helm => {
            metadata["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
            metadata["labels"]["helm.sh/chart"] = json!(format!("{name}-0.7.3"));
            metadata["annotations"]["meta.helm.sh/release-name"] = json!(name);
            metadata["annotations"]["meta.helm.sh/release-namespace"] = json!(namespace);
        }
        Extra::Flux => {
            metadata["labels"]["kustomize.toolkit.fluxcd.io/name"] = json!("platform");
            metadata["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = json!("flux-system");
        }
        Extra::Fleet => {
            metadata["labels"]["objectset.rio.cattle.io/hash"] =
                json!("2f7c1e0c1f6d5a4c6b6f8f3f0a6b0f0e7a1d9c55");
            metadata["annotations"]["objectset.rio.cattle.io/owner-name"] = json!(format!("{name}-bundle"));
            metadata["annotations"]["objectset.rio.cattle.io/owner-namespace"] = json!("fleet-default");
        }
        Extra::None | Extra::Sidecar(_) | Extra::Init(_) | Extra::Moving => {}
    }
}

fn spec(workload: &Workload<'_>) -> Value {
    let (replicas, name) = (workload.replicas, workload.name);
    let (selector, template) = (json!({ "matchLabels": { "app": name } }), template(workload));
    match workload.kind {
        Kind::StatefulSet => json!({
            "replicas": replicas, "serviceName": name, "selector": selector, "template": template,
            "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10,
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } },
        }),
        Kind::DaemonSet => json!({
            "selector": selector, "template": template, "revisionHistoryLimit": 10,
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 1 } },
        }),
        Kind::CronJob => json!({
            "schedule": "17 3 * * *", "suspend": false, "concurrencyPolicy": "Forbid",
            "jobTemplate": { "spec": { "template": template } },
        }),
        _ => json!({
            "replicas": replicas, "selector": selector, "template": template, "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 30,
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } },
        }),
    }
}

fn template(workload: &Workload<'_>) -> Value {
    let mut containers = vec![json!({
        "name": "app", "image": workload.image, "imagePullPolicy": "IfNotPresent",
        "ports": [{ "name": "http", "containerPort": 8080, "protocol": "TCP" }],
        "env": [{ "name": "LOG_LEVEL", "value": "info" }],
        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" } },
    })];
    if let Extra::Sidecar(image) = workload.extra {
        containers.push(json!({ "name": "sidecar", "image": image }));
    }
    let restart = if workload.kind == Kind::CronJob { "OnFailure" } else { "Always" };
    let mut template = json!({
        "metadata": { "labels": { "app": workload.name } },
        "spec": { "containers": containers, "restartPolicy": restart },
    });
    if let Extra::Init(image) = workload.extra {
        template["spec"]["initContainers"] = json!([{ "name": "migrate", "image": image }]);
    }
    if workload.extra == Extra::Moving {
        template["metadata"]["annotations"] =
            json!({ "standin.lockstep.dev/digest-salt": workload.namespace });
    }
    template
}
