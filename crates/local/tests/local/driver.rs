//! The local site as a platform like any other: watched, read, and changed as it was confirmed.

use std::ffi::OsStr;

use domain::{
    health::{Rollout, rollout},
    local_service::LocalServiceSpec,
    service::{Container, WorkloadKind},
    variable::{Given, Opened, OpenedValue, Reported},
    workload::{PodFacts, WorkloadFacts, WorkloadKey},
};
use futures::StreamExt;
use local::{Driver, Observed, Process};
use platform::{ImageChange, Platform, Scope, SetImages, Snapshot, VariableChange, WatchEvent};

use crate::support::{App, cart, is_settled, processes, script, sleeping};

fn key() -> WorkloadKey {
    WorkloadKey { namespace: "shop-dev".into(), kind: WorkloadKind::Deployment, name: "cart".into() }
}

fn app(tag: &str) -> Vec<Container> {
    let image = format!("shop/cart:{tag}");
    vec![Container { name: "app".into(), init: false, image, running_digest: None }]
}

fn change(workload: &WorkloadFacts, to: &str, deployment: &str) -> ImageChange {
    ImageChange {
        uid: workload.uid.clone(),
        from: workload.containers.clone(),
        to: app(to),
        variables: None,
        scale: None,
        deployment: deployment.into(),
        seen: None,
        back: false,
    }
}

/// What a watch knows, kept as the observer keeps it.
#[derive(Default)]
struct Known {
    workload: Option<WorkloadFacts>,
    pods: Vec<PodFacts>,
}

impl Known {
    fn take(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Listed { kind: WorkloadKind::Deployment, workloads, .. } => {
                self.workload = workloads.into_iter().next();
            }
            WatchEvent::ListedPods { pods, .. } => self.pods = pods,
            WatchEvent::Changed(workload) => self.workload = Some(workload),
            WatchEvent::Gone(_) => self.workload = None,
            WatchEvent::PodChanged(pod) => {
                self.pods.retain(|known| known.name != pod.name);
                self.pods.push(pod);
            }
            WatchEvent::PodGone { name, .. } => self.pods.retain(|known| known.name != name),
            _ => {}
        }
    }

    fn rollout(&self) -> Option<Rollout> {
        self.workload.as_ref().map(|workload| rollout(workload, &self.pods))
    }
}

