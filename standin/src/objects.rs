//! The objects of one cluster, their versions, and the history that watches read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::json::{sha256, text, timestamp};
use crate::kinds::Kind;

/// What identifies an object within its cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// One step in a cluster's history: `before` is none for an addition, `after` for a removal.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) before: Option<Arc<Value>>,
    pub(crate) after: Option<Arc<Value>>,
}

/// The asked version is older than the history that is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooOld {
    pub(crate) oldest: u64,
}

/// All objects of a cluster under one version counter.
#[derive(Debug)]
pub(crate) struct Objects {
    version: u64,
    items: BTreeMap<Key, Arc<Value>>,
    history: VecDeque<Change>,
    capacity: usize,
    forgotten: u64,
    dirty: BTreeSet<Key>,
}

impl Objects {
    /// An empty cluster that keeps `capacity` changes for watches.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            version: 1,
            items: BTreeMap::new(),
            history: VecDeque::new(),
            capacity,
            forgotten: 1,
            dirty: BTreeSet::new(),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.items.get(key)
    }

    /// The objects of a kind, in one namespace or in all, in the order of their keys.
    pub(crate) fn list<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        // No object has an empty name, so all of them come after this key.
        self.list_after(Key::new(kind, namespace.unwrap_or_default(), ""), namespace)
    }

    /// Like [`Self::list`] for the kind of `last`, beginning right behind it.
    pub(crate) fn list_after<'a>(
        &'a self,
        last: Key,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let kind = last.kind;
        self.items.range((Bound::Excluded(last), Bound::Unbounded)).take_while(move |(key, _)| {
            key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace)
        })
    }

    /// The objects of a kind that name `owner` as their owner, of whichever incarnation.
    ///
    /// Controllers name what they make after its owner, so a range over the prefix finds all of them.
    pub(crate) fn children(&self, kind: Kind, owner: &Key) -> Vec<(Key, Arc<Value>)> {
        let prefix = format!("{}-", owner.name);
        self.items
            .range(Key::new(kind, &owner.namespace, &prefix)..)
            .take_while(|(key, _)| {
                key.kind == kind && key.namespace == owner.namespace && key.name.starts_with(&prefix)
            })
            .filter(|(_, object)| {
                text(object, "/metadata/ownerReferences/0/name") == owner.name
                    && text(object, "/metadata/ownerReferences/0/kind") == owner.kind.name()
            })
            .map(|(key, object)| (key.clone(), Arc::clone(object)))
            .collect()
    }

    /// Adds an object: gives it uid, creation time, generation and version.
    pub(crate) fn create(&mut self, key: Key, mut object: Value, now: DateTime<Utc>) -> Arc<Value> {
        let metadata = &mut object["metadata"];
        let uid = sha256(&format!("{key:?}/{}", self.version));
        metadata["uid"] = json!(format!(
            "{}-{}-4{}-a{}-{}",
            &uid[..8],
            &uid[8..12],
            &uid[13..16],
            &uid[17..20],
            &uid[20..32]
        ));
        metadata["creationTimestamp"] = json!(timestamp(now));
        metadata["generation"] = json!(1);
        self.put(key, object)
    }

    /// Writes an object under the next version.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(object);
        let before = self.items.insert(key.clone(), Arc::clone(&object));
        self.remember(Change { version: self.version, key, before, after: Some(Arc::clone(&object)) });
        object
    }

    /// Writes a new status, if it differs from the present one.
    pub(crate) fn put_status(&mut self, key: &Key, status: Value) {
        let Some(object) = self.items.get(key).filter(|object| object["status"] != status) else { return };
        let mut object = Value::clone(object);
        object["status"] = status;
        self.put(key.clone(), object);
    }

    /// Takes an object away.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let before = self.items.remove(key)?;
        self.version += 1;
        self.remember(Change {
            version: self.version,
            key: key.clone(),
            before: Some(Arc::clone(&before)),
            after: None,
        });
        Some(before)
    }

    /// The changes behind `version`.
    pub(crate) fn since(&self, version: u64) -> Result<impl Iterator<Item = &Change>, TooOld> {
        if version < self.forgotten {
            return Err(TooOld { oldest: self.forgotten });
        }
        let first = self.history.partition_point(|change| change.version <= version);
        Ok(self.history.range(first..))
    }

    /// Drops the history, as a compaction of the real store would.
    pub(crate) fn compact(&mut self) {
        self.history.clear();
        self.forgotten = self.version;
    }

    /// Leaves a workload for its controller to look at.
    pub(crate) fn mark_dirty(&mut self, key: Key) {
        self.dirty.insert(key);
    }

    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The workloads that were marked since the last call.
    pub(crate) fn take_dirty(&mut self) -> BTreeSet<Key> {
        std::mem::take(&mut self.dirty)
    }

    fn remember(&mut self, change: Change) {
        self.history.push_back(change);
        while self.history.len() > self.capacity {
            if let Some(old) = self.history.pop_front() {
                self.forgotten = old.version;
            }
        }
    }
}
