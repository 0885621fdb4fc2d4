//! What is counted of a version: only ever upwards, but for what is under way.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use domain::front_door::{LATENCY_STEPS, Latency, VersionCounts, latency_step};
use http::StatusCode;

/// What is counted of one version.
#[derive(Debug)]
pub(crate) struct Counts {
    under_way: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    unreached: AtomicU64,
    latency: [AtomicU64; LATENCY_STEPS],
}

impl Default for Counts {
    fn default() -> Self {
        let zero = AtomicU64::default;
        let latency = std::array::from_fn(|_| zero());
        Self { under_way: zero(), requests: zero(), failures: zero(), unreached: zero(), latency }
    }
}

impl Counts {
    /// A replica has got a request.
    pub(crate) fn begun(&self) {
        self.under_way.fetch_add(1, Relaxed);
    }

    /// It has it no more.
    pub(crate) fn ended(&self) {
        self.under_way.fetch_sub(1, Relaxed);
    }

    /// An answer has begun, so long after the request had come.
    pub(crate) fn answered(&self, status: StatusCode, after: Duration) {
        self.requests.fetch_add(1, Relaxed);
        self.failures.fetch_add(status.is_server_error().into(), Relaxed);
        let us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        self.latency[latency_step(us)].fetch_add(1, Relaxed);
    }

    /// A replica gave no answer.
    pub(crate) fn unreached(&self) {
        self.unreached.fetch_add(1, Relaxed);
    }

    /// The request was lost with it.
    pub(crate) fn lost(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// All of it, of the version of this image.
    pub(crate) fn told(&self, image: &str) -> VersionCounts {
        VersionCounts {
            image: image.to_owned(),
            under_way: self.under_way.load(Relaxed),
            requests: self.requests.load(Relaxed),
            failures: self.failures.load(Relaxed),
            unreached: self.unreached.load(Relaxed),
            latency: Latency::of(self.latency.iter().map(|step| step.load(Relaxed))),
        }
    }
}