#[tokio::test]
async fn a_sync_moves_a_version_as_it_was_confirmed() {
    let app = App::new().await;
    let driver = Driver::new(app.site.clone().unwrap());
    app.site().put(&cart(), sleeping("1.0", 2), None, 0).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
    assert_eq!(driver.clusters().await.unwrap()[0].name, "here");
    assert_eq!(driver.namespaces("here").await.unwrap()[0].name, "shop-dev");
    assert!(driver.namespaces("elsewhere").await.is_err());

    let mut watch = driver.watch("here", Scope::Cluster);
    let mut known = Known::default();
    while known.pods.len() < 2 {
        known.take(watch.next().await.unwrap());
    }
    assert_eq!(known.rollout(), Some(Rollout::Done));
    let confirmed = driver.workload("here", &key()).await.unwrap().unwrap().workload;
    assert_eq!(Some(&confirmed), known.workload.as_ref());

    let to = change(&confirmed, "1.1", "sync-1");
    assert_eq!(driver.set_images("here", &key(), &to, true).await.unwrap(), SetImages::Accepted);
    assert_eq!(driver.set_images("here", &key(), &to, false).await.unwrap(), SetImages::Accepted);
    assert_eq!(driver.set_images("here", &key(), &to, false).await.unwrap(), SetImages::AlreadyThere);
    let is_there = |known: &Known| {
        let moved =
            known.workload.as_ref().is_some_and(|workload| workload.containers[0].image == "shop/cart:1.1");
        moved && known.rollout() == Some(Rollout::Done)
    };
    while !is_there(&known) {
        known.take(watch.next().await.unwrap());
    }
    assert!(known.pods.iter().all(|pod| pod.has("app", "shop/cart:1.1")), "{:?}", known.pods);
    let late = change(&confirmed, "1.2", "sync-2");
    let refused = driver.set_images("here", &key(), &late, false).await.unwrap();
    assert!(
        matches!(&refused, SetImages::Changed(words) if words.contains("not shop/cart:1.0")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_version_that_keeps_ending_is_said_to_in_words() {
    let app = App::new().await;
    let driver = Driver::new(app.site.clone().unwrap());
    let missing = LocalServiceSpec { program: "/no/such/cart-{version}".into(), ..script("", "1.0", 1) };
    app.site().put(&cart(), missing, None, 0).unwrap();
    let words = failure(&driver).await;
    assert!(words.contains("/no/such/cart-1.0"), "{words}");
}

#[tokio::test]
async fn a_version_that_is_never_ready_has_failed_once_it_has_had_its_time() {
    let app = App::new().await;
    let driver = Driver::new(app.site.clone().unwrap());
    let slow = LocalServiceSpec { ready_after_ms: 1_000_000, deadline_ms: 500, ..sleeping("1.0", 1) };
    app.site().put(&cart(), slow, None, 0).unwrap();
    assert_eq!(failure(&driver).await, "container app is not ready");
    let failure = app.site().service(&cart()).unwrap().failure;
    assert_eq!(failure.as_deref(), Some("not ready within 0.5 s"));
}

#[tokio::test]
async fn a_change_is_not_done_before_it_was_looked_at() {
    let app = App::new().await;
    let driver = Driver::new(app.site.clone().unwrap());
    let done = async || {
        let Snapshot { workload, pods } = driver.workload("here", &key()).await.unwrap().unwrap();
        rollout(&workload, &pods) == Rollout::Done
    };
    app.site().put(&cart(), sleeping("1.0", 1), None, 0).unwrap();
    app.settled(&cart(), "shop/cart:1.0").await;
    assert!(done().await);
    app.site().put(&cart(), sleeping("1.1", 1), None, 1).unwrap();
    assert!(!done().await);
}

/// Why the cart's rollout has failed, once it has.
async fn failure(driver: &Driver) -> String {
    let mut watch = driver.watch("here", Scope::Namespaces(vec!["shop-dev".into()]));
    let mut known = Known::default();
    loop {
        match known.rollout() {
            Some(Rollout::Failed(words)) => return words,
            _ => known.take(watch.next().await.unwrap()),
        }
    }
}

#[tokio::test]
async fn variables_alone_replace_the_replicas_and_come_back() {
    let app = App::new().await;
    let driver = Driver::new(app.site.clone().unwrap());
    let mut service = script("exec sleep 1000", "1.0", 1);
    service.variables.insert("LEVEL".into(), "defined".into());
    app.site().put(&cart(), service.clone(), None, 0).unwrap();
    let first = processes(&app.settled(&cart(), "shop/cart:1.0").await);
    let confirmed = driver.workload("here", &key()).await.unwrap().unwrap().workload;
    let none = Some(Reported::Texts(Given::default()));
    assert_eq!(confirmed.variables, none, "what it is defined with is its own");

    let given = |level: &str| Opened([("LEVEL".to_owned(), OpenedValue::Plain(level.to_owned()))].into());
    let variables = Some(VariableChange { from: Opened::default(), to: given("set") });
    let forth = ImageChange { variables, ..change(&confirmed, "1.0", "deploy-1") };
    let replaced = async |before: &[Process], level: &str| {
        let is_other = |observed: &Observed| {
            let now = processes(observed);
            is_settled(observed, "shop/cart:1.0") && now.iter().all(|process| !before.contains(process))
        };
        let now = processes(&app.until(&cart(), is_other, |_| {}).await);
        let environment = procfs::process::Process::new(now[0].pid).unwrap().environ().unwrap();
        assert_eq!(environment[OsStr::new("LEVEL")].to_str(), Some(level));
        now
    };
    let set = async |change: &ImageChange| driver.set_images("here", &key(), change, false).await.unwrap();
    assert_eq!(set(&forth).await, SetImages::Accepted);
    assert_eq!(set(&forth).await, SetImages::AlreadyThere);
    let second = replaced(&first, "set").await;

    let stored = app.site().service(&cart()).unwrap().service;
    let other = LocalServiceSpec { grace_ms: 9_000, ..service };
    let kept = app.site().put(&cart(), other, Some("deploy-1".into()), stored.generation).unwrap();
    assert_eq!(kept.variables, given("set").texts(), "another definition leaves them");
    let third = replaced(&second, "set").await;

    let variables = Some(VariableChange { from: given("set"), to: Opened::default() });
    let back = ImageChange { variables, back: true, ..forth };
    assert_eq!(set(&back).await, SetImages::Accepted);
    assert_eq!(set(&back).await, SetImages::AlreadyThere);
    replaced(&third, "defined").await;
}
