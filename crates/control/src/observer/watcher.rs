//! Follows one cluster and stores what changes, in batches.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    app_instance::AppInstance,
    cluster::WatchState,
    health,
    id::EnvironmentId,
    service::{Container, WorkloadKind},
    workload::{PodFacts, WorkloadFacts, WorkloadKey},
};
use futures::StreamExt;
use platform::{Scope, WatchEvent};
use rand::Rng;
use store::{ClusterTarget, ObservedService, ServiceKey};
use tokio::time::{Instant, sleep_until};

use super::{View, lock};
use crate::{Control, Error};

/// Changes are gathered this long before they are stored, so that a rollout's flurry is one write.
const GATHER: Duration = Duration::from_millis(80);
/// How often it is stored that a cluster was heard of: so exact is the time that is told when contact is lost.
const CONTACT: TimeDelta = TimeDelta::seconds(30);
/// How long to wait before a failed beginning is tried again.
const RETRY: Duration = Duration::from_secs(10);

struct Watcher {
    control: Arc<Control>,
    target: ClusterTarget,
    instances: HashMap<String, AppInstance>,
    stored: HashMap<ServiceKey, Stored>,
    view: Arc<Mutex<View>>,
    /// Lists still to come before everything is fresh.
    awaited: BTreeSet<(String, Option<String>)>,
    /// Why some kinds, in one namespace or in all, may not be listed.
    denied: BTreeMap<(WorkloadKind, Option<String>), String>,
    state: WatchState,
    /// When it was stored last that the cluster was heard of.
    heard: DateTime<Utc>,
    /// What was said of the limits when this was last marked as live.
    told: Option<String>,
}

/// What is stored of a service: enough to see that nothing has changed.
struct Stored {
    containers: Vec<Container>,
    changed_at: DateTime<Utc>,
    observed: Option<ObservedService>,
}

/// Follows a cluster until it is cancelled.
pub(super) async fn run(control: Arc<Control>, target: ClusterTarget) {
    loop {
        let error = match Watcher::begin(control.clone(), target.clone()).await {
            Ok((watcher, scope)) => watcher.follow(scope).await,
            Err(error) => error,
        };
        tracing::warn!(cluster = %target.external_id, error = &error as &dyn std::error::Error, "watch");
        let words = error.problem().detail;
        if let Err(error) = mark(&control, &target, WatchState::Stale, Some(words)).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a cluster's state cannot be stored");
        }
        // Not all at once, where many clusters went at the same moment.
        let share = rand::rng().random_range(0.5..=1.0);
        tokio::time::sleep(RETRY.mul_f64(share)).await;
    }
}

/// Records how fresh a cluster is; the time of the first loss stays.
async fn mark(
    control: &Control,
    target: &ClusterTarget,
    state: WatchState,
    message: Option<String>,
) -> Result<(), Error> {
    let found = control.store.find_clusters(Some(target.site_id), &target.id.to_string()).await?;
    let since = found.first().and_then(|cluster| cluster.stale_since.or(cluster.last_contact_at));
    let stale_since = match state {
        WatchState::Stale | WatchState::Connecting => Some(since.unwrap_or_else(Utc::now)),
        _ => None,
    };
    let mut write = control.store.write().await?;
    write.set_watch(target.id, state, stale_since, message).await?;
    write.commit().await?;
    let _ = control.observed.send(Vec::new());
    Ok(())
}

impl Watcher {
    async fn begin(control: Arc<Control>, target: ClusterTarget) -> Result<(Self, Scope), Error> {
        mark(&control, &target, WatchState::Connecting, None).await?;
        let instances: HashMap<String, AppInstance> = control
            .store
            .app_instances(None)
            .await?
            .into_iter()
            .filter(|instance| instance.cluster_id == target.id)
            .map(|instance| (instance.namespace.clone(), instance))
            .collect();
        let stored = control.store.stored_services(target.id).await?;
        let stored = stored
            .into_iter()
            .map(|(key, containers, changed_at)| (key, Stored { containers, changed_at, observed: None }))
            .collect();
        let platform = control.platform(target.site_id).await?;
        let scope = match platform.may_list_everything(&target.external_id).await? {
            true => Scope::Cluster,
            false => Scope::Namespaces(target.namespaces.clone()),
        };
        let view = control.observer.view(target.id);
        let awaited = awaited(&scope);
        let state = WatchState::Connecting;
        let denied = BTreeMap::new();
        let watcher = Self {
            control,
            target,
            instances,
            stored,
            view,
            awaited,
            denied,
            state,
            heard: Utc::now(),
            told: None,
        };
        Ok((watcher, scope))
    }

