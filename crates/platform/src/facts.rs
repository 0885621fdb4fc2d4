//! From Kubernetes' objects to what Lockstep reads of them.

use std::collections::BTreeMap;

use domain::{
    image::digest_of_image_id,
    service::{Container, Manager, WorkloadKind},
    variable::Reported,
    workload::{PodContainer, PodFacts, WorkloadFacts, WorkloadKey},
};

use crate::{
    DEPLOYMENT_ANNOTATION, env,
    objects::{
        Condition, ContainerSpec, ContainerStatus, Metadata, Pod, Template, TemplateContainer, TemplateSpec,
        Workload, WorkloadSpec,
    },
};

/// The label that a Deployment's ReplicaSets and pods carry.
const POD_TEMPLATE_HASH: &str = "pod-template-hash";

/// How many replicas there are, of which kind.
struct Counts {
    desired: i32,
    total: i32,
    updated: i32,
    available: i32,
}

/// What is read of a workload.
pub(crate) fn workload(kind: &WorkloadKind, object: Workload) -> WorkloadFacts {
    let counts = counts(kind, &object);
    let status = &object.status;
    let same_revision = status.current_revision == status.update_revision;
    let all_updated = counts.updated >= counts.desired && counts.updated == counts.total;
    let generation = object.metadata.generation;
    let template = template(&object.spec);
    let key = key(kind, &object.metadata);
    WorkloadFacts {
        gave_up: gave_up(&status.conditions).or_else(|| held_back(&object.spec, &counts)),
        // With OnDelete the controller never records that the last pod was replaced.
        revisions_agree: *kind != WorkloadKind::StatefulSet || same_revision || all_updated,
        containers: template.map(|template| containers(&template.spec)).unwrap_or_default(),
        suspended: object.spec.suspend == Some(true),
        generation,
        observed_generation: match kind {
            WorkloadKind::CronJob => generation,
            _ => status.observed_generation,
        },
        desired: counts.desired,
        total: counts.total,
        updated: counts.updated,
        available: counts.available,
        manager: manager(&object.metadata),
        variables: template.map(|it| Reported::Entries(env::entries(&key, &object.metadata, it))),
        deployment: object.metadata.annotations.get(DEPLOYMENT_ANNOTATION).cloned(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        key,
        uid: object.metadata.uid,
        resource_version: object.metadata.resource_version,
    }
}

/// Which workload an object is.
pub(crate) fn key(kind: &WorkloadKind, metadata: &Metadata) -> WorkloadKey {
    WorkloadKey { namespace: metadata.namespace.clone(), kind: kind.clone(), name: metadata.name.clone() }
}

fn counts(kind: &WorkloadKind, object: &Workload) -> Counts {
    let status = &object.status;
    match kind {
        WorkloadKind::DaemonSet => Counts {
            desired: status.desired_number_scheduled,
            total: status.current_number_scheduled,
            updated: status.updated_number_scheduled,
            available: status.number_available,
        },
        WorkloadKind::CronJob => Counts { desired: 1, total: 1, updated: 1, available: 1 },
        _ => Counts {
            desired: object.spec.replicas.unwrap_or(1),
            total: status.replicas,
            updated: status.updated_replicas,
            available: match kind {
                // Servers before 1.22 do not tell how many of a StatefulSet are available.
                WorkloadKind::StatefulSet => status.available_replicas.unwrap_or(status.ready_replicas),
                _ => status.available_replicas.unwrap_or(0),
            },
        },
    }
}

/// The words of a controller that has given up; why it could make no pods says more than that time is over.
fn gave_up(conditions: &[Condition]) -> Option<String> {
    let late = conditions.iter().find(|condition| {
        condition.r#type == "Progressing"
            && condition.status == "False"
            && condition.reason == "ProgressDeadlineExceeded"
    })?;
    let failure = conditions
        .iter()
        .find(|condition| condition.r#type == "ReplicaFailure" && condition.status == "True");
    Some(failure.unwrap_or(late).message.clone())
}

/// Why a rollout waits for a person: its update strategy leaves old pods as they are.
fn held_back(spec: &WorkloadSpec, counts: &Counts) -> Option<String> {
    let strategy = spec.update_strategy.as_ref()?;
    if counts.updated >= counts.desired {
        return None;
    }
    if strategy.r#type == "OnDelete" {
        return Some("its update strategy is OnDelete: old pods stay until someone deletes them".to_owned());
    }
    let partition = strategy.rolling_update.as_ref()?.partition.filter(|partition| *partition > 0)?;
    (counts.updated >= counts.desired - partition).then(|| {
        format!(
            "its update strategy has the partition {partition}: the first {partition} pods stay as they are"
        )
    })
}

fn template(spec: &WorkloadSpec) -> Option<&Template> {
    let of_job = spec.job_template.as_ref().map(|job| &job.spec.template);
    of_job.or(spec.template.as_ref())
}

fn containers(pod: &TemplateSpec) -> Vec<Container> {
    let container = |spec: &TemplateContainer, init| Container {
        name: spec.name.clone(),
        init,
        image: spec.image.clone(),
        running_digest: None,
    };
    let plain = pod.containers.iter().map(|spec| container(spec, false));
    plain.chain(pod.init_containers.iter().map(|spec| container(spec, true))).collect()
}

/// The tool that owns an object. One that puts its own version back by itself goes before Helm.
fn manager(metadata: &Metadata) -> Option<Manager> {
    let has =
        |map: &BTreeMap<String, String>, names: &[&str]| names.iter().any(|name| map.contains_key(*name));
    let (labels, annotations) = (&metadata.labels, &metadata.annotations);
    if has(annotations, &["argocd.argoproj.io/tracking-id"]) || has(labels, &["argocd.argoproj.io/instance"])
    {
        return Some(Manager::ArgoCd);
    }
    if has(labels, &["kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"]) {
        return Some(Manager::Flux);
    }
    if has(annotations, &["objectset.rio.cattle.io/owner-name"])
        || has(labels, &["objectset.rio.cattle.io/hash", "fleet.cattle.io/bundle-name"])
    {
        return Some(Manager::Fleet);
    }
    let by_helm = labels.get("app.kubernetes.io/managed-by").is_some_and(|tool| tool == "Helm");
    (by_helm || has(annotations, &["meta.helm.sh/release-name"])).then_some(Manager::Helm)
}

/// What is read of a pod.
pub(crate) fn pod(object: Pod) -> PodFacts {
    let condition = |name: &str| object.status.conditions.iter().find(|condition| condition.r#type == name);
    let unplaced =
        condition("PodScheduled").filter(|it| it.status == "False" && it.reason == "Unschedulable");
    let status = &object.status;
    let plain = object.spec.containers.iter().map(|spec| pod_container(spec, &status.container_statuses));
    let init =
        object.spec.init_containers.iter().map(|spec| pod_container(spec, &status.init_container_statuses));
    PodFacts {
        owner: owner(&object.metadata),
        ready: condition("Ready").is_some_and(|condition| condition.status == "True"),
        unschedulable: unplaced.map(|condition| condition.message.clone()),
        containers: plain.chain(init).collect(),
        deleting: object.metadata.deletion_timestamp.is_some(),
        namespace: object.metadata.namespace,
        name: object.metadata.name,
        created: object.metadata.creation_timestamp,
        phase: object.status.phase,
    }
}

fn pod_container(spec: &ContainerSpec, statuses: &[ContainerStatus]) -> PodContainer {
    let status = statuses.iter().find(|status| status.name == spec.name);
    let waiting = status.and_then(|status| status.state.waiting.as_ref());
    PodContainer {
        name: spec.name.clone(),
        image: spec.image.clone(),
        digest: status.and_then(|status| digest_of_image_id(&status.image_id)),
        ready: status.is_some_and(|status| status.ready),
        waiting: waiting.and_then(|waiting| waiting.reason.clone()),
        message: waiting.and_then(|waiting| waiting.message.clone()),
        restarts: status.map_or(0, |status| status.restart_count),
    }
}

/// The workload a pod belongs to, from the names its controllers give to what they make.
fn owner(metadata: &Metadata) -> Option<WorkloadKey> {
    metadata.owner_references.iter().find_map(|reference| {
        let (kind, name) = match reference.kind.as_str() {
            "ReplicaSet" => {
                let hash = metadata.labels.get(POD_TEMPLATE_HASH)?;
                let name = reference.name.strip_suffix(hash.as_str())?.strip_suffix('-')?;
                (WorkloadKind::Deployment, name)
            }
            "Job" => {
                let (name, scheduled) = reference.name.rsplit_once('-')?;
                let by_schedule =
                    !scheduled.is_empty() && scheduled.bytes().all(|byte| byte.is_ascii_digit());
                (WorkloadKind::CronJob, by_schedule.then_some(name)?)
            }
            "StatefulSet" => (WorkloadKind::StatefulSet, reference.name.as_str()),
            "DaemonSet" => (WorkloadKind::DaemonSet, reference.name.as_str()),
            _ => return None,
        };
        Some(WorkloadKey { namespace: metadata.namespace.clone(), kind, name: name.to_owned() })
    })
}

#[cfg(test)]
mod tests;
