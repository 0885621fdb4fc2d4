//! Asks replicas whether they are ready.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::local_service::HealthCheck;
use reqwest::{Client, redirect::Policy};
use tokio::{sync::Notify, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::Error;

/// No replica is asked more often.
const AT_MOST_EVERY: Duration = Duration::from_millis(10);

/// Asks replicas of this machine; a way to another place is an answer like any other.
pub(crate) fn client() -> Result<Client, Error> {
    let client = Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0).build();
    client.map_err(|error| Error::System("replicas cannot be asked", std::io::Error::other(error)))
}

/// Asks one replica again and again, for as long as this lives.
pub(crate) struct Probe {
    ready: Arc<AtomicBool>,
    _asking: AbortOnDropHandle<()>,
}

impl Probe {
    /// Begins to ask at a port; rings when a replica becomes ready, or no longer is.
    pub(crate) fn begin(client: Client, check: HealthCheck, port: u16, bell: Arc<Notify>) -> Self {
        let ready = Arc::<AtomicBool>::default();
        let asking = tokio::spawn(ask(client, check, port, ready.clone(), bell));
        Self { ready, _asking: AbortOnDropHandle::new(asking) }
    }

    /// Whether the replica is ready, as far as its answers tell.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

async fn ask(client: Client, check: HealthCheck, port: u16, ready: Arc<AtomicBool>, bell: Arc<Notify>) {
    let url = format!("http://127.0.0.1:{port}/{}", check.path.trim_start_matches('/'));
    let mut bad_in_a_row = 0;
    loop {
        let answer = client.get(&url).timeout(Duration::from_millis(check.within_ms)).send().await;
        let good = answer.is_ok_and(|answer| match check.status {
            Some(status) => answer.status().as_u16() == status,
            None => answer.status().as_u16() < 400,
        });
        bad_in_a_row = if good { 0 } else { bad_in_a_row + 1 };
        let before = ready.load(Ordering::Acquire);
        let now = good || (before && bad_in_a_row < check.threshold);
        if now != before {
            ready.store(now, Ordering::Release);
            bell.notify_one();
        }
        sleep(Duration::from_millis(check.every_ms).max(AT_MOST_EVERY)).await;
    }
}
