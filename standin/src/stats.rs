//! What was asked of the simulated and real clusters, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// What a request to a cluster's API asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Call {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    /// A change that is only tried out.
    DryRun,
    /// Discovery, reviews and what is not served.
    Other,
}

/// Counts since the start, or since they were last forgotten.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    requests: Mutex<BTreeMap<Call, usize>>,
    lists: Arc<Gauge>,
    watches: Arc<Gauge>,
}

/// How many there are at the moment, and how many there were at most.
#[derive(Debug, Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A list or a watch that is under way until this is dropped.
pub(crate) struct UnderWay(Arc<Gauge>);

/// The counts as they are told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    requests: BTreeMap<Call, usize>,
    most_lists_at_once: usize,
    open_watches: usize,
}

impl Stats {
    /// Counts a request; what it gives back is to be kept until the answer has been sent.
    pub(crate) fn count(&self, call: Call) -> Option<UnderWay> {
        *self.requests().entry(call).or_default() += 1;
        match call {
            Call::List => Some(UnderWay::begin(&self.lists)),
            Call::Watch => Some(UnderWay::begin(&self.watches)),
            _ => None,
        }
    }

    /// The counts at this moment.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            requests: self.requests().clone(),
            most_lists_at_once: self.lists.most.load(Ordering::Relaxed),
            open_watches: self.watches.now.load(Ordering::Relaxed),
        }
    }

    /// Counts from zero on; what is under way still is.
    pub(crate) fn forget(&self) {
        self.requests().clear();
        self.lists.most.store(self.lists.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    fn requests(&self) -> std::sync::MutexGuard<'_, BTreeMap<Call, usize>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    fn begin(gauge: &Arc<Gauge>) -> Self {
        let now = gauge.now.fetch_add(1, Ordering::Relaxed) + 1;
        gauge.most.fetch_max(now, Ordering::Relaxed);
        Self(Arc::clone(gauge))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}