    async fn follow(mut self, scope: Scope) -> Error {
        let platform = match self.control.platform(self.target.site_id).await {
            Ok(platform) => platform,
            Err(error) => return error,
        };
        let mut events = platform.watch(&self.target.external_id, scope);
        let mut flush_at: Option<Instant> = None;
        loop {
            let outcome = tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.take(event).await,
                    None => return Error::conflict("watch_ended", "The watch has ended."),
                },
                () = sleep_until(flush_at.unwrap_or_else(Instant::now)), if flush_at.is_some() => {
                    flush_at = None;
                    self.flush().await
                }
            };
            if let Err(error) = outcome {
                return error;
            }
            if flush_at.is_none() && lock(&self.view).is_dirty() {
                flush_at = Some(Instant::now() + GATHER);
            }
        }
    }

    async fn take(&mut self, event: WatchEvent) -> Result<(), Error> {
        if !matches!(event, WatchEvent::Lost(_)) {
            self.hear().await?;
        }
        match event {
            WatchEvent::Lost(words) => {
                self.state = WatchState::Stale;
                return mark(&self.control, &self.target, WatchState::Stale, Some(words)).await;
            }
            WatchEvent::Alive if self.state == WatchState::Stale => self.state = WatchState::Connecting,
            WatchEvent::Denied { kind, namespace, words } => self.deny(kind, namespace, words).await?,
            event => self.learn(event).await?,
        }
        self.settle().await
    }

    async fn hear(&mut self) -> Result<(), Error> {
        let now = Utc::now();
        if self.state == WatchState::Live && now - self.heard > CONTACT {
            self.heard = now;
            let mut write = self.control.store.write().await?;
            write.set_contact(self.target.id, now).await?;
            write.commit().await?;
        }
        Ok(())
    }

    async fn learn(&mut self, event: WatchEvent) -> Result<(), Error> {
        let listed = match &event {
            WatchEvent::Listed { kind, namespace, .. } => Some((kind.to_string(), namespace.clone())),
            WatchEvent::ListedPods { namespace, .. } => Some(("Pod".to_owned(), namespace.clone())),
            _ => None,
        };
        let kind = match &event {
            WatchEvent::Listed { kind, namespace, .. } => Some((kind.clone(), namespace.clone())),
            _ => None,
        };
        lock(&self.view).take(event, |namespace| self.instances.contains_key(namespace));
        if let Some((kind, namespace)) = kind {
            self.forget_unlisted(&kind, namespace.as_deref()).await?;
            self.denied.remove(&(kind, namespace));
        }
        if let Some(listed) = listed {
            self.awaited.remove(&listed);
        }
        Ok(())
    }

    /// Once everything that may be listed has been, all is live; what may not be is said.
    async fn settle(&mut self) -> Result<(), Error> {
        let limits: BTreeSet<&str> = self.denied.values().map(String::as_str).collect();
        let limits = limits.into_iter().collect::<Vec<_>>().join(" ");
        let limits = Some(limits).filter(|limits| !limits.is_empty());
        let known = self.state == WatchState::Live && self.told == limits;
        if known || self.state == WatchState::Stale || !self.awaited.is_empty() {
            return Ok(());
        }
        self.flush().await?;
        self.state = WatchState::Live;
        self.told.clone_from(&limits);
        mark(&self.control, &self.target, WatchState::Live, limits).await
    }

    /// What may not be listed any more is no longer known; the rest goes on.
    async fn deny(
        &mut self,
        kind: WorkloadKind,
        namespace: Option<String>,
        words: String,
    ) -> Result<(), Error> {
        self.flush().await?;
        let doubted: Vec<ServiceKey> = self.stored_in(&kind, namespace.as_deref()).cloned().collect();
        for key in &doubted {
            if let Some(stored) = self.stored.get_mut(key) {
                stored.observed = None;
            }
        }
        let mut write = self.control.store.write().await?;
        write.doubt_services(&doubted, &words).await?;
        write.commit().await?;
        self.awaited.remove(&(kind.to_string(), namespace.clone()));
        self.denied.insert((kind, namespace), words);
        Ok(())
    }

    fn is_denied(&self, key: &WorkloadKey) -> bool {
        let of = |namespace| self.denied.contains_key(&(key.kind.clone(), namespace));
        !self.denied.is_empty() && (of(None) || of(Some(key.namespace.clone())))
    }

    /// What is stored of a kind, in one namespace or in all.
    fn stored_in<'a>(
        &'a self,
        kind: &'a WorkloadKind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a ServiceKey> {
        let in_scope = move |key: &&ServiceKey| {
            let instance = self.instances.values().find(|instance| instance.id == key.app_instance_id);
            instance.is_none_or(|instance| namespace.is_none_or(|namespace| namespace == instance.namespace))
        };
        self.stored.keys().filter(move |key| key.kind == *kind).filter(in_scope)
    }

    /// Removes what is stored and was not in a fresh list: it went while nobody watched.
    async fn forget_unlisted(&mut self, kind: &WorkloadKind, namespace: Option<&str>) -> Result<(), Error> {
        let listed: BTreeSet<ServiceKey> = {
            let keys = lock(&self.view).keys_of(kind);
            keys.into_iter().filter_map(|key| self.service_key(&key)).collect()
        };
        let gone: Vec<ServiceKey> =
            self.stored_in(kind, namespace).filter(|key| !listed.contains(key)).cloned().collect();
        self.store(Vec::new(), gone).await
    }

    /// Stores what has changed since the last time.
    async fn flush(&mut self) -> Result<(), Error> {
        let dirty = lock(&self.view).take_dirty();
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for (key, workload, pods) in dirty {
            let Some(service) = self.service_key(&key).filter(|_| !self.is_denied(&key)) else { continue };
            match workload {
                Some(workload) => changed.extend(self.observe(service, &workload, &pods)),
                None if self.stored.contains_key(&service) => gone.push(service),
                None => {}
            }
        }
        self.store(changed, gone).await
    }

    async fn store(&mut self, changed: Vec<ObservedService>, gone: Vec<ServiceKey>) -> Result<(), Error> {
        self.control.observer.changed();
        if changed.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let mut write = self.control.store.write().await?;
        write.upsert_services(&changed).await?;
        write.delete_services(&gone).await?;
        write.commit().await?;
        let environments: BTreeSet<EnvironmentId> =
            self.instances.values().map(|of| of.environment_id).collect();
        for service in changed {
            let stored = Stored {
                containers: service.containers.clone(),
                changed_at: service.changed_at,
                observed: Some(service.clone()),
            };
            self.stored.insert(service.key, stored);
        }
        for key in gone {
            self.stored.remove(&key);
        }
        let _ = self.control.observed.send(environments.into_iter().collect());
        Ok(())
    }

    /// What to store of a workload; nothing where nothing that is shown has changed.
    fn observe(
        &self,
        key: ServiceKey,
        workload: &WorkloadFacts,
        pods: &[PodFacts],
    ) -> Option<ObservedService> {
        let instance = self.instances.get(&workload.key.namespace)?;
        let health = health::assess(workload, pods);
        let stored = self.stored.get(&key);
        let mut containers = health::with_digests(&workload.containers, pods);
        if let Some(stored) = stored {
            keep_digests(&mut containers, &stored.containers);
        }
        let changed_at = match stored {
            Some(stored) if images(&stored.containers) == images(&containers) => stored.changed_at,
            Some(_) => Utc::now(),
            None => running_since(&containers, pods).unwrap_or_else(Utc::now),
        };
        let observed = ObservedService {
            key,
            environment_id: instance.environment_id,
            cluster_id: self.target.id,
            namespace: workload.key.namespace.clone(),
            application: instance.application.clone(),
            status: health.status,
            reason: health.reason,
            replicas: workload.desired,
            available: workload.available,
            containers,
            manager: workload.manager.clone(),
            changed_at,
        };
        let unchanged = stored.and_then(|stored| stored.observed.as_ref()) == Some(&observed);
        (!unchanged).then_some(observed)
    }

    fn service_key(&self, key: &WorkloadKey) -> Option<ServiceKey> {
        let instance = self.instances.get(&key.namespace)?;
        Some(ServiceKey { app_instance_id: instance.id, kind: key.kind.clone(), name: key.name.clone() })
    }
}

