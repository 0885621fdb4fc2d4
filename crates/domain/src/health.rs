//! How a workload is, and how far its rollout has come. The rules are those of the Kubernetes documentation
//! ("Deployment status", "StatefulSet: update strategies", "DaemonSet: perform a rolling update").

use crate::{
    service::{Container, ServiceStatus, WorkloadKind},
    workload::{PodContainer, PodFacts, WorkloadFacts},
};

/// A status and, where it is not plainly running or stopped, the reason in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// How it is.
    pub status: ServiceStatus,
    /// Why.
    pub reason: Option<String>,
}

/// How far a rollout has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Rollout {
    /// Every replica is of the new version and available, and no old one is left.
    Done,
    /// Under way, with words for people.
    Progressing(String),
    /// The platform has given up, with the reason a person needs.
    Failed(String),
}

/// How a workload is.
pub fn assess(workload: &WorkloadFacts, pods: &[PodFacts]) -> Health {
    let health = |status, reason| Health { status, reason };
    if workload.key.kind == WorkloadKind::CronJob {
        return match workload.suspended {
            true => health(ServiceStatus::Stopped, Some("suspended".into())),
            false => match pods.iter().filter(|pod| !pod.deleting).find_map(stuck) {
                Some(reason) => health(ServiceStatus::Degraded, Some(reason)),
                None => health(ServiceStatus::Running, None),
            },
        };
    }
    if workload.desired == 0 && workload.total == 0 {
        return health(ServiceStatus::Stopped, Some("scaled to 0".into()));
    }
    match rollout(workload, pods) {
        Rollout::Done => health(ServiceStatus::Running, None),
        Rollout::Failed(reason) if workload.available > 0 => health(ServiceStatus::Degraded, Some(reason)),
        Rollout::Failed(reason) => health(ServiceStatus::Failed, Some(reason)),
        Rollout::Progressing(words) => match trouble(pods) {
            Some(reason) if workload.available > 0 => health(ServiceStatus::Degraded, Some(reason)),
            Some(reason) => health(ServiceStatus::Failed, Some(reason)),
            None if rolled_out(workload) => health(ServiceStatus::Degraded, Some(words)),
            None => health(ServiceStatus::Progressing, Some(words)),
        },
    }
}

/// How far a rollout has come, by the platform's own measure.
pub fn rollout(workload: &WorkloadFacts, pods: &[PodFacts]) -> Rollout {
    if workload.key.kind == WorkloadKind::CronJob {
        return Rollout::Done;
    }
    if workload.observed_generation < workload.generation {
        return Rollout::Progressing("waiting for the controller to see the change".into());
    }
    if let Some(words) = &workload.gave_up {
        return Rollout::Failed(trouble(pods).unwrap_or_else(|| words.clone()));
    }
    if !rolled_out(workload) {
        let words =
            format!("{} of {} replicas updated", workload.updated.min(workload.desired), workload.desired);
        return Rollout::Progressing(with_trouble(words, pods));
    }
    if workload.total > workload.updated {
        let old = workload.total - workload.updated;
        let words = format!("{old} old {} still to go", plural(old, "replica", "replicas"));
        return Rollout::Progressing(with_trouble(words, pods));
    }
    if workload.available < workload.desired {
        let words = format!("{} of {} replicas available", workload.available, workload.desired);
        return Rollout::Progressing(with_trouble(words, pods));
    }
    Rollout::Done
}

/// Every wanted replica has been replaced, healthy or not.
fn rolled_out(workload: &WorkloadFacts) -> bool {
    workload.updated >= workload.desired && workload.revisions_agree
}

fn plural<'a>(count: i32, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn with_trouble(words: String, pods: &[PodFacts]) -> String {
    match trouble(pods) {
        Some(reason) => format!("{words}: {reason}"),
        None => words,
    }
}

/// What keeps a pod from being ready, in words; the newest troubled pod's.
pub fn trouble(pods: &[PodFacts]) -> Option<String> {
    let mut troubled: Vec<(&str, String)> = pods
        .iter()
        .filter(|pod| !pod.deleting && !pod.ready)
        .filter_map(|pod| pod_trouble(pod).map(|words| (pod.created.as_str(), words)))
        .collect();
    troubled.sort();
    troubled.pop().map(|(_, words)| words)
}

fn pod_trouble(pod: &PodFacts) -> Option<String> {
    if let Some(words) = stuck(pod) {
        return Some(words);
    }
    let unready = pod.containers.iter().find(|container| !container.ready && container.waiting.is_none())?;
    (pod.phase == "Running").then(|| match &unready.message {
        Some(message) => format!("container {} is not ready: {message}", unready.name),
        None => format!("container {} is not ready", unready.name),
    })
}

/// What keeps a pod from ever starting, as it looks.
fn stuck(pod: &PodFacts) -> Option<String> {
    let unschedulable = pod.unschedulable.as_ref().map(|words| format!("unschedulable: {words}"));
    unschedulable.or_else(|| pod.containers.iter().find_map(container_trouble))
}

