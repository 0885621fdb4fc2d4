//! One suite for every cluster the driver speaks to: simulated ones behind a stand-in Rancher, and a real one where
//! `KUBECONFIG` names it.

use std::panic::AssertUnwindSafe;

use crate::target::{Target, wait_for};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    cluster::ClusterState,
    replicas::ReplicaChange,
    secret::Secret,
    service::WorkloadKind,
    variable::{Opened, OpenedValue},
};
use futures::FutureExt;
use platform::{
    DEPLOYMENT_ANNOTATION, Error, ImageChange, Scope, SetImages, VARIABLES_ANNOTATION, VariableChange,
    WatchEvent,
};

#[tokio::test]
async fn on_a_simulated_cluster() {
    let server = standin::start(standin::Options::default()).await.unwrap();
    run(Target::stand_in(&server).await).await;
    server.shutdown().await;
}

#[tokio::test]
async fn on_a_real_cluster() {
    match Target::real().await {
        Some(target) => run(target).await,
        None => eprintln!("skipped: KUBECONFIG names no cluster"),
    }
}

/// Runs the suite and removes what it made, also after a failure.
async fn run(target: Target) {
    let outcome = AssertUnwindSafe(suite(&target)).catch_unwind().await;
    target.clean_up().await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure);
    }
}

async fn suite(target: &Target) {
    the_connection_is_good(target).await;
    what_is_there_is_listed(target).await;
    what_there_is_and_what_is_taken_is_told(target).await;
    a_workload_is_read_with_its_pods(target).await;
    a_dry_run_changes_nothing(target).await;
    only_the_image_moves_and_only_once(target).await;
    what_was_seen_saves_a_read_and_is_never_trusted_when_old(target).await;
    variables_stand_in_the_manifest_and_secret_ones_in_a_secret(target).await;
    replicas_are_as_confirmed_like_images(target).await;
    what_others_changed_is_refused(target).await;
    a_watch_sees_what_happens(target).await;
    what_is_gone_is_not_found(target).await;
}

async fn what_there_is_and_what_is_taken_is_told(target: &Target) {
    let found = target.platform.capacity(&target.cluster).await.unwrap();
    assert!(found.nodes.is_some_and(|nodes| nodes > 0), "{found:?}");
    for part in [found.cpu, found.memory, found.pods.unwrap()] {
        assert!(part.total > 0 && part.taken.is_some_and(|taken| taken <= part.total), "{found:?}");
    }
}

async fn the_connection_is_good(target: &Target) {
    let test = target.platform.test(&|_| {}).await;
    assert!(test.success, "{test:#?}");
    assert_eq!(test.checks.len(), 8);
    assert!(test.server_version.is_some());
}

async fn what_is_there_is_listed(target: &Target) {
    let clusters = target.platform.clusters().await.unwrap();
    let cluster = clusters.iter().find(|cluster| cluster.external_id == target.cluster).unwrap();
    assert_eq!(cluster.state, ClusterState::Active);
    assert!(cluster.kubernetes_version.as_deref().is_some_and(|version| version.starts_with('v')));
    let namespaces = target.platform.namespaces(&target.cluster).await.unwrap();
    assert!(namespaces.iter().any(|namespace| namespace.name == target.namespace));
    assert!(namespaces.is_sorted_by(|a, b| a.name < b.name));
    let uid = target.platform.namespace_uid(&target.cluster, &target.namespace).await.unwrap();
    assert!(uid.is_some_and(|uid| !uid.is_empty()));
    assert_eq!(target.platform.namespace_uid(&target.cluster, "no-such-namespace").await.unwrap(), None);
    assert!(target.platform.may_list_everything(&target.cluster).await.unwrap());
}

async fn a_workload_is_read_with_its_pods(target: &Target) {
    let mut events =
        target.platform.watch(&target.cluster, Scope::Namespaces(vec![target.namespace.clone()]));
    wait_for(&mut events, |event| match event {
        WatchEvent::PodChanged(pod) => (pod.owner == Some(target.web())).then_some(()),
        WatchEvent::ListedPods { pods, .. } => {
            pods.iter().any(|pod| pod.owner == Some(target.web())).then_some(())
        }
        _ => None,
    })
    .await;
    let snapshot = target.platform.workload(&target.cluster, &target.web()).await.unwrap().unwrap();
    assert_eq!(snapshot.workload.desired, 1);
    assert_eq!(snapshot.pods.len(), 1);
    assert_eq!(snapshot.pods[0].containers[0].image, "web:v1");
}

async fn a_dry_run_changes_nothing(target: &Target) {
    let change = target.change_to("web:v2", "d-1").await;
    let before = target.object().await;
    let outcome = target.platform.set_images(&target.cluster, &target.web(), &change, true).await.unwrap();
    assert_eq!(outcome, SetImages::Accepted);
    let after = target.object().await;
    assert_eq!((before.spec, before.metadata.generation), (after.spec, after.metadata.generation));
}