/// Between two generations of pods there may be none that tells a digest: what is known of the same image stays.
fn keep_digests(containers: &mut [Container], stored: &[Container]) {
    for container in containers.iter_mut().filter(|container| container.running_digest.is_none()) {
        let known =
            stored.iter().find(|known| known.name == container.name && known.image == container.image);
        container.running_digest = known.and_then(|known| known.running_digest.clone());
    }
}

/// Since when these images run, as far as the pods that are made of them tell.
fn running_since(containers: &[Container], pods: &[PodFacts]) -> Option<DateTime<Utc>> {
    let made_of_them = |pod: &&PodFacts| {
        let mut kept = containers.iter().filter(|container| !container.init);
        kept.all(|container| pod.has(&container.name, &container.image))
    };
    let created = |pod: &PodFacts| DateTime::parse_from_rfc3339(&pod.created).ok();
    pods.iter().filter(made_of_them).filter_map(created).min().map(|at| at.to_utc())
}

fn images(containers: &[Container]) -> Vec<(&str, &str)> {
    containers.iter().map(|container| (container.name.as_str(), container.image.as_str())).collect()
}

/// Every list that must have come once before all is fresh.
fn awaited(scope: &Scope) -> BTreeSet<(String, Option<String>)> {
    let kinds = || WorkloadKind::ALL.iter().map(ToString::to_string).chain(["Pod".to_owned()]);
    match scope {
        Scope::Cluster => kinds().map(|kind| (kind, None)).collect(),
        Scope::Namespaces(namespaces) => namespaces
            .iter()
            .flat_map(|namespace| kinds().map(|kind| (kind, Some(namespace.clone()))))
            .collect(),
    }
}
