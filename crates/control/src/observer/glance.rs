//! Pods in clusters that another server watches: listed when somebody asks for them.

use std::{sync::Arc, time::Duration};

use domain::{
    id::ClusterId,
    workload::{PodFacts, WorkloadKey},
};
use futures::StreamExt;
use moka::future::Cache;
use platform::{Scope, WatchEvent};

use super::view::View;
use crate::{Control, Error};

/// For so long what was listed is good enough for whoever asks next.
const GOOD_FOR: Duration = Duration::from_secs(2);
/// How long a cluster may take.
const LONGEST: Duration = Duration::from_secs(5);
/// Namespaces that are remembered at most.
const MOST: u64 = 1000;

/// What was listed a moment ago, by cluster and namespace.
pub(super) struct Glances(Cache<(ClusterId, String), Arc<View>>);

impl Default for Glances {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(GOOD_FOR).build())
    }
}

impl Control {
    /// A workload's pods: as the watches saw them last, or, where another server watches, as they are now. None where the
    /// cluster does not say.
    pub(crate) async fn pods_of(&self, cluster: ClusterId, key: &WorkloadKey) -> Vec<PodFacts> {
        if self.store.is_sqlite() || self.observer.watches(cluster) {
            return self.observer.pods_of(cluster, key);
        }
        let listed = async {
            let view = tokio::time::timeout(self.patience.of(LONGEST), self.list(cluster, &key.namespace));
            Arc::new(view.await.ok().and_then(Result::ok).unwrap_or_default())
        };
        let place = (cluster, key.namespace.clone());
        self.observer.glances.0.get_with(place, listed).await.pods_of(key)
    }

    async fn list(&self, cluster: ClusterId, namespace: &str) -> Result<View, Error> {
        let mut view = View::default();
        let found = self.store.find_clusters(None, &cluster.to_string()).await?;
        let Some(cluster) = found.into_iter().next() else { return Ok(view) };
        let platform = self.platform(cluster.site_id).await?;
        let mut events = platform.watch(&cluster.external_id, Scope::Namespaces(vec![namespace.to_owned()]));
        while let Some(event) = events.next().await {
            if matches!(event, WatchEvent::ListedPods { .. } | WatchEvent::Lost(_)) {
                view.take(event, |_| true);
                break;
            }
        }
        Ok(view)
    }
}