fn container_trouble(container: &PodContainer) -> Option<String> {
    let PodContainer { name, image, restarts, .. } = container;
    let words = match container.waiting.as_deref()? {
        "ImagePullBackOff" | "ErrImagePull" | "ErrImageNeverPull" => {
            format!("image {image} cannot be pulled")
        }
        "InvalidImageName" => format!("{image} is no valid image name"),
        "CrashLoopBackOff" => {
            format!(
                "crash loop: container {name} was started {restarts} {} again",
                plural(*restarts, "time", "times")
            )
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            format!("container {name} cannot be created")
        }
        _ => return None,
    };
    Some(match &container.message {
        // Of a back-off the kubelet says only that it is one.
        Some(message) if !message.is_empty() && !message.to_lowercase().starts_with("back-off") => {
            format!("{words}: {message}")
        }
        _ => words,
    })
}

/// The workload's containers with the digests its newest ready pods run.
pub fn with_digests(containers: &[Container], pods: &[PodFacts]) -> Vec<Container> {
    let mut pods: Vec<&PodFacts> = pods.iter().filter(|pod| !pod.deleting).collect();
    pods.sort_by(|a, b| (a.ready, &a.created).cmp(&(b.ready, &b.created)).reverse());
    containers
        .iter()
        .map(|container| {
            let digest = pods
                .iter()
                .flat_map(|pod| &pod.containers)
                .filter(|running| {
                    running.name == container.name && same_image(&running.image, &container.image)
                })
                .find_map(|running| running.digest.clone());
            Container { running_digest: digest, ..container.clone() }
        })
        .collect()
}

/// A runtime may spell an image out in full (`docker.io/library/web:v1` for `web:v1`).
fn same_image(running: &str, wanted: &str) -> bool {
    running == wanted || running.ends_with(&format!("/{wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::WorkloadKey;

    fn deployment(desired: i32, updated: i32, total: i32, available: i32) -> WorkloadFacts {
        WorkloadFacts {
            key: WorkloadKey { namespace: "n".into(), kind: WorkloadKind::Deployment, name: "web".into() },
            uid: "u".into(),
            resource_version: "1".into(),
            generation: 2,
            observed_generation: 2,
            desired,
            total,
            updated,
            available,
            suspended: false,
            gave_up: None,
            revisions_agree: true,
            containers: vec![],
            manager: None,
            variables: None,
            deployment: None,
            deleting: false,
        }
    }

    fn waiting(reason: &str) -> PodFacts {
        PodFacts {
            namespace: "n".into(),
            name: "web-1".into(),
            owner: None,
            created: "2026-01-01T00:00:00Z".into(),
            phase: "Pending".into(),
            ready: false,
            deleting: false,
            unschedulable: None,
            containers: vec![PodContainer {
                name: "app".into(),
                image: "web:9".into(),
                digest: None,
                ready: false,
                waiting: Some(reason.into()),
                message: None,
                restarts: 3,
            }],
        }
    }

    #[test]
    fn an_unseen_generation_is_never_done() {
        let mut workload = deployment(2, 2, 2, 2);
        assert_eq!(rollout(&workload, &[]), Rollout::Done);
        workload.observed_generation = 1;
        assert!(matches!(rollout(&workload, &[]), Rollout::Progressing(_)));
    }

    #[test]
    fn old_replicas_keep_a_rollout_going() {
        assert!(
            matches!(rollout(&deployment(2, 2, 3, 3), &[]), Rollout::Progressing(words) if words == "1 old replica still to go")
        );
    }

    #[test]
    fn the_reason_on_the_pods_is_told() {
        let failed = assess(&deployment(1, 1, 1, 0), &[waiting("ImagePullBackOff")]);
        assert_eq!(failed.status, ServiceStatus::Failed);
        assert_eq!(failed.reason.as_deref(), Some("image web:9 cannot be pulled"));
        let degraded = assess(&deployment(2, 2, 2, 1), &[waiting("CrashLoopBackOff")]);
        assert_eq!(degraded.status, ServiceStatus::Degraded);
        assert_eq!(degraded.reason.as_deref(), Some("crash loop: container app was started 3 times again"));
    }

    #[test]
    fn a_cron_job_is_degraded_by_a_pod_that_cannot_start() {
        let mut cron = deployment(0, 0, 0, 0);
        cron.key.kind = WorkloadKind::CronJob;
        assert_eq!(assess(&cron, &[]).status, ServiceStatus::Running);
        let degraded = assess(&cron, &[waiting("ImagePullBackOff")]);
        assert_eq!(degraded.status, ServiceStatus::Degraded);
        assert_eq!(degraded.reason.as_deref(), Some("image web:9 cannot be pulled"));
    }

    #[test]
    fn giving_up_is_a_failure_with_the_pods_words() {
        let mut workload = deployment(2, 1, 3, 2);
        workload.gave_up = Some("deadline exceeded".into());
        assert_eq!(rollout(&workload, &[]), Rollout::Failed("deadline exceeded".into()));
        assert_eq!(
            rollout(&workload, &[waiting("ErrImagePull")]),
            Rollout::Failed("image web:9 cannot be pulled".into())
        );
        assert_eq!(assess(&workload, &[]).status, ServiceStatus::Degraded);
    }

    #[test]
    fn scaled_to_nothing_is_stopped() {
        assert_eq!(assess(&deployment(0, 0, 0, 0), &[]).status, ServiceStatus::Stopped);
    }
}
