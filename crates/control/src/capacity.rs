//! Clusters' capacity: asked for in the background when somebody looks, so that nobody waits for a cluster.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::Utc;
use domain::{
    capacity::{Capacity, CapacityFound},
    cluster::Cluster,
    id::ClusterId,
};
use tokio::{sync::Semaphore, time::Instant};

use crate::{Context, Control, Error, events::Observed, mutex::lock};

/// Who looks again within this time is told the same.
const FRESH: Duration = Duration::from_secs(30);
/// How many clusters are asked at a time.
const AT_ONCE: usize = 8;

/// What is known of each cluster that somebody has looked at.
pub(crate) struct Capacities {
    known: Mutex<HashMap<ClusterId, Known>>,
    asking: Semaphore,
}

struct Known {
    asked: Instant,
    found: Option<CapacityFound>,
}

impl Default for Capacities {
    fn default() -> Self {
        Self { known: Mutex::default(), asking: Semaphore::new(AT_ONCE) }
    }
}

impl Capacities {
    /// What is known of a cluster, and whether it is to be asked now.
    fn look(&self, id: ClusterId) -> (Option<CapacityFound>, bool) {
        let mut known = lock(&self.known);
        let now = Instant::now();
        let is_due = known.get(&id).is_none_or(|known| now - known.asked > FRESH);
        let entry = known.entry(id).or_insert(Known { asked: now, found: None });
        if is_due {
            entry.asked = now;
        }
        (entry.found.clone(), is_due)
    }

    /// Keeps what a cluster has answered; whether there is anything else to show now than numbers that have moved.
    fn keep(&self, id: ClusterId, answer: Result<Capacity, Error>) -> bool {
        let mut known = lock(&self.known);
        let Some(entry) = known.get_mut(&id) else { return false };
        let before = entry.found.as_ref().map(|found| found.unknown.clone());
        // What was true a while ago says more than that a cluster does not answer, which is told beside it.
        let passing = matches!(&answer, Err(Error::Platform(error)) if error.is_transient());
        if passing && entry.found.as_ref().is_some_and(|found| found.found.is_some()) {
            return false;
        }
        let (found, unknown) = match answer {
            Ok(capacity) => (Some(capacity), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let is_news = before.as_ref() != Some(&unknown);
        entry.found = Some(CapacityFound { found, unknown, at: Utc::now() });
        is_news
    }
}

/// Says of clusters what is known of their capacity, and has those asked whose answer is old.
pub(crate) fn add(ctx: &Context, clusters: &mut [Cluster]) {
    for cluster in clusters {
        let (found, is_due) = ctx.control().capacities.look(cluster.id);
        cluster.capacity = found;
        if is_due {
            ctx.control().spawn(ask(ctx.control().clone(), cluster.clone()));
        }
    }
}

async fn ask(control: Arc<Control>, cluster: Cluster) {
    let Ok(_turn) = control.capacities.asking.acquire().await else { return };
    let answer = async {
        let platform = control.platform(cluster.site_id).await?;
        Ok(platform.capacity(&cluster.external_id).await?)
    };
    if control.capacities.keep(cluster.id, answer.await) {
        let _ = control.observed.send(Observed::default());
    }
}
