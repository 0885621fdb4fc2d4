//! One simulated cluster: its objects, who is told about changes, and what was patched.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::kinds::{ApiVersions, Kind};
use crate::objects::{Key, Objects};

/// A workload patch that took effect.
#[derive(Clone, Debug)]
pub struct PatchRecord {
    /// When it was accepted.
    pub time: DateTime<Utc>,
    /// The kind of the workload.
    pub kind: Kind,
    /// The namespace of the workload.
    pub namespace: String,
    /// The name of the workload.
    pub name: String,
    /// The patch itself.
    pub body: Value,
    /// The user whose token came with it.
    pub who: String,
    /// The generation of the workload since then.
    pub generation: i64,
}

/// A cluster in memory.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) versions: ApiVersions,
    objects: Mutex<Objects>,
    version: watch::Sender<u64>,
    records: Mutex<Vec<PatchRecord>>,
    wake: Notify,
}

impl Simulation {
    /// Takes over objects that were seeded.
    pub(crate) fn new(versions: ApiVersions, objects: Objects) -> Self {
        Self {
            versions,
            version: watch::Sender::new(objects.version()),
            objects: Mutex::new(objects),
            records: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// The objects, to read only.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Objects) -> T) -> T {
        read(&lock(&self.objects))
    }

    /// The objects, to change: watches and controllers are told afterwards.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Objects) -> T) -> T {
        let mut objects = lock(&self.objects);
        let result = write(&mut objects);
        let (version, dirty) = (objects.version(), objects.is_dirty());
        drop(objects);
        self.version.send_if_modified(|sent| std::mem::replace(sent, version) != version);
        if dirty {
            self.wake.notify_one();
        }
        result
    }

    /// Tells of each new version.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Returns when controllers have something to look at.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(crate) fn record(&self, record: PatchRecord) {
        lock(&self.records).push(record);
    }

    pub(crate) fn records(&self) -> Vec<PatchRecord> {
        lock(&self.records).clone()
    }

    /// The key of an object as `metadata` names it.
    pub(crate) fn key(kind: Kind, namespace: Option<&str>, name: &str) -> Key {
        Key::new(kind, if kind.namespaced() { namespace.unwrap_or_default() } else { "" }, name)
    }
}

/// A panic in one request must not take the others down.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
