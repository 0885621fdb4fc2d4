//! The objects of one cluster, their versions, and the history that watches read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::json::{parse, text, timestamp, uid};
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

/// An object as the text that goes out: a fraction of the room of a parsed one, and lists need not write it anew.
pub(crate) type Object = Arc<RawValue>;

/// One step in a cluster's history: `before` is none for an addition, `after` for a removal.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) before: Option<Object>,
    pub(crate) after: Option<Object>,
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
    items: BTreeMap<Key, Object>,
    history: VecDeque<Change>,
    capacity: usize,
    forgotten: u64,
    dirty: BTreeSet<Key>,
    /// Workloads that nobody looks after.
    hanging: BTreeSet<Key>,
    /// Pods that are to fail their readiness probe.
    unready: Vec<Key>,
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
            hanging: BTreeSet::new(),
            unready: Vec::new(),
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.items.contains_key(key)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Value> {
        self.items.get(key).map(|object| parse(object))
    }

    /// The objects of a kind, in one namespace or in all, in the order of their keys.
    pub(crate) fn list<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Object)> {
        // No object has an empty name, so all of them come after this key.
        self.list_after(Key::new(kind, namespace.unwrap_or_default(), ""), namespace)
    }

    /// Like [`Self::list`] for the kind of `last`, beginning right behind it.
    pub(crate) fn list_after<'a>(
        &'a self,
        last: Key,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Object)> {
        let kind = last.kind;
        self.items.range((Bound::Excluded(last), Bound::Unbounded)).take_while(move |(key, _)| {
            key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace)
        })
    }

    /// The objects of a kind that name `owner` as their owner, of whichever incarnation.
    ///
    /// Controllers name what they make after its owner, so a range over the prefix finds all of them.
    pub(crate) fn children(&self, kind: Kind, owner: &Key) -> Vec<(Key, Value)> {
        let prefix = format!("{}-", owner.name);
        self.items
            .range(Key::new(kind, &owner.namespace, &prefix)..)
            .take_while(|(key, _)| {
                key.kind == kind && key.namespace == owner.namespace && key.name.starts_with(&prefix)
            })
            .map(|(key, object)| (key.clone(), parse(object)))
            .filter(|(_, object)| {
                text(object, "/metadata/ownerReferences/0/name") == owner.name
                    && text(object, "/metadata/ownerReferences/0/kind") == owner.kind.name()
            })
            .collect()
    }

    /// Adds an object: gives it uid, creation time, generation and version.
    pub(crate) fn create(&mut self, key: Key, mut object: Value, now: DateTime<Utc>) -> Value {
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(uid(&format!("{key:?}/{}", self.version)));
        metadata["creationTimestamp"] = json!(timestamp(now));
        metadata["generation"] = json!(1);
        self.put(key, object)
    }

    /// Writes an object under the next version.
    pub(crate) fn put(&mut self, key: Key, mut object: Value) -> Value {
        object["metadata"]["resourceVersion"] = json!((self.version + 1).to_string());
        self.insert(key, to_raw_value(&object).unwrap_or_default().into());
        object
    }

    /// Takes an object in that carries the next version already.
    pub(crate) fn insert(&mut self, key: Key, object: Object) {
        self.version += 1;
        let before = self.items.insert(key.clone(), Arc::clone(&object));
        self.remember(Change { version: self.version, key, before, after: Some(object) });
    }

    /// Writes a new status, if it differs from the present one.
    pub(crate) fn put_status(&mut self, key: &Key, status: Value) {
        let Some(mut object) = self.get(key).filter(|object| object["status"] != status) else { return };
        object["status"] = status;
        self.put(key.clone(), object);
    }

    /// Takes an object away.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Object> {
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

    /// Lets nobody look after a workload, or again somebody.
    pub(crate) fn hang(&mut self, workload: Key, hangs: bool) {
        if hangs {
            self.hanging.insert(workload);
        } else {
            self.hanging.remove(&workload);
        }
    }

    pub(crate) fn hangs(&self, workload: &Key) -> bool {
        self.hanging.contains(workload)
    }

    /// Lets a workload's pod fail its readiness probe for a moment.
    pub(crate) fn make_unready(&mut self, workload: Key, pod: Key) {
        self.unready.push(pod);
        self.mark_dirty(workload);
    }

    /// The pods that are to fail their readiness probe since the last call.
    pub(crate) fn take_unready(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.unready)
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
