use serde_json::{Value, json};

use super::*;

fn read(kind: WorkloadKind, object: Value) -> WorkloadFacts {
    workload(&kind, serde_json::from_value(object).unwrap())
}

fn template() -> Value {
    json!({"metadata": {"creationTimestamp": null}, "spec": {
        "initContainers": [{"name": "migrate", "image": "shop/migrate:1"}],
        "containers": [{"name": "app", "image": "shop/web:1"}, {"name": "proxy", "image": "mesh/proxy:2"}],
    }})
}

#[test]
fn a_deployment_is_read() {
    let facts = read(
        WorkloadKind::Deployment,
        json!({
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "42", "generation": 3,
                "annotations": {"lockstep.dev/deployment": "d-7"}, "labels": null, "managedFields": [{"manager": "x"}],
            },
            "spec": {"replicas": 3, "template": template()},
            "status": {"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "availableReplicas": 3},
        }),
    );
    assert_eq!(facts.key.to_string(), "Deployment shop/web");
    assert_eq!((facts.generation, facts.observed_generation), (3, 2));
    assert_eq!((facts.desired, facts.total, facts.updated, facts.available), (3, 4, 1, 3));
    assert_eq!(facts.deployment.as_deref(), Some("d-7"));
    let names: Vec<(&str, bool)> = facts.containers.iter().map(|it| (it.name.as_str(), it.init)).collect();
    assert_eq!(names, [("app", false), ("proxy", false), ("migrate", true)]);
    assert!(facts.gave_up.is_none() && facts.revisions_agree);
}

#[test]
fn what_is_left_out_has_its_default() {
    let facts = read(WorkloadKind::Deployment, json!({"metadata": {"name": "web"}, "spec": {}}));
    assert_eq!((facts.desired, facts.total, facts.available), (1, 0, 0));
}

#[test]
fn a_controller_that_has_given_up_says_why() {
    let late = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"});
    let quota = json!({"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"});
    let of = |conditions: Value| {
        read(WorkloadKind::Deployment, json!({"status": {"conditions": conditions}})).gave_up
    };
    assert_eq!(of(json!([late])).as_deref(), Some("late"));
    assert_eq!(of(json!([late, quota])).as_deref(), Some("exceeded quota"));
    assert_eq!(of(json!([quota])), None, "it may still come");
}

#[test]
fn a_stateful_set_of_an_old_server_counts_ready_replicas() {
    let of =
        |status: Value| read(WorkloadKind::StatefulSet, json!({"spec": {"replicas": 2}, "status": status}));
    assert_eq!(of(json!({"readyReplicas": 2})).available, 2);
    assert_eq!(of(json!({"readyReplicas": 2, "availableReplicas": 0})).available, 0);
    let moving =
        of(json!({"replicas": 2, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"}));
    assert!(!moving.revisions_agree);
}

#[test]
fn an_update_strategy_that_waits_for_a_person_says_so() {
    let of = |strategy: Value, updated: i32| {
        let status =
            json!({"replicas": 3, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"});
        read(
            WorkloadKind::StatefulSet,
            json!({"spec": {"replicas": 3, "updateStrategy": strategy}, "status": status}),
        )
    };
    assert!(of(json!({"type": "OnDelete"}), 1).gave_up.unwrap().contains("OnDelete"));
    let replaced = of(json!({"type": "OnDelete"}), 3);
    assert!(replaced.gave_up.is_none() && replaced.revisions_agree);
    let partition = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    assert!(of(partition.clone(), 0).gave_up.is_none(), "the pods above the partition are still to come");
    assert!(of(partition, 1).gave_up.unwrap().contains("partition 2"));
}

#[test]
fn daemon_sets_and_cron_jobs_count_otherwise() {
    let daemon = read(
        WorkloadKind::DaemonSet,
        json!({"status": {"desiredNumberScheduled": 5, "currentNumberScheduled": 4, "updatedNumberScheduled": 3,
            "numberAvailable": 2}}),
    );
    assert_eq!((daemon.desired, daemon.total, daemon.updated, daemon.available), (5, 4, 3, 2));
    let cron = read(
        WorkloadKind::CronJob,
        json!({"metadata": {"generation": 4}, "spec": {"suspend": true, "jobTemplate": {"spec": {"template": template()}}}}),
    );
    assert!(cron.suspended);
    assert_eq!((cron.desired, cron.containers.len(), cron.observed_generation), (1, 3, 4));
}

#[test]
fn owners_are_told_and_helm_gives_way() {
    let of = |labels: Value, annotations: Value| {
        read(WorkloadKind::Deployment, json!({"metadata": {"labels": labels, "annotations": annotations}}))
            .manager
    };
    let helm = json!({"app.kubernetes.io/managed-by": "Helm"});
    assert_eq!(of(helm.clone(), json!({})), Some(Manager::Helm));
    assert_eq!(of(helm.clone(), json!({"argocd.argoproj.io/tracking-id": "x"})), Some(Manager::ArgoCd));
    assert_eq!(of(json!({"helm.toolkit.fluxcd.io/name": "x"}), json!({})), Some(Manager::Flux));
    assert_eq!(of(helm, json!({"objectset.rio.cattle.io/owner-name": "x"})), Some(Manager::Fleet));
    assert_eq!(of(json!({"app.kubernetes.io/instance": "x"}), json!({})), None);
}

#[test]
fn a_pod_tells_what_it_waits_for() {
    let facts = pod(serde_json::from_value(json!({
        "metadata": {
            "name": "web-5d9c-abc", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"pod-template-hash": "5d9c"}, "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d9c"}],
        },
        "spec": template()["spec"],
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "Ready", "status": "False"},
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}],
            "initContainerStatuses": [{"name": "migrate", "imageID": "docker-pullable://shop/migrate@sha256:a",
                "ready": true, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}],
            "containerStatuses": [{"name": "app", "imageID": "", "ready": false, "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}}}],
        },
    })).unwrap());
    assert_eq!(facts.owner.unwrap().to_string(), "Deployment shop/web");
    assert_eq!(facts.unschedulable.as_deref(), Some("0/3 nodes"));
    let [app, proxy, migrate] = facts.containers.as_slice() else { panic!("three containers") };
    assert_eq!((app.waiting.as_deref(), app.restarts), (Some("CrashLoopBackOff"), 4));
    assert!(!proxy.ready && proxy.waiting.is_none(), "it has no status yet");
    assert_eq!((migrate.digest.as_deref(), migrate.ready), (Some("sha256:a"), true));
}

#[test]
fn pods_find_their_workload_by_name() {
    let of = |kind: &str, name: &str, hash: &str| {
        let metadata = json!({"namespace": "n", "labels": {"pod-template-hash": hash},
            "ownerReferences": [{"kind": kind, "name": name}]});
        owner(&serde_json::from_value(metadata).unwrap()).map(|key| key.to_string())
    };
    assert_eq!(of("ReplicaSet", "my-web-77f", "77f").as_deref(), Some("Deployment n/my-web"));
    assert_eq!(of("ReplicaSet", "by-hand", "77f"), None);
    assert_eq!(of("StatefulSet", "db", "").as_deref(), Some("StatefulSet n/db"));
    assert_eq!(of("Job", "report-28412345", "").as_deref(), Some("CronJob n/report"));
    assert_eq!(of("Job", "migrate-once", ""), None);
}
