//! Keeps observed services current: one watcher per managed cluster that something is bound to.

mod known;
mod recorder;
mod view;
mod watcher;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    cluster::WatchState,
    id::ClusterId,
    site::SiteKind,
    workload::{PodFacts, WorkloadKey},
};
use platform::Snapshot;
use store::ClusterTarget;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{Control, Error, events::Observed};
use recorder::{Inbox, Recorder};
use view::View;

/// How often the bindings are read again without being told to, as another server may have changed them, and how often it
/// is stored which clusters were heard of.
const REFRESH: Duration = Duration::from_secs(30);

/// How many clusters are listed at once, so that a start with hundreds of them is no storm.
const AT_ONCE: usize = 16;

/// A cluster's turn to be listed.
type Turn = OwnedSemaphorePermit;

/// What the watches know, and the bells that others ring.
pub(crate) struct Observer {
    turns: Arc<Semaphore>,
    heard: Mutex<HashMap<ClusterId, DateTime<Utc>>>,
    views: Mutex<HashMap<ClusterId, Arc<Mutex<View>>>>,
    refresh: Notify,
    engine: Notify,
    changes: watch::Sender<u64>,
    recorder: Recorder,
    begun: Instant,
}

impl Observer {
    /// An observer, and what it has [`run`] store.
    pub(crate) fn new() -> (Self, Inbox) {
        let (recorder, inbox) = Recorder::new();
        let observer = Self {
            recorder,
            begun: Instant::now(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            heard: Mutex::default(),
            views: Mutex::default(),
            refresh: Notify::default(),
            engine: Notify::default(),
            changes: watch::Sender::default(),
        };
        (observer, inbox)
    }

    /// The end of the current span of such a length. It is the same for all clusters: what they have gathered by then
    /// is stored together.
    fn next(&self, span: Duration) -> Instant {
        let spans = self.begun.elapsed().div_duration_f64(span).floor() + 1.0;
        self.begun + span.mul_f64(spans)
    }

    /// Waits for a cluster's turn to be listed.
    async fn turn(&self) -> Turn {
        let turn = self.turns.clone().acquire_owned().await;
        turn.expect("the semaphore is never closed")
    }

    /// A cluster was heard of.
    fn hear(&self, cluster: ClusterId) {
        lock(&self.heard).insert(cluster, Utc::now());
    }

    /// When a cluster was heard of last by this process.
    fn heard_of(&self, cluster: ClusterId) -> Option<DateTime<Utc>> {
        lock(&self.heard).get(&cluster).copied()
    }

    /// Something was bound, released or edited: look again at what is to be watched.
    pub(crate) fn refresh(&self) {
        self.refresh.notify_one();
    }

    /// A deployment was started: look for it.
    pub(crate) fn wake_engine(&self) {
        self.engine.notify_one();
    }

    /// Waits until a deployment may have been started.
    pub(crate) async fn engine_woken(&self) {
        self.engine.notified().await;
    }

    /// Wakes whenever any cluster told something new.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A workload's pods as last seen.
    pub(crate) fn pods_of(&self, cluster: ClusterId, key: &WorkloadKey) -> Vec<PodFacts> {
        let view = lock(&self.views).get(&cluster).cloned();
        view.map(|view| lock(&view).pods_of(key)).unwrap_or_default()
    }

    /// A workload as its cluster's watches told it last; none while one of them is lost.
    pub(crate) fn seen(&self, cluster: ClusterId, key: &WorkloadKey) -> Option<Snapshot> {
        let view = lock(&self.views).get(&cluster).cloned();
        view.and_then(|view| lock(&view).seen(key))
    }

    fn view(&self, cluster: ClusterId) -> Arc<Mutex<View>> {
        let view = Arc::<Mutex<View>>::default();
        lock(&self.views).insert(cluster, view.clone());
        view
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

/// A view is changed by one message at a time, so it is whole even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts and stops watchers as bindings come and go, until the server stops.
pub(crate) async fn run(control: Arc<Control>, inbox: Inbox, stop: CancellationToken) {
    control.spawn(recorder::run(control.store.clone(), inbox));
    let mut running: HashMap<ClusterId, (ClusterTarget, CancellationToken)> = HashMap::new();
    let mut contacts_at = Instant::now() + REFRESH;
    loop {
        if let Err(error) = reconcile(&control, &stop, &mut running).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "bindings cannot be read; tried again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = control.observer.refresh.notified() => {}
            () = tokio::time::sleep_until(contacts_at) => {
                contacts_at = Instant::now() + REFRESH;
                if let Err(error) = store_contacts(&control).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "contacts cannot be stored");
                }
            }
        }
    }
}

/// All at once, and not at every event: so exact is the time of a lost contact after a crash.
async fn store_contacts(control: &Control) -> Result<(), Error> {
    let heard: Vec<_> = std::mem::take(&mut *lock(&control.observer.heard)).into_iter().collect();
    if heard.is_empty() {
        return Ok(());
    }
    let mut write = control.store.write().await?;
    write.set_contacts(&heard).await?;
    Ok(write.commit().await?)
}

async fn reconcile(
    control: &Arc<Control>,
    stop: &CancellationToken,
    running: &mut HashMap<ClusterId, (ClusterTarget, CancellationToken)>,
) -> Result<(), Error> {
    let ours = |target: &ClusterTarget| {
        // Another server's own machine is watched by that server.
        target.site_kind != SiteKind::Local || control.local.id() == Some(target.site_id)
    };
    let targets = control.store.cluster_targets().await?.into_iter().filter(ours);
    let wanted: HashMap<ClusterId, ClusterTarget> = targets.map(|target| (target.id, target)).collect();
    let ended: Vec<ClusterId> = running
        .iter()
        .filter(|(id, (target, _))| wanted.get(id) != Some(target))
        .map(|(id, _)| *id)
        .collect();
    for id in ended {
        if let Some((_, token)) = running.remove(&id) {
            token.cancel();
        }
        if !wanted.contains_key(&id) {
            lock(&control.observer.views).remove(&id);
            let mut write = control.store.write().await?;
            // What is shown of it is as of now, until it is watched again.
            write.set_watch(id, WatchState::Idle, Some(Utc::now()), None).await?;
            write.commit().await?;
            let _ = control.observed.send(Observed::default());
        }
    }
    for (id, target) in wanted {
        if running.contains_key(&id) {
            continue;
        }
        let token = stop.child_token();
        running.insert(id, (target.clone(), token.clone()));
        let (control, inner) = (control.clone(), control.clone());
        control.spawn(async move {
            tokio::select! {
                () = token.cancelled() => {}
                () = watcher::run(inner, target) => {}
            }
        });
    }
    Ok(())
}