async fn only_the_image_moves_and_only_once(target: &Target) {
    let change = target.change_to("web:v2", "d-1").await;
    let before = target.object().await;
    let web = target.web();
    let apply = || target.platform.set_images(&target.cluster, &web, &change, false);
    assert_eq!(apply().await.unwrap(), SetImages::Accepted);
    assert_eq!(apply().await.unwrap(), SetImages::AlreadyThere);
    let after = target.object().await;
    assert_eq!(after.metadata.annotations.unwrap()[DEPLOYMENT_ANNOTATION], "d-1");
    let mut expected = before.spec.unwrap();
    expected.template.spec.as_mut().unwrap().containers[0].image = Some("web:v2".into());
    assert_eq!(after.spec.unwrap(), expected);
}

async fn what_was_seen_saves_a_read_and_is_never_trusted_when_old(target: &Target) {
    let seen = |snapshot: Option<platform::Snapshot>| snapshot.map(|snapshot| snapshot.workload);
    let web = target.web();
    let read = || target.platform.workload(&target.cluster, &web);
    let old = seen(read().await.unwrap());
    let change = target.change_to("web:v3", "d-3").await;
    let fresh = platform::ImageChange { seen: seen(read().await.unwrap()), ..change };
    let apply =
        async |change| target.platform.set_images(&target.cluster, &web, &change, false).await.unwrap();
    assert_eq!(apply(fresh.clone()).await, SetImages::Accepted);
    let late = platform::ImageChange { seen: old, ..fresh };
    assert_eq!(apply(late).await, SetImages::AlreadyThere, "seen before it moved on");
    assert_eq!(apply(target.change_to("web:v2", "d-4").await).await, SetImages::Accepted);
}

async fn variables_stand_in_the_manifest_and_secret_ones_in_a_secret(target: &Target) {
    let web = target.web();
    let now = target.change_to("web:v2", "d-5").await;
    let set = async |deployment: &str, from: &Opened, to: &Opened, back: bool, dry_run: bool| {
        let variables = Some(VariableChange { from: from.clone(), to: to.clone() });
        let change = ImageChange { variables, deployment: deployment.into(), back, ..now.clone() };
        target.platform.set_images(&target.cluster, &web, &change, dry_run).await
    };
    let secret = |fingerprint: u8, text: Option<&str>| OpenedValue::Secret {
        fingerprint: STANDARD.encode([fingerprint; 32]),
        text: text.map(Secret::new),
    };
    let level = || ("LEVEL".to_owned(), OpenedValue::Plain("as $(KEPT) and $1".into()));
    let token = |value: OpenedValue| ("TOKEN".to_owned(), value);
    let (none, both) = (Opened::default(), Opened([level(), token(secret(1, Some("hunter2")))].into()));

    assert_eq!(set("d-5", &none, &both, false, true).await.unwrap(), SetImages::Accepted);
    assert_eq!((target.env().await.len(), target.secret_values().await), (1, None), "it was only tried");
    assert_eq!(set("d-5", &none, &both, false, false).await.unwrap(), SetImages::Accepted);
    assert_eq!(set("d-5", &none, &both, false, false).await.unwrap(), SetImages::AlreadyThere);
    let env = target.env().await;
    let value = |name: &str| env[name].value.clone().unwrap_or_default();
    assert_eq!([value("KEPT"), value("LEVEL"), value("TOKEN")], ["yes", "as $$(KEPT) and $$1", ""]);
    let reference = env["TOKEN"].value_from.clone().unwrap().secret_key_ref.unwrap();
    assert_eq!(target.secret_values().await.unwrap()[&reference.key], b"hunter2");
    let object = target.object().await;
    assert!(object.metadata.annotations.unwrap()[VARIABLES_ANNOTATION].contains("TOKEN"));
    let read = target.platform.workload(&target.cluster, &web).await.unwrap().unwrap().workload;
    assert!(read.variables.as_ref().is_some_and(|reported| reported.are(&both)), "{:?}", read.variables);

    let other = Opened([level()].into());
    let refused = set("d-6", &other, &none, false, false).await.unwrap();
    assert!(matches!(refused, SetImages::Changed(words) if words.contains("other variables")));
    let open = Opened([token(OpenedValue::Plain("seen".into()))].into());
    assert_eq!(set("d-6", &both, &open, false, false).await.unwrap(), SetImages::Accepted);
    let env = target.env().await;
    assert_eq!((env["TOKEN"].value.as_deref(), env.contains_key("LEVEL")), (Some("seen"), false));
    assert!(env["TOKEN"].value_from.is_none());

    // Its text is in the Secret alone by now, and is found there again.
    let kept = Opened([level(), token(secret(1, None))].into());
    assert_eq!(set("d-6", &open, &kept, true, false).await.unwrap(), SetImages::Accepted);
    assert_eq!(target.secret_values().await.unwrap()[&reference.key], b"hunter2");
    let lost = Opened([token(secret(2, None))].into());
    let refused = set("d-7", &kept, &lost, false, true).await;
    assert!(matches!(refused, Err(Error::Rejected(words)) if words.contains("TOKEN")));
    assert_eq!(set("d-7", &kept, &none, false, false).await.unwrap(), SetImages::Accepted);
    assert_eq!(target.env().await.keys().collect::<Vec<_>>(), ["KEPT"]);
    assert!(!target.object().await.metadata.annotations.unwrap().contains_key(VARIABLES_ANNOTATION));
}

