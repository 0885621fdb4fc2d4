//! Follows one cluster and stores what changes, in batches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::Utc;
use domain::{cluster::WatchState, service::WorkloadKind, workload::WorkloadKey};
use futures::StreamExt;
use platform::{Scope, WatchEvent};
use rand::Rng;
use store::{ClusterTarget, ObservedService, ServiceKey, WatchLease};
use tokio::time::{Instant, sleep_until};

use super::{Turn, View, known::Known, recorder::Findings};
use crate::{Control, Error, events::Observed, mutex::lock};

/// Changes are gathered at most this long before they are stored, so that a rollout's flurry is one write.
const GATHER: Duration = Duration::from_millis(50);
/// How long a cluster may take to answer its lists before the next one begins all the same.
const LONGEST_TURN: Duration = Duration::from_secs(2);
/// How long to wait before a failed beginning is tried again.
const RETRY: Duration = Duration::from_secs(10);

struct Watcher {
    control: Arc<Control>,
    target: ClusterTarget,
    lease: WatchLease,
    known: Known,
    view: Arc<Mutex<View>>,
    /// Lists still to come before everything is fresh.
    awaited: BTreeSet<(String, Option<String>)>,
    /// Why some kinds, in one namespace or in all, may not be listed.
    denied: BTreeMap<(WorkloadKind, Option<String>), String>,
    state: WatchState,
    /// What was said of the limits when this was last marked as live.
    told: Option<String>,
}

/// Follows a cluster until it is cancelled, or another server has taken its watch over.
pub(super) async fn run(
    control: Arc<Control>,
    target: ClusterTarget,
    lease: WatchLease,
    view: Arc<Mutex<View>>,
) {
    loop {
        let turn = control.observer.turn().await;
        let begun = Watcher::begin(control.clone(), target.clone(), lease.clone(), view.clone());
        let error = match begun.await {
            Ok((watcher, scope)) => watcher.follow(scope, turn).await,
            Err(error) => error,
        };
        if error.is_lease_lost() {
            break;
        }
        lock(&view).set_live(false);
        tracing::warn!(cluster = %target.external_id, error = &error as &dyn std::error::Error, "watch");
        let words = error.problem().detail;
        match mark(&control, &target, &lease, WatchState::Stale, Some(words)).await {
            Err(error) if error.is_lease_lost() => break,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a cluster's state cannot be stored"
                );
            }
            Ok(()) => {}
        }
        // Not all at once, where many clusters went at the same moment.
        let share = rand::rng().random_range(0.5..=1.0);
        tokio::time::sleep(control.patience.of(RETRY).mul_f64(share)).await;
    }
    tracing::info!(cluster = %target.external_id, "another server watches it now");
    control.observer.refresh();
}

/// Records how fresh a cluster is; the time of the first loss stays.
async fn mark(
    control: &Control,
    target: &ClusterTarget,
    lease: &WatchLease,
    state: WatchState,
    message: Option<String>,
) -> Result<(), Error> {
    let found = control.store.find_clusters(Some(target.site_id), &target.id.to_string()).await?;
    let heard = control.observer.heard_of(target.id);
    let since = found.first().and_then(|cluster| cluster.stale_since.or(heard).or(cluster.last_contact_at));
    let stale_since = match state {
        WatchState::Stale | WatchState::Connecting => Some(since.unwrap_or_else(Utc::now)),
        _ => None,
    };
    let mut write = control.store.write().await?;
    write.hold_watches(&[lease]).await?;
    write.set_watch(target.id, state, stale_since, message).await?;
    write.commit().await?;
    let _ = control.observed.send(Observed::default());
    Ok(())
}

impl Watcher {
    async fn begin(
        control: Arc<Control>,
        target: ClusterTarget,
        lease: WatchLease,
        view: Arc<Mutex<View>>,
    ) -> Result<(Self, Scope), Error> {
        mark(&control, &target, &lease, WatchState::Connecting, None).await?;
        let known = Known::read(&control.store, target.id).await?;
        let platform = control.platform(target.site_id).await?;
        let scope = match platform.may_list_everything(&target.external_id).await? {
            true => Scope::Cluster,
            false => Scope::Namespaces(target.namespaces.clone()),
        };
        *lock(&view) = View::default();
        let awaited = awaited(&scope);
        let (denied, state) = (BTreeMap::new(), WatchState::Connecting);
        let watcher = Self { control, target, lease, known, view, awaited, denied, state, told: None };
        Ok((watcher, scope))
    }

