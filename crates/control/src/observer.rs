//! Keeps observed services current: one watcher per managed cluster that something is bound to, in one of the servers.

mod elsewhere;
mod glance;
mod known;
mod recorder;
mod view;
mod watcher;
mod watches;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    id::ClusterId,
    workload::{PodFacts, WorkloadKey},
};
use platform::Snapshot;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{Control, mutex::lock};
use glance::Glances;
use recorder::{Inbox, Recorder};
use view::View;
use watches::Watches;

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
    glances: Glances,
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
            glances: Glances::default(),
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

    /// A workload's pods as last seen by this server's watches.
    fn pods_of(&self, cluster: ClusterId, key: &WorkloadKey) -> Vec<PodFacts> {
        let view = lock(&self.views).get(&cluster).cloned();
        view.map(|view| lock(&view).pods_of(key)).unwrap_or_default()
    }

    /// A workload as its cluster's watches told it last; none while one of them is lost.
    pub(crate) fn seen(&self, cluster: ClusterId, key: &WorkloadKey) -> Option<Snapshot> {
        let view = lock(&self.views).get(&cluster).cloned();
        view.and_then(|view| lock(&view).seen(key))
    }

    /// Whether this server watches a cluster.
    fn watches(&self, cluster: ClusterId) -> bool {
        lock(&self.views).contains_key(&cluster)
    }

    /// A cluster is not watched by this server any more: what it knows of it is no longer so.
    fn lose(&self, cluster: ClusterId) {
        lock(&self.views).remove(&cluster);
        self.changed();
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

/// Starts and stops watchers as bindings and leases come and go, until the server stops.
pub(crate) async fn run(control: Arc<Control>, inbox: Inbox, stop: CancellationToken) {
    control.spawn(recorder::run(control.store.clone(), inbox));
    let alone = control.store.is_sqlite();
    if !alone {
        control.spawn(elsewhere::run(control.clone()));
    }
    let mut watches = Watches::default();
    let mut read_at = Instant::now();
    let mut contacts_at = read_at + REFRESH;
    loop {
        match watches.bring_about(&control, &stop, Instant::now() >= read_at).await {
            Ok(()) => read_at = contacts_at,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "nothing new is watched; tried again"
                );
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = control.observer.refresh.notified() => read_at = Instant::now(),
            () = tokio::time::sleep(control.renewal()), if !alone => {}
            () = tokio::time::sleep_until(contacts_at) => {
                read_at = Instant::now();
                contacts_at = read_at + REFRESH;
                if let Err(error) = watches.store_contacts(&control).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "contacts cannot be stored");
                }
            }
        }
    }
}
