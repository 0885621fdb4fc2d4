//! Asks replicas whether they are ready.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::local_service::HealthCheck;
use reqwest::{Client, Response, redirect::Policy};
use tokio::{sync::Notify, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::{Error, mutex::lock};

/// No replica is asked more often.
const AT_MOST_EVERY: Duration = Duration::from_millis(10);

/// Asks replicas of this machine; a way to another place is an answer like any other.
pub(crate) fn client() -> Result<Client, Error> {
    let client = Client::builder().no_proxy().redirect(Policy::none()).pool_max_idle_per_host(0).build();
    client.map_err(|error| Error::System("replicas cannot be asked", std::io::Error::other(error)))
}

/// What a replica's answers tell of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Health {
    /// It was asked, and has answered or not.
    pub(crate) known: bool,
    /// It serves.
    pub(crate) ready: bool,
    /// What was wrong with its last answer, while it does not.
    pub(crate) fault: Option<String>,
}

/// Asks one replica again and again, for as long as this lives.
pub(crate) struct Probe {
    health: Arc<Mutex<Health>>,
    _asking: AbortOnDropHandle<()>,
}

impl Probe {
    /// Begins to ask at a port; rings when the answers tell something else than before.
    pub(crate) fn begin(client: Client, check: HealthCheck, port: u16, bell: Arc<Notify>) -> Self {
        let health = Arc::<Mutex<Health>>::default();
        let asking = tokio::spawn(ask(client, check, port, health.clone(), bell));
        Self { health, _asking: AbortOnDropHandle::new(asking) }
    }

    /// How the replica is, as far as its answers tell.
    pub(crate) fn health(&self) -> Health {
        lock(&self.health).clone()
    }
}

async fn ask(client: Client, check: HealthCheck, port: u16, health: Arc<Mutex<Health>>, bell: Arc<Notify>) {
    let url = format!("http://127.0.0.1:{port}/{}", check.path.trim_start_matches('/'));
    let mut bad_in_a_row = 0;
    loop {
        let answer = client.get(&url).timeout(Duration::from_millis(check.within_ms)).send().await;
        let fault = fault(&check, answer);
        bad_in_a_row = if fault.is_none() { 0 } else { bad_in_a_row + 1 };
        let before = lock(&health).clone();
        let ready = fault.is_none() || (before.ready && bad_in_a_row < check.threshold);
        let now = Health { known: true, ready, fault: fault.filter(|_| !ready) };
        if now != before {
            *lock(&health) = now;
            bell.notify_one();
        }
        sleep(Duration::from_millis(check.every_ms).max(AT_MOST_EVERY)).await;
    }
}

/// What is wrong with an answer.
fn fault(check: &HealthCheck, answer: reqwest::Result<Response>) -> Option<String> {
    let path = &check.path;
    match answer {
        Ok(answer) => {
            let status = answer.status();
            let good = check.status.map_or(status.as_u16() < 400, |wanted| status.as_u16() == wanted);
            (!good).then(|| format!("GET {path} answered {status}"))
        }
        Err(error) if error.is_timeout() => {
            Some(format!("GET {path} was not answered within {} ms", check.within_ms))
        }
        Err(error) if error.is_connect() => Some(format!("GET {path}: nothing listens at its port")),
        Err(_) => Some(format!("GET {path}: the answer is no HTTP")),
    }
}