    /// Follows for ever; `turn` is given up once all lists have come, or have taken long enough.
    async fn follow(mut self, scope: Scope, turn: Turn) -> Error {
        let platform = match self.control.platform(self.target.site_id).await {
            Ok(platform) => platform,
            Err(error) => return error,
        };
        let mut events = platform.watch(&self.target.external_id, scope);
        let mut flush_at: Option<Instant> = None;
        let give_up_turn = Instant::now() + LONGEST_TURN;
        let mut turn = Some(turn);
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
                () = sleep_until(give_up_turn), if turn.is_some() => {
                    turn = None;
                    Ok(())
                }
            };
            lock(&self.view).set_live(self.state == WatchState::Live);
            if self.state != WatchState::Connecting {
                turn = None;
            }
            if let Err(error) = outcome {
                return error;
            }
            if flush_at.is_none() && lock(&self.view).is_dirty() {
                flush_at = Some(self.control.observer.next(GATHER));
            }
        }
    }

    async fn take(&mut self, event: WatchEvent) -> Result<(), Error> {
        if !matches!(event, WatchEvent::Lost(_)) {
            self.control.observer.hear(self.target.id);
        }
        match event {
            WatchEvent::Lost(words) => {
                self.state = WatchState::Stale;
                return self.mark(WatchState::Stale, Some(words)).await;
            }
            WatchEvent::Alive if self.state == WatchState::Stale => self.state = WatchState::Connecting,
            WatchEvent::Denied { kind, namespace, words } => self.deny(kind, namespace, words).await?,
            event => self.learn(event).await?,
        }
        self.settle().await
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
        lock(&self.view).take(event, |namespace| self.known.binds(namespace));
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
        self.mark(WatchState::Live, limits).await
    }

    async fn mark(&self, state: WatchState, message: Option<String>) -> Result<(), Error> {
        mark(&self.control, &self.target, &self.lease, state, message).await
    }

    /// What may not be listed any more is no longer known; the rest goes on.
    async fn deny(
        &mut self,
        kind: WorkloadKind,
        namespace: Option<String>,
        words: String,
    ) -> Result<(), Error> {
        self.flush().await?;
        let doubted: Vec<ServiceKey> = self.known.stored_in(&kind, namespace.as_deref()).cloned().collect();
        self.known.doubt(&doubted);
        let mut write = self.control.store.write().await?;
        write.hold_watches(&[&self.lease]).await?;
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

    /// Removes what is stored and was not in a fresh list: it went while nobody watched.
    async fn forget_unlisted(&mut self, kind: &WorkloadKind, namespace: Option<&str>) -> Result<(), Error> {
        let listed: BTreeSet<ServiceKey> = {
            let keys = lock(&self.view).keys_of(kind);
            keys.into_iter().filter_map(|key| self.known.service_key(&key)).collect()
        };
        let gone: Vec<ServiceKey> =
            self.known.stored_in(kind, namespace).filter(|key| !listed.contains(key)).cloned().collect();
        self.store(Vec::new(), gone).await
    }

    /// Stores what has changed since the last time.
    async fn flush(&mut self) -> Result<(), Error> {
        let dirty = lock(&self.view).take_dirty();
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for (key, workload, pods) in dirty {
            let Some(service) = self.known.service_key(&key).filter(|_| !self.is_denied(&key)) else {
                continue;
            };
            match workload {
                Some(workload) => changed.extend(self.known.observe(service, &workload, &pods)),
                None if self.known.has(&service) => gone.push(service),
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
        let findings = Findings { lease: self.lease.clone(), changed, gone };
        let Findings { changed, gone, .. } = self.control.observer.recorder.store(findings).await?;
        let names = changed.iter().map(|service| &service.key).chain(&gone).map(|key| key.name.clone());
        let observed = Observed { environments: self.known.environments(), names: names.collect() };
        self.known.remember(changed, &gone);
        let _ = self.control.observed.send(observed);
        Ok(())
    }
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