async fn replicas_are_as_confirmed_like_images(target: &Target) {
    let web = target.web();
    let now = target.change_to("web:v2", "d-8").await;
    let scale = async |from: u32, to: u32, back: bool| {
        let change = ImageChange { scale: Some(ReplicaChange { from, to }), back, ..now.clone() };
        target.platform.set_images(&target.cluster, &web, &change, false).await.unwrap()
    };
    assert_eq!(scale(1, 2, false).await, SetImages::Accepted);
    assert_eq!(scale(1, 2, false).await, SetImages::AlreadyThere);
    assert_eq!(target.object().await.spec.unwrap().replicas, Some(2));
    let refused = scale(3, 1, true).await;
    assert!(matches!(refused, SetImages::Changed(words) if words.contains("2 replicas")));
    assert_eq!(scale(2, 1, true).await, SetImages::Accepted);
    assert_eq!(target.object().await.spec.unwrap().replicas, Some(1));
}

async fn what_others_changed_is_refused(target: &Target) {
    let change = target.change_to("web:v3", "d-2").await;
    target.others_move_to("web:v2.1").await;
    let outcome = target.platform.set_images(&target.cluster, &target.web(), &change, false).await.unwrap();
    assert_eq!(outcome, SetImages::Changed("app now runs web:v2.1, not web:v2 as confirmed".into()));
    let stranger = platform::ImageChange { uid: "another".into(), ..change };
    let outcome = target.platform.set_images(&target.cluster, &target.web(), &stranger, true).await.unwrap();
    assert!(matches!(outcome, SetImages::Changed(words) if words.contains("made again")));
}

async fn a_watch_sees_what_happens(target: &Target) {
    let mut events = target.platform.watch(&target.cluster, Scope::Cluster);
    let mut listed = Vec::new();
    wait_for(&mut events, |event| match event {
        WatchEvent::Listed { kind, workloads, namespace } => {
            let holds_web = workloads.iter().any(|facts| facts.key == target.web());
            assert_eq!((holds_web, namespace), (kind == WorkloadKind::Deployment, None));
            listed.push(kind);
            (listed.len() == WorkloadKind::ALL.len()).then_some(())
        }
        WatchEvent::Lost(words) => panic!("{words}"),
        _ => None,
    })
    .await;
    target.others_move_to("web:v4").await;
    wait_for(&mut events, |event| match event {
        WatchEvent::Changed(facts) if facts.key == target.web() => {
            (facts.containers[0].image == "web:v4").then_some(())
        }
        WatchEvent::Listed { kind: WorkloadKind::Deployment, .. } => {
            panic!("it goes on and does not list again")
        }
        _ => None,
    })
    .await;
    target.others_delete().await;
    wait_for(&mut events, |event| match event {
        WatchEvent::Gone(key) => (key == target.web()).then_some(()),
        _ => None,
    })
    .await;
}

async fn what_is_gone_is_not_found(target: &Target) {
    let (platform, cluster) = (&target.platform, target.cluster.as_str());
    assert!(platform.workload(cluster, &target.web()).await.unwrap().is_none());
    let cron = domain::workload::WorkloadKey { kind: WorkloadKind::CronJob, ..target.web() };
    assert!(platform.workload(cluster, &cron).await.unwrap().is_none());
    let change = platform::ImageChange {
        uid: "u".into(),
        from: vec![],
        to: vec![],
        variables: None,
        scale: None,
        deployment: "d".into(),
        seen: None,
        back: false,
    };
    let outcome = platform.set_images(cluster, &target.web(), &change, false).await.unwrap();
    assert!(matches!(outcome, SetImages::Changed(words) if words.contains("deleted since")));
    assert!(matches!(platform.workload("c-m-none", &target.web()).await, Err(Error::NotFound(_))));
    assert!(matches!(platform.namespaces("../../v3").await, Err(Error::NotFound(_))));
}
